#include "pg/quota/row_count.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/identity.hpp"
#include "pg/base/text.hpp"
#include "pg/quota/quota_lock.hpp"

extern "C" {
#include "access/tableam.h"
}

namespace bastion::pg {
namespace {

// A uuid in 16 bytes, a number in 8, a text as it is; zeros behind.
struct RowKey {
    char bytes[uuid_text_size + 3];
};

struct KeyedRows {
    RowKey key;
    int64 rows;
};

// False for what is no tenant.
bool fill_key(RowKey& key, Oid type, Datum value) {
    switch (type) {
        case UUIDOID: memcpy(key.bytes, DatumGetUUIDP(value)->data, UUID_LEN); return true;
        case INT4OID: {
            const int64 number = DatumGetInt32(value);
            memcpy(key.bytes, &number, sizeof number);
            return true;
        }
        case INT8OID: {
            const int64 number = DatumGetInt64(value);
            memcpy(key.bytes, &number, sizeof number);
            return true;
        }
        default: {
            const ServerText written = server_text(DatumGetTextPP(value));
            if (written.bytes().size() != uuid_text_size - 1) return false;
            written.bytes().copy(key.bytes, uuid_text_size - 1);
            return true;
        }
    }
}

void add(RowCounter& counter, Datum value, bool is_null, int64 weight) {
    RowKey key{};
    if (is_null || !fill_key(key, counter.type, value)) return;
    auto* last = static_cast<KeyedRows*>(counter.last);
    if (last == nullptr || memcmp(&last->key, &key, sizeof key) != 0) {
        bool found = false;
        last = static_cast<KeyedRows*>(hash_search(counter.counts, &key, HASH_ENTER, &found));
        if (!found) last->rows = 0;
        counter.last = last;
    }
    last->rows += weight;
}

void add(RowCounter& counter, TupleTableSlot* row, int64 weight) {
    bool is_null = false;
    const Datum value = slot_getattr(row, counter.column, &is_null);
    add(counter, value, is_null, weight);
}

bool is_tenant(const pg_uuid_t& id) {
    ColumnValue row[] = {{"id", 0, true}};
    return read_row("tenants", "tenants_pkey", "id", F_UUID_EQ, UUIDPGetDatum(&id), row);
}

bool tenant_numbered(int64 number, pg_uuid_t& out) {
    ColumnValue row[] = {{"id", 0, true}};
    if (!read_row("tenants", "tenants_number_key", "number", F_INT8EQ, Int64GetDatum(number), row)) return false;
    out = *DatumGetUUIDP(row[0].value);
    return true;
}

// As policies compare a text: in the form in which uuid is written.
bool parse_canonical(const RowKey& key, pg_uuid_t& out) {
    char text[uuid_text_size];
    const std::string_view bytes(key.bytes, uuid_text_size - 1);
    if (!parse_uuid_text(bytes, out)) return false;
    format_uuid_text(out, text);
    return bytes == std::string_view(text, uuid_text_size - 1);
}

bool find_tenant(const RowKey& key, Oid type, pg_uuid_t& out) {
    int64 number = 0;
    switch (type) {
        case UUIDOID: memcpy(out.data, key.bytes, UUID_LEN); return is_tenant(out);
        case INT4OID:
        case INT8OID: memcpy(&number, key.bytes, sizeof number); return tenant_numbered(number, out);
        default: return parse_canonical(key, out) && is_tenant(out);
    }
}

}  // namespace

RowCounter row_counter(Relation relation, const char* tenant_column) {
    const AttrNumber column = get_attnum(RelationGetRelid(relation), tenant_column);
    if (column <= 0)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("column \"%s\" of relation \"%s\" does not exist", tenant_column,
                               RelationGetRelationName(relation)),
                        errhint("SELECT * FROM bastion.protection; shows what is wrong with a table.")));
    const Oid type = getBaseType(TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid);
    if (type != UUIDOID && type != INT4OID && type != INT8OID && type != TEXTOID && type != VARCHAROID)
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("a tenant has an unexpected type")));
    HASHCTL control{};
    control.keysize = sizeof(RowKey);
    control.entrysize = sizeof(KeyedRows);
    control.hcxt = CurrentMemoryContext;
    return {hash_create("bastion rows of tenants", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT), column, type,
            nullptr};
}

void count_row(RowCounter& counter, Relation relation, HeapTuple row, int64 weight) {
    bool is_null = false;
    const Datum value = heap_getattr(row, counter.column, RelationGetDescr(relation), &is_null);
    add(counter, value, is_null, weight);
}

void count_transition(RowCounter& counter, Relation relation, Tuplestorestate* rows, int64 weight) {
    TupleTableSlot* slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple);
    tuplestore_select_read_pointer(rows, tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND));
    tuplestore_rescan(rows);
    while (tuplestore_gettupleslot(rows, true, false, slot)) {
        CHECK_FOR_INTERRUPTS();
        add(counter, slot, weight);
    }
    ExecDropSingleTupleTableSlot(slot);
}

void count_table(RowCounter& counter, Relation relation, int64 weight) {
    Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
    TupleTableSlot* slot = table_slot_create(relation, nullptr);
    while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
        CHECK_FOR_INTERRUPTS();
        add(counter, slot, weight);
    }
    ExecDropSingleTupleTableSlot(slot);
    table_endscan(scan);
    UnregisterSnapshot(snapshot);
}

std::span<TenantRows> counted_tenants(const RowCounter& counter) {
    const long keys = hash_get_num_entries(counter.counts);
    auto* out = static_cast<TenantRows*>(
        MemoryContextAllocHuge(CurrentMemoryContext, sizeof(TenantRows) * (static_cast<std::size_t>(keys) + 1)));
    std::size_t count = 0;
    HASH_SEQ_STATUS sequence;
    hash_seq_init(&sequence, counter.counts);
    while (const auto* found = static_cast<const KeyedRows*>(hash_seq_search(&sequence))) {
        if (found->rows == 0 || !find_tenant(found->key, counter.type, out[count].tenant)) continue;
        out[count++].rows = found->rows;
    }
    std::sort(out, out + count,
              [](const TenantRows& left, const TenantRows& right) { return locks_before(left.tenant, right.tenant); });
    return {out, count};
}

}  // namespace bastion::pg
