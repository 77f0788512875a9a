// SQL functions of passkeys: the two ceremonies of WebAuthn. SQL functions of the extension call them, and read and write the rows.
// A refusal is a result with its reason, which is for the record of events alone.
#include "core/base/opaque_token.hpp"
#include "core/mfa/webauthn.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"
#include "pg/base/uuid.hpp"

namespace bastion::pg {
namespace {

// The arguments that both ceremonies have, from the credential on.
struct Arguments {
    Utf8 credential;
    Utf8 rp_id;
    Utf8* origins;
    int origin_count;
    Utf8 challenge;
    bool user_verified;
};

Arguments arguments_of(FunctionCallInfo fcinfo) {
    Datum* elements = nullptr;
    bool* nulls = nullptr;
    int count = 0;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
    auto* const origins = palloc_array(Utf8, Max(count, 1));
    int origin_count = 0;
    for (int i = 0; i < count; ++i)
        if (!nulls[i]) origins[origin_count++] = utf8_of(elements[i]);
    return {utf8_of(PG_GETARG_TEXT_PP(0)),
            utf8_of(PG_GETARG_TEXT_PP(1)),
            origins,
            origin_count,
            utf8_of(PG_GETARG_TEXT_PP(3)),
            PG_GETARG_BOOL(4)};
}

// Phase B: runs a ceremony with what it must fit, and stores why it was refused. The browser signs the hash of the challenge that its
// page brings back.
template <class Ceremony, class Accept>
Result<void> run(const Arguments& given, Utf8& reason, Ceremony&& ceremony, Accept&& accept) {
    const std::vector<std::string> origins(given.origins, given.origins + given.origin_count);
    const Sha256 challenge = opaque_token_hash(given.challenge);
    const auto result = ceremony(WebauthnExpected{given.rp_id, origins, challenge, given.user_verified});
    if (result) return accept(*result);
    if (result.error().code != ErrorCode::token_refused) return result.error();
    return store(reason, result.error().log_detail);
}

// Phase C: the record of a ceremony: whether it was accepted, the reason of a refusal, and the values of an accepted one.
template <std::size_t Count>
Datum record(TupleDesc type, Utf8 reason, const Datum (&accepted)[Count]) {
    constexpr std::size_t columns = Count + 2;
    Datum values[columns] = {BoolGetDatum(reason.is_null())};
    bool nulls[columns] = {false, reason.is_null()};
    if (!reason.is_null()) values[1] = text_datum(reason);
    std::copy(accepted, accepted + Count, values + 2);
    std::fill(nulls + 2, nulls + columns, !reason.is_null());
    return HeapTupleGetDatum(heap_form_tuple(type, values, nulls));
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
    return text;
}

// What a registration stores, as the server holds it.
struct NewRow {
    struct varlena* credential_id = nullptr;
    struct varlena* public_key = nullptr;
    int32 algorithm = 0;
    std::uint32_t sign_count = 0;
    bool backup_eligible = false;
    bool backed_up = false;
    bool user_verified = false;
    pg_uuid_t aaguid{};
    Utf8 attestation;
    Utf8 transports;
};

Result<void> store_row(NewRow& out, const NewPasskey& passkey) {
    out.algorithm = static_cast<int32>(passkey.algorithm);
    out.sign_count = passkey.sign_count;
    out.backup_eligible = passkey.backup_eligible;
    out.backed_up = passkey.backed_up;
    out.user_verified = passkey.user_verified;
    out.aaguid = server_uuid(passkey.aaguid);
    if (Result<void> stored = store(out.credential_id, passkey.credential_id); !stored) return stored;
    if (Result<void> stored = store(out.public_key, passkey.public_key); !stored) return stored;
    if (Result<void> stored = store(out.attestation, passkey.attestation); !stored) return stored;
    return store(out.transports, joined(passkey.transports));
}

// A text that a successful registration always has, and a refused one does not.
Datum text_or_zero(Utf8 text) { return text.is_null() ? Datum{0} : text_datum(text); }

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_passkey_challenge);
Datum bastion_passkey_challenge(PG_FUNCTION_ARGS) {
    const Utf8 challenge = utf8_of(PG_GETARG_TEXT_PP(0));
    Utf8 encoded;
    guarded_or_raise([&] { return store(encoded, base64url_encode(opaque_token_hash(challenge))); });
    return text_datum(encoded);
}

PG_FUNCTION_INFO_V1(bastion_passkey_new);
Datum bastion_passkey_new(PG_FUNCTION_ARGS) {
    TupleDesc const type = record_type(fcinfo);
    const Arguments given = arguments_of(fcinfo);
    Utf8 reason;
    NewRow row;
    guarded_or_raise([&] {
        return run(
            given, reason,
            [&](const WebauthnExpected& expected) { return webauthn_register(given.credential, expected); },
            [&](const NewPasskey& passkey) { return store_row(row, passkey); });
    });
    const Datum values[] = {PointerGetDatum(row.credential_id), PointerGetDatum(row.public_key),
                            Int32GetDatum(row.algorithm),       Int64GetDatum(row.sign_count),
                            BoolGetDatum(row.backup_eligible),  BoolGetDatum(row.backed_up),
                            BoolGetDatum(row.user_verified),    UUIDPGetDatum(&row.aaguid),
                            text_or_zero(row.attestation),      text_or_zero(row.transports)};
    return record(type, reason, values);
}

PG_FUNCTION_INFO_V1(bastion_passkey_credential_id);
Datum bastion_passkey_credential_id(PG_FUNCTION_ARGS) {
    const Utf8 credential = utf8_of(PG_GETARG_TEXT_PP(0));
    struct varlena* id = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        const Result<Bytes> found = webauthn_credential_id(credential);
        return found ? store(id, *found) : Result<void>{};
    });
    if (id == nullptr) PG_RETURN_NULL();
    PG_RETURN_BYTEA_P(id);
}

PG_FUNCTION_INFO_V1(bastion_passkey_use);
Datum bastion_passkey_use(PG_FUNCTION_ARGS) {
    TupleDesc const type = record_type(fcinfo);
    const Arguments given = arguments_of(fcinfo);
    const StoredPasskey stored{.credential_id = view(PG_GETARG_BYTEA_PP(5)),
                               .public_key = view(PG_GETARG_BYTEA_PP(6)),
                               .sign_count = static_cast<std::uint32_t>(PG_GETARG_INT64(7)),
                               .backup_eligible = PG_GETARG_BOOL(8),
                               .user_handle = view(PG_GETARG_BYTEA_PP(9))};
    const bool needs_user_handle = PG_GETARG_BOOL(10);
    Utf8 reason;
    PasskeyUse use;
    guarded_or_raise([&] {
        return run(
            given, reason,
            [&](const WebauthnExpected& expected) {
                return webauthn_assert(given.credential, expected, stored, needs_user_handle);
            },
            [&](const PasskeyUse& accepted) {
                use = accepted;
                return Result<void>{};
            });
    });
    const Datum values[] = {BoolGetDatum(use.cloned), Int64GetDatum(use.sign_count), BoolGetDatum(use.backed_up),
                            BoolGetDatum(use.user_verified)};
    return record(type, reason, values);
}

}  // extern "C"

}  // namespace bastion::pg
