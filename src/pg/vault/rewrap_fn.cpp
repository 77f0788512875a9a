// The statements of rewrap_all() on tables of an application that move many values at once: as arrays, in the sandbox of the owner of
// the table.
#include "pg/base/guard.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

// The array with elements of another type that is the same in memory.
Datum relabelled(ArrayType* array, Oid type) {
    require_varlena(type);
    array->elemtype = type;
    return PointerGetDatum(array);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_sealed_values);
Datum bastion_sealed_values(PG_FUNCTION_ARGS) {
    const TypedValue keys{TEXTOID, {PG_GETARG_DATUM(2), false}};
    TypedValue columns[] = {
        {TIDARRAYOID, null_argument()}, {BYTEAARRAYOID, null_argument()}, {TEXTARRAYOID, null_argument()}};
    run_typed_as_table_owner(PG_GETARG_OID(0), server_text(PG_GETARG_TEXT_PP(1)).c_str(), {&keys, 1}, columns);
    TupleDesc const row = record_type(fcinfo);
    Datum values[3];
    bool nulls[3];
    for (int i = 0; i < 3; ++i) {
        values[i] = columns[i].value.value;
        nulls[i] = columns[i].value.isnull;
    }
    return HeapTupleGetDatum(heap_form_tuple(row, values, nulls));
}

PG_FUNCTION_INFO_V1(bastion_sealed_values_replace);
Datum bastion_sealed_values_replace(PG_FUNCTION_ARGS) {
    const Oid type = PG_GETARG_OID(5);
    const Datum renewed = relabelled(PG_GETARG_ARRAYTYPE_P_COPY(4), type);
    const TypedValue parameters[] = {{TIDARRAYOID, {PG_GETARG_DATUM(2), false}},
                                     {BYTEAARRAYOID, {PG_GETARG_DATUM(3), false}},
                                     {get_array_type(type), {renewed, false}}};
    TypedValue count{TEXTOID, null_argument()};
    run_typed_as_table_owner(PG_GETARG_OID(0), server_text(PG_GETARG_TEXT_PP(1)).c_str(), parameters, {&count, 1});
    if (count.value.isnull) PG_RETURN_NULL();
    return DirectFunctionCall1(int8in, CStringGetDatum(server_text(count.value.value).c_str()));
}

}  // extern "C"

}  // namespace bastion::pg
