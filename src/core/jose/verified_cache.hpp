// What was verified lately, by the SHA-256 of the token and by what it was verified with. Kept by the shims of jwt_verify
// and jws_verify and by authenticate() for the life of a backend: a fixed number of places, each wiped when another entry
// takes it. A hit says that the signature holds; dates are for the caller to check again, each time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/base/secret_bytes.hpp"
#include "core/jose/jwt.hpp"

struct evp_md_ctx_st;

namespace bastion {

// Longer values are verified again each time, which bounds the memory of the cache.
inline constexpr std::size_t verified_value_max_bytes = 4096;

struct VerifiedKey {
    std::array<std::uint8_t, 32> digest{};  // of the token
    std::uint64_t keys = 0;                 // which keys, and which options: a number that is never used again
    std::uint64_t options = 0;

    friend bool operator==(const VerifiedKey&, const VerifiedKey&) = default;
};

struct VerifiedEntry {
    VerifiedKey key;
    TokenDates dates;
    SecretBytes value;
    std::uint64_t used = 0;  // 0: the place is free
};

class VerifiedCache {
public:
    VerifiedCache() noexcept;
    VerifiedCache(VerifiedCache&&) noexcept;
    VerifiedCache& operator=(VerifiedCache&&) noexcept;
    ~VerifiedCache();

    // At most so many entries, rounded down to a multiple of 4; 0 keeps none. A change forgets everything.
    void resize(std::size_t entries);
    [[nodiscard]] bool enabled() const noexcept { return !entries_.empty(); }

    // Where the token would stand; empty digest when libcrypto fails, which no entry has.
    [[nodiscard]] bool digest(std::string_view token, VerifiedKey& key);

    // Valid until the next call of keep(), resize() or clear().
    [[nodiscard]] const VerifiedEntry* find(const VerifiedKey& key) noexcept;
    void keep(const VerifiedKey& key, const TokenDates& dates, ByteSpan value);
    void clear() noexcept;

private:
    struct FreeDigest {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    [[nodiscard]] VerifiedEntry* bucket(const VerifiedKey& key) noexcept;

    std::unique_ptr<evp_md_ctx_st, FreeDigest> context_;
    std::vector<VerifiedEntry> entries_;
    std::size_t capacity_ = 0;
    std::uint64_t clock_ = 0;
};

}  // namespace bastion
