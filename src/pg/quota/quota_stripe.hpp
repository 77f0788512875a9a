// Stripes of the windows of a tenant: rows of usage_stripes, each with an allotment of a limit, so that uses of one tenant need not wait for each
// other. A use locks one stripe of its tenant and shares the tenant. Where its stripe has too little, it takes the tenant alone, as uses
// without stripes do, and gives its stripe more of the window. Which stripe a use takes does not matter: the process says it.
#pragma once

#include "pg/quota/quota_rules.hpp"
#include "pg/quota/quota_store.hpp"

namespace bastion::pg {

struct StripeLock {
    int stripe;     // below 0: the tenant is to be locked as a whole
    bool is_first;  // whether this transaction has used no stripe before
};

// Phase A: locks a stripe for a use of a meter, and before it the account of the user where any limit counts the user. Raises 40001 where that is
// another transaction's and waiting could go in a circle.
StripeLock enter_stripe(const Identity& identity, std::string_view meter);

// For a use that has written nothing.
void leave_stripe(const Identity& identity, const StripeLock& lock);

// Phase A, under the lock of the stripe: reads the stripe of each line that has stripes, and the windows of the others. False where a stripe has
// no allotment for what is wanted, or one for other limits.
bool read_stripes(std::span<QuotaLine> lines, int stripe);

// Phase A: writes what read_stripes() read.
void write_stripes(std::span<QuotaLine> lines);

// Phase A, under the lock of the tenant: gives the stripe that enter_stripe() would lock more of each line, of a meter of this scale, which
// write_windows() then writes.
void fill_stripes(std::span<QuotaLine> lines, const Identity& identity, std::string_view meter, int scale);

// Phase A. Whether a use has to know what stripes used, to refuse it or to see a soft limit crossed.
[[nodiscard]] bool needs_stripes(const QuotaLine& line);

// Phase A, under the lock of the tenant: takes back what stripes may still use, and adds to the line what they used.
void gather_stripes(QuotaLine& line);

// Phase A: adds to the line what stripes used, as the snapshot of the query has it.
void add_used_of_stripes(QuotaLine& line);

}  // namespace bastion::pg
