#include "pg/owner_spi.hpp"

#include "pg/catalog_read.hpp"
#include "pg/invalidation.hpp"

namespace bastion::pg {
namespace {

struct Statement {
    const char* sql;
    int arguments;
    Oid types[3];
    SPIPlanPtr plan;
};

Statement resolve_statement = {
    "SELECT status, tenant_id, tenant_number, unit_id FROM bastion.resolve_identity($1, $2, $3)",
    3,
    {UUIDOID, TEXTOID, TEXTOID},
    nullptr};

Statement permissions_statement = {"SELECT permission, tenant_wide FROM bastion.effective_permissions($1, $2, $3)",
                                   3,
                                   {UUIDOID, UUIDOID, UUIDOID},
                                   nullptr};

Statement valid_until_statement = {"SELECT bastion.rights_valid_until($1, $2)", 2, {UUIDOID, UUIDOID}, nullptr};

Statement concerns_statement = {
    "SELECT scope, key FROM bastion.rights_concerns($1, $2)", 2, {UUIDOID, UUIDOID}, nullptr};

Statement use_statement = {"SELECT bastion.api_key_used($1)", 1, {UUIDOID}, nullptr};

Statement acl_statement = {
    "SELECT permissions, acl_ids, cross_tenant FROM bastion.acl_grants($1, $2)", 2, {UUIDOID, UUIDOID}, nullptr};

Statement default_acls_statement = {
    "SELECT (SELECT t.acl_id FROM bastion.tenants t WHERE t.id = $2), (SELECT u.acl_id FROM bastion.units u WHERE u.id "
    "= $3),"
    " (SELECT a.id FROM bastion.acls a WHERE a.user_id = $1 AND a.tenant_id = $2)",
    3,
    {UUIDOID, UUIDOID, UUIDOID},
    nullptr};

Statement sealing_key_statement = {"SELECT bastion.sealing_key($1, $2, $3)", 3, {TEXTOID, UUIDOID, BOOLOID}, nullptr};

Statement events_statement = {"SELECT bastion.events_write($1, $2)", 2, {CHARARRAYOID, TEXTARRAYOID}, nullptr};

Statement identity_statement = {"SELECT bastion.identity_create($1::jsonb)", 1, {TEXTOID}, nullptr};

Statement tenant_statement = {
    "SELECT permissions, tenant_ids, false FROM bastion.tenant_grants($1)", 1, {UUIDOID}, nullptr};

// Copies one result row set into the caller's memory; called with SPI connected.
using Reader = void (*)(MemoryContext caller, void* out);

struct OwnerScope {
    Oid user;
    int security;
    int guc_level;
};

struct PinnedSetting {
    const char* name;
    const char* value;
};

// What the caller could bend the statement with. It may also run before the leader's identity is known, so never in
// parallel. One user's part of a table is small, whatever the statistics say of an average one: always by index, with one
// plan for everybody, and not worth compiling.
constexpr PinnedSetting pinned_settings[] = {{"search_path", "pg_catalog, pg_temp"},    {"row_security", "on"},
                                             {"max_parallel_workers_per_gather", "0"},  {"enable_seqscan", "off"},
                                             {"plan_cache_mode", "force_generic_plan"}, {"jit", "off"}};

OwnerScope become_owner() {
    OwnerScope scope;
    GetUserIdAndSecContext(&scope.user, &scope.security);
    SetUserIdAndSecContext(extension_owner(), scope.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS |
                                                  SECURITY_RESTRICTED_OPERATION);
    scope.guc_level = NewGUCNestLevel();
    for (const auto& [name, value] : pinned_settings)
        (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    return scope;
}

void become_caller(const OwnerScope& scope) {
    AtEOXact_GUC(true, scope.guc_level);
    SetUserIdAndSecContext(scope.user, scope.security);
}

void prepare(Statement& statement) {
    if (statement.plan != nullptr) return;
    SPIPlanPtr plan = SPI_prepare(statement.sql, statement.arguments, statement.types);
    if (plan == nullptr || SPI_keepplan(plan) != 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not prepare an internal statement")));
    statement.plan = plan;
}

// On ERROR the transaction machinery restores user, settings, snapshots and SPI.
void run(Statement& statement, Datum* values, const char* nulls, Reader read, void* out) {
    MemoryContext caller = CurrentMemoryContext;
    const OwnerScope scope = become_owner();
    PushActiveSnapshot(GetCatalogSnapshot(extension_relation("memberships")));
    SPI_connect();
    prepare(statement);
    if (SPI_execute_plan(statement.plan, values, nulls, true, 0) != SPI_OK_SELECT)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not run an internal statement")));
    read(caller, out);
    SPI_finish();
    PopActiveSnapshot();
    become_caller(scope);
}

// The same for a statement that writes, under the snapshots that any statement of the transaction has.
void run_writing(Statement& statement, Datum* values, const char* nulls, Reader read, void* out) {
    MemoryContext caller = CurrentMemoryContext;
    const OwnerScope scope = become_owner();
    SPI_connect();
    prepare(statement);
    if (SPI_execute_plan(statement.plan, values, nulls, false, 0) != SPI_OK_SELECT)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not run an internal statement")));
    read(caller, out);
    SPI_finish();
    become_caller(scope);
}

char* copy_text(MemoryContext caller, uint64 row, int column) {
    char* text = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
    return text != nullptr ? MemoryContextStrdup(caller, text) : nullptr;
}

OptionalUuid read_uuid(int column) {
    OptionalUuid out{};
    bool is_null = false;
    const Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &is_null);
    out.present = !is_null;
    if (out.present) out.value = *DatumGetUUIDP(value);
    return out;
}

int64 read_number(int column) {
    bool is_null = true;
    const Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &is_null);
    return is_null ? 0 : DatumGetInt64(value);
}

void read_identity(MemoryContext caller, void* result) {
    auto* out = static_cast<ResolvedIdentity*>(result);
    if (SPI_processed != 1)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("identity did not resolve to one row")));
    out->status = copy_text(caller, 0, 1);
    out->tenant = read_uuid(2);
    out->tenant_number = read_number(3);
    out->unit = read_uuid(4);
}

void read_names(MemoryContext caller, void* result) {
    auto* out = static_cast<PermissionNames*>(result);
    auto* names =
        static_cast<PermissionName*>(MemoryContextAlloc(caller, sizeof(PermissionName) * (SPI_processed + 1)));
    for (uint64 row = 0; row < SPI_processed; ++row) {
        bool is_null = false;
        const Datum wide = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &is_null);
        names[row] = {copy_text(caller, row, 1), !is_null && DatumGetBool(wide)};
    }
    out->names = names;
    out->count = SPI_processed;
}

void read_timestamp(MemoryContext, void* result) {
    bool is_null = true;
    const Datum value =
        SPI_processed == 1 ? SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null) : Datum{0};
    *static_cast<TimestampTz*>(result) = is_null ? DT_NOEND : DatumGetTimestampTz(value);
}

void read_concerns(MemoryContext caller, void* result) {
    auto* oids = static_cast<Oid*>(MemoryContextAlloc(caller, sizeof(Oid) * (SPI_processed + 1)));
    for (uint64 row = 0; row < SPI_processed; ++row) {
        const char* scope = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);
        const char* key = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2);
        oids[row] = invalidation_of(scope, key);
    }
    *static_cast<Concerns*>(result) = {oids, SPI_processed};
}

void read_count(MemoryContext, void* result) {
    bool is_null = true;
    const Datum value =
        SPI_processed == 1 ? SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null) : Datum{0};
    *static_cast<int*>(result) = is_null ? 0 : DatumGetInt32(value);
}

void read_key_id(MemoryContext, void* result) {
    bool is_null = true;
    const Datum value =
        SPI_processed == 1 ? SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null) : Datum{0};
    if (is_null) ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("no data key was made")));
    *static_cast<int32*>(result) = DatumGetInt32(value);
}

void read_default_acls(MemoryContext, void* result) {
    *static_cast<DefaultAcls*>(result) = {read_number(1), read_number(2), read_number(3)};
}

// The elements of an array column, null ones refused; in SPI's memory.
int array_column(uint64 row, int column, Oid type, int16 size, bool by_value, char align, Datum** elements) {
    bool is_null = false;
    const Datum array = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &is_null);
    if (is_null) return 0;
    int count = 0;
    deconstruct_array(DatumGetArrayTypeP(array), type, size, by_value, align, elements, nullptr, &count);
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
    auto* rows = static_cast<GrantRow<Id>*>(MemoryContextAllocZero(caller, sizeof(GrantRow<Id>) * (SPI_processed + 1)));
    for (uint64 row = 0; row < SPI_processed; ++row) {
        Datum* elements = nullptr;
        const int count = array_column(row, 1, TEXTOID, -1, false, TYPALIGN_INT, &elements);
        auto** names = static_cast<char**>(MemoryContextAlloc(caller, sizeof(char*) * (count + 1)));
        for (int i = 0; i < count; ++i) names[i] = MemoryContextStrdup(caller, TextDatumGetCString(elements[i]));
        rows[row].permissions = names;
        rows[row].permission_count = count;
        read_ids(caller, row, rows[row]);
        bool is_null = false;
        const Datum cross = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 3, &is_null);
        rows[row].cross_tenant = !is_null && DatumGetBool(cross);
    }
    *static_cast<GrantRows<Id>*>(result) = {rows, SPI_processed};
}

Datum uuid_datum(const pg_uuid_t& uuid) { return UUIDPGetDatum(const_cast<pg_uuid_t*>(&uuid)); }
Datum text_datum(const char* text) { return text != nullptr ? CStringGetTextDatum(text) : Datum{0}; }

}  // namespace

ResolvedIdentity resolve_identity(const pg_uuid_t& user, const char* tenant, const char* unit) {
    Datum values[3] = {uuid_datum(user), text_datum(tenant), text_datum(unit)};
    const char nulls[4] = {' ', tenant != nullptr ? ' ' : 'n', unit != nullptr ? ' ' : 'n', '\0'};
    ResolvedIdentity out{};
    run(resolve_statement, values, nulls, read_identity, &out);
    return out;
}

PermissionNames effective_permissions(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit) {
    Datum values[3] = {uuid_datum(user), uuid_datum(tenant), uuid_datum(unit.value)};
    const char nulls[4] = {' ', ' ', unit.present ? ' ' : 'n', '\0'};
    PermissionNames out{};
    run(permissions_statement, values, nulls, read_names, &out);
    return out;
}

int32 make_sealing_key(const OptionalUuid& tenant, std::string_view purpose, bool for_index) {
    Datum values[3] = {PointerGetDatum(cstring_to_text_with_len(purpose.data(), static_cast<int>(purpose.size()))),
                       uuid_datum(tenant.value), BoolGetDatum(for_index)};
    const char nulls[4] = {' ', tenant.present ? ' ' : 'n', ' ', '\0'};
    int32 out = 0;
    run_writing(sealing_key_statement, values, nulls, read_key_id, &out);
    return out;
}

void record_api_key_use(const pg_uuid_t& key) {
    Datum values[1] = {uuid_datum(key)};
    // When a transaction commits there is none left, and SPI wants one around the statement's own.
    PushActiveSnapshot(GetTransactionSnapshot());
    run_writing(
        use_statement, values, nullptr, [](MemoryContext, void*) {}, nullptr);
    PopActiveSnapshot();
}

int write_events(Datum* kinds, Datum* payloads, int count) {
    Datum values[2] = {PointerGetDatum(construct_array(kinds, count, CHAROID, sizeof(char), true, TYPALIGN_CHAR)),
                       PointerGetDatum(construct_array(payloads, count, TEXTOID, -1, false, TYPALIGN_INT))};
    int refused = 0;
    run_writing(events_statement, values, nullptr, read_count, &refused);
    return refused;
}

char* run_as_table_owner(Oid relation, const char* sql, const NullableDatum (&parameters)[3]) {
    Oid types[3] = {TEXTOID, TEXTOID, TEXTOID};
    Datum values[3];
    char nulls[4] = "   ";
    for (int i = 0; i < 3; ++i) {
        values[i] = parameters[i].value;
        if (parameters[i].isnull) nulls[i] = 'n';
    }
    if (get_rel_name(relation) == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation does not exist")));
    const char kind = get_rel_relkind(relation);
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("relation is not a table")));
    MemoryContext caller = CurrentMemoryContext;
    OwnerScope scope;
    GetUserIdAndSecContext(&scope.user, &scope.security);
    Relation table = table_open(relation, AccessShareLock);
    SetUserIdAndSecContext(table->rd_rel->relowner,
                           scope.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
    table_close(table, NoLock);
    SPI_connect();
    if (SPI_execute_with_args(sql, 3, types, values, nulls, false, 0) < 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not run a statement on a table")));
    char* out = SPI_processed > 0 && SPI_tuptable != nullptr ? copy_text(caller, 0, 1) : nullptr;
    SPI_finish();
    SetUserIdAndSecContext(scope.user, scope.security);
    return out;
}

void identity_create(const char* json) {
    char* text = pg_any_to_server(json, static_cast<int>(std::strlen(json)), PG_UTF8);
    Datum values[1] = {CStringGetTextDatum(text)};
    run_writing(
        identity_statement, values, nullptr, [](MemoryContext, void*) {}, nullptr);
}

TimestampTz rights_valid_until(const pg_uuid_t& user, const pg_uuid_t& tenant) {
    Datum values[2] = {uuid_datum(user), uuid_datum(tenant)};
    TimestampTz out = DT_NOEND;
    run(valid_until_statement, values, nullptr, read_timestamp, &out);
    return out;
}

Concerns rights_concerns(const pg_uuid_t& user, const pg_uuid_t& tenant) {
    Datum values[2] = {uuid_datum(user), uuid_datum(tenant)};
    Concerns out{};
    run(concerns_statement, values, nullptr, read_concerns, &out);
    return out;
}

GrantRows<int64> acl_grants(const pg_uuid_t& user, const pg_uuid_t& tenant) {
    Datum values[2] = {uuid_datum(user), uuid_datum(tenant)};
    GrantRows<int64> out{};
    run(acl_statement, values, nullptr, read_grants<int64>, &out);
    return out;
}

DefaultAcls default_acls(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit) {
    Datum values[3] = {uuid_datum(user), uuid_datum(tenant), uuid_datum(unit.value)};
    const char nulls[4] = {' ', ' ', unit.present ? ' ' : 'n', '\0'};
    DefaultAcls out{};
    run(default_acls_statement, values, nulls, read_default_acls, &out);
    return out;
}

GrantRows<pg_uuid_t> tenant_grants(const pg_uuid_t& user) {
    Datum values[1] = {uuid_datum(user)};
    GrantRows<pg_uuid_t> out{};
    run(tenant_statement, values, nullptr, read_grants<pg_uuid_t>, &out);
    return out;
}

}  // namespace bastion::pg
