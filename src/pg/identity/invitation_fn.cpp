// SQL functions of the tokens of invitations; SQL functions of the extension call them and write the rows.
#include "core/base/opaque_token.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

constexpr std::string_view prefix = "bsi_";

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_invitation_token_make);
Datum bastion_invitation_token_make(PG_FUNCTION_ARGS) {
    Utf8 token;
    guarded_or_raise([&]() -> Result<void> { return store(token, opaque_token_generate(prefix).text()); });
    return text_datum(token);
}

PG_FUNCTION_INFO_V1(bastion_invitation_token_hash);
Datum bastion_invitation_token_hash(PG_FUNCTION_ARGS) {
    const Utf8 token = utf8_of(PG_GETARG_TEXT_PP(0));
    struct varlena* hash = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        if (!is_opaque_token(prefix, token)) return {};
        return store(hash, opaque_token_hash(token));
    });
    if (hash == nullptr) PG_RETURN_NULL();
    PG_RETURN_BYTEA_P(hash);
}

}  // extern "C"

}  // namespace bastion::pg
