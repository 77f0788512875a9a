// A cache of verified tokens, by a digest of the token and by the keys and options that verified it. jwt_fn.cpp has one
// for each of its functions, verified_tokens.cpp one for the tokens of users. Evicted values are wiped. A hit proves the
// signature; the caller must check the dates again, each time.
#pragma once

#include "core/jose/jwt.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/key/key_message.hpp"

namespace bastion::pg {

// Longer values are verified again each time, which bounds the memory of the cache.
inline constexpr std::size_t verified_value_max_bytes = 4096;

// The number of verified tokens of each kind that a backend caches (bastion.token_cache_entries).
std::size_t token_cache_entries() noexcept;

// The place of a token. A POD, because it stays alive while tables are read.
struct VerifiedPlace {
    CacheKey<32> key;
    bool keeps;     // false if nothing is cached
    uint64 before;  // messages that had arrived
};

struct VerifiedValue {
    TokenDates dates;
    SecretBytes bytes;
};

// All in phase B.
class VerifiedCache {
public:
    explicit VerifiedCache(const char* name) : cache_(name, keys_invalidation(), {0, 0}) {}

    // `keys` and `options` identify the keys and options of the verification: numbers that are never used again.
    [[nodiscard]] VerifiedPlace locate(std::string_view token, uint64 keys, uint64 options);

    // Valid until the next call; null for a place that caches nothing.
    [[nodiscard]] const VerifiedValue* find(const VerifiedPlace& place) noexcept;

    void keep(const VerifiedPlace& place, const TokenDates& dates, ByteSpan bytes);
    void drop_all() noexcept { cache_.drop_all(); }

private:
    BackendCache<VerifiedValue, 32> cache_;
};

}  // namespace bastion::pg
