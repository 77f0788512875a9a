#include "pg/base/owner_spi.hpp"

#include "pg/base/caller_scope.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/compat.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/sandbox.hpp"

// As pg.hpp has it for other calls.
#ifdef BASTION_EAGER_INVALIDATION
#define SPI_execute(...) (::bastion::pg::arrive_everywhere(), SPI_execute(__VA_ARGS__))
#define SPI_execute_plan(...) (::bastion::pg::arrive_everywhere(), SPI_execute_plan(__VA_ARGS__))
#define SPI_execute_with_args(...) (::bastion::pg::arrive_everywhere(), SPI_execute_with_args(__VA_ARGS__))
#endif

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

// Settings with which the caller could influence the statement. It may also run before the leader's identity is known, so
// never in parallel. One user's part of a table is small, even if the statistics suggest more: always by index, with one
// plan for all users, and not worth compiling.
constexpr PinnedSetting pinned_settings[] = {{"search_path", pinned_path},
                                             {"row_security", "on"},
                                             {"max_parallel_workers_per_gather", "0"},
                                             {"enable_seqscan", "off"},
                                             {"plan_cache_mode", "force_generic_plan"},
                                             {"jit", "off"}};

OwnerScope become_owner() {
    Assert(!in_phase_b);
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
    Assert(InSecurityRestrictedOperation());
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
    if (row < SPI_processed && SPI_tuptable != nullptr)
        out.value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &out.isnull);
    return out;
}

const char* text_cell(uint64 row, int column) {
    return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

char* copied_text_cell(MemoryContext caller, uint64 row, int column) {
    const char* text = text_cell(row, column);
    return text != nullptr ? MemoryContextStrdup(caller, text) : nullptr;
}

namespace {

constexpr std::size_t most_parameters = 3;

void execute_on_table(const char* sql, std::span<const TypedValue> parameters) {
    Assert(parameters.size() <= most_parameters);
    Oid types[most_parameters];
    Datum values[most_parameters];
    char nulls[most_parameters + 1] = "   ";
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        types[i] = parameters[i].type;
        values[i] = parameters[i].value.value;
        if (parameters[i].value.isnull) nulls[i] = 'n';
    }
    SPI_connect();
    if (SPI_execute_with_args(sql, static_cast<int>(parameters.size()), types, values, nulls, false, 0) < 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not run a statement on a table")));
}

// Copies the first row into the memory of the caller.
void copy_row(MemoryContext caller, std::span<TypedValue> columns) {
    MemoryContext own = MemoryContextSwitchTo(caller);
    int number = 0;
    for (TypedValue& column : columns) {
        column.value = cell(0, ++number);
        if (column.value.isnull) continue;
        if (SPI_gettypeid(SPI_tuptable->tupdesc, number) != column.type)
            ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("a column has another type than expected")));
        column.value.value = PointerGetDatum(PG_DETOAST_DATUM_COPY(column.value.value));
    }
    MemoryContextSwitchTo(own);
}

// The first column of the first row as text, in the memory of the caller; null for no row.
char* run_statement(const char* sql, const NullableDatum (&parameters)[3]) {
    MemoryContext caller = CurrentMemoryContext;
    const TypedValue texts[] = {{TEXTOID, parameters[0]}, {TEXTOID, parameters[1]}, {TEXTOID, parameters[2]}};
    execute_on_table(sql, texts);
    char* out = SPI_processed > 0 && SPI_tuptable != nullptr ? copied_text_cell(caller, 0, 1) : nullptr;
    SPI_finish();
    return out;
}

}  // namespace

namespace {

// Code of a table may raise the error of a cancelled statement. Only the server means it: a caller that goes on after errors of
// such code would stop.
[[noreturn]] void rethrow_error_of_table(MemoryContext caller) {
    MemoryContextSwitchTo(caller);
    ErrorData* error = CopyErrorData();
    if (error->sqlerrcode != ERRCODE_QUERY_CANCELED || error->funcname == nullptr ||
        std::strcmp(error->funcname, "ProcessInterrupts") == 0)
        PG_RE_THROW();
    FlushErrorState();
    error->sqlerrcode = ERRCODE_TRIGGERED_ACTION_EXCEPTION;
    ReThrowError(error);
    pg_unreachable();
}

}  // namespace

char* run_as_table_owner(Oid relation, const char* sql, const NullableDatum (&parameters)[3]) {
    const Oid owner = owner_of_table_or_view(relation);
    const Sandbox sandbox = enter_sandbox(owner, search_path_of(relation));
    MemoryContext caller = CurrentMemoryContext;
    char* volatile out = nullptr;
    PG_TRY();
    { out = run_statement(sql, parameters); }
    PG_CATCH();
    { rethrow_error_of_table(caller); }
    PG_END_TRY();
    leave_sandbox(sandbox);
    return out;
}

void require_varlena(Oid type) {
    if (get_typlen(type) != -1 || !OidIsValid(get_array_type(type)))
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type %u does not hold bytes", type)));
}

void run_typed_as_table_owner(Oid relation, const char* sql, std::span<const TypedValue> parameters,
                              std::span<TypedValue> columns) {
    const Oid owner = owner_of_table(relation);
    const Sandbox sandbox = enter_sandbox(owner, search_path_of(relation));
    MemoryContext caller = CurrentMemoryContext;
    PG_TRY();
    {
        execute_on_table(sql, parameters);
        copy_row(caller, columns);
        SPI_finish();
    }
    PG_CATCH();
    { rethrow_error_of_table(caller); }
    PG_END_TRY();
    leave_sandbox(sandbox);
}

char* run_on_own_table(Oid relation, const char* sql) {
    const NullableDatum none[3] = {{Datum{0}, true}, {Datum{0}, true}, {Datum{0}, true}};
    const Oid owner = owner_of_table(relation);
    if (!compat::owns_relation(relation, GetUserId()))
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of table %s", get_rel_name(relation))));
    if (is_code_of_others(owner)) return run_as_table_owner(relation, sql, none);
    const int level = begin_settings(search_path_of(relation));
    char* out = run_statement(sql, none);
    AtEOXact_GUC(false, level);
    return out;
}

void run_call(const char* sql) {
    SPI_connect();
    if (SPI_execute(sql, false, 0) < 0)
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not run a statement of a plan")));
    SPI_finish();
}

}  // namespace bastion::pg
