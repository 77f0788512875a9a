// The scope of a statement of the extension that makes foreign keys act on foreign tables. PostgreSQL runs such an action
// as the owner of the referencing table, with the search path of the role that deletes: code of that table (triggers,
// checks, defaults, operators) would run with rights that the caller does not have, on names that the caller chose. While a
// scope is active, the planner and the executor run these actions as the scope's user; only privileges stay those of the
// owner.
//
// This covers only actions of statements that the scope's user runs itself, not the statements of a SECURITY DEFINER
// function inside. A scope lives as long as one call of run_in_scope(); scopes nest.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Runs `body(argument)` as `user` inside a scope. `security` is the security context for foreign code; the function adds
// the flag that keeps such code from becoming the session user. SQLSTATE 55000 if another library blocks the server's
// hooks.
void run_in_scope(Oid user, int security, void (*body)(void*), void* argument);

// The current user with the current security context.
void run_in_scope_of_caller(void (*body)(void*), void* argument);

// Whether a scope is active and its user runs, and not the owner of the extension in a SECURITY DEFINER function of a
// trigger.
[[nodiscard]] bool runs_as_scope_user();

// Between the two no scope is active: for statements of the extension's own, whose security context looks like that of a
// foreign key's action. resume_scope() is called after an error too.
struct ScopePause {
    bool was_on;
};
[[nodiscard]] ScopePause pause_scope() noexcept;
void resume_scope(const ScopePause& pause) noexcept;

}  // namespace bastion::pg
