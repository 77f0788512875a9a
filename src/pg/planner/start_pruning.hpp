// Partitions of other tenants are left out before the executor opens them. A policy compares the key with the result of a
// subquery, which PostgreSQL knows only while it runs: it would open every partition for every statement.
#pragma once

#include "pg/planner/planning.hpp"

namespace bastion::pg {

// For set_rel_pathlist_hook: lets the conditions of a partitioned table, from which PostgreSQL chooses the partitions, call the reader
// of the context itself. The scans of the partitions keep theirs, so no row depends on this choice.
void prune_at_start(PlannerInfo* root, RelOptInfo* relation);

}  // namespace bastion::pg
