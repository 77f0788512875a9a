#include "pg/base/caller_scope.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/query_run.hpp"

namespace bastion::pg {
namespace {

// The hooks that a statement passed through, for the canary.
enum Hook : unsigned { plans = 1, starts = 2, runs = 4, finishes = 8, all_hooks = 15 };

struct Scope {
    bool on;
    Oid user;
    int security;
    Oid level_user;  // the user of the innermost level of the executor
    unsigned seen;
};

Scope scope{};
planner_hook_type next_planner = nullptr;
ExecutorStart_hook_type next_start = nullptr;
ExecutorRun_hook_type next_run = nullptr;
ExecutorFinish_hook_type next_finish = nullptr;

struct UserContext {
    Oid user;
    int security;
};

UserContext current_context() {
    UserContext context{};
    GetUserIdAndSecContext(&context.user, &context.security);
    return context;
}

void set_context(const UserContext& context) { SetUserIdAndSecContext(context.user, context.security); }

// The context in which the server runs the statement of a foreign key, as a role whose rights the scope's user lacks.
bool is_borrowed(const UserContext& context) {
    constexpr int of_foreign_key = SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS;
    return scope.on && (context.security & of_foreign_key) == of_foreign_key && scope.level_user == scope.user &&
           context.user != scope.user && !has_privs_of_role(scope.user, context.user);
}

// Runs a step of the executor or planner, as the scope's user where it would run with borrowed rights. On ERROR the
// transaction machinery restores the user.
template <class Step>
void as_scope_user(const UserContext& outer, Step&& step) {
    if (!is_borrowed(outer)) {
        step();
        return;
    }
    SetUserIdAndSecContext(scope.user, scope.security);
    step();
    set_context(outer);
}

// The same for a step in which statements of a deeper level run.
template <class Step>
void at_next_level(Step&& step) {
    const UserContext outer = current_context();
    const Oid level_user = scope.level_user;
    const Oid runs_as = is_borrowed(outer) ? scope.user : outer.user;
    PG_TRY();
    {
        as_scope_user(outer, [&] {
            scope.level_user = runs_as;
            step();
        });
    }
    PG_FINALLY();
    { scope.level_user = level_user; }
    PG_END_TRY();
}

PlannedStmt* plan_next(Query* query, const char* sql, int options, ParamListInfo parameters) {
    return next_planner != nullptr ? next_planner(query, sql, options, parameters)
                                   : standard_planner(query, sql, options, parameters);
}

PlannedStmt* plan(Query* query, const char* sql, int options, ParamListInfo parameters) {
    if (!scope.on) return plan_next(query, sql, options, parameters);
    scope.seen |= plans;
    PlannedStmt* planned = nullptr;
    as_scope_user(current_context(), [&] { planned = plan_next(query, sql, options, parameters); });
    return planned;
}

void start_next(QueryDesc* query, int flags) {
    if (next_start != nullptr)
        next_start(query, flags);
    else
        standard_ExecutorStart(query, flags);
}

// Partitions are pruned and expressions prepared here, so it is not left to the owner; the privileges are.
void start(QueryDesc* query, int flags) {
    if (!scope.on) {
        start_next(query, flags);
        return;
    }
    scope.seen |= starts;
    const UserContext outer = current_context();
    if (is_borrowed(outer)) query->plannedstmt = compat::check_plan_as(query->plannedstmt, outer.user);
    as_scope_user(outer, [&] { start_next(query, flags); });
}

void run_next(BASTION_EXECUTOR_RUN_PARAMS) {
    if (next_run != nullptr)
        next_run(BASTION_EXECUTOR_RUN_ARGS);
    else
        standard_ExecutorRun(BASTION_EXECUTOR_RUN_ARGS);
}

void run(BASTION_EXECUTOR_RUN_PARAMS) {
    if (!scope.on) {
        run_next(BASTION_EXECUTOR_RUN_ARGS);
        return;
    }
    scope.seen |= runs;
    at_next_level([&] { run_next(BASTION_EXECUTOR_RUN_ARGS); });
}

void finish_next(QueryDesc* query) {
    if (next_finish != nullptr)
        next_finish(query);
    else
        standard_ExecutorFinish(query);
}

void finish(QueryDesc* query) {
    if (!scope.on) {
        finish_next(query);
        return;
    }
    scope.seen |= finishes;
    at_next_level([&] { finish_next(query); });
}

// With the first scope of a backend, so that backends without one pay nothing, and after the hooks of libraries that
// were loaded before.
void install_hooks() {
    static bool installed = false;
    if (installed) return;
    next_planner = std::exchange(planner_hook, plan);
    next_start = std::exchange(ExecutorStart_hook, start);
    next_run = std::exchange(ExecutorRun_hook, run);
    next_finish = std::exchange(ExecutorFinish_hook, finish);
    installed = true;
}

// A library that was loaded later and does not pass its hooks on would switch the scope off silently.
void send_canary() {
    const char* sql = "SELECT";
    Query* query = parse_analyze_fixedparams(linitial_node(RawStmt, pg_parse_query(sql)), sql, nullptr, 0, nullptr);
    scope.seen = 0;
    run_query(query, sql, QueryParameters{0, nullptr, nullptr, ""});
    if (scope.seen != all_hooks)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("another library keeps pg_bastion from watching foreign keys"),
                        errdetail("It was loaded later and does not call the planner or executor hook that was there."),
                        errhint("Load it before pg_bastion: put it first in shared_preload_libraries.")));
}

}  // namespace

void run_in_scope(Oid user, int security, void (*body)(void*), void* argument) {
    install_hooks();
    const Scope saved = scope;
    const UserContext outer = current_context();
    const UserContext inner{user, security | SECURITY_LOCAL_USERID_CHANGE};
    set_context(inner);
    PG_TRY();
    {
        scope = Scope{true, inner.user, inner.security, inner.user, 0};
        send_canary();
        body(argument);
        Assert(scope.on && scope.user == inner.user && GetUserId() == inner.user);
    }
    PG_FINALLY();
    { scope = saved; }
    PG_END_TRY();
    set_context(outer);
}

void run_in_scope_of_caller(void (*body)(void*), void* argument) {
    const UserContext caller = current_context();
    run_in_scope(caller.user, caller.security, body, argument);
}

bool runs_as_scope_user() { return scope.on && scope.user == GetUserId(); }

ScopePause pause_scope() noexcept { return ScopePause{std::exchange(scope.on, false)}; }

void resume_scope(const ScopePause& pause) noexcept {
    Assert(!scope.on);
    scope.on = pause.was_on;
}

}  // namespace bastion::pg
