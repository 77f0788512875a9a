// Scans of nobody read nothing. A plan that was made for a large tenant may read a whole table, or sort and hash for as many rows; without an
// identity the tenant is NULL, which no row has. The planner is not asked again: between two transactions of a pool nobody is signed in.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Before the executor runs: while the transaction presents no identity, the scans that compare a column with the tenant ask for it
// once, when they begin.
void watch_scans_of_nobody(QueryDesc* query);

}  // namespace bastion::pg
