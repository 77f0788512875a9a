// Where the buckets of rate limits are: sets of core/throttle/rate in shared memory of bastion.rate_limit_size, each under a spinlock.
// Identities and addresses have sets of their own, so that nobody makes an API key give way from many addresses. Nothing of it outlives
// the server, and a standby has its own. Without preload, the memory is shared from PostgreSQL 17 on; before, each connection has its own.
#pragma once

#include "core/throttle/rate.hpp"
#include "pg/base/guard.hpp"

namespace bastion::pg {

enum class RateTable { identities, addresses };

// From _PG_init.
void prepare_rates();

// shared memory, connection, or off.
const char* rate_mode() noexcept;

// Entries that gave way while they counted, since the server started.
uint64 rate_evictions();

// What is counted: a value of up to 64 bytes of a limit in this database.
struct RateSubject {
    RateTable table;
    RateKey key;
};
RateSubject rate_subject(RateTable table, ByteSpan value);

// As the functions of core with these names. When off, all requests are allowed.
[[nodiscard]] RateVerdict rate_charge(const RateSubject& subject, const RateRule& rule, int64 cost);
[[nodiscard]] RateVerdict rate_peek(const RateSubject& subject, const RateRule& rule);

// For the bytes of one subject in another: the hash under the seed of this server.
uint64 rate_hash(ByteSpan bytes);

}  // namespace bastion::pg
