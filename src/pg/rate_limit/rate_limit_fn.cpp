// SQL functions of rate limits: rate_limit(), rate_limit_peek(), concurrency_limit().
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"
#include "pg/rate_limit/rate_count.hpp"
#include "pg/throttle/transaction_slots.hpp"

namespace bastion::pg {
namespace {

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

// Arguments: the name of the limit, and what else tells apart what is counted, of which the hash remains.
Counted counted_arguments(FunctionCallInfo fcinfo, uint64 (*hash)(ByteSpan)) {
    return counted(server_text(PG_GETARG_TEXT_PP(0)).bytes(), PG_ARGISNULL(1) ? 0 : hash(view(PG_GETARG_TEXT_PP(1))));
}

int64 seconds(Nanos time) noexcept { return (time + 999'999'999) / 1'000'000'000; }

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_rate_limit);
Datum bastion_rate_limit(PG_FUNCTION_ARGS) {
    require_name(fcinfo);
    const int64 cost = cost_argument(fcinfo);
    const Counted what = counted_arguments(fcinfo, rate_hash);
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
    const Counted what = counted_arguments(fcinfo, rate_hash);
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
    const Counted what = counted_arguments(fcinfo, common_hash);
    if (!what.concerns || what.limit->concurrent == 0) PG_RETURN_BOOL(true);
    const bool allowed = what.has_subject && take_transaction_slot(bytes_of(what.value), what.limit->concurrent);
    PG_RETURN_BOOL(counted_verdict(what, Counter::concurrency_granted, Counter::concurrency_refused, allowed));
}

}  // extern "C"

}  // namespace bastion::pg
