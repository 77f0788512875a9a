// plan_notes(), and the functions behind search_operators().
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/planner/plan_notes.hpp"
#include "pg/planner/search_operator.hpp"

namespace bastion::pg {
namespace {

struct OutputRow {
    static constexpr int most = 6;
    Datum values[most];
    bool nulls[most];
};

Datum ascii(const char* text) { return text_datum(ServerText(text)); }

void put(FunctionCallInfo fcinfo, OutputRow& row) {
    auto* result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
}

void put_text(OutputRow& row, int column, const char* text) {
    row.nulls[column] = text == nullptr;
    row.values[column] = text != nullptr ? ascii(text) : Datum{0};
}

// In ten-thousandths, as EXPLAIN's own numbers are no more exact.
const char* describe(const PlanNote& note) {
    if (note.column == 0) return "the clause may run before the policies, and use an index";
    return psprintf("estimated for a tenant with %.4g of the rows", note.fraction);
}

const char* subject(const PlanNote& note) {
    if (note.column == 0) return OidIsValid(note.function) ? format_procedure(note.function) : "a clause";
    return get_attname(note.relation, note.column, true);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_plan_notes);
Datum bastion_plan_notes(PG_FUNCTION_ARGS) {
    InitMaterializedSRF(fcinfo, 0);
    for (const PlanNote& note : plan_notes()) {
        OutputRow row{};
        row.nulls[0] = !OidIsValid(note.relation);
        row.values[0] = ObjectIdGetDatum(note.relation);
        put_text(row, 1, subject(note));
        put_text(row, 2, describe(note));
        row.nulls[3] = note.column == 0;
        row.values[3] = Int32GetDatum(note.size_class);
        put(fcinfo, row);
    }
    return Datum{0};
}

PG_FUNCTION_INFO_V1(bastion_built_in_search_operators);
Datum bastion_built_in_search_operators(PG_FUNCTION_ARGS) {
    InitMaterializedSRF(fcinfo, 0);
    for (const TrustedFunction& function : built_in_trusted_functions()) {
        OutputRow row{};
        put_text(row, 0, function.operators);
        put_text(row, 1, function.library);
        put_text(row, 2, function.symbol);
        put_text(row, 3, name_of(function.need));
        put_text(row, 4, function.reason);
        put(fcinfo, row);
    }
    return Datum{0};
}

PG_FUNCTION_INFO_V1(bastion_may_search);
Datum bastion_may_search(PG_FUNCTION_ARGS) {
    const Oid function = PG_GETARG_OID(0);
    PG_RETURN_BOOL(SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function)) && may_ever_run_first(function));
}

}  // extern "C"

}  // namespace bastion::pg
