// API keys: `bst_live_<key id>_<secret><checksum>`. The key id is a uuid in 22 digits of base62, the secret 32 random digits
// (190.5 bits), the checksum CRC-32 (ISO 3309) of everything before it in 6 digits: it distinguishes a mistyped or
// truncated key from a wrong one without a query, and lets scanners for leaked secrets be certain. Called by src/pg, which
// stores an HMAC of the secret under a pepper: for 190 random bits a slow hash would add no protection. Nothing here keeps
// state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/encoding.hpp"
#include "core/base/hmac.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::string_view api_key_prefix = "bst_live_";
inline constexpr std::size_t api_key_id_digits = 22;
inline constexpr std::size_t api_key_secret_digits = 32;
inline constexpr std::size_t api_key_checksum_digits = 6;
inline constexpr std::size_t api_key_size =
    api_key_prefix.size() + api_key_id_digits + 1 + api_key_secret_digits + api_key_checksum_digits;

// The prefix of API keys; only the parser decides whether a text is one.
[[nodiscard]] inline bool looks_like_api_key(std::string_view text) noexcept {
    return text.substr(0, api_key_prefix.size()) == api_key_prefix;
}

struct ApiKeyText {
    Uuid id;
    std::string_view secret;  // into the text
};

// Takes the one canonical text of a key: length, alphabet, an id of 128 bits, the checksum.
[[nodiscard]] std::optional<ApiKeyText> parse_api_key(std::string_view text) noexcept;

// A key with a new random secret.
[[nodiscard]] SecretBytes api_key_generate(const Uuid& id);

using ApiKeyMac = std::array<std::uint8_t, 32>;

// HMAC-SHA-256(pepper, "pg_bastion/api_key/1" || 0 || id || secret): the stored value, compared in constant time.
[[nodiscard]] Result<ApiKeyMac> api_key_mac(const HmacKey& pepper, const ApiKeyText& key);

// CRC-32 of ISO 3309 and zlib.
[[nodiscard]] std::uint32_t crc32(std::string_view text) noexcept;

}  // namespace bastion
