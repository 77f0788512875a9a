// API keys that another system made: any text, of which that system stored SHA-256, or HMAC-SHA-256 under a key of its own. Called by
// src/pg, which stores an HMAC of that hash under a pepper and finds the key by it. So a copy of the database gives nobody hashes to
// guess keys by. Nothing here keeps state.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/base/hmac.hpp"
#include "core/session/api_key.hpp"

namespace bastion {

inline constexpr std::size_t longest_imported_api_key = 1024;

// A token of JSON (RFC 7515 §3.1), whatever its header and signature say: three parts, the first base64url of an object. No such text is
// taken for an API key of another system.
[[nodiscard]] bool looks_like_jws(std::string_view text) noexcept;

struct ImportedApiKeyText {
    std::string_view lookup;  // not hashed; empty without a separator
    std::string_view hashed;
};

// The first separator ends the part that is not hashed; an empty one is in no text.
[[nodiscard]] ImportedApiKeyText split_imported_api_key(std::string_view text, std::string_view separator) noexcept;

using OtherHash = std::array<std::uint8_t, 32>;

// What the other system stored: SHA-256, or with its key HMAC-SHA-256.
[[nodiscard]] Result<OtherHash> other_hash(const HmacKey* key, std::string_view hashed);

// The value to find and compare: HMAC-SHA-256 under the pepper, of the number of the scheme, the part that is not hashed, and the hash.
[[nodiscard]] Result<ApiKeyMac> imported_api_key_mac(const HmacKey& pepper, std::uint32_t scheme,
                                                     std::string_view lookup, ByteSpan hash);

}  // namespace bastion
