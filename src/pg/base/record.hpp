// The result of SQL functions that return a record.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Phase A or C: the type of the record that the caller expects, for heap_form_tuple(). SQLSTATE 0A000 where it expects none.
inline TupleDesc record_type(FunctionCallInfo fcinfo) {
    TupleDesc type = nullptr;
    if (get_call_result_type(fcinfo, nullptr, &type) != TYPEFUNC_COMPOSITE)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a record is expected as the result")));
    return BlessTupleDesc(type);
}

}  // namespace bastion::pg
