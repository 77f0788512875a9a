#include "pg/right/rights.hpp"

#include "core/right/permission_pattern.hpp"
#include "pg/base/guard.hpp"
#include "pg/cache/invalidation.hpp"
#include "pg/right/right_queries.hpp"

namespace bastion::pg {
namespace {

// Backends of a pool serve many users; the least recently used rights make room.
constexpr std::size_t max_entries = 256;
// Longer than any slug or id: no tenant can have that name.
constexpr std::size_t max_selector = 128;

struct Entry {
    std::string key;
    std::vector<Oid> concerns;  // the invalidations that make it stale, sorted
    bool stale;
    std::shared_ptr<const Rights> rights;
};

std::list<Entry> entries;  // most recently used first
std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key;
std::shared_ptr<const Rights> held;    // of the last request
std::shared_ptr<const Rights> pinned;  // of the current decision
RightsStatistics statistics{};

// The words of bastion_internal.resolve_identity() as static strings, or null for 'ok'.
const char* refusal_word(std::string_view status) noexcept {
    if (status == "ok") return nullptr;
    if (status == "user") return "user_unknown_or_disabled";
    if (status == "tenant") return "tenant_unknown_or_suspended";
    if (status == "membership") return "not_a_member";
    return "unit_not_in_tenant";
}

std::string key_of(const RightsRequest& request) {
    std::string key(reinterpret_cast<const char*>(request.user.data), UUID_LEN);
    key += request.tenant != nullptr ? 't' : '-';
    if (request.tenant != nullptr) key.append(request.tenant).push_back('\0');
    key += request.unit != nullptr ? 'u' : '-';
    if (request.unit != nullptr) key += request.unit;
    return key;
}

bool find(const RightsRequest& request) {
    const auto found = by_key.find(key_of(request));
    if (found == by_key.end() || found->second->stale) return false;
    if (found->second->rights->valid_until <= GetCurrentTimestamp()) return false;
    entries.splice(entries.begin(), entries, found->second);
    held = entries.front().rights;
    ++statistics.hits;
    return true;
}

void forget(const std::string& key) {
    const auto found = by_key.find(key);
    if (found == by_key.end()) return;
    const auto entry = found->second;
    by_key.erase(found);
    entries.erase(entry);
}

void remember(Entry&& entry) {
    forget(entry.key);
    entries.push_front(std::move(entry));
    by_key.emplace(entries.front().key, entries.begin());
    if (entries.size() > max_entries) forget(std::string(entries.back().key));
}

// What was read, as PODs in the current memory context.
struct Loaded {
    ResolvedIdentity resolved;
    PermissionNames names;
    TimestampTz valid_until;
    Concerns concerns;
};

Loaded load(const RightsRequest& request) {
    Loaded out{};
    out.valid_until = DT_NOEND;
    out.resolved = resolve_identity(request.user, request.tenant, request.unit);
    if (refusal_word(out.resolved.status) != nullptr || !out.resolved.tenant.present) return out;
    out.names = effective_permissions(request.user, out.resolved.tenant.value, out.resolved.unit);
    out.valid_until = rights_valid_until(request.user, out.resolved.tenant.value);
    out.concerns = rights_concerns(request.user, out.resolved.tenant.value);
    return out;
}

std::vector<Oid> make_concerns(const RightsRequest& request, const Concerns& concerns) {
    std::vector<Oid> out(concerns.oids, concerns.oids + concerns.count);
    out.push_back(user_invalidation(request.user));
    std::sort(out.begin(), out.end());
    return out;
}

void sort_by_name(std::vector<Permission>& permissions) {
    std::sort(permissions.begin(), permissions.end(),
              [](const Permission& left, const Permission& right) { return left.name < right.name; });
}

std::shared_ptr<const Rights> make_rights(const Loaded& loaded) {
    auto rights = std::make_shared<Rights>();
    rights->refusal = refusal_word(loaded.resolved.status);
    rights->tenant = loaded.resolved.tenant;
    rights->unit = loaded.resolved.unit;
    rights->tenant_number = loaded.resolved.tenant_number;
    rights->valid_until = loaded.valid_until;
    for (std::size_t i = 0; i < loaded.names.count; ++i)
        rights->permissions.push_back({loaded.names.names[i].name, loaded.names.names[i].tenant_wide});
    sort_by_name(rights->permissions);
    return rights;
}

// No tenant has that name.
void hold_unknown_tenant() {
    auto rights = std::make_shared<Rights>();
    rights->refusal = refusal_word("tenant");
    held = std::move(rights);
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
    bool ready = false;
    guarded_or_raise([&]() -> Result<void> {
        ready = too_long(request.tenant) || too_long(request.unit);
        if (ready)
            hold_unknown_tenant();
        else
            ready = find(request);
        return {};
    });
    if (ready) return held.get();

    // What arrives while reading may concern what was read: such rights serve this statement and are then read anew.
    const uint64 before = invalidation_count();
    const Loaded loaded = load(request);
    const bool stale = before != invalidation_count();
    // A refusal is not remembered: what would lift it, a new unit for one, need not send a message.
    guarded_or_raise([&]() -> Result<void> {
        held = make_rights(loaded);
        ++statistics.loads;
        if (held->refusal != nullptr) return {};
        remember({key_of(request), make_concerns(request, loaded.concerns), stale, held});
        return {};
    });
    return held.get();
}

void pin_rights() noexcept { pinned = held; }

const Rights* narrow_rights(std::span<const std::string> patterns, const pg_uuid_t& tenant, const OptionalUuid& unit,
                            std::shared_ptr<const Rights>& kept) {
    if (held->refusal != nullptr) return held.get();
    guarded_or_raise([&]() -> Result<void> {
        if (kept == nullptr || kept->whole != held) {
            auto narrow = std::make_shared<Rights>();
            narrow->tenant = held->tenant;
            narrow->unit = held->unit;
            narrow->tenant_number = held->tenant_number;
            narrow->valid_until = held->valid_until;
            const bool elsewhere = !held->tenant.present || !same_uuid(held->tenant.value, tenant) ||
                                   (unit.present && !same_uuid(held->unit, unit));
            if (elsewhere) narrow->refusal = "not_the_place_of_the_key";
            narrow->unit_alone = unit.present;
            for (const Permission& permission : held->permissions) {
                if (!any_pattern_covers(patterns, permission.name)) continue;
                // What is a person's own has no place.
                const bool wide = !unit.present || permission.name.starts_with("own.");
                narrow->permissions.push_back({permission.name, permission.tenant_wide && wide});
            }
            narrow->patterns.assign(patterns.begin(), patterns.end());
            narrow->whole = held;
            kept = std::move(narrow);
        }
        held = kept;
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

void mark_rights_stale(Oid invalidation) noexcept {
    for (Entry& entry : entries) {
        if (entry.stale || !std::binary_search(entry.concerns.begin(), entry.concerns.end(), invalidation)) continue;
        entry.stale = true;
        ++statistics.stale;
    }
}

namespace {

void mark_all_rights_stale() noexcept {
    for (Entry& entry : entries) {
        statistics.stale += entry.stale ? 0 : 1;
        entry.stale = true;
    }
}

const CacheListener listener(all_rights_invalidation(), mark_all_rights_stale, mark_rights_stale);

}  // namespace

RightsStatistics rights_statistics() noexcept { return statistics; }

}  // namespace bastion::pg
