#include "pg/quota/quota_stripe.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"
#include "pg/quota/quota_lock.hpp"

extern "C" {
#include "access/genam.h"
#include "catalog/indexing.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"
}

namespace bastion::pg {
namespace {

constexpr InternalFunction quota_gather{"quota_gather", 5, {UUIDOID, UUIDOID, TEXTOID, TEXTOID, TIMESTAMPOID}};

// The columns of usage_stripes, as CREATE TABLE has them.
enum StripeColumn {
    s_owner,
    s_subject,
    s_meter,
    s_period,
    s_key,
    s_stripe,
    s_used,
    s_allotted,
    s_room,
    s_basis,
    stripe_columns
};

// A stripe gets the share of what is left that makes so many of all of them.
constexpr int fills = 4;

Datum plus(Datum left, Datum right) { return DirectFunctionCall2(numeric_add, left, right); }
Datum minus(Datum left, Datum right) { return DirectFunctionCall2(numeric_sub, left, right); }
bool less(Datum left, Datum right) { return DatumGetBool(DirectFunctionCall2(numeric_lt, left, right)); }

struct StripeTable {
    Relation relation;
    Oid index;
    Snapshot snapshot;
};

StripeTable open_stripes(Snapshot snapshot) {
    StripeTable out{};
    out.relation = open_quota_table("usage_stripes", stripe_columns, RowExclusiveLock);
    out.index = extension_relation("usage_stripes_pkey");
    out.snapshot = RegisterSnapshot(snapshot);
    return out;
}

void close_stripes(const StripeTable& table) {
    UnregisterSnapshot(table.snapshot);
    table_close(table.relation, NoLock);
}

// The stripes of a window, or one of them.
SysScanDesc scan_stripes(const StripeTable& table, const QuotaLine& line, ScanKeyData (&keys)[6], int count,
                         int stripe) {
    const Datum values[] = {UUIDPGetDatum(&line.owner),         UUIDPGetDatum(&line.subject),
                            text_datum(ServerText(line.meter)), text_datum(ServerText(period_name(line.period))),
                            TimestampGetDatum(line.key),        Int32GetDatum(stripe)};
    constexpr RegProcedure equal[] = {F_UUID_EQ, F_UUID_EQ, F_TEXTEQ, F_TEXTEQ, F_TIMESTAMP_EQ, F_INT4EQ};
    for (int i = 0; i < count; ++i) {
        const auto column = static_cast<AttrNumber>(i + 1);
        ScanKeyInit(&keys[i], column, BTEqualStrategyNumber, equal[i], values[i]);
        keys[i].sk_collation = TupleDescAttr(RelationGetDescr(table.relation), i)->attcollation;
    }
    return systable_beginscan(table.relation, table.index, true, table.snapshot, count, keys);
}

// Whether the allotment is for these limits.
bool read_stripe(const StripeTable& table, QuotaLine& line, int stripe) {
    ScanKeyData keys[6];
    SysScanDesc scan = scan_stripes(table, line, keys, 6, stripe);
    HeapTuple found = systable_getnext(scan);
    line.stripe = {quota_number("0"), quota_number("0"), Datum{0}, nullptr};
    if (HeapTupleIsValid(found)) line.stripe.row = heap_copytuple(found);
    systable_endscan(scan);
    if (line.stripe.row == nullptr) return false;
    Datum values[stripe_columns];
    bool nulls[stripe_columns];
    heap_deform_tuple(line.stripe.row, RelationGetDescr(table.relation), values, nulls);
    line.stripe.used = values[s_used];
    line.stripe.allotted = values[s_allotted];
    line.stripe.room = nulls[s_room] ? Datum{0} : values[s_room];
    return server_text(values[s_basis]).bytes() == line.basis;
}

HeapTuple changed_stripe(TupleDesc descriptor, const QuotaLine& line) {
    Datum values[stripe_columns] = {};
    bool nulls[stripe_columns] = {};
    bool replaces[stripe_columns] = {};
    values[s_used] = line.stripe.used;
    values[s_allotted] = line.stripe.allotted;
    values[s_room] = line.stripe.room;
    nulls[s_room] = line.stripe.room == Datum{0};
    values[s_basis] = text_datum(ServerText(line.basis));
    replaces[s_used] = replaces[s_allotted] = replaces[s_room] = replaces[s_basis] = true;
    return heap_modify_tuple(line.stripe.row, descriptor, values, nulls, replaces);
}

HeapTuple new_stripe(TupleDesc descriptor, const QuotaLine& line, int stripe) {
    Datum values[stripe_columns] = {UUIDPGetDatum(&line.owner),
                                    UUIDPGetDatum(&line.subject),
                                    text_datum(ServerText(line.meter)),
                                    text_datum(ServerText(period_name(line.period))),
                                    TimestampGetDatum(line.key),
                                    Int32GetDatum(stripe),
                                    line.stripe.used,
                                    line.stripe.allotted,
                                    line.stripe.room,
                                    text_datum(ServerText(line.basis))};
    bool nulls[stripe_columns] = {};
    nulls[s_room] = line.stripe.room == Datum{0};
    return heap_form_tuple(descriptor, values, nulls);
}

// What a stripe should have at least. Less than what is left up to a soft limit that was not reached: the use that reaches it has to know.
Datum share_of(const QuotaLine& line, int stripes, int scale) {
    Datum limit = line.amount == Datum{0} ? quota_number("1e18") : line.amount;
    const bool watches = line.soft_amount != Datum{0} && !line.soft_crossed && !line.crosses;
    if (watches && less(line.soft_amount, limit)) limit = line.soft_amount;
    if (line.amount == Datum{0} && !watches) return limit;
    const Datum taken = plus(plus(line.used, line.held), line.allotted == Datum{0} ? quota_number("0") : line.allotted);
    if (!less(taken, limit)) return quota_number("0");
    const Datum parts = DirectFunctionCall1(int4_numeric, Int32GetDatum(fills * stripes));
    return DirectFunctionCall2(numeric_trunc, DirectFunctionCall2(numeric_div, minus(limit, taken), parts),
                               Int32GetDatum(scale));
}

void fill(const StripeTable& table, QuotaLine& line, int stripe, Datum share) {
    const bool fits = read_stripe(table, line, stripe);
    const Datum left = minus(line.stripe.allotted, line.stripe.used);
    const bool grows = less(left, share);
    if (!grows && (fits || line.stripe.row == nullptr)) return;
    if (line.amount != Datum{0}) line.stripe.room = minus(room_of(line), grows ? share : left);
    if (grows) {
        const Datum more = minus(share, left);
        line.stripe.allotted = plus(line.stripe.allotted, more);
        line.allotted = line.allotted == Datum{0} ? more : plus(line.allotted, more);
    }
    TupleDesc const descriptor = RelationGetDescr(table.relation);
    if (line.stripe.row != nullptr) {
        update_quota_row(table.relation, line.stripe.row, changed_stripe(descriptor, line));
        return;
    }
    line.stripe.row = new_stripe(descriptor, line, stripe);
    CatalogTupleInsert(table.relation, line.stripe.row);
}

// One for all meters of a transaction, whatever number of stripes each has: with a second one, which only the lock of the whole tenant could
// fill, every use would want the tenant.
int stripe_of_transaction(const pg_uuid_t& tenant, int stripes) {
    const int held = locked_stripe(tenant);
    return held >= 0 ? held : MyProcPid % stripes;
}

StripeLock lock_for(const Identity& identity, int stripes) {
    const bool is_first = locked_stripe(identity.tenant.value) < 0;
    const int stripe = stripe_of_transaction(identity.tenant.value, stripes);
    if (is_first) lock_stripe(identity.tenant.value, stripe);
    return {stripe, is_first};
}

bool counts_user(const QuotaCaller& caller) { return caller.has_account || caller.has_user; }

}  // namespace

StripeLock enter_stripe(const Identity& identity, std::string_view meter) {
    constexpr StripeLock none{-1, false};
    if (!identity.tenant.present || IsolationUsesXactSnapshot()) return none;
    const QuotaCaller& caller = quota_caller(identity);
    const int stripes = stripes_of(caller, meter);
    if (stripes == 1 || has_tenant(identity.tenant.value)) return none;
    require_use();
    const bool with_user = counts_user(caller);
    const bool waits = locked_stripe(identity.tenant.value) < 0;
    if (with_user && !lock_quotas(identity.user, QuotaOwner::account, waits)) raise_concurrent_use();
    const StripeLock out = lock_for(identity, stripes);
    // A limit that was set during the wait counts.
    AcceptInvalidationMessages();
    const QuotaCaller& now = quota_caller(identity);
    if (!with_user && counts_user(now) && !lock_quotas(identity.user, QuotaOwner::account, false))
        raise_concurrent_use();
    if (stripes_of(now, meter) > 1) return out;
    leave_stripe(identity, out);
    return none;
}

void leave_stripe(const Identity& identity, const StripeLock& lock) {
    if (lock.stripe >= 0 && lock.is_first) unlock_stripe(identity.tenant.value, lock.stripe);
}

bool read_stripes(std::span<QuotaLine> lines, int stripe) {
    for (QuotaLine& line : lines) line.in_stripe = line.stripes > 1;
    const StripeTable table = open_stripes(GetLatestSnapshot());
    bool fits = true;
    for (QuotaLine& line : lines)
        fits = fits && (!line.in_stripe || (read_stripe(table, line, stripe) &&
                                            !less(minus(line.stripe.allotted, line.stripe.used), line.wanted)));
    close_stripes(table);
    if (fits) read_windows(lines, true);
    return fits;
}

void write_stripes(std::span<QuotaLine> lines) {
    Relation relation = open_quota_table("usage_stripes", stripe_columns, RowExclusiveLock);
    for (const QuotaLine& line : lines)
        if (line.in_stripe)
            update_quota_row(relation, line.stripe.row, changed_stripe(RelationGetDescr(relation), line));
    table_close(relation, NoLock);
    write_windows(lines);
}

void fill_stripes(std::span<QuotaLine> lines, const Identity& identity, std::string_view meter, int scale) {
    const int stripes = stripes_of(quota_caller(identity), meter);
    if (stripes == 1 || IsolationUsesXactSnapshot()) return;
    const int stripe = stripe_of_transaction(identity.tenant.value, stripes);
    const StripeTable table = open_stripes(GetLatestSnapshot());
    for (QuotaLine& line : lines)
        if (line.stripes > 1) fill(table, line, stripe, share_of(line, line.stripes, scale));
    close_stripes(table);
}

bool needs_stripes(const QuotaLine& line) {
    if (line.allotted == Datum{0}) return false;
    const Datum after = plus(plus(plus(line.used, line.held), line.allotted), line.wanted);
    return (line.amount != Datum{0} && less(line.amount, after)) ||
           (line.soft_amount != Datum{0} && !line.soft_crossed && !less(after, line.soft_amount));
}

void gather_stripes(QuotaLine& line) {
    const NullableDatum arguments[] = {argument(UUIDPGetDatum(&line.owner)), argument(UUIDPGetDatum(&line.subject)),
                                       argument(text_datum(ServerText(line.meter))),
                                       argument(text_datum(ServerText(period_name(line.period)))),
                                       argument(TimestampGetDatum(line.key))};
    (void)call_internal(quota_gather, arguments);
    read_window_again(line);
}

void add_used_of_stripes(QuotaLine& line) {
    if (line.allotted == Datum{0}) return;
    const StripeTable table = open_stripes(GetActiveSnapshot());
    ScanKeyData keys[6];
    SysScanDesc scan = scan_stripes(table, line, keys, 5, 0);
    bool is_null = false;
    for (HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row); row = systable_getnext(scan))
        line.used = plus(line.used, heap_getattr(row, s_used + 1, RelationGetDescr(table.relation), &is_null));
    systable_endscan(scan);
    close_stripes(table);
    line.allotted = Datum{0};
}

}  // namespace bastion::pg
