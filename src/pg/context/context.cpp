#include "pg/context/context.hpp"

#include "pg/base/settings.hpp"
#include "pg/base/statistics.hpp"
#include "pg/cache/announcement.hpp"
#include "pg/context/development.hpp"
#include "pg/event/event_queue.hpp"
#include "pg/jose/jwt_verify.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/session/api_key_limit.hpp"
#include "pg/session/credential.hpp"
#include "pg/session/token_setting.hpp"
#include "pg/session/token_verify.hpp"

namespace bastion::pg {

namespace detail {
Decision decision;
TimestampTz decision_statement = 0;
}  // namespace detail

namespace {

bool allow_identity_switch = false;
bool allow_test_identities = false;

constexpr const char* refused_message = "invalid token";
constexpr const char* fixed_message = "identity is already fixed in this transaction";

enum class LatchState { open, identity, nobody };

struct Latch {
    LatchState state;
    Identity identity;
    bool reopened;  // by a test, for the rest of the transaction
};

Latch latch;
bool frozen = false;
uint64 decisions = 0;
uint64 decided_at_invalidation = 0;
bool decided_with_session_token = false;
bool deciding = false;

// The credential that the transaction presented, before the check of rights.
struct Candidate {
    bool present;
    const char* refusal;     // word for whoami(), or null
    const char* log_detail;  // for the server log
    Identity identity;
    const char* claims;
    const char* kid;     // of the key that verified the token, or null
    const char* tenant;  // requested, or null
    const char* unit;
};

// What whoami() calls each reason of a refusal.
constexpr std::pair<std::string_view, Counter> refusals[] = {{"token_refused", Counter::token_refused},
                                                             {"signing_key_retired", Counter::token_key_retired},
                                                             {"expired", Counter::token_expired},
                                                             {"session_ended", Counter::token_session_ended},
                                                             {"api_key_refused", Counter::token_api_key_refused},
                                                             {"delegation_ended", Counter::token_delegation_ended},
                                                             {"no_access", Counter::token_no_access},
                                                             {"identity_fixed", Counter::token_identity_fixed},
                                                             {too_many_requests, Counter::token_too_many_requests}};

Decision anonymous(const char* reason) noexcept {
    Decision out{};
    out.state = ContextState::anonymous;
    out.reason = reason;
    return out;
}

Decision refused(int sqlstate, const char* message, const char* reason) noexcept {
    Decision out{};
    out.state = ContextState::refused;
    out.sqlstate = sqlstate;
    out.message = message;
    out.reason = reason;
    return out;
}

Decision refused_token(const char* reason, const char* log_detail = nullptr) noexcept {
    Decision out = refused(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION, refused_message, reason);
    out.log_detail = log_detail;
    return out;
}

Decision refused_switch() noexcept {
    return refused(ERRCODE_INVALID_TRANSACTION_STATE, fixed_message, "identity_fixed");
}

// An operator who has authenticated may take the identity of a user, once; the actor stays recorded.
bool may_impersonate(const Identity& fixed, const Identity& next) noexcept {
    return is_impersonation(next) && next.actors.count > 0 && fixed.actors.count == 0 &&
           same_uuid(fixed.user, next.actors.ids[0]);
}

bool latch_admits(const Identity& identity) noexcept {
    if (frozen) return latch.state == LatchState::identity && same_identity(latch.identity, identity);
    if (allow_identity_switch) return true;
    if (latch.reopened && latch.state != LatchState::nobody) return true;
    switch (latch.state) {
        case LatchState::open: return true;
        case LatchState::nobody: return false;
        case LatchState::identity: break;
    }
    return same_identity(latch.identity, identity) || may_impersonate(latch.identity, identity);
}

// An established identity ends with the key that verified its token; under impersonation that is the actor's token.
bool key_is_good(const ContextValue& value) {
    if (value.kid[0] == '\0' || value.identity.api_key.present || value.keys_generation == keys_generation())
        return true;
    const uint64 generation = keys_generation();
    if (!verification_key_is_good(value.kid, credential_owner(value.identity))) return false;
    value.keys_generation = generation;
    return true;
}

Candidate from_context(const ContextValue& value) {
    Candidate out{};
    out.present = true;
    if (!key_is_good(value)) out.refusal = "signing_key_retired";
    out.identity = value.identity;
    out.claims = value.claims_size > 0 ? value.claims : nullptr;
    out.kid = value.kid;
    return out;
}

Candidate from_token(const PresentedValue& token) {
    const PresentedValue* tenant = presented_tenant();
    const PresentedValue* unit = presented_unit();
    const VerifiedToken& verified = verify_presented(token);
    Candidate out{};
    out.present = true;
    out.refusal = verified.refusal;
    out.log_detail = verified.log_detail;
    out.identity = verified.identity;
    out.claims = verified.claims;
    out.kid = verified.kid;
    out.tenant = tenant != nullptr ? tenant->text : nullptr;
    out.unit = unit != nullptr ? unit->text : nullptr;
    return out;
}

Candidate of_development(const DevelopmentUser& developer) {
    const PresentedValue* tenant = presented_tenant();
    const PresentedValue* unit = presented_unit();
    Candidate out{};
    out.present = true;
    out.identity = developer.identity;
    out.tenant = tenant != nullptr ? tenant->text : developer.tenant;
    out.unit = unit != nullptr ? unit->text : nullptr;
    return out;
}

// Looks up the current rights of the candidate, and completes its identity with tenant and unit.
Decision with_rights(Candidate& candidate) {
    const Rights* rights = rights_of_identity(candidate.identity, candidate.tenant, candidate.unit);
    // One word for all reasons, or whoami() would reveal which tenants exist.
    if (rights->refusal != nullptr) return refused_token("no_access", rights->refusal);
    Decision out{};
    out.state = ContextState::authenticated;
    out.identity = candidate.identity;
    out.claims = candidate.claims;
    out.rights = rights;
    return out;
}

// An impersonation ends when the impersonator's account is disabled. The actors of a delegation are checked with it.
bool impersonator_is_active(const Identity& identity) {
    return !is_impersonation(identity) || identity.actors.count == 0 ||
           rights_of({identity.actors.ids[0], nullptr, nullptr})->refusal == nullptr;
}

// Over the limits of its API key. Nobody is let in who would not be without these.
Decision refused_request(int seconds) noexcept {
    Decision out = refused(MAKE_SQLSTATE('B', 'A', '0', '0', '7'), "too many requests", too_many_requests);
    out.retry_after = seconds;
    return out;
}

// How long the API key of the next identity must wait, in seconds. One that the transaction has already is charged once.
int wait_of_request(const Identity& identity) {
    const bool is_charged = latch.state == LatchState::identity && same_uuid(latch.identity.api_key, identity.api_key);
    return identity.api_key.present && !is_charged ? api_key_wait(identity) : 0;
}

Decision admit(Candidate& candidate) {
    if (candidate.refusal != nullptr) return refused_token(candidate.refusal, candidate.log_detail);
    if (candidate.identity.expires_at <= GetCurrentTimestamp()) return refused_token("expired");
    if (const char* ended = check_credential(candidate.identity, candidate.kid))
        return refused_token(word_of_ended(candidate.identity), ended);
    if (!impersonator_is_active(candidate.identity)) return refused_token("no_access", "actor_unknown_or_disabled");
    Decision out = with_rights(candidate);
    if (out.state != ContextState::authenticated) return out;
    if (!latch_admits(out.identity)) return refused_switch();
    if (const int seconds = wait_of_request(out.identity)) return refused_request(seconds);
    latch.state = LatchState::identity;
    latch.identity = out.identity;
    return out;
}

// A token beside an established context must have the same identity; an operator's token may stay beside the impersonation
// that it led to.
Decision decide_between(const ContextValue& context, const PresentedValue& token) {
    Candidate by_token = from_token(token);
    if (by_token.refusal != nullptr) return refused_token(by_token.refusal, by_token.log_detail);
    Candidate by_context = from_context(context);
    if (!may_impersonate(by_token.identity, by_context.identity)) {
        if (!same_uuid(by_context.identity.user, by_token.identity.user) ||
            !same_uuid(by_context.identity.session, by_token.identity.session) ||
            !same_uuid(by_context.identity.api_key, by_token.identity.api_key) ||
            !same_uuid(by_context.identity.delegation, by_token.identity.delegation))
            return refused_switch();
        const Decision token_decision = with_rights(by_token);
        if (token_decision.state != ContextState::authenticated) return token_decision;
        if (!same_identity(by_context.identity, token_decision.identity)) return refused_switch();
    }
    return admit(by_context);
}

Decision decide_from_settings() {
    if (latch.state == LatchState::nobody) return anonymous("dropped");
    bool stale = false;
    const PresentedValue* token = presented_token(&stale);
    const ContextValue* context = context_value();
    if (token != nullptr && context != nullptr) return decide_between(*context, *token);
    if (token != nullptr) {
        Candidate candidate = from_token(*token);
        const Decision out = admit(candidate);
        if (out.state == ContextState::authenticated) count(Counter::token_accepted);
        return out;
    }
    if (context != nullptr) {
        Candidate candidate = from_context(*context);
        return admit(candidate);
    }
    if (stale) return anonymous("token_of_another_transaction");
    if (const auto developer = development_user()) {
        Candidate candidate = of_development(*developer);
        return admit(candidate);
    }
    return anonymous("nothing_presented");
}

bool something_is_presented() noexcept {
    bool stale = false;
    return presented_token(&stale) != nullptr || context_value() != nullptr || token_came_too_late() ||
           development_user().has_value();
}

Decision decide_uncached() {
    if (IsParallelWorker()) return decision_of_worker();
    if (IsInParallelMode() && something_is_presented())
        ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                        errmsg("identity cannot be established during a parallel operation")));
    if (deciding) ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("identity depends on itself")));
    attach_statistics();
    Decision out{};
    deciding = true;
    PG_TRY();
    { out = decide_from_settings(); }
    PG_FINALLY();
    { deciding = false; }
    PG_END_TRY();
    if (out.state == ContextState::refused) count_refusal(out.reason);
    return out;
}

// Whether a new statement of the same transaction may keep its identity: no setting changed, which would have dropped the
// decision; no message arrived; no right has expired. Refusals are always decided again.
bool still_stands() noexcept {
    const Decision& made = detail::decision;
    if (!detail::decision_valid || made.state != ContextState::authenticated) return false;
    if (decided_at_invalidation != invalidation_count()) return false;
    if (decided_with_session_token != session_token_counts()) return false;
    return std::min(made.identity.expires_at, made.rights->valid_until) > GetCurrentTimestamp();
}

// For assertions: an authenticated decision has rights, and its identity is that of the latch. A worker has the decision of its
// leader, and no latch.
[[maybe_unused]] bool is_latched(const Decision& made) noexcept {
    if (made.state != ContextState::authenticated) return true;
    return made.rights != nullptr && (IsParallelWorker() || (latch.state == LatchState::identity &&
                                                             same_identity(latch.identity, made.identity)));
}

}  // namespace

namespace detail {

const Decision& decide_anew() {
    // Not every statement runs the executor, whose hook accepts them otherwise.
    if (!IsParallelWorker() && !IsInParallelMode()) AcceptInvalidationMessages();
    settle_changes();
    if (still_stands()) {
        Assert(is_latched(decision));
        decision_statement = GetCurrentStatementStartTimestamp();
        return decision;
    }
    decision_valid = false;
    const uint64 invalidation = invalidation_count();
    Decision made = decide_uncached();
    made.version = ++decisions;
    decided_at_invalidation = invalidation;
    decided_with_session_token = session_token_counts();
    decision = made;
    Assert(is_latched(made));
    pin_rights(made.rights);
    decision_statement = GetCurrentStatementStartTimestamp();
    decision_valid = true;
    if (identity_changed != nullptr) identity_changed();
    return decision;
}

void raise_refused(const Decision& refused) {
    // The statement may hold the token.
    ereport(ERROR, (errcode(refused.sqlstate), errmsg_internal("%s", refused.message), errhidestmt(true),
                    refused.retry_after > 0 ? errdetail("{\"retry_after\": %d}", refused.retry_after) : 0,
                    errdetail_log("Reason: %s.", refused.log_detail != nullptr ? refused.log_detail : refused.reason)));
    pg_unreachable();
}

}  // namespace detail

bool is_deciding() noexcept { return deciding; }

const char* word_of_ended(const Identity& identity) noexcept {
    if (identity.delegation.present) return "delegation_ended";
    return identity.api_key.present ? "api_key_refused" : "session_ended";
}

void count_refusal(const char* reason) noexcept {
    const auto* const found =
        std::find_if(std::begin(refusals), std::end(refusals), [&](const auto& each) { return each.first == reason; });
    Assert(found != std::end(refusals));
    if (found != std::end(refusals)) count(found->second);
}

namespace {

[[noreturn]] void refuse_now(const Decision& refused) {
    count_refusal(refused.reason);
    detail::raise_refused(refused);
}

}  // namespace

void refresh_decision() noexcept {
    settle_changes();
    if (detail::decision_valid && decided_at_invalidation != invalidation_count()) forget_decision();
}

Evidence evidence_in_force() {
    if (const ContextValue* context = context_value()) return {nullptr, context->kid, context->keys_generation};
    bool stale = false;
    const PresentedValue* token = presented_token(&stale);
    if (token == nullptr) return {};
    const VerifiedToken& verified = verify_presented(*token);
    return {nullptr, verified.kid, verified.keys_generation};
}

Establishment try_establish(const Identity& identity, const Evidence& evidence) {
    if (!latch_admits(identity)) return {refused_switch().reason, 0};
    if (const int seconds = wait_of_request(identity)) return {too_many_requests, seconds};
    set_context_setting(identity, evidence);
    latch.state = LatchState::identity;
    latch.identity = identity;
    count(Counter::token_accepted);
    return {};
}

void establish(const Identity& identity, const Evidence& evidence) {
    const Establishment made = try_establish(identity, evidence);
    if (made.refusal != nullptr)
        refuse_now(made.retry_after > 0 ? refused_request(made.retry_after) : refused_switch());
}

void freeze_identity(bool now_frozen) noexcept {
    frozen = now_frozen;
    forget_decision();
}

void establish_nobody() {
    if (frozen) detail::raise_refused(refused_switch());
    clear_context_setting();
    latch.state = LatchState::nobody;
    forget_decision();
}

const Identity& require_identity() {
    const Decision& decision = require_context();
    if (decision.state != ContextState::authenticated) {
        count(Counter::denied_no_identity);
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("no identity in this transaction"),
                        errhint("Present a token first; SELECT bastion.whoami(); explains.")));
    }
    return decision.identity;
}

const Decision& require_tenant_context() {
    const Decision& decision = require_context();
    if (decision.state != ContextState::authenticated || !decision.identity.tenant.present) {
        count(Counter::denied_no_identity);
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("no tenant in this transaction"),
                 errhint("Present a token of a member of the tenant first; SELECT bastion.whoami(); explains.")));
    }
    return decision;
}

const Permission* held_permission(const Decision& decision, std::string_view name) noexcept {
    if (decision.state != ContextState::authenticated || !decision.identity.tenant.present) return nullptr;
    if (name.starts_with("own.") && is_impersonation(decision.identity)) return nullptr;
    return decision.rights->find(name);
}

OptionalUuid acting_user(const Decision& decision) noexcept {
    const Identity& identity = decision.identity;
    if (decision.state != ContextState::authenticated) return {};
    return is_impersonation(identity) ? last_actor(identity) : actor_of(identity);
}

void reopen_latch() {
    if (!allow_test_identities)
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("test identities are not allowed"),
                 errhint("On a server for tests alone, set bastion.allow_test_identities = on in postgresql.conf.")));
    if (frozen) detail::raise_refused(refused_switch());
    clear_context_setting();
    latch.state = LatchState::open;
    latch.reopened = true;
    forget_decision();
}

void set_transaction_read_only() { set_local("transaction_read_only", "on"); }

void end_transaction_context() noexcept {
    latch.state = LatchState::open;
    latch.reopened = false;
    next_transaction();
    forget_decision();
}

Decision (*decision_of_worker)() = nullptr;

namespace {

// The one who acts, as in the events themselves.
OptionalUuid author() noexcept {
    if (latch.state != LatchState::identity) return {};
    return actor_of(latch.identity);
}

[[maybe_unused]] const auto registered_author = event_author = author;

// A one-line summary: user, tenant, method; never a token.
const char* show_context() {
    static char text[192];
    if (!detail::decision_valid || detail::decision.state != ContextState::authenticated) return "";
    const Identity& identity = detail::decision.identity;
    char user[uuid_text_size];
    char tenant[uuid_text_size] = "none";
    format_uuid_text(identity.user, user);
    if (identity.tenant.present) format_uuid_text(identity.tenant.value, tenant);
    snprintf(text, sizeof text, "user %s, tenant %s, method %s", user, tenant, identity.method);
    return text;
}

const SettingsTable table([] {
    static char* text = nullptr;
    define(StringSetting{"bastion.context", "Identity of the current transaction; set by bastion.authenticate() alone.",
                         &text, "", PGC_USERSET, hidden_setting, check_context, assign_context, show_context});
    define(BoolSetting{
        "bastion.allow_identity_switch",
        "Lets one transaction change its identity. For test suites that run in one transaction; never in production.",
        &allow_identity_switch, PGC_SUSET});
    define(BoolSetting{"bastion.allow_test_identities",
                       "Lets bastion_test.act_as() set identities without a token. For servers for tests alone. No "
                       "command of SQL but ALTER SYSTEM sets it, and no dump holds it.",
                       &allow_test_identities, PGC_SIGHUP});
});

}  // namespace

}  // namespace bastion::pg
