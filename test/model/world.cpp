// Identities and transactions: the current identity, and the effects of COMMIT, ROLLBACK and savepoints.
#include "world.hpp"

#include <algorithm>

namespace model {
namespace {

std::string uuid(const char* prefix, int number) {
    std::string digits = std::to_string(number);
    return prefix + std::string(12 - digits.size(), '0') + digits;
}

bool same_latch(const World& world, const Identity& identity) {
    return world.latched.user == identity.user && world.latched.tenant == identity.tenant;
}

void end_transaction(World& world) {
    world.in_transaction = world.aborted = world.wrote = world.frozen = world.disturbed = false;
    world.latch = Latch::open;
    world.vars.context.reset();
    world.vars.token.reset();
    world.savepoints.clear();
    world.cursors.clear();
}

std::size_t find_savepoint(const World& world, const std::string& name) {
    for (std::size_t i = world.savepoints.size(); i-- > 0;)
        if (world.savepoints[i].name == name) return i;
    return 0;
}

void roll_back_to(World& world, const std::string& name) {
    const std::size_t index = find_savepoint(world, name);
    world.savepoints.resize(index + 1);
    world.now = world.savepoints[index].state;
    world.vars = world.savepoints[index].vars;
    world.aborted = false;
    std::erase_if(world.cursors, [&](const auto& each) { return each.second.level > static_cast<int>(index); });
}

void release(World& world, const std::string& name) {
    const std::size_t index = find_savepoint(world, name);
    world.savepoints.resize(index);
    for (auto& [number, cursor] : world.cursors) cursor.level = std::min(cursor.level, static_cast<int>(index));
}

void settle_control(World& world, const Op& op) {
    switch (op.kind) {
        case Kind::begin:
        case Kind::begin_frozen:
            world.in_transaction = true;
            world.frozen = op.kind == Kind::begin_frozen;
            world.vars_before = world.vars;
            break;
        case Kind::commit:
        case Kind::rollback:
            if (op.kind == Kind::commit && !world.aborted) {
                world.base = world.now;
            } else {
                world.now = world.base;
                world.vars = world.vars_before;
            }
            end_transaction(world);
            break;
        case Kind::savepoint: world.savepoints.push_back({op.text, world.now, world.vars}); break;
        case Kind::rollback_to: roll_back_to(world, op.text); break;
        case Kind::release: release(world, op.text); break;
        case Kind::reconnect: world.vars = {}; break;
        case Kind::open: {
            const Table& table = world.now.tables[op.b];
            world.cursors[op.a] = {
                op.b, world.vars.role, table.rows, static_cast<int>(world.savepoints.size()), false, {}, {}, {}};
            break;
        }
        default: break;
    }
}

void note_latch(World& world, const Op& op) {
    if (op.kind == Kind::context_drop) {
        world.latch = Latch::nobody;
        return;
    }
    const Decision decision = decide(world);
    if (decision.standing != Standing::authenticated || world.latch != Latch::open) return;
    world.latch = Latch::identity;
    world.latched = decision.identity;
}

}  // namespace

Decision decide(const World& world) {
    const auto& [role, context, token] = world.vars;
    if (world.latch == Latch::nobody || (!context && !token)) return {Standing::anonymous, {}, ""};
    if (context && token) {
        if (context->user != token->user) return {Standing::refused, {}, "25000"};
        if (!may_work(world.now, *token)) return {Standing::refused, {}, "28000"};
        if (context->tenant != token->tenant) return {Standing::refused, {}, "25000"};
    }
    const Identity identity = context ? *context : *token;
    if (!may_work(world.now, identity)) return {Standing::refused, {}, "28000"};
    if (world.latch == Latch::identity && !same_latch(world, identity)) return {Standing::refused, {}, "25000"};
    return {Standing::authenticated, identity, ""};
}

void settle(World& world, const Op& op, const Step& step, bool succeeded) {
    if (step.writes && !step.admin) world.wrote = world.in_transaction;
    if (!succeeded) {
        world.aborted = !step.admin && world.in_transaction;
        return;
    }
    if (step.vars_after) world.vars = *step.vars_after;
    settle_control(world, op);
    if (op.kind == Kind::authenticate || op.kind == Kind::present || op.kind == Kind::context_drop)
        note_latch(world, op);
    if (step.after == nullptr) return;
    world.now = *step.after;
    if (step.admin && world.frozen) world.disturbed = true;
    if (!step.admin && world.in_transaction) return;
    world.base = world.now;
    for (Savepoint& savepoint : world.savepoints) savepoint.state = world.now;
}

std::string settle_fetch(World& world, int number, const std::vector<std::string>& rows, bool to_the_end) {
    Cursor& cursor = world.cursors.at(number);
    World then = world;
    then.now.tables[cursor.table].rows = cursor.rows;
    then.vars.role = cursor.role;
    const Gate gate(then, cursor.table);
    std::set<int> visible;
    if (!gate.refused())
        for (const auto& [id, row] : cursor.rows)
            if (gate.reads(row)) visible.insert(id);
    cursor.upper.insert(visible.begin(), visible.end());
    if (!cursor.fetched) cursor.lower = visible;
    std::erase_if(cursor.lower, [&](int id) { return !visible.contains(id); });
    cursor.fetched = true;
    for (const std::string& line : rows) {
        const int id = std::stoi(line);
        if (!cursor.upper.contains(id)) return "the cursor shows row " + std::to_string(id);
        if (!cursor.returned.insert(id).second) return "the cursor shows a row twice";
        if (line != std::to_string(id) + "|" + std::to_string(cursor.rows.at(id).value))
            return "another value: " + line;
    }
    if (to_the_end &&
        !std::includes(cursor.returned.begin(), cursor.returned.end(), cursor.lower.begin(), cursor.lower.end()))
        return "the cursor keeps a row back";
    return "";
}

std::string user_id(int user) { return uuid("00000000-0000-4000-8000-", user + 100); }
std::string tenant_id(int tenant) { return uuid("a0000000-0000-4000-8000-", tenant); }
std::string unit_id(int unit, int generation) { return uuid("b0000000-0000-4000-8000-", unit + 100 * generation); }
std::string role_id(int role) {
    return role < application_role ? uuid("ba571000-0000-4000-8000-", role + 1)
                                   : uuid("c0000000-0000-4000-8000-", role);
}
std::string table_name(int table) { return "mt." + resource(table); }
std::string quoted(const std::string& text) { return "'" + text + "'"; }
std::string unit_or_null(const State& state, int unit) {
    return unit == nobody ? "NULL" : quoted(unit_id(unit, state.units[unit].generation));
}

// Two of the tables keep the number of the tenant, which setup.sql chooses.
std::string tenant_value(int table, int tenant) {
    return table == 1 || table == 4 ? std::to_string(1000 + tenant) : quoted(tenant_id(tenant));
}

Gate::Gate(const World& world, int table)
    : table_(world.now.tables[table]),
      number_(table),
      open_(!table_.is_protected || world.vars.role == bypass_role),
      decision_(decide(world)) {
    if (decision_.standing == Standing::authenticated) judge_.emplace(world.now, decision_.identity);
}

bool Gate::passes(const std::string& action, const Row& row) const {
    if (open_) return true;
    if (!judge_) return false;
    const std::string name = permission(number_, action);
    if (table_.sharing == Sharing::cross_tenant) return judge_->may(name, row.acl, true);
    if (row.tenant != decision_.identity.tenant) return false;
    return table_.sharing == Sharing::none ? judge_->holds_everywhere(name) : judge_->may(name, row.acl, false);
}

// The read permission that a policy for update or delete requires beside its own.
bool Gate::passes_read_of(const Row& row, const std::string&) const {
    if (open_ || table_.sharing != Sharing::none) return passes("read", row);
    return judge_ && judge_->holds(permission(number_, "read"));
}

bool Gate::creates(const Row& row, int default_acl) const {
    if (open_) return true;
    const std::string name = permission(number_, "create");
    const bool in_unit = table_.sharing != Sharing::none && table_.visibility == Visibility::unit;
    return judge_ && row.tenant == decision_.identity.tenant &&
           (in_unit ? judge_->holds(name) : judge_->holds_everywhere(name)) &&
           (table_.sharing == Sharing::none || (default_acl != nobody && row.acl == default_acl));
}

}  // namespace model
