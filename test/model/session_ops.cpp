// The connection of the application: transactions, roles, identities and settings.
#include <algorithm>

#include "world.hpp"

namespace model {
namespace {

bool has_savepoint(const World& world, const std::string& name) {
    return std::any_of(world.savepoints.begin(), world.savepoints.end(),
                       [&](const Savepoint& savepoint) { return savepoint.name == name; });
}

bool has_functions(const World& world) { return world.vars.role != bypass_role && world.vars.role != stranger_role; }

Identity identity_of(const Op& op) { return {op.a, op.b, op.c}; }

void plan_authenticate(const World& world, const Op& op, const Server& server, Step& step) {
    const Identity identity = identity_of(op);
    step.applies = world.in_transaction && !world.aborted && has_functions(world);
    step.sql = "SELECT bastion.authenticate('" + server.tokens[op.a] + "', '" + tenant_id(op.b) + "', " +
               unit_or_null(world.now, op.c) + ")";
    if (op.c != nobody && !world.now.units[op.c].exists) step.applies = false;
    step.rows = {user_id(op.a)};
    step.vars_after = world.vars;
    step.vars_after->context = identity;
    if (!may_work(world.now, identity)) step.errors.insert("28000");
    const bool fixed = world.latch == Latch::nobody ||
                       (world.latch == Latch::identity && (world.latched.user != op.a || world.latched.tenant != op.b));
    if (fixed) step.errors.insert("25000");
    step.may_succeed = step.errors.empty();
}

// For drivers that cannot call a function first. The reader makes the decision.
void plan_present(const World& world, const Op& op, const Server& server, Step& step) {
    step.applies = world.in_transaction && !world.aborted && has_functions(world);
    if (op.c != nobody && !world.now.units[op.c].exists) step.applies = false;
    step.vars_after = world.vars;
    step.vars_after->token = identity_of(op);
    World then = world;
    then.vars = *step.vars_after;
    const Decision decision = decide(then);
    const std::string unit = op.c == nobody ? "''" : unit_or_null(world.now, op.c);
    step.sql = "SELECT set_config('bastion.tenant', '" + tenant_id(op.b) + "', true), set_config('bastion.unit', " +
               unit + ", true), set_config('bastion.token', '" + server.tokens[op.a] +
               "', true); SELECT bastion.user_id()";
    if (decision.standing == Standing::refused) {
        step.errors.insert(decision.error);
        step.may_succeed = false;
    }
    step.rows = {decision.standing == Standing::authenticated ? user_id(decision.identity.user) : ""};
}

const char* scan_settings(int number) {
    static const char* const modes[] = {
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_indexscan = on; SET enable_indexonlyscan = "
        "on",
        "SET enable_seqscan = off; SET enable_bitmapscan = on; SET enable_indexscan = off; SET enable_indexonlyscan = "
        "off",
        "SET enable_seqscan = on; SET enable_bitmapscan = off; SET enable_indexscan = off; SET enable_indexonlyscan = "
        "off",
        "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_nestloop = on",
        "SET enable_hashjoin = on; SET enable_mergejoin = off; SET enable_nestloop = off",
        "SET enable_hashjoin = off; SET enable_mergejoin = on; SET enable_nestloop = off",
        "RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_indexscan; RESET enable_indexonlyscan; "
        "RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_nestloop",
    };
    return modes[number % 7];
}

const char* role_statement(int role) {
    static const char* const statements[] = {"RESET ROLE", "SET ROLE model_app", "SET ROLE model_bypass",
                                             "SET ROLE model_stranger", "SET ROLE model_owner"};
    return statements[role];
}

}  // namespace

void interpret_session(const World& world, const Op& op, const Server& server, Step& step) {
    const bool inside = world.in_transaction && !world.aborted;
    switch (op.kind) {
        case Kind::begin:
        case Kind::begin_frozen:
            step.applies = !world.in_transaction;
            step.sql = op.kind == Kind::begin
                           ? "BEGIN"
                           : "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_catalog.pg_class LIMIT 0";
            break;
        case Kind::commit:
        case Kind::rollback:
            step.applies = world.in_transaction;
            step.sql = op.kind == Kind::commit ? "COMMIT" : "ROLLBACK";
            break;
        case Kind::savepoint:
            step.applies = inside;
            step.sql = "SAVEPOINT " + op.text;
            break;
        case Kind::rollback_to:
            step.applies = world.in_transaction && has_savepoint(world, op.text);
            step.sql = "ROLLBACK TO " + op.text;
            break;
        case Kind::release:
            step.applies = inside && has_savepoint(world, op.text);
            step.sql = "RELEASE " + op.text;
            break;
        case Kind::set_role:
            step.applies = !world.aborted;
            step.sql = role_statement(op.a);
            step.vars_after = world.vars;
            step.vars_after->role = op.a;
            break;
        case Kind::authenticate: plan_authenticate(world, op, server, step); break;
        case Kind::present: plan_present(world, op, server, step); break;
        case Kind::context_drop:
            step.applies = inside && has_functions(world);
            step.sql = "SELECT bastion.context_drop()";
            step.vars_after = world.vars;
            step.vars_after->context.reset();
            break;
        case Kind::scan_mode:
            step.applies = !world.aborted;
            step.sql = scan_settings(op.a);
            break;
        case Kind::generic_plans:
            step.applies = !world.aborted;
            step.sql = op.a != 0 ? "SET plan_cache_mode = force_generic_plan" : "RESET plan_cache_mode";
            break;
        default: step.applies = op.kind == Kind::reconnect && !world.in_transaction; break;
    }
}

Step interpret(const World& world, const Op& op, const Server& server) {
    Step step;
    if (op.kind <= Kind::reconnect)
        interpret_session(world, op, server, step);
    else if (op.kind <= Kind::fetch)
        interpret_rows(world, op, server, step);
    else if (op.kind <= Kind::unit_move)
        interpret_functions(world, op, step);
    else
        interpret_admin(world, op, step);
    return step;
}

}  // namespace model
