#include "pg/planner/search_paths.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/settings.hpp"
#include "pg/cache/invalidation.hpp"
#include "pg/planner/clause_check.hpp"
#include "pg/planner/search_operator.hpp"
#include "pg/planner/tenant_column.hpp"

extern "C" {
#include "catalog/pg_am_d.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/plancache.h"
}

namespace bastion::pg {
namespace {

bool search_paths = true;

void assign_search_paths(bool value, void*) {
    if (value != search_paths) ResetPlanCache();
}

const SettingsTable table([] {
    define(BoolSetting{"bastion.search_paths", "Lets trusted operators use indexes below policies.", &search_paths,
                       PGC_USERSET, true, assign_search_paths});
});

// While the selectivity of a trusted clause is estimated.
bool estimating_search = false;

// Of the objects that no plan depends on, the one that stands for "clauses of this plan go ahead of policies".
constexpr uint32 marked_plan = 0xBA57104Bu;
constexpr std::size_t stack_needed = 64 * 1024;

// When an operator is no longer trusted, marked plans are dropped.
class MarkedPlans final : public CacheListener {
public:
    using CacheListener::CacheListener;
    void drop_all() noexcept override { CallSyscacheCallbacks(PROCOID, marked_plan); }
};

MarkedPlans marked_plans(invalidation_of("trusted_operators"));

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

template <class Visit>
void visit_relations(PlannerInfo* root, Visit&& visit) {
    for (int i = 1; i < root->simple_rel_array_size; ++i) {
        RelOptInfo* relation = root->simple_rel_array[i];
        if (relation != nullptr && IS_SIMPLE_REL(relation)) visit(relation, root->simple_rte_array[i]);
    }
}

bool is_plain_table(const RangeTblEntry* entry) noexcept {
    return entry->rtekind == RTE_RELATION && entry->relkind != RELKIND_FOREIGN_TABLE;
}

// Not the parent of partitions, whose paths are theirs.
bool has_own_paths(RelOptInfo* relation, const RangeTblEntry* entry) {
    return is_plain_table(entry) && !entry->inh && !IS_DUMMY_REL(relation);
}

// A clause may go first only where no policy or view of another hand stands before it.
bool is_behind_own_security(PlannerInfo* root, const RestrictInfo* clause) {
    for (int place = bms_next_member(clause->clause_relids, -1); place >= 0;
         place = bms_next_member(clause->clause_relids, place)) {
        RangeTblEntry* entry = place < root->simple_rel_array_size ? root->simple_rte_array[place] : nullptr;
        // From 16 on, outer joins are members too.
        if (entry == nullptr || entry->rtekind == RTE_JOIN) continue;
        if (entry->rtekind == RTE_SUBQUERY && entry->security_barrier) return false;
        if (entry->rtekind == RTE_RELATION && !has_own_security_alone(root, entry)) return false;
    }
    return true;
}

// A query whose clauses are marked, and the relations that marked clauses name.
struct OpenedQuery {
    PlannerInfo* root;
    Relids relations;
};

// A clause that joins relations is in the lists of all of them.
void mark_clause(OpenedQuery* query, RestrictInfo* clause) {
    if (clause->security_level == 0 || clause->pseudoconstant || clause->leakproof) return;
    if (!is_behind_own_security(query->root, clause) ||
        !is_trusted_clause(query->root, reinterpret_cast<Node*>(clause->clause)))
        return;
    visit_clause(reinterpret_cast<Node*>(clause), [](RestrictInfo* part) { part->leakproof = true; });
    MemoryContext caller = MemoryContextSwitchTo(planning->memory);
    planning->marked = lappend(planning->marked, clause);
    query->relations = bms_add_members(query->relations, clause->clause_relids);
    MemoryContextSwitchTo(caller);
}

void mark_clauses(OpenedQuery* query, List* clauses) {
    ListCell* cell = nullptr;
    foreach (cell, clauses) mark_clause(query, lfirst_node(RestrictInfo, cell));
}

// PostgreSQL caches selectivities in the clause; those above 1 say that it is redundant.
void forget_selectivity(RestrictInfo* clause) noexcept {
    if (clause->norm_selec <= 1) clause->norm_selec = -1;
    clause->outer_selec = -1;
}

// The clause keeps the estimate that it gets here.
void estimate_clause(PlannerInfo* root, RestrictInfo* clause) {
    visit_clause(reinterpret_cast<Node*>(clause), forget_selectivity);
    estimating_search = true;
    PG_TRY();
    { (void)clause_selectivity(root, reinterpret_cast<Node*>(clause), 0, JOIN_INNER, nullptr); }
    PG_FINALLY();
    { estimating_search = false; }
    PG_END_TRY();
}

// The rows of a table are those of its partitions.
void sum_members(PlannerInfo* root) {
    double* rows = static_cast<double*>(palloc0(sizeof(double) * root->simple_rel_array_size));
    // Children come after their parents.
    for (int i = root->simple_rel_array_size - 1; i > 0; --i) {
        RelOptInfo* relation = root->simple_rel_array[i];
        if (relation == nullptr || IS_DUMMY_REL(relation)) continue;
        if (rows[i] > 0) {
            const double before = relation->rows;
            relation->rows = clamp_row_est(rows[i]);
            if (relation->tuples == before) relation->tuples = relation->rows;
        }
        const AppendRelInfo* link = root->append_rel_array != nullptr ? root->append_rel_array[i] : nullptr;
        if (link != nullptr && OidIsValid(link->parent_reloid)) rows[link->parent_relid] += relation->rows;
    }
    pfree(rows);
}

// Marks the clauses of all relations of a query, before any of them has its final paths, and estimates their rows again.
void open_query(OpenedQuery* query) {
    PlannerInfo* root = query->root;
    bool has_members = false;
    visit_relations(root, [&](RelOptInfo* relation, RangeTblEntry* entry) {
        const int first = list_length(planning->marked);
        mark_clauses(query, relation->baserestrictinfo);
        const int end = list_length(planning->marked);
        mark_clauses(query, relation->joininfo);
        if (first == end || !has_own_paths(relation, entry)) return;
        for (int i = first; i < end; ++i) estimate_clause(root, list_nth_node(RestrictInfo, planning->marked, i));
        set_baserel_size_estimates(root, relation);
        has_members = has_members || relation->reloptkind == RELOPT_OTHER_MEMBER_REL;
    });
    if (has_members) sum_members(root);
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

void add_paths(RelOptInfo* relation, List* paths, List* partial_paths) {
    ListCell* cell = nullptr;
    foreach (cell, paths) add_path(relation, static_cast<Path*>(lfirst(cell)));
    foreach (cell, partial_paths) add_partial_path(relation, static_cast<Path*>(lfirst(cell)));
}

bool is_btree(const IndexPath* path) noexcept { return path->indexinfo->relam == BTREE_AM_OID; }

// As set_plain_rel_pathlist() of PostgreSQL, which is static.
void make_paths(PlannerInfo* root, RelOptInfo* relation) {
    List* others = foreign_paths(relation->pathlist);
    List* partial_others = foreign_paths(relation->partial_pathlist);
    relation->pathlist = NIL;
    relation->partial_pathlist = NIL;
    if (!compat::add_tid_paths_first(root, relation)) {
        add_path(relation, create_seqscan_path(root, relation, relation->lateral_relids, 0));
        add_partial_seqscan(root, relation);
        create_index_paths(root, relation);
        compat::add_tid_paths_last(root, relation);
    }
    add_paths(relation, others, partial_others);
}

// With its parts, unless it is trusted.
void hold_back_clause(PlannerInfo* root, RestrictInfo* clause) {
    if (!clause->leakproof || clause->security_level == 0) return;
    if (!is_untrusted_clause(root, reinterpret_cast<Node*>(clause->clause))) return;
    visit_clause(reinterpret_cast<Node*>(clause), [](RestrictInfo* part) { part->leakproof = false; });
}

void hold_back(PlannerInfo* root, List* clauses) {
    ListCell* cell = nullptr;
    foreach (cell, clauses) hold_back_clause(root, lfirst_node(RestrictInfo, cell));
}

void hold_back_parameterized(PlannerInfo* root, const RelOptInfo* relation) {
    ListCell* cell = nullptr;
    foreach (cell, relation->ppilist) hold_back(root, lfirst_node(ParamPathInfo, cell)->ppi_clauses);
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

struct Paths {
    List* whole;
    List* partial;
};

// The scans of B-trees that have these clauses as conditions, without the bitmaps that are cheaper. The relation keeps its paths.
Paths btree_paths_by(PlannerInfo* root, RelOptInfo* relation, List* clauses) {
    const bool with_bitmaps = enable_bitmapscan;
    const Paths before{relation->pathlist, relation->partial_pathlist};
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
    const Paths made{btree_paths(relation->pathlist), btree_paths(relation->partial_pathlist)};
    relation->pathlist = before.whole;
    relation->partial_pathlist = before.partial;
    return made;
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
        const Paths kept = btree_paths_by(root, relation, exposed);
        make_paths(root, relation);
        add_paths(relation, kept.whole, kept.partial);
        hold_back_parameterized(root, relation);
    }
    drop_exposing_orders(root, relation);
}

// A comparison of this relation with a call on columns of others, as created_at < day + interval. The call may raise, so it may
// not run for each row of this relation; the condition of a B-tree evaluates it for each row of the others, which have passed
// their policies.
bool compares_with_outer_call(PlannerInfo* root, const RelOptInfo* relation, RestrictInfo* clause) {
    if (clause->leakproof || clause->security_level == 0 || !is_opclause(clause->clause)) return false;
    auto* comparison = reinterpret_cast<OpExpr*>(clause->clause);
    if (list_length(comparison->args) != 2) return false;
    const bool left = bms_is_member(static_cast<int>(relation->relid), clause->left_relids);
    const bool right = bms_is_member(static_cast<int>(relation->relid), clause->right_relids);
    if (left == right || contain_volatile_functions(reinterpret_cast<Node*>(comparison))) return false;
    set_opfuncid(comparison);
    return may_run_first(comparison->opfuncid, comparison->args, comparison->inputcollid) &&
           is_trusted_clause(root, static_cast<Node*>(left ? linitial(comparison->args) : lsecond(comparison->args)));
}

void add_paths_by_outer_calls(PlannerInfo* root, RelOptInfo* relation, RangeTblEntry* entry) {
    if (entry->tablesample != nullptr || !has_own_paths(relation, entry)) return;
    List* clauses = NIL;
    ListCell* cell = nullptr;
    foreach (cell, relation->joininfo)
        if (compares_with_outer_call(root, relation, lfirst_node(RestrictInfo, cell)))
            clauses = lappend(clauses, lfirst(cell));
    if (clauses == NIL || !has_own_security_alone(root, entry)) return;
    const Paths made = btree_paths_by(root, relation, clauses);
    add_paths(relation, made.whole, made.partial);
}

bool has_room(std::size_t bytes) {
    volatile char* room = static_cast<volatile char*>(alloca(bytes));
    room[0] = 0;
    return !stack_is_too_deep() && room[0] == 0;
}

bool is_marked_plan(const PlannedStmt* plan) noexcept {
    ListCell* cell = nullptr;
    foreach (cell, plan->invalItems) {
        const auto* item = static_cast<PlanInvalItem*>(lfirst(cell));
        if (item->hashValue == marked_plan && item->cacheId == PROCOID) return true;
    }
    return false;
}

const OpenedQuery* opened_query(PlannerInfo* root) {
    ListCell* cell = nullptr;
    foreach (cell, planning->queries) {
        const auto* query = static_cast<OpenedQuery*>(lfirst(cell));
        if (query->root == root) return query;
    }
    MemoryContext caller = MemoryContextSwitchTo(planning->memory);
    auto* query = static_cast<OpenedQuery*>(palloc(sizeof(OpenedQuery)));
    *query = {root, nullptr};
    planning->queries = lappend(planning->queries, query);
    MemoryContextSwitchTo(caller);
    open_query(query);
    return query;
}

void open_paths(PlannerInfo* root, RelOptInfo* relation, const RangeTblEntry* entry) {
    const OpenedQuery* query = opened_query(root);
    if (!bms_is_member(static_cast<int>(relation->relid), query->relations)) return;
    if (entry->tablesample != nullptr || !has_own_paths(relation, entry)) return;
    relation->ppilist = NIL;
    make_paths(root, relation);
}

}  // namespace

// A clause is held back when the paths of its relation are made: what a B-tree serves stays an index condition, which is
// evaluated once, and a filter runs after the policies. Also in the run of the planner that loaded the library, which began
// without it.
void shape_paths(PlannerInfo* root, RelOptInfo* relation, RangeTblEntry* entry) {
    if (root->qual_security_level == 0) return;
    if (search_paths && planning != nullptr) {
        open_paths(root, relation, entry);
        add_paths_by_outer_calls(root, relation, entry);
    }
    hold_back(root, relation->baserestrictinfo);
    hold_back(root, relation->joininfo);
    hold_back_parameterized(root, relation);
    hold_back_paths(root, relation);
}

void hold_back_derived(PlannerInfo* root) {
    if (root->qual_security_level == 0) return;
    visit_relations(root, [&](RelOptInfo* relation, RangeTblEntry*) { hold_back_parameterized(root, relation); });
    ListCell* cell = nullptr;
    foreach (cell, root->eq_classes) {
        const auto* equal = lfirst_node(EquivalenceClass, cell);
        hold_back(root, equal->ec_sources);
        hold_back(root, compat::derived_clauses(equal));
    }
}

bool statistics_for_search(const StatisticsKey& key, VariableStatData* out) {
    if (!estimating_search) return false;
    out->statsTuple = statistics_row(key);
    out->freefunc = ReleaseSysCache;
    out->acl_ok = true;
    return true;
}

void note_marked_clauses(PlannedStmt* plan) {
    if (planning->marked == NIL) return;
    auto* item = makeNode(PlanInvalItem);
    item->cacheId = PROCOID;
    item->hashValue = marked_plan;
    plan->invalItems = lappend(plan->invalItems, item);
}

void require_stack_for(const PlannedStmt* plan) {
    if (plan->invalItems == NIL || !is_marked_plan(plan) || has_room(stack_needed)) return;
    ereport(ERROR,
            (errcode(ERRCODE_STATEMENT_TOO_COMPLEX), errmsg("stack depth limit exceeded"),
             errhint("Increase \"max_stack_depth\" (currently %dkB), or nest the calls less.", max_stack_depth)));
}

}  // namespace bastion::pg
