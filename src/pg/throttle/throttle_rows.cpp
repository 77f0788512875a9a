#include "pg/throttle/throttle_rows.hpp"

#include "pg/base/catalog_read.hpp"

namespace bastion::pg {
namespace {

constexpr const char* table_name = "throttle_sets";
constexpr const char* index_name = "throttle_sets_pkey";
constexpr uint32 set_count = 4096;
constexpr int32 secret_row = -1;
constexpr int entries_column = 2;

int32 row_of(const ThrottleKey& key) noexcept { return static_cast<int32>(throttle_place(key, set_count)); }

[[noreturn]] void raise_damaged(int32 row) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("attempts cannot be counted"),
                    errdetail_log("Row %d of bastion.throttle_sets is missing or has another size.", row)));
}

bool is_set(const struct varlena* entries) noexcept { return VARSIZE_ANY_EXHDR(entries) == sizeof(ThrottleSet); }

const struct varlena* read_entries(int32 row) {
    ColumnValue column[] = {{"entries", 0, true}};
    if (!read_row(table_name, index_name, "id", F_INT4EQ, Int32GetDatum(row), column) || column[0].is_null)
        raise_damaged(row);
    const struct varlena* entries = DatumGetByteaPP(column[0].value);
    if (!is_set(entries)) raise_damaged(row);
    return entries;
}

}  // namespace

ByteSpan read_row_secret() { return view(read_entries(secret_row)); }

void read_row_set(const ThrottleKey& key, ThrottleSet& out) {
    std::memcpy(&out, VARDATA_ANY(read_entries(row_of(key))), sizeof out);
}

detail::LockedRow detail::lock_row(const ThrottleKey& key) {
    const int32 id = row_of(key);
    LockedRow row{table_open(extension_relation(table_name), RowExclusiveLock), nullptr, nullptr, nullptr};
    ScanKeyData scan_key;
    ScanKeyInit(&scan_key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
    systable_inplace_update_begin(row.relation, extension_relation(index_name), true, nullptr, 1, &scan_key, &row.tuple,
                                  &row.state);
    if (!HeapTupleIsValid(row.tuple)) raise_damaged(id);
    bool is_null = false;
    const Datum entries = heap_getattr(row.tuple, entries_column, RelationGetDescr(row.relation), &is_null);
    auto* stored = is_null ? nullptr : reinterpret_cast<struct varlena*>(DatumGetPointer(entries));
    if (stored == nullptr || VARATT_IS_EXTENDED(stored) || !is_set(stored)) {
        systable_inplace_update_cancel(row.state);
        raise_damaged(id);
    }
    row.bytes = VARDATA(stored);
    return row;
}

void detail::unlock_row(const LockedRow& row, bool changed) {
    if (changed)
        systable_inplace_update_finish(row.state, row.tuple);
    else
        systable_inplace_update_cancel(row.state);
    table_close(row.relation, NoLock);
}

}  // namespace bastion::pg
