// The triggers of protect(quota => ...), which count the rows of a table for their tenants, and the functions that count all of them again.
// A gauge counts the rows that exist: a window of each tenant, in total. Another meter counts each new row as a use. The triggers of a table
// that the extension does not record count nothing, so that a table cannot change the numbers of others by a trigger alone.
#include "pg/base/catalog_read.hpp"
#include "pg/base/compat.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/quota/quota_answer.hpp"
#include "pg/quota/quota_lock.hpp"
#include "pg/quota/row_count.hpp"

extern "C" {
#include "catalog/pg_inherits.h"
#include "storage/lmgr.h"
#include "utils/numeric.h"
}

namespace bastion::pg {
namespace {

constexpr InternalFunction charge_rows{"charge_rows", 2, {TEXTOID, INT8OID}};
constexpr InternalFunction expire_rows{"expire_rows", 1, {UUIDOID}};
constexpr InternalFunction rows_crossed{
    "rows_crossed", 6, {UUIDOID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, TIMESTAMPTZOID}};
constexpr InternalFunction counted_tables{"counted_tables", 1, {TEXTOID}};
constexpr InternalFunction store_rows{"store_rows", 3, {TEXTOID, UUIDARRAYOID, INT8ARRAYOID}};

// The tenants that one statement locks one by one.
constexpr std::size_t most_locks = 256;

TriggerData* count_trigger(FunctionCallInfo fcinfo) {
    auto* data = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!CALLED_AS_TRIGGER(fcinfo) || data->tg_trigger->tgnargs != 2)
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("a trigger of protect() must be made by protect()")));
    return data;
}

bool is_recorded(Oid relation, const char* meter);

// Whether a table of which this one is a partition or child is recorded.
bool has_recorded_parent(Oid relation, const char* meter) {
    Relation inherits = table_open(InheritsRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
    SysScanDesc scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
    bool found = false;
    for (HeapTuple row = systable_getnext(scan); !found && HeapTupleIsValid(row); row = systable_getnext(scan))
        found = is_recorded(reinterpret_cast<Form_pg_inherits>(GETSTRUCT(row))->inhparent, meter);
    systable_endscan(scan);
    table_close(inherits, AccessShareLock);
    return found;
}

// Whether protect() recorded that rows of the table, or of one above it, count for the meter.
bool is_recorded(Oid relation, const char* meter) {
    ColumnValue row[] = {{"meter", 0, true}};
    if (!read_row("protected_tables", "protected_tables_relation_key", "relation", F_OIDEQ, ObjectIdGetDatum(relation),
                  row))
        return has_recorded_parent(relation, meter);
    return !row[0].is_null && server_text(row[0].value).bytes() == meter;
}

// As in every use of a quota, first the account of the caller and then the tenant. Before the statement locks rows, so that two
// statements that count wait for each other and never in a circle.
void lock_context() {
    const Decision& decision = decide();
    if (decision.state != ContextState::authenticated || !decision.identity.tenant.present) return;
    const Identity identity = decision.identity;
    lock_caller(identity, false);
}

Datum number_of(int64 number) { return DirectFunctionCall1(int8_numeric, Int64GetDatum(number)); }

void record_crossed(std::span<const QuotaLine> lines) {
    for (const QuotaLine& line : lines) {
        if (!line.crosses) continue;
        const NullableDatum arguments[] = {argument(UUIDPGetDatum(&line.owner)),
                                           argument(text_datum(ServerText(line.meter))),
                                           argument(text_datum(ServerText(period_name(line.period)))),
                                           argument(line.soft_amount),
                                           {line.amount, line.amount == Datum{0}},
                                           {TimestampTzGetDatum(line.end), line.end == DT_NOEND}};
        (void)call_internal(rows_crossed, arguments);
    }
}

// Fewer rows than none are a number that was wrong before.
void take_from_gauge(const TenantRows& change, const char* meter) {
    const std::span<QuotaLine> lines = tenant_lines(change.tenant, meter, number_of(change.rows), true);
    for (QuotaLine& line : lines) {
        line.used = DirectFunctionCall2(numeric_add, line.used, line.wanted);
        if (DatumGetBool(DirectFunctionCall2(numeric_lt, line.used, quota_number("0")))) line.used = quota_number("0");
    }
    write_windows(lines);
}

void add_rows(std::span<QuotaLine> lines) {
    if (const QuotaLine* refused = refusing(lines)) raise_exceeded(*refused);
    add_to_windows(lines, false);
    record_crossed(lines);
}

void add_to_gauge(const TenantRows& change, const char* meter) {
    add_rows(tenant_lines(change.tenant, meter, number_of(change.rows), true));
}

// Rows that no user of the tenant writes, for example of a loader: the limits of the tenant alone.
void use_for_tenant(const TenantRows& change, const char* meter) {
    const Datum wanted = number_of(change.rows);
    std::span<QuotaLine> lines = tenant_lines(change.tenant, meter, wanted, false);
    while (const QuotaLine* refused = refusing(lines)) {
        const NullableDatum tenant = argument(UUIDPGetDatum(&change.tenant));
        if (!DatumGetBool(call_internal(expire_rows, {&tenant, 1}).value)) raise_exceeded(*refused);
        CommandCounterIncrement();
        lines = tenant_lines(change.tenant, meter, wanted, false);
    }
    add_to_windows(lines, false);
    Datum meters[] = {text_datum(ServerText(meter))};
    Datum amounts[] = {wanted};
    const QuotaDay day = quota_moment(quota_tenant(change.tenant).tenant_calendar, GetCurrentTimestamp()).day;
    write_entries({change.tenant, change.tenant, {}, {}, day, {Datum{0}, true}}, {meters, amounts, 1});
    record_crossed(lines);
}

void use_rows(const TenantRows& change, const char* meter) {
    const Decision& decision = decide();
    if (decision.state != ContextState::authenticated || !decision.identity.tenant.present ||
        memcmp(&decision.identity.tenant.value, &change.tenant, UUID_LEN) != 0) {
        use_for_tenant(change, meter);
        return;
    }
    const NullableDatum arguments[] = {argument(text_datum(ServerText(meter))), argument(Int64GetDatum(change.rows))};
    (void)call_internal(charge_rows, arguments);
}

// What is given back first makes room for what is new.
void apply_changes(std::span<const TenantRows> changes, const char* meter) {
    if (changes.empty()) return;
    const bool is_gauge = quota_meter(meter).is_gauge;
    lock_context();
    if (changes.size() > most_locks)
        lock_all_quotas();
    else
        for (const TenantRows& change : changes) (void)lock_quotas(change.tenant, QuotaOwner::tenant, true);
    if (is_gauge)
        for (const TenantRows& change : changes)
            if (change.rows < 0) take_from_gauge(change, meter);
    for (const TenantRows& change : changes) {
        if (change.rows < 0) continue;
        if (is_gauge)
            add_to_gauge(change, meter);
        else
            use_rows(change, meter);
    }
}

void count_event(RowCounter& counter, const TriggerData* data) {
    if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) {
        if (data->tg_relation->rd_rel->relkind == RELKIND_RELATION) count_table(counter, data->tg_relation, -1);
    } else if (TRIGGER_FIRED_FOR_ROW(data->tg_event)) {
        count_row(counter, data->tg_relation, data->tg_trigtuple, -1);
        count_row(counter, data->tg_relation, data->tg_newtuple, 1);
    } else {
        if (data->tg_oldtable != nullptr) count_transition(counter, data->tg_relation, data->tg_oldtable, -1);
        if (data->tg_newtable != nullptr) count_transition(counter, data->tg_relation, data->tg_newtable, 1);
    }
}

struct Tally {
    Datum* tenants;
    Datum* counts;
    int size;
    int room;
};

void append(Tally& tally, std::span<const TenantRows> rows) {
    for (const TenantRows& row : rows) {
        if (tally.size == tally.room) {
            tally.room *= 2;
            tally.tenants =
                static_cast<Datum*>(repalloc_huge(tally.tenants, sizeof(Datum) * static_cast<std::size_t>(tally.room)));
            tally.counts =
                static_cast<Datum*>(repalloc_huge(tally.counts, sizeof(Datum) * static_cast<std::size_t>(tally.room)));
        }
        tally.tenants[tally.size] = UUIDPGetDatum(&row.tenant);
        tally.counts[tally.size++] = Int64GetDatum(row.rows);
    }
}

struct CountedTables {
    Datum* relations;
    Datum* columns;
    int count;
};

CountedTables tables_of(NullableDatum meter) {
    CountedTables out{nullptr, nullptr, 0};
    const Datum found = call_internal(counted_tables, {&meter, 1}).value;
    int columns = 0;
    deconstruct_array(DatumGetArrayTypeP(field(found, 1).value), OIDOID, sizeof(Oid), true, TYPALIGN_INT,
                      &out.relations, nullptr, &out.count);
    deconstruct_array(DatumGetArrayTypeP(field(found, 2).value), TEXTOID, -1, false, TYPALIGN_INT, &out.columns,
                      nullptr, &columns);
    Assert(columns == out.count);
    return out;
}

// SHARE waits for the transactions that wrote rows, and with them for what they counted.
void lock_tables(const CountedTables& tables, bool as_owner) {
    for (int i = 0; i < tables.count; ++i) {
        const Oid relation = DatumGetObjectId(tables.relations[i]);
        if (as_owner && !compat::owns_relation(relation, GetUserId()))
            ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                            errmsg("must be owner of table %s", get_rel_name(relation))));
        LockRelationOid(relation, ShareLock);
    }
}

// The number of tenants whose number was another one.
Datum recount(NullableDatum meter, bool as_owner) {
    const CountedTables tables = tables_of(meter);
    lock_tables(tables, as_owner);
    Tally tally{static_cast<Datum*>(palloc(sizeof(Datum))), static_cast<Datum*>(palloc(sizeof(Datum))), 0, 1};
    for (int i = 0; i < tables.count; ++i) {
        Relation relation = try_relation_open(DatumGetObjectId(tables.relations[i]), NoLock);
        if (relation == nullptr) continue;
        RowCounter counter = row_counter(relation, server_text(tables.columns[i]).c_str());
        count_table(counter, relation, 1);
        append(tally, counted_tenants(counter));
        relation_close(relation, NoLock);
    }
    const NullableDatum arguments[] = {
        meter,
        argument(PointerGetDatum(construct_array(tally.tenants, tally.size, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR))),
        argument(
            PointerGetDatum(construct_array(tally.counts, tally.size, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)))};
    return call_internal_afresh(store_rows, arguments).value;
}

}  // namespace

extern "C" {

// Arguments of the trigger: the meter and the column of the tenant.
PG_FUNCTION_INFO_V1(bastion_count_rows);
Datum bastion_count_rows(PG_FUNCTION_ARGS) {
    const TriggerData* data = count_trigger(fcinfo);
    const char* meter = data->tg_trigger->tgargs[0];
    if (!is_recorded(RelationGetRelid(data->tg_relation), meter)) return PointerGetDatum(nullptr);
    if (TRIGGER_FIRED_BEFORE(data->tg_event) && !TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) {
        lock_context();
        return PointerGetDatum(nullptr);
    }
    RowCounter counter = row_counter(data->tg_relation, data->tg_trigger->tgargs[1]);
    count_event(counter, data);
    apply_changes(counted_tenants(counter), meter);
    hash_destroy(counter.counts);
    return PointerGetDatum(nullptr);
}

// Argument: the meter.
PG_FUNCTION_INFO_V1(bastion_recount_rows);
Datum bastion_recount_rows(PG_FUNCTION_ARGS) { return recount(fcinfo->args[0], true); }

PG_FUNCTION_INFO_V1(bastion_quota_recount);
Datum bastion_quota_recount(PG_FUNCTION_ARGS) { return recount(fcinfo->args[0], false); }

// Arguments: a tenant, a gauge, and how many rows there are with the one that is added.
PG_FUNCTION_INFO_V1(bastion_add_counted_row);
Datum bastion_add_counted_row(PG_FUNCTION_ARGS) {
    const char* meter = server_text(PG_GETARG_TEXT_PP(1)).c_str();
    const std::span<QuotaLine> lines = tenant_lines(*PG_GETARG_UUID_P(0), meter, quota_number("1"), false);
    const Datum before = DirectFunctionCall2(numeric_sub, number_of(PG_GETARG_INT64(2)), quota_number("1"));
    for (QuotaLine& line : lines) line.used = before;
    if (!lines.empty()) add_rows(lines);
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
