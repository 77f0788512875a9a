// The hashes of crypt(5) by libxcrypt: SHA-256 and SHA-512 crypt, scrypt, yescrypt and gost-yescrypt. bcrypt has a file of
// its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/identity/password_format.hpp"

namespace bastion {

extern const PasswordFormat crypt_format;

struct CryptHash {
    std::string_view scheme;
    std::uint64_t rounds = 0;  // of SHA crypt; 0 for the others
    std::uint64_t n = 0;       // of scrypt and yescrypt, as r and p
    std::uint64_t r = 0;
    std::uint64_t p = 1;
    bool is_plain = true;  // yescrypt without time, upgrades and ROM
};

// Empty unless the text has exactly the shape of one of the forms; does not check ceilings.
[[nodiscard]] std::optional<CryptHash> parse_crypt_hash(std::string_view text);

}  // namespace bastion
