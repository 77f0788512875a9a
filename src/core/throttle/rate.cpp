#include "core/throttle/rate.hpp"

#include <algorithm>
#include <cmath>

#include <sodium.h>

namespace bastion {
namespace {

constexpr double nanos_per_second = 1e9;
constexpr double longest_seconds = 30.0 * 86'400;

// What is owed at a time, never more than a whole bucket: a rule that was made stricter makes no one wait longer than it says.
Nanos debt_of(const RateEntry& entry, const RateRule& rule, Nanos now) noexcept {
    return std::clamp<Nanos>(entry.full_at - now, 0, rule.interval * rule.burst);
}

RateVerdict verdict_on(const RateRule& rule, Nanos debt, std::int64_t cost) noexcept {
    const Nanos room = rule.interval * rule.burst - debt;
    RateVerdict out{};
    out.allowed = cost <= room / rule.interval;
    out.remaining = room / rule.interval;
    out.wait = out.allowed || cost > rule.burst ? 0 : cost * rule.interval - room;
    out.reset = debt;
    return out;
}

template <class Set>
auto* entry_of(Set& set, RateKey key) noexcept {
    const auto found =
        std::find_if(set.entries.begin(), set.entries.end(), [&](const RateEntry& entry) { return entry.key == key; });
    return found == set.entries.end() ? nullptr : &*found;
}

}  // namespace

std::optional<RateRule> rate_rule(double per_second, std::int64_t burst) noexcept {
    // Written so that NaN is refused.
    if (!(per_second > 0 && per_second <= 1e6) || burst < 1 || burst > 1'000'000'000) return {};
    if (!(static_cast<double>(burst) / per_second <= longest_seconds)) return {};
    return RateRule{std::llround(nanos_per_second / per_second), burst};
}

RateKey rate_key(const RateSeed& seed, std::span<const std::uint8_t> bytes) noexcept {
    static_assert(crypto_shorthash_KEYBYTES == sizeof(RateSeed) && crypto_shorthash_BYTES == sizeof(RateKey));
    RateKey key = 0;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&key), bytes.data(), bytes.size(), seed.data());
    return key == 0 ? 1 : key;
}

std::size_t rate_place(RateKey key, std::size_t count) noexcept {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(key) * count) >> 64);
}

RateVerdict rate_charge(RateSet& set, RateKey key, const RateRule& rule, std::int64_t cost, Nanos now) noexcept {
    RateEntry* entry = entry_of(set, key);
    const bool is_new = entry == nullptr;
    if (is_new)
        entry = &*std::min_element(set.entries.begin(), set.entries.end(),
                                   [](const RateEntry& a, const RateEntry& b) { return a.full_at < b.full_at; });
    const Nanos debt = is_new ? 0 : debt_of(*entry, rule, now);
    RateVerdict out = verdict_on(rule, debt, cost);
    if (!out.allowed) return out;
    out.evicts = is_new && entry->key != 0 && entry->full_at > now;
    out.remaining -= cost;
    out.reset += cost * rule.interval;
    *entry = {key, now + out.reset};
    return out;
}

RateVerdict rate_peek(const RateSet& set, RateKey key, const RateRule& rule, Nanos now) noexcept {
    const RateEntry* entry = entry_of(set, key);
    return verdict_on(rule, entry == nullptr ? 0 : debt_of(*entry, rule, now), 1);
}

}  // namespace bastion
