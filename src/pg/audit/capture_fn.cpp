// The trigger of audited tables: an entry for each row that changes, with what changed, and one for TRUNCATE. It compares values byte by
// byte and runs no operator of a type. Arguments: the column of the tenant, or nothing; then columns, as i:NAME to record no others,
// x:NAME to leave one out and r:NAME to redact its values. When a named column is gone, for it may have another name now, all values
// are redacted.
#include "pg/audit/printed_value.hpp"
#include "pg/base/catalog_read.hpp"

extern "C" {
#include "catalog/partition.h"
}

namespace bastion::pg {
namespace {

// `hide` is for every column while a named one is gone; the key stays, for audit_table() refuses to redact it.
enum class Treatment : std::uint8_t { keep, leave_out, redact, hide };

struct Row {
    Datum* values;
    bool* nulls;
};

struct Capture {
    Relation relation;
    TupleDesc descriptor;
    const Treatment* treatments;
    Bitmapset* key;  // attribute numbers, with the offset of the server
    std::string_view name;
    const char* tenant_column;
};

const TriggerData* audit_trigger(FunctionCallInfo fcinfo) {
    const auto* data = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!CALLED_AS_TRIGGER(fcinfo) || data->tg_trigger->tgnargs < 1 || !TRIGGER_FIRED_AFTER(data->tg_event) ||
        TRIGGER_FIRED_FOR_ROW(data->tg_event) == TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("the trigger of an audited table must be made by audit_table()")));
    return data;
}

// The text of qualified_name() has more quotes under a setting of the session.
int begin_plain_quotes() {
    const int level = NewGUCNestLevel();
    (void)set_config_option("quote_all_identifiers", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
    return level;
}

// Of a partition that of the table as a whole.
std::string_view name_of(Relation relation) {
    Oid table = RelationGetRelid(relation);
    if (relation->rd_rel->relispartition) table = llast_oid(get_partition_ancestors(table));
    if (!quote_all_identifiers) return entry_text(ServerText(qualified_name(table)));
    const int level = begin_plain_quotes();
    const char* name = qualified_name(table);
    AtEOXact_GUC(false, level);
    return entry_text(ServerText(name));
}

bool is_recorded(Form_pg_attribute column) noexcept { return !column->attisdropped && column->attgenerated != 'v'; }

int place_of(TupleDesc descriptor, const char* name) {
    for (int i = 0; i < descriptor->natts; ++i) {
        Form_pg_attribute column = TupleDescAttr(descriptor, i);
        if (!column->attisdropped && std::strcmp(NameStr(column->attname), name) == 0) return i;
    }
    return -1;
}

bool includes_some(const Trigger* trigger) noexcept {
    for (int i = 1; i < trigger->tgnargs; ++i)
        if (trigger->tgargs[i][0] == 'i') return true;
    return false;
}

const Treatment* treatments_of(const Trigger* trigger, TupleDesc descriptor) {
    const auto count = static_cast<std::size_t>(descriptor->natts);
    auto* out = static_cast<Treatment*>(palloc(count + 1));
    std::fill_n(out, count, includes_some(trigger) ? Treatment::leave_out : Treatment::keep);
    for (int i = 1; i < trigger->tgnargs; ++i) {
        const char* argument = trigger->tgargs[i];
        const int place = place_of(descriptor, argument[0] == '\0' || argument[1] == '\0' ? "" : argument + 2);
        if (place < 0) {
            std::fill_n(out, count, Treatment::hide);
            return out;
        }
        out[place] = argument[0] == 'i'   ? Treatment::keep
                     : argument[0] == 'x' ? Treatment::leave_out
                                          : Treatment::redact;
    }
    return out;
}

Row row_of(const Capture& capture, HeapTuple tuple) {
    const auto count = static_cast<std::size_t>(capture.descriptor->natts) + 1;
    Row out{static_cast<Datum*>(palloc(sizeof(Datum) * count)), static_cast<bool*>(palloc(sizeof(bool) * count))};
    heap_deform_tuple(tuple, capture.descriptor, out.values, out.nulls);
    return out;
}

bool is_same(Form_pg_attribute column, int place, const Row& left, const Row& right) {
    if (left.nulls[place] || right.nulls[place]) return left.nulls[place] && right.nulls[place];
    return datum_image_eq(left.values[place], right.values[place], column->attbyval, column->attlen);
}

EntryValue value_of(const Capture& capture, int place, const Row& row, bool redact) {
    if (redact) return {EntryTag::redacted, {}};
    if (row.nulls[place]) return {};
    return printed_value(TupleDescAttr(capture.descriptor, place)->atttypid, row.values[place]);
}

bool is_key(const Capture& capture, int place) {
    return bms_is_member(place + 1 - FirstLowInvalidHeapAttributeNumber, capture.key);
}

std::string_view column_name(const Capture& capture, int place) {
    return entry_text(ServerText(NameStr(TupleDescAttr(capture.descriptor, place)->attname)));
}

std::span<const EntryKey> key_of(const Capture& capture, const Row& row) {
    auto* out = static_cast<EntryKey*>(palloc(sizeof(EntryKey) * (INDEX_MAX_KEYS + 1)));
    std::size_t count = 0;
    for (int i = 0; i < capture.descriptor->natts; ++i)
        if (is_key(capture, i))
            out[count++] = {column_name(capture, i),
                            value_of(capture, i, row, capture.treatments[i] == Treatment::redact)};
    return {out, count};
}

// The columns of a row that is new or gone, without those that are NULL; of both rows of an UPDATE what changed, and without a key all.
std::span<const EntryColumn> columns_of(const Capture& capture, const Row* old_row, const Row* new_row) {
    const auto most = static_cast<std::size_t>(capture.descriptor->natts) * 2 + 1;
    auto* out = static_cast<EntryColumn*>(palloc(sizeof(EntryColumn) * most));
    std::size_t count = 0;
    bool differs = false;
    for (int i = 0; i < capture.descriptor->natts; ++i) {
        Form_pg_attribute column = TupleDescAttr(capture.descriptor, i);
        if (!is_recorded(column) || capture.treatments[i] == Treatment::leave_out) continue;
        const bool both = old_row != nullptr && new_row != nullptr;
        const bool same = both && is_same(column, i, *old_row, *new_row);
        if (same && capture.key != nullptr) continue;
        differs = differs || !same;
        const bool redact = capture.treatments[i] >= Treatment::redact;
        const std::string_view name = column_name(capture, i);
        if (old_row != nullptr && (both || !old_row->nulls[i]))
            out[count++] = {name, EntrySide::old_value, value_of(capture, i, *old_row, redact)};
        if (new_row != nullptr && (both || !new_row->nulls[i]))
            out[count++] = {name, EntrySide::new_value, value_of(capture, i, *new_row, redact)};
    }
    return {out, differs ? count : 0};
}

// The tenant with this number. Rows of tables that have numbers belong mostly to the tenant of the context, whose entry gets it anyway.
std::optional<Uuid> tenant_of_number(int64 number) {
    ColumnValue column[] = {{"id", Datum{0}, true}};
    if (!read_row("tenants", "tenants_number_key", "number", F_INT8EQ, Int64GetDatum(number), column)) return {};
    return core_uuid(*DatumGetUUIDP(column[0].value));
}

std::optional<Uuid> tenant_of(const Capture& capture, const Row& row) {
    const int place = place_of(capture.descriptor, capture.tenant_column);
    if (place < 0 || row.nulls[place]) return {};
    const Datum value = row.values[place];
    switch (getBaseType(TupleDescAttr(capture.descriptor, place)->atttypid)) {
        case UUIDOID: return core_uuid(*DatumGetUUIDP(value));
        case INT4OID: return tenant_of_number(DatumGetInt32(value));
        case INT8OID: return tenant_of_number(DatumGetInt64(value));
        case TEXTOID:
        case VARCHAROID: {
            pg_uuid_t uuid;
            if (!parse_uuid_text(server_text(value).bytes(), uuid)) return {};
            return core_uuid(uuid);
        }
        default: return {};
    }
}

void record(const Capture& capture, const char* op, const Row* old_row, const Row* new_row) {
    Entry entry;
    entry.columns = columns_of(capture, old_row, new_row);
    if (old_row != nullptr && new_row != nullptr && entry.columns.empty()) return;
    const Row& row = new_row != nullptr ? *new_row : *old_row;
    entry.relation = capture.name;
    entry.op = op;
    entry.key = key_of(capture, row);
    entry.tenant = tenant_of(capture, row);
    write_entry(entry, false);
}

// A row that gets into another tenant leaves the one and is new in the other: neither sees what the other did with it.
void record_update(const Capture& capture, const Row& old_row, const Row& new_row) {
    if (tenant_of(capture, old_row) == tenant_of(capture, new_row)) {
        record(capture, "UPDATE", &old_row, &new_row);
        return;
    }
    record(capture, "DELETE", &old_row, nullptr);
    record(capture, "INSERT", nullptr, &new_row);
}

void record_row(const Capture& capture, const TriggerData* data) {
    const Row first = row_of(capture, data->tg_trigtuple);
    if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
        record(capture, "INSERT", nullptr, &first);
    else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
        record(capture, "DELETE", &first, nullptr);
    else
        record_update(capture, first, row_of(capture, data->tg_newtuple));
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_audit_change);
Datum bastion_audit_change(PG_FUNCTION_ARGS) {
    const TriggerData* data = audit_trigger(fcinfo);
    Relation relation = data->tg_relation;
    if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) {
        Entry entry;
        entry.kind = EntryKind::table;
        entry.relation = name_of(relation);
        entry.op = "TRUNCATE";
        write_entry(entry, true);
        return PointerGetDatum(nullptr);
    }
    TupleDesc descriptor = RelationGetDescr(relation);
    const Capture capture{relation,
                          descriptor,
                          treatments_of(data->tg_trigger, descriptor),
                          RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY),
                          name_of(relation),
                          data->tg_trigger->tgargs[0]};
    record_row(capture, data);
    return PointerGetDatum(nullptr);
}

}  // extern "C"

}  // namespace bastion::pg
