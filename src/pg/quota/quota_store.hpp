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

// What this use knows of its stripe of a window.
struct QuotaStripe {
    Datum used;
    Datum allotted;
    Datum room;     // 0 for any amount
    HeapTuple row;  // null while it has none
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
    int stripes;
    const char* basis;  // the limits for which stripes get allotments
    Datum allotted;     // to all stripes together; 0 for none
    bool in_stripe;     // whether this use counts in a stripe, and not in the window
    QuotaStripe stripe;
};

// What a limit has left beside the allotments of other stripes; below 0 where more was used than it allows now.
Datum room_of(const QuotaLine& line);

// Phase A: what is used and reserved in the windows of these lines. Under the locks, what others committed before one was granted counts;
// that raises 40001 where the transaction keeps a snapshot that does not have it. Without them, what the snapshot of the query has.
// Leaves out lines that count in a stripe.
void read_windows(std::span<QuotaLine> lines, bool locked);

// Phase A, under the locks: the same for a window that this transaction has changed.
void read_window_again(QuotaLine& line);

// Phase A: stores used and held of lines that read_windows() read under the locks, and when one crosses its soft limit. Raises 40001 where
// the tenant, unit or user was deleted meanwhile. Leaves out lines that count in a stripe.
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

// A table of quotas that C writes, which must have so many columns.
Relation open_quota_table(const char* name, int columns, LOCKMODE mode);

// Writes a new version of a row. Raises 40001 where another transaction deleted or changed it.
void update_quota_row(Relation relation, HeapTuple old, HeapTuple changed);

}  // namespace bastion::pg
