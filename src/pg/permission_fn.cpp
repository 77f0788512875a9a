// SQL functions that policies and applications ask about permissions. All of them read the decision of the current
// statement; none touches a table once that is made.
#include "pg/context.hpp"
#include "pg/guard.hpp"
#include "pg/guc.hpp"

namespace bastion::pg {
namespace {

// The answer for the permission that a call site asks about row after row; kept in its fn_extra.
struct Memo {
    uint64 decision;
    std::size_t size;
    bool held;         // in the chosen tenant or unit
    bool tenant_wide;  // in the whole tenant
    char name[200];
};

void require_identity(const Decision& decision) {
    if (decision.state != ContextState::anonymous || settings.require_context == require_context_off) return;
    ereport(ERROR, (errcode(MAKE_SQLSTATE('B', 'A', '0', '0', '4')), errmsg("no identity in this transaction"),
                    errhint("SELECT bastion.whoami(); explains. The setting bastion.require_context is 'error'.")));
}

void ask(const Decision& decision, std::string_view permission, Memo& memo) noexcept {
    const bool has_tenant = decision.state == ContextState::authenticated && decision.identity.tenant.present;
    const Permission* found = has_tenant ? decision.rights->find(permission) : nullptr;
    memo.held = found != nullptr;
    memo.tenant_wide = found != nullptr && found->tenant_wide;
}

Memo* memo_of(FmgrInfo* call_site) {
    if (call_site->fn_extra == nullptr) call_site->fn_extra = MemoryContextAllocZero(call_site->fn_mcxt, sizeof(Memo));
    return static_cast<Memo*>(call_site->fn_extra);
}

// The answer for the permission that is the first argument. Longer names than a Memo holds are nobody's.
const Memo& answer(FunctionCallInfo fcinfo, const Decision& decision) {
    static const Memo denied{};
    require_identity(decision);
    const std::string_view permission = view(PG_GETARG_TEXT_PP(0));
    if (permission.size() > sizeof Memo::name) return denied;
    Memo* memo = memo_of(fcinfo->flinfo);
    if (memo->decision != decision.version || std::string_view(memo->name, memo->size) != permission) {
        memo->decision = decision.version;
        memo->size = permission.size();
        std::memcpy(memo->name, permission.data(), permission.size());
        ask(decision, permission, *memo);
    }
    return *memo;
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_has_permission);
Datum bastion_has_permission(PG_FUNCTION_ARGS) { PG_RETURN_BOOL(answer(fcinfo, require_context()).held); }

PG_FUNCTION_INFO_V1(bastion_tenant_if_allowed);
Datum bastion_tenant_if_allowed(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (!answer(fcinfo, decision).tenant_wide) PG_RETURN_NULL();
    auto* tenant = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
    *tenant = decision.identity.tenant.value;
    PG_RETURN_UUID_P(tenant);
}

PG_FUNCTION_INFO_V1(bastion_tenant_number_if_allowed);
Datum bastion_tenant_number_if_allowed(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (!answer(fcinfo, decision).tenant_wide) PG_RETURN_NULL();
    PG_RETURN_INT64(decision.identity.tenant_number);
}

PG_FUNCTION_INFO_V1(bastion_permissions);
Datum bastion_permissions(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    if (decision.state != ContextState::authenticated) return Datum{0};
    for (const Permission& permission : decision.rights->permissions) {
        Datum value = CStringGetTextDatum(permission.name.c_str());
        bool is_null = false;
        tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
    }
    return Datum{0};
}

}  // extern "C"

}  // namespace bastion::pg
