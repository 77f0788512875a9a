// Refresh tokens (RFC 6749 section 1.5): `bsr_` and base64url over 32 random bytes. Called by src/pg, which stores the
// SHA-256 of a token and never the token; 256 random bits need no slow hash. The successor of a token is derived from it
// under a pepper, so that a client which repeats a request whose answer was lost is given the same successor although
// nobody kept that. Nothing here keeps state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/hmac.hpp"
#include "core/result.hpp"
#include "core/secret_bytes.hpp"

namespace bastion {

inline constexpr std::string_view refresh_token_prefix = "bsr_";
inline constexpr std::size_t refresh_token_random_bytes = 32;

using Sha256 = std::array<std::uint8_t, 32>;

[[nodiscard]] SecretBytes refresh_token_generate();

// Whether the text has the form of a refresh token; only canonical base64url has.
[[nodiscard]] bool is_refresh_token(std::string_view text);

// What is stored in its place.
[[nodiscard]] Sha256 refresh_token_hash(std::string_view token) noexcept;

// HMAC-SHA-256(pepper, "pg_bastion/refresh/1" || 0 || token), in the form of a token; malformed_text for another text.
[[nodiscard]] Result<SecretBytes> refresh_token_successor(const HmacKey& pepper, std::string_view token);

}  // namespace bastion
