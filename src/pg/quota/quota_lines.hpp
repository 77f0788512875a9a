// The limits that concern a caller who wants amounts of meters, each with the row of its window, and what a use writes there.
#pragma once

#include "pg/quota/quota_rules.hpp"
#include "pg/quota/quota_store.hpp"

namespace bastion::pg {

// Phase A. Under the locks of lock_quotas() (locked), nobody changes what it reads until the transaction ends, and it raises 40001 where others
// did since the snapshot of a REPEATABLE READ transaction.
std::span<QuotaLine> quota_lines(const Identity& identity, const QuotaWanted& wanted, bool locked);

// Phase A, once for lines of one call: adds what is wanted to what is used or reserved of each window, and sets `crosses`.
void add_to_windows(std::span<QuotaLine> lines, bool reserves);

}  // namespace bastion::pg
