// What an RSA key must satisfy before it is used: sizes, exponents, and, when it is private, that its numbers belong
// together. Called by AsymmetricKey::from_rsa alone; keeps nothing.
#pragma once

#include "core/key_numbers.hpp"
#include "core/result.hpp"

namespace bastion {

// invalid_argument with a message that says what is wrong and holds none of the numbers.
[[nodiscard]] Result<void> check_rsa(const RsaNumbers& numbers);

}  // namespace bastion
