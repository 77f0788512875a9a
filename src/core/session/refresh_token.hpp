// Refresh tokens (RFC 6749 section 1.5): opaque tokens with the prefix `bsr_`. Called by src/pg. The successor of a token is
// derived from it under a pepper, so that a client which repeats a request after a lost answer gets the same successor,
// although no table stores it. Nothing here keeps state.
#pragma once

#include <string_view>

#include "core/base/hmac.hpp"
#include "core/base/opaque_token.hpp"
#include "core/base/result.hpp"

namespace bastion {

inline constexpr std::string_view refresh_token_prefix = "bsr_";

[[nodiscard]] SecretBytes refresh_token_generate();

// Whether the text has the form of a refresh token; only canonical base64url has.
[[nodiscard]] bool is_refresh_token(std::string_view text);

// HMAC-SHA-256(pepper, "pg_bastion/refresh/1" || 0 || token), in the form of a token; malformed_text for another text.
[[nodiscard]] Result<SecretBytes> refresh_token_successor(const HmacKey& pepper, std::string_view token);

}  // namespace bastion
