#include "pg/planner/start_pruning.hpp"

#include "pg/planner/tenant_column.hpp"

namespace bastion::pg {
namespace {

// column = (SELECT reader): the same with the reader, or null for another condition.
RestrictInfo* with_reader(PlannerInfo* root, RestrictInfo* condition) {
    auto* comparison = reinterpret_cast<OpExpr*>(condition->clause);
    if (!IsA(comparison, OpExpr) || list_length(comparison->args) != 2) return nullptr;
    auto* parameter = static_cast<Param*>(lsecond(comparison->args));
    const Node* reader = IsA(parameter, Param) ? tenant_reader(root, parameter) : nullptr;
    if (reader == nullptr) return nullptr;
    auto* made = makeNode(OpExpr);
    *made = *comparison;
    made->args = list_make2(linitial(comparison->args), copyObjectImpl(reader));
    auto* out = makeNode(RestrictInfo);
    *out = *condition;
    out->clause = reinterpret_cast<Expr*>(made);
    return out;
}

}  // namespace

void prune_at_start(PlannerInfo* root, RelOptInfo* relation) {
    if (!IS_PARTITIONED_REL(relation)) return;
    ListCell* cell = nullptr;
    foreach (cell, relation->baserestrictinfo)
        if (RestrictInfo* made = with_reader(root, lfirst_node(RestrictInfo, cell))) lfirst(cell) = made;
}

}  // namespace bastion::pg
