#include "pg/planner/relation_paths.hpp"

#include "pg/base/compat.hpp"
#include "pg/planner/tenant_column.hpp"

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

struct IndexConditions {
    bool tenant;
    bool lists;
};

IndexConditions conditions_of(PlannerInfo* root, const IndexPath* path) {
    IndexConditions found{};
    ListCell* cell = nullptr;
    foreach (cell, path->indexclauses) {
        auto* condition = reinterpret_cast<Node*>(lfirst_node(IndexClause, cell)->rinfo->clause);
        found.lists = found.lists || is_acl_check(condition);
        found.tenant = found.tenant || compares_tenant(root, condition);
    }
    return found;
}

// Of a bitmap that ANDs both, the indexes by lists.
List* list_indexes_of(PlannerInfo* root, const Path* path) {
    if (!IsA(path, BitmapHeapPath)) return NIL;
    const Path* bitmap = reinterpret_cast<const BitmapHeapPath*>(path)->bitmapqual;
    if (!IsA(bitmap, BitmapAndPath)) return NIL;
    List* by_lists = NIL;
    bool has_tenant = false;
    ListCell* cell = nullptr;
    foreach (cell, reinterpret_cast<const BitmapAndPath*>(bitmap)->bitmapquals) {
        if (!IsA(lfirst(cell), IndexPath)) continue;
        const auto* part = static_cast<const IndexPath*>(lfirst(cell));
        const IndexConditions conditions = conditions_of(root, part);
        has_tenant = has_tenant || conditions.tenant;
        if (conditions.lists && !conditions.tenant) by_lists = lappend(by_lists, part->indexinfo);
    }
    return has_tenant ? by_lists : NIL;
}

List* list_indexes_among(PlannerInfo* root, List* paths) {
    List* found = NIL;
    ListCell* cell = nullptr;
    foreach (cell, paths)
        found = list_concat_unique_ptr(found, list_indexes_of(root, static_cast<const Path*>(lfirst(cell))));
    return found;
}

List* list_indexes(PlannerInfo* root, const RelOptInfo* relation) {
    return list_concat_unique_ptr(list_indexes_among(root, relation->pathlist),
                                  list_indexes_among(root, relation->partial_pathlist));
}

// As set_plain_rel_pathlist() of PostgreSQL, which is static. No bitmap combines an index of `apart` with another one.
void make_paths_apart(PlannerInfo* root, RelOptInfo* relation, const List* apart) {
    relation->pathlist = NIL;
    relation->partial_pathlist = NIL;
    if (compat::add_tid_paths_first(root, relation)) return;
    add_path(relation, create_seqscan_path(root, relation, relation->lateral_relids, 0));
    add_partial_seqscan(root, relation);
    List* const all = relation->indexlist;
    relation->indexlist = list_difference_ptr(all, apart);
    create_index_paths(root, relation);
    if (apart != NIL) {
        relation->indexlist = list_difference_ptr(all, relation->indexlist);
        create_index_paths(root, relation);
    }
    relation->indexlist = all;
    compat::add_tid_paths_last(root, relation);
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

void make_paths(PlannerInfo* root, RelOptInfo* relation) {
    const PathLists others{foreign_paths(relation->pathlist), foreign_paths(relation->partial_pathlist)};
    make_paths_apart(root, relation, NIL);
    // Without one index by lists, the AND may take the next.
    const List* apart = NIL;
    while (List* more = list_indexes(root, relation)) {
        apart = list_concat(more, apart);
        make_paths_apart(root, relation, apart);
    }
    add_paths(relation, others);
}

void keep_lists_apart(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry) {
    if (entry->tablesample == nullptr && has_own_paths(relation, entry) && list_indexes(root, relation) != NIL)
        make_paths(root, relation);
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
