#include "pg/rate_limit/rate_count.hpp"

#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/session/client_address.hpp"
#include "pg/throttle/transaction_slots.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace bastion::pg {
namespace {

bool set_subject(Counted& out, const OptionalUuid& id) noexcept {
    if (id.present) std::memcpy(out.value.subject, id.value.data, UUID_LEN);
    return id.present;
}

// The network that a client chooses its address from, in IPv6; clients whose address is not known count together.
void set_address(Counted& out) {
    IpAddress address;
    out.table = RateTable::addresses;
    if (client_address(address)) std::memcpy(out.value.subject, address.bytes.data(), address.is_v6 ? 8 : 16);
}

// Of nobody for null.
void choose_subject(Counted& out, const Identity* identity) {
    switch (out.limit->scope) {
        case RateScope::api_key:
            out.has_subject = identity != nullptr && set_subject(out, identity->api_key);
            out.concerns = out.has_subject;
            break;
        case RateScope::user: out.has_subject = identity != nullptr && set_subject(out, {true, identity->user}); break;
        case RateScope::tenant: out.has_subject = identity != nullptr && set_subject(out, identity->tenant); break;
        case RateScope::address:
            set_address(out);
            out.has_subject = true;
            break;
        case RateScope::route: out.has_subject = true; break;
    }
}

// The scopes count in the order of their enum.
static_assert(static_cast<int>(RateScope::api_key) == 0 && static_cast<int>(RateScope::route) == 4);

constexpr Nanos second = 1'000'000'000;

// As long as a request may take whose place is waited for.
constexpr int wait_for_place = 1;

// Of nobody for null.
Counted counted_for(std::string_view name, uint64 key, const Identity* identity) {
    Counted out{};
    out.limit = &rate_limit_of(name, identity != nullptr ? identity->tenant : OptionalUuid{});
    out.concerns = true;
    out.table = RateTable::identities;
    out.value.database = MyDatabaseId;
    out.value.scope = out.limit->scope;
    out.value.name = common_hash({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
    out.value.key = key;
    choose_subject(out, identity);
    return out;
}

int wait_of_rate(const Counted& what) {
    if (what.limit->rule.burst == 0) return 0;
    const RateVerdict verdict = rate_charge(rate_subject(what.table, bytes_of(what.value)), what.limit->rule, 1);
    if (counted_verdict(what, Counter::rate_granted, Counter::rate_refused, verdict.allowed)) return 0;
    return static_cast<int>(std::max<Nanos>((verdict.wait + second - 1) / second, 1));
}

int wait_of_place(const Counted& what) {
    if (what.limit->concurrent == 0) return 0;
    const bool allowed = take_transaction_slot(bytes_of(what.value), what.limit->concurrent);
    return counted_verdict(what, Counter::concurrency_granted, Counter::concurrency_refused, allowed) ? 0
                                                                                                      : wait_for_place;
}

bool counts_at_arrival(std::string_view name) {
    const RateLimit* limit = rate_limit_of_every_plan(name);
    return limit != nullptr && (limit->scope == RateScope::address || limit->scope == RateScope::route);
}

}  // namespace

ByteSpan bytes_of(const Counted::Value& value) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

uint64 common_hash(ByteSpan bytes) { return hash_bytes_extended(bytes.data(), static_cast<int>(bytes.size()), 0); }

Counted counted(std::string_view name, uint64 key) {
    const Decision& decision = require_context();
    return counted_for(name, key, decision.state == ContextState::authenticated ? &decision.identity : nullptr);
}

bool counted_verdict(const Counted& what, Counter granted, Counter refused, bool allowed) noexcept {
    count(counter_at(allowed ? granted : refused, static_cast<int>(what.limit->scope)));
    return allowed;
}

int request_wait(std::string_view name, RequestMoment moment) {
    if (counts_at_arrival(name) != (moment == RequestMoment::arrives)) return 0;
    const Counted what = counted(name, 0);
    if (!what.has_subject) return 0;
    if (const int seconds = wait_of_place(what)) return seconds;
    return wait_of_rate(what);
}

int refused_request_wait(std::string_view name, const Identity& identity) {
    if (counts_at_arrival(name)) return 0;
    const Counted what = counted_for(name, 0, &identity);
    const bool is_of_caller = what.limit->scope == RateScope::user || what.limit->scope == RateScope::api_key;
    return is_of_caller && what.has_subject ? wait_of_rate(what) : 0;
}

}  // namespace bastion::pg
