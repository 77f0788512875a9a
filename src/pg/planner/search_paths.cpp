#include "pg/planner/search_paths.hpp"

#include "pg/base/settings.hpp"
#include "pg/cache/invalidation.hpp"
#include "pg/planner/clause_check.hpp"
#include "pg/planner/relation_paths.hpp"
#include "pg/planner/search_operator.hpp"
#include "pg/planner/tenant_column.hpp"

extern "C" {
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
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
    append_in_run(planning->marked, clause);
    MemoryContext caller = MemoryContextSwitchTo(planning->memory);
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
    add_paths(relation, btree_paths_by(root, relation, clauses));
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
    OpenedQuery* query = keep_in_run(planning->queries, OpenedQuery{root, nullptr});
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

void open_search(PlannerInfo* root, RelOptInfo* relation, RangeTblEntry* entry) {
    if (!search_paths) return;
    open_paths(root, relation, entry);
    add_paths_by_outer_calls(root, relation, entry);
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
