// HMAC (RFC 2104) with SHA-256, SHA-384 or SHA-512 over OpenSSL. An HmacKey keeps the keyed states, so that a message
// costs no key schedule and no algorithm look-up. Called by the JWS algorithms, the vault and the API keys. It lives as long as the key it belongs
// to, is used by one thread at a time, and is wiped by OpenSSL when it dies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "core/result.hpp"
#include "core/secret_bytes.hpp"

struct evp_md_ctx_st;

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
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    using Context = std::unique_ptr<evp_md_ctx_st, Free>;
    HmacKey(HashId hash, Context inner, Context outer, Context work) noexcept
        : hash_(hash), inner_(std::move(inner)), outer_(std::move(outer)), work_(std::move(work)) {}

    // RFC 2104 section 4: the states after K xor ipad and K xor opad, which every message starts from.
    HashId hash_;
    Context inner_;
    Context outer_;
    Context work_;
};

}  // namespace bastion
