// Rights of the owner, code of the caller: how the extension reads and changes rows of foreign tables for an application.
// The user is not switched. Names are resolved under a pinned path; privileges and row-level security are those of the
// table's owner; all code that the statement runs (triggers, defaults, checks, casts, operators, generated columns, index
// expressions, rules) runs as the caller, with the caller's search path. While it runs, the security context keeps such
// code from becoming the session user (RESET ROLE).
#pragma once

#include "pg/base/query_run.hpp"

namespace bastion::pg {

// One statement of the extension's own on one table, every name of it qualified.
struct CheckedStatement {
    Oid relation;
    const char* sql;
    QueryParameters parameters;
    // The first condition of WHERE is evaluated before all others, like a policy: a foreign operator sees no row that it
    // excludes. For SELECT.
    bool first_condition_guards;
    // The role for the look-up of names, if the current user may not see the extension's schema.
    Oid names_as = InvalidOid;
};

// Raises 42P01 and 42809 for a relation that is not a table, and all errors of the statement.
FirstRow run_checked(const CheckedStatement& statement);

}  // namespace bastion::pg
