// The column of a relation that its row security compares with the tenant of the session, found by the shape of the
// conditions: column = (SELECT bastion.tenant_if_allowed(...)), as protect() writes them. No catalog lists these columns,
// and a policy of another hand with that shape counts too.
#pragma once

#include "pg/planner/planning.hpp"

namespace bastion::pg {

// 0 for a relation without such a condition. A partition or child has the column that its parent names.
AttrNumber tenant_column(PlannerInfo* root, RangeTblEntry* entry);

// The root of the inheritance tree that the relation is planned in, or the relation itself.
RangeTblEntry* tree_root(PlannerInfo* root, RangeTblEntry* entry);

// The subquery whose result the parameter is, of this query or one around it. Null for other parameters, which are columns of an
// outer relation or values of the statement.
const SubPlan* subquery_behind(const PlannerInfo* root, const Param* parameter);

// The reader in the plan of (SELECT reader [WHERE has_permission(…)]): one row without a table. A query can have such a subquery
// too, and with another call in it, which would run when a row of another tenant reaches the subquery. Null for another plan.
const Node* reader_of_plan(const Plan* plan);

// The reader of the context whose result the parameter is, with (SELECT reader) evaluated once; null for another parameter.
const Node* tenant_reader(PlannerInfo* root, const Param* parameter);
bool is_tenant_parameter(PlannerInfo* root, const Param* parameter);

// column = tenant, with such a parameter or the reader itself.
bool compares_tenant(PlannerInfo* root, Node* condition);

// can_by_acl(permission, column): its lists are those of the tenant.
bool is_acl_check(Node* condition);

// Whether the row security of the relation consists of conditions that protect() writes, and nothing else.
bool has_own_security_alone(PlannerInfo* root, RangeTblEntry* entry);

}  // namespace bastion::pg
