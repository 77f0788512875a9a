// How often something may be tried: GCRA with a hard stop, over sets of four entries. An attempt is charged before it is evaluated, and
// a success takes its charge back. Called by pg/throttle, which keeps the sets in shared memory or in rows and locks each while one
// of these functions works on it. Times are microseconds of one clock that comes from outside. Nothing here keeps state.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/base/hmac.hpp"
#include "core/base/result.hpp"

namespace bastion {

using Micros = std::int64_t;

enum class ThrottleKind : std::uint8_t {
    none,
    account,
    address,
    network,
    pair,
    device,
    code,
    code_of_user,
    mail,
    signup
};

struct ThrottleRule {
    int burst;          // attempts at once
    Micros refill;      // until one more may follow; 0: the hard stop alone counts
    int hard_stop;      // attempts without a success, 0 for any number
    Micros memory;      // how long after the last attempt these count
    bool is_lasting;    // whether a restart of the server forgets nothing
    bool success_ends;  // a success forgets all attempts, not its own alone
};

[[nodiscard]] const ThrottleRule& throttle_rule(ThrottleKind kind) noexcept;

struct ThrottleKey {
    std::array<std::uint8_t, 16> bytes{};

    friend bool operator==(const ThrottleKey&, const ThrottleKey&) = default;
};

// Of a value of a kind in a database. The secret of the sets keeps others from choosing values that fall into one set.
[[nodiscard]] Result<ThrottleKey> throttle_key(const HmacKey& secret, std::uint32_t database, ThrottleKind kind,
                                               std::string_view value);

// The place of the set among `count` sets.
[[nodiscard]] std::uint32_t throttle_place(const ThrottleKey& key, std::uint32_t count) noexcept;

struct ThrottleEntry {
    ThrottleKey key;
    Micros paid_until;   // attempts move it on by `refill`; it may be ahead of the clock by `burst` of these
    Micros charged_at;   // the last attempt
    Micros reported_at;  // when a refusal was last reported
    std::int32_t failures;
    std::uint32_t refusals;  // since then
    std::uint32_t database;
    std::uint32_t version, saved_version;
    ThrottleKind kind;
    bool is_in_table;  // some version of it
    std::uint8_t unused[2];

    // Whether the table, for a kind that lasts, lacks what is counted.
    [[nodiscard]] bool is_unsaved() const noexcept;
};
static_assert(sizeof(ThrottleEntry) == 64);

struct ThrottleSet {
    std::array<ThrottleEntry, 4> entries;
};

// What is counted of an entry, as a table keeps it.
struct ThrottleCount {
    Micros paid_until, charged_at;
    std::int32_t failures;
};

// Whether lasting entries are copied to a table, from which they come back: then those that were copied give way, and no others.
enum class ThrottleHome : std::uint8_t { table, here };

// How long to wait when a set has no room.
inline constexpr Micros crowded_wait = 60'000'000;

[[nodiscard]] ThrottleEntry* find_entry(ThrottleSet& set, const ThrottleKey& key) noexcept;

// How long an attempt that came now would have to wait; 0: it would be evaluated. Changes nothing.
[[nodiscard]] Micros throttle_peek(const ThrottleSet& set, const ThrottleKey& key, ThrottleKind kind,
                                   Micros now) noexcept;

// The same, and charges an attempt that is evaluated.
[[nodiscard]] Micros throttle_charge(ThrottleSet& set, ThrottleHome home, const ThrottleKey& key, ThrottleKind kind,
                                     std::uint32_t database, Micros now) noexcept;

// Takes back the charge of an attempt that succeeded.
void throttle_refund(ThrottleSet& set, const ThrottleKey& key, Micros now) noexcept;

// Forgets every attempt; whether there was one.
bool throttle_clear(ThrottleSet& set, const ThrottleKey& key, Micros now) noexcept;

// Puts a count of the table back into a set that does not have it; false without room.
[[nodiscard]] bool throttle_load(ThrottleSet& set, const ThrottleKey& key, ThrottleKind kind, std::uint32_t database,
                                 const ThrottleCount& saved, Micros now) noexcept;

// Counts a refusal of an entry. How many there were since the last report, at most one report in a minute; else 0.
[[nodiscard]] std::uint32_t throttle_report(ThrottleSet& set, const ThrottleKey& key, Micros now) noexcept;

}  // namespace bastion
