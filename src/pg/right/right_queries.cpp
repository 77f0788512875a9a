#include "pg/right/right_queries.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/invalidation.hpp"

namespace bastion::pg {
namespace {

Statement resolve_statement = {
    "SELECT status, tenant_id, tenant_number, unit_id FROM bastion_internal.resolve_place($1, $2, $3)",
    3,
    {UUIDOID, TEXTOID, TEXTOID},
    nullptr};

Statement permissions_statement = {
    "SELECT permission, tenant_wide FROM bastion_internal.effective_permissions($1, $2, $3)",
    3,
    {UUIDOID, UUIDOID, UUIDOID},
    nullptr};

Statement step_up_statement = {
    "SELECT rule_tenant_id, pattern, CASE level WHEN 'aal1' THEN 1 WHEN 'aal2' THEN 2 WHEN 'phr' THEN 3 ELSE 4 "
    "END::bigint, "
    "(extract(epoch FROM max_age) * 1000000)::bigint, "
    "(extract(epoch FROM remembers) * 1000000)::bigint FROM "
    "bastion_internal.step_up_rules_of($1, $2)",
    2,
    {UUIDOID, UUIDOID},
    nullptr};

Statement valid_until_statement = {
    "SELECT bastion_internal.rights_valid_until($1, $2)", 2, {UUIDOID, UUIDOID}, nullptr};

Statement dependencies_statement = {
    "SELECT scope, key FROM bastion_internal.rights_dependencies($1, $2)", 2, {UUIDOID, UUIDOID}, nullptr};

Statement acl_statement = {
    "SELECT permissions, acl_ids, cross_tenant, of_tenant, by_manage FROM bastion_internal.acl_grants($1, $2)",
    2,
    {UUIDOID, UUIDOID},
    nullptr};

Statement unit_lists_statement = {
    "SELECT '{}'::text[], bastion_internal.unit_lists($1), false, NULL::uuid, false", 1, {UUIDOID}, nullptr};

Statement default_acls_statement = {
    "SELECT (SELECT t.acl_id FROM bastion.tenants t WHERE t.id = $2), (SELECT u.acl_id FROM bastion.units u WHERE u.id "
    "= $3),"
    " (SELECT a.id FROM bastion.acls a WHERE a.user_id = $1 AND a.tenant_id = $2)",
    3,
    {UUIDOID, UUIDOID, UUIDOID},
    nullptr};

Statement tenant_statement = {
    "SELECT permissions, tenant_ids, false, NULL::uuid, false FROM bastion_internal.tenant_grants($1)",
    1,
    {UUIDOID},
    nullptr};

template <class T>
T* allocate_rows(MemoryContext caller) {
    return static_cast<T*>(MemoryContextAllocZero(caller, sizeof(T) * (row_count() + 1)));
}

bool read_flag(uint64 row, int column) {
    const NullableDatum value = cell(row, column);
    return !value.isnull && DatumGetBool(value.value);
}

// The column of a row, by default of the first.
OptionalUuid read_uuid(int column, uint64 row = 0) {
    const NullableDatum value = cell(row, column);
    OptionalUuid out{};
    out.present = !value.isnull;
    if (out.present) out.value = *DatumGetUUIDP(value.value);
    return out;
}

int64 read_number(int column, uint64 row = 0) {
    const NullableDatum value = cell(row, column);
    return value.isnull ? 0 : DatumGetInt64(value.value);
}

void read_identity(MemoryContext caller, void* result) {
    if (row_count() != 1)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("identity did not resolve to one row")));
    auto* out = static_cast<ResolvedIdentity*>(result);
    out->status = copied_text_cell(caller, 0, 1);
    out->tenant = read_uuid(2);
    out->tenant_number = read_number(3);
    out->unit = read_uuid(4);
}

void read_names(MemoryContext caller, void* result) {
    auto* names = allocate_rows<PermissionName>(caller);
    for (uint64 row = 0; row < row_count(); ++row) names[row] = {copied_text_cell(caller, row, 1), read_flag(row, 2)};
    *static_cast<PermissionNames*>(result) = {names, row_count()};
}

void read_rules(MemoryContext caller, void* result) {
    auto* rows = allocate_rows<StepUpRow>(caller);
    for (uint64 row = 0; row < row_count(); ++row)
        rows[row] = {read_uuid(1, row), copied_text_cell(caller, row, 2), static_cast<ProofLevel>(read_number(3, row)),
                     read_number(4, row), read_number(5, row)};
    *static_cast<StepUpRows*>(result) = {rows, row_count()};
}

void read_timestamp(MemoryContext, void* result) {
    const NullableDatum value = cell(0, 1);
    *static_cast<TimestampTz*>(result) = value.isnull ? DT_NOEND : DatumGetTimestampTz(value.value);
}

void read_dependencies(MemoryContext caller, void* result) {
    auto* oids = allocate_rows<Oid>(caller);
    for (uint64 row = 0; row < row_count(); ++row) oids[row] = invalidation_of(text_cell(row, 1), text_cell(row, 2));
    *static_cast<Dependencies*>(result) = {oids, row_count()};
}

void read_default_acls(MemoryContext, void* result) {
    *static_cast<DefaultAcls*>(result) = {read_number(1), read_number(2), read_number(3)};
}

// The elements of an array column, null ones refused; they go with the result.
int array_column(uint64 row, int column, Oid type, int16 size, bool by_value, char align, Datum** elements) {
    const NullableDatum array = cell(row, column);
    int count = 0;
    if (!array.isnull)
        deconstruct_array(DatumGetArrayTypeP(array.value), type, size, by_value, align, elements, nullptr, &count);
    return count;
}

void read_ids(MemoryContext caller, uint64 row, GrantRow<int64>& out) {
    Datum* elements = nullptr;
    const int count = array_column(row, 2, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements);
    auto* ids = static_cast<int64*>(MemoryContextAlloc(caller, sizeof(int64) * (count + 1)));
    for (int i = 0; i < count; ++i) ids[i] = DatumGetInt64(elements[i]);
    out.ids = ids;
    out.id_count = count;
}

void read_ids(MemoryContext caller, uint64 row, GrantRow<pg_uuid_t>& out) {
    Datum* elements = nullptr;
    const int count = array_column(row, 2, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &elements);
    auto* ids = static_cast<pg_uuid_t*>(MemoryContextAlloc(caller, sizeof(pg_uuid_t) * (count + 1)));
    for (int i = 0; i < count; ++i) ids[i] = *DatumGetUUIDP(elements[i]);
    out.ids = ids;
    out.id_count = count;
}

template <class Id>
void read_grants(MemoryContext caller, void* result) {
    auto* rows = allocate_rows<GrantRow<Id>>(caller);
    for (uint64 row = 0; row < row_count(); ++row) {
        Datum* elements = nullptr;
        const int count = array_column(row, 1, TEXTOID, -1, false, TYPALIGN_INT, &elements);
        auto** names = static_cast<char**>(MemoryContextAlloc(caller, sizeof(char*) * (count + 1)));
        for (int i = 0; i < count; ++i)
            names[i] = MemoryContextStrdup(caller, server_text(DatumGetTextPP(elements[i])).c_str());
        rows[row].permissions = names;
        rows[row].permission_count = count;
        read_ids(caller, row, rows[row]);
        rows[row].cross_tenant = read_flag(row, 3);
        rows[row].of_tenant = read_uuid(4, row).value;
        rows[row].by_manage = read_flag(row, 5);
    }
    *static_cast<GrantRows<Id>*>(result) = {rows, row_count()};
}

Datum optional_text(const char* text) { return text != nullptr ? text_datum(ServerText(text)) : Datum{0}; }

// Not in the statement, which would take a SIREAD lock on the row that each login of the user changes.
bool user_is_active(const pg_uuid_t& user) {
    ColumnValue row[] = {{"status", 0, true}};
    return read_row("users", "users_pkey", "id", F_UUID_EQ, UUIDPGetDatum(&user), row) && !row[0].is_null &&
           server_text(DatumGetTextPP(row[0].value)).bytes() == "active";
}

}  // namespace

ResolvedIdentity resolve_identity(const pg_uuid_t& user, const char* tenant, const char* unit) {
    if (!user_is_active(user)) return {"user", {}, {}, 0};
    Datum values[3] = {uuid_datum(user), optional_text(tenant), optional_text(unit)};
    const char nulls[4] = {' ', tenant != nullptr ? ' ' : 'n', unit != nullptr ? ' ' : 'n', '\0'};
    ResolvedIdentity out{};
    run_reading(resolve_statement, values, nulls, read_identity, &out);
    return out;
}

PermissionNames effective_permissions(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit) {
    Datum values[3] = {uuid_datum(user), uuid_datum(tenant), uuid_datum(unit.value)};
    const char nulls[4] = {' ', ' ', unit.present ? ' ' : 'n', '\0'};
    PermissionNames out{};
    run_reading(permissions_statement, values, nulls, read_names, &out);
    return out;
}

StepUpRows step_up_rules(const pg_uuid_t& user, const pg_uuid_t& tenant) {
    Datum values[2] = {uuid_datum(user), uuid_datum(tenant)};
    StepUpRows out{};
    run_reading(step_up_statement, values, nullptr, read_rules, &out);
    return out;
}

TimestampTz rights_valid_until(const pg_uuid_t& user, const pg_uuid_t& tenant) {
    Datum values[2] = {uuid_datum(user), uuid_datum(tenant)};
    TimestampTz out = DT_NOEND;
    run_reading(valid_until_statement, values, nullptr, read_timestamp, &out);
    return out;
}

Dependencies rights_dependencies(const pg_uuid_t& user, const pg_uuid_t& tenant) {
    Datum values[2] = {uuid_datum(user), uuid_datum(tenant)};
    Dependencies out{};
    run_reading(dependencies_statement, values, nullptr, read_dependencies, &out);
    return out;
}

GrantRows<int64> acl_grants(const pg_uuid_t& user, const pg_uuid_t& tenant) {
    Datum values[2] = {uuid_datum(user), uuid_datum(tenant)};
    GrantRows<int64> out{};
    run_reading(acl_statement, values, nullptr, read_grants<int64>, &out);
    return out;
}

GrantRows<int64> unit_lists(const pg_uuid_t& unit) {
    Datum values[1] = {uuid_datum(unit)};
    GrantRows<int64> out{};
    run_reading(unit_lists_statement, values, nullptr, read_grants<int64>, &out);
    return out;
}

DefaultAcls default_acls(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit) {
    Datum values[3] = {uuid_datum(user), uuid_datum(tenant), uuid_datum(unit.value)};
    const char nulls[4] = {' ', ' ', unit.present ? ' ' : 'n', '\0'};
    DefaultAcls out{};
    run_reading(default_acls_statement, values, nulls, read_default_acls, &out);
    return out;
}

GrantRows<pg_uuid_t> tenant_grants(const pg_uuid_t& user) {
    Datum values[1] = {uuid_datum(user)};
    GrantRows<pg_uuid_t> out{};
    run_reading(tenant_statement, values, nullptr, read_grants<pg_uuid_t>, &out);
    return out;
}

}  // namespace bastion::pg
