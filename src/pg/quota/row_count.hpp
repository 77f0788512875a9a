// How many rows of each tenant a transition table, a table or a trigger's row has. It reads the column of the tenant itself, of the server's own
// types, so that no function of the table's owner runs. PODs in the current memory context.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

struct TenantRows {
    pg_uuid_t tenant;
    int64 rows;
};

struct RowCounter {
    HTAB* counts;
    AttrNumber column;
    Oid type;    // below domains
    void* last;  // the count of the last row
};

// Phase A. Raises 42703 and 42804 for a table without such a column.
RowCounter row_counter(Relation relation, const char* tenant_column);

// Phase A: adds `weight` for the tenant of each row.
void count_row(RowCounter& counter, Relation relation, HeapTuple row, int64 weight);
void count_transition(RowCounter& counter, Relation relation, Tuplestorestate* rows, int64 weight);
// Of the table without its children, as now committed or written by this transaction, whatever its snapshot.
void count_table(RowCounter& counter, Relation relation, int64 weight);

// Phase A: the tenants that exist and whose count is not 0, in the order of their locks. Rows of no tenant count for none.
std::span<TenantRows> counted_tenants(const RowCounter& counter);

}  // namespace bastion::pg
