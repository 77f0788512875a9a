#include "core/throttle/throttle.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/framing.hpp"

namespace bastion {
namespace {

constexpr Micros second = 1'000'000;
constexpr Micros minute = 60 * second;
constexpr Micros hour = 60 * minute;
constexpr Micros day = 24 * hour;

constexpr std::array<ThrottleRule, 10> rules = {{
    {0, 0, 0, 0, false, false},               // none
    {10, 6 * minute, 100, day, true, false},  // account
    {20, minute, 0, 0, false, false},         // address
    {200, minute / 10, 0, 0, false, false},   // network
    {5, 15 * minute, 0, 0, false, false},     // pair
    {0, 0, 10, 30 * day, true, true},         // device
    {0, 0, 5, day, true, false},              // code
    {5, 10 * minute, 30, day, true, true},    // code_of_user
    {20, minute, 0, 0, false, false},         // mail
    {20, minute, 0, 0, false, false},         // signup
}};

// A clock that was set back makes no one wait longer than a full burst, and no count last longer than its memory.
Micros debt_end(const ThrottleEntry& entry, const ThrottleRule& rule, Micros now) noexcept {
    return std::clamp(entry.paid_until, now, now + rule.burst * rule.refill);
}

Micros memory_end(const ThrottleEntry& entry, const ThrottleRule& rule, Micros now) noexcept {
    return std::min(entry.charged_at, now) + rule.memory;
}

std::int32_t failures_of(const ThrottleEntry& entry, const ThrottleRule& rule, Micros now) noexcept {
    return memory_end(entry, rule, now) > now ? entry.failures : 0;
}

// Neither debt nor failures are left.
bool is_spent(const ThrottleEntry& entry, Micros now) noexcept {
    const ThrottleRule& rule = throttle_rule(entry.kind);
    return debt_end(entry, rule, now) <= now && failures_of(entry, rule, now) == 0;
}

Micros wait_of(const ThrottleEntry& entry, const ThrottleRule& rule, Micros now) noexcept {
    if (rule.hard_stop > 0 && failures_of(entry, rule, now) >= rule.hard_stop)
        return memory_end(entry, rule, now) - now;
    return std::max<Micros>(0, debt_end(entry, rule, now) + rule.refill - (now + rule.burst * rule.refill));
}

// Otherwise the clock, set back, would have to catch up first.
void settle(ThrottleEntry& entry, Micros now) noexcept {
    const ThrottleRule& rule = throttle_rule(entry.kind);
    entry.paid_until = std::min(entry.paid_until, now + rule.burst * rule.refill);
    entry.charged_at = std::min(entry.charged_at, now);
}

constexpr int stays = 5;

// Which entry gives way first to another one, lower first; `stays` for never. Before those that the table has, go those that say
// nothing; then small debts of addresses, which no table has.
std::pair<int, Micros> order_of_leaving(const ThrottleEntry& entry, ThrottleHome home, Micros now) noexcept {
    if (entry.kind == ThrottleKind::none) return {0, 0};
    const ThrottleRule& rule = throttle_rule(entry.kind);
    const Micros debt = debt_end(entry, rule, now);
    if (!rule.is_lasting) return is_spent(entry, now) ? std::pair{1, debt} : std::pair{3, debt};
    if (home == ThrottleHome::table) return {entry.is_unsaved() ? stays : 2, debt};
    if (is_spent(entry, now)) return {1, debt};
    // Nothing else keeps it: the fewest failures of those whose debt is paid.
    return {debt <= now ? 4 : stays, entry.failures};
}

// A place for another entry, or null.
ThrottleEntry* make_room(ThrottleSet& set, ThrottleHome home, Micros now) noexcept {
    const auto leaves_first = [&](const ThrottleEntry& a, const ThrottleEntry& b) {
        return order_of_leaving(a, home, now) < order_of_leaving(b, home, now);
    };
    ThrottleEntry* first = std::min_element(set.entries.begin(), set.entries.end(), leaves_first);
    if (order_of_leaving(*first, home, now).first == stays) return nullptr;
    *first = ThrottleEntry{};
    return first;
}

const ThrottleEntry* find_entry(const ThrottleSet& set, const ThrottleKey& key) noexcept {
    const auto* found = std::find_if(set.entries.begin(), set.entries.end(), [&](const ThrottleEntry& entry) {
        return entry.kind != ThrottleKind::none && entry.key == key;
    });
    return found == set.entries.end() ? nullptr : found;
}

// The table has nothing of it, and nothing is left to save.
void drop_if_spent(ThrottleEntry& entry, Micros now) noexcept {
    if (!entry.is_in_table && entry.refusals == 0 && is_spent(entry, now)) entry = ThrottleEntry{};
}

}  // namespace

const ThrottleRule& throttle_rule(ThrottleKind kind) noexcept { return rules[static_cast<std::size_t>(kind)]; }

bool ThrottleEntry::is_unsaved() const noexcept { return throttle_rule(kind).is_lasting && version != saved_version; }

Result<ThrottleKey> throttle_key(const HmacKey& secret, std::uint32_t database, ThrottleKind kind,
                                 std::string_view value) {
    std::string message("pg_bastion/throttle/1");
    append_u32(message, database);
    message.push_back(static_cast<char>(kind));
    message.append(value);
    const Result<Mac> mac = secret.compute(message);
    if (!mac) return mac.error();
    ThrottleKey key;
    std::copy_n(mac->bytes.begin(), key.bytes.size(), key.bytes.begin());
    return key;
}

std::uint32_t throttle_place(const ThrottleKey& key, std::uint32_t count) noexcept {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | key.bytes[i];
    return number % count;
}

ThrottleEntry* find_entry(ThrottleSet& set, const ThrottleKey& key) noexcept {
    return const_cast<ThrottleEntry*>(find_entry(std::as_const(set), key));
}

Micros throttle_peek(const ThrottleSet& set, const ThrottleKey& key, ThrottleKind kind, Micros now) noexcept {
    const ThrottleEntry* entry = find_entry(set, key);
    return entry == nullptr ? 0 : wait_of(*entry, throttle_rule(kind), now);
}

Micros throttle_charge(ThrottleSet& set, ThrottleHome home, const ThrottleKey& key, ThrottleKind kind,
                       std::uint32_t database, Micros now) noexcept {
    const ThrottleRule& rule = throttle_rule(kind);
    ThrottleEntry* entry = find_entry(set, key);
    if (entry == nullptr) {
        entry = make_room(set, home, now);
        if (entry == nullptr) return crowded_wait;
        entry->key = key;
        entry->kind = kind;
        entry->database = database;
    }
    settle(*entry, now);
    const Micros wait = wait_of(*entry, rule, now);
    if (wait > 0) return wait;
    entry->failures = failures_of(*entry, rule, now) + 1;
    entry->paid_until = debt_end(*entry, rule, now) + rule.refill;
    entry->charged_at = now;
    ++entry->version;
    return 0;
}

void throttle_refund(ThrottleSet& set, const ThrottleKey& key, Micros now) noexcept {
    ThrottleEntry* entry = find_entry(set, key);
    if (entry == nullptr) return;
    const ThrottleRule& rule = throttle_rule(entry->kind);
    entry->paid_until -= rule.refill;
    entry->failures = rule.success_ends ? 0 : std::max(0, entry->failures - 1);
    ++entry->version;
    drop_if_spent(*entry, now);
}

bool throttle_clear(ThrottleSet& set, const ThrottleKey& key, Micros now) noexcept {
    ThrottleEntry* entry = find_entry(set, key);
    if (entry == nullptr) return false;
    const bool counted = !is_spent(*entry, now);
    entry->paid_until = now;
    entry->failures = 0;
    entry->refusals = 0;
    ++entry->version;
    drop_if_spent(*entry, now);
    return counted;
}

bool throttle_load(ThrottleSet& set, const ThrottleKey& key, ThrottleKind kind, std::uint32_t database,
                   const ThrottleCount& saved, Micros now) noexcept {
    if (find_entry(set, key) != nullptr) return true;
    ThrottleEntry* entry = make_room(set, ThrottleHome::table, now);
    if (entry == nullptr) return false;
    *entry =
        ThrottleEntry{key, saved.paid_until, saved.charged_at, 0, saved.failures, 0, database, 1, 1, kind, true, {}};
    return true;
}

std::uint32_t throttle_report(ThrottleSet& set, const ThrottleKey& key, Micros now) noexcept {
    ThrottleEntry* entry = find_entry(set, key);
    if (entry == nullptr) return 0;
    settle(*entry, now);
    ++entry->refusals;
    if (entry->reported_at <= now && now - entry->reported_at < minute) return 0;
    entry->reported_at = now;
    return std::exchange(entry->refusals, 0);
}

}  // namespace bastion
