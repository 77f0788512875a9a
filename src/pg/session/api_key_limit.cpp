#include "pg/session/api_key_limit.hpp"

#include "pg/base/statistics.hpp"
#include "pg/session/api_key_read.hpp"
#include "pg/throttle/rate_store.hpp"
#include "pg/throttle/transaction_slots.hpp"

namespace bastion::pg {
namespace {

// As long as a request may take whose place is waited for.
constexpr int wait_for_place = 1;

struct Counted {
    Oid database;
    char what[12];
    pg_uuid_t key;
};
static_assert(sizeof(Counted) == 32);

}  // namespace

int api_key_wait(const Identity& identity) {
    const ApiKey* key = find_api_key(identity.api_key.value);
    if (key == nullptr) key = load_api_key(identity.api_key.value);
    if (key == nullptr || (!key->rate && key->concurrent == 0)) return 0;
    const Counted counted{MyDatabaseId, "API key", identity.api_key.value};
    const ByteSpan bytes{reinterpret_cast<const std::uint8_t*>(&counted), sizeof counted};
    const int concurrent = key->concurrent;
    if (key->rate) {
        const RateVerdict verdict = rate_charge(rate_subject(RateTable::identities, bytes), *key->rate, 1);
        count(verdict.allowed ? Counter::rate_granted : Counter::rate_refused);
        if (!verdict.allowed) return static_cast<int>(verdict.wait / 1'000'000'000) + 1;
    }
    if (concurrent == 0) return 0;
    const bool has_place = take_transaction_slot(bytes, concurrent);
    count(has_place ? Counter::concurrency_granted : Counter::concurrency_refused);
    return has_place ? 0 : wait_for_place;
}

}  // namespace bastion::pg
