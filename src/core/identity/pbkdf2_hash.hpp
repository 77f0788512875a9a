// PBKDF2 (RFC 8018) by OpenSSL, in the text forms of passlib, Django, Werkzeug and ASP.NET Core Identity, and in one for
// raw pairs of salt and hash.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/secret_bytes.hpp"
#include "core/identity/password_algorithm.hpp"

namespace bastion {

extern const PasswordAlgorithm pbkdf2_sha256;

enum class Pbkdf2Digest { sha1, sha256, sha512 };

struct Pbkdf2Hash {
    Pbkdf2Digest digest = Pbkdf2Digest::sha256;
    std::uint32_t iterations = 0;
    Bytes salt;
    Bytes hash;  // 16 to 64 bytes
};

// Empty unless the text is well-formed in one of the forms; does not check ceilings.
[[nodiscard]] std::optional<Pbkdf2Hash> parse_pbkdf2_hash(std::string_view text);

}  // namespace bastion
