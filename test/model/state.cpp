// Members, units and roles: the part of the model that changes, and its dependent data.
#include "state.hpp"

#include <algorithm>

namespace model {
namespace {

// The initial state of the tables; the same as in setup.sql.
constexpr struct {
    Sharing sharing;
    Visibility visibility;
} kinds[table_count] = {
    {Sharing::none, Visibility::tenant},        {Sharing::none, Visibility::tenant},
    {Sharing::tenant, Visibility::tenant},      {Sharing::tenant, Visibility::unit},
    {Sharing::tenant, Visibility::owner},       {Sharing::cross_tenant, Visibility::tenant},
    {Sharing::cross_tenant, Visibility::owner},
};

void add_roles(State& state) {
    state.patterns[0] = {"*", "tenant.*"};
    state.patterns[1] = {
        "*", "tenant.read", "tenant.update", "tenant.members.*", "tenant.roles.*", "tenant.units.*", "tenant.events.*"};
    state.patterns[2] = {"*.create", "*.read", "*.update", "*.delete", "*.execute"};
    state.patterns[3] = {"*.create", "*.read", "*.update"};
    state.patterns[4] = {"*.read", "*.execute"};
    state.patterns[5] = {"*.read"};
    state.patterns[application_role] = {"*.read", "d2.*"};
    for (int role = application_role + 1; role < role_count; ++role) state.patterns[role] = {"d3.read"};
}

}  // namespace

bool State::is_at_or_above(int upper, int unit) const {
    for (int at = unit; at != nobody; at = units[at].parent)
        if (at == upper) return true;
    return false;
}

bool State::has_children(int unit) const {
    return std::any_of(units.begin(), units.end(),
                       [&](const Unit& other) { return other.exists && other.parent == unit; });
}

bool State::is_member(int user, int tenant) const {
    return std::any_of(memberships.begin(), memberships.end(), [&](const auto& membership) {
        return membership.first.user == user && membership.first.tenant == tenant;
    });
}

std::vector<Grant> State::end_memberships(const Place& place, int role) {
    std::vector<Grant> ended;
    std::erase_if(memberships, [&](const auto& each) {
        const bool ends = each.first == place && (role == nobody || each.second.role == role);
        if (ends) ended.push_back(each.second);
        return ends;
    });
    return ended;
}

bool State::has_lasting_owner(int tenant) const {
    return std::any_of(memberships.begin(), memberships.end(), [&](const auto& membership) {
        const auto& [place, grant] = membership;
        return place.tenant == tenant && place.unit == nobody && grant.role == owner_role &&
               grant.validity == Validity::always && active_users[place.user];
    });
}

std::set<int> State::with_inherited(const std::set<int>& roles) const {
    std::set<int> found = roles;
    std::vector<int> open(roles.begin(), roles.end());
    while (!open.empty()) {
        const int role = open.back();
        open.pop_back();
        for (const int parent : parents[role])
            if (found.insert(parent).second) open.push_back(parent);
    }
    return found;
}

std::set<std::string> State::role_patterns(int role) const {
    std::set<std::string> out;
    for (const int each : with_inherited({role})) out.insert(patterns[each].begin(), patterns[each].end());
    return out;
}

int State::new_acl(Acl acl) {
    acls.push_back(acl);
    return static_cast<int>(acls.size()) - 1;
}

int State::acl_of_user(int user, int tenant) {
    const auto found = user_acls.find({user, tenant});
    if (found != user_acls.end()) return found->second;
    return user_acls[{user, tenant}] = new_acl({tenant, AclKind::user, user, nobody});
}

void State::remove_unit(int unit) {
    std::erase_if(memberships, [&](const auto& each) { return each.first.unit == unit; });
    std::erase_if(invitations, [&](const auto& each) { return each.first.unit == unit; });
    std::erase_if(own_rights, [&](const auto& each) { return each.first.first.unit == unit; });
    std::erase_if(entries,
                  [&](const auto& each) { return each.first.kind == Subject::unit && each.first.subject == unit; });
    acls[units[unit].acl].place = nobody;
    units[unit] = {false, nobody, nobody, units[unit].generation};
}

void State::register_table(int table) {
    for (const char* action : {"create", "read", "update", "delete"}) registered.insert(permission(table, action));
    if (tables[table].sharing != Sharing::none) registered.insert(resource(table) + ".manage");
}

State initial_state() {
    State state{};
    state.active_users.fill(true);
    state.active_tenants.fill(true);
    for (int tenant = 0; tenant < tenant_count; ++tenant)
        state.tenant_acls[tenant] = state.new_acl({tenant, AclKind::tenant, nobody, nobody});
    for (int unit = 0; unit < unit_count; ++unit) {
        const int parent = unit % 3 == 0 ? nobody : unit - 1;
        state.units[unit] = {true, parent, state.new_acl({tenant_of_unit(unit), AclKind::unit, unit, nobody}), 0};
    }
    add_roles(state);
    for (int user = 0; user < user_count; ++user) {
        const Place place{user, user % tenant_count, nobody};
        state.memberships.emplace(place, Grant{user < tenant_count ? owner_role : 1 + user % 5, Validity::always});
        state.acl_of_user(place.user, place.tenant);
        const int elsewhere = (user + 1) % tenant_count;
        state.memberships.emplace(Place{user, elsewhere, elsewhere * 3 + user / 3},
                                  Grant{1 + (user + 1) % 5, Validity::always});
        state.acl_of_user(user, elsewhere);
    }
    for (int table = 0; table < table_count; ++table) {
        state.tables[table] = {true, kinds[table].sharing, kinds[table].visibility, {}};
        state.register_table(table);
    }
    return state;
}

std::string resource(int table) { return "d" + std::to_string(table); }

std::string permission(int table, const std::string& action) {
    return resource(table) + "." + (table == 5 && action == "update" ? "edit" : action);
}

}  // namespace model
