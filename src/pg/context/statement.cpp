#include "pg/context/statement.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/statistics.hpp"
#include "pg/context/context.hpp"
#include "pg/context/grants.hpp"
#include "pg/key/root_keys.hpp"

namespace bastion::pg {
namespace {

ExecutorRun_hook_type previous_run = nullptr;
int depth = 0;

void begin_top_level_statement() {
    attach_statistics();
    if (IsParallelWorker()) return;
    AcceptInvalidationMessages();
    forget_root_keys_after_reload();
    refresh_decision();
}

// Before the executor enters parallel mode, in which no setting can change.
bool will_need_parallel_mode(const QueryDesc* query) {
    return query->plannedstmt->parallelModeNeeded && !IsInParallelMode() && !IsParallelWorker() && !is_deciding();
}

// The functions that read the sets, by schema, name and types of their arguments.
struct SetFunction {
    const char* schema;
    const char* name;
    Oid arguments[3];
};

constexpr SetFunction set_functions[] = {{"bastion", "can_by_acl", {TEXTOID, INT8OID}},
                                         {"bastion", "can_by_acl_anywhere", {TEXTOID, INT8OID}},
                                         {"bastion", "can_in_tenant", {TEXTOID, UUIDOID}},
                                         {"bastion", "acl_in_tenant", {TEXTOID, INT8OID, TEXTOID}},
                                         {"bastion", "acl_set", {TEXTOID}},
                                         {"bastion_internal", "acl_set_unfolded", {TEXTOID}},
                                         {"bastion", "acl_set_anywhere", {TEXTOID}},
                                         {"bastion_internal", "acl_set_anywhere_unfolded", {TEXTOID}},
                                         {"bastion", "tenant_set", {TEXTOID}},
                                         {"bastion_internal", "tenant_set_unfolded", {TEXTOID}},
                                         {"bastion", "default_acl", {TEXTOID}},
                                         {"bastion", "tenant_acl", {}},
                                         {"bastion", "unit_acl", {}}};

Oid find_set_function(const SetFunction& function) {
    const Oid schema = get_namespace_oid(function.schema, true);
    if (!OidIsValid(schema)) return InvalidOid;
    int count = 0;
    while (count < 3 && OidIsValid(function.arguments[count])) ++count;
    oidvector* types = buildoidvector(function.arguments, count);
    return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(function.name), PointerGetDatum(types),
                           ObjectIdGetDatum(schema));
}

bool depends_on_function(const PlannedStmt* plan, Oid function) {
    const uint32 hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
    ListCell* cell = nullptr;
    foreach (cell, plan->invalItems) {
        const auto* item = static_cast<PlanInvalItem*>(lfirst(cell));
        if (item->cacheId == PROCOID && item->hashValue == hash) return true;
    }
    return false;
}

// Whether the plan calls one of them. A plan lists the functions that it depends on by hash.
bool asks_for_sets(const PlannedStmt* plan) {
    if (plan->invalItems == NIL) return false;
    for (const SetFunction& function : set_functions) {
        const Oid found = find_set_function(function);
        if (OidIsValid(found) && depends_on_function(plan, found)) return true;
    }
    return false;
}

void run(BASTION_EXECUTOR_RUN_PARAMS) {
    const bool top_level = depth == 0;
    ++depth;
    PG_TRY();
    {
        if (top_level) begin_top_level_statement();
        if (will_need_parallel_mode(query)) publish_grants(asks_for_sets(query->plannedstmt));
        if (previous_run != nullptr)
            previous_run(BASTION_EXECUTOR_RUN_ARGS);
        else
            standard_ExecutorRun(BASTION_EXECUTOR_RUN_ARGS);
    }
    PG_FINALLY();
    {
        Assert(depth > 0);
        --depth;
    }
    PG_END_TRY();
}

void on_transaction_event(XactEvent event, void*) {
    switch (event) {
        case XACT_EVENT_COMMIT:
        case XACT_EVENT_ABORT:
        case XACT_EVENT_PREPARE:
        case XACT_EVENT_PARALLEL_COMMIT:
        case XACT_EVENT_PARALLEL_ABORT: end_transaction_context(); break;
        case XACT_EVENT_PRE_COMMIT:
        case XACT_EVENT_PARALLEL_PRE_COMMIT:
        case XACT_EVENT_PRE_PREPARE: break;
    }
}

}  // namespace

void watch_statements() {
    previous_run = ExecutorRun_hook;
    ExecutorRun_hook = run;
    RegisterXactCallback(on_transaction_event, nullptr);
}

// Under CALL and DO the portal is that of the utility statement.
bool directly_in_top_level_statement() noexcept {
    return depth == 1 && ActivePortal != nullptr && ActivePortal->strategy == PORTAL_ONE_SELECT;
}

}  // namespace bastion::pg
