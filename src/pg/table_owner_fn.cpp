// The SQL function as_table_owner(), by which share() and tenant_delete() change rows of an application's tables.
#include "pg/guard.hpp"
#include "pg/owner_spi.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_as_table_owner);
Datum bastion_as_table_owner(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_NULL();
    const NullableDatum parameters[3] = {fcinfo->args[2], fcinfo->args[3], fcinfo->args[4]};
    const char* result = run_as_table_owner(PG_GETARG_OID(0), text_to_cstring(PG_GETARG_TEXT_PP(1)), parameters);
    if (result == nullptr) PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(result));
}

}  // extern "C"

}  // namespace bastion::pg
