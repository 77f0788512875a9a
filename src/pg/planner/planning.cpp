#include "pg/planner/planning.hpp"

#include "pg/context/context.hpp"

namespace bastion::pg {

Planning* planning = nullptr;

void append_in_run(List*& list, void* item) {
    MemoryContext caller = MemoryContextSwitchTo(planning->memory);
    list = lappend(list, item);
    MemoryContextSwitchTo(caller);
}

PlannedTenant tenant_of_session() {
    if (is_deciding()) return {};
    const Decision& decision = decide();
    if (decision.state != ContextState::authenticated) return {};
    return PlannedTenant::of(decision.identity);
}

const PlannedTenant& planned_tenant() {
    if (!planning->tenant_is_known) {
        Planning* run = planning;
        const PlannedTenant tenant = tenant_of_session();
        run->tenant = tenant;
        run->tenant_is_known = true;
    }
    return planning->tenant;
}

}  // namespace bastion::pg
