// Point reads of the extension's own tables by index, without planner, privileges or row-level security, under a fresh
// catalog snapshot: for rows that are read before the identity is known (keys) or very often. Values are copied,
// detoasted, into the caller's memory context. Also looks up the extension's schema, relations and owner.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// The extension's owner; raises when the extension is not installed in this database.
Oid extension_owner();

// The version of the extension's SQL objects in this database, or null when it is not installed; palloc'd.
const char* extension_version();

// Whether a database with this OID exists. Reads shared catalogs alone.
bool database_exists(Oid database);

// The database with the next OID after this one that allows connections and is no template; InvalidOid after the last. Reads
// shared catalogs alone.
Oid next_database(Oid after);

// A relation of schema bastion; InvalidOid when there is none (the extension is not installed in this database).
Oid extension_relation_or_none(const char* name);

// A relation of schema bastion; raises when there is none.
Oid extension_relation(const char* name);

// A relation as SQL names it under any search_path; raises when there is none.
char* qualified_name(Oid relation);

struct ColumnValue {
    const char* column;
    Datum value;
    bool is_null;
};

// Reads the row whose `key_column` equals `key`, by `index`; false when there is none. `equality` is the function of the
// type's equality operator (F_TEXTEQ, F_INT4EQ). A null `index` scans the table.
bool read_row(const char* table, const char* index, const char* key_column, RegProcedure equality, Datum key,
              std::span<ColumnValue> columns);

// A condition on a column of an index: equal, or NULL.
struct KeyCondition {
    const char* column;
    RegProcedure equality;
    Datum value;
    bool is_null;
};

// Reads the row that meets all conditions, at most five, on the first columns of `index`.
bool read_row(const char* table, const char* index, std::span<const KeyCondition> conditions,
              std::span<ColumnValue> columns);
// The same as a snapshot of the caller sees it, with the isolation of the transaction. `whole`, unless null, gets the row as a
// composite value.
bool read_row_under(Snapshot snapshot, const char* table, const char* index, std::span<const KeyCondition> conditions,
                    std::span<ColumnValue> columns, Datum* whole = nullptr);
// Reads every such row, and hands the columns of each to `each`.
void read_rows(const char* table, const char* index, const char* key_column, RegProcedure equality, Datum key,
               std::span<ColumnValue> columns, void (*each)(std::span<const ColumnValue> columns, void* state),
               void* state);

// Reads every row of a small table.
void read_all_rows(const char* table, std::span<ColumnValue> columns,
                   void (*each)(std::span<const ColumnValue> columns, void* state), void* state);

// Reads the only row of a table that holds at most one.
bool read_only_row(const char* table, std::span<ColumnValue> columns);

}  // namespace bastion::pg
