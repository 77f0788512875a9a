// SQL functions of API keys: new secrets, which a function of the extension writes, and the key of a text.
#include "core/session/imported_api_key.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"
#include "pg/base/uuid.hpp"
#include "pg/key/pepper.hpp"
#include "pg/session/api_key_verify.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_api_key_make);
Datum bastion_api_key_make(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const pg_uuid_t* id = PG_GETARG_UUID_P(0);
    const HmacKey& pepper = need_pepper(PG_GETARG_INT32(1));
    Utf8 key;
    struct varlena* mac = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const SecretBytes made = api_key_generate(core_uuid(*id));
        const std::optional<ApiKeyText> parsed = parse_api_key(made.text());
        if (!parsed) return Error{ErrorCode::internal, "could not make an API key"};
        Result<ApiKeyMac> stored = api_key_mac(pepper, *parsed);
        if (!stored) return stored.error();
        if (Result<void> copied = store(key, made.text()); !copied) return copied;
        return store(mac, *stored);
    });
    Datum values[2] = {text_datum(key), PointerGetDatum(mac)};
    bool nulls[2] = {false, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

// Networks, time limits and state are not checked: the holder of a key may have it revoked from anywhere.
PG_FUNCTION_INFO_V1(bastion_api_key_of);
Datum bastion_api_key_of(PG_FUNCTION_ARGS) {
    const Utf8 presented = utf8_of(PG_GETARG_TEXT_PP(0));
    if (!may_be_api_key(presented)) PG_RETURN_NULL();
    const VerifiedToken& verified = verify_api_key(presented);
    if (verified.refusal != nullptr) PG_RETURN_NULL();
    auto* id = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
    *id = verified.identity.api_key.value;
    PG_RETURN_UUID_P(id);
}

PG_FUNCTION_INFO_V1(bastion_imported_api_key_mac);
Datum bastion_imported_api_key_mac(PG_FUNCTION_ARGS) {
    const Utf8 lookup = utf8_of(PG_GETARG_TEXT_PP(2));
    const ByteSpan hash = view(PG_GETARG_BYTEA_PP(3));
    const HmacKey& pepper = need_pepper(PG_GETARG_INT32(1));
    const auto scheme = static_cast<std::uint32_t>(PG_GETARG_INT32(0));
    struct varlena* mac = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<ApiKeyMac> made = imported_api_key_mac(pepper, scheme, lookup, hash);
        if (!made) return made.error();
        return store(mac, *made);
    });
    PG_RETURN_BYTEA_P(mac);
}

}  // extern "C"

}  // namespace bastion::pg
