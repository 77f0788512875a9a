#include "pg/quota/quota_store.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/compat.hpp"
#include "pg/base/text.hpp"

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "catalog/index.h"
#include "commands/sequence.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"
}

namespace bastion::pg {
namespace {

// The columns of usage_windows, as CREATE TABLE has them.
enum WindowColumn {
    w_owner,
    w_scope,
    w_subject,
    w_meter,
    w_period,
    w_key,
    w_used,
    w_held,
    w_crossed,
    w_allotted,
    window_columns
};

// And those of usage_entries.
enum EntryColumn {
    e_id,
    e_time,
    e_day,
    e_owner,
    e_user,
    e_unit,
    e_api_key,
    e_meter,
    e_amount,
    e_key,
    e_rolled_up,
    entry_columns
};

// The row of a window, as a snapshot sees it.
struct WindowScan {
    Relation relation;
    Oid index;
    Snapshot snapshot;
};

HeapTuple find_window(const WindowScan& windows, const QuotaLine& line) {
    ScanKeyData keys[5];
    const Datum values[] = {UUIDPGetDatum(&line.owner), UUIDPGetDatum(&line.subject),
                            text_datum(ServerText(line.meter)), text_datum(ServerText(period_name(line.period))),
                            TimestampGetDatum(line.key)};
    constexpr AttrNumber columns[] = {w_owner + 1, w_subject + 1, w_meter + 1, w_period + 1, w_key + 1};
    constexpr RegProcedure equal[] = {F_UUID_EQ, F_UUID_EQ, F_TEXTEQ, F_TEXTEQ, F_TIMESTAMP_EQ};
    for (int i = 0; i < 5; ++i) {
        ScanKeyInit(&keys[i], columns[i], BTEqualStrategyNumber, equal[i], values[i]);
        keys[i].sk_collation = TupleDescAttr(RelationGetDescr(windows.relation), columns[i] - 1)->attcollation;
    }
    SysScanDesc scan = systable_beginscan(windows.relation, windows.index, true, windows.snapshot, 5, keys);
    HeapTuple found = systable_getnext(scan);
    if (HeapTupleIsValid(found)) found = heap_copytuple(found);
    systable_endscan(scan);
    return found;
}

void read_window(const WindowScan& windows, QuotaLine& line) {
    HeapTuple row = find_window(windows, line);
    line.row = row;
    if (!HeapTupleIsValid(row)) {
        line.used = line.held = quota_number("0");
        line.allotted = Datum{0};
        return;
    }
    bool is_null = false;
    TupleDesc const descriptor = RelationGetDescr(windows.relation);
    line.used = heap_getattr(row, w_used + 1, descriptor, &is_null);
    line.held = heap_getattr(row, w_held + 1, descriptor, &is_null);
    (void)heap_getattr(row, w_crossed + 1, descriptor, &is_null);
    line.soft_crossed = !is_null;
    line.allotted = heap_getattr(row, w_allotted + 1, descriptor, &is_null);
    if (is_null) line.allotted = Datum{0};
}

// A transaction that keeps its snapshot must not count on a row that others changed since.
void require_unchanged(const WindowScan& windows, const QuotaLine& line) {
    HeapTuple old = find_window({windows.relation, windows.index, GetActiveSnapshot()}, line);
    const bool same = HeapTupleIsValid(old) == HeapTupleIsValid(line.row) &&
                      (!HeapTupleIsValid(old) || ItemPointerEquals(&old->t_self, &line.row->t_self));
    if (!same)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("could not serialize access due to concurrent update")));
}

HeapTuple new_window(TupleDesc descriptor, const QuotaLine& line) {
    Datum values[window_columns] = {UUIDPGetDatum(&line.owner),
                                    text_datum(ServerText(line.scope)),
                                    UUIDPGetDatum(&line.subject),
                                    text_datum(ServerText(line.meter)),
                                    text_datum(ServerText(period_name(line.period))),
                                    TimestampGetDatum(line.key),
                                    line.used,
                                    line.held,
                                    TimestampTzGetDatum(GetCurrentTimestamp()),
                                    line.allotted};
    bool nulls[window_columns] = {};
    nulls[w_crossed] = !line.crosses;
    nulls[w_allotted] = line.allotted == Datum{0};
    return heap_form_tuple(descriptor, values, nulls);
}

// The row as it is, with other amounts.
HeapTuple changed_window(TupleDesc descriptor, const QuotaLine& line) {
    Datum values[window_columns] = {};
    bool nulls[window_columns] = {};
    bool replaces[window_columns] = {};
    values[w_used] = line.used;
    values[w_held] = line.held;
    values[w_crossed] = TimestampTzGetDatum(GetCurrentTimestamp());
    values[w_allotted] = line.allotted;
    nulls[w_allotted] = line.allotted == Datum{0};
    replaces[w_used] = replaces[w_held] = replaces[w_allotted] = true;
    replaces[w_crossed] = line.crosses;
    return heap_modify_tuple(line.row, descriptor, values, nulls, replaces);
}

void add_to_index(Relation relation, Oid id, HeapTuple row) {
    Relation index = index_open(id, RowExclusiveLock);
    IndexInfo* info = BuildIndexInfo(index);
    if (info->ii_Expressions != NIL || info->ii_Predicate != NIL)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table bastion.%s has another index", RelationGetRelationName(relation))));
    Datum values[INDEX_MAX_KEYS] = {};
    bool nulls[INDEX_MAX_KEYS] = {};
    for (int i = 0; i < info->ii_NumIndexAttrs; ++i)
        values[i] = heap_getattr(row, info->ii_IndexAttrNumbers[i], RelationGetDescr(relation), &nulls[i]);
    const IndexUniqueCheck check = index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO;
    index_insert(index, values, nulls, &row->t_self, relation, check, false, info);
    index_close(index, RowExclusiveLock);
}

Datum plus(Datum left, Datum right) { return DirectFunctionCall2(numeric_add, left, right); }
Datum minus(Datum left, Datum right) { return DirectFunctionCall2(numeric_sub, left, right); }

void set_optional(Datum& value, bool& is_null, const OptionalUuid& id) {
    value = UUIDPGetDatum(&id.value);
    is_null = !id.present;
}

}  // namespace

Relation open_quota_table(const char* name, int columns, LOCKMODE mode) {
    Relation relation = table_open(extension_relation(name), mode);
    if (RelationGetNumberOfAttributes(relation) != columns)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table bastion.%s has other columns", name)));
    return relation;
}

// As CatalogTupleUpdate(), which opens each index, though the new version of a row seldom needs an entry, and calls it an internal error
// that another transaction was faster. The deletion of a tenant, unit or user takes no lock of quotas: what it deletes meanwhile cannot be
// counted on.
void update_quota_row(Relation relation, HeapTuple old, HeapTuple row) {
    TM_FailureData failure{};
    const TM_Result result = compat::update_row(relation, &old->t_self, row, GetCurrentCommandId(true), failure);
    if (result != TM_Ok)
        ereport(ERROR,
                (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg("could not serialize access due to concurrent %s",
                                                                    result == TM_Deleted ? "delete" : "update")));
    if (HeapTupleIsHeapOnly(row)) return;
    List* indexes = RelationGetIndexList(relation);
    ListCell* cell = nullptr;
    foreach (cell, indexes) add_to_index(relation, lfirst_oid(cell), row);
}

Datum quota_number(const char* text) {
    return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

Datum room_of(const QuotaLine& line) {
    Datum room = line.stripe.room;
    if (!line.in_stripe) {
        room = minus(minus(line.amount, line.used), line.held);
        if (line.allotted != Datum{0}) room = minus(room, line.allotted);
    }
    return line.stripe.row == nullptr ? room : plus(room, minus(line.stripe.allotted, line.stripe.used));
}

void read_windows(std::span<QuotaLine> lines, bool locked) {
    WindowScan windows{};
    windows.relation = open_quota_table("usage_windows", window_columns, AccessShareLock);
    windows.index = extension_relation("usage_windows_pkey");
    windows.snapshot = RegisterSnapshot(locked ? GetLatestSnapshot() : GetActiveSnapshot());
    for (QuotaLine& line : lines) {
        if (line.in_stripe) continue;
        read_window(windows, line);
        if (locked && IsolationUsesXactSnapshot()) require_unchanged(windows, line);
    }
    UnregisterSnapshot(windows.snapshot);
    table_close(windows.relation, AccessShareLock);
}

void read_window_again(QuotaLine& line) {
    WindowScan windows{};
    windows.relation = open_quota_table("usage_windows", window_columns, AccessShareLock);
    windows.index = extension_relation("usage_windows_pkey");
    windows.snapshot = RegisterSnapshot(GetLatestSnapshot());
    read_window(windows, line);
    UnregisterSnapshot(windows.snapshot);
    table_close(windows.relation, AccessShareLock);
}

void write_windows(std::span<QuotaLine> lines) {
    Relation relation = open_quota_table("usage_windows", window_columns, RowExclusiveLock);
    TupleDesc const descriptor = RelationGetDescr(relation);
    for (QuotaLine& line : lines) {
        if (line.in_stripe) continue;
        if (HeapTupleIsValid(line.row))
            update_quota_row(relation, line.row, changed_window(descriptor, line));
        else
            CatalogTupleInsert(relation, new_window(descriptor, line));
    }
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

void write_entries(const UsageEntry& entry, const QuotaWanted& wanted) {
    Relation relation = open_quota_table("usage_entries", entry_columns, RowExclusiveLock);
    const Oid sequence = extension_relation("usage_entries_id_seq");
    Datum values[entry_columns] = {};
    bool nulls[entry_columns] = {};
    values[e_time] = TimestampTzGetDatum(GetCurrentTimestamp());
    values[e_day] = DateADTGetDatum(entry.day);
    values[e_owner] = UUIDPGetDatum(&entry.owner);
    values[e_user] = UUIDPGetDatum(&entry.user);
    set_optional(values[e_unit], nulls[e_unit], entry.unit);
    set_optional(values[e_api_key], nulls[e_api_key], entry.api_key);
    values[e_key] = entry.key.value;
    nulls[e_key] = entry.key.isnull;
    values[e_rolled_up] = BoolGetDatum(false);
    for (int i = 0; i < wanted.count; ++i) {
        values[e_id] = Int64GetDatum(nextval_internal(sequence, false));
        values[e_meter] = wanted.meters[i];
        values[e_amount] = wanted.amounts[i];
        CatalogTupleInsert(relation, heap_form_tuple(RelationGetDescr(relation), values, nulls));
    }
    table_close(relation, NoLock);
    CommandCounterIncrement();
}

}  // namespace bastion::pg
