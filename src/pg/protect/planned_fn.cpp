// SQL functions that change the catalog: an SQL function of the same arguments checks them and returns the statements, under
// its own search_path, and these then run one by one; event triggers fire for them, with the caller's search_path. Also
// run_unseen(), for the guard.
#include "pg/base/catalog_read.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"
#include "pg/protect/ddl.hpp"

namespace bastion::pg {
namespace {

void run_each(const Datum* statements, int count) {
    MemoryContext one =
        AllocSetContextCreate(CurrentMemoryContext, "bastion statement of a plan", ALLOCSET_DEFAULT_SIZES);
    for (int i = 0; i < count; ++i) {
        CHECK_FOR_INTERRUPTS();
        MemoryContext caller = MemoryContextSwitchTo(one);
        run_in_sight(server_text(DatumGetTextPP(statements[i])).c_str());
        MemoryContextSwitchTo(caller);
        MemoryContextReset(one);
    }
    MemoryContextDelete(one);
}

struct Statements {
    Datum* texts;
    int count;
};

Statements plan(FunctionCallInfo fcinfo, const InternalFunction& planner) {
    const NullableDatum planned = call_internal(planner, {fcinfo->args, static_cast<std::size_t>(planner.count)});
    Statements out = {nullptr, 0};
    if (!planned.isnull)
        deconstruct_array(DatumGetArrayTypeP(planned.value), TEXTOID, -1, false, TYPALIGN_INT, &out.texts, nullptr,
                          &out.count);
    return out;
}

Datum run_planned(FunctionCallInfo fcinfo, const InternalFunction& planner) {
    const Statements statements = plan(fcinfo, planner);
    run_each(statements.texts, statements.count);
    PG_RETURN_VOID();
}

// The changes to a table, in one line.
Datum summary(Oid table, const char* done, int statements) {
    const char* line = statements == 0 ? psprintf("%s: nothing to change", qualified_name(table))
                                       : psprintf("%s %s (%d statement%s)", qualified_name(table), done, statements,
                                                  statements == 1 ? "" : "s");
    return text_datum(ServerText(line));
}

// For functions whose first argument is a table: runs the statements and returns a line, or with dry_run returns the statements.
Datum run_or_show(FunctionCallInfo fcinfo, const InternalFunction& planner, bool dry_run, const char* done) {
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    Statements rows = plan(fcinfo, planner);
    Datum line = Datum{0};
    if (!dry_run) {
        run_each(rows.texts, rows.count);
        line = summary(PG_GETARG_OID(0), done, rows.count);
        rows = {&line, 1};
    }
    auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    for (int i = 0; i < rows.count; ++i) {
        bool is_null = false;
        tuplestore_putvalues(result->setResult, result->setDesc, &rows.texts[i], &is_null);
    }
    return Datum{0};
}

bool is_true(FunctionCallInfo fcinfo, int argument) { return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument); }

constexpr InternalFunction protect_statements{
    "protect_statements",
    17,
    {REGCLASSOID, NAMEOID, NAMEOID, TEXTOID, JSONBOID, TEXTOID, BOOLOID, BOOLOID, BOOLOID, TEXTOID, TEXTOID, NAMEOID,
     TEXTOID, NAMEARRAYOID, TEXTOID, BOOLOID, TEXTOID}};
constexpr InternalFunction offer_composite_keys{"offer_composite_keys", 1, {REGCLASSOID}};
constexpr InternalFunction unprotect_statements{"unprotect_statements", 2, {REGCLASSOID, BOOLOID}};
constexpr InternalFunction audit_table_statements{
    "audit_table_statements",
    7,
    {REGCLASSOID, NAMEARRAYOID, NAMEARRAYOID, NAMEARRAYOID, NAMEARRAYOID, NAMEOID, BOOLOID}};
constexpr InternalFunction audit_untable_statements{"audit_untable_statements", 2, {REGCLASSOID, BOOLOID}};
constexpr InternalFunction composite_keys_create_statements{
    "composite_keys_create_statements", 2, {REGCLASSOID, BOOLOID}};
constexpr InternalFunction protect_rename_statements{"protect_rename_statements", 3, {REGCLASSOID, NAMEOID, NAMEOID}};
constexpr InternalFunction global_table_add_statements{"global_table_add_statements", 2, {REGCLASSOID, TEXTOID}};
constexpr InternalFunction global_table_remove_statements{"global_table_remove_statements", 1, {REGCLASSOID}};
constexpr InternalFunction open_acl_column_statements{
    "open_acl_column_statements", 6, {REGCLASSOID, NAMEOID, NAMEOID, TEXTOID, NAMEOID, INT4OID}};
constexpr InternalFunction allow_app_role_statements{"allow_app_role_statements", 1, {REGROLEOID}};
constexpr InternalFunction allow_loader_role_statements{"allow_loader_role_statements", 1, {REGROLEOID}};
constexpr InternalFunction disallow_app_role_statements{"disallow_app_role_statements", 1, {REGROLEOID}};
constexpr InternalFunction allow_migration_role_statements{"allow_migration_role_statements", 1, {REGROLEOID}};
constexpr InternalFunction allow_monitoring_role_statements{"allow_monitoring_role_statements", 1, {REGROLEOID}};
constexpr InternalFunction allow_mailer_role_statements{"allow_mailer_role_statements", 1, {REGROLEOID}};
constexpr InternalFunction setup_roles_statements{"setup_roles_statements", 3, {NAMEOID, NAMEOID, NAMEOID}};

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_protect);
Datum bastion_protect(PG_FUNCTION_ARGS) {
    const bool dry_run = is_true(fcinfo, 8);
    const Datum out = run_or_show(fcinfo, protect_statements, dry_run, "is protected");
    if (!dry_run) (void)call_internal_afresh(offer_composite_keys, {fcinfo->args, 1});
    return out;
}

PG_FUNCTION_INFO_V1(bastion_unprotect);
Datum bastion_unprotect(PG_FUNCTION_ARGS) {
    return run_or_show(fcinfo, unprotect_statements, is_true(fcinfo, 1), "is no longer protected");
}

PG_FUNCTION_INFO_V1(bastion_audit_table);
Datum bastion_audit_table(PG_FUNCTION_ARGS) {
    return run_or_show(fcinfo, audit_table_statements, is_true(fcinfo, 6), "is under audit");
}

PG_FUNCTION_INFO_V1(bastion_audit_untable);
Datum bastion_audit_untable(PG_FUNCTION_ARGS) {
    return run_or_show(fcinfo, audit_untable_statements, is_true(fcinfo, 1), "is no longer under audit");
}

PG_FUNCTION_INFO_V1(bastion_composite_keys_create);
Datum bastion_composite_keys_create(PG_FUNCTION_ARGS) {
    return run_or_show(fcinfo, composite_keys_create_statements, is_true(fcinfo, 1),
                       "has keys that begin with the tenant");
}

PG_FUNCTION_INFO_V1(bastion_protect_rename);
Datum bastion_protect_rename(PG_FUNCTION_ARGS) { return run_planned(fcinfo, protect_rename_statements); }

PG_FUNCTION_INFO_V1(bastion_global_table_add);
Datum bastion_global_table_add(PG_FUNCTION_ARGS) { return run_planned(fcinfo, global_table_add_statements); }

PG_FUNCTION_INFO_V1(bastion_global_table_remove);
Datum bastion_global_table_remove(PG_FUNCTION_ARGS) { return run_planned(fcinfo, global_table_remove_statements); }

PG_FUNCTION_INFO_V1(bastion_open_acl_column);
Datum bastion_open_acl_column(PG_FUNCTION_ARGS) { return run_planned(fcinfo, open_acl_column_statements); }

PG_FUNCTION_INFO_V1(bastion_allow_app_role);
Datum bastion_allow_app_role(PG_FUNCTION_ARGS) { return run_planned(fcinfo, allow_app_role_statements); }

PG_FUNCTION_INFO_V1(bastion_allow_loader_role);
Datum bastion_allow_loader_role(PG_FUNCTION_ARGS) { return run_planned(fcinfo, allow_loader_role_statements); }

PG_FUNCTION_INFO_V1(bastion_disallow_app_role);
Datum bastion_disallow_app_role(PG_FUNCTION_ARGS) { return run_planned(fcinfo, disallow_app_role_statements); }

PG_FUNCTION_INFO_V1(bastion_allow_migration_role);
Datum bastion_allow_migration_role(PG_FUNCTION_ARGS) { return run_planned(fcinfo, allow_migration_role_statements); }

PG_FUNCTION_INFO_V1(bastion_allow_monitoring_role);
Datum bastion_allow_monitoring_role(PG_FUNCTION_ARGS) { return run_planned(fcinfo, allow_monitoring_role_statements); }

PG_FUNCTION_INFO_V1(bastion_allow_mailer_role);
Datum bastion_allow_mailer_role(PG_FUNCTION_ARGS) { return run_planned(fcinfo, allow_mailer_role_statements); }

PG_FUNCTION_INFO_V1(bastion_setup_roles);
Datum bastion_setup_roles(PG_FUNCTION_ARGS) { return run_planned(fcinfo, setup_roles_statements); }

PG_FUNCTION_INFO_V1(bastion_run_unseen);
Datum bastion_run_unseen(PG_FUNCTION_ARGS) {
    run_unseen(server_text(PG_GETARG_TEXT_PP(0)).c_str());
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
