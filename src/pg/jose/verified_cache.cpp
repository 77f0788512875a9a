#include "pg/jose/verified_cache.hpp"

#include "core/jose/token_digest.hpp"
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

int cache_entries = 1024;

const SettingsTable table([] {
    define(IntSetting{"bastion.token_cache_entries", "Verified tokens of each kind that a backend caches; 0 for none.",
                      &cache_entries, 1024, 0, 65536, PGC_SUSET});
});

// The bound on all values, by their number: an ordinary one takes half of it.
constexpr std::size_t bytes_per_entry = 2048;

TokenDigest token_digest;

}  // namespace

std::size_t token_cache_entries() noexcept { return static_cast<std::size_t>(cache_entries); }

VerifiedPlace VerifiedCache::locate(std::string_view token, uint64 keys, uint64 options) {
    VerifiedPlace place{{}, false, invalidation_count()};
    cache_.limit({token_cache_entries(), token_cache_entries() * bytes_per_entry});
    std::array<std::uint8_t, 16> digest;
    if (token_cache_entries() == 0 || !token_digest.compute(token, digest)) return place;
    place.key.add(as_text(digest)).add(keys).add(options);
    place.keeps = true;
    return place;
}

const VerifiedValue* VerifiedCache::find(const VerifiedPlace& place) noexcept {
    if (!place.keeps) return nullptr;
    const VerifiedValue* found = cache_.find(place.key);
    if (found == nullptr) cache_.count_miss();
    return found;
}

void VerifiedCache::keep(const VerifiedPlace& place, const TokenDates& dates, ByteSpan bytes) {
    if (!place.keeps || bytes.size() > verified_value_max_bytes) return;
    Loaded<VerifiedValue> made{{dates, SecretBytes(bytes, SecretPlace::heap)}};
    made.heap = bytes.size();
    cache_.keep(place.key, std::move(made), place.before);
}

}  // namespace bastion::pg
