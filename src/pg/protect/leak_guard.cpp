#include "pg/protect/leak_guard.hpp"

#include "pg/base/compat.hpp"

extern "C" {
#include "nodes/pathnodes.h"
#include "optimizer/paths.h"
#include "utils/lsyscache.h"
}

namespace bastion::pg {
namespace {

set_rel_pathlist_hook_type next_paths = nullptr;

bool is_unproven(Oid function, void*) { return !get_func_leakproof(function); }

// A subquery that does not depend on the row runs when its first result is asked for: for a row, too.
bool is_subquery(const Node* node) {
    return IsA(node, Param) && reinterpret_cast<const Param*>(node)->paramkind == PARAM_EXEC;
}

bool runs_unproven(Node* node, void* context) {
    if (node == nullptr) return false;
    return is_subquery(node) || check_functions_in_node(node, is_unproven, context) ||
           compat::any_part(node, runs_unproven, context);
}

// The flag orders the conditions of a scan, which is done after all paths are there. An index condition that is evaluated once, before
// any row, stays one.
void defer_unproven(const List* conditions, Index level_of_policies) {
    ListCell* cell = nullptr;
    foreach (cell, conditions) {
        auto* condition = lfirst_node(RestrictInfo, cell);
        if (condition->leakproof && condition->security_level > level_of_policies &&
            runs_unproven(reinterpret_cast<Node*>(condition->clause), nullptr))
            condition->leakproof = false;
    }
}

void set_paths(PlannerInfo* root, RelOptInfo* relation, Index index, RangeTblEntry* entry) {
    defer_unproven(relation->baserestrictinfo, relation->baserestrict_min_security);
    defer_unproven(relation->joininfo, relation->baserestrict_min_security);
    if (next_paths != nullptr) next_paths(root, relation, index, entry);
}

}  // namespace

void watch_leaks() {
    next_paths = set_rel_pathlist_hook;
    set_rel_pathlist_hook = set_paths;
}

}  // namespace bastion::pg
