// What the views bastion.stat_* and metrics() show: counters of each database since the server started. Each backend adds to a slot of
// its own, and readers sum the slots, so a count is one addition without a lock. A backend that ends leaves its counts to its database.
// No rollback takes a count back. Nothing of it outlives the server, and a standby has its own. Without preload, the memory is shared from
// PostgreSQL 17 on; before, each connection has its own.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// In the order of the names in statistics_name.cpp. Where a feature adds its own enum to the first of a group, that is asserted there.
enum class Counter : std::uint16_t {
    token_accepted,
    token_refused,
    token_key_retired,
    token_expired,
    token_session_ended,
    token_api_key_refused,
    token_delegation_ended,
    token_no_access,
    token_identity_fixed,
    token_too_many_requests,
    password_accepted,
    password_wrong,
    password_throttled,
    password_busy,
    denied_permission,
    denied_step_up,
    denied_no_identity,
    throttled_account,
    throttled_address,
    throttled_network,
    throttled_pair,
    throttled_device,
    throttled_code,
    throttled_code_of_user,
    throttled_mail,
    throttled_signup,
    throttled_second_factor,
    rate_granted,                     // by scope, then
    rate_refused = rate_granted + 5,  // the same
    concurrency_granted = rate_refused + 5,
    concurrency_refused = concurrency_granted + 5,
    quota_granted = concurrency_refused + 5,
    quota_refused,
    first_of_caches
};

inline constexpr std::size_t most_caches = 48;
// From the first counter of a cache.
enum CacheCounter : int { cache_hits, cache_misses, cache_dropped, counters_per_cache };
inline constexpr std::size_t counter_count =
    static_cast<std::size_t>(Counter::first_of_caches) + std::size_t{counters_per_cache} * most_caches;

// The counter that is `place` after another one, for groups by an enum of a feature.
[[nodiscard]] constexpr Counter counter_at(Counter first, int place) noexcept {
    return static_cast<Counter>(static_cast<int>(first) + place);
}

namespace detail {
// Written by this backend alone, and read by others.
using CounterCell = std::atomic<uint64>;
static_assert(CounterCell::is_always_lock_free && sizeof(CounterCell) == sizeof(uint64));
extern CounterCell* counter_cells;
extern bool counters_attached;
void attach_counters();
}  // namespace detail

// Any phase.
inline void count(Counter counter, uint64 times = 1) noexcept {
    detail::CounterCell& cell = detail::counter_cells[static_cast<std::size_t>(counter)];
    cell.store(cell.load(std::memory_order_relaxed) + times, std::memory_order_relaxed);
}

// Phase A: from here on, other backends see what this one counts, and has counted. Each statement begins with it.
inline void attach_statistics() {
    if (unlikely(!detail::counters_attached)) detail::attach_counters();
}

// From _PG_init.
void prepare_statistics();

using CounterValues = std::array<uint64, counter_count>;

// Phase A: what this database has counted since the counters were reset, or since it first counted.
void read_statistics(CounterValues& out, TimestampTz& reset_at);
void reset_statistics();

// shared memory, or connection.
[[nodiscard]] const char* statistics_mode() noexcept;

}  // namespace bastion::pg
