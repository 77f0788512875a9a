#include "pg/audit/capture.hpp"

#include "pg/audit/audit_record.hpp"
#include "pg/base/catalog_read.hpp"

extern "C" {
#include "catalog/partition.h"
}

namespace bastion::pg {
namespace {

uint64 catalog_messages = 0;

void on_relation(Datum, Oid) { ++catalog_messages; }
void on_schema(Datum, int, uint32) { ++catalog_messages; }

std::string_view copied(std::string_view text) { return {pnstrdup(text.data(), text.size()), text.size()}; }

int place_of(TupleDesc descriptor, const char* name) {
    for (int i = 0; i < descriptor->natts; ++i) {
        Form_pg_attribute column = TupleDescAttr(descriptor, i);
        if (!column->attisdropped && std::strcmp(NameStr(column->attname), name) == 0) return i;
    }
    return -1;
}

Treatment treatment_of(char kind) noexcept {
    switch (kind) {
        case 'i': return Treatment::keep;
        case 'x': return Treatment::leave_out;
        case 'p': return Treatment::personal;
        default: return Treatment::redact;
    }
}

void treat_all(std::span<CapturedColumn> columns, Treatment treatment) noexcept {
    for (CapturedColumn& column : columns) column.treatment = treatment;
}

// Of a column, in the table that has the record: a partition or child has its columns in an order of its own.
AttrNumber recorded_number(const AuditRecord& record, Relation relation, int place) {
    const FormData_pg_attribute* column = TupleDescAttr(RelationGetDescr(relation), place);
    if (record.relation == RelationGetRelid(relation) || column->attisdropped) return column->attnum;
    return get_attnum(record.relation, NameStr(column->attname));
}

// A column that has the name or the number of a hidden one, and while a name and its number differ also one that is newer.
bool is_secret(const AuditRecord& record, Relation relation, int place) {
    const AttrNumber number = recorded_number(record, relation, place);
    if (record.differs && (number == InvalidAttrNumber || number > record.last_number)) return true;
    const char* name = NameStr(TupleDescAttr(RelationGetDescr(relation), place)->attname);
    return std::any_of(record.columns.begin(), record.columns.end(), [&](const RecordedColumn& column) {
        return column.kind != 'i' && column.kind != 's' &&
               (column.number == number || std::strcmp(column.name, name) == 0);
    });
}

void treat(std::span<CapturedColumn> columns, Relation relation, const AuditRecord& record) {
    if (record.columns.empty()) return;
    for (std::size_t i = 0; i < columns.size(); ++i)
        columns[i].is_secret = is_secret(record, relation, static_cast<int>(i));
    treat_all(columns, record.differs           ? Treatment::hide
                       : record.includes_some() ? Treatment::leave_out
                                                : Treatment::keep);
    if (record.differs) return;
    for (const RecordedColumn& column : record.columns) {
        const int place = place_of(RelationGetDescr(relation), column.name);
        if (place >= 0 && column.kind != 's')
            columns[static_cast<std::size_t>(place)].treatment = treatment_of(column.kind);
    }
}

// A trigger without a record is none of audit_table(): its entries have no values, and no tenant but that of the transaction.
void hide(std::span<CapturedColumn> columns) noexcept {
    treat_all(columns, Treatment::hide);
    for (CapturedColumn& column : columns) column.is_secret = true;
}

// The bitmap of the server is without a DEFERRABLE primary key.
Bitmapset* key_columns(Relation relation) {
    Bitmapset* out = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
    if (out != nullptr) return out;
    List* indexes = RelationGetIndexList(relation);
    for (int i = 0; i < list_length(indexes); ++i) {
        HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(list_nth_oid(indexes, i)));
        if (!HeapTupleIsValid(tuple)) continue;
        const auto* index = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
        for (int k = 0; index->indisprimary && index->indisvalid && k < index->indnkeyatts; ++k)
            out = bms_add_member(out, index->indkey.values[k] - FirstLowInvalidHeapAttributeNumber);
        ReleaseSysCache(tuple);
    }
    return out;
}

// Virtual generated columns have no value to record.
bool is_recorded(const FormData_pg_attribute* column) noexcept {
    return !column->attisdropped && column->attgenerated != 'v';
}

std::span<CapturedColumn> columns_of(Relation relation) {
    Bitmapset* key = key_columns(relation);
    TupleDesc descriptor = CreateTupleDescCopy(RelationGetDescr(relation));
    const auto count = static_cast<std::size_t>(descriptor->natts);
    auto* out = static_cast<CapturedColumn*>(palloc(sizeof(CapturedColumn) * (count + 1)));
    for (int i = 0; i < descriptor->natts; ++i) {
        const FormData_pg_attribute* column = TupleDescAttr(descriptor, i);
        const bool dropped = column->attisdropped;
        out[i] = {dropped ? std::string_view() : copied(entry_text(ServerText(NameStr(column->attname)))),
                  dropped ? InvalidOid : getBaseType(column->atttypid), Treatment::keep,
                  bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, key), false};
    }
    return {out, count};
}

int tenant_place(Relation relation, const AuditRecord& record, const Trigger* trigger) {
    if (!record.found() || trigger->tgargs[0][0] == '\0') return -1;
    const char* column = protected_tenant_column(relation, record);
    return column != nullptr ? place_of(RelationGetDescr(relation), column) : -1;
}

// Who the personal columns are about: a uuid in a column, or the tenant. A column of another type names nobody.
void set_subject(Capture& capture, Relation relation, const AuditRecord& record) {
    capture.subject = -1;
    capture.subject_is_tenant = true;
    capture.has_personal =
        std::any_of(capture.columns.begin(), capture.columns.end(),
                    [](const CapturedColumn& column) { return column.treatment == Treatment::personal; });
    for (const RecordedColumn& column : record.columns) {
        if (column.kind != 's') continue;
        capture.subject_is_tenant = false;
        const int place = place_of(RelationGetDescr(relation), column.name);
        if (place >= 0 && capture.columns[static_cast<std::size_t>(place)].type == UUIDOID) capture.subject = place;
    }
}

// In the current memory context.
Capture* make_capture(Relation relation, const Trigger* trigger) {
    const uint64 catalog = catalog_messages;
    auto* out = new (palloc(sizeof(Capture))) Capture{};
    out->relation = RelationGetRelid(relation);
    out->trigger = trigger->tgoid;
    out->catalog = catalog;
    const std::span<CapturedColumn> columns = columns_of(relation);
    TupleDesc descriptor = RelationGetDescr(relation);
    const AuditRecord record = audit_record_of(relation);
    if (record.found() && !record.ambiguous)
        treat(columns, relation, record);
    else
        hide(columns);
    out->has_key = std::any_of(columns.begin(), columns.end(), [](const CapturedColumn& c) { return c.is_key; });
    for (int i = 0; i < descriptor->natts; ++i)
        if (!is_recorded(TupleDescAttr(descriptor, i)))
            columns[static_cast<std::size_t>(i)].treatment = Treatment::leave_out;
    out->columns = columns;
    out->tenant = tenant_place(relation, record, trigger);
    set_subject(*out, relation, record);
    out->name = copied(audited_name(relation));
    return out;
}

Capture* make_capture_in(AuditStatement& statement, Relation relation, const Trigger* trigger) {
    const MemoryContext memory =
        AllocSetContextCreateInternal(statement.memory, "captured table", ALLOCSET_SMALL_SIZES);
    const MemoryContext caller = MemoryContextSwitchTo(memory);
    Capture* out = make_capture(relation, trigger);
    out->memory = memory;
    MemoryContextSwitchTo(caller);
    return out;
}

}  // namespace

int begin_plain_quotes() {
    const int level = NewGUCNestLevel();
    (void)set_config_option("quote_all_identifiers", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
    return level;
}

std::string_view plain_name(Oid table) {
    if (!quote_all_identifiers) return entry_text(ServerText(qualified_name(table)));
    const int level = begin_plain_quotes();
    const char* name = qualified_name(table);
    AtEOXact_GUC(false, level);
    return entry_text(ServerText(name));
}

std::string_view audited_name(Relation relation) {
    const Oid table = RelationGetRelid(relation);
    // One whose DETACH CONCURRENTLY is not over has no ancestors, though the catalog calls it a partition.
    const List* ancestors = relation->rd_rel->relispartition ? get_partition_ancestors(table) : NIL;
    return plain_name(ancestors != NIL ? llast_oid(ancestors) : table);
}

Capture& capture_of(AuditStatement* statement, Relation relation, const Trigger* trigger) {
    if (statement == nullptr) return *make_capture(relation, trigger);
    Capture*& kept = statement->captures[RelationGetRelid(relation) % kept_captures];
    if (kept != nullptr && kept->in_use) return *make_capture(relation, trigger);
    if (kept != nullptr && kept->relation == RelationGetRelid(relation) && kept->trigger == trigger->tgoid &&
        kept->catalog == catalog_messages)
        return *kept;
    if (kept != nullptr) MemoryContextDelete(std::exchange(kept, nullptr)->memory);
    kept = make_capture_in(*statement, relation, trigger);
    return *kept;
}

void watch_captured_tables() {
    CacheRegisterRelcacheCallback(on_relation, Datum{0});
    CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema, Datum{0});
}

}  // namespace bastion::pg
