// Statements of one role on the table of another run in a sandbox: as the owner of the table, in a security-restricted
// operation and without forced row security, with settings that end with it. Code that the owner attached to the table
// then has only the owner's rights, and changes no role or setting of the caller. An error leaves the sandbox with the
// transaction's own clean-up. Deferred triggers cannot be queued in it: a function that writes in it makes constraints
// immediate before.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// A search_path under which the caller of a function cannot redirect names.
inline constexpr const char* pinned_path = "pg_catalog, pg_temp";

// A level of settings with its own search_path; ended with AtEOXact_GUC().
[[nodiscard]] int begin_settings(const char* search_path);

struct Sandbox {
    Oid user;
    int security;
    int guc_level;
};

[[nodiscard]] Sandbox enter_sandbox(Oid owner, const char* search_path);
void leave_sandbox(const Sandbox& sandbox);

// SET CONSTRAINTS ALL IMMEDIATE, as the current user: deferred triggers fire here.
void make_constraints_immediate();

// The schema of a relation and then pg_temp: the path that ordinary triggers and checks of a table expect.
char* search_path_of(Oid relation);

// The owner of an ordinary or partitioned table, which stays locked against changes; SQLSTATE 42P01 and 42809 for others.
Oid owner_of_table(Oid relation);
Oid owner_of_table_or_view(Oid relation);

// Whether the current role must not run the owner's code: the owner is another role and no superuser.
[[nodiscard]] bool is_code_of_others(Oid owner);

}  // namespace bastion::pg
