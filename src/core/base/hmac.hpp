// HMAC (RFC 2104) with SHA-1 or SHA-2 over OpenSSL. An HmacKey keeps the keyed states, so that a message
// costs no key schedule and no algorithm look-up. Called by the JWS algorithms, the vault, the API keys and one-time passwords. It lives
// as long as the key it belongs to, in memory for keys.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

// SHA-1 is for one-time passwords alone (RFC 4226), and has no fetched digest.
enum class HashId : std::uint8_t { none, sha256, sha384, sha512, sha1 };

[[nodiscard]] std::size_t hash_size(HashId hash) noexcept;

struct Mac {
    std::array<std::uint8_t, 64> bytes{};
    std::size_t size = 0;

    [[nodiscard]] ByteSpan span() const noexcept { return {bytes.data(), size}; }
};

class HmacKey {
public:
    [[nodiscard]] static Result<HmacKey> create(HashId hash, ByteSpan key);
    [[nodiscard]] Result<Mac> compute(std::string_view message) const;
    [[nodiscard]] HashId hash() const noexcept { return hash_; }

private:
    explicit HmacKey(HashId hash) noexcept : hash_(hash) {}

    HashId hash_;
    // RFC 2104 §4: the states after K xor ipad and K xor opad, which every message starts from.
    SecretBytes inner_;
    SecretBytes outer_;
};

}  // namespace bastion
