// Operations of the operator, who writes the tables directly over a separate connection: the caches of the application's
// connection must follow.
#include <algorithm>

#include "world.hpp"

namespace model {
namespace {

std::string text(int number) { return std::to_string(number); }

std::string period(int validity) {
    switch (static_cast<Validity>(validity)) {
        case Validity::always: return "NULL, NULL";
        case Validity::ends_later: return "NULL, '2099-01-01'";
        case Validity::over: return "'2001-01-01', '2002-01-01'";
        case Validity::not_begun: break;
    }
    return "'2098-01-01', NULL";
}

struct Change {
    const World& world;
    const Op& op;
    Step& step;
    State after;

    void fail(const char* error) {
        step.errors = {error};
        step.may_succeed = false;
    }
    [[nodiscard]] bool has_unit(int unit) const { return unit == nobody || after.units[unit].exists; }
    [[nodiscard]] std::string unit(int number) const { return unit_or_null(after, number); }
};

void require_owner(Change& change, const Place& place, const Grant& old) {
    if (place.unit == nobody && old.role == owner_role && old.validity == Validity::always &&
        !change.after.has_lasting_owner(place.tenant))
        change.fail("23514");
}

// a is the user, b the tenant, c the unit, d the role, e how long.
void plan_membership(Change& change) {
    const Op& op = change.op;
    if (!change.has_unit(op.c) || (op.c != nobody && tenant_of_unit(op.c) != op.b)) return;
    change.step.applies = true;
    change.step.sql =
        "INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_from, valid_until) VALUES ('" +
        user_id(op.a) + "', '" + tenant_id(op.b) + "', " + change.unit(op.c) + ", '" + role_id(op.d) + "', " +
        period(op.e) +
        ") ON CONFLICT ON CONSTRAINT memberships_user_id_tenant_id_unit_id_role_id_key DO UPDATE SET "
        "valid_from = excluded.valid_from, valid_until = excluded.valid_until";
    if (tenant_of_role(op.d) != nobody && tenant_of_role(op.d) != op.b) return change.fail("23503");
    const Place place{op.a, op.b, op.c};
    const std::vector<Grant> old = change.after.end_memberships(place, op.d);
    change.after.memberships.emplace(place, Grant{op.d, static_cast<Validity>(op.e)});
    change.after.acl_of_user(op.a, op.b);
    for (const Grant& grant : old) require_owner(change, place, grant);
}

void plan_membership_remove(Change& change) {
    const Op& op = change.op;
    const Place place{op.a, op.b, op.c};
    const std::vector<Grant> old = change.after.end_memberships(place, nobody);
    if (old.empty()) return;
    change.step.applies = true;
    change.step.sql = "DELETE FROM bastion.memberships WHERE user_id = '" + user_id(op.a) + "' AND tenant_id = '" +
                      tenant_id(op.b) + "' AND unit_id IS NOT DISTINCT FROM " + change.unit(op.c);
    for (const Grant& grant : old) require_owner(change, place, grant);
}

// a is the role, b whether it gets or loses the pattern.
void plan_pattern(Change& change) {
    const Op& op = change.op;
    change.step.applies = tenant_of_role(op.a) != nobody || op.a == application_role;
    if (op.b != 0) {
        change.step.sql = "INSERT INTO bastion.role_permissions (role_id, pattern) VALUES ('" + role_id(op.a) + "', '" +
                          op.text + "') ON CONFLICT DO NOTHING";
        change.after.patterns[op.a].insert(op.text);
    } else {
        change.step.sql = "DELETE FROM bastion.role_permissions WHERE role_id = '" + role_id(op.a) +
                          "' AND pattern = '" + op.text + "'";
        change.after.patterns[op.a].erase(op.text);
    }
}

// a inherits from b, or no longer.
void plan_inherit(Change& change) {
    const Op& op = change.op;
    change.step.applies =
        op.a > application_role && (tenant_of_role(op.b) == nobody || tenant_of_role(op.b) == tenant_of_role(op.a));
    if (op.c == 0) {
        change.step.sql = "DELETE FROM bastion.role_parents WHERE role_id = '" + role_id(op.a) + "' AND parent_id = '" +
                          role_id(op.b) + "'";
        change.after.parents[op.a].erase(op.b);
        return;
    }
    change.step.sql = "INSERT INTO bastion.role_parents (role_id, parent_id) VALUES ('" + role_id(op.a) + "', '" +
                      role_id(op.b) + "') ON CONFLICT DO NOTHING";
    if (change.after.with_inherited({op.b}).contains(op.a)) return change.fail("23514");
    change.after.parents[op.a].insert(op.b);
}

// a is the user, b the tenant, c the unit, d whether it denies, e how long.
void plan_right(Change& change) {
    const Op& op = change.op;
    if (!change.has_unit(op.c) || (op.c != nobody && tenant_of_unit(op.c) != op.b)) return;
    change.step.applies = true;
    change.step.sql =
        "INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect, valid_from, valid_until) "
        "VALUES ('" +
        user_id(op.a) + "', '" + tenant_id(op.b) + "', " + change.unit(op.c) + ", '" + op.text + "', '" +
        (op.d != 0 ? "deny" : "grant") + "', " + period(op.e) +
        ") ON CONFLICT ON CONSTRAINT user_permissions_user_id_tenant_id_unit_id_pattern_key DO UPDATE SET "
        "effect = excluded.effect, valid_from = excluded.valid_from, valid_until = excluded.valid_until";
    change.after.own_rights[{{op.a, op.b, op.c}, op.text}] = {op.d != 0, static_cast<Validity>(op.e)};
}

void plan_right_remove(Change& change) {
    const Op& op = change.op;
    if (!change.has_unit(op.c)) return;
    change.step.applies = true;
    change.step.sql = "DELETE FROM bastion.user_permissions WHERE user_id = '" + user_id(op.a) + "' AND tenant_id = '" +
                      tenant_id(op.b) + "' AND unit_id IS NOT DISTINCT FROM " + change.unit(op.c) + " AND pattern = '" +
                      op.text + "'";
    change.after.own_rights.erase({{op.a, op.b, op.c}, op.text});
}

// a is the user, b the role.
void plan_platform(Change& change) {
    const Op& op = change.op;
    if (tenant_of_role(op.b) != nobody) return;
    change.step.applies = true;
    if (op.kind == Kind::admin_platform_remove) {
        change.step.sql = "DELETE FROM bastion.platform_roles WHERE user_id = '" + user_id(op.a) + "' AND role_id = '" +
                          role_id(op.b) + "'";
        change.after.platform_roles.erase({op.a, op.b});
        return;
    }
    change.step.sql = "INSERT INTO bastion.platform_roles (user_id, role_id, valid_from, valid_until) VALUES ('" +
                      user_id(op.a) + "', '" + role_id(op.b) + "', " + period(op.e) +
                      ") ON CONFLICT ON CONSTRAINT platform_roles_pkey DO UPDATE SET valid_from = excluded.valid_from, "
                      "valid_until = excluded.valid_until";
    change.after.platform_roles[{op.a, op.b}] = static_cast<Validity>(op.e);
}

// a is the unit, b its parent or nobody.
void plan_unit_move(Change& change) {
    const Op& op = change.op;
    if (!change.has_unit(op.a) || !change.has_unit(op.b) ||
        (op.b != nobody && tenant_of_unit(op.a) != tenant_of_unit(op.b)))
        return;
    change.step.applies = true;
    if (op.b == nobody) {
        change.step.sql = "DELETE FROM bastion.unit_parents WHERE unit_id = " + change.unit(op.a);
    } else {
        change.step.sql = "INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) VALUES (" +
                          change.unit(op.a) + ", '" + tenant_id(tenant_of_unit(op.a)) + "', " + change.unit(op.b) +
                          ") ON CONFLICT (unit_id) DO UPDATE SET parent_id = excluded.parent_id";
        if (change.after.is_at_or_above(op.a, op.b)) return change.fail("23514");
    }
    change.after.units[op.a].parent = op.b;
}

void plan_unit_make(Change& change) {
    const Op& op = change.op;
    Unit& unit = change.after.units[op.a];
    if (unit.exists) return;
    change.step.applies = true;
    const int tenant = tenant_of_unit(op.a);
    unit = {true, nobody, change.after.new_acl({tenant, AclKind::unit, op.a, nobody}), ++change.after.generations};
    change.step.sql = "INSERT INTO bastion.units (id, tenant_id, kind, name) VALUES (" + change.unit(op.a) + ", '" +
                      tenant_id(tenant) + "', 'team', 'unit " + text(op.a) + "')";
}

void plan_unit_remove(Change& change) {
    const Op& op = change.op;
    if (!change.after.units[op.a].exists) return;
    change.step.applies = true;
    change.step.sql = "DELETE FROM bastion.units WHERE id = " + change.unit(op.a);
    if (change.after.has_children(op.a)) return change.fail("23503");
    change.after.remove_unit(op.a);
}

void plan_status(Change& change) {
    const Op& op = change.op;
    const bool of_user = op.kind == Kind::admin_user;
    change.step.applies = true;
    change.step.sql = of_user
                          ? "UPDATE bastion.users SET status = '" + std::string(op.b != 0 ? "active" : "disabled") +
                                "' WHERE id = '" + user_id(op.a) + "'"
                          : "UPDATE bastion.tenants SET status = '" + std::string(op.b != 0 ? "active" : "suspended") +
                                "' WHERE id = '" + tenant_id(op.a) + "'";
    (of_user ? change.after.active_users[op.a] : change.after.active_tenants[op.a]) = op.b != 0;
}

// A share of a default ACL: a and b name the ACL, c and d the subject, e the level, or 0 for a share that has ended.
void plan_entry(Change& change) {
    const Op& op = change.op;
    const auto kind = static_cast<AclKind>(op.a);
    const auto subject = static_cast<Subject>(op.c);
    if (kind == AclKind::unit && !change.has_unit(op.b)) return;
    if (subject == Subject::unit && !change.has_unit(op.d)) return;
    const int user = op.b % user_count;
    const int tenant = op.b / user_count;
    if (kind == AclKind::user && (tenant >= tenant_count || !change.after.user_acls.contains({user, tenant}))) return;
    const int acl = kind == AclKind::tenant ? change.after.tenant_acls[op.b]
                    : kind == AclKind::unit ? change.after.units[op.b].acl
                                            : change.after.user_acls.at({user, tenant});
    static const char* const kinds[] = {"user", "unit", "role", "tenant"};
    const std::string id = subject == Subject::user   ? quoted(user_id(op.d))
                           : subject == Subject::unit ? change.unit(op.d)
                           : subject == Subject::role ? quoted(role_id(op.d))
                                                      : quoted(tenant_id(op.d));
    change.step.applies = true;
    change.step.sql =
        "INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until) VALUES (" +
        (kind == AclKind::user ? acl_query(change.after, kind, user, tenant) : acl_query(change.after, kind, op.b, 0)) +
        ", '" + kinds[op.c] + "', " + id + ", " + text(std::max(op.e, 1)) + ", " +
        (op.e == 0 ? "'2001-01-01'" : "NULL") +
        ") ON CONFLICT ON CONSTRAINT acl_entries_pkey DO UPDATE SET level = excluded.level, "
        "valid_until = excluded.valid_until";
    change.after.entries[{acl, subject, op.d}] = {std::max(op.e, 1), op.e == 0 ? Validity::over : Validity::always};
}

// Without an identity a row gets the ACL of its owner, that of rows without an owner, or that of its tenant.
int acl_of_row(State& state, const Table& table, int tenant, int owner) {
    if (table.sharing == Sharing::none) return nobody;
    if (table.visibility == Visibility::owner) return state.acl_of_user(owner, tenant);
    return state.tenant_acls[tenant];
}

// a names a unit, plus 1, whose ACL the row gets, b is the table, c the id, d the tenant, e the owner.
void plan_insert(Change& change) {
    const Op& op = change.op;
    Table& table = change.after.tables[op.b];
    if (change.world.frozen) return;
    const int unit = op.a - 1;
    const bool lists = table.is_protected && table.sharing != Sharing::none;
    const bool of_unit = unit != nobody && lists && change.has_unit(unit) && tenant_of_unit(unit) == op.d;
    change.step.applies = true;
    change.step.sql = "INSERT INTO " + table_name(op.b) + " (id, tenant, owner, v" + (of_unit ? ", acl_id" : "") +
                      ") VALUES (" + text(op.c) + ", " + tenant_value(op.b, op.d) + ", " +
                      (op.e == nobody ? "NULL" : quoted(user_id(op.e))) + ", 1" +
                      (of_unit ? ", " + acl_query(change.after, AclKind::unit, unit, 0) : "") + ")";
    if (table.rows.contains(op.c)) return change.fail("23505");
    const int acl = of_unit              ? change.after.units[unit].acl
                    : table.is_protected ? acl_of_row(change.after, table, op.d, op.e)
                                         : nobody;
    table.rows[op.c] = {op.d, op.e, acl, 1, nobody};
}

void plan_delete(Change& change) {
    const Op& op = change.op;
    if (change.world.frozen) return;
    change.step.applies = true;
    change.step.sql = "DELETE FROM " + table_name(op.b) + " WHERE id = " + text(op.c);
    change.after.tables[op.b].rows.erase(op.c);
}

// b is the table, c the sharing, d the visibility.
void plan_protect(Change& change) {
    static const char* const sharings[] = {"NULL", "'tenant'", "'cross_tenant'"};
    static const char* const visibilities[] = {"tenant", "unit", "owner"};
    const Op& op = change.op;
    if (change.world.in_transaction) return;
    Table& table = change.after.tables[op.b];
    const bool had_lists = table.is_protected && table.sharing != Sharing::none;
    table.is_protected = true;
    table.sharing = static_cast<Sharing>(op.c);
    table.visibility = table.sharing == Sharing::none ? Visibility::tenant : static_cast<Visibility>(op.d);
    change.step.applies = true;
    change.step.sql = "SELECT FROM bastion.protect('" + table_name(op.b) +
                      "', tenant_column => 'tenant', owner_column => 'owner', sharing => " + sharings[op.c] +
                      ", visibility => '" + visibilities[static_cast<int>(table.visibility)] + "'" +
                      (op.b == 5 ? ", actions => '{\"update\": \"edit\"}'" : "") + ")";
    change.after.register_table(op.b);
    if (had_lists && table.sharing != Sharing::none) return;
    for (auto& [id, row] : table.rows) {
        row.acl = acl_of_row(change.after, table, row.tenant, row.owner);
        row.shared_as = nobody;
    }
}

void plan_unprotect(Change& change) {
    const Op& op = change.op;
    Table& table = change.after.tables[op.b];
    if (change.world.in_transaction || !table.is_protected) return;
    change.step.applies = true;
    change.step.sql = "SELECT FROM bastion.unprotect('" + table_name(op.b) + "')";
    table.is_protected = false;
    for (auto& [id, row] : table.rows) row.acl = row.shared_as = nobody;
}

// As the table of ACLs names it.
const char* kind_of(const Acl& acl) {
    static const char* const kinds[] = {"tenant", "unit", "user", "row"};
    return acl.kind == AclKind::user && acl.place == nobody ? "nobody" : kinds[static_cast<int>(acl.kind)];
}

// Every row as it is in the table: its owner, and the kind of its ACL and of the base ACL.
void plan_dump(Change& change) {
    const int number = change.op.b;
    const Table& table = change.after.tables[number];
    const bool lists = table.is_protected && table.sharing != Sharing::none;
    change.step.applies = !change.world.in_transaction;
    const std::string head =
        "SELECT concat_ws(' ', t.id, n.number - 1000, coalesce(right(t.owner::text, 3)::int - 100, -1), t.v";
    const std::string tail = " FROM " + table_name(number) + " t JOIN bastion.tenants n ON n." +
                             (number == 1 || number == 4 ? "number" : "id") + " = t.tenant";
    change.step.sql = lists ? head + ", a.kind, b.kind)" + tail +
                                  " LEFT JOIN bastion.acls a ON a.id = t.acl_id AND a.tenant_id = n.id "
                                  "LEFT JOIN bastion.acls b ON b.id = a.base_acl_id"
                            : head + ")" + tail;
    std::vector<std::string> out;
    for (const auto& [id, row] : table.rows) {
        std::string line = text(id) + " " + text(row.tenant) + " " + text(row.owner) + " " + text(row.value);
        for (int acl = lists ? row.acl : nobody; acl != nobody; acl = change.after.acls[acl].base)
            line += std::string(" ") + kind_of(change.after.acls[acl]);
        out.push_back(line);
    }
    change.step.rows = out;
}

void plan_change(Change& change) {
    switch (change.op.kind) {
        case Kind::admin_membership: return plan_membership(change);
        case Kind::admin_membership_remove: return plan_membership_remove(change);
        case Kind::admin_pattern: return plan_pattern(change);
        case Kind::admin_inherit: return plan_inherit(change);
        case Kind::admin_right: return plan_right(change);
        case Kind::admin_right_remove: return plan_right_remove(change);
        case Kind::admin_platform:
        case Kind::admin_platform_remove: return plan_platform(change);
        case Kind::admin_unit_move: return plan_unit_move(change);
        case Kind::admin_unit_make: return plan_unit_make(change);
        case Kind::admin_unit_remove: return plan_unit_remove(change);
        case Kind::admin_user:
        case Kind::admin_tenant: return plan_status(change);
        case Kind::admin_entry: return plan_entry(change);
        case Kind::admin_insert: return plan_insert(change);
        case Kind::admin_delete: return plan_delete(change);
        case Kind::admin_protect: return plan_protect(change);
        case Kind::admin_unprotect: return plan_unprotect(change);
        default: return plan_dump(change);
    }
}

}  // namespace

std::string acl_query(const State& state, AclKind kind, int a, int b) {
    switch (kind) {
        case AclKind::tenant: return "(SELECT acl_id FROM bastion.tenants WHERE id = '" + tenant_id(a) + "')";
        case AclKind::unit: return "(SELECT acl_id FROM bastion.units WHERE id = " + unit_or_null(state, a) + ")";
        default: break;
    }
    return "(SELECT id FROM bastion.acls WHERE user_id = '" + user_id(a) + "' AND tenant_id = '" + tenant_id(b) + "')";
}

// The operator does not wait for locks that the connection of the application may hold.
void interpret_admin(const World& world, const Op& op, Step& step) {
    if (world.aborted || (world.in_transaction && world.wrote)) return;
    step.admin = true;
    Change change{world, op, step, world.now};
    plan_change(change);
    if (step.applies && step.may_succeed) step.after = std::make_shared<State>(std::move(change.after));
}

}  // namespace model
