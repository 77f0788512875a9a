// bcrypt by libxcrypt, alone or over a digest of the password, as Django and passlib make it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/identity/password_algorithm.hpp"

namespace bastion {

extern const PasswordAlgorithm bcrypt;

// What bcrypt gets in place of the password, so that all of it counts.
enum class BcryptPrehash {
    none,
    sha256_hex,     // Django: hexadecimal digits of SHA-256
    sha256_base64,  // passlib, version 1: base64 of SHA-256
    hmac_base64,    // passlib, version 2: base64 of HMAC-SHA-256 under the text of the salt
};

struct BcryptHash {
    std::string text;  // $2a$, $2b$, $2x$ or $2y$, cost, salt and hash: 60 characters
    std::uint32_t cost = 0;
    BcryptPrehash prehash = BcryptPrehash::none;
};

// Empty unless the text has exactly the shape of one of the forms. crypt_rn itself would take almost any text for a
// traditional DES setting, so only text that passed this check reaches it.
[[nodiscard]] std::optional<BcryptHash> parse_bcrypt_hash(std::string_view text);

}  // namespace bastion
