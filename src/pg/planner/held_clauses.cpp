#include "pg/planner/held_clauses.hpp"

#include "pg/base/compat.hpp"
#include "pg/planner/clause_check.hpp"
#include "pg/planner/relation_paths.hpp"

extern "C" {
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/restrictinfo.h"
}

namespace bastion::pg {
namespace {

// With its parts, unless it is trusted.
void hold_back_clause(PlannerInfo* root, RestrictInfo* clause) {
    if (!clause->leakproof || clause->security_level == 0) return;
    if (!is_untrusted_clause(root, reinterpret_cast<Node*>(clause->clause))) return;
    visit_clause(reinterpret_cast<Node*>(clause), [](RestrictInfo* part) { part->leakproof = false; });
}

void hold_back_clauses(PlannerInfo* root, List* clauses) {
    ListCell* cell = nullptr;
    foreach (cell, clauses) hold_back_clause(root, lfirst_node(RestrictInfo, cell));
}

void hold_back_parameterized(PlannerInfo* root, const RelOptInfo* relation) {
    ListCell* cell = nullptr;
    foreach (cell, relation->ppilist) hold_back_clauses(root, lfirst_node(ParamPathInfo, cell)->ppi_clauses);
}

// Of the clauses of an index, those that are held back, without those that are quiet if `may_be_quiet`.
List* held_clauses(PlannerInfo* root, const IndexPath* path, bool may_be_quiet) {
    List* held = NIL;
    ListCell* cell = nullptr;
    foreach (cell, path->indexclauses) {
        RestrictInfo* clause = lfirst_node(IndexClause, cell)->rinfo;
        hold_back_clause(root, clause);
        if (restriction_is_securely_promotable(clause, path->path.parent)) continue;
        if (!may_be_quiet || !is_quiet(reinterpret_cast<Node*>(clause->clause))) held = lappend(held, clause);
    }
    return held;
}

// Of two bitmaps of an AND the second is not read when the first is empty, and with it no call.
List* held_clauses_of_bitmap(PlannerInfo* root, const Path* path, bool may_be_quiet) {
    if (IsA(path, IndexPath)) return held_clauses(root, reinterpret_cast<const IndexPath*>(path), may_be_quiet);
    const bool is_and = IsA(path, BitmapAndPath);
    const List* parts = is_and ? reinterpret_cast<const BitmapAndPath*>(path)->bitmapquals
                               : reinterpret_cast<const BitmapOrPath*>(path)->bitmapquals;
    List* held = NIL;
    const ListCell* cell = nullptr;
    foreach (cell, parts)
        held = list_concat_unique_ptr(
            held, held_clauses_of_bitmap(root, static_cast<const Path*>(lfirst(cell)), may_be_quiet && !is_and));
    return held;
}

// The held clauses that a path evaluates for rows of any tenant. A B-tree evaluates them once, before it reads. Every other
// index may do so again for each row that it finds, and so does a bitmap that has only pages left.
List* exposed_clauses(PlannerInfo* root, const Path* path) {
    if (IsA(path, BitmapHeapPath))
        return held_clauses_of_bitmap(root, reinterpret_cast<const BitmapHeapPath*>(path)->bitmapqual, true);
    if (!IsA(path, IndexPath) || is_btree(reinterpret_cast<const IndexPath*>(path))) return NIL;
    return held_clauses(root, reinterpret_cast<const IndexPath*>(path), true);
}

// A distance from the result of a call, which some indexes compute again for each row that they find.
bool measures_from_call(const IndexPath* path) {
    ListCell* cell = nullptr;
    foreach (cell, path->indexorderbys) {
        auto* distance = static_cast<Node*>(lfirst(cell));
        if (!IsA(distance, OpExpr)) return true;
        ListCell* argument = nullptr;
        foreach (argument, reinterpret_cast<OpExpr*>(distance)->args) {
            auto* node = static_cast<Node*>(lfirst(argument));
            if (!contain_var_clause(node) && !is_quiet(node)) return true;
        }
    }
    return false;
}

bool is_exposing_order(const Path* path) {
    return IsA(path, IndexPath) && measures_from_call(reinterpret_cast<const IndexPath*>(path));
}

List* exposed_clauses_among(PlannerInfo* root, List* paths) {
    List* exposed = NIL;
    ListCell* cell = nullptr;
    foreach (cell, paths)
        exposed = list_concat_unique_ptr(exposed, exposed_clauses(root, static_cast<Path*>(lfirst(cell))));
    return exposed;
}

void drop_exposing_orders(PlannerInfo* root, RelOptInfo* relation) {
    bool dropped = false;
    ListCell* cell = nullptr;
    foreach (cell, relation->pathlist) {
        if (!is_exposing_order(static_cast<Path*>(lfirst(cell)))) continue;
        relation->pathlist = foreach_delete_current(relation->pathlist, cell);
        dropped = true;
    }
    foreach (cell, relation->partial_pathlist)
        if (is_exposing_order(static_cast<Path*>(lfirst(cell))))
            relation->partial_pathlist = foreach_delete_current(relation->partial_pathlist, cell);
    // It may have been left out because one of those was better.
    if (dropped) add_path(relation, create_seqscan_path(root, relation, relation->lateral_relids, 0));
}

// Makes the paths again that evaluate a held clause for rows of any tenant.
void hold_back_paths(PlannerInfo* root, RelOptInfo* relation) {
    List* exposed = list_concat_unique_ptr(exposed_clauses_among(root, relation->pathlist),
                                           exposed_clauses_among(root, relation->partial_pathlist));
    if (exposed != NIL) {
        const PathLists kept = btree_paths_by(root, relation, exposed);
        make_paths(root, relation);
        add_paths(relation, kept);
        hold_back_parameterized(root, relation);
    }
    drop_exposing_orders(root, relation);
}

}  // namespace

void hold_back(PlannerInfo* root, RelOptInfo* relation) {
    hold_back_clauses(root, relation->baserestrictinfo);
    hold_back_clauses(root, relation->joininfo);
    hold_back_parameterized(root, relation);
    hold_back_paths(root, relation);
}

void hold_back_derived(PlannerInfo* root) {
    visit_relations(root, [&](RelOptInfo* relation, RangeTblEntry*) { hold_back_parameterized(root, relation); });
    ListCell* cell = nullptr;
    foreach (cell, root->eq_classes) {
        const auto* equal = lfirst_node(EquivalenceClass, cell);
        hold_back_clauses(root, equal->ec_sources);
        hold_back_clauses(root, compat::derived_clauses(equal));
    }
}

}  // namespace bastion::pg
