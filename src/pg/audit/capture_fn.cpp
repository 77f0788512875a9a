// The trigger of audited tables: an entry for each row that changes, with what changed, and one for TRUNCATE. It compares values byte by
// byte and runs no operator of a type. Arguments: the column of the tenant, or nothing; then the columns of the record, as i:NAME to record
// no others, x:NAME to leave one out, r:NAME to redact its values, p:NAME to seal them under the key of the subject, whom the column in
// s:NAME names. What counts is the record, which knows columns by their numbers too.
#include "pg/audit/capture.hpp"
#include "pg/audit/printed_value.hpp"
#include "pg/audit/subject_key.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/context/context.hpp"

namespace bastion::pg {
namespace {

struct Row {
    Datum* values;
    bool* nulls;
};

struct Changes {
    AuditStatement* statement;
    Capture& capture;
    TupleDesc descriptor;
    PrintedValues& printed;
};

const TriggerData* audit_trigger(FunctionCallInfo fcinfo) {
    const auto* data = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!CALLED_AS_TRIGGER(fcinfo) || data->tg_trigger->tgnargs < 1 || !TRIGGER_FIRED_AFTER(data->tg_event) ||
        TRIGGER_FIRED_FOR_ROW(data->tg_event) == TRIGGER_FIRED_BY_TRUNCATE(data->tg_event) ||
        data->tg_relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("the trigger of an audited table must be made by audit_table()")));
    return data;
}

Row row_of(TupleDesc descriptor, HeapTuple tuple) {
    const auto count = static_cast<std::size_t>(descriptor->natts) + 1;
    Row out{static_cast<Datum*>(palloc(sizeof(Datum) * count)), static_cast<bool*>(palloc(sizeof(bool) * count))};
    heap_deform_tuple(tuple, descriptor, out.values, out.nulls);
    return out;
}

// An UPDATE leaves values that are stored apart where they are: they need not be read to be the same.
bool is_same_place(Form_pg_attribute column, Datum left, Datum right) {
    if (column->attlen != -1) return false;
    const auto* a = reinterpret_cast<const struct varlena*>(DatumGetPointer(left));
    const auto* b = reinterpret_cast<const struct varlena*>(DatumGetPointer(right));
    return VARATT_IS_EXTERNAL_ONDISK(a) && VARATT_IS_EXTERNAL_ONDISK(b) && std::memcmp(a, b, VARSIZE_EXTERNAL(a)) == 0;
}

bool is_same(Form_pg_attribute column, int place, const Row& left, const Row& right) {
    if (left.nulls[place] || right.nulls[place]) return left.nulls[place] && right.nulls[place];
    return is_same_place(column, left.values[place], right.values[place]) ||
           datum_image_eq(left.values[place], right.values[place], column->attbyval, column->attlen);
}

EntryValue value_of(const Changes& changes, std::size_t place, const Row& row, bool redact) {
    if (redact) return {EntryTag::redacted, {}};
    if (row.nulls[place]) return {};
    return printed_value(changes.printed, changes.capture.columns[place].type, row.values[place]);
}

// Whom the personal values of a row are about. A value about nobody could never be erased, so it is not recorded.
std::optional<Uuid> subject_of(const Changes& changes, const Row& row, const std::optional<Uuid>& tenant) {
    if (changes.capture.subject_is_tenant) return tenant;
    const int place = changes.capture.subject;
    if (place < 0 || row.nulls[place]) return {};
    return core_uuid(*DatumGetUUIDP(row.values[place]));
}

// One that no entry has room for is not recorded either.
EntryValue personal_value(const Changes& changes, std::size_t place, const Row& row,
                          const std::optional<Uuid>& tenant) {
    const EntryValue plain = value_of(changes, place, row, false);
    if (plain.tag != EntryTag::plain) return plain;
    const std::optional<Uuid> subject = subject_of(changes, row, tenant);
    if (!subject || plain.bytes.size() > entry_most_bytes) return {EntryTag::redacted, {}};
    SubjectKey* key = need_subject_key(*subject, tenant);
    if (key == nullptr) return {EntryTag::redacted, {}};
    return sealed_value(*key, plain, changes.capture.columns[place].name, tenant);
}

// A row that gets another subject: its personal values are now about that one, so the entry has them all.
bool has_other_subject(const Changes& changes, const Row& old_row, const Row& new_row) {
    const int place = changes.capture.subject;
    return changes.capture.has_personal && place >= 0 &&
           !is_same(TupleDescAttr(changes.descriptor, place), place, old_row, new_row);
}

std::span<const EntryKey> key_of(const Changes& changes, const Row& row) {
    auto* out = static_cast<EntryKey*>(palloc(sizeof(EntryKey) * (INDEX_MAX_KEYS + 1)));
    std::size_t count = 0;
    for (std::size_t i = 0; i < changes.capture.columns.size(); ++i) {
        const CapturedColumn& column = changes.capture.columns[i];
        if (column.is_key) out[count++] = {column.name, value_of(changes, i, row, column.is_secret)};
    }
    return {out, count};
}

// The columns of a row that is new or gone, without those that are NULL; of both rows of an UPDATE what changed, and without a key all.
std::span<const EntryColumn> columns_of(const Changes& changes, const Row* old_row, const Row* new_row,
                                        const std::optional<Uuid>& tenant) {
    const std::span<const CapturedColumn> columns = changes.capture.columns;
    auto* out = static_cast<EntryColumn*>(palloc(sizeof(EntryColumn) * (columns.size() * 2 + 1)));
    std::size_t count = 0;
    bool differs = false;
    const bool both = old_row != nullptr && new_row != nullptr;
    const bool other_subject = both && has_other_subject(changes, *old_row, *new_row);
    const auto recorded = [&](std::size_t place, const Row& row) {
        const Treatment treatment = columns[place].treatment;
        return treatment == Treatment::personal ? personal_value(changes, place, row, tenant)
                                                : value_of(changes, place, row, treatment >= Treatment::redact);
    };
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (columns[i].treatment == Treatment::leave_out) continue;
        const int place = static_cast<int>(i);
        const bool same = both && is_same(TupleDescAttr(changes.descriptor, place), place, *old_row, *new_row);
        const bool moves = other_subject && columns[i].treatment == Treatment::personal;
        if (same && !moves && changes.capture.has_key) continue;
        differs = differs || !same || moves;
        if (old_row != nullptr && (both || !old_row->nulls[i]))
            out[count++] = {columns[i].name, EntrySide::old_value, recorded(i, *old_row)};
        if (new_row != nullptr && (both || !new_row->nulls[i]))
            out[count++] = {columns[i].name, EntrySide::new_value, recorded(i, *new_row)};
    }
    return {out, differs ? count : 0};
}

// The tenant with this number. Rows of tables that have numbers belong mostly to the tenant of the context.
std::optional<Uuid> tenant_of_number(Capture& capture, int64 number) {
    const Decision& decision = decide();
    if (decision.state == ContextState::authenticated && decision.identity.tenant.present &&
        decision.identity.tenant_number == number)
        return core_uuid(decision.identity.tenant.value);
    if (capture.tenant_of_number && capture.tenant_number == number) return capture.tenant_of_number;
    ColumnValue column[] = {{"id", Datum{0}, true}};
    if (!read_row("tenants", "tenants_number_key", "number", F_INT8EQ, Int64GetDatum(number), column)) return {};
    capture.tenant_number = number;
    capture.tenant_of_number = core_uuid(*DatumGetUUIDP(column[0].value));
    return capture.tenant_of_number;
}

std::optional<Uuid> tenant_of(const Changes& changes, const Row& row) {
    const int place = changes.capture.tenant;
    if (place < 0 || row.nulls[place]) return {};
    const Datum value = row.values[place];
    switch (changes.capture.columns[static_cast<std::size_t>(place)].type) {
        case UUIDOID: return core_uuid(*DatumGetUUIDP(value));
        case INT4OID: return tenant_of_number(changes.capture, DatumGetInt32(value));
        case INT8OID: return tenant_of_number(changes.capture, DatumGetInt64(value));
        case TEXTOID:
        case VARCHAROID: {
            pg_uuid_t uuid;
            if (!parse_uuid_text(server_text(value).bytes(), uuid)) return {};
            return core_uuid(uuid);
        }
        default: return {};
    }
}

void record(const Changes& changes, const char* op, const Row* old_row, const Row* new_row) {
    const Row& row = new_row != nullptr ? *new_row : *old_row;
    Entry entry;
    entry.tenant = tenant_of(changes, row);
    std::optional<Uuid> of_values;
    if (changes.capture.has_personal) of_values = tenant_of_entry(changes.statement, entry);
    entry.columns = columns_of(changes, old_row, new_row, of_values);
    if (old_row != nullptr && new_row != nullptr && entry.columns.empty()) return;
    entry.relation = changes.capture.name;
    entry.op = op;
    entry.key = key_of(changes, row);
    write_entry_of(changes.statement, entry);
}

bool has_same_key(const Changes& changes, const Row& old_row, const Row& new_row) {
    for (std::size_t i = 0; i < changes.capture.columns.size(); ++i) {
        const int place = static_cast<int>(i);
        if (changes.capture.columns[i].is_key &&
            !is_same(TupleDescAttr(changes.descriptor, place), place, old_row, new_row))
            return false;
    }
    return true;
}

// A row that gets into another tenant leaves the one and is new in the other: neither sees what the other did with it. One that gets
// another key is another row.
void record_update(const Changes& changes, const Row& old_row, const Row& new_row) {
    if (has_same_key(changes, old_row, new_row) && tenant_of(changes, old_row) == tenant_of(changes, new_row)) {
        record(changes, "UPDATE", &old_row, &new_row);
        return;
    }
    record(changes, "DELETE", &old_row, nullptr);
    record(changes, "INSERT", nullptr, &new_row);
}

void record_row(const Changes& changes, const TriggerData* data) {
    const Row first = row_of(changes.descriptor, data->tg_trigtuple);
    if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
        record(changes, "INSERT", nullptr, &first);
    else if (TRIGGER_FIRED_BY_DELETE(data->tg_event))
        record(changes, "DELETE", &first, nullptr);
    else
        record_update(changes, first, row_of(changes.descriptor, data->tg_newtuple));
}

// Under the name of the table itself: what empties a partition does not empty the others.
void record_truncate(Relation relation) {
    Entry entry;
    entry.kind = EntryKind::table;
    entry.relation = plain_name(RelationGetRelid(relation));
    entry.op = "TRUNCATE";
    write_entry(entry, true);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_audit_change);
Datum bastion_audit_change(PG_FUNCTION_ARGS) {
    const TriggerData* data = audit_trigger(fcinfo);
    if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) {
        record_truncate(data->tg_relation);
        return PointerGetDatum(nullptr);
    }
    AuditStatement* statement = audit_statement();
    Capture& capture = capture_of(statement, data->tg_relation, data->tg_trigger);
    PrintedValues printed{};
    capture.in_use = true;
    record_row({statement, capture, RelationGetDescr(data->tg_relation), printed}, data);
    capture.in_use = false;
    end_printing(printed);
    return PointerGetDatum(nullptr);
}

}  // extern "C"

}  // namespace bastion::pg
