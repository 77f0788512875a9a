// scrypt (RFC 7914) by OpenSSL, in the text forms of passlib, Django, Werkzeug and Firebase Authentication.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/secret_bytes.hpp"
#include "core/identity/password_format.hpp"

namespace bastion {

extern const PasswordFormat scrypt_format;

struct ScryptHash {
    std::uint64_t n = 0;  // the cost, a power of two
    std::uint32_t r = 0;
    std::uint32_t p = 0;
    Bytes salt;
    Bytes hash;
    Bytes signer_key = {};  // Firebase's, which the derived key encrypts; empty elsewhere
};

// Empty unless the text is well-formed in one of the forms; does not check ceilings.
[[nodiscard]] std::optional<ScryptHash> parse_scrypt_hash(std::string_view text);

// The cost of which a text holds the logarithm; what 64 bits cannot hold is far above every ceiling.
[[nodiscard]] constexpr std::uint64_t scrypt_cost(std::uint64_t log_n) noexcept {
    return log_n < 63 ? std::uint64_t{1} << log_n : UINT64_MAX;
}

// Whether scrypt and its kin may work with these parameters: limit_exceeded above 1 GiB of memory or 2^23 blocks.
[[nodiscard]] Result<void> check_scrypt_ceilings(std::uint64_t n, std::uint64_t r, std::uint64_t p);

}  // namespace bastion
