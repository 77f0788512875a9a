#include "pg/planner/planner_hooks.hpp"

#include "pg/base/compat.hpp"
#include "pg/planner/empty_scans.hpp"
#include "pg/planner/held_clauses.hpp"
#include "pg/planner/plan_estimates.hpp"
#include "pg/planner/plan_notes.hpp"
#include "pg/planner/relation_paths.hpp"
#include "pg/planner/search_paths.hpp"
#include "pg/planner/start_pruning.hpp"
#include "pg/planner/tenant_follow.hpp"

extern "C" {
#include "executor/executor.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"
}

namespace bastion::pg {
namespace {

planner_hook_type next_planner = nullptr;
get_relation_stats_hook_type next_relation_statistics = nullptr;
get_index_stats_hook_type next_index_statistics = nullptr;
set_rel_pathlist_hook_type next_paths = nullptr;
create_upper_paths_hook_type next_upper_paths = nullptr;
ExecutorRun_hook_type next_run = nullptr;

PlannedStmt* plan_next(Query* query, const char* sql, int options, ParamListInfo parameters) {
    return next_planner != nullptr ? next_planner(query, sql, options, parameters)
                                   : standard_planner(query, sql, options, parameters);
}

PlannedStmt* plan(Query* query, const char* sql, int options, ParamListInfo parameters) {
    Planning run{};
    run.outer = planning;
    run.memory = CurrentMemoryContext;
    PlannedStmt* made = nullptr;
    planning = &run;
    PG_TRY();
    {
        made = plan_next(query, sql, options, parameters);
        depend_on_asked_classes(made);
        note_marked_clauses(made);
        note_run();
    }
    PG_FINALLY();
    { planning = run.outer; }
    PG_END_TRY();
    return made;
}

bool answer_relation_statistics(PlannerInfo* root, RangeTblEntry* entry, AttrNumber column, VariableStatData* out) {
    if (next_relation_statistics != nullptr && next_relation_statistics(root, entry, column, out)) return true;
    if (planning == nullptr || entry->rtekind != RTE_RELATION) return false;
    return statistics_for_search({entry->relid, column, entry->inh}, out) ||
           estimate_for_tenant(root, entry, column, out);
}

bool answer_index_statistics(PlannerInfo* root, Oid index, AttrNumber column, VariableStatData* out) {
    if (next_index_statistics != nullptr && next_index_statistics(root, index, column, out)) return true;
    return planning != nullptr && statistics_for_search({index, column, false}, out);
}

// Before those of other extensions, which may remove paths.
void shape_paths(PlannerInfo* root, RelOptInfo* relation, Index place, RangeTblEntry* entry) {
    if (root->qual_security_level > 0) {
        if (planning != nullptr) open_search(root, relation, entry);
        keep_lists_apart(root, relation, entry);
        hold_back(root, relation);
        prune_at_start(root, relation);
    }
    if (next_paths != nullptr) next_paths(root, relation, place, entry);
}

void shape_upper_paths(PlannerInfo* root, UpperRelationKind stage, RelOptInfo* input, RelOptInfo* output, void* extra) {
    if (stage == UPPERREL_FINAL && root->qual_security_level > 0) hold_back_derived(root);
    if (next_upper_paths != nullptr) next_upper_paths(root, stage, input, output, extra);
}

// A cursor begins at one depth of the stack, and is fetched from at another.
void run(BASTION_EXECUTOR_RUN_PARAMS) {
    require_stack_for(query->plannedstmt);
    watch_scans_of_nobody(query);
    if (next_run != nullptr)
        next_run(BASTION_EXECUTOR_RUN_ARGS);
    else
        standard_ExecutorRun(BASTION_EXECUTOR_RUN_ARGS);
}

template <class Hook>
void install(Hook& hook, Hook& next, Hook own) noexcept {
    next = hook;
    hook = own;
}

}  // namespace

void watch_planner() {
    install(planner_hook, next_planner, plan);
    install(get_relation_stats_hook, next_relation_statistics, answer_relation_statistics);
    install(get_index_stats_hook, next_index_statistics, answer_index_statistics);
    install(set_rel_pathlist_hook, next_paths, shape_paths);
    install(create_upper_paths_hook, next_upper_paths, shape_upper_paths);
    install(ExecutorRun_hook, next_run, run);
    follow_tenant();
}

}  // namespace bastion::pg
