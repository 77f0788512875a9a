// The limits that concern a caller who wants amounts of meters, each with the row of its window, and what a use writes there.
#pragma once

#include "pg/quota/quota_rules.hpp"
#include "pg/quota/quota_store.hpp"

namespace bastion::pg {

// Phase A: takes the locks of a caller, the account before the tenant (QuotaOwner), and that of the account if any limit counts it, or
// with_account. Raises 40001 where such a limit was set during the wait, and another transaction has the account.
void lock_caller(const Identity& identity, bool with_account);

// Phase A: the limits of a caller with their windows, which are not read yet.
std::span<QuotaLine> limits_of(const Identity& identity, const QuotaWanted& wanted);

// Phase A. Under the locks of lock_quotas() (locked), what stripes may still use is taken back where it is wanted, and nobody changes what it reads until the transaction ends, and it raises 40001 where others
// did since the snapshot of a REPEATABLE READ transaction.
std::span<QuotaLine> quota_lines(const Identity& identity, const QuotaWanted& wanted, bool locked);

// Phase A, under the lock of the tenant: its own limits of a meter, for rows that are no use of a user; always_total, also the window of all
// time where no limit asks for it.
std::span<QuotaLine> tenant_lines(const pg_uuid_t& tenant, const char* meter, Datum wanted, bool always_total);

// Once for lines of one call: adds what is wanted to what is used or reserved of each line, and sets `crosses`.
void add_to_lines(std::span<QuotaLine> lines, bool reserves);

// Phase A: add_to_lines(), and writes the windows.
void add_to_windows(std::span<QuotaLine> lines, bool reserves);

}  // namespace bastion::pg
