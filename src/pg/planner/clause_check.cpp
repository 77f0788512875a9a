#include "pg/planner/clause_check.hpp"

#include "pg/base/compat.hpp"
#include "pg/planner/search_operator.hpp"
#include "pg/planner/tenant_column.hpp"

extern "C" {
#include "catalog/pg_collation_d.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/typcache.h"
}

namespace bastion::pg {
namespace {

bool are_trusted(PlannerInfo* root, List* clauses);

bool is_text(const void* argument) { return type_is_collatable(exprType(static_cast<const Node*>(argument))); }

bool have_text(const List* arguments) {
    const ListCell* cell = nullptr;
    foreach (cell, arguments)
        if (is_text(lfirst(cell))) return true;
    return false;
}

// PostgreSQL calls functions LEAKPROOF that raise under a nondeterministic collation (starts_with), and under none, which two
// columns of different collations leave. Comparisons raise under none alone.
bool suits_collation(Oid collation, const List* arguments, bool is_comparison) {
    if (collation == DEFAULT_COLLATION_OID) return true;
    if (!OidIsValid(collation)) return !have_text(arguments);
    return is_comparison || get_collation_isdeterministic(collation);
}

template <class Call>
bool suits_operator(const Call* call) {
    return suits_collation(call->inputcollid, call->args, false) ||
           (OidIsValid(call->inputcollid) && compat::is_ordering_operator(call->opno));
}

bool suits_rows(const RowCompareExpr* comparison) {
    for (int i = 0; i < list_length(comparison->largs); ++i)
        if (!OidIsValid(list_nth_oid(comparison->inputcollids, i)) && is_text(list_nth(comparison->largs, i)))
            return false;
    return true;
}

bool suits_collation(const Node* node) {
    switch (nodeTag(node)) {
        case T_OpExpr:
        case T_DistinctExpr:
        case T_NullIfExpr: return suits_operator(reinterpret_cast<const OpExpr*>(node));
        case T_ScalarArrayOpExpr: return suits_operator(reinterpret_cast<const ScalarArrayOpExpr*>(node));
        case T_RowCompareExpr: return suits_rows(reinterpret_cast<const RowCompareExpr*>(node));
        case T_FuncExpr: {
            const auto* call = reinterpret_cast<const FuncExpr*>(node);
            return suits_collation(call->inputcollid, call->args, false);
        }
        case T_MinMaxExpr: {
            const auto* call = reinterpret_cast<const MinMaxExpr*>(node);
            return suits_collation(call->inputcollid, call->args, true);
        }
        default: return true;
    }
}

// What has no function of its own.
bool may_raise(const Node* node) {
    // Arrays of unequal length do not make a matrix.
    if (IsA(node, ArrayExpr)) return reinterpret_cast<const ArrayExpr*>(node)->multidims;
    if (!IsA(node, MinMaxExpr)) return false;
    const auto* call = reinterpret_cast<const MinMaxExpr*>(node);
    const Oid comparison = lookup_type_cache(call->minmaxtype, TYPECACHE_CMP_PROC)->cmp_proc;
    return !OidIsValid(comparison) || !get_func_leakproof(comparison);
}

bool is_trusted_parameter(PlannerInfo* root, const Param* parameter) {
    return parameter->paramkind == PARAM_EXTERN || is_tenant_parameter(root, parameter);
}

bool is_trusted(PlannerInfo* root, Node* node) {
    if (node == nullptr) return true;
    check_stack_depth();
    switch (nodeTag(node)) {
        case T_Const: return true;
        case T_Var: return reinterpret_cast<Var*>(node)->varlevelsup == 0;
        case T_Param: return is_trusted_parameter(root, reinterpret_cast<Param*>(node));
        case T_RestrictInfo:
            return is_trusted(root, reinterpret_cast<Node*>(reinterpret_cast<RestrictInfo*>(node)->clause));
        case T_BoolExpr: return are_trusted(root, reinterpret_cast<BoolExpr*>(node)->args);
        case T_RelabelType: return is_trusted(root, reinterpret_cast<Node*>(reinterpret_cast<RelabelType*>(node)->arg));
        case T_BooleanTest: return is_trusted(root, reinterpret_cast<Node*>(reinterpret_cast<BooleanTest*>(node)->arg));
        case T_ArrayExpr: return !may_raise(node) && are_trusted(root, reinterpret_cast<ArrayExpr*>(node)->elements);
        case T_NullTest: {
            const auto* test = reinterpret_cast<NullTest*>(node);
            return !test->argisrow && is_trusted(root, reinterpret_cast<Node*>(test->arg));
        }
        case T_OpExpr: {
            auto* call = reinterpret_cast<OpExpr*>(node);
            set_opfuncid(call);
            return suits_collation(node) && may_run_first(call->opfuncid, call->args, call->inputcollid) &&
                   are_trusted(root, call->args);
        }
        case T_FuncExpr: {
            const auto* call = reinterpret_cast<FuncExpr*>(node);
            return !call->funcretset && suits_collation(node) &&
                   may_run_first(call->funcid, call->args, call->inputcollid) && are_trusted(root, call->args);
        }
        case T_ScalarArrayOpExpr: {
            auto* call = reinterpret_cast<ScalarArrayOpExpr*>(node);
            set_sa_opfuncid(call);
            return suits_collation(node) && may_run_first_with_any(call->opfuncid, call->inputcollid) &&
                   are_trusted(root, call->args);
        }
        default: return false;
    }
}

bool are_trusted(PlannerInfo* root, List* clauses) {
    ListCell* cell = nullptr;
    foreach (cell, clauses)
        if (!is_trusted(root, static_cast<Node*>(lfirst(cell)))) return false;
    return true;
}

bool is_leaky_function(Oid function, void*) { return !get_func_leakproof(function); }

bool has_untrusted_part(Node* node, void* root) {
    if (node == nullptr) return false;
    auto* query = static_cast<PlannerInfo*>(root);
    if (IsA(node, RestrictInfo))
        return has_untrusted_part(reinterpret_cast<Node*>(reinterpret_cast<RestrictInfo*>(node)->clause), root);
    if (IsA(node, Param)) {
        const auto* parameter = reinterpret_cast<Param*>(node);
        return subquery_behind(query, parameter) != nullptr && !is_tenant_parameter(query, parameter);
    }
    if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan)) return true;
    if (check_functions_in_node(node, is_leaky_function, nullptr) || may_raise(node) || !suits_collation(node))
        return true;
    return compat::walk_expression(node, has_untrusted_part, root);
}

bool is_loud_function(Oid function, void*) { return !is_quiet_function(function); }

bool has_loud_part(Node* node, void*) {
    if (node == nullptr) return false;
    if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan)) return true;
    return check_functions_in_node(node, is_loud_function, nullptr) ||
           compat::walk_expression(node, has_loud_part, nullptr);
}

}  // namespace

bool is_quiet(Node* expression) { return !has_loud_part(expression, nullptr); }

bool is_trusted_clause(PlannerInfo* root, Node* clause) {
    return !contain_volatile_functions(clause) && is_trusted(root, clause);
}

bool is_untrusted_clause(PlannerInfo* root, Node* clause) {
    return has_untrusted_part(clause, root) && !is_trusted_clause(root, clause);
}

}  // namespace bastion::pg
