// Statements on rows, in the many shapes in which a policy can meet a query.
#include <functional>

#include "world.hpp"

namespace model {
namespace {

using Test = std::function<bool(const Row&)>;

std::string text(int number) { return std::to_string(number); }
std::string line(int id, const Row& row) { return text(id) + "|" + text(row.value); }
std::string between(const Op& op) { return " BETWEEN " + text(op.c) + " AND " + text(op.d); }

// One statement about one table, by the role and identity of the moment.
struct Setting {
    const World& world;
    const Op& op;
    const Server& server;
    Step& step;
    int table;
    Gate gate;

    [[nodiscard]] const Table& rows() const { return world.now.tables[table]; }
    [[nodiscard]] bool in_range(int id) const { return id >= op.c && id <= op.d; }

    // A refused identity fails the statement as soon as a policy asks, which it may not when there is no row.
    void refuse(bool always) const {
        step.errors.insert(gate.decision().error);
        step.may_succeed = !always;
        step.after.reset();
        step.rows = std::vector<std::string>{};
        step.count.reset();
    }

    [[nodiscard]] std::vector<int> matching(const Test& test) const {
        std::vector<int> out;
        for (const auto& [id, row] : rows().rows)
            if (in_range(id) && test(row)) out.push_back(id);
        return out;
    }

    State& change() const {
        step.after = std::make_shared<State>(world.now);
        return *step.after;
    }
};

// For one statement: starting workers takes time.
std::string in_parallel(const Server& server, const std::string& sql) {
    const std::string force = server.version >= 16 ? "debug_parallel_query" : "force_parallel_mode";
    return "SET LOCAL " + force +
           " = on; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_setup_cost = 0; "
           "SET LOCAL parallel_tuple_cost = 0; " +
           sql + "; SET LOCAL " + force +
           " = off; SET LOCAL min_parallel_table_scan_size TO DEFAULT; SET LOCAL parallel_setup_cost TO DEFAULT; "
           "SET LOCAL parallel_tuple_cost TO DEFAULT";
}

std::string select_sql(const Setting& s) {
    const std::string table = table_name(s.table);
    const std::string range = between(s.op);
    const std::string plain = "SELECT id, v FROM " + table + " WHERE id" + range;
    switch (s.op.a) {
        case 1: return "EXECUTE read_" + resource(s.table) + "(" + text(s.op.c) + ", " + text(s.op.d) + ")";
        case 2: return "SELECT t.id, t.v FROM mt.ids i JOIN " + table + " t USING (id) WHERE i.id" + range;
        case 3: return "SELECT id, v FROM mt.view_" + resource(s.table) + " WHERE id" + range;
        case 4: return "COPY (" + plain + ") TO STDOUT (DELIMITER '|')";
        case 5: return plain + " ORDER BY v, id LIMIT 1000";
        case 6:
            return "SELECT i.id, s.v FROM mt.ids i, LATERAL (SELECT t.v FROM " + table +
                   " t WHERE t.id = i.id LIMIT 1) s WHERE i.id" + range;
        case 7: return "SELECT * FROM mt.read_" + resource(s.table) + "(" + text(s.op.c) + ", " + text(s.op.d) + ")";
        case 8: return plain + " FOR UPDATE";
        case 9: return in_parallel(s.server, plain);
        case 10: return "WITH m AS MATERIALIZED (" + plain + ") SELECT * FROM m UNION SELECT * FROM m";
        default: return plain;
    }
}

void plan_select(Setting s) {
    const bool locks = s.op.a == 8;
    if (s.op.a == 9 && !s.world.in_transaction) return;
    if (locks && s.world.vars.role == bypass_role) return;
    s.step.applies = true;
    s.step.writes = locks;
    s.step.sql = select_sql(s);
    std::vector<std::string> out;
    for (const int id :
         s.matching([&](const Row& row) { return s.gate.reads(row) && (!locks || s.gate.updates(row)); }))
        out.push_back(line(id, s.rows().rows.at(id)));
    s.step.rows = out;
    if (s.gate.refused()) s.refuse(false);
}

// The ACL of a new row, which may have to be created for its owner; nobody when there is none.
int default_acl(State& state, const Table& table, const Identity& identity) {
    if (table.sharing == Sharing::none) return nobody;
    switch (table.visibility) {
        case Visibility::tenant: return state.tenant_acls[identity.tenant];
        case Visibility::unit: return identity.unit == nobody ? nobody : state.units[identity.unit].acl;
        case Visibility::owner: break;
    }
    return state.acl_of_user(identity.user, identity.tenant);
}

// A new row of the identity, or of the tenant that the statement names. Nothing when no trigger can set its ACL.
std::optional<Row> new_row(const Setting& s, State& state, int named_tenant, int value) {
    const Identity& identity = s.gate.decision().identity;
    const int acl = default_acl(state, s.rows(), identity);
    if (s.rows().sharing != Sharing::none && acl == nobody) return std::nullopt;
    return Row{named_tenant == nobody ? identity.tenant : named_tenant, identity.user, acl, value, nobody};
}

std::string insert_sql(const Setting& s, bool names_tenant) {
    const std::string columns = names_tenant ? "(id, v, tenant)" : "(id, v)";
    const std::string values =
        "(" + text(s.op.c) + ", " + text(s.op.d) + (names_tenant ? ", " + tenant_value(s.table, s.op.e) : "") + ")";
    return "INSERT INTO " + table_name(s.table) + " " + columns + " VALUES " + values;
}

// An unauthenticated client cannot add a row: the policy refuses it, or before that a trigger does.
bool refuses_stranger(const Setting& s) {
    if (s.gate.refused()) {
        s.refuse(true);
        return true;
    }
    if (s.gate.decision().standing == Standing::authenticated) return false;
    s.step.errors = {"42501", "23503"};
    s.step.may_succeed = false;
    return true;
}

// The ACL of a new row may not exist in the State of the Gate.
bool reads_new(const Setting& s, const State& after, const Row& row) {
    World then = s.world;
    then.now = after;
    return Gate(then, s.table).reads(row);
}

// a: 0 plain, 1 with RETURNING. c is the id, d the value, e the tenant that is named or nobody.
void plan_insert(Setting s) {
    if (s.gate.open() || (s.world.disturbed && s.rows().visibility == Visibility::owner)) return;
    s.step.applies = s.step.writes = true;
    s.step.sql = insert_sql(s, s.op.e != nobody) + (s.op.a == 1 ? " RETURNING id, v" : "");
    if (refuses_stranger(s)) return;
    State& after = s.change();
    const std::optional<Row> row = new_row(s, after, s.op.e, s.op.d);
    if (!row || !s.gate.creates(*row, row->acl) || (s.op.a == 1 && !reads_new(s, after, *row)))
        s.step.errors.insert("42501");
    if (s.rows().rows.contains(s.op.c)) s.step.errors.insert("23505");
    if (s.step.errors.contains("42501")) s.step.errors = {"42501"};
    s.step.may_succeed = s.step.errors.empty();
    if (!s.step.may_succeed) return;
    after.tables[s.table].rows[s.op.c] = *row;
    s.step.count = 1;
    if (s.op.a == 1) s.step.rows = {line(s.op.c, *row)};
}

// a: 0 DO NOTHING, 1 DO UPDATE.
void plan_upsert(Setting s) {
    if (s.gate.open() || (s.world.disturbed && s.rows().visibility == Visibility::owner)) return;
    s.step.applies = s.step.writes = true;
    s.step.sql =
        insert_sql(s, false) + " ON CONFLICT (id) DO " + (s.op.a == 0 ? "NOTHING" : "UPDATE SET v = excluded.v");
    if (refuses_stranger(s)) return;
    State& after = s.change();
    const std::optional<Row> row = new_row(s, after, nobody, s.op.d);
    const auto old = s.rows().rows.find(s.op.c);
    bool allowed = row && s.gate.creates(*row, row->acl) && reads_new(s, after, *row);
    s.step.count = 1;
    if (old == s.rows().rows.end()) {
        if (row) after.tables[s.table].rows[s.op.c] = *row;
    } else if (s.op.a == 0) {
        s.step.count = 0;
    } else {
        allowed = allowed && s.gate.reads(old->second) && s.gate.updates(old->second);
        after.tables[s.table].rows[s.op.c].value = s.op.d;
    }
    if (!allowed) s.step.errors.insert("42501");
    s.step.may_succeed = allowed;
}

std::string update_sql(const Setting& s) {
    const std::string table = table_name(s.table);
    const std::string range = between(s.op);
    switch (s.op.a) {
        case 0: return "UPDATE " + table + " SET v = v + 1 WHERE id" + range + " RETURNING id, v";
        case 1: return "UPDATE " + table + " SET v = v + 1 WHERE id" + range;
        case 2: return "UPDATE " + table + " t SET v = t.v + 1 FROM mt.ids i WHERE i.id = t.id AND i.id" + range;
        case 3: return "EXECUTE write_" + resource(s.table) + "(" + text(s.op.c) + ", " + text(s.op.d) + ")";
        case 4:
            return "WITH u AS (UPDATE " + table + " SET v = v + 1 WHERE id" + range +
                   " RETURNING id, v) SELECT * FROM u";
        default: return "UPDATE " + table + " SET v = 7";
    }
}

// a: 5 names no column that it reads, so the policies for SELECT do not count.
void plan_update(Setting s) {
    if (s.gate.open()) return;
    const bool blind = s.op.a == 5;
    s.step.applies = s.step.writes = true;
    s.step.sql = update_sql(s);
    State& after = s.change();
    std::vector<std::string> out;
    long count = 0;
    for (auto& [id, row] : after.tables[s.table].rows) {
        if (!s.gate.updates(row) || (!blind && !(s.in_range(id) && s.gate.reads(row)))) continue;
        row.value = blind ? 7 : row.value + 1;
        out.push_back(line(id, row));
        ++count;
    }
    if (s.op.a == 0 || s.op.a == 4) s.step.rows = out;
    if (s.op.a != 4) s.step.count = count;
    if (s.gate.refused()) s.refuse(false);
}

void plan_remove(Setting s) {
    if (s.gate.open()) return;
    const std::string table = table_name(s.table);
    s.step.applies = s.step.writes = true;
    s.step.sql = s.op.a == 0 ? "DELETE FROM " + table + " WHERE id" + between(s.op) + " RETURNING id"
                             : "DELETE FROM " + table + " t USING mt.ids i WHERE i.id = t.id AND i.id" + between(s.op);
    State& after = s.change();
    std::vector<std::string> out;
    for (const int id : s.matching([&](const Row& row) { return s.gate.reads(row) && s.gate.deletes(row); })) {
        out.push_back(text(id));
        after.tables[s.table].rows.erase(id);
    }
    s.step.count = static_cast<long>(out.size());
    if (s.op.a == 0) s.step.rows = out;
    if (s.gate.refused()) s.refuse(false);
}

// a: 0 updates the rows it finds, 1 deletes them. A found row that it may not change fails the statement.
void plan_merge(Setting s) {
    if (s.gate.open() || (s.world.disturbed && s.rows().visibility == Visibility::owner)) return;
    s.step.applies = s.step.writes = true;
    s.step.sql = "MERGE INTO " + table_name(s.table) + " t USING (VALUES (" + text(s.op.c) + ", " + text(s.op.d) +
                 ")) n (id, v) ON t.id = n.id WHEN MATCHED THEN " + (s.op.a == 0 ? "UPDATE SET v = n.v" : "DELETE") +
                 " WHEN NOT MATCHED THEN INSERT (id, v) VALUES (n.id, n.v)";
    if (refuses_stranger(s)) return;
    State& after = s.change();
    const auto old = s.rows().rows.find(s.op.c);
    s.step.count = 1;
    if (old != s.rows().rows.end() && s.gate.reads(old->second)) {
        if (!(s.op.a == 0 ? s.gate.updates(old->second) : s.gate.deletes(old->second))) s.step.errors.insert("42501");
        if (s.op.a == 0)
            after.tables[s.table].rows[s.op.c].value = s.op.d;
        else
            after.tables[s.table].rows.erase(s.op.c);
    } else {
        const std::optional<Row> row = new_row(s, after, nobody, s.op.d);
        const bool readable = s.server.version < 17 || (row && reads_new(s, after, *row));
        if (!row || !s.gate.creates(*row, row->acl) || !readable)
            s.step.errors.insert("42501");
        else if (old != s.rows().rows.end())
            s.step.errors.insert("23505");
        else
            after.tables[s.table].rows[s.op.c] = *row;
    }
    s.step.may_succeed = s.step.errors.empty();
}

// Moves a row to another tenant, or to a foreign ACL: fails for every user, when there is a row to move.
void plan_steal(Setting s) {
    if (s.gate.open() || s.world.vars.role == table_owner_role) return;
    const bool by_acl = s.op.a == 1 && s.rows().sharing != Sharing::none;
    s.step.applies = s.step.writes = true;
    s.step.sql = "UPDATE " + table_name(s.table) + " SET " +
                 (by_acl ? "acl_id = -1" : "tenant = " + tenant_value(s.table, s.op.e)) + " WHERE id" + between(s.op);
    bool moves = false;
    long found = 0;
    for (const int id : s.matching([&](const Row& row) { return s.gate.reads(row) && s.gate.updates(row); })) {
        moves = moves || by_acl || s.rows().rows.at(id).tenant != s.op.e;
        ++found;
    }
    s.step.count = found;
    if (moves) s.step.errors.insert("42501");
    s.step.may_succeed = !moves;
    if (s.gate.refused()) s.refuse(false);
}

// The rollback of a subtransaction undoes its changes, granted and revoked rights included.
void plan_exception_block(Setting s) {
    if (s.gate.open()) return;
    s.step.applies = s.step.writes = true;
    const std::string table = table_name(s.table);
    const std::string share = "PERFORM bastion.share('" + table + "', '" + text(s.op.c) + "', with_tenant => '" +
                              tenant_id(s.op.e) + "', level => 'manage'); ";
    s.step.sql = "DO $$ BEGIN " + (s.op.a == 1 ? share : "") + "UPDATE " + table + " SET v = v + 1 WHERE id" +
                 between(s.op) + "; RAISE EXCEPTION 'undo'; EXCEPTION WHEN OTHERS THEN NULL; END $$";
}

void plan_copy_from(Setting s) {
    if (s.gate.open()) return;
    s.step.applies = true;
    s.step.sql = "COPY " + table_name(s.table) + " (id, v) FROM STDIN";
    s.step.errors.insert("0A000");
    s.step.may_succeed = false;
}

// a is the number of the cursor, b the table.
void plan_open(Setting s) {
    if (!s.world.in_transaction || s.world.cursors.contains(s.op.a)) return;
    s.step.applies = true;
    s.step.sql = "DECLARE c" + text(s.op.a) + " CURSOR FOR SELECT id, v FROM " + table_name(s.table) +
                 (s.op.c == 0 ? "" : " ORDER BY id");
}

void plan_fetch(const World& world, const Op& op, Step& step) {
    const auto found = world.cursors.find(op.a);
    if (found == world.cursors.end()) return;
    World then = world;
    then.now.tables[found->second.table].rows = found->second.rows;
    then.vars.role = found->second.role;
    const Gate gate(then, found->second.table);
    step.applies = true;
    step.sql = "FETCH " + std::string(op.c == 0 ? "ALL" : text(op.c)) + " FROM c" + text(op.a);
    step.cursor = op.a;
    if (gate.refused()) step.errors.insert(gate.decision().error);
}

void plan_rows(Setting s) {
    switch (s.op.kind) {
        case Kind::select: return plan_select(s);
        case Kind::insert: return plan_insert(s);
        case Kind::upsert: return plan_upsert(s);
        case Kind::update: return plan_update(s);
        case Kind::remove: return plan_remove(s);
        case Kind::merge: return plan_merge(s);
        case Kind::steal: return plan_steal(s);
        case Kind::exception_block: return plan_exception_block(s);
        case Kind::copy_from: return plan_copy_from(s);
        default: return plan_open(s);
    }
}

}  // namespace

// b is the table, c and d are ids.
void interpret_rows(const World& world, const Op& op, const Server& server, Step& step) {
    if (world.aborted) return;
    if (op.kind == Kind::fetch) return plan_fetch(world, op, step);
    if (world.vars.role == bypass_role && op.kind != Kind::select) return;
    plan_rows({world, op, server, step, op.b, Gate(world, op.b)});
    if (world.vars.role != stranger_role || !step.applies || op.kind == Kind::exception_block) return;
    step.errors = {"42501"};
    step.may_succeed = false;
    step.after.reset();
}

}  // namespace model
