// bcrypt by libxcrypt.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/identity/password_algorithm.hpp"

namespace bastion {

extern const PasswordAlgorithm bcrypt;

// The cost, when the text has exactly the shape of a $2a$, $2b$ or $2y$ hash. crypt_rn itself would take almost any
// text for a traditional DES setting, so only text that passed this check reaches it.
[[nodiscard]] std::optional<std::uint32_t> parse_bcrypt_hash(std::string_view text);

}  // namespace bastion
