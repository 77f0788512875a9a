// The checks of an RSA key before its use: sizes, exponents, and, when it is private, that its numbers belong
// together. Called by AsymmetricKey::from_rsa alone; keeps no state.
#pragma once

#include "core/base/result.hpp"
#include "core/jose/key_numbers.hpp"

namespace bastion {

// invalid_argument with a message that says what is wrong and holds none of the numbers.
[[nodiscard]] Result<void> check_rsa(const RsaNumbers& numbers);

}  // namespace bastion
