// SPI, independent of the caller's rights, search path and row-level security: the only file that may use it. Statements
// are fixed, run as the owner of the extension, and their plans live as long as the backend. Not in parallel mode.
// Statements on tables of an application are the exception: these run in the sandbox of the table's owner.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

struct Statement {
    const char* sql;
    int arguments;
    Oid types[4];
    SPIPlanPtr plan;
};

// Copies the rows of one result, as the functions below show them, into the caller's memory.
using Reader = void (*)(MemoryContext caller, void* out);

// Read-only, under a fresh catalog snapshot.
void run_reading(Statement& statement, Datum* values, const char* nulls, Reader read, void* out);

// The same for a statement that writes, under the ordinary snapshots of the transaction.
void run_writing(Statement& statement, Datum* values, const char* nulls, Reader read, void* out);

// For a Reader: rows count from 0, columns from 1. A missing row has nulls; values passed by reference are freed with the
// result.
[[nodiscard]] uint64 row_count();
[[nodiscard]] NullableDatum cell(uint64 row, int column);
[[nodiscard]] const char* text_cell(uint64 row, int column);
// A copy in the memory of the caller; null for NULL.
[[nodiscard]] char* copied_text_cell(MemoryContext caller, uint64 row, int column);

// The Reader of a statement whose result is ignored.
inline void read_nothing(MemoryContext, void*) {}

inline Datum uuid_datum(const pg_uuid_t& uuid) { return UUIDPGetDatum(const_cast<pg_uuid_t*>(&uuid)); }

// Runs a statement of the extension's own on a table, with text parameters $1 to $3, in the sandbox of the table's owner
// and without its row-level security; names of the statement are qualified, because the search_path is that of the table.
// The first column of the first row as text, or null. It checks no right.
char* run_as_table_owner(Oid relation, const char* sql, const NullableDatum (&parameters)[3]);

// A value of a type that memory holds as a varlena: bytea, text, arrays.
struct TypedValue {
    Oid type;
    NullableDatum value;
};

// Raises 0A000 for a type of another form.
void require_varlena(Oid type);

// The same with at most three parameters of these types, for a statement whose columns have the types of `columns`; these get the
// values of the first row, or null.
void run_typed_as_table_owner(Oid relation, const char* sql, std::span<const TypedValue> parameters,
                              std::span<TypedValue> columns);

// The same without parameters, for a caller with the rights of the owner of the table, SQLSTATE 42501 otherwise: in the
// sandbox if the owner is another role, else as the caller.
char* run_on_own_table(Oid relation, const char* sql);

// Runs a call of one of the extension's functions that SQL wrote, with literals alone, as the caller.
void run_call(const char* sql);

}  // namespace bastion::pg
