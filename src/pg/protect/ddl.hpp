// Statements of a plan, which SQL wrote: DDL, and calls of the extension's own functions. Names in them are resolved
// under a pinned search_path. Statements that evaluate expressions of a table (NOT NULL, a new type, a constraint) run as
// the owner of the table when the caller is another role.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Runs DDL as a part of the command that runs: no event trigger fires for it. For the guard, which runs inside an event
// trigger with rights that the author of another one does not have.
void run_unseen(const char* sql);

// One statement of DDL, which `process` runs with process_ddl(): event triggers fire for it, as the caller and with the
// caller's search_path.
struct Ddl {
    const RawStmt* raw;
    const char* sql;
    void* argument;
};
void in_sight_of_event_triggers(const Ddl& ddl, void (*process)(const Ddl& ddl));

// Whether the extension itself runs this statement, and no event trigger or client.
[[nodiscard]] bool is_own_statement(const Node* statement);

// Runs it as the current user, under the search_path in force; no event trigger fires.
void process_ddl(const Ddl& ddl);

// Runs statements as a client would: event triggers fire for each, as the caller and with the caller's search_path.
void run_in_sight(const char* sql);

}  // namespace bastion::pg
