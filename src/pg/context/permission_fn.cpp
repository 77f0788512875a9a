// SQL functions with which policies and applications check permissions. All of them read the decision of the current
// statement; none reads a table once that is made.
#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/statistics.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/context/grant_load.hpp"

namespace bastion::pg {
namespace {

enum RequireContext { require_context_off, require_context_error };
const config_enum_entry require_context_values[] = {
    {"off", require_context_off, false}, {"error", require_context_error, false}, {nullptr, 0, false}};
int require_context_mode = require_context_off;

const SettingsTable table([] {
    define(EnumSetting{"bastion.require_context",
                       "'error' makes a read of a protected table without an identity raise; 'off' shows no rows.",
                       &require_context_mode, require_context_values, PGC_USERSET});
});

// No user holds a permission with a longer name.
constexpr std::size_t longest_permission = 200;

// An answer, cached for the lifetime of its decision. A call site's fn_extra points to its last answer, so that a check
// per row costs two comparisons, and a statement that checks once allocates nothing.
struct Answer {
    uint64 decision;
    std::size_t size;
    bool held;         // in the chosen tenant or unit
    bool tenant_wide;  // in the whole tenant
    char name[longest_permission];
};

constexpr std::size_t answer_count = 64;
Answer answers[answer_count];

void check_anonymous(const Decision& decision) {
    if (decision.state != ContextState::anonymous) return;
    require_valid("bastion.require_context");
    if (require_context_mode == require_context_error) (void)require_identity();
}

bool is_answer(const Answer& answer, const Decision& decision, std::string_view permission) noexcept {
    return answer.decision == decision.version && std::string_view(answer.name, answer.size) == permission;
}

void ask(const Decision& decision, std::string_view permission, Answer& answer) noexcept {
    const Permission* found = held_permission(decision, permission);
    if (found == nullptr) count(Counter::denied_permission);
    answer.decision = decision.version;
    answer.held = found != nullptr;
    answer.tenant_wide = found != nullptr && found->tenant_wide;
    answer.size = permission.size();
    std::memcpy(answer.name, permission.data(), permission.size());
}

// The answer for the permission in the first argument.
const Answer& answer(FunctionCallInfo fcinfo, const Decision& decision) {
    static const Answer denied{};
    check_anonymous(decision);
    const std::string_view permission = server_text(PG_GETARG_TEXT_PP(0)).bytes();
    const auto* last = static_cast<const Answer*>(fcinfo->flinfo->fn_extra);
    if (likely(last != nullptr && is_answer(*last, decision, permission))) return *last;
    if (permission.size() > longest_permission) return denied;
    Answer& found = answers[std::hash<std::string_view>{}(permission) % answer_count];
    if (!is_answer(found, decision, permission)) ask(decision, permission, found);
    fcinfo->flinfo->fn_extra = &found;
    return found;
}

// The set that a call site checks for each row; cached in its fn_extra for the decision that it belongs to.
template <class Set>
struct SetMemo {
    uint64 decision;
    const Set* set;  // null: nothing is allowed
    std::size_t size;
    char name[longest_permission];
};

// Null without an identity or tenant, and for a name that is longer than any permission's.
template <class Set>
const Set* set_of(std::string_view permission, bool anywhere) {
    constexpr bool by_tenant = std::is_same_v<Set, TenantSet>;
    const Decision& decision = require_context();
    check_anonymous(decision);
    if (permission.size() > longest_permission) return nullptr;
    GrantSets* sets = by_tenant ? grant_sets_with_tenants(decision) : grant_sets_of(decision);
    if (sets == nullptr) return nullptr;
    const Set* set = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        if constexpr (by_tenant)
            set = &sets->tenants(permission);
        else
            set = &sets->acls(permission, anywhere);
        return {};
    });
    return set;
}

// The set for the permission in the first argument; null when nothing is allowed.
template <class Set>
const Set* memorised_set(FunctionCallInfo fcinfo, bool anywhere) {
    using Kept = SetMemo<Set>;
    const std::string_view permission = server_text(PG_GETARG_TEXT_PP(0)).bytes();
    const Decision& decision = require_context();
    if (permission.size() > longest_permission) return nullptr;
    auto* memo = static_cast<Kept*>(fcinfo->flinfo->fn_extra);
    if (likely(memo != nullptr && memo->decision == decision.version &&
               std::string_view(memo->name, memo->size) == permission))
        return memo->set;
    if (memo == nullptr) {
        memo = static_cast<Kept*>(MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Kept)));
        fcinfo->flinfo->fn_extra = memo;
    }
    memo->decision = 0;
    memo->set = set_of<Set>(permission, anywhere);
    memo->size = permission.size();
    std::memcpy(memo->name, permission.data(), permission.size());
    memo->decision = decision.version;
    return memo->set;
}

// For a user with a platform role who is not a member, their first own row creates the ACL, during the same statement.
const GrantSets* sets_with_own_list() {
    const GrantSets* sets = grant_sets_of(require_context());
    if (sets == nullptr || sets->defaults.user != 0 || sets->is_confined() || IsInParallelMode()) return sets;
    refresh_decision();
    return grant_sets_of(require_context());
}

Datum can_by_acl(FunctionCallInfo fcinfo, bool anywhere) {
    const AclSet* set = memorised_set<AclSet>(fcinfo, anywhere);
    PG_RETURN_BOOL(set != nullptr && set->contains(PG_GETARG_INT64(1)));
}

Datum acl_array(FunctionCallInfo fcinfo, bool anywhere) {
    const AclSet* set = set_of<AclSet>(server_text(PG_GETARG_TEXT_PP(0)).bytes(), anywhere);
    const std::size_t count = set != nullptr ? set->sorted().size() : 0;
    auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
    for (std::size_t i = 0; i < count; ++i) elements[i] = Int64GetDatum(set->sorted()[i]);
    PG_RETURN_ARRAYTYPE_P(
        construct_array(elements, static_cast<int>(count), INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
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
        if (held_permission(decision, permission.name) == nullptr) continue;
        Datum value = text_datum(ServerText(permission.name));
        bool is_null = false;
        tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
    }
    return Datum{0};
}

PG_FUNCTION_INFO_V1(bastion_can_by_acl);
Datum bastion_can_by_acl(PG_FUNCTION_ARGS) { return can_by_acl(fcinfo, false); }

PG_FUNCTION_INFO_V1(bastion_can_by_acl_anywhere);
Datum bastion_can_by_acl_anywhere(PG_FUNCTION_ARGS) { return can_by_acl(fcinfo, true); }

PG_FUNCTION_INFO_V1(bastion_can_in_tenant);
Datum bastion_can_in_tenant(PG_FUNCTION_ARGS) {
    const TenantSet* set = memorised_set<TenantSet>(fcinfo, true);
    PG_RETURN_BOOL(set != nullptr && set->contains(*PG_GETARG_UUID_P(1)));
}

PG_FUNCTION_INFO_V1(bastion_acl_set);
Datum bastion_acl_set(PG_FUNCTION_ARGS) { return acl_array(fcinfo, false); }

PG_FUNCTION_INFO_V1(bastion_acl_set_anywhere);
Datum bastion_acl_set_anywhere(PG_FUNCTION_ARGS) { return acl_array(fcinfo, true); }

PG_FUNCTION_INFO_V1(bastion_tenant_set);
Datum bastion_tenant_set(PG_FUNCTION_ARGS) {
    const TenantSet* set = set_of<TenantSet>(server_text(PG_GETARG_TEXT_PP(0)).bytes(), true);
    const std::size_t count = set != nullptr ? set->sorted().size() : 0;
    auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
    for (std::size_t i = 0; i < count; ++i) elements[i] = PointerGetDatum(&set->sorted()[i]);
    PG_RETURN_ARRAYTYPE_P(construct_array(elements, static_cast<int>(count), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

PG_FUNCTION_INFO_V1(bastion_default_acl);
Datum bastion_default_acl(PG_FUNCTION_ARGS) {
    const std::string_view kind = server_text(PG_GETARG_TEXT_PP(0)).bytes();
    const GrantSets* sets = kind == "user" ? sets_with_own_list() : grant_sets_of(require_context());
    if (sets == nullptr) PG_RETURN_NULL();
    const int64 acl = kind == "user"     ? sets->defaults.user
                      : kind == "unit"   ? sets->defaults.unit
                      : kind == "tenant" ? sets->defaults.tenant
                                         : 0;
    if (acl == 0) PG_RETURN_NULL();
    PG_RETURN_INT64(acl);
}

}  // extern "C"

}  // namespace bastion::pg
