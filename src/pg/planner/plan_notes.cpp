#include "pg/planner/plan_notes.hpp"

#include "pg/base/compat.hpp"
#include "pg/planner/plan_estimates.hpp"

namespace bastion::pg {
namespace {

std::array<PlanNote, 64> notes;
std::size_t count = 0;
// For whom the plan was made.
PlannedTenant noted_tenant;

void add(const PlanNote& note) noexcept {
    if (count < notes.size()) notes[count++] = note;
}

bool takes_function(Oid function, void* out) {
    if (!get_func_leakproof(function)) *static_cast<Oid*>(out) = function;
    return OidIsValid(*static_cast<Oid*>(out));
}

// The first function of the clause that is not LEAKPROOF.
bool find_function(Node* node, void* out) {
    if (node == nullptr) return false;
    if (check_functions_in_node(node, takes_function, out)) return true;
    return compat::walk_expression(node, find_function, out);
}

}  // namespace

void note_run() {
    if (planning->classes == NIL && planning->marked == NIL) return;
    noted_tenant = planned_tenant();
    count = 0;
    ListCell* cell = nullptr;
    foreach (cell, planning->classes) {
        const auto* asked = static_cast<AskedClass*>(lfirst(cell));
        add({asked->key.relation, asked->key.column, asked->fraction, asked->size_class, InvalidOid});
    }
    foreach (cell, planning->marked) {
        const auto* clause = lfirst_node(RestrictInfo, cell);
        Oid function = InvalidOid;
        (void)find_function(reinterpret_cast<Node*>(clause->clause), &function);
        add({InvalidOid, 0, 0, 0, function});
    }
}

std::span<const PlanNote> plan_notes() {
    const bool is_own = tenant_of_session() == noted_tenant;
    return {notes.data(), is_own ? count : 0};
}

}  // namespace bastion::pg
