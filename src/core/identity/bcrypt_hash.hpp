// bcrypt by libxcrypt. Called by password.cpp alone; keeps no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace bastion {

// The cost, when the text has exactly the shape of a $2a$, $2b$ or $2y$ hash. crypt_rn itself would take almost any
// text for a traditional DES setting, so only text that passed this check reaches it.
[[nodiscard]] std::optional<std::uint32_t> parse_bcrypt_hash(std::string_view text);

// A new $2b$ hash; the caller has checked the cost and that the password has 1 to 72 bytes without NUL.
Result<std::string> bcrypt_hash(std::string_view password, std::uint32_t cost);
Result<bool> bcrypt_verify(std::string_view password, std::string_view text);

// A well-formed hash that belongs to no known password.
[[nodiscard]] std::string bcrypt_dummy(std::uint32_t cost);

}  // namespace bastion
