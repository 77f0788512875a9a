// SQL functions jwt_sign and jwt_verify: tokens under keys that the caller brings.
#include "core/jwt.hpp"

#include "pg/clock.hpp"
#include "pg/guard.hpp"

using namespace bastion::pg;

extern "C" {

PG_FUNCTION_INFO_V1(bastion_jwt_sign);
Datum bastion_jwt_sign(PG_FUNCTION_ARGS) {
    const std::string_view claims = jsonb_text(PG_GETARG_JSONB_P(0));
    const std::string_view key_json = jsonb_text(PG_GETARG_JSONB_P(1));
    const std::string_view header = jsonb_text(PG_GETARG_JSONB_P(2));
    struct varlena* token = nullptr;
    guarded_or_raise([&]() -> bastion::Result<void> {
        bastion::Result<bastion::Jwk> key = bastion::parse_jwk(key_json);
        if (!key) return key.error();
        bastion::Result<std::string> made = bastion::jwt_sign(claims, *key, header);
        if (!made) return made.error();
        return store(token, *made);
    });
    PG_RETURN_TEXT_P(token);
}

PG_FUNCTION_INFO_V1(bastion_jwt_verify);
Datum bastion_jwt_verify(PG_FUNCTION_ARGS) {
    const std::string_view token = view(PG_GETARG_TEXT_PP(0));
    const std::string_view keys_json = jsonb_text(PG_GETARG_JSONB_P(1));
    const std::string_view options_json = jsonb_text(PG_GETARG_JSONB_P(2));
    const double now = unix_now();
    char* payload = nullptr;
    guarded_or_raise([&]() -> bastion::Result<void> {
        bastion::Result<bastion::JwtOptions> options = bastion::parse_jwt_options(options_json);
        if (!options) return options.error();
        bastion::Result<bastion::JwkSet> keys = bastion::parse_jwk_set(keys_json);
        if (!keys) return keys.error();
        bastion::Result<bastion::VerifiedJwt> verified = bastion::jwt_verify(token, *keys, *options, now);
        if (!verified) return verified.error();
        return store(payload, verified->payload_json);
    });
    return jsonb_datum(payload);
}

}  // extern "C"
