// tenant_delete(): in C and SECURITY INVOKER, so that the operator's own deferred triggers fire first, as the operator.
// SECURITY DEFINER functions delete the rows of protected tables; the tenant itself is deleted in a scope, in which the
// actions of foreign keys on other tables run as the owner of these (caller_scope.hpp).
#include "pg/base/caller_scope.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/checked_run.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/sandbox.hpp"

namespace bastion::pg {
namespace {

constexpr InternalFunction tenant_to_delete{"tenant_to_delete", 1, {TEXTOID}};
constexpr InternalFunction tenant_rows_delete{"tenant_rows_delete", 1, {UUIDOID}};

// A BEFORE trigger or a rule may suppress the deletion.
void delete_tenant(void* argument) {
    const Oid types[] = {UUIDOID};
    const FirstRow row = run_checked(CheckedStatement{extension_relation("tenants"),
                                                      "DELETE FROM bastion.tenants WHERE id OPERATOR(pg_catalog.=) $1",
                                                      {1, types, static_cast<const Datum*>(argument), " "},
                                                      false,
                                                      extension_owner()});
    if (row.count != 1)
        ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION), errmsg("cannot delete the tenant"),
                        errdetail("A trigger or rule suppressed the deletion.")));
}

// As the owner of the tables that foreign keys reach, else as the caller; settings that their code changes end here.
void delete_in_scope(Datum tenant, NullableDatum owner, const char* path) {
    Oid user = InvalidOid;
    int security = 0;
    GetUserIdAndSecContext(&user, &security);
    const int level = path != nullptr ? begin_settings(path) : NewGUCNestLevel();
    run_in_scope(owner.isnull ? user : DatumGetObjectId(owner.value), security | SECURITY_RESTRICTED_OPERATION,
                 delete_tenant, &tenant);
    AtEOXact_GUC(false, level);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_delete_tenant);
Datum bastion_delete_tenant(PG_FUNCTION_ARGS) {
    make_constraints_immediate();
    const Datum found = call_internal(tenant_to_delete, {fcinfo->args, 1}).value;
    const NullableDatum tenant = field(found, 1);
    const NullableDatum rows = call_internal(tenant_rows_delete, {&tenant, 1}, fcinfo->resultinfo);
    delete_in_scope(tenant.value, field(found, 2), text_field(found, 3));
    fcinfo->isnull = rows.isnull;
    return rows.value;
}

}  // extern "C"

}  // namespace bastion::pg
