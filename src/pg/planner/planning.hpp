// A run of the planner, from its start to the finished plan, with what this room keeps for it. A nested run, for a
// statement inside a function that is folded, has its own.
#pragma once

#include "pg/planner/tenant_shares.hpp"

extern "C" {
#include "nodes/pathnodes.h"
}

namespace bastion::pg {

struct Planning {
    Planning* outer;
    MemoryContext memory;   // lives until the plan is finished
    bool tenant_is_known;   // whether `tenant` was asked for
    PlannedTenant tenant;   // of the session; absent for nobody
    List* classes;          // of AskedClass: what the estimates depend on
    List* statistics;       // of SharedStatistics: rows of pg_statistic made for the tenant
    List* columns;          // of TenantColumn: which columns were looked for
    int last_member;        // the last relation of an inheritance tree that was looked for
    List* seen_queries;     // of PlannerInfo: those whose clauses are marked
    List* marked;           // of RestrictInfo: clauses that may go ahead of the policies
    List* opened;           // of RelOptInfo: relations with such clauses
};

// The innermost run, or null outside the planner.
extern Planning* planning;

// The tenant of the session; asks for the identity once in a run. Nobody while an identity is being established.
const PlannedTenant& planned_tenant();

}  // namespace bastion::pg
