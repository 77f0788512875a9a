#include "pg/planner/empty_scans.hpp"

#include "pg/base/compat.hpp"
#include "pg/context/context.hpp"
#include "pg/context/development.hpp"
#include "pg/planner/tenant_column.hpp"
#include "pg/session/token_setting.hpp"

extern "C" {
#include "executor/nodeSubplan.h"
}

namespace bastion::pg {
namespace {

// A scan that has not begun, the parameter that its column is compared with, and the function that PostgreSQL runs it with. In the
// memory of its query.
struct WatchedScan {
    PlanState* scan;
    int tenant;
    ExecProcNodeMtd run;
    WatchedScan* next;
};
WatchedScan* watched = nullptr;

// The query ends, in whatever way, and its memory with it.
void forget(void* scan) {
    WatchedScan** place = &watched;
    while (*place != scan) place = &(*place)->next;
    *place = (*place)->next;
}

TupleTableSlot* no_row(PlanState*) { return nullptr; }

// Asks for the tenant as the first row would.
bool has_tenant(const PlanState* scan, int parameter) {
    ParamExecData& tenant = scan->state->es_param_exec_vals[parameter];
    if (tenant.execPlan != nullptr) ExecSetParamPlan(static_cast<SubPlanState*>(tenant.execPlan), scan->ps_ExprContext);
    return !tenant.isnull;
}

TupleTableSlot* begin(PlanState* scan) {
    const WatchedScan* found = watched;
    while (found->scan != scan) found = found->next;
    const ExecProcNodeMtd run = has_tenant(scan, found->tenant) ? found->run : no_row;
    ExecSetExecProcNode(scan, run);
    return run(scan);
}

bool is_watched(const PlanState* scan) noexcept {
    const WatchedScan* each = watched;
    while (each != nullptr && each->scan != scan) each = each->next;
    return each != nullptr;
}

void watch(PlanState* scan, int tenant) {
    if (is_watched(scan)) return;
    MemoryContext memory = scan->state->es_query_cxt;
    auto* made = static_cast<WatchedScan*>(MemoryContextAlloc(memory, sizeof(WatchedScan)));
    *made = {scan, tenant, scan->ExecProcNodeReal, watched};
    auto* end = static_cast<MemoryContextCallback*>(MemoryContextAlloc(memory, sizeof(MemoryContextCallback)));
    *end = {forget, made, nullptr};
    MemoryContextRegisterResetCallback(memory, end);
    watched = made;
    ExecSetExecProcNode(scan, begin);
}

// The parameter of column = (SELECT reader), which no row fulfils while the reader returns NULL; -1 for another condition.
int tenant_of(const PlanState* scan, const OpExpr* condition) {
    if (!IsA(condition, OpExpr) || list_length(condition->args) != 2 || !op_strict(condition->opno)) return -1;
    const auto* parameter = static_cast<const Param*>(lsecond(condition->args));
    if (!IsA(parameter, Param) || parameter->paramkind != PARAM_EXEC) return -1;
    const ParamExecData& value = scan->state->es_param_exec_vals[parameter->paramid];
    const auto* subquery = static_cast<const SubPlanState*>(value.execPlan);
    return subquery != nullptr && reader_of_plan(subquery->planstate->plan) != nullptr ? parameter->paramid : -1;
}

bool is_scan(const PlanState* state) noexcept {
    switch (nodeTag(state)) {
        case T_SeqScanState:
        case T_SampleScanState:
        case T_IndexScanState:
        case T_IndexOnlyScanState:
        case T_BitmapHeapScanState:
        case T_TidScanState:
        case T_TidRangeScanState: return true;
        default: return false;
    }
}

bool look_at(PlanState* state, void* context) {
    if (is_scan(state)) {
        ListCell* cell = nullptr;
        foreach (cell, state->plan->qual) {
            const int tenant = tenant_of(state, static_cast<OpExpr*>(lfirst(cell)));
            if (tenant >= 0) watch(state, tenant);
        }
    }
    return compat::walk_plan_state(state, look_at, context);
}

bool nobody_is_presented() noexcept {
    bool stale = false;
    return context_value() == nullptr && presented_token(&stale) == nullptr && !development_user();
}

}  // namespace

void watch_scans_of_nobody(QueryDesc* query) {
    if (query->plannedstmt->subplans != NIL && query->planstate != nullptr && nobody_is_presented())
        (void)look_at(query->planstate, nullptr);
}

}  // namespace bastion::pg
