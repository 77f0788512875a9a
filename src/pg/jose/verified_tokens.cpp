#include "pg/jose/verified_tokens.hpp"

#include "pg/base/settings.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

int cache_entries = 1024;

const SettingsTable table([] {
    define(IntSetting{"bastion.token_cache_entries",
                      "Verified tokens of each kind that a backend remembers; 0 for none.", &cache_entries, 1024, 0,
                      65536, PGC_SUSET});
});

// What a value begins with; the claims follow.
struct Head {
    Identity identity;
    char key[max_kid_size];
};

VerifiedCache tokens;
std::string verified_for_issuer;

}  // namespace

std::size_t token_cache_entries() noexcept { return static_cast<std::size_t>(cache_entries); }

// Whatever can change what a token is worth is part of the place, or drops all.
bool locate_token(VerifiedKey& place, std::string_view token, const char* own_issuer) {
    tokens.resize(token_cache_entries());
    if (verified_for_issuer != own_issuer) {
        tokens.clear();
        verified_for_issuer = own_issuer;
    }
    place.keys = keys_generation();
    return tokens.enabled() && tokens.digest(token, place);
}

bool find_verified(Slot& slot, const VerifiedKey& place, double now) {
    const VerifiedEntry* known = tokens.find(place);
    if (known == nullptr || *known->dates.exp <= now || *known->dates.nbf > now) return false;
    Head head;
    std::memcpy(&head, known->value.data(), sizeof head);
    std::memcpy(slot.key, head.key, sizeof slot.key);
    slot.claims = known->value.text().substr(sizeof head);
    slot.valid_from = *known->dates.nbf;
    slot.valid_until = *known->dates.exp;
    slot.verified = {nullptr, nullptr, head.identity, slot.claims.c_str(), slot.key, place.keys, false};
    return true;
}

void keep_verified(const Slot& slot, const VerifiedKey& place) {
    Head head{};
    head.identity = slot.verified.identity;
    std::memcpy(head.key, slot.key, sizeof head.key);
    std::string value(reinterpret_cast<const char*>(&head), sizeof head);
    value += slot.claims;
    tokens.keep(place, {slot.valid_until, slot.valid_from, std::nullopt}, as_bytes(value));
}

}  // namespace bastion::pg
