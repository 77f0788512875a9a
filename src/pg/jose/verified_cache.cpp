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

TokenDigest token_digest;

}  // namespace

std::size_t token_cache_entries() noexcept { return static_cast<std::size_t>(cache_entries); }

VerifiedPlace VerifiedCache::locate(std::string_view token, uint64 keys, uint64 options) {
    VerifiedPlace place{{}, false, invalidation_count()};
    cache_.limit({token_cache_entries()});
    std::array<std::uint8_t, 32> digest;
    if (token_cache_entries() == 0 || !token_digest.compute(token, digest)) return place;
    place.key.add(as_text(digest)).add(keys).add(options);
    place.keeps = true;
    return place;
}

const VerifiedValue* VerifiedCache::find(const VerifiedPlace& place) noexcept {
    return place.keeps ? cache_.find(place.key) : nullptr;
}

void VerifiedCache::keep(const VerifiedPlace& place, const TokenDates& dates, ByteSpan bytes) {
    if (!place.keeps || bytes.size() > verified_value_max_bytes) return;
    cache_.keep(place.key, {{dates, SecretBytes(bytes, SecretPlace::heap)}}, place.before);
}

}  // namespace bastion::pg
