#include "pg/planner/relation_paths.hpp"

#include "pg/base/compat.hpp"

extern "C" {
#include "catalog/pg_am_d.h"
#include "optimizer/cost.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
}

namespace bastion::pg {
namespace {

bool is_plain_table(const RangeTblEntry* entry) noexcept {
    return entry->rtekind == RTE_RELATION && entry->relkind != RELKIND_FOREIGN_TABLE;
}

void add_partial_seqscan(PlannerInfo* root, RelOptInfo* relation) {
    if (!relation->consider_parallel || relation->lateral_relids != nullptr) return;
    const int workers = compute_parallel_worker(relation, relation->pages, -1, max_parallel_workers_per_gather);
    if (workers > 0) add_partial_path(relation, create_seqscan_path(root, relation, nullptr, workers));
}

// The paths that other extensions added stay.
List* foreign_paths(List* paths) {
    List* kept = NIL;
    ListCell* cell = nullptr;
    foreach (cell, paths)
        if (IsA(lfirst(cell), CustomPath)) kept = lappend(kept, lfirst(cell));
    return kept;
}

void set_leakproof(List* clauses, bool value) noexcept {
    ListCell* cell = nullptr;
    foreach (cell, clauses)
        visit_clause(static_cast<Node*>(lfirst(cell)), [&](RestrictInfo* part) { part->leakproof = value; });
}

List* btree_paths(List* paths) {
    List* found = NIL;
    ListCell* cell = nullptr;
    foreach (cell, paths)
        if (IsA(lfirst(cell), IndexPath) && is_btree(static_cast<IndexPath*>(lfirst(cell))))
            found = lappend(found, lfirst(cell));
    return found;
}

}  // namespace

bool has_own_paths(RelOptInfo* relation, const RangeTblEntry* entry) {
    return is_plain_table(entry) && !entry->inh && !IS_DUMMY_REL(relation);
}

bool is_btree(const IndexPath* path) noexcept { return path->indexinfo->relam == BTREE_AM_OID; }

void add_paths(RelOptInfo* relation, const PathLists& paths) {
    ListCell* cell = nullptr;
    foreach (cell, paths.whole) add_path(relation, static_cast<Path*>(lfirst(cell)));
    foreach (cell, paths.partial) add_partial_path(relation, static_cast<Path*>(lfirst(cell)));
}

// As set_plain_rel_pathlist() of PostgreSQL, which is static.
void make_paths(PlannerInfo* root, RelOptInfo* relation) {
    const PathLists others{foreign_paths(relation->pathlist), foreign_paths(relation->partial_pathlist)};
    relation->pathlist = NIL;
    relation->partial_pathlist = NIL;
    if (!compat::add_tid_paths_first(root, relation)) {
        add_path(relation, create_seqscan_path(root, relation, relation->lateral_relids, 0));
        add_partial_seqscan(root, relation);
        create_index_paths(root, relation);
        compat::add_tid_paths_last(root, relation);
    }
    add_paths(relation, others);
}

// Without the bitmaps, which are cheaper.
PathLists btree_paths_by(PlannerInfo* root, RelOptInfo* relation, List* clauses) {
    const bool with_bitmaps = enable_bitmapscan;
    const PathLists before{relation->pathlist, relation->partial_pathlist};
    relation->pathlist = NIL;
    relation->partial_pathlist = NIL;
    set_leakproof(clauses, true);
    enable_bitmapscan = false;
    PG_TRY();
    { create_index_paths(root, relation); }
    PG_FINALLY();
    { enable_bitmapscan = with_bitmaps; }
    PG_END_TRY();
    set_leakproof(clauses, false);
    const PathLists made{btree_paths(relation->pathlist), btree_paths(relation->partial_pathlist)};
    relation->pathlist = before.whole;
    relation->partial_pathlist = before.partial;
    return made;
}

}  // namespace bastion::pg
