// Which clauses of a query may run before the conditions of policies. PostgreSQL decides that by LEAKPROOF alone, so under
// row security no search by GIN, trigram or expression index is possible. Here a clause of which every function is trusted
// (search_operator.hpp) may too, and its estimates and paths are those that the owner of the table gets.
#pragma once

#include "pg/planner/planning.hpp"

extern "C" {
#include "optimizer/planner.h"
#include "utils/selfuncs.h"
}

namespace bastion::pg {

// For set_rel_pathlist_hook, within a run: lets trusted clauses of the query go first, and makes estimates and paths of the
// relation again.
void open_search(PlannerInfo* root, RelOptInfo* relation, RangeTblEntry* entry);

// For the hooks of statistics: while the selectivity of a trusted clause is estimated, those of all rows may be used.
bool statistics_for_search(const StatisticsKey& key, VariableStatData* out);

// Marks the finished plan if clauses of it go first.
void note_marked_clauses(PlannedStmt* plan);

// Before a marked plan runs: raises 54001 while too little stack is left, because running out of it later would tell
// whether a row of another tenant was reached.
void require_stack_for(const PlannedStmt* plan);

}  // namespace bastion::pg
