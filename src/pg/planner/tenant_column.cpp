#include "pg/planner/tenant_column.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
}

namespace bastion::pg {
namespace {

// The readers of the context that policies compare a column with, and the checks that they call.
constexpr const char* readers[] = {"tenant_if_allowed", "tenant_number_if_allowed", "tenant_id", "tenant_number"};
constexpr const char* conditions_of_readers[] = {"has_permission"};
constexpr const char* acl_checks[] = {"can_by_acl"};
constexpr const char* checks[] = {"can_by_acl", "can_by_acl_anywhere", "can_in_tenant"};

template <std::size_t Count>
bool is_function_of(const Node* node, const char* const (&names)[Count]) {
    if (!IsA(node, FuncExpr)) return false;
    const Oid function = reinterpret_cast<const FuncExpr*>(node)->funcid;
    const char* name = get_func_name(function);
    if (name == nullptr || get_func_namespace(function) != get_namespace_oid("bastion", true)) return false;
    return std::any_of(names, names + Count, [&](const char* known) { return std::strcmp(known, name) == 0; });
}

bool are_constants(const List* arguments) {
    const ListCell* cell = nullptr;
    foreach (cell, arguments)
        if (!IsA(lfirst(cell), Const)) return false;
    return true;
}

// A reader, or its value as text. Of an argument that is no constant nobody knows what it calls.
bool is_reader(const Node* node) {
    if (IsA(node, CoerceViaIO)) {
        const auto* cast = reinterpret_cast<const CoerceViaIO*>(node);
        if (cast->resulttype != TEXTOID) return false;
        node = reinterpret_cast<const Node*>(cast->arg);
    }
    return is_function_of(node, readers) && are_constants(reinterpret_cast<const FuncExpr*>(node)->args);
}

// WHERE has_permission(…), or nothing.
bool asks_for_permissions(const Node* conditions) {
    if (conditions == nullptr) return true;
    if (!IsA(conditions, List))
        return is_function_of(conditions, conditions_of_readers) &&
               are_constants(reinterpret_cast<const FuncExpr*>(conditions)->args);
    const ListCell* cell = nullptr;
    foreach (cell, reinterpret_cast<const List*>(conditions))
        if (!asks_for_permissions(static_cast<const Node*>(lfirst(cell)))) return false;
    return true;
}

Node* without_relabel(Node* node) {
    while (IsA(node, RelabelType)) node = reinterpret_cast<Node*>(reinterpret_cast<RelabelType*>(node)->arg);
    return node;
}

// column = tenant: the column, or 0. With the bare call, as written for Citus, the call itself stands there.
AttrNumber compared_column(PlannerInfo* root, Node* condition) {
    if (!IsA(condition, OpExpr)) return 0;
    const auto* comparison = reinterpret_cast<OpExpr*>(condition);
    if (list_length(comparison->args) != 2) return 0;
    Node* left = without_relabel(static_cast<Node*>(linitial(comparison->args)));
    Node* right = without_relabel(static_cast<Node*>(lsecond(comparison->args)));
    if (IsA(right, Var)) std::swap(left, right);
    if (!IsA(left, Var) || get_oprrest(comparison->opno) != F_EQSEL) return 0;
    const bool is_tenant =
        IsA(right, Param) ? is_tenant_parameter(root, reinterpret_cast<Param*>(right)) : is_reader(right);
    return is_tenant ? reinterpret_cast<Var*>(left)->varattno : 0;
}

// The conditions are lists in lists.
AttrNumber compared_column_among(PlannerInfo* root, Node* conditions) {
    if (conditions == nullptr) return 0;
    if (!IsA(conditions, List)) return compared_column(root, conditions);
    ListCell* cell = nullptr;
    foreach (cell, reinterpret_cast<List*>(conditions)) {
        const AttrNumber column = compared_column_among(root, static_cast<Node*>(lfirst(cell)));
        if (column != 0) return column;
    }
    return 0;
}

template <std::size_t Count>
bool is_check_of(Node* condition, const char* const (&names)[Count]) {
    if (!is_function_of(condition, names)) return false;
    const List* arguments = reinterpret_cast<FuncExpr*>(condition)->args;
    return list_length(arguments) == 2 && IsA(linitial(arguments), Const) &&
           IsA(without_relabel(static_cast<Node*>(lsecond(arguments))), Var);
}

bool is_true(const Node* condition) {
    const auto* constant = reinterpret_cast<const Const*>(condition);
    return IsA(condition, Const) && !constant->constisnull && DatumGetBool(constant->constvalue);
}

bool is_own_security(PlannerInfo* root, Node* conditions) {
    if (conditions == nullptr) return true;
    if (!IsA(conditions, List))
        return is_true(conditions) || is_check_of(conditions, checks) || compared_column(root, conditions) != 0;
    ListCell* cell = nullptr;
    foreach (cell, reinterpret_cast<List*>(conditions))
        if (!is_own_security(root, static_cast<Node*>(lfirst(cell)))) return false;
    return true;
}

// The place of a relation in the query, or 0. Members of a tree are asked for one after the other.
Index place_of(PlannerInfo* root, const RangeTblEntry* entry) {
    const int size = root->simple_rel_array_size;
    int& last = planning->last_member;
    for (int tried = 1, place = last; tried < size; ++tried, ++place) {
        if (place <= 0 || place >= size) place = 1;
        if (root->simple_rte_array[place] != entry) continue;
        last = place;
        return static_cast<Index>(place);
    }
    return 0;
}

// The parent in an inheritance tree, or null.
const AppendRelInfo* parent_link(PlannerInfo* root, const RangeTblEntry* entry) {
    if (root->append_rel_array == nullptr) return nullptr;
    const Index place = place_of(root, entry);
    const AppendRelInfo* link = place != 0 ? root->append_rel_array[place] : nullptr;
    return link != nullptr && OidIsValid(link->parent_reloid) ? link : nullptr;
}

AttrNumber column_of_child(const AppendRelInfo* link, AttrNumber parent_column) {
    if (parent_column <= 0 || parent_column > list_length(link->translated_vars)) return 0;
    auto* column = static_cast<Node*>(list_nth(link->translated_vars, parent_column - 1));
    return column != nullptr && IsA(column, Var) ? reinterpret_cast<Var*>(column)->varattno : 0;
}

// What the row security of a relation says; looked at once in a run of the planner.
struct Security {
    PlannerInfo* root;
    RangeTblEntry* entry;
    AttrNumber column;
    enum { unknown, own, foreign } alone;
};

Security* security_of(PlannerInfo* root, RangeTblEntry* entry) {
    ListCell* cell = nullptr;
    foreach (cell, planning->securities) {
        auto* known = static_cast<Security*>(lfirst(cell));
        if (known->root == root && known->entry == entry) return known;
    }
    const AttrNumber column = compared_column_among(root, reinterpret_cast<Node*>(entry->securityQuals));
    return keep_in_run(planning->securities, Security{root, entry, column, Security::unknown});
}

}  // namespace

const SubPlan* subquery_behind(const PlannerInfo* root, const Param* parameter) {
    if (parameter->paramkind != PARAM_EXEC) return nullptr;
    for (const PlannerInfo* query = root; query != nullptr; query = query->parent_root) {
        ListCell* cell = nullptr;
        foreach (cell, query->init_plans) {
            const auto* subquery = lfirst_node(SubPlan, cell);
            if (list_member_int(subquery->setParam, parameter->paramid)) return subquery;
        }
    }
    return nullptr;
}

const Node* reader_of_plan(const Plan* plan) {
    if (!IsA(plan, Result) || plan->lefttree != nullptr || plan->initPlan != NIL || list_length(plan->targetlist) != 1)
        return nullptr;
    if (!asks_for_permissions(reinterpret_cast<const ::Result*>(plan)->resconstantqual)) return nullptr;
    const auto* value = reinterpret_cast<const Node*>(linitial_node(TargetEntry, plan->targetlist)->expr);
    return is_reader(value) ? value : nullptr;
}

const Node* tenant_reader(PlannerInfo* root, const Param* parameter) {
    const SubPlan* subquery = subquery_behind(root, parameter);
    if (subquery == nullptr) return nullptr;
    return reader_of_plan(static_cast<Plan*>(list_nth(root->glob->subplans, subquery->plan_id - 1)));
}

bool is_tenant_parameter(PlannerInfo* root, const Param* parameter) {
    return tenant_reader(root, parameter) != nullptr;
}

bool compares_tenant(PlannerInfo* root, Node* condition) { return compared_column(root, condition) != 0; }

bool is_acl_check(Node* condition) { return is_check_of(condition, acl_checks); }

AttrNumber tenant_column(PlannerInfo* root, RangeTblEntry* entry) {
    if (entry->securityQuals != NIL) return security_of(root, entry)->column;
    const AppendRelInfo* link = parent_link(root, entry);
    if (link == nullptr) return 0;
    return column_of_child(link, tenant_column(root, root->simple_rte_array[link->parent_relid]));
}

RangeTblEntry* tree_root(PlannerInfo* root, RangeTblEntry* entry) {
    if (entry->securityQuals != NIL) return entry;
    const AppendRelInfo* link = parent_link(root, entry);
    return link != nullptr ? tree_root(root, root->simple_rte_array[link->parent_relid]) : entry;
}

bool has_own_security_alone(PlannerInfo* root, RangeTblEntry* entry) {
    RangeTblEntry* top = tree_root(root, entry);
    if (top->securityQuals == NIL) return true;
    Security* security = security_of(root, top);
    if (security->alone == Security::unknown) {
        const bool alone = is_own_security(root, reinterpret_cast<Node*>(top->securityQuals));
        security->alone = alone ? Security::own : Security::foreign;
    }
    return security->alone == Security::own;
}

}  // namespace bastion::pg
