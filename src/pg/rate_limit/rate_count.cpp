#include "pg/rate_limit/rate_count.hpp"

#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/session/client_address.hpp"

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

void choose_subject(Counted& out, const Decision& decision) {
    const bool is_known = decision.state == ContextState::authenticated;
    switch (out.limit->scope) {
        case RateScope::api_key:
            out.has_subject = is_known && set_subject(out, decision.identity.api_key);
            out.concerns = out.has_subject;
            break;
        case RateScope::user: out.has_subject = is_known && set_subject(out, {true, decision.identity.user}); break;
        case RateScope::tenant: out.has_subject = is_known && set_subject(out, decision.identity.tenant); break;
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

}  // namespace

ByteSpan bytes_of(const Counted::Value& value) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

uint64 common_hash(ByteSpan bytes) { return hash_bytes_extended(bytes.data(), static_cast<int>(bytes.size()), 0); }

Counted counted(std::string_view name, uint64 key) {
    const Decision& decision = require_context();
    const bool is_known = decision.state == ContextState::authenticated;
    Counted out{};
    out.limit = &rate_limit_of(name, is_known ? decision.identity.tenant : OptionalUuid{});
    out.concerns = true;
    out.table = RateTable::identities;
    out.value.database = MyDatabaseId;
    out.value.scope = out.limit->scope;
    out.value.name = common_hash({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
    out.value.key = key;
    choose_subject(out, decision);
    return out;
}

bool counted_verdict(const Counted& what, Counter granted, Counter refused, bool allowed) noexcept {
    count(counter_at(allowed ? granted : refused, static_cast<int>(what.limit->scope)));
    return allowed;
}

int request_wait(std::string_view name, RequestMoment moment) {
    const Counted what = counted(name, 0);
    const bool at_arrival = what.limit->scope == RateScope::address || what.limit->scope == RateScope::route;
    if (at_arrival != (moment == RequestMoment::arrives) || !what.has_subject || what.limit->rule.burst == 0) return 0;
    const RateVerdict verdict = rate_charge(rate_subject(what.table, bytes_of(what.value)), what.limit->rule, 1);
    if (counted_verdict(what, Counter::rate_granted, Counter::rate_refused, verdict.allowed)) return 0;
    return static_cast<int>(std::max<Nanos>((verdict.wait + second - 1) / second, 1));
}

}  // namespace bastion::pg
