// SQL functions of refresh tokens; SQL functions of the extension call them and write the rows.
#include "core/session/refresh_token.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/key/pepper.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_refresh_token_make);
Datum bastion_refresh_token_make(PG_FUNCTION_ARGS) {
    Utf8 token;
    guarded_or_raise([&]() -> Result<void> { return store(token, refresh_token_generate().text()); });
    return text_datum(token);
}

PG_FUNCTION_INFO_V1(bastion_refresh_token_hash);
Datum bastion_refresh_token_hash(PG_FUNCTION_ARGS) {
    const Utf8 token = utf8_of(PG_GETARG_TEXT_PP(0));
    struct varlena* hash = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        if (!is_refresh_token(token)) return {};
        return store(hash, opaque_token_hash(token));
    });
    if (hash == nullptr) PG_RETURN_NULL();
    PG_RETURN_BYTEA_P(hash);
}

PG_FUNCTION_INFO_V1(bastion_refresh_token_next);
Datum bastion_refresh_token_next(PG_FUNCTION_ARGS) {
    const Utf8 token = utf8_of(PG_GETARG_TEXT_PP(0));
    const int32 version = PG_GETARG_INT32(1);
    const HmacKey& pepper = need_pepper(version);
    Utf8 next;
    guarded_or_raise([&]() -> Result<void> {
        Result<SecretBytes> successor = refresh_token_successor(pepper, token);
        if (!successor) return successor.error();
        return store(next, successor->text());
    });
    return text_datum(next);
}

}  // extern "C"

}  // namespace bastion::pg
