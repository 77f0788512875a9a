// The functions that users call: questions about their own rights, shares, and changes of members, roles and units, each
// with the checks that it documents. Where several of them fail, any of their errors is correct.
#include <algorithm>

#include "giver.hpp"
#include "world.hpp"

namespace model {
namespace {

const char* const levels[] = {"read", "write", "deploy", "manage"};

std::string text(int number) { return std::to_string(number); }

std::string unit_argument(const State& state, int unit) { return unit_or_null(state, unit); }

struct Call {
    const World& world;
    const Op& op;
    Step& step;
    Decision decision;
    Judge judge;
    Giver giver;

    void require(bool condition, const char* error) const {
        if (!condition) step.errors.insert(error);
    }
    void require_permission(const char* permission, int unit) const {
        require(judge.holds(permission) && judge.holds_in(permission, unit), "42501");
    }
    // Ends or lifts a deny.
    void require_lift(const Place& place, const std::string& pattern, const OwnRight& right) const {
        if (!right.deny || right.validity == Validity::over) return;
        require_permission("tenant.members.manage", place.unit);
        require(giver.gives({pattern}, place.unit, end_of(right.validity)), "42501");
    }
    // Called last. A failed call changes nothing.
    void conclude(State&& after) const {
        step.may_succeed = step.errors.empty();
        if (step.may_succeed) step.after = std::make_shared<State>(std::move(after));
    }
    [[nodiscard]] const State& state() const { return world.now; }
    [[nodiscard]] int tenant() const { return decision.identity.tenant; }
    [[nodiscard]] bool own_unit(int unit) const {
        return unit == nobody || (state().units[unit].exists && tenant_of_unit(unit) == tenant());
    }
    [[nodiscard]] bool own_role(int role) const {
        return tenant_of_role(role) == nobody || tenant_of_role(role) == tenant();
    }
};

void plan_permissions(const Call& call) {
    std::vector<std::string> out;
    for (const std::string& name : call.state().registered)
        if (call.judge.holds(name)) out.push_back(name);
    for (const std::string& name : system_permissions())
        if (call.judge.holds(name)) out.push_back(name);
    call.step.sql = "SELECT p FROM bastion.permissions() p WHERE p ~ '^d[0-9]|^tenant.(members|roles|units).manage$'";
    call.step.rows = out;
}

void plan_tenants_with(const Call& call) {
    std::vector<std::string> out;
    for (const int tenant : tenants_with(call.state(), call.decision.identity.user, call.op.text))
        out.push_back(text(tenant));
    call.step.sql =
        "SELECT t.number - 1000 FROM mt.tenants t WHERE bastion.can_in_tenant('" + call.op.text + "', t.id)";
    call.step.rows = out;
}

// a is the table, b the key, c the kind of subject, d its number, e the level.
std::string with_subject(const State& state, const Op& op) {
    switch (static_cast<Subject>(op.c)) {
        case Subject::user: return "with_user => '" + user_id(op.d) + "'";
        case Subject::unit: return "with_unit => " + unit_or_null(state, op.d);
        case Subject::role: return "with_role => '" + role_id(op.d) + "'";
        case Subject::tenant: break;
    }
    return "with_tenant => '" + tenant_id(op.d) + "'";
}

bool can_share_with(const Call& call, bool anywhere) {
    const int subject = call.op.d;
    switch (static_cast<Subject>(call.op.c)) {
        case Subject::user: return anywhere || call.state().is_member(subject, call.tenant());
        case Subject::unit: return anywhere || tenant_of_unit(subject) == call.tenant();
        case Subject::role: return anywhere || call.own_role(subject);
        case Subject::tenant: break;
    }
    return anywhere || subject == call.tenant();
}

// A user who manages a row may share it; a user who may not read it does not learn that it exists.
const Row* managed_row(const Call& call) {
    const Table& table = call.state().tables[call.op.a];
    if (!table.is_protected || table.sharing == Sharing::none) {
        call.step.errors.insert("55000");
        return nullptr;
    }
    const auto found = table.rows.find(call.op.b);
    const bool exists = found != table.rows.end() && found->second.tenant == call.tenant();
    const bool manages = exists && call.judge.may(resource(call.op.a) + ".manage", found->second.acl, false);
    const bool reads = exists && call.judge.may(permission(call.op.a, "read"), found->second.acl, false);
    call.require(manages || reads, "P0002");
    call.require(manages || !reads, "42501");
    return exists ? &found->second : nullptr;
}

void plan_share(const Call& call) {
    const Op& op = call.op;
    const Table& table = call.state().tables[op.a];
    call.step.writes = true;
    call.step.sql = "SELECT bastion.share('" + table_name(op.a) + "', '" + text(op.b) + "', " +
                    with_subject(call.state(), op) + ", level => '" + levels[op.e - 1] + "'" +
                    (op.text.empty() ? "" : ", valid_until => '2099-01-01'") + ")";
    const Validity validity = op.text.empty() ? Validity::always : Validity::ends_later;
    const Row* row = managed_row(call);
    call.require(can_share_with(call, table.sharing == Sharing::cross_tenant), "42704");
    if (row != nullptr) {
        const auto old = call.state().entries.find({row->acl, static_cast<Subject>(op.c), op.d});
        call.require(call.giver.gives_level(resource(op.a), op.e, row->acl, end_of(validity)), "42501");
        call.require(row->shared_as == nobody || old == call.state().entries.end() || !in_force(old->second.validity) ||
                         call.giver.gives_level(resource(op.a), old->second.level, row->acl, now),
                     "42501");
    }
    if (call.step.errors.contains("55000")) call.step.errors = {"55000"};
    State after = call.state();
    if (row != nullptr && call.step.errors.empty()) {
        Row& changed = after.tables[op.a].rows[op.b];
        if (changed.shared_as == nobody)
            changed.acl = changed.shared_as = after.new_acl({call.tenant(), AclKind::row, nobody, changed.acl});
        after.entries[{changed.acl, static_cast<Subject>(op.c), op.d}] = {op.e, validity};
    }
    call.conclude(std::move(after));
}

void plan_unshare(const Call& call) {
    const Op& op = call.op;
    call.step.writes = true;
    call.step.sql = "SELECT bastion.unshare('" + table_name(op.a) + "', '" + text(op.b) + "', " +
                    with_subject(call.state(), op) + ")";
    const Row* row = managed_row(call);
    State after = call.state();
    const bool ended = row != nullptr && row->shared_as != nobody &&
                       after.entries.erase({row->acl, static_cast<Subject>(op.c), op.d}) > 0;
    call.step.rows = {ended ? "t" : "f"};
    call.conclude(std::move(after));
}

void plan_shares_of(const Call& call) {
    static const char* const kinds[] = {"user", "unit", "role", "tenant"};
    const State& state = call.state();
    call.step.writes = true;  // it locks the row
    call.step.sql = "SELECT subject_kind || ' ' || subject_id || ' ' || level FROM bastion.shares_of('" +
                    table_name(call.op.a) + "', '" + text(call.op.b) + "')";
    const Row* row = managed_row(call);
    call.step.may_succeed = call.step.errors.empty();
    std::vector<std::string> out;
    for (const auto& [key, entry] : state.entries) {
        if (row == nullptr || key.acl != row->acl) continue;
        const std::string id = key.kind == Subject::user   ? user_id(key.subject)
                               : key.kind == Subject::unit ? unit_id(key.subject, state.units[key.subject].generation)
                               : key.kind == Subject::role ? role_id(key.subject)
                                                           : tenant_id(key.subject);
        out.push_back(std::string(kinds[static_cast<int>(key.kind)]) + " " + id + " " + levels[entry.level - 1]);
    }
    call.step.rows = out;
}

// A permanent owner may lose the membership only when another owner remains.
void require_owner(const Call& call, const State& after, const std::vector<Grant>& old, const Place& place) {
    const bool lasting = place.unit == nobody && std::any_of(old.begin(), old.end(), [](const Grant& grant) {
                             return grant.role == owner_role && grant.validity == Validity::always;
                         });
    call.require(!lasting || after.has_lasting_owner(place.tenant), "23514");
}

bool holds_all(const Call& call, const std::vector<Grant>& grants, int unit) {
    return std::all_of(grants.begin(), grants.end(), [&](const Grant& grant) {
        return call.giver.holds(call.state().role_patterns(grant.role), unit);
    });
}

// a is the user, b the role, c the unit, d how long, e whether other roles there stay. A user who is not a member is invited, which
// changes nothing.
void plan_membership_set(const Call& call) {
    const Op& op = call.op;
    const Place place{op.a, call.tenant(), op.c};
    const auto validity = static_cast<Validity>(op.d);
    call.step.writes = true;
    call.step.sql = std::string("SELECT FROM (SELECT bastion.membership_") + (op.e != 0 ? "add" : "set") + "('" +
                    user_id(op.a) + "', '" + role_id(op.b) + "', " + unit_argument(call.state(), op.c) +
                    (validity == Validity::over         ? ", valid_until => '2001-01-01'"
                     : validity == Validity::ends_later ? ", valid_until => '2099-01-01'"
                     : validity == Validity::not_begun  ? ", valid_from => '2098-01-01'"
                                                        : "") +
                    ")) s";
    call.require(call.own_unit(op.c) && call.own_role(op.b), "42704");
    call.require_permission("tenant.members.manage", op.c);
    State after = call.state();
    const std::vector<Grant> old = after.end_memberships(place, op.e != 0 ? op.b : nobody);
    const int until = validity == Validity::over ? now : end_of(validity);
    call.require(call.giver.gives(call.state().role_patterns(op.b), op.c, until), "42501");
    call.require(holds_all(call, old, op.c), "42501");
    if (!call.state().is_member(op.a, call.tenant())) {
        const auto open = after.invitations.find(place);
        call.require(
            open == after.invitations.end() || call.giver.holds(call.state().role_patterns(open->second), op.c),
            "42501");
        call.require(validity != Validity::over, "22023");
        after.invitations[place] = op.b;
        return call.conclude(std::move(after));
    }
    after.memberships.emplace(place, Grant{op.b, validity});
    after.acl_of_user(op.a, call.tenant());
    require_owner(call, after, old, place);
    call.conclude(std::move(after));
}

// a is the user, b the role or nobody for all, c the unit.
void plan_membership_remove(const Call& call) {
    const Op& op = call.op;
    const Place place{op.a, call.tenant(), op.c};
    State after = call.state();
    const std::vector<Grant> old = after.end_memberships(place, op.b);
    call.step.writes = true;
    call.step.sql = "SELECT bastion.membership_remove('" + user_id(op.a) + "', " + unit_argument(call.state(), op.c) +
                    (op.b == nobody ? "" : ", '" + role_id(op.b) + "'") + ")";
    call.require(call.own_unit(op.c) && (op.b == nobody || call.own_role(op.b)), "42704");
    if (op.a != call.decision.identity.user) {
        call.require_permission("tenant.members.manage", op.c);
        call.require(holds_all(call, old, op.c), "42501");
    }
    if (!old.empty() && !after.is_member(op.a, call.tenant()))
        std::erase_if(after.own_rights, [&](const auto& each) {
            return each.first.first.user == op.a && each.first.first.tenant == call.tenant() && !each.second.deny;
        });
    require_owner(call, after, old, place);
    call.step.rows = {old.empty() ? "f" : "t"};
    call.conclude(std::move(after));
}

bool is_known(const State& state, const std::string& pattern) {
    const auto covered = [&](const std::string& name) { return covers(pattern, name); };
    return pattern == "*" || std::any_of(state.registered.begin(), state.registered.end(), covered) ||
           std::any_of(system_permissions().begin(), system_permissions().end(), covered);
}

// Holds everything that the roles of another member hold.
bool outranks(const Call& call, int user) {
    return std::all_of(call.state().memberships.begin(), call.state().memberships.end(), [&](const auto& each) {
        const auto& [place, grant] = each;
        return place.user != user || place.tenant != call.tenant() ||
               call.giver.holds(call.state().role_patterns(grant.role), place.unit);
    });
}

// a is the user, c the unit, d whether it denies, e whether it ends, text the pattern.
void plan_permission_put(const Call& call) {
    const Op& op = call.op;
    call.step.writes = true;
    call.step.sql = std::string("SELECT bastion.permission_") + (op.d != 0 ? "deny" : "grant") + "('" + user_id(op.a) +
                    "', '" + op.text + "', " + unit_argument(call.state(), op.c) + (op.e != 0 ? ", '2099-01-01'" : "") +
                    ")";
    const OwnRight made{op.d != 0, op.e != 0 ? Validity::ends_later : Validity::always};
    const std::pair<Place, std::string> key{{op.a, call.tenant(), op.c}, op.text};
    const auto old = call.state().own_rights.find(key);
    call.require(call.own_unit(op.c) && call.state().is_member(op.a, call.tenant()), "42704");
    call.require(is_known(call.state(), op.text), "42704");
    call.require_permission("tenant.members.manage", op.c);
    call.require(call.giver.gives({op.text}, op.c, op.d != 0 ? now : end_of(made.validity)), "42501");
    call.require(op.d == 0 || outranks(call, op.a), "42501");
    if (old != call.state().own_rights.end() && (!made.deny || end_of(made.validity) < end_of(old->second.validity)))
        call.require_lift(key.first, op.text, old->second);
    State after = call.state();
    after.own_rights[key] = made;
    call.conclude(std::move(after));
}

void plan_permission_reset(const Call& call) {
    const Op& op = call.op;
    call.step.writes = true;
    call.step.sql = "SELECT bastion.permission_remove('" + user_id(op.a) + "', '" + op.text + "', " +
                    unit_argument(call.state(), op.c) + ")";
    call.require(call.own_unit(op.c) && call.state().is_member(op.a, call.tenant()), "42704");
    call.require_permission("tenant.members.manage", op.c);
    call.require(call.giver.holds({op.text}, op.c), "42501");
    const auto old = call.state().own_rights.find({{op.a, call.tenant(), op.c}, op.text});
    if (old != call.state().own_rights.end()) call.require_lift(old->first.first, op.text, old->second);
    State after = call.state();
    const bool ended = after.own_rights.erase({{op.a, call.tenant(), op.c}, op.text}) > 0;
    call.step.rows = {ended ? "t" : "f"};
    call.conclude(std::move(after));
}

// a is the role.
bool requires_own_role(const Call& call) {
    call.require(call.own_role(call.op.a), "42704");
    call.require_permission("tenant.roles.manage", nobody);
    call.require(tenant_of_role(call.op.a) != nobody, "42501");
    return call.step.errors.empty();
}

void plan_role_pattern(const Call& call, bool grants) {
    const Op& op = call.op;
    call.step.writes = true;
    call.step.sql = std::string("SELECT bastion.role_permission_") + (grants ? "add" : "remove") + "('" +
                    role_id(op.a) + "', '" + op.text + "')";
    State after = call.state();
    const bool own = requires_own_role(call);
    call.require(!grants || is_known(call.state(), op.text), "42704");
    call.require(call.giver.gives({op.text}, nobody, grants ? forever : now), "42501");
    if (own && grants) after.patterns[op.a].insert(op.text);
    if (own && !grants) call.step.rows = {after.patterns[op.a].erase(op.text) > 0 ? "t" : "f"};
    call.conclude(std::move(after));
}

// b is the parent.
void plan_role_inherit(const Call& call) {
    const Op& op = call.op;
    call.step.writes = true;
    call.step.sql = "SELECT bastion.role_parent_add('" + role_id(op.a) + "', '" + role_id(op.b) + "')";
    requires_own_role(call);
    call.require(call.own_role(op.b), "42704");
    call.require(call.giver.gives(call.state().role_patterns(op.b), nobody, forever), "42501");
    State after = call.state();
    const bool circle = call.state().with_inherited({op.b}).contains(op.a);
    call.require(!circle, "23514");
    if (!circle && op.a > application_role) after.parents[op.a].insert(op.b);
    call.conclude(std::move(after));
}

// The move ends no deny that the mover could not lift, and the mover may pass on all rights of the units above.
void require_move(const Call& call, int unit, int parent) {
    const State& state = call.state();
    const auto is_above = [&](int upper, int lower) { return upper != nobody && state.is_at_or_above(upper, lower); };
    for (const auto& [key, right] : state.own_rights) {
        const auto& [place, pattern] = key;
        if (place.tenant != call.tenant()) continue;
        if (place.unit != unit && is_above(place.unit, unit) && !is_above(place.unit, parent))
            call.require_lift(place, pattern, right);
        if (!right.deny && right.validity != Validity::over && is_above(place.unit, parent) &&
            !is_above(place.unit, unit))
            call.require(call.giver.gives({pattern}, unit, end_of(right.validity)), "42501");
    }
    for (const auto& [place, grant] : state.memberships)
        if (place.tenant == call.tenant() && grant.validity != Validity::over && is_above(place.unit, parent) &&
            !is_above(place.unit, unit))
            call.require(call.giver.gives(state.role_patterns(grant.role), unit, end_of(grant.validity)), "42501");
}

// a is the unit, b its new parent or nobody.
void plan_unit_move(const Call& call) {
    const Op& op = call.op;
    call.step.writes = true;
    call.step.sql = "SELECT bastion.unit_move(" + unit_argument(call.state(), op.a) + ", " +
                    unit_argument(call.state(), op.b) + ")";
    call.require(call.own_unit(op.a) && call.own_unit(op.b), "42704");
    const int parent = call.state().units[op.a].parent;
    call.require_permission("tenant.units.manage", parent == nobody ? op.a : parent);
    call.require_permission("tenant.units.manage", op.b);
    call.require(!call.state().is_at_or_above(op.a, op.b), "23514");
    require_move(call, op.a, op.b);
    State after = call.state();
    if (call.step.errors.empty()) after.units[op.a].parent = op.b;
    call.conclude(std::move(after));
}

void plan_call(const Call& call) {
    switch (call.op.kind) {
        case Kind::permissions: return plan_permissions(call);
        case Kind::tenants_with: return plan_tenants_with(call);
        case Kind::share: return plan_share(call);
        case Kind::unshare: return plan_unshare(call);
        case Kind::shares_of: return plan_shares_of(call);
        case Kind::membership_set: return plan_membership_set(call);
        case Kind::membership_remove: return plan_membership_remove(call);
        case Kind::permission_put: return plan_permission_put(call);
        case Kind::permission_remove: return plan_permission_reset(call);
        case Kind::role_permission_add: return plan_role_pattern(call, true);
        case Kind::role_permission_remove: return plan_role_pattern(call, false);
        case Kind::role_parent_add: return plan_role_inherit(call);
        default: return plan_unit_move(call);
    }
}

// A deleted unit has no name to write.
bool names_missing_unit(const State& state, const Op& op) {
    const auto missing = [&](int unit) { return unit != nobody && !state.units[unit].exists; };
    switch (op.kind) {
        case Kind::share:
        case Kind::unshare: return static_cast<Subject>(op.c) == Subject::unit && missing(op.d);
        case Kind::unit_move: return missing(op.a) || missing(op.b);
        case Kind::membership_set:
        case Kind::membership_remove:
        case Kind::permission_put:
        case Kind::permission_remove: return missing(op.c);
        default: return false;
    }
}

}  // namespace

void interpret_functions(const World& world, const Op& op, Step& step) {
    const bool may_execute = world.vars.role != bypass_role && world.vars.role != stranger_role;
    if (world.aborted || world.frozen || !world.in_transaction || !may_execute || names_missing_unit(world.now, op))
        return;
    const Decision decision = decide(world);
    step.applies = true;
    // The SQL is the same for every user, and so it is planned as if user 0 called.
    const bool known = decision.standing == Standing::authenticated;
    const Identity identity = known ? decision.identity : Identity{0, 0, nobody};
    plan_call({world,
               op,
               step,
               {decision.standing, identity, decision.error},
               Judge(world.now, identity),
               Giver(world.now, identity.user, identity.tenant)});
    if (known) return;
    step.errors = {decision.standing == Standing::refused ? decision.error : "42501"};
    step.after.reset();
    const bool asks = op.kind == Kind::permissions || op.kind == Kind::tenants_with;
    step.may_succeed = asks && decision.standing == Standing::anonymous;
    if (step.may_succeed) step.errors.clear();
    step.rows = std::vector<std::string>{};
}

}  // namespace model
