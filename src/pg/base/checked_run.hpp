// Rights of the owner, code of the caller: how the extension reads and changes rows of tables that are not its own for an
// application. No user is switched. Names are resolved under a pinned path; privileges and row-level security are those of
// the table's owner; everything that the statement runs (triggers, defaults, checks, casts, operators, generated columns,
// index expressions, rules) runs as the caller, with the caller's search path. While it runs, the security context keeps
// such code from becoming the session user (RESET ROLE).
#pragma once

#include "pg/base/query_run.hpp"

namespace bastion::pg {

// One statement of the extension's own on one table, every name of it qualified.
struct CheckedStatement {
    Oid relation;
    const char* sql;
    QueryParameters parameters;
    // The first condition of WHERE decides before any other is evaluated, as a policy does: an operator of somebody else
    // sees no row that it excludes. For SELECT.
    bool first_condition_guards;
    // As whom names are looked up, where the current user may not see the extension's schema.
    Oid names_as = InvalidOid;
};

// Raises 42P01 and 42809 for what is not a table, and whatever the statement raises.
FirstRow run_checked(const CheckedStatement& statement);

}  // namespace bastion::pg
