// SPI, independent of the caller's rights, search path and row-level security: the only file that may use it. Statements
// are fixed, run as the owner of the extension, and their plans live as long as the backend. Not in parallel mode.
// Statements on tables of an application are the exception: these run as the owner of the table. What the extension asks
// is in owner_queries.cpp.
#pragma once

#include "pg/pg.hpp"

namespace bastion::pg {

struct Statement {
    const char* sql;
    int arguments;
    Oid types[3];
    SPIPlanPtr plan;
};

// Copies the rows of one result, as the functions below show them, into the caller's memory.
using Reader = void (*)(MemoryContext caller, void* out);

// Read-only, under a fresh catalog snapshot.
void run_reading(Statement& statement, Datum* values, const char* nulls, Reader read, void* out);

// The same for a statement that writes, under the snapshots that any statement of the transaction has.
void run_writing(Statement& statement, Datum* values, const char* nulls, Reader read, void* out);

// For a Reader: rows count from 0, columns from 1. A row that there is not has nulls; what is passed by reference goes
// with the result.
[[nodiscard]] uint64 row_count();
[[nodiscard]] NullableDatum cell(uint64 row, int column);
[[nodiscard]] const char* text_cell(uint64 row, int column);

// Runs a statement of the extension's own on a table, with text parameters $1 to $3, as the table's owner and past its
// row-level security: as foreign keys do, so that nothing which the owner attached to the table gets further rights. The
// first column of the first row as text, or null.
char* run_as_table_owner(Oid relation, const char* sql, const NullableDatum (&parameters)[3]);

}  // namespace bastion::pg
