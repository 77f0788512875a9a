// PBKDF2-HMAC-SHA-256 (RFC 8018) by OpenSSL, in passlib's text form and in one for raw pairs. Called by password.cpp
// alone; keeps no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

struct Pbkdf2Hash {
    std::uint32_t iterations = 0;
    Bytes salt;
    Bytes hash;  // 32 bytes
};

// Empty unless the text is well-formed in one of the two forms; does not check ceilings.
[[nodiscard]] std::optional<Pbkdf2Hash> parse_pbkdf2_hash(std::string_view text);

// A new hash in passlib's form with a salt of 16 bytes; the caller has checked the iterations.
Result<std::string> pbkdf2_hash(std::string_view password, std::uint32_t iterations);
Result<bool> pbkdf2_verify(std::string_view password, const Pbkdf2Hash& parsed);

// A well-formed hash that belongs to no known password.
[[nodiscard]] std::string pbkdf2_dummy(std::uint32_t iterations);

}  // namespace bastion
