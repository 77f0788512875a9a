// HMAC (RFC 2104) with SHA-256, SHA-384 or SHA-512 over OpenSSL. An HmacKey keeps the keyed state, so that a message
// costs no key schedule and no algorithm look-up. Called by the JWS algorithms. It lives as long as the key it belongs
// to, is used by one thread at a time, and is wiped by OpenSSL when it dies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/result.hpp"
#include "core/secret_bytes.hpp"

struct evp_mac_ctx_st;

namespace bastion {

enum class HashId : std::uint8_t { none, sha256, sha384, sha512 };

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
    struct Free {
        void operator()(evp_mac_ctx_st* context) const noexcept;
    };
    using Context = std::unique_ptr<evp_mac_ctx_st, Free>;
    HmacKey(HashId hash, Context context) noexcept : hash_(hash), context_(std::move(context)) {}

    HashId hash_;
    Context context_;
};

}  // namespace bastion
