// Whether a clause calls trusted functions alone, and whether it calls any other.
#pragma once

#include "pg/planner/planning.hpp"

namespace bastion::pg {

// Every function of the clause may run on rows of other tenants, and every leaf is a column, a constant, a parameter of the
// statement or the tenant.
bool is_trusted_clause(PlannerInfo* root, Node* clause);

// The clause calls an untrusted function, with or without a column, or contains the result of a subquery other than the
// tenant, which is evaluated when the clause reaches it.
bool is_untrusted_clause(PlannerInfo* root, Node* clause);

// How often the expression is evaluated shows nowhere: all its functions are quiet (search_operator.hpp).
bool is_quiet(Node* expression);

}  // namespace bastion::pg
