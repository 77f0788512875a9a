// PBKDF2-HMAC-SHA-256 (RFC 8018) by OpenSSL, in passlib's text form and in one for raw pairs.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/secret_bytes.hpp"
#include "core/identity/password_algorithm.hpp"

namespace bastion {

extern const PasswordAlgorithm pbkdf2_sha256;

struct Pbkdf2Hash {
    std::uint32_t iterations = 0;
    Bytes salt;
    Bytes hash;  // 32 bytes
};

// Empty unless the text is well-formed in one of the two forms; does not check ceilings.
[[nodiscard]] std::optional<Pbkdf2Hash> parse_pbkdf2_hash(std::string_view text);

}  // namespace bastion
