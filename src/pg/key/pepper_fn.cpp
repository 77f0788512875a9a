// The SQL function that makes a pepper; a SQL function of the extension calls it and writes the row.
#include "pg/key/pepper.hpp"

#include "pg/base/guard.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_pepper_make);
Datum bastion_pepper_make(PG_FUNCTION_ARGS) {
    PG_RETURN_BYTEA_P(make_pepper(PG_GETARG_INT32(0), PG_GETARG_INT32(1), view(PG_GETARG_BYTEA_PP(2))));
}

}  // extern "C"

}  // namespace bastion::pg
