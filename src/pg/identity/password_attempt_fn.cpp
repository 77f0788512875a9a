// An attempt to prove a password, charged before it is evaluated, and requests for mail and sign-ups by anyone. What is charged outlives ROLLBACK and a
// cancelled statement; only a success takes its charges back.
#include "core/identity/password.hpp"

#include "pg/base/identity.hpp"
#include "pg/base/record.hpp"
#include "pg/base/statistics.hpp"
#include "pg/base/text.hpp"
#include "pg/event/secret_use.hpp"
#include "pg/identity/client_throttle.hpp"
#include "pg/identity/hash_slots.hpp"

namespace bastion::pg {
namespace {

enum class AttemptOutcome { none, prepared, bytes, busy, throttled };

constexpr const char* outcome_names[] = {"none", "prepared", "bytes", "busy", "throttled"};

struct Attempt {
    std::string_view password;
    std::string_view hash;
    ThrottleSubjects subjects;
    bool is_known_device = false;
    AttemptOutcome outcome = AttemptOutcome::none;
    int32 retry_after = 0;
    std::uint32_t refusals = 0;  // to be reported
};

AttemptOutcome outcome_of(PasswordMatch match) noexcept {
    return match == PasswordMatch::none       ? AttemptOutcome::none
           : match == PasswordMatch::prepared ? AttemptOutcome::prepared
                                              : AttemptOutcome::bytes;
}

bool is_refused(Attempt& attempt, const ThrottleVerdict& verdict) {
    if (verdict.wait == 0) return false;
    attempt.outcome = AttemptOutcome::throttled;
    attempt.retry_after = throttle_seconds(verdict.wait);
    attempt.refusals = throttle_report(*verdict.refused);
    count(Counter::password_throttled);
    return true;
}

// With a slot: charges, checks, and takes the charges of a success back.
void evaluate(Attempt& attempt, const LOCKTAG& slot) {
    if (is_refused(attempt, charge_all(attempt.subjects.all()))) {
        release_hash_slot(slot);
        return;
    }
    CallFailure failure;
    const bool checked = guarded(failure, [&]() -> Result<void> {
        const Result<PasswordMatch> match =
            bastion::password_check(attempt.password, attempt.hash, bastion::default_password_params(argon2id));
        if (!match) return match.error();
        attempt.outcome = outcome_of(*match);
        return {};
    });
    release_hash_slot(slot);
    if (checked) count(attempt.outcome == AttemptOutcome::none ? Counter::password_wrong : Counter::password_accepted);
    if (checked && attempt.outcome != AttemptOutcome::none)
        refund_all(attempt.subjects.all());
    else
        keep_all(attempt.subjects.all());
    CHECK_FOR_INTERRUPTS();
    if (!checked) raise(failure);
}

void run(Attempt& attempt) {
    // A throttled attempt takes no slot.
    const ThrottleVerdict verdict = peek_all(attempt.subjects.all());
    if (is_refused(attempt, verdict)) return throttle_count(verdict.refused->kind);
    LOCKTAG slot;
    if (take_hash_slot(slot, !attempt.is_known_device)) return evaluate(attempt, slot);
    attempt.outcome = AttemptOutcome::busy;
    count(Counter::password_busy);
}

void count_by_account(Attempt& attempt, ByteSpan secret, std::string_view account) {
    const ThrottledClient client = throttled_client();
    attempt.subjects.count = 0;
    guarded_or_raise([&]() -> Result<void> {
        Result<void> added = add_subject(attempt.subjects, secret, ThrottleKind::account, account);
        if (!added) return added;
        return add_client(attempt.subjects, secret, client, ThrottleKind::address, account);
    });
}

// A device that has failed too often is known no longer.
void count_by_device(Attempt& attempt, ByteSpan secret, const pg_uuid_t& device) {
    char text[uuid_text_size];
    format_uuid_text(device, text);
    guarded_or_raise([&] {
        return add_subject(attempt.subjects, secret, ThrottleKind::device, {text, uuid_text_size - 1});
    });
    attempt.is_known_device = peek_all(attempt.subjects.all()).wait == 0;
}

// Charges the network of the client alone, and returns how many seconds to wait.
Datum charge_client(ThrottleKind kind, const char* action) {
    require_throttle(action);
    const ByteSpan secret = throttle_secret();
    const ThrottledClient client = throttled_client();
    ThrottleSubjects subjects;
    guarded_or_raise([&] { return add_client(subjects, secret, client, kind, {}); });
    PG_RETURN_INT32(throttle_seconds(charge_all(subjects.all()).wait));
}

}  // namespace

extern "C" {

// Without a hash (an unknown user), or with a password that is too long, it costs as much as with both, and is 'none'. It is 'busy' when no
// slot is free, so that the login can be recorded: an error would roll that back.
PG_FUNCTION_INFO_V1(bastion_password_attempt);
Datum bastion_password_attempt(PG_FUNCTION_ARGS) {
    note_secret_use("password_attempt");
    TupleDesc const descriptor = record_type(fcinfo);
    require_throttle("a login");
    const Utf8 account = utf8_argument(fcinfo, 0);
    Attempt attempt;
    attempt.password = utf8_argument(fcinfo, 1);
    if (!PG_ARGISNULL(1)) attempt.hash = utf8_argument(fcinfo, 2);
    // Longer than what a user can have: no work for an attacker.
    if (attempt.password.size() > max_password_bytes) {
        attempt.password = attempt.password.substr(0, max_password_bytes);
        attempt.hash = {};
    }
    const ByteSpan secret = throttle_secret();
    if (!PG_ARGISNULL(3)) count_by_device(attempt, secret, *PG_GETARG_UUID_P(3));
    if (!attempt.is_known_device) count_by_account(attempt, secret, account);
    attach_statistics();
    run(attempt);
    Datum values[3] = {text_datum(ServerText(outcome_names[static_cast<int>(attempt.outcome)])),
                       Int32GetDatum(attempt.retry_after), Int32GetDatum(static_cast<int32>(attempt.refusals))};
    bool nulls[3] = {};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

PG_FUNCTION_INFO_V1(bastion_mail_try);
Datum bastion_mail_try(PG_FUNCTION_ARGS) { return charge_client(ThrottleKind::mail, "a request for mail"); }

PG_FUNCTION_INFO_V1(bastion_signup_try);
Datum bastion_signup_try(PG_FUNCTION_ARGS) { return charge_client(ThrottleKind::signup, "a sign-up"); }

}  // extern "C"

}  // namespace bastion::pg
