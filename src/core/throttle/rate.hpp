// How often something may happen: a token bucket, kept as one time (GCRA, ITU-T I.371), over sets of seven entries. Called by
// pg/throttle, which keeps the sets in memory and locks each while one of these functions works on it. Times are nanoseconds of one
// clock that comes from outside and never goes back. Nothing here keeps state.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace bastion {

using Nanos = std::int64_t;

struct RateRule {
    Nanos interval;      // a request more in each
    std::int64_t burst;  // requests at once
};

// From requests per second. Empty unless 0 < per_second <= 1,000,000, 1 <= burst <= 1,000,000,000, and an empty bucket is full again
// within 30 days.
[[nodiscard]] std::optional<RateRule> rate_rule(double per_second, std::int64_t burst) noexcept;

// 0 for none.
using RateKey = std::uint64_t;
using RateSeed = std::array<std::uint8_t, 16>;

// Of bytes that name what is counted. The seed keeps others from choosing bytes that fall into one set (SipHash-2-4).
[[nodiscard]] RateKey rate_key(const RateSeed& seed, std::span<const std::uint8_t> bytes) noexcept;

// The place of the set among `count` sets.
[[nodiscard]] std::size_t rate_place(RateKey key, std::size_t count) noexcept;

struct RateEntry {
    RateKey key;
    Nanos full_at;  // when its bucket is full again
};

struct RateSet {
    std::array<RateEntry, 7> entries;
};

struct RateVerdict {
    bool allowed;
    bool evicts;             // it took the place of an entry that still counted
    std::int64_t remaining;  // requests that may follow at once
    Nanos wait;              // until a refused one is allowed, if it ever can be; else 0
    Nanos reset;             // until the bucket is full
};

// Whether requests of this cost are allowed; then they are charged. A refused one costs nothing. A cost above the burst is never
// allowed. Without a free entry, the one whose bucket is full first gives way: its owner gains at most what it owed.
[[nodiscard]] RateVerdict rate_charge(RateSet& set, RateKey key, const RateRule& rule, std::int64_t cost,
                                      Nanos now) noexcept;

// What rate_charge() would answer to one request, with the requests that remain before it. Changes nothing.
[[nodiscard]] RateVerdict rate_peek(const RateSet& set, RateKey key, const RateRule& rule, Nanos now) noexcept;

}  // namespace bastion
