#include "pg/owner_spi.hpp"

#include "pg/caller_scope.hpp"
#include "pg/catalog_read.hpp"

namespace bastion::pg {
namespace {

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

void execute(Statement& statement, Datum* values, const char* nulls, bool read_only, Reader read, void* out) {
    MemoryContext caller = CurrentMemoryContext;
    const ScopePause pause = pause_scope();
    PG_TRY();
    {
        SPI_connect();
        prepare(statement);
        if (SPI_execute_plan(statement.plan, values, nulls, read_only, 0) != SPI_OK_SELECT)
            ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not run an internal statement")));
        read(caller, out);
        SPI_finish();
    }
    PG_FINALLY();
    { resume_scope(pause); }
    PG_END_TRY();
}

}  // namespace

// On ERROR the transaction machinery restores user, settings, snapshots and SPI.
void run_reading(Statement& statement, Datum* values, const char* nulls, Reader read, void* out) {
    const OwnerScope scope = become_owner();
    PushActiveSnapshot(GetCatalogSnapshot(extension_relation("memberships")));
    execute(statement, values, nulls, true, read, out);
    PopActiveSnapshot();
    become_caller(scope);
}

void run_writing(Statement& statement, Datum* values, const char* nulls, Reader read, void* out) {
    const OwnerScope scope = become_owner();
    execute(statement, values, nulls, false, read, out);
    become_caller(scope);
}

uint64 row_count() { return SPI_processed; }

NullableDatum cell(uint64 row, int column) {
    NullableDatum out{};
    out.isnull = true;
    if (row < SPI_processed)
        out.value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &out.isnull);
    return out;
}

const char* text_cell(uint64 row, int column) {
    return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
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
    const char* text = SPI_processed > 0 && SPI_tuptable != nullptr ? text_cell(0, 1) : nullptr;
    char* out = text != nullptr ? MemoryContextStrdup(caller, text) : nullptr;
    SPI_finish();
    SetUserIdAndSecContext(scope.user, scope.security);
    return out;
}

}  // namespace bastion::pg
