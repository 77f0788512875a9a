// The rows of usage_windows and usage_entries, read and written as the server reads and writes its catalogs: one row, without a
// statement. That takes a fifth of the time of a statement, and in most applications each request is a use.
#pragma once

#include "pg/base/identity.hpp"
#include "pg/quota/quota_calendar.hpp"

namespace bastion::pg {

Datum quota_number(const char* text);

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
    bool crosses;   // whether this use reaches the soft limit first
    HeapTuple row;  // null while nothing was counted
};

// Phase A: what is used and reserved in the windows of these lines. Under the locks, what others committed before one was granted counts;
// that raises 40001 where the transaction keeps a snapshot that does not have it. Without them, what the snapshot of the query has.
void read_windows(std::span<QuotaLine> lines, bool locked);

// Phase A: stores used and held of lines that read_windows() read under the locks, and when one crosses its soft limit. Raises 40001 where
// the tenant, unit or user was deleted meanwhile.
void write_windows(std::span<QuotaLine> lines);

struct UsageEntry {
    pg_uuid_t owner;
    pg_uuid_t user;
    OptionalUuid unit;
    OptionalUuid api_key;
    QuotaDay day;
    NullableDatum key;
};

// Phase A: adds an entry for each meter to the ledger.
void write_entries(const UsageEntry& entry, const QuotaWanted& wanted);

}  // namespace bastion::pg
