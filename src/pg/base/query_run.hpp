// Plans one analysed and rewritten query and runs it by hand, as the current user: for statements that SPI cannot run
// (checked_run.cpp) and for the canary of a scope. Snapshots are those of any statement of the transaction.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

constexpr int max_first_row_columns = 4;

// The number of rows that a query returned or changed, and the first one as text, in the memory context of the caller.
struct FirstRow {
    uint64 count;
    char* cells[max_first_row_columns];  // null for NULL, and for a missing row or column
};

// Parameters $1 to $count of a query. `nulls` as for SPI: 'n' marks NULL.
struct QueryParameters {
    int count;
    const Oid* types;
    const Datum* values;
    const char* nulls;
};

// The parameters are not constants for the planner, so it evaluates no expression on them. The columns of the result must
// be of types whose output functions are the server's own.
FirstRow run_query(Query* query, const char* sql, const QueryParameters& parameters);

}  // namespace bastion::pg
