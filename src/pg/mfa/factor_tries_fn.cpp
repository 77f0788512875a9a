// How often a second factor of a user was tried. A try is charged before it is evaluated, and the charge outlives ROLLBACK, a
// cancelled statement and the end of the connection: the row of bastion.factor_tries is overwritten in place, as the server
// does with the statistics of pg_class. Its columns have a fixed size, and no row is ever updated otherwise.
//
// The limit is GCRA: paid_until moves on by refill_time for each try, and may be ahead of the clock by burst tries. A user whose
// failures reach hard_stop waits for factors_unlock(). A success takes its own charge back, and forgets the failures.
#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/statistics.hpp"

namespace bastion::pg {
namespace {

constexpr int burst = 5;
constexpr TimestampTz refill_time = 600 * USECS_PER_SEC;
constexpr int32 hard_stop = 30;

// A row as it is stored.
struct Tries {
    pg_uuid_t user_id;
    TimestampTz paid_until;
    int32 failures;
};
static_assert(offsetof(Tries, paid_until) == 16 && offsetof(Tries, failures) == 24);

// Hands the row to `change`, which must not raise, and writes it back when `change` says so; false without a row. Another
// backend waits until this one has written.
template <class Change>
bool with_tries(const pg_uuid_t& user, Change&& change) {
    PreventCommandIfReadOnly("a second factor");
    Relation relation = table_open(extension_relation("factor_tries"), RowExclusiveLock);
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(&user));
    HeapTuple tuple = nullptr;
    void* state = nullptr;
    systable_inplace_update_begin(relation, extension_relation("factor_tries_pkey"), true, nullptr, 1, &key, &tuple,
                                  &state);
    const bool found = HeapTupleIsValid(tuple);
    if (found) {
        if (change(*reinterpret_cast<Tries*>(GETSTRUCT(tuple))))
            systable_inplace_update_finish(state, tuple);
        else
            systable_inplace_update_cancel(state);
    }
    table_close(relation, NoLock);
    return found;
}

int32 seconds(TimestampTz time) { return static_cast<int32>((time + USECS_PER_SEC - 1) / USECS_PER_SEC); }

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_factor_try);
Datum bastion_factor_try(PG_FUNCTION_ARGS) {
    const TimestampTz now = GetCurrentTimestamp();
    int32 wait = 0;
    const bool found = with_tries(*PG_GETARG_UUID_P(0), [&](Tries& tries) {
        if (tries.failures >= hard_stop) {
            wait = -1;
            return false;
        }
        // A clock that was set back makes nobody wait longer than a full burst.
        const TimestampTz paid = std::min(std::max(tries.paid_until, now), now + burst * refill_time);
        const TimestampTz ahead = paid + refill_time - now;
        if (ahead > burst * refill_time) {
            wait = seconds(ahead - burst * refill_time);
            return false;
        }
        tries.paid_until = paid + refill_time;
        ++tries.failures;
        return true;
    });
    if (!found) PG_RETURN_NULL();
    if (wait != 0) count(Counter::throttled_second_factor);
    PG_RETURN_INT32(wait);
}

PG_FUNCTION_INFO_V1(bastion_factor_refund);
Datum bastion_factor_refund(PG_FUNCTION_ARGS) {
    with_tries(*PG_GETARG_UUID_P(0), [](Tries& tries) {
        tries.paid_until -= refill_time;
        tries.failures = 0;
        return true;
    });
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_factor_unlock);
Datum bastion_factor_unlock(PG_FUNCTION_ARGS) {
    const TimestampTz now = GetCurrentTimestamp();
    PG_RETURN_BOOL(with_tries(*PG_GETARG_UUID_P(0), [now](Tries& tries) {
        tries.paid_until = now;
        tries.failures = 0;
        return true;
    }));
}

}  // extern "C"

}  // namespace bastion::pg
