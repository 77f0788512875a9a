// Where the counters of attempts are: sets of core/throttle, in shared memory where the library is preloaded, else in the rows of
// bastion.throttle_sets, which are overwritten in place, as the server does with the statistics of pg_class. In both, what is counted
// outlives ROLLBACK, a cancelled statement and the end of the connection. A worker copies those of shared memory that last to
// bastion.login_throttle, from which they come back after a crash, or when they had to give way.
#pragma once

#include "core/throttle/throttle.hpp"
#include "pg/base/guard.hpp"

namespace bastion::pg {

// From _PG_init.
void prepare_throttle();

// shared memory, or rows.
const char* throttle_mode() noexcept;

struct ThrottleSubject {
    ThrottleKind kind;
    ThrottleKey key;
};

// Raises 25006 where attempts cannot be counted: nothing is evaluated there.
void require_throttle(const char* action);

// Phase A: the secret of the keys, for throttle_subject(). Lives in the current memory context.
ByteSpan throttle_secret();
// Phase B.
[[nodiscard]] Result<ThrottleSubject> throttle_subject(ByteSpan secret, ThrottleKind kind, std::string_view value);

// Phases A and C; as the functions of core/throttle with these names.
[[nodiscard]] Micros throttle_peek(const ThrottleSubject& subject);
[[nodiscard]] Micros throttle_charge(const ThrottleSubject& subject);
// Counts a refusal for the views; throttle_charge() does it itself.
void throttle_count(ThrottleKind kind) noexcept;
// A charge is saved when throttle_keep() says that the attempt has failed, or that another outcome is unknown.
void throttle_keep(const ThrottleSubject& subject);
void throttle_refund(const ThrottleSubject& subject);
bool throttle_clear(const ThrottleSubject& subject);
// Clears when the transaction commits, in itself and not prepared. Nothing when it, or the subtransaction, rolls back.
void throttle_clear_at_commit(const ThrottleSubject& subject);
[[nodiscard]] std::uint32_t throttle_report(const ThrottleSubject& subject);

struct ThrottleVerdict {
    Micros wait;  // 0: charged
    const ThrottleSubject* refused;
};
// The subject that makes an attempt that came now wait longest; none: it would be evaluated.
[[nodiscard]] ThrottleVerdict peek_all(std::span<const ThrottleSubject> subjects);
// Charges all of them, or none.
[[nodiscard]] ThrottleVerdict charge_all(std::span<const ThrottleSubject> subjects);
void keep_all(std::span<const ThrottleSubject> subjects);
void refund_all(std::span<const ThrottleSubject> subjects);

[[nodiscard]] int32 throttle_seconds(Micros wait) noexcept;

}  // namespace bastion::pg
