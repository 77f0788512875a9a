// SQL functions that seal, open and index values. The tenant is that of the verified context, or, in the functions that
// end in _for and are granted to no role, one that the operator names. A call site keeps the key of its last row.
#include "pg/base/text.hpp"
#include "pg/cache/announcement.hpp"
#include "pg/context/context.hpp"
#include "pg/event/secret_use.hpp"
#include "pg/key/key_lock.hpp"
#include "pg/vault/sealed_use.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t blind_index_bytes = 16;

// The tenant and the requester of a call that seals or opens.
struct Scope {
    OptionalUuid tenant;        // absent: the installation's own values
    const Decision* requester;  // null: an operator, who needs no permission
};

// The key of a call site's last row, cached in its fn_extra.
struct Memo {
    uint64 generation;
    uint64 decision;
    uint64 held;  // held_keys_generation(), if the transaction holds the key; 0 for a key that opens
    OptionalUuid tenant;
    DataKey* key;
    std::size_t purpose_size;
    char purpose[128];
};

Scope context_scope() {
    const Decision& decision = require_tenant_context();
    return {decision.identity.tenant, &decision};
}

Scope operator_scope(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(0)) return {{}, nullptr};
    return {{true, *PG_GETARG_UUID_P(0)}, nullptr};
}

Memo& memo_of(FunctionCallInfo fcinfo) {
    FmgrInfo* site = fcinfo->flinfo;
    if (site->fn_extra == nullptr) site->fn_extra = MemoryContextAllocZero(site->fn_mcxt, sizeof(Memo));
    return *static_cast<Memo*>(site->fn_extra);
}

bool remembers(const Memo& memo, const Scope& scope) noexcept {
    if (memo.key == nullptr) return false;
    // Earlier commands of the same statement may have changed the key.
    settle_changes();
    return memo.generation == data_keys_generation() &&
           memo.decision == (scope.requester != nullptr ? scope.requester->version : 0) &&
           same_uuid(memo.tenant, scope.tenant);
}

// The key is that of the last request for one.
void remember(Memo& memo, const Scope& scope, DataKey& key, std::string_view purpose) noexcept {
    memo.generation = data_key_lease();
    memo.held = purpose.empty() ? 0 : held_keys_generation();
    memo.decision = scope.requester != nullptr ? scope.requester->version : 0;
    memo.tenant = scope.tenant;
    memo.purpose_size = std::min(purpose.size(), sizeof memo.purpose);
    std::copy_n(purpose.data(), memo.purpose_size, memo.purpose);
    memo.key = &key;
}

// In ASCII, or there is no key for it.
std::string_view purpose_argument(FunctionCallInfo fcinfo, int argument) {
    if (PG_ARGISNULL(argument))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("purpose must not be null")));
    return server_text(PG_GETARG_TEXT_PP(argument)).bytes();
}

// The key that now seals, or indexes, the values of a purpose; null when there is none and none can be created.
DataKey* key_for(FunctionCallInfo fcinfo, const Scope& scope, std::string_view purpose, bool for_index) {
    Memo& memo = memo_of(fcinfo);
    if (remembers(memo, scope) && (for_index || (memo.held == held_keys_generation() && !is_due(*memo.key))) &&
        std::string_view(memo.purpose, memo.purpose_size) == purpose)
        return memo.key;
    memo.key = nullptr;
    // The extension's own purposes are refused, with or without keys.
    if (scope.requester != nullptr && purpose.starts_with("bastion."))
        return &need_data_key(static_cast<std::uint32_t>(make_sealing_key(scope.tenant, purpose, for_index)));
    const bool may_make = !for_index || !(XactReadOnly || RecoveryInProgress() || IsInParallelMode());
    DataKey* key =
        may_make ? &need_active_key(scope.tenant, purpose, for_index) : find_active_index_key(scope.tenant, purpose);
    if (key != nullptr && purpose.size() <= sizeof memo.purpose) remember(memo, scope, *key, purpose);
    return key;
}

// The requester's permission for an action on a purpose, or null.
const Permission* find_permission(const Decision& requester, const DataKey& key, const char* action) {
    char permission[192];
    snprintf(permission, sizeof permission, "%s.%s", key.purpose.c_str(), action);
    return requester.rights->find(permission);
}

// A value belongs to the tenant, so `<purpose>.open` must be held there; with `<purpose>.open_in_unit` besides, the chosen unit
// suffices: policies then decide which values it sees.
void require_open_permission(const Decision& requester, const DataKey& key) {
    const Permission* held = find_permission(requester, key, "open");
    if (held != nullptr && (held->tenant_wide || find_permission(requester, key, "open_in_unit") != nullptr)) return;
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("permission denied: \"%s.open\" is needed", key.purpose.c_str()),
                    errdetail("It must be held in the whole tenant.")));
}

// The key that opens a value, if the requester may; `reading` when plaintext is requested.
DataKey& opening_key(FunctionCallInfo fcinfo, const Scope& scope, const struct varlena* sealed, bool reading) {
    const std::uint32_t id = sealing_key_id(view(sealed));
    Memo& memo = memo_of(fcinfo);
    if (remembers(memo, scope) && memo.key->id == id) return *memo.key;
    memo.key = nullptr;
    DataKey& key = need_data_key_of(scope.tenant, id);
    require_sealer(key);
    if (reading && scope.requester != nullptr) require_open_permission(*scope.requester, key);
    remember(memo, scope, key, {});
    return key;
}

// Arguments from `first` on: plaintext, purpose, bound_to.
Datum seal(FunctionCallInfo fcinfo, const Scope& scope, int first, bool is_text) {
    const std::string_view purpose = purpose_argument(fcinfo, first + 1);
    if (PG_ARGISNULL(first)) PG_RETURN_NULL();
    note_secret_use("seal");
    const struct varlena* value = PG_GETARG_VARLENA_PP(first);
    const ByteSpan plaintext = is_text ? as_bytes(utf8_of(value)) : view(value);
    const Utf8 bound_to = utf8_argument(fcinfo, first + 2);
    PG_RETURN_POINTER(sealed_under(*key_for(fcinfo, scope, purpose, false), plaintext, bound_to));
}

// Arguments from `first` on: value, bound_to.
Datum open(FunctionCallInfo fcinfo, const Scope& scope, int first, bool is_text) {
    if (PG_ARGISNULL(first)) PG_RETURN_NULL();
    const struct varlena* value = PG_GETARG_VARLENA_PP(first);
    const Utf8 bound_to = utf8_argument(fcinfo, first + 1);
    note_secret_use("open");
    DataKey& key = opening_key(fcinfo, scope, value, true);
    struct varlena* plaintext = opened_by(key, value, bound_to);
    if (key.recorded) record_opening(key, fcinfo->args[first + 1], plaintext);
    PG_RETURN_POINTER(is_text ? text_of_plaintext(plaintext) : plaintext);
}

// The value under the active key of its tenant and purpose; unchanged when it already is.
Datum rewrap(FunctionCallInfo fcinfo, const Scope& scope, int first) {
    if (PG_ARGISNULL(first)) PG_RETURN_NULL();
    const struct varlena* value = PG_GETARG_VARLENA_PP(first);
    const Utf8 bound_to = utf8_argument(fcinfo, first + 1);
    DataKey& old_key = opening_key(fcinfo, scope, value, false);
    struct varlena* plaintext = opened_by(old_key, value, bound_to);
    char purpose[192];
    strlcpy(purpose, old_key.purpose.c_str(), sizeof purpose);
    const std::uint32_t old_id = old_key.id;
    DataKey& key = need_active_key(scope.tenant, purpose, false);
    if (key.id == old_id) PG_RETURN_POINTER(value);
    struct varlena* sealed = sealed_under(key, view(plaintext), bound_to);
    wipe(plaintext);
    PG_RETURN_POINTER(sealed);
}

// Arguments from `first` on: value, purpose.
Datum blind_index(FunctionCallInfo fcinfo, const Scope& scope, int first, bool is_text) {
    const std::string_view purpose = purpose_argument(fcinfo, first + 1);
    if (PG_ARGISNULL(first)) PG_RETURN_NULL();
    note_secret_use("blind_index");
    const struct varlena* value = PG_GETARG_VARLENA_PP(first);
    const ByteSpan bytes = is_text ? as_bytes(utf8_of(value)) : view(value);
    DataKey* key = key_for(fcinfo, scope, purpose, true);
    if (key == nullptr) PG_RETURN_NULL();
    struct varlena* index = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const Result<Mac> mac = key->indexer.value().compute(as_text(bytes));
        if (!mac) return mac.error();
        return store(index, mac->span().first(blind_index_bytes));
    });
    PG_RETURN_BYTEA_P(index);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_seal_text);
Datum bastion_seal_text(PG_FUNCTION_ARGS) { return seal(fcinfo, context_scope(), 0, true); }

PG_FUNCTION_INFO_V1(bastion_seal_bytea);
Datum bastion_seal_bytea(PG_FUNCTION_ARGS) { return seal(fcinfo, context_scope(), 0, false); }

PG_FUNCTION_INFO_V1(bastion_seal_text_for);
Datum bastion_seal_text_for(PG_FUNCTION_ARGS) { return seal(fcinfo, operator_scope(fcinfo), 1, true); }

PG_FUNCTION_INFO_V1(bastion_seal_bytea_for);
Datum bastion_seal_bytea_for(PG_FUNCTION_ARGS) { return seal(fcinfo, operator_scope(fcinfo), 1, false); }

PG_FUNCTION_INFO_V1(bastion_open_text);
Datum bastion_open_text(PG_FUNCTION_ARGS) { return open(fcinfo, context_scope(), 0, true); }

PG_FUNCTION_INFO_V1(bastion_open_bytea);
Datum bastion_open_bytea(PG_FUNCTION_ARGS) { return open(fcinfo, context_scope(), 0, false); }

PG_FUNCTION_INFO_V1(bastion_open_text_for);
Datum bastion_open_text_for(PG_FUNCTION_ARGS) { return open(fcinfo, operator_scope(fcinfo), 1, true); }

PG_FUNCTION_INFO_V1(bastion_open_bytea_for);
Datum bastion_open_bytea_for(PG_FUNCTION_ARGS) { return open(fcinfo, operator_scope(fcinfo), 1, false); }

PG_FUNCTION_INFO_V1(bastion_rewrap);
Datum bastion_rewrap(PG_FUNCTION_ARGS) { return rewrap(fcinfo, context_scope(), 0); }

PG_FUNCTION_INFO_V1(bastion_rewrap_for);
Datum bastion_rewrap_for(PG_FUNCTION_ARGS) { return rewrap(fcinfo, operator_scope(fcinfo), 1); }

PG_FUNCTION_INFO_V1(bastion_blind_index_text);
Datum bastion_blind_index_text(PG_FUNCTION_ARGS) { return blind_index(fcinfo, context_scope(), 0, true); }

PG_FUNCTION_INFO_V1(bastion_blind_index_bytea);
Datum bastion_blind_index_bytea(PG_FUNCTION_ARGS) { return blind_index(fcinfo, context_scope(), 0, false); }

PG_FUNCTION_INFO_V1(bastion_blind_index_text_for);
Datum bastion_blind_index_text_for(PG_FUNCTION_ARGS) { return blind_index(fcinfo, operator_scope(fcinfo), 1, true); }

PG_FUNCTION_INFO_V1(bastion_blind_index_bytea_for);
Datum bastion_blind_index_bytea_for(PG_FUNCTION_ARGS) { return blind_index(fcinfo, operator_scope(fcinfo), 1, false); }

}  // extern "C"

}  // namespace bastion::pg
