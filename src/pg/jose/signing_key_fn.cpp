// SQL functions of signing keys, called by SQL functions of the extension, which write the rows.
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"
#include "pg/jose/key_store.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_signing_key_make);
Datum bastion_signing_key_make(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const MadeSigningKey made = make_signing_key(PG_GETARG_INT32(0), utf8_of(PG_GETARG_TEXT_PP(1)));
    Datum values[3] = {text_datum(made.kid), jsonb_datum(made.public_jwk), PointerGetDatum(made.private_sealed)};
    bool nulls[3] = {false, false, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

PG_FUNCTION_INFO_V1(bastion_token_sign);
Datum bastion_token_sign(PG_FUNCTION_ARGS) { return text_datum(sign_access_token(jsonb_text(PG_GETARG_JSONB_P(0)))); }

}  // extern "C"

}  // namespace bastion::pg
