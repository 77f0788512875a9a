// SQL functions of new rows of bastion.issuers: the keys of a set that may verify, and whether the row is valid.
#include "core/jose/issuer.hpp"

#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_issuer_check);
Datum bastion_issuer_check(PG_FUNCTION_ARGS) {
    const Utf8 issuer = utf8_of(PG_GETARG_TEXT_PP(0));
    const Utf8 keys = jsonb_text(PG_GETARG_JSONB_P(1));
    const Utf8 options = jsonb_text(PG_GETARG_JSONB_P(2));
    const Utf8 required = jsonb_text(PG_GETARG_JSONB_P(3));
    const Utf8 mapping = jsonb_text(PG_GETARG_JSONB_P(4));
    guarded_or_raise([&]() -> Result<void> {
        Result<IssuerRules> rules = parse_issuer_rules(issuer, keys, options, required, mapping);
        return rules ? Result<void>() : rules.error();
    });
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_issuer_key_set);
Datum bastion_issuer_key_set(PG_FUNCTION_ARGS) {
    const Utf8 keys = jsonb_text(PG_GETARG_JSONB_P(0));
    Utf8 read;
    guarded_or_raise([&]() -> Result<void> {
        Result<std::string> set = jwk_issuer_keys(keys);
        return set ? store(read, *set) : set.error();
    });
    return jsonb_datum(read);
}

}  // extern "C"

}  // namespace bastion::pg
