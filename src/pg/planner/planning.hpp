// A run of the planner, from its start to the finished plan, with what this room keeps for it. A nested run, for a
// statement inside a function that is folded, has its own.
#pragma once

#include "pg/planner/tenant_shares.hpp"

#include <type_traits>

extern "C" {
#include "nodes/pathnodes.h"
}

namespace bastion::pg {

struct Planning {
    Planning* outer;
    MemoryContext memory;  // lives until the plan is finished
    bool tenant_is_known;  // whether `tenant` was asked for
    PlannedTenant tenant;  // of the session; absent without an identity
    List* classes;         // of AskedClass: what the estimates depend on
    List* statistics;      // of SharedStatistics: rows of pg_statistic made for the tenant
    List* securities;      // of Security: row security of relations that was looked at
    int last_member;       // the last relation of an inheritance tree that was looked for
    List* functions;       // of KnownNeed: those that were looked up
    List* queries;         // of OpenedQuery: those whose clauses are marked
    List* marked;          // of RestrictInfo: clauses that may go ahead of the policies
};

// The innermost run, or null outside the planner.
extern Planning* planning;

// Adds to a list of the innermost run, in its memory.
void append_in_run(List*& list, void* item);

template <class Item>
Item* keep_in_run(List*& list, const Item& item) {
    static_assert(std::is_trivially_copyable_v<Item>);
    auto* kept = static_cast<Item*>(MemoryContextAlloc(planning->memory, sizeof(Item)));
    *kept = item;
    append_in_run(list, kept);
    return kept;
}

// The tenant of the session. Nobody while an identity is being established.
PlannedTenant tenant_of_session();

// The same for the innermost run, which asks for the identity once.
const PlannedTenant& planned_tenant();

}  // namespace bastion::pg
