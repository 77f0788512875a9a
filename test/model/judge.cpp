// The rules of permissions, one question at a time.
#include <algorithm>

#include "state.hpp"

namespace model {
namespace {

std::string last_word(const std::string& name) { return name.substr(name.rfind('.') + 1); }
std::string without_last_word(const std::string& name) { return name.substr(0, name.rfind('.')); }

std::set<int> tenant_wide_roles(const State& state, int user, int tenant) {
    std::set<int> roles;
    for (const auto& [place, grant] : state.memberships)
        if (place.user == user && place.tenant == tenant && place.unit == nobody && in_force(grant.validity))
            roles.insert(grant.role);
    for (const auto& [holder, validity] : state.platform_roles)
        if (holder.first == user && in_force(validity)) roles.insert(holder.second);
    return state.with_inherited(roles);
}

bool has_platform_role(const State& state, int user) {
    return std::any_of(state.platform_roles.begin(), state.platform_roles.end(),
                       [&](const auto& each) { return each.first.first == user && in_force(each.second); });
}

}  // namespace

bool is_reserved(const std::string& pattern) {
    const std::string first = pattern.substr(0, pattern.find('.'));
    return first == "tenant" || first == "platform" || first == "bastion" || first == "own";
}

bool covers(const std::string& pattern, const std::string& permission) {
    if (pattern == permission) return true;
    if (pattern == "*") return !is_reserved(permission);
    if (pattern.starts_with("*.")) return !is_reserved(permission) && last_word(permission) == pattern.substr(2);
    return pattern.ends_with(".*") && permission.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool includes(const std::string& outer, const std::string& inner) {
    if (outer == inner) return true;
    if (outer == "*") return !is_reserved(inner);
    if (outer.starts_with("*.")) return inner != "*" && !is_reserved(inner) && last_word(inner) == outer.substr(2);
    return outer.ends_with(".*") && inner.starts_with(outer.substr(0, outer.size() - 1));
}

int level_of(const std::string& action) {
    if (action == "read") return 1;
    if (action == "update") return 2;
    return action == "execute" || action == "deploy" || action == "publish" ? 3 : 4;
}

const std::vector<std::string>& system_permissions() {
    static const std::vector<std::string> names{"tenant.members.manage", "tenant.roles.manage", "tenant.units.manage"};
    return names;
}

bool may_work(const State& state, const Identity& identity) {
    if (!state.active_users[identity.user] || !state.active_tenants[identity.tenant]) return false;
    if (identity.unit != nobody &&
        (!state.units[identity.unit].exists || tenant_of_unit(identity.unit) != identity.tenant))
        return false;
    if (has_platform_role(state, identity.user)) return true;
    return std::any_of(state.memberships.begin(), state.memberships.end(), [&](const auto& each) {
        const auto& [place, grant] = each;
        return place.user == identity.user && place.tenant == identity.tenant && in_force(grant.validity) &&
               (identity.unit == nobody || place.unit == nobody || state.is_at_or_above(place.unit, identity.unit));
    });
}

Judge::Judge(const State& state, const Identity& identity)
    : state_(state), identity_(identity), tenant_roles_(tenant_wide_roles(state, identity.user, identity.tenant)) {
    for (const int role : tenant_roles_)
        for (const std::string& pattern : state.patterns[role]) rights_.push_back({nobody, pattern, false});
    for (const auto& [place, grant] : state.memberships) {
        if (place.user != identity.user || place.tenant != identity.tenant || place.unit == nobody) continue;
        if (!in_force(grant.validity)) continue;
        for (const std::string& pattern : state.role_patterns(grant.role))
            rights_.push_back({place.unit, pattern, false});
    }
    for (const auto& [key, right] : state.own_rights) {
        const Place& place = key.first;
        if (place.user == identity.user && place.tenant == identity.tenant && in_force(right.validity))
            rights_.push_back({place.unit, key.second, right.deny});
    }
}

// In the whole tenant, or in a unit at or above this one.
bool Judge::granted(const std::string& permission, int unit) const {
    return std::any_of(rights_.begin(), rights_.end(), [&](const Right& right) {
        return !right.deny && covers(right.pattern, permission) &&
               (right.unit == nobody || state_.is_at_or_above(right.unit, unit));
    });
}

bool Judge::denied(const std::string& permission, int unit) const {
    return std::any_of(rights_.begin(), rights_.end(), [&](const Right& right) {
        return right.deny && covers(right.pattern, permission) &&
               (right.unit == nobody || state_.is_at_or_above(right.unit, unit));
    });
}

bool Judge::holds_in(const std::string& permission, int unit) const {
    const auto& system = system_permissions();
    const bool known =
        state_.registered.contains(permission) || std::find(system.begin(), system.end(), permission) != system.end();
    return known && granted(permission, unit) && !denied(permission, unit);
}

bool Judge::holds_everywhere(const std::string& permission) const {
    return holds(permission) && granted(permission, nobody);
}

bool Judge::by_place(const std::string& permission, int acl) const {
    const Acl& list = state_.acls[acl];
    switch (list.kind) {
        case AclKind::tenant: return granted(permission, nobody);
        case AclKind::unit:
            return list.place != nobody && granted(permission, list.place) && !denied(permission, list.place);
        case AclKind::user: return list.place != nobody && list.place == identity_.user;
        case AclKind::row: break;
    }
    return by_place(permission, list.base);
}

bool Judge::is_met_as(const EntryKey& entry, bool elsewhere) const {
    switch (entry.kind) {
        case Subject::user: return entry.subject == identity_.user;
        case Subject::tenant: return entry.subject == identity_.tenant;
        case Subject::role:
            return tenant_roles_.contains(entry.subject) && (!elsewhere || tenant_of_role(entry.subject) != nobody);
        case Subject::unit: break;
    }
    return std::any_of(state_.memberships.begin(), state_.memberships.end(), [&](const auto& each) {
        const auto& [place, grant] = each;
        return place.user == identity_.user && place.tenant == identity_.tenant && place.unit != nobody &&
               in_force(grant.validity) && state_.is_at_or_above(entry.subject, place.unit);
    });
}

bool Judge::by_share(const std::string& permission, int acl) const {
    const bool elsewhere = state_.acls[acl].tenant != identity_.tenant;
    const int needed = level_of(last_word(permission));
    for (auto entry = state_.entries.lower_bound({acl, Subject::user, -1});
         entry != state_.entries.end() && entry->first.acl == acl; ++entry)
        if (in_force(entry->second.validity) && entry->second.level >= needed && is_met_as(entry->first, elsewhere))
            return true;
    return state_.acls[acl].kind == AclKind::row && by_share(permission, state_.acls[acl].base);
}

bool Judge::may(const std::string& permission, int acl, bool anywhere) const {
    if (acl == nobody || !state_.registered.contains(permission) || denied(permission, nobody)) return false;
    const Acl& list = state_.acls[acl];
    if (list.tenant != identity_.tenant) {
        const Judge there(state_, {identity_.user, list.tenant, nobody});
        return anywhere && !there.denied(permission, nobody) && by_share(permission, acl);
    }
    if (by_place(permission, acl) || by_share(permission, acl)) return true;
    // A user who manages the resource in the whole tenant reaches rows without a unit.
    const std::string manage = without_last_word(permission) + ".manage";
    const bool manages = state_.registered.contains(manage) && granted(manage, nobody) && !denied(manage, nobody);
    const Acl& root = list.kind == AclKind::row ? state_.acls[list.base] : list;
    return manages && (root.kind == AclKind::user || (root.kind == AclKind::unit && root.place == nobody));
}

std::set<int> tenants_with(const State& state, int user, const std::string& permission) {
    std::set<int> out;
    for (int tenant = 0; tenant < tenant_count; ++tenant)
        if (state.active_tenants[tenant] && state.active_users[user] && may_work(state, {user, tenant, nobody}) &&
            Judge(state, {user, tenant, nobody}).holds_everywhere(permission))
            out.insert(tenant);
    return out;
}

}  // namespace model
