#include "pg/base/statistics_name.hpp"

namespace bastion::pg {
namespace {

constexpr CounterName names[] = {
    {"verification", "token", "accepted"},
    {"verification", "token", "token_refused"},
    {"verification", "token", "signing_key_retired"},
    {"verification", "token", "expired"},
    {"verification", "token", "session_ended"},
    {"verification", "token", "api_key_refused"},
    {"verification", "token", "delegation_ended"},
    {"verification", "token", "no_access"},
    {"verification", "token", "identity_fixed"},
    {"verification", "token", "too_many_requests"},
    {"verification", "password", "accepted"},
    {"verification", "password", "wrong"},
    {"verification", "password", "throttled"},
    {"verification", "password", "busy"},
    {"denial", "permission", ""},
    {"denial", "step_up", ""},
    {"denial", "no_identity", ""},
    {"throttle", "account", ""},
    {"throttle", "address", ""},
    {"throttle", "network", ""},
    {"throttle", "pair", ""},
    {"throttle", "device", ""},
    {"throttle", "code", ""},
    {"throttle", "code_of_user", ""},
    {"throttle", "mail", ""},
    {"throttle", "signup", ""},
    {"throttle", "second_factor", ""},
    {"rate", "api_key", "granted"},
    {"rate", "user", "granted"},
    {"rate", "tenant", "granted"},
    {"rate", "address", "granted"},
    {"rate", "route", "granted"},
    {"rate", "api_key", "refused"},
    {"rate", "user", "refused"},
    {"rate", "tenant", "refused"},
    {"rate", "address", "refused"},
    {"rate", "route", "refused"},
    {"concurrency", "api_key", "granted"},
    {"concurrency", "user", "granted"},
    {"concurrency", "tenant", "granted"},
    {"concurrency", "address", "granted"},
    {"concurrency", "route", "granted"},
    {"concurrency", "api_key", "refused"},
    {"concurrency", "user", "refused"},
    {"concurrency", "tenant", "refused"},
    {"concurrency", "address", "refused"},
    {"concurrency", "route", "refused"},
    {"quota", "all", "granted"},
    {"quota", "all", "refused"},
};
static_assert(std::size(names) == static_cast<std::size_t>(Counter::first_of_caches));

constexpr const char* details_of_cache[counters_per_cache] = {"hits", "misses", "dropped"};

constinit const char* cache_names[most_caches] = {};
constinit std::size_t cache_count = 0;

}  // namespace

Counter counters_of_cache(const char* name) noexcept {
    const std::size_t place = std::min(cache_count, most_caches - 1);
    cache_names[place] = cache_count < most_caches ? name : "others";
    ++cache_count;
    return counter_at(Counter::first_of_caches, static_cast<int>(place * counters_per_cache));
}

CounterName counter_name(std::size_t place) noexcept {
    if (place < std::size(names)) return names[place];
    const std::size_t of_caches = place - std::size(names);
    const char* cache = cache_names[of_caches / counters_per_cache];
    if (cache == nullptr) return {nullptr, nullptr, nullptr};
    return {"cache", cache, details_of_cache[of_caches % counters_per_cache]};
}

}  // namespace bastion::pg
