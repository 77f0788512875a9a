#include "pg/right/rights.hpp"

#include "core/right/permission_pattern.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/right/right_queries.hpp"

namespace bastion::pg {
namespace {

// Longer than any slug or id: no tenant can have that name.
constexpr std::size_t max_selector = 128;

constexpr std::size_t rights_key_size = UUID_LEN + 2 * max_selector + 3;

// The dependencies of rights, as bastion_internal.rights_dependencies() returns them, and all of them.
const MessageScope scopes[] = {
    {"user", 1, "all"},     {"role", 1, "all"},    {"tenant", 1, "all"},     {"place", 1, "all"},    {"list", 1, "all"},
    {"managers", 1, "all"}, {"subject", 1, "all"}, {"subject_in", 2, "all"}, {"platform", 0, "all"}, {"all", 0, "all"}};

// Backends of a pool serve many users.
BackendCache<Rights, rights_key_size> cache("rights", invalidation_of("all"), {256, 16 * mebibyte});

// The bounds on the sets of all users, and on those that were expanded for one user.
constexpr std::size_t most_set_bytes = 64 * mebibyte;
constexpr std::size_t most_expanded_bytes = 16 * mebibyte;

std::shared_ptr<const Rights> held;    // of the last request
std::shared_ptr<const Rights> pinned;  // of the current decision

// The statuses of bastion_internal.resolve_identity() as static strings, or null for 'ok'.
const char* refusal_word(std::string_view status) noexcept {
    if (status == "ok") return nullptr;
    if (status == "user") return "user_unknown_or_disabled";
    if (status == "tenant") return "tenant_unknown_or_suspended";
    if (status == "membership") return "not_a_member";
    return "unit_not_in_tenant";
}

CacheKey<rights_key_size> key_of(const RightsRequest& request) noexcept {
    CacheKey<rights_key_size> key(request.user);
    if (request.tenant != nullptr) key.add("t").add(request.tenant);
    key.add(std::string_view("", 1));
    if (request.unit != nullptr) key.add("u").add(request.unit);
    return key;
}

// The rows that were read, as PODs in the current memory context.
struct RightsRow {
    ResolvedIdentity resolved;
    PermissionNames names;
    StepUpRows rules;
    TimestampTz valid_until;
    Dependencies dependencies;
};

std::optional<RightsRow> read_rights(const RightsRequest& request) {
    RightsRow out{};
    out.valid_until = DT_NOEND;
    out.resolved = resolve_identity(request.user, request.tenant, request.unit);
    if (refusal_word(out.resolved.status) != nullptr || !out.resolved.tenant.present) return out;
    out.names = effective_permissions(request.user, out.resolved.tenant.value, out.resolved.unit);
    out.rules = step_up_rules(request.user, out.resolved.tenant.value);
    out.valid_until = rights_valid_until(request.user, out.resolved.tenant.value);
    out.dependencies = rights_dependencies(request.user, out.resolved.tenant.value);
    return out;
}

void sort_by_name(std::vector<Permission>& permissions) {
    std::sort(permissions.begin(), permissions.end(),
              [](const Permission& left, const Permission& right) { return left.name < right.name; });
}

Rights make_rights(const RightsRow& row) {
    Rights rights{};
    rights.refusal = refusal_word(row.resolved.status);
    rights.tenant = row.resolved.tenant;
    rights.unit = row.resolved.unit;
    rights.tenant_number = row.resolved.tenant_number;
    rights.valid_until = row.valid_until;
    for (std::size_t i = 0; i < row.names.count; ++i)
        rights.permissions.push_back({row.names.names[i].name, row.names.names[i].tenant_wide});
    sort_by_name(rights.permissions);
    for (std::size_t i = 0; i < row.rules.count; ++i) {
        const StepUpRow& rule = row.rules.rows[i];
        rights.rules.push_back({rule.tenant, rule.pattern, rule.level, rule.max_age, rule.remembers});
    }
    return rights;
}

// A refusal is not cached: the change that would lift it, for example a new unit, need not send a
// message.
Loaded<Rights> make_loaded(const RightsRequest& request, const RightsRow& row) {
    Loaded<Rights> made{make_rights(row)};
    made.keeps = made.value.refusal == nullptr;
    made.messages.assign(row.dependencies.oids, row.dependencies.oids + row.dependencies.count);
    made.messages.push_back(user_invalidation(request.user));
    made.heap = made.value.permissions.capacity() * sizeof(Permission);
    for (const Permission& permission : made.value.permissions) made.heap += heap_bytes(permission.name);
    made.heap += made.value.rules.capacity() * sizeof(StepUpRule);
    for (const StepUpRule& rule : made.value.rules) made.heap += heap_bytes(rule.pattern);
    return made;
}

// Whether a remembered device meets a rule, and until when.
bool remembers(const Proof& proof, const StepUpRule& rule, TimestampTz now, TimestampTz& until) noexcept {
    if (proof.remembered_time == 0 || rule.remembers == 0 || proof.remembered_time <= now - rule.remembers)
        return false;
    until = std::min(until, proof.remembered_time + rule.remembers);
    return true;
}

// Whether a proof meets a rule, and until when, if time alone ends that.
bool meets(const Proof& proof, const StepUpRule& rule, TimestampTz now, TimestampTz& until) noexcept {
    // Members with a second factor made the key.
    if (rule.pattern.empty() && proof.api_key) return true;
    if (remembers(proof, rule, now, until)) return true;
    if (proof.level < rule.level) return false;
    if (rule.max_age == 0) return true;
    const TimestampTz time = rule.level >= ProofLevel::phr ? proof.phr_time : proof.auth_time;
    const TimestampTz end = time + rule.max_age;
    if (time == 0 || end <= now) return false;
    until = std::min(until, end);
    return true;
}

// Without the second factor of its user, a session holds nothing but in its tenant, where that lets it: the user would have been
// asked for the factor elsewhere. A tenant that requires none refuses it, because it withholds nothing.
void withhold_elsewhere(Rights& rights, const Proof& proof, TimestampTz now) {
    if (proof.remembered_time == 0 || proof.level >= ProofLevel::aal2) return;
    const auto rule = std::find_if(rights.rules.begin(), rights.rules.end(), [&](const StepUpRule& each) {
        return each.pattern.empty() && same_uuid(each.tenant, rights.tenant);
    });
    if (rule == rights.rules.end()) rights.refusal = "without_second_factor";
    const bool here = rule != rights.rules.end() && remembers(proof, *rule, now, rights.valid_until);
    rights.withheld.push_back({here ? rights.tenant : OptionalUuid{}, "", here});
}

// The rights that are held now, with what the rules leave of them.
std::shared_ptr<const Rights> without_unproved(const Rights& rights, const Proof& proof, TimestampTz now) {
    auto proved = std::make_shared<Rights>(rights);
    proved->sets = nullptr;
    proved->proved.reset();
    proved->proof = proof;
    if (proved->whole == nullptr) proved->whole = held;
    for (const StepUpRule& rule : rights.rules)
        if (!meets(proof, rule, now, proved->valid_until)) proved->withheld.push_back({rule.tenant, rule.pattern});
    withhold_elsewhere(*proved, proof, now);
    std::erase_if(proved->permissions, [&](const Permission& permission) {
        return std::any_of(proved->withheld.begin(), proved->withheld.end(), [&](const Withheld& rule) {
            return rule.concerns(rights.tenant.value) && rule.covers(permission.name);
        });
    });
    return proved;
}

// No tenant has that name.
void hold_unknown_tenant() {
    guarded_or_raise([]() -> Result<void> {
        auto rights = std::make_shared<Rights>();
        rights->refusal = refusal_word("tenant");
        held = std::move(rights);
        return {};
    });
}

bool too_long(const char* selector) noexcept { return selector != nullptr && std::strlen(selector) > max_selector; }

}  // namespace

const Permission* Rights::find(std::string_view name) const noexcept {
    const auto found = std::lower_bound(
        permissions.begin(), permissions.end(), name,
        [](const Permission& permission, std::string_view wanted) { return permission.name < wanted; });
    return found != permissions.end() && found->name == name ? &*found : nullptr;
}

RightsRequest rights_request(const Identity& identity, const char* tenant, const char* unit,
                             char (&tenant_text)[uuid_text_size], char (&unit_text)[uuid_text_size]) noexcept {
    RightsRequest request{identity.user, tenant, unit};
    if (tenant != nullptr) return request;
    if (identity.tenant.present) {
        format_uuid_text(identity.tenant.value, tenant_text);
        request.tenant = tenant_text;
    }
    if (unit == nullptr && identity.unit.present) {
        format_uuid_text(identity.unit.value, unit_text);
        request.unit = unit_text;
    }
    return request;
}

const Rights* rights_of(const RightsRequest& request) {
    if (too_long(request.tenant) || too_long(request.unit)) {
        hold_unknown_tenant();
        return held.get();
    }
    const CacheKey<rights_key_size> key = key_of(request);
    const TimestampTz now = GetCurrentTimestamp();
    (void)cache.get(
        key, [now](const Rights& rights) { return rights.valid_until > now; }, [&] { return read_rights(request); },
        [&](const RightsRow& row) -> Result<Loaded<Rights>> { return make_loaded(request, row); });
    held = cache.share();
    Assert(held != nullptr);
    return held.get();
}

void pin_rights(const Rights* rights) noexcept {
    Assert(rights == nullptr || rights == held.get());
    pinned = rights != nullptr ? held : nullptr;
    if (pinned != nullptr && pinned->sets != nullptr) pinned->sets->trim(most_expanded_bytes);
}

const Rights* narrow_rights(const Rights* rights, std::span<const std::string> patterns, const pg_uuid_t& tenant,
                            const OptionalUuid& unit, std::shared_ptr<const Rights>& kept) {
    Assert(rights == held.get());
    if (rights->refusal != nullptr) return rights;
    guarded_or_raise([&]() -> Result<void> {
        if (kept == nullptr || kept->whole != held) {
            auto narrow = std::make_shared<Rights>();
            narrow->tenant = rights->tenant;
            narrow->unit = rights->unit;
            narrow->tenant_number = rights->tenant_number;
            narrow->valid_until = rights->valid_until;
            const bool elsewhere = !rights->tenant.present || !same_uuid(rights->tenant.value, tenant) ||
                                   (unit.present && !same_uuid(rights->unit, unit));
            if (elsewhere) narrow->refusal = "not_the_place_of_the_key";
            narrow->unit_alone = unit.present;
            for (const Permission& permission : rights->permissions) {
                if (!any_pattern_covers(patterns, permission.name)) continue;
                // What belongs to a person has no tenant or unit.
                const bool wide = !unit.present || permission.name.starts_with("own.");
                narrow->permissions.push_back({permission.name, permission.tenant_wide && wide});
            }
            narrow->patterns.emplace(patterns.begin(), patterns.end());
            narrow->rules = rights->rules;
            narrow->whole = held;
            kept = std::move(narrow);
        }
        held = kept;
        return {};
    });
    return held.get();
}

const Rights* withhold_unproved(const Rights* rights, const Identity& identity) {
    Assert(rights == held.get());
    if (likely(rights->rules.empty() && identity.remembered_time == 0) || rights->refusal != nullptr) return rights;
    const TimestampTz now = GetCurrentTimestamp();
    const Proof proof{level_of(identity), identity.api_key.present, identity.auth_time, identity.phr_time,
                      identity.remembered_time};
    guarded_or_raise([&]() -> Result<void> {
        std::shared_ptr<const Rights> proved = rights->proved.lock();
        if (proved == nullptr || proved->proof != proof || proved->valid_until <= now) {
            proved = without_unproved(*rights, proof, now);
            rights->proved = proved;
        }
        held = std::move(proved);
        return {};
    });
    return held.get();
}

const Rights* adopt_rights(const Identity& identity, const char* permissions, const char* sets, bool unit_alone) {
    guarded_or_raise([&]() -> Result<void> {
        auto rights = std::make_shared<Rights>();
        rights->tenant = identity.tenant;
        rights->unit = identity.unit;
        rights->unit_alone = unit_alone;
        rights->tenant_number = identity.tenant_number;
        std::string_view rest(permissions);
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find(' '), rest.size());
            const bool unit_only = rest.front() == unit_only_mark;
            rights->permissions.push_back({std::string(rest.substr(unit_only, end - unit_only)), !unit_only});
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        if (*sets != '\0') rights->sets = GrantSets::parse(sets);
        held = std::move(rights);
        return {};
    });
    return held.get();
}

Oid user_invalidation(const pg_uuid_t& user) noexcept { return invalidation_of("user", user); }

void drop_rights(Oid invalidation) noexcept { cache.drop_one(invalidation); }

void bound_grant_sets() noexcept {
    cache.shrink_while([] { return GrantSets::memory() > most_set_bytes; });
}

}  // namespace bastion::pg
