// The paths of a table: made again once the flags of its clauses have changed. For search_paths.cpp, which lets clauses go first,
// and for held_clauses.cpp, which lets others run last. And without the bitmaps that read two indexes for what one says.
#pragma once

#include "pg/planner/planning.hpp"

namespace bastion::pg {

// Calls `visit` for the clause and for those below it: each arm of an OR has flags of its own.
template <class Visit>
void visit_clause(Node* node, Visit&& visit) {
    if (node == nullptr) return;
    if (IsA(node, RestrictInfo)) {
        auto* clause = reinterpret_cast<RestrictInfo*>(node);
        visit(clause);
        visit_clause(reinterpret_cast<Node*>(clause->orclause), visit);
    } else if (IsA(node, BoolExpr)) {
        ListCell* cell = nullptr;
        foreach (cell, reinterpret_cast<BoolExpr*>(node)->args) visit_clause(static_cast<Node*>(lfirst(cell)), visit);
    }
}

// The tables of a query, and their partitions and children.
template <class Visit>
void visit_relations(PlannerInfo* root, Visit&& visit) {
    for (int i = 1; i < root->simple_rel_array_size; ++i) {
        RelOptInfo* relation = root->simple_rel_array[i];
        if (relation != nullptr && IS_SIMPLE_REL(relation)) visit(relation, root->simple_rte_array[i]);
    }
}

// Not the parent of partitions, whose paths are theirs.
bool has_own_paths(RelOptInfo* relation, const RangeTblEntry* entry);

bool is_btree(const IndexPath* path) noexcept;

// Removes the paths of the relation, but for those of other extensions, and makes them.
void make_paths(PlannerInfo* root, RelOptInfo* relation);

// Makes the paths again where a bitmap ANDs an index by the tenant with one by its lists. Every list is of one tenant, so the AND
// leaves out nothing that the second index alone would read; PostgreSQL takes the two for independent, and the AND for cheap.
void keep_lists_apart(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry);

struct PathLists {
    List* whole;
    List* partial;
};

void add_paths(RelOptInfo* relation, const PathLists& paths);

// The scans of B-trees that would have these clauses as conditions. The relation keeps its paths.
PathLists btree_paths_by(PlannerInfo* root, RelOptInfo* relation, List* clauses);

}  // namespace bastion::pg
