// Opaque tokens: a prefix that tells their kind, and base64url over 32 random bytes. Refresh tokens and invitations are of
// this form. Their SHA-256 is stored and never the token; 256 random bits need no slow hash. Nothing here keeps state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t opaque_token_random_bytes = 32;

using Sha256 = std::array<std::uint8_t, 32>;

[[nodiscard]] SecretBytes opaque_token_generate(std::string_view prefix);

// The token over these bytes, opaque_token_random_bytes of them.
[[nodiscard]] SecretBytes opaque_token_of(std::string_view prefix, ByteSpan random);

// Whether the text is a token of that kind; only canonical base64url is.
[[nodiscard]] bool is_opaque_token(std::string_view prefix, std::string_view text);

// The hash that is stored in its place.
[[nodiscard]] Sha256 opaque_token_hash(std::string_view token) noexcept;

}  // namespace bastion
