#include "pg/base/catalog_read.hpp"

#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

struct ExtensionRow {
    Oid owner;            // InvalidOid: not installed
    const char* version;  // palloc'd
};

// One pg_extension row is small enough to read at each use; there is no syscache for it before 18.
ExtensionRow read_extension() {
    ExtensionRow row{InvalidOid, nullptr};
    Relation extensions = table_open(ExtensionRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("pg_bastion"));
    SysScanDesc scan = systable_beginscan(extensions, ExtensionNameIndexId, true, nullptr, 1, &key);
    HeapTuple tuple = systable_getnext(scan);
    if (HeapTupleIsValid(tuple)) {
        bool is_null = false;
        row.owner = reinterpret_cast<Form_pg_extension>(GETSTRUCT(tuple))->extowner;
        const Datum version = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(extensions), &is_null);
        row.version = server_text(DatumGetTextPP(version)).c_str();
    }
    systable_endscan(scan);
    table_close(extensions, AccessShareLock);
    return row;
}

AttrNumber column_number(Relation relation, const char* column) {
    const AttrNumber number = get_attnum(RelationGetRelid(relation), column);
    if (number == InvalidAttrNumber)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" of relation \"%s\" does not exist",
                                                                  column, RelationGetRelationName(relation))));
    return number;
}

// A copy that outlives the tuple: detoasted when the type can be toasted.
Datum copy_value(Form_pg_attribute attribute, Datum value) {
    if (attribute->attlen == -1) return PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
    return datumCopy(value, attribute->attbyval, attribute->attlen);
}

void copy_columns(Relation relation, HeapTuple tuple, std::span<ColumnValue> columns) {
    TupleDesc descriptor = RelationGetDescr(relation);
    for (ColumnValue& column : columns) {
        const AttrNumber number = column_number(relation, column.column);
        const Datum value = heap_getattr(tuple, number, descriptor, &column.is_null);
        column.value = column.is_null ? Datum{0} : copy_value(TupleDescAttr(descriptor, number - 1), value);
    }
}

// The keys of a scan; the collation of the index decides how they compare.
void init_keys(ScanKey keys, Relation relation, Relation index, std::span<const KeyCondition> conditions) {
    for (std::size_t i = 0; i < conditions.size(); ++i) {
        const KeyCondition& condition = conditions[i];
        const AttrNumber column = column_number(relation, condition.column);
        if (condition.is_null) {
            ScanKeyEntryInitialize(&keys[i], SK_ISNULL | SK_SEARCHNULL, column, InvalidStrategy, InvalidOid, InvalidOid,
                                   InvalidOid, Datum{0});
            continue;
        }
        ScanKeyInit(&keys[i], column, BTEqualStrategyNumber, condition.equality, condition.value);
        keys[i].sk_collation = index != nullptr ? index->rd_indcollation[i]
                                                : TupleDescAttr(RelationGetDescr(relation), column - 1)->attcollation;
    }
}

constexpr std::size_t most_conditions = 5;

// Fills the keys; returns the index, or InvalidOid without one.
Oid keys_on_index(ScanKeyData (&keys)[most_conditions], Relation relation, const char* index,
                  std::span<const KeyCondition> conditions) {
    Assert(conditions.size() <= most_conditions);
    if (index == nullptr) {
        init_keys(keys, relation, nullptr, conditions);
        return InvalidOid;
    }
    Relation opened = index_open(extension_relation(index), AccessShareLock);
    init_keys(keys, relation, opened, conditions);
    const Oid id = RelationGetRelid(opened);
    index_close(opened, AccessShareLock);
    return id;
}

// A scan under the snapshot of the caller, or under a fresh one. In a SERIALIZABLE transaction the fresh one would take SIREAD
// locks, and the transaction, or a login, would fail because of rows that only this library read: so there it looks at every
// version of a row, which takes none, and tests itself which version the snapshot sees.
struct RowScan {
    SysScanDesc scan;
    Snapshot snapshot;  // null: the scan has its own
};

RowScan begin_scan(Relation relation, Oid index, int keys, ScanKey key, Snapshot under = nullptr) {
    Assert(!in_phase_b && IsTransactionState());
    if (under != nullptr) return {systable_beginscan(relation, index, OidIsValid(index), under, keys, key), nullptr};
    const bool without_locks = IsolationIsSerializable();
    Snapshot snapshot = without_locks ? RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(relation))) : nullptr;
    return {systable_beginscan(relation, index, OidIsValid(index), without_locks ? SnapshotAny : nullptr, keys, key),
            snapshot};
}

HeapTuple next_row(const RowScan& rows) {
    HeapTuple tuple = systable_getnext(rows.scan);
    while (rows.snapshot != nullptr && HeapTupleIsValid(tuple) &&
           !table_tuple_satisfies_snapshot(rows.scan->heap_rel, rows.scan->slot, rows.snapshot))
        tuple = systable_getnext(rows.scan);
    return tuple;
}

void end_scan(const RowScan& rows) {
    systable_endscan(rows.scan);
    if (rows.snapshot != nullptr) UnregisterSnapshot(rows.snapshot);
}

bool scan_for_row(Relation relation, Oid index, int keys, ScanKey key, std::span<ColumnValue> columns,
                  Snapshot under = nullptr, Datum* whole = nullptr) {
    const RowScan rows = begin_scan(relation, index, keys, key, under);
    HeapTuple tuple = next_row(rows);
    const bool found = HeapTupleIsValid(tuple);
    if (found) copy_columns(relation, tuple, columns);
    if (found && whole != nullptr) *whole = heap_copy_tuple_as_datum(tuple, RelationGetDescr(relation));
    end_scan(rows);
    return found;
}

}  // namespace

Oid extension_owner() {
    const Oid owner = read_extension().owner;
    if (!OidIsValid(owner))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("extension \"pg_bastion\" is not installed"),
                        errhint("CREATE EXTENSION pg_bastion;")));
    return owner;
}

const char* extension_version() { return read_extension().version; }

bool database_exists(Oid database) {
    Relation databases = table_open(DatabaseRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_database_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(database));
    // As the server itself does it without a connected database.
    SysScanDesc scan =
        systable_beginscan(databases, DatabaseOidIndexId, criticalSharedRelcachesBuilt, nullptr, 1, &key);
    const bool exists = HeapTupleIsValid(systable_getnext(scan));
    systable_endscan(scan);
    table_close(databases, AccessShareLock);
    return exists;
}

Oid next_database(Oid after) {
    Relation databases = table_open(DatabaseRelationId, AccessShareLock);
    SysScanDesc scan = systable_beginscan(databases, InvalidOid, false, nullptr, 0, nullptr);
    Oid next = InvalidOid;
    for (HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row); row = systable_getnext(scan)) {
        const auto* database = reinterpret_cast<Form_pg_database>(GETSTRUCT(row));
        if (database->oid <= after || (OidIsValid(next) && database->oid > next)) continue;
        if (database->datallowconn && !database->datistemplate) next = database->oid;
    }
    systable_endscan(scan);
    table_close(databases, AccessShareLock);
    return next;
}

Oid extension_relation_or_none(const char* name) {
    const Oid schema = get_namespace_oid("bastion", true);
    return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

char* qualified_name(Oid relation) {
    const char* name = get_rel_name(relation);
    const char* schema = get_namespace_name(get_rel_namespace(relation));
    if (name == nullptr || schema == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation does not exist")));
    return quote_qualified_identifier(schema, name);
}

Oid extension_relation(const char* name) {
    const Oid relation = extension_relation_or_none(name);
    if (!OidIsValid(relation))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation \"bastion.%s\" does not exist", name),
                        errhint("CREATE EXTENSION pg_bastion;")));
    return relation;
}

bool read_row_under(Snapshot snapshot, const char* table, const char* index, std::span<const KeyCondition> conditions,
                    std::span<ColumnValue> columns, Datum* whole) {
    const Oid relation_id = extension_relation_or_none(table);
    if (!OidIsValid(relation_id)) return false;
    Relation relation = table_open(relation_id, AccessShareLock);
    ScanKeyData keys[most_conditions];
    const Oid index_id = keys_on_index(keys, relation, index, conditions);
    const bool found =
        scan_for_row(relation, index_id, static_cast<int>(conditions.size()), keys, columns, snapshot, whole);
    table_close(relation, AccessShareLock);
    return found;
}

bool read_row(const char* table, const char* index, std::span<const KeyCondition> conditions,
              std::span<ColumnValue> columns) {
    return read_row_under(nullptr, table, index, conditions, columns);
}

bool read_row(const char* table, const char* index, const char* key_column, RegProcedure equality, Datum key,
              std::span<ColumnValue> columns) {
    const KeyCondition condition{key_column, equality, key, false};
    return read_row(table, index, {&condition, 1}, columns);
}

namespace {

void hand_over_rows(Relation relation, const RowScan& rows, std::span<ColumnValue> columns,
                    void (*each)(std::span<const ColumnValue> columns, void* state), void* state) {
    for (HeapTuple tuple = next_row(rows); HeapTupleIsValid(tuple); tuple = next_row(rows)) {
        copy_columns(relation, tuple, columns);
        each(columns, state);
    }
    end_scan(rows);
    table_close(relation, AccessShareLock);
}

}  // namespace

void read_rows(const char* table, const char* index, const char* key_column, RegProcedure equality, Datum key,
               std::span<ColumnValue> columns, void (*each)(std::span<const ColumnValue> columns, void* state),
               void* state) {
    const Oid relation_id = extension_relation_or_none(table);
    if (!OidIsValid(relation_id)) return;
    Relation relation = table_open(relation_id, AccessShareLock);
    const KeyCondition condition{key_column, equality, key, false};
    ScanKeyData keys[most_conditions];
    const Oid index_id = keys_on_index(keys, relation, index, {&condition, 1});
    hand_over_rows(relation, begin_scan(relation, index_id, 1, keys), columns, each, state);
}

void read_all_rows(const char* table, std::span<ColumnValue> columns,
                   void (*each)(std::span<const ColumnValue> columns, void* state), void* state) {
    const Oid relation_id = extension_relation_or_none(table);
    if (!OidIsValid(relation_id)) return;
    Relation relation = table_open(relation_id, AccessShareLock);
    hand_over_rows(relation, begin_scan(relation, InvalidOid, 0, nullptr), columns, each, state);
}

bool read_only_row(const char* table, std::span<ColumnValue> columns) {
    const Oid relation_id = extension_relation_or_none(table);
    if (!OidIsValid(relation_id)) return false;
    Relation relation = table_open(relation_id, AccessShareLock);
    const bool found = scan_for_row(relation, InvalidOid, 0, nullptr, columns);
    table_close(relation, AccessShareLock);
    return found;
}

}  // namespace bastion::pg
