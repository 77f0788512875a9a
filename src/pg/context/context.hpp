// The one accessor of the identity of the current transaction: every reader, policy function and default goes through
// require_context(), no other code reads the settings behind it.
//
// A Decision is made lazily from the credential that the transaction presented (bastion.context, set by authenticate(),
// or bastion.token) and from the current rights of that user; it is frozen for the top-level statement. Expiry and
// revocation take effect at the next statement. The identity itself is latched: the first one of a top-level transaction
// stays the only one until that transaction ends, even after ROLLBACK TO.
#pragma once

#include "pg/base/decision_flag.hpp"
#include "pg/base/identity.hpp"
#include "pg/context/context_setting.hpp"
#include "pg/right/rights.hpp"

namespace bastion::pg {

enum class ContextState { anonymous, authenticated, refused };

// The reason of a refusal by the limits of an API key.
inline constexpr const char* too_many_requests = "too_many_requests";

struct Decision {
    ContextState state;
    int sqlstate;            // of a refusal
    const char* message;     // of a refusal, for the client
    const char* reason;      // a word for whoami(); static
    const char* log_detail;  // of a refusal, for the server log; may be null
    int retry_after;         // seconds, of a refusal by a limit; else 0
    Identity identity;
    const char* claims;  // JSON or null
    const Rights* rights;
    uint64 version;  // differs for every decision of this backend
};

namespace detail {
extern Decision decision;
extern TimestampTz decision_statement;
const Decision& decide_anew();
[[noreturn]] void raise_refused(const Decision& refused);
}  // namespace detail

// The decision of the current statement. Never raises because of the client's input.
inline const Decision& decide() {
    if (likely(detail::decision_valid && detail::decision_statement == GetCurrentStatementStartTimestamp()))
        return detail::decision;
    return detail::decide_anew();
}

// As decide(), but raises 28000 when the presented token is refused.
inline const Decision& require_context() {
    const Decision& decision = decide();
    if (unlikely(decision.state == ContextState::refused)) detail::raise_refused(decision);
    return decision;
}

// The same for what belongs to a user: raises 42501 without one.
const Identity& require_identity();

// The same for what belongs to a tenant: raises 42501 without one.
const Decision& require_tenant_context();

// The permission that the decision has in its tenant or unit, or null. Impersonation does not give those on what belongs to the
// person.
const Permission* held_permission(const Decision& decision, std::string_view name) noexcept;

// The user who acts, as events name it; absent when anonymous, and never the impersonated user.
OptionalUuid acting_user(const Decision& decision) noexcept;

// The word for an identity whose session, API key or delegation has ended.
[[nodiscard]] const char* word_of_ended(const Identity& identity) noexcept;

// Counts a refusal by its word, for what decides outside of decide().
void count_refusal(const char* reason) noexcept;

// Whether a decision is being made: the internal statements that it needs must not ask for one.
[[nodiscard]] bool is_deciding() noexcept;

// At the start of a top-level statement: drops the decision if rights changed since it was made.
void refresh_decision() noexcept;

// The basis of the identity of the transaction, without its claims: an impersonation that it leads to ends with it.
Evidence evidence_in_force();

// Why an identity was not established, as a word of whoami(); null when it was.
struct Establishment {
    const char* refusal;
    int retry_after;  // seconds, of a refusal by a limit; else 0
};

// Fixes the identity for the rest of the transaction, unless another one is fixed already or its API key has reached a limit. The
// caller counts the refusal.
[[nodiscard]] Establishment try_establish(const Identity& identity, const Evidence& evidence);

// The same, and raises 25000 or BA007 in place of a refusal.
void establish(const Identity& identity, const Evidence& evidence);

// Fixes "nobody" for the rest of the transaction.
void establish_nobody();

// While it is frozen, every change of the identity raises 25000, and nobody is fixed: for foreign code in the middle of a function.
void freeze_identity(bool frozen) noexcept;

// Makes this transaction anonymous, and lets it change its identity until it ends: for tests. Raises 42501 unless
// bastion.allow_test_identities is on.
void reopen_latch();

// Makes the rest of the transaction read-only.
void set_transaction_read_only();

// At the end of a top-level transaction.
void end_transaction_context() noexcept;

// How a parallel worker learns the decision of its leader (grants.hpp); set when the library is loaded.
extern Decision (*decision_of_worker)();

}  // namespace bastion::pg
