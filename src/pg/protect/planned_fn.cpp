// SQL functions that change the catalog: an SQL function of the same arguments checks them and returns the statements, under
// its own search_path, and these then run one by one, in sight of event triggers, which find the caller's search_path. Also
// run_unseen(), for the guard.
#include "pg/base/internal_call.hpp"
#include "pg/protect/ddl.hpp"

namespace bastion::pg {
namespace {

void run_each(const Datum* statements, int count) {
    MemoryContext one =
        AllocSetContextCreate(CurrentMemoryContext, "bastion statement of a plan", ALLOCSET_DEFAULT_SIZES);
    for (int i = 0; i < count; ++i) {
        CHECK_FOR_INTERRUPTS();
        MemoryContext caller = MemoryContextSwitchTo(one);
        run_in_sight(TextDatumGetCString(statements[i]));
        MemoryContextSwitchTo(caller);
        MemoryContextReset(one);
    }
    MemoryContextDelete(one);
}

// Plans and runs, or with dry_run only plans, and returns the statements where the function returns a set.
Datum run_planned(FunctionCallInfo fcinfo, const InternalFunction& planner, bool dry_run) {
    if (fcinfo->flinfo->fn_retset) InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    const NullableDatum plan = call_internal(planner, {fcinfo->args, static_cast<std::size_t>(planner.count)});
    Datum* statements = nullptr;
    int count = 0;
    if (!plan.isnull)
        deconstruct_array(DatumGetArrayTypeP(plan.value), TEXTOID, -1, false, TYPALIGN_INT, &statements, nullptr,
                          &count);
    if (!dry_run) run_each(statements, count);
    if (!fcinfo->flinfo->fn_retset) PG_RETURN_VOID();
    auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    for (int i = 0; i < count; ++i) {
        bool is_null = false;
        tuplestore_putvalues(result->setResult, result->setDesc, &statements[i], &is_null);
    }
    return Datum{0};
}

bool is_true(FunctionCallInfo fcinfo, int argument) { return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument); }

constexpr InternalFunction protect_statements{
    "protect_statements",
    12,
    {REGCLASSOID, NAMEOID, NAMEOID, TEXTOID, JSONBOID, TEXTOID, BOOLOID, BOOLOID, BOOLOID, TEXTOID, TEXTOID, NAMEOID}};
constexpr InternalFunction offer_composite_keys{"offer_composite_keys", 1, {REGCLASSOID}};
constexpr InternalFunction unprotect_statements{"unprotect_statements", 2, {REGCLASSOID, BOOLOID}};
constexpr InternalFunction composite_keys_statements{"composite_keys_statements", 2, {REGCLASSOID, BOOLOID}};
constexpr InternalFunction mark_global_statements{"mark_global_statements", 2, {REGCLASSOID, TEXTOID}};
constexpr InternalFunction unmark_global_statements{"unmark_global_statements", 1, {REGCLASSOID}};
constexpr InternalFunction open_acl_column_statements{
    "open_acl_column_statements", 6, {REGCLASSOID, NAMEOID, NAMEOID, TEXTOID, NAMEOID, INT4OID}};
constexpr InternalFunction allow_app_role_statements{"allow_app_role_statements", 1, {REGROLEOID}};
constexpr InternalFunction disallow_app_role_statements{"disallow_app_role_statements", 1, {REGROLEOID}};
constexpr InternalFunction allow_migration_role_statements{"allow_migration_role_statements", 1, {REGROLEOID}};

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_protect);
Datum bastion_protect(PG_FUNCTION_ARGS) {
    const bool dry_run = is_true(fcinfo, 8);
    const Datum out = run_planned(fcinfo, protect_statements, dry_run);
    if (!dry_run) (void)call_internal_afresh(offer_composite_keys, {fcinfo->args, 1});
    return out;
}

PG_FUNCTION_INFO_V1(bastion_unprotect);
Datum bastion_unprotect(PG_FUNCTION_ARGS) { return run_planned(fcinfo, unprotect_statements, is_true(fcinfo, 1)); }

PG_FUNCTION_INFO_V1(bastion_composite_keys);
Datum bastion_composite_keys(PG_FUNCTION_ARGS) {
    return run_planned(fcinfo, composite_keys_statements, is_true(fcinfo, 1));
}

PG_FUNCTION_INFO_V1(bastion_mark_global);
Datum bastion_mark_global(PG_FUNCTION_ARGS) { return run_planned(fcinfo, mark_global_statements, false); }

PG_FUNCTION_INFO_V1(bastion_unmark_global);
Datum bastion_unmark_global(PG_FUNCTION_ARGS) { return run_planned(fcinfo, unmark_global_statements, false); }

PG_FUNCTION_INFO_V1(bastion_open_acl_column);
Datum bastion_open_acl_column(PG_FUNCTION_ARGS) { return run_planned(fcinfo, open_acl_column_statements, false); }

PG_FUNCTION_INFO_V1(bastion_allow_app_role);
Datum bastion_allow_app_role(PG_FUNCTION_ARGS) { return run_planned(fcinfo, allow_app_role_statements, false); }

PG_FUNCTION_INFO_V1(bastion_disallow_app_role);
Datum bastion_disallow_app_role(PG_FUNCTION_ARGS) { return run_planned(fcinfo, disallow_app_role_statements, false); }

PG_FUNCTION_INFO_V1(bastion_allow_migration_role);
Datum bastion_allow_migration_role(PG_FUNCTION_ARGS) {
    return run_planned(fcinfo, allow_migration_role_statements, false);
}

PG_FUNCTION_INFO_V1(bastion_run_unseen);
Datum bastion_run_unseen(PG_FUNCTION_ARGS) {
    run_unseen(text_to_cstring(PG_GETARG_TEXT_PP(0)));
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
