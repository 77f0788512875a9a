// SQL functions of JSON Web Keys that the caller holds: new ones, public halves, thumbprints. Keeps no state.
#include "core/jose/jwk.hpp"

#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

Result<std::string> public_half(std::string_view json) {
    Result<JwkSet> set = parse_jwk_set(json);
    if (!set) return set.error();
    return set->is_set ? jwk_set_public(*set) : jwk_public(set->keys.front());
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_jwk_generate);
Datum bastion_jwk_generate(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0)) PG_RETURN_NULL();
    const Utf8 algorithm = utf8_argument(fcinfo, 0);
    const Utf8 kid = utf8_argument(fcinfo, 1);
    const int bits = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
    const bool has_bits = !PG_ARGISNULL(2);
    Utf8 key;
    guarded_or_raise([&]() -> Result<void> {
        if (has_bits && bits == 0)
            return Error{ErrorCode::invalid_argument, "bits must be a multiple of 8 from 2048 to 4096"};
        Result<GeneratedJwk> made = jwk_generate(algorithm, kid, bits);
        if (!made) return made.error();
        return store(key, made->private_jwk.text());
    });
    return jsonb_datum(key);
}

PG_FUNCTION_INFO_V1(bastion_jwk_public);
Datum bastion_jwk_public(PG_FUNCTION_ARGS) {
    const Utf8 json = jsonb_text(PG_GETARG_JSONB_P(0));
    Utf8 text;
    guarded_or_raise([&]() -> Result<void> {
        Result<std::string> half = public_half(json);
        if (!half) return half.error();
        return store(text, *half);
    });
    return jsonb_datum(text);
}

PG_FUNCTION_INFO_V1(bastion_jwk_thumbprint);
Datum bastion_jwk_thumbprint(PG_FUNCTION_ARGS) {
    const Utf8 json = jsonb_text(PG_GETARG_JSONB_P(0));
    Utf8 text;
    guarded_or_raise([&]() -> Result<void> {
        Result<bastion::Jwk> key = parse_jwk(json);
        if (!key) return key.error();
        Result<std::string> thumbprint = jwk_thumbprint(*key);
        if (!thumbprint) return thumbprint.error();
        return store(text, *thumbprint);
    });
    return text_datum(text);
}

}  // extern "C"

}  // namespace bastion::pg
