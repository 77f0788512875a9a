// unit_delete(), and that of front doors: in C and SECURITY INVOKER, because tables of the application may refer to a unit. A SECURITY DEFINER
// function checks whether the caller may; the deletion runs in a scope, in which the code of those tables runs as the
// caller (caller_scope.hpp).
#include "pg/base/caller_scope.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/checked_run.hpp"
#include "pg/base/internal_call.hpp"

namespace bastion::pg {
namespace {

constexpr InternalFunction unit_to_delete{"unit_to_delete", 1, {TEXTOID}};
constexpr InternalFunction unit_delete_begin{"unit_delete_begin", 1, {TEXTOID}};

// A BEFORE trigger or a rule may suppress the deletion.
void delete_unit(void* argument) {
    const Oid types[] = {UUIDOID};
    const FirstRow row = run_checked(CheckedStatement{extension_relation("units"),
                                                      "DELETE FROM bastion.units WHERE id OPERATOR(pg_catalog.=) $1",
                                                      {1, types, static_cast<const Datum*>(argument), " "},
                                                      false});
    if (row.count != 1)
        ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION), errmsg("cannot delete the unit"),
                        errdetail("A trigger or rule suppressed the deletion.")));
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_unit_delete);
Datum bastion_unit_delete(PG_FUNCTION_ARGS) {
    Datum unit = call_internal(unit_to_delete, {fcinfo->args, 1}).value;
    run_in_scope_of_caller(delete_unit, &unit);
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_api_unit_delete);
Datum bastion_api_unit_delete(PG_FUNCTION_ARGS) {
    const Datum begun = call_internal(unit_delete_begin, {fcinfo->args, 1}).value;
    NullableDatum unit = field(begun, 2);
    if (!unit.isnull) run_in_scope_of_caller(delete_unit, &unit.value);
    PG_RETURN_DATUM(field(begun, 1).value);
}

}  // extern "C"

}  // namespace bastion::pg
