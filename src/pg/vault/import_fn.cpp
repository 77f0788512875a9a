// bastion_internal.aes_gcm_open(): a value that another system encrypted, which import_aes_gcm() seals.
#include "core/vault/foreign_sealed.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/event/secret_use.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_aes_gcm_open);
Datum bastion_aes_gcm_open(PG_FUNCTION_ARGS) {
    note_secret_use("aes_gcm_open");
    const Utf8 value = utf8_of(PG_GETARG_TEXT_PP(0));
    const ByteSpan key = view(PG_GETARG_BYTEA_PP(1));
    struct varlena* opened = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<SecretBytes> plaintext = open_aes_gcm(value, key);
        if (!plaintext) return plaintext.error();
        return store(opened, plaintext->span());
    });
    PG_RETURN_BYTEA_P(opened);
}

}  // extern "C"

}  // namespace bastion::pg
