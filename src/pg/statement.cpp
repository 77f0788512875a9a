#include "pg/statement.hpp"

#include "pg/compat.hpp"
#include "pg/context.hpp"
#include "pg/grants.hpp"

namespace bastion::pg {
namespace {

ExecutorRun_hook_type previous_run = nullptr;
int depth = 0;

void begin_top_level_statement() {
    if (IsParallelWorker()) return;
    AcceptInvalidationMessages();
    refresh_decision();
}

// Before the executor enters parallel mode, in which nothing can be set any more.
bool will_need_parallel_mode(const QueryDesc* query) {
    return query->plannedstmt->parallelModeNeeded && !IsInParallelMode() && !IsParallelWorker() && !is_deciding();
}

void run(BASTION_EXECUTOR_RUN_PARAMS) {
    const bool top_level = depth == 0;
    ++depth;
    PG_TRY();
    {
        if (top_level) begin_top_level_statement();
        if (will_need_parallel_mode(query)) publish_grants();
        if (previous_run != nullptr)
            previous_run(BASTION_EXECUTOR_RUN_ARGS);
        else
            standard_ExecutorRun(BASTION_EXECUTOR_RUN_ARGS);
    }
    PG_FINALLY();
    { --depth; }
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
