// Planner support for the readers in policies, which loads the library, and for can_by_acl(), can_by_acl_anywhere() and
// can_in_tenant(): an index on the column is searched with `column = ANY (the session's set)` while the set is small enough,
// and no estimate of theirs depends on the session that plans.
//
// The name of the set function is that of the check with `can_…` replaced; up to stable_limit ids the planner may see
// the set (its STABLE function), up to index_limit it may not (the variant labelled VOLATILE, `…_unfolded`, because
// folding thousands of ids into estimates costs more than the query), and above it the check stays a hashed filter.
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/context/grant_load.hpp"
#include "pg/planner/tenant_column.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
}

namespace bastion::pg {
namespace {

constexpr std::size_t stable_limit = 200;
constexpr std::size_t index_limit = 10000;
// The assumed number of ids of an average session, for every session that plans.
constexpr double assumed_ids = 10;

struct Check {
    const char* name;
    const char* set;
    const char* unfolded_set;
    bool by_tenant;
    bool anywhere;
};

constexpr Check checks[] = {
    {"can_by_acl", "acl_set", "acl_set_unfolded", false, false},
    {"can_by_acl_anywhere", "acl_set_anywhere", "acl_set_anywhere_unfolded", false, true},
    {"can_in_tenant", "tenant_set", "tenant_set_unfolded", true, true},
};

const Check* check_of(Oid function) {
    const char* name = get_func_name(function);
    for (const Check& check : checks)
        if (name != nullptr && std::strcmp(check.name, name) == 0) return &check;
    return nullptr;
}

// The size of the planning session's set.
std::size_t set_size(const Check& check, std::string_view permission) {
    const Decision& decision = decide();
    GrantSets* sets = check.by_tenant ? grant_sets_with_tenants(decision) : grant_sets_of(decision);
    if (sets == nullptr) return 0;
    std::size_t size = 0;
    guarded_or_raise([&]() -> Result<void> {
        size = check.by_tenant ? sets->tenants(permission).sorted().size()
                               : sets->acls(permission, check.anywhere).sorted().size();
        return {};
    });
    return size;
}

// A check that an index on its second argument could serve.
struct Searchable {
    FuncExpr* call;
    const Check* check;
    std::size_t ids;  // in the planning session's set
};

// Null if the clause is not a check of this column under a constant permission.
Searchable searchable(Node* clause, const SupportRequestIndexCondition* request) {
    if (!is_funcclause(clause)) return {};
    auto* call = reinterpret_cast<FuncExpr*>(clause);
    if (list_length(call->args) != 2 || !IsA(linitial(call->args), Const)) return {};
    const auto* permission = static_cast<Const*>(linitial(call->args));
    const Check* check = check_of(call->funcid);
    if (check == nullptr || permission->constisnull) return {};
    if (!match_index_to_operand(static_cast<Node*>(lsecond(call->args)), request->indexcol, request->index)) return {};
    const std::string_view name = server_text(DatumGetTextPP(permission->constvalue)).bytes();
    return {call, check, set_size(*check, name)};
}

// An UPDATE requires reading and changing. Until PostgreSQL 17 a B-tree search with two sets tries every pair of their
// ids, so one check alone becomes the condition: that of the smallest set. The others remain filters.
bool is_chosen(const Searchable& candidate, const SupportRequestIndexCondition* request) {
    Searchable best = {};
    ListCell* cell = nullptr;
    foreach (cell, request->index->rel->baserestrictinfo) {
        const Searchable other =
            searchable(reinterpret_cast<Node*>(static_cast<RestrictInfo*>(lfirst(cell))->clause), request);
        if (other.call != nullptr && (best.call == nullptr || other.ids < best.ids)) best = other;
    }
    return best.call == nullptr || best.call == candidate.call;
}

Oid find_function(const char* name, Oid schema) {
    const Oid argument = TEXTOID;
    oidvector* arguments = buildoidvector(&argument, 1);
    return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name), PointerGetDatum(arguments),
                           ObjectIdGetDatum(schema));
}

// The set function that the index condition calls, if any. An empty set says nothing about the session that will
// execute the plan.
Oid set_function(const Searchable& candidate) {
    if (candidate.ids > index_limit) return InvalidOid;
    const bool seen = candidate.ids > 0 && candidate.ids <= stable_limit;
    return seen ? find_function(candidate.check->set, get_func_namespace(candidate.call->funcid))
                : find_function(candidate.check->unfolded_set, get_namespace_oid("bastion_internal", true));
}

// copyObject() is a macro over typeof, which C++ lacks.
Node* copy(const void* node) { return static_cast<Node*>(copyObjectImpl(node)); }

Node* index_condition(const SupportRequestIndexCondition* request) {
    const Searchable candidate = searchable(request->node, request);
    if (candidate.call == nullptr || !is_chosen(candidate, request)) return nullptr;
    FuncExpr* call = candidate.call;
    auto* permission = static_cast<Node*>(linitial(call->args));
    const Oid type = candidate.check->by_tenant ? UUIDOID : INT8OID;
    const Oid equality = get_opfamily_member(request->opfamily, type, type, BTEqualStrategyNumber);
    if (!OidIsValid(equality)) return nullptr;
    const Oid set = set_function(candidate);
    if (!OidIsValid(set)) return nullptr;
    FuncExpr* ids = makeFuncExpr(set, get_func_rettype(set), list_make1(copy(permission)), InvalidOid,
                                 DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
    auto* any = makeNode(ScalarArrayOpExpr);
    any->opno = equality;
    any->opfuncid = get_opcode(equality);
    any->useOr = true;
    any->args = list_make2(copy(lsecond(call->args)), ids);
    any->location = -1;
    return reinterpret_cast<Node*>(list_make1(any));
}

double distinct_values(PlannerInfo* root, Node* column, int relation) {
    VariableStatData statistics;
    bool is_default = false;
    examine_variable(root, column, relation, &statistics);
    const double distinct = get_variable_numdistinct(&statistics, &is_default);
    ReleaseVariableStats(statistics);
    return std::max(distinct, 1.0);
}

// The tenants in the table of a column, if its row security compares the tenant too; else 0.
double tenants_beside(PlannerInfo* root, Node* column) {
    if (planning == nullptr || !IsA(column, Var)) return 0;
    RangeTblEntry* entry = planner_rt_fetch(reinterpret_cast<Var*>(column)->varno, root);
    if (entry->rtekind != RTE_RELATION) return 0;
    const AttrNumber tenant = tenant_column(root, entry);
    const TenantShares* shares = tenant != 0 ? tenant_shares({entry->relid, tenant, entry->inh}) : nullptr;
    return shares != nullptr ? shares->classes.tenants() : 0;
}

// Constant per column: a plan made for an empty set serves the largest tenant. Beside a condition on the tenant it is the part
// of the tenant's rows, so that the two together are estimated as one.
double column_selectivity(PlannerInfo* root, Node* column, int relation) {
    const double distinct = distinct_values(root, column, relation);
    const double tenants = tenants_beside(root, column);
    return tenants > 0 ? std::min(1.0, assumed_ids * tenants / distinct) : std::min(0.5, assumed_ids / distinct);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_reader_support);
Datum bastion_reader_support(PG_FUNCTION_ARGS) { PG_RETURN_POINTER(nullptr); }

PG_FUNCTION_INFO_V1(bastion_can_support);
Datum bastion_can_support(PG_FUNCTION_ARGS) {
    auto* request = reinterpret_cast<Node*>(PG_GETARG_POINTER(0));
    if (IsA(request, SupportRequestIndexCondition)) {
        auto* condition = reinterpret_cast<SupportRequestIndexCondition*>(request);
        Node* made = index_condition(condition);
        if (made != nullptr) condition->lossy = false;
        PG_RETURN_POINTER(made);
    }
    if (IsA(request, SupportRequestSelectivity)) {
        auto* selectivity = reinterpret_cast<SupportRequestSelectivity*>(request);
        if (list_length(selectivity->args) != 2) PG_RETURN_POINTER(nullptr);
        selectivity->selectivity = column_selectivity(selectivity->root, static_cast<Node*>(lsecond(selectivity->args)),
                                                      selectivity->varRelid);
        PG_RETURN_POINTER(request);
    }
    if (IsA(request, SupportRequestCost)) {
        auto* cost = reinterpret_cast<SupportRequestCost*>(request);
        cost->startup = 0;
        cost->per_tuple = cpu_operator_cost;
        PG_RETURN_POINTER(request);
    }
    PG_RETURN_POINTER(nullptr);
}

}  // extern "C"

}  // namespace bastion::pg
