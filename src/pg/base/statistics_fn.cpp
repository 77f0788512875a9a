// SQL functions behind the views bastion.stat_*: the counters of this database, their reset, and counts that functions in SQL add.
#include "pg/base/statistics_name.hpp"
#include "pg/base/text.hpp"

extern "C" {
#include "utils/tuplestore.h"
}

namespace bastion::pg {
namespace {

// What functions in SQL count.
constexpr std::pair<std::string_view, Counter> countable[] = {{"step_up", Counter::denied_step_up},
                                                              {"quota_refused", Counter::quota_refused}};

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_counters);
Datum bastion_counters(PG_FUNCTION_ARGS) {
    InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
    auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    auto* values = static_cast<CounterValues*>(palloc(sizeof(CounterValues)));
    TimestampTz reset_at = 0;
    read_statistics(*values, reset_at);
    for (std::size_t i = 0; i < counter_count; ++i) {
        const CounterName name = counter_name(i);
        if (name.topic == nullptr) continue;
        Datum row[] = {text_datum(ServerText(name.topic)), text_datum(ServerText(name.subject)),
                       text_datum(ServerText(name.detail)), Int64GetDatum(static_cast<int64>((*values)[i])),
                       TimestampTzGetDatum(reset_at)};
        bool nulls[std::size(row)] = {};
        tuplestore_putvalues(result->setResult, result->setDesc, row, nulls);
    }
    return Datum{0};
}

PG_FUNCTION_INFO_V1(bastion_stats_reset);
Datum bastion_stats_reset(PG_FUNCTION_ARGS) {
    reset_statistics();
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_statistics_mode);
Datum bastion_statistics_mode(PG_FUNCTION_ARGS) {
    attach_statistics();
    return text_datum(ServerText(statistics_mode()));
}

PG_FUNCTION_INFO_V1(bastion_count_refusal);
Datum bastion_count_refusal(PG_FUNCTION_ARGS) {
    const std::string_view name = server_text(PG_GETARG_TEXT_PP(0)).bytes();
    const auto* const found =
        std::find_if(std::begin(countable), std::end(countable), [&](const auto& each) { return each.first == name; });
    if (found == std::end(countable))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown counter")));
    attach_statistics();
    count(found->second);
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
