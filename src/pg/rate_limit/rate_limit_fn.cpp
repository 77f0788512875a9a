// SQL functions of rate limits: rate_limit(), rate_limit_peek(), concurrency_limit().
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/statistics.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/rate_limit/rate_rule.hpp"
#include "pg/session/client_address.hpp"
#include "pg/throttle/rate_store.hpp"
#include "pg/throttle/transaction_slots.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace bastion::pg {
namespace {

// What a call counts.
struct Counted {
    const RateLimit* limit;
    bool has_subject;  // else the limit does not concern the caller, or has no one to count
    bool concerns;
    RateTable table;
    // Of fixed size, without gaps.
    struct Value {
        Oid database;
        RateScope scope;
        uint64 name;
        uint64 key;
        uint8 subject[16];
    } value;
};
static_assert(sizeof(Counted::Value) == 40);

ByteSpan bytes_of(const Counted::Value& value) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

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

// The same in every backend: rate_hash() depends on the memory, which may be of the connection alone.
uint64 common_hash(ByteSpan bytes) { return hash_bytes_extended(bytes.data(), static_cast<int>(bytes.size()), 0); }

// Arguments: the name of the limit, and what else tells apart what is counted, of which the hash remains.
Counted counted(FunctionCallInfo fcinfo, uint64 (*hash)(ByteSpan)) {
    const Decision& decision = require_context();
    const bool is_known = decision.state == ContextState::authenticated;
    const OptionalUuid tenant = is_known ? decision.identity.tenant : OptionalUuid{};
    const std::string_view name = server_text(PG_GETARG_TEXT_PP(0)).bytes();
    Counted out{};
    out.limit = &rate_limit_of(name, tenant);
    out.concerns = true;
    out.table = RateTable::identities;
    out.value.database = MyDatabaseId;
    out.value.scope = out.limit->scope;
    out.value.name = common_hash(view(PG_GETARG_TEXT_PP(0)));
    if (!PG_ARGISNULL(1)) out.value.key = hash(view(PG_GETARG_TEXT_PP(1)));
    switch (out.limit->scope) {
        case RateScope::api_key:
            out.has_subject = is_known && set_subject(out, decision.identity.api_key);
            out.concerns = out.has_subject;
            break;
        case RateScope::user: out.has_subject = is_known && set_subject(out, {true, decision.identity.user}); break;
        case RateScope::tenant: out.has_subject = set_subject(out, tenant); break;
        case RateScope::address:
            set_address(out);
            out.has_subject = true;
            break;
        case RateScope::route: out.has_subject = true; break;
    }
    return out;
}

int64 cost_argument(FunctionCallInfo fcinfo) {
    const int32 cost = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
    if (cost < 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the cost of a request must be at least 1")));
    return cost;
}

void require_name(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(0))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the name of a rate limit is needed")));
}

// The scopes count in the order of their enum.
static_assert(static_cast<int>(RateScope::api_key) == 0 && static_cast<int>(RateScope::route) == 4);

bool counted_verdict(const Counted& what, Counter granted, Counter refused, bool allowed) noexcept {
    count(counter_at(allowed ? granted : refused, static_cast<int>(what.limit->scope)));
    return allowed;
}

int64 seconds(Nanos time) noexcept { return (time + 999'999'999) / 1'000'000'000; }

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_rate_limit);
Datum bastion_rate_limit(PG_FUNCTION_ARGS) {
    require_name(fcinfo);
    const int64 cost = cost_argument(fcinfo);
    const Counted what = counted(fcinfo, rate_hash);
    if (!what.concerns || what.limit->rule.burst == 0) PG_RETURN_BOOL(true);
    const bool allowed =
        what.has_subject && rate_charge(rate_subject(what.table, bytes_of(what.value)), what.limit->rule, cost).allowed;
    PG_RETURN_BOOL(counted_verdict(what, Counter::rate_granted, Counter::rate_refused, allowed));
}

// burst, per_second, remaining, reset and retry_after in seconds; NULL where nothing is counted.
PG_FUNCTION_INFO_V1(bastion_rate_limit_peek);
Datum bastion_rate_limit_peek(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    require_name(fcinfo);
    const Counted what = counted(fcinfo, rate_hash);
    if (!what.has_subject || what.limit->rule.burst == 0) PG_RETURN_NULL();
    const RateRule& rule = what.limit->rule;
    const RateVerdict verdict = rate_peek(rate_subject(what.table, bytes_of(what.value)), rule);
    Datum values[] = {Int64GetDatum(rule.burst), Int64GetDatum(seconds(rule.burst * rule.interval)),
                      Int64GetDatum(verdict.remaining), Int64GetDatum(seconds(verdict.reset)),
                      Int64GetDatum(seconds(verdict.wait))};
    bool nulls[5] = {};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

PG_FUNCTION_INFO_V1(bastion_concurrency_limit);
Datum bastion_concurrency_limit(PG_FUNCTION_ARGS) {
    require_name(fcinfo);
    const Counted what = counted(fcinfo, common_hash);
    if (!what.concerns || what.limit->concurrent == 0) PG_RETURN_BOOL(true);
    const bool allowed = what.has_subject && take_transaction_slot(bytes_of(what.value), what.limit->concurrent);
    PG_RETURN_BOOL(counted_verdict(what, Counter::concurrency_granted, Counter::concurrency_refused, allowed));
}

}  // extern "C"

}  // namespace bastion::pg
