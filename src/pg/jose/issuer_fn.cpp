// SQL function issuer_check: whether a new row of bastion.issuers is valid.
#include "core/jose/issuer.hpp"

#include "pg/base/guard.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_issuer_check);
Datum bastion_issuer_check(PG_FUNCTION_ARGS) {
    const std::string_view issuer = view(PG_GETARG_TEXT_PP(0));
    const std::string_view keys = jsonb_text(PG_GETARG_JSONB_P(1));
    const std::string_view options = jsonb_text(PG_GETARG_JSONB_P(2));
    const std::string_view required = jsonb_text(PG_GETARG_JSONB_P(3));
    const std::string_view mapping = jsonb_text(PG_GETARG_JSONB_P(4));
    guarded_or_raise([&]() -> Result<void> {
        Result<IssuerRules> rules = parse_issuer_rules(issuer, keys, options, required, mapping);
        return rules ? Result<void>() : rules.error();
    });
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
