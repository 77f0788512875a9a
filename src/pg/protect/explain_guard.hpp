// EXPLAIN ANALYZE CREATE TABLE … AS makes a table, and PostgreSQL fires no event trigger for it. Called once, when the library
// is loaded: afterwards the guard of schema_guard() sees such a table too.
#pragma once

namespace bastion::pg {

void watch_explained_tables();

}  // namespace bastion::pg
