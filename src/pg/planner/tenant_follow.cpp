#include "pg/planner/tenant_follow.hpp"

#include "core/jose/token_peek.hpp"
#include "pg/base/uuid.hpp"
#include "pg/context/context.hpp"
#include "pg/planner/plan_classes.hpp"
#include "pg/session/token_setting.hpp"

extern "C" {
#include "utils/plancache.h"
}

namespace bastion::pg {
namespace {

// What a token, with the selected tenant, led to. Forgotten when another one takes its place.
struct KnownToken {
    uint64 hash;  // 0 for none
    PlannedTenant tenant;
    uint64 kept_at;  // classes_added() when the plans of other classes were last dropped for it
};

constexpr std::size_t ways = 4;
std::array<KnownToken, 1024 * ways> known;
// The tenant that plans were last kept for, and classes_added() then: nobody may have made others since.
PlannedTenant followed;
uint64 followed_at = 0;

uint64 hash_of(const PresentedValue* value, uint64 seed) noexcept {
    if (value == nullptr) return seed;
    return hash_bytes_extended(reinterpret_cast<const unsigned char*>(value->text), static_cast<int>(value->size),
                               seed);
}

uint64 hash_of_presented(const PresentedValue& token) noexcept {
    const uint64 hash = hash_of(presented_tenant(), hash_of(&token, 1));
    return hash != 0 ? hash : 1;
}

// Its place, a free one, or that of another token.
KnownToken& place_of(uint64 hash) noexcept {
    KnownToken* set = &known[hash % (known.size() / ways) * ways];
    for (std::size_t way = 0; way < ways; ++way)
        if (set[way].hash == hash || set[way].hash == 0) return set[way];
    return set[(hash >> 32) % ways];
}

void follow(const PlannedTenant& tenant, uint64 kept_at = 0) noexcept {
    if (tenant != followed) followed_at = kept_at;
    followed = tenant;
    if (followed_at == classes_added()) return;
    drop_plans_of_other_classes(tenant);
    followed_at = classes_added();
}

void follow(KnownToken& token) noexcept {
    follow(token.tenant, token.kept_at);
    token.kept_at = followed_at;
}

PlannedTenant with_id(const pg_uuid_t& id) noexcept {
    if (followed.id.present && same_uuid(followed.id.value, id)) return followed;
    return {{true, id}, false, 0};
}

// The selected tenant, if it is an id, else the one that the token names.
std::optional<PlannedTenant> guess(const PresentedValue& token) noexcept {
    if (const PresentedValue* selected = presented_tenant()) {
        pg_uuid_t id;
        if (!parse_uuid_text({selected->text, selected->size}, id)) return {};
        return with_id(id);
    }
    const std::optional<Uuid> named = peek_tenant({token.text, token.size});
    if (!named) return {};
    return with_id(server_uuid(*named));
}

void follow_token(const PresentedValue& token) noexcept {
    const uint64 hash = hash_of_presented(token);
    KnownToken& place = place_of(hash);
    if (place.hash == hash) {
        follow(place);
        return;
    }
    if (const std::optional<PlannedTenant> tenant = guess(token)) {
        follow(*tenant);
        return;
    }
    followed = {};
    drop_classed_plans();
}

void learn(const PlannedTenant& tenant) noexcept {
    bool stale = false;
    const PresentedValue* token = presented_token(&stale);
    if (token == nullptr || context_value() != nullptr) return;
    const uint64 hash = hash_of_presented(*token);
    KnownToken& place = place_of(hash);
    if (place.hash != hash || place.tenant != tenant) place = {hash, tenant, 0};
}

// Nobody reads no rows with any plan, and is whom a pooled connection has between two transactions: the plans stay.
void on_identity() noexcept {
    if (detail::decision_valid) {
        if (detail::decision.state != ContextState::authenticated || is_deciding() || IsParallelWorker()) return;
        const PlannedTenant tenant = PlannedTenant::of(detail::decision.identity);
        if (tenant != followed || has_classed_plans()) learn(tenant);
        follow(tenant);
        return;
    }
    if (!has_classed_plans()) return;
    if (const ContextValue* context = context_value()) {
        follow(PlannedTenant::of(context->identity));
        return;
    }
    bool stale = false;
    if (const PresentedValue* token = presented_token(&stale)) follow_token(*token);
}

void on_statistics(Datum, int, uint32 hash) {
    drop_tenant_shares(hash);
    drop_plans_by_statistics(hash);
}

}  // namespace

void follow_tenant() {
    identity_changed = on_identity;
    CacheRegisterSyscacheCallback(STATRELATTINH, on_statistics, Datum{0});
    if (!process_shared_preload_libraries_in_progress) ResetPlanCache();
}

}  // namespace bastion::pg
