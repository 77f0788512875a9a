// SQL functions of the context: authenticate, context_drop, impersonation, whoami and the readers.
#include "pg/base/guard.hpp"
#include "pg/base/json_members.hpp"
#include "pg/base/statistics.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/context/statement.hpp"
#include "pg/session/credential.hpp"
#include "pg/session/token_setting.hpp"
#include "pg/session/token_verify.hpp"

namespace bastion::pg {
namespace {

const char* text_or_null(FunctionCallInfo fcinfo, int argument) {
    return PG_ARGISNULL(argument) ? nullptr : server_text(PG_GETARG_TEXT_PP(argument)).c_str();
}

// As SET LOCAL does.
void warn_outside_transaction(const char* function) {
    if (IsTransactionBlock() || !directly_in_top_level_statement()) return;
    ereport(WARNING, (errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
                      errmsg("%s has no effect on later statements outside transaction blocks", function)));
}

[[noreturn]] void refuse(const char* reason, const char* log_detail) {
    count_refusal(reason);
    // The statement may hold the token.
    ereport(ERROR, (errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION), errmsg("invalid token"), errhidestmt(true),
                    errdetail_log("Reason: %s.", log_detail)));
    pg_unreachable();
}

// Completes the identity with the requested tenant and unit, if the user is a member.
void resolve(Identity& identity, const char* tenant, const char* unit) {
    const Rights* rights = rights_of_identity(identity, tenant, unit);
    if (rights->refusal != nullptr) refuse("no_access", rights->refusal);
}

Datum uuid_or_null(FunctionCallInfo fcinfo, const OptionalUuid& uuid) {
    if (!uuid.present) PG_RETURN_NULL();
    auto* copy = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
    *copy = uuid.value;
    PG_RETURN_UUID_P(copy);
}

// A member of the identity, or NULL for the anonymous.
template <class Member>
Datum read_uuid(FunctionCallInfo fcinfo, Member member) {
    const Decision& decision = require_context();
    if (decision.state == ContextState::anonymous) PG_RETURN_NULL();
    return uuid_or_null(fcinfo, member(decision.identity));
}

const char* state_name(ContextState state) noexcept {
    switch (state) {
        case ContextState::anonymous: return "anonymous";
        case ContextState::authenticated: return "authenticated";
        case ContextState::refused: break;
    }
    return "refused";
}

// A remedy, for the developer who calls whoami().
const char* hint_of(const Decision& decision) noexcept {
    const std::string_view reason(decision.reason != nullptr ? decision.reason : "");
    if (reason == "nothing_presented")
        return "Call bastion.authenticate($1), or SELECT set_config('bastion.token', $1, true), in this transaction.";
    if (reason == "token_of_another_transaction")
        return "The token was set before this transaction began; set it inside, with set_config('bastion.token', $1, "
               "true).";
    if (reason == "dropped") return "bastion.context_drop() was called in this transaction.";
    if (reason == "identity_fixed") return "A transaction keeps its first identity; begin another one.";
    if (reason == too_many_requests) return "The API key has reached a limit; try again after retry_after seconds.";
    if (reason == "delegation_ended") return "Ask the user, or the actor before, for another delegation.";
    if (reason == "expired" || reason == "session_ended") return "Log in again.";
    return "The token is not accepted; the server log has the reason.";
}

void append_actors(StringInfo json, const ActorChain& actors) {
    for (std::size_t i = 0; i < actors.count; ++i) {
        char text[uuid_text_size];
        format_uuid_text(actors.ids[i], text);
        appendStringInfoString(json, i == 0 ? "[" : ", ");
        escape_json(json, text);
    }
    appendStringInfoString(json, actors.count > 0 ? "]" : "[]");
}

void append_identity(StringInfo json, const Identity& identity) {
    append_member(json, "user", OptionalUuid{true, identity.user});
    append_member(json, "actor", last_actor(identity));
    begin_member(json, "actors");
    append_actors(json, identity.actors);
    append_member(json, "tenant", identity.tenant);
    append_member(json, "unit", identity.unit);
    append_member(json, "session", identity.session);
    append_member(json, "api_key", identity.api_key);
    append_member(json, "delegation", identity.delegation);
    append_member(json, "method", identity.method);
    append_member(json, "level", identity.level);
    append_member(json, "auth_time", identity.auth_time == 0 ? nullptr : timestamptz_to_str(identity.auth_time));
    append_member(json, "expires_at",
                  identity.expires_at == DT_NOEND ? nullptr : timestamptz_to_str(identity.expires_at));
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_authenticate);
Datum bastion_authenticate(PG_FUNCTION_ARGS) {
    attach_statistics();
    if (PG_ARGISNULL(0)) refuse("token_refused", "no token");
    const char* tenant = text_or_null(fcinfo, 1);
    const char* unit = text_or_null(fcinfo, 2);
    const char* token = server_text(PG_GETARG_TEXT_PP(0)).c_str();
    if (debug_query_string != nullptr && std::strstr(debug_query_string, token) != nullptr) hide_statement();
    const VerifiedToken& verified = verify_or_create(utf8_of(ServerText(token)));
    if (verified.refusal != nullptr) refuse(verified.refusal, verified.log_detail);
    Identity identity = verified.identity;
    if (const char* ended = check_credential(identity, verified.kid)) refuse(word_of_ended(identity), ended);
    resolve(identity, tenant, unit);
    establish(identity, {verified.claims, verified.kid, verified.keys_generation});
    warn_outside_transaction("bastion.authenticate()");
    return uuid_or_null(fcinfo, {true, identity.user});
}

PG_FUNCTION_INFO_V1(bastion_token_session);
Datum bastion_token_session(PG_FUNCTION_ARGS) {
    const VerifiedToken& verified = verify_argument(utf8_of(PG_GETARG_TEXT_PP(0)));
    return uuid_or_null(fcinfo, verified.refusal == nullptr ? verified.identity.session : OptionalUuid{});
}

PG_FUNCTION_INFO_V1(bastion_token_delegation);
Datum bastion_token_delegation(PG_FUNCTION_ARGS) {
    const VerifiedToken& verified = verify_argument(utf8_of(PG_GETARG_TEXT_PP(0)));
    return uuid_or_null(fcinfo, verified.refusal == nullptr ? verified.identity.delegation : OptionalUuid{});
}

PG_FUNCTION_INFO_V1(bastion_context_drop);
Datum bastion_context_drop(PG_FUNCTION_ARGS) {
    establish_nobody();
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_context_reopen);
Datum bastion_context_reopen(PG_FUNCTION_ARGS) {
    reopen_latch();
    PG_RETURN_VOID();
}

// The recording wrapper bastion.impersonate() calls this.
PG_FUNCTION_INFO_V1(bastion_context_impersonate);
Datum bastion_context_impersonate(PG_FUNCTION_ARGS) {
    const Decision& operator_decision = require_context();
    Identity identity{};
    identity.user = *PG_GETARG_UUID_P(0);
    identity.tenant = {true, *PG_GETARG_UUID_P(1)};
    identity.expires_at = DT_NOEND;
    strlcpy(identity.method, "impersonation", sizeof identity.method);
    strlcpy(identity.level, "aal1", sizeof identity.level);
    if (operator_decision.state == ContextState::authenticated) {
        identity.actors = {1, {actor_of(operator_decision.identity).value}};
        identity.session = operator_decision.identity.session;
        identity.api_key = operator_decision.identity.api_key;
        identity.expires_at = operator_decision.identity.expires_at;
    }
    resolve(identity, nullptr, nullptr);
    establish(identity, operator_decision.state == ContextState::authenticated ? evidence_in_force() : Evidence{});
    if (PG_GETARG_BOOL(2)) set_transaction_read_only();
    return uuid_or_null(fcinfo, {true, identity.user});
}

PG_FUNCTION_INFO_V1(bastion_whoami);
Datum bastion_whoami(PG_FUNCTION_ARGS) {
    const Decision& decision = decide();
    StringInfoData json;
    initStringInfo(&json);
    appendStringInfoChar(&json, '{');
    append_member(&json, "state", state_name(decision.state));
    if (decision.state == ContextState::authenticated) {
        append_identity(&json, decision.identity);
    } else {
        append_member(&json, "reason", decision.reason);
        append_member(&json, "hint", hint_of(decision));
        if (decision.retry_after > 0) {
            begin_member(&json, "retry_after");
            appendStringInfo(&json, "%d", decision.retry_after);
        }
    }
    appendStringInfoChar(&json, '}');
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

PG_FUNCTION_INFO_V1(bastion_user_id);
Datum bastion_user_id(PG_FUNCTION_ARGS) {
    return read_uuid(fcinfo, [](const Identity& identity) { return OptionalUuid{true, identity.user}; });
}

PG_FUNCTION_INFO_V1(bastion_actor_id);
Datum bastion_actor_id(PG_FUNCTION_ARGS) { return read_uuid(fcinfo, actor_of); }

PG_FUNCTION_INFO_V1(bastion_tenant_id);
Datum bastion_tenant_id(PG_FUNCTION_ARGS) {
    return read_uuid(fcinfo, [](const Identity& identity) { return identity.tenant; });
}

PG_FUNCTION_INFO_V1(bastion_unit_id);
Datum bastion_unit_id(PG_FUNCTION_ARGS) {
    return read_uuid(fcinfo, [](const Identity& identity) { return identity.unit; });
}

PG_FUNCTION_INFO_V1(bastion_session_id);
Datum bastion_session_id(PG_FUNCTION_ARGS) {
    return read_uuid(fcinfo, [](const Identity& identity) { return identity.session; });
}

PG_FUNCTION_INFO_V1(bastion_api_key_id);
Datum bastion_api_key_id(PG_FUNCTION_ARGS) {
    return read_uuid(fcinfo, [](const Identity& identity) { return identity.api_key; });
}

PG_FUNCTION_INFO_V1(bastion_delegation_id);
Datum bastion_delegation_id(PG_FUNCTION_ARGS) {
    return read_uuid(fcinfo, [](const Identity& identity) { return identity.delegation; });
}

PG_FUNCTION_INFO_V1(bastion_actors);
Datum bastion_actors(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (decision.state == ContextState::anonymous) PG_RETURN_NULL();
    ActorChain actors = decision.identity.actors;
    Datum ids[max_actors];
    for (std::size_t i = 0; i < actors.count; ++i) ids[i] = UUIDPGetDatum(&actors.ids[i]);
    PG_RETURN_ARRAYTYPE_P(
        construct_array(ids, static_cast<int>(actors.count), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

PG_FUNCTION_INFO_V1(bastion_credential_unit);
Datum bastion_credential_unit(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (decision.state != ContextState::authenticated || !decision.rights->unit_alone) PG_RETURN_NULL();
    auto* unit = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
    *unit = decision.rights->unit.value;
    PG_RETURN_UUID_P(unit);
}

PG_FUNCTION_INFO_V1(bastion_tenant_number);
Datum bastion_tenant_number(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (decision.state == ContextState::anonymous || !decision.identity.tenant.present) PG_RETURN_NULL();
    PG_RETURN_INT64(decision.identity.tenant_number);
}

PG_FUNCTION_INFO_V1(bastion_auth_level);
Datum bastion_auth_level(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    const bool known = decision.state == ContextState::authenticated;
    return text_datum(ServerText(known ? decision.identity.level : "none"));
}

PG_FUNCTION_INFO_V1(bastion_auth_time);
Datum bastion_auth_time(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (decision.state != ContextState::authenticated || decision.identity.auth_time == 0) PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(decision.identity.auth_time);
}

PG_FUNCTION_INFO_V1(bastion_auth_phishing_resistant_at);
Datum bastion_auth_phishing_resistant_at(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (decision.state != ContextState::authenticated || decision.identity.phr_time == 0) PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(decision.identity.phr_time);
}

PG_FUNCTION_INFO_V1(bastion_auth_remembered_at);
Datum bastion_auth_remembered_at(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (decision.state != ContextState::authenticated || decision.identity.remembered_time == 0) PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(decision.identity.remembered_time);
}

PG_FUNCTION_INFO_V1(bastion_claims);
Datum bastion_claims(PG_FUNCTION_ARGS) {
    const Decision& decision = require_context();
    if (decision.claims == nullptr) PG_RETURN_NULL();
    return jsonb_datum(Utf8(decision.claims));
}

}  // extern "C"

}  // namespace bastion::pg
