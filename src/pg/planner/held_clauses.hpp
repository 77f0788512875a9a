// Which clauses of a query run after the conditions of policies. A clause that calls an untrusted function does, even without a
// column: PostgreSQL runs CASE WHEN flag THEN f() END before them, and f() then learns the flags of other tenants. What a B-tree
// serves stays an index condition, which is evaluated once.
#pragma once

#include "pg/planner/planning.hpp"

namespace bastion::pg {

// For set_rel_pathlist_hook, when the paths of the relation are made. Also in the run of the planner that loaded the library, which
// began without it.
void hold_back(PlannerInfo* root, RelOptInfo* relation);

// For create_upper_paths_hook, when all paths of a query are known: holds back the clauses that PostgreSQL derived from
// equalities.
void hold_back_derived(PlannerInfo* root);

}  // namespace bastion::pg
