// The limits that concern a caller who wants amounts of meters, each with the row of its window, and what a use writes there. PODs of the
// current memory context.
#pragma once

#include "pg/quota/quota_rules.hpp"

namespace bastion::pg {

// What a call asks for: amounts of meters; without any, the limits of all meters.
struct QuotaWanted {
    Datum* meters;
    Datum* amounts;
    int count;
};

struct QuotaLine {
    pg_uuid_t owner;
    pg_uuid_t subject;
    const char* scope;
    const char* meter;
    QuotaPeriod period;
    Timestamp key;
    TimestampTz end;  // infinity for total
    Datum amount;     // 0 for any amount
    Datum soft_amount;
    Datum wanted;
    Datum used;
    Datum held;
    bool soft_crossed;
    bool crosses;  // whether this use reaches the soft limit first
    HeapTuple row;  // null while nothing was counted
};

// Phase A. Under the locks of lock_quotas(), nobody changes what it reads until the transaction ends. Raises 40001 where others did since
// the snapshot of a REPEATABLE READ transaction.
std::span<QuotaLine> quota_lines(const Identity& identity, const QuotaWanted& wanted);

// Phase A, once for lines of one call: adds what is wanted to what is used or reserved of each window, and sets `crosses`.
void add_to_windows(std::span<QuotaLine> lines, bool reserves);

Datum quota_number(const char* text);

}  // namespace bastion::pg
