// SQL functions of one-time passwords: a new secret, sealed and as the texts that a user gives to an authenticator, and the step
// of a code. SQL functions of the extension call them, and read and write the rows.
#include "core/base/encoding.hpp"
#include "core/key/sealed.hpp"
#include "core/mfa/one_time_password.hpp"
#include "core/mfa/qr_code.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/text.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

const SettingsTable table([] {
    // SQL functions read it by name.
    static char* issuer;
    define(StringSetting{"bastion.totp_issuer",
                         "Name of the application in the authenticators of its users; empty takes the name of the "
                         "database.",
                         &issuer, "", PGC_SUSET});
});

// Bound to the text of the id, which rewrap_all() reads as an expression over the row.
std::string bound_to(const pg_uuid_t& factor) {
    char id[uuid_text_size];
    format_uuid_text(factor, id);
    return sealed_aad("", "factor", id);
}

// The texts of a new secret.
struct MadeTotp {
    struct varlena* sealed = nullptr;
    Utf8 secret;
    Utf8 uri;
    Utf8 qr_svg;
    Utf8 qr_text;
};

Result<void> store(Utf8& out, const Result<SecretBytes>& made) {
    if (!made) return made.error();
    return store(out, made->text());
}

Result<void> store_texts(MadeTotp& out, const SecretBytes& uri, QrGlyphs glyphs) {
    if (Result<void> stored = store(out.uri, uri.text()); !stored) return stored;
    if (Result<void> stored = store(out.qr_svg, qr_code_svg(uri.text())); !stored) return stored;
    return store(out.qr_text, qr_code_text(uri.text(), glyphs));
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_totp_make);
Datum bastion_totp_make(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const pg_uuid_t* factor = PG_GETARG_UUID_P(0);
    const auto data_key_id = static_cast<std::uint32_t>(PG_GETARG_INT32(1));
    const Utf8 issuer = utf8_of(PG_GETARG_TEXT_PP(2));
    const Utf8 account = utf8_of(PG_GETARG_TEXT_PP(3));
    DataKey& data_key = need_data_key(data_key_id);
    const QrGlyphs glyphs = GetDatabaseEncoding() == PG_UTF8 ? QrGlyphs::half_blocks : QrGlyphs::ascii;
    MadeTotp out;
    guarded_or_raise([&]() -> Result<void> {
        SecretBytes secret(totp_secret_bytes);
        random_bytes({secret.data(), secret.size()});
        const Result<Bytes> sealed = data_key.sealer.value().seal(secret.span(), data_key_id, bound_to(*factor));
        if (!sealed) return sealed.error();
        if (Result<void> stored = store(out.sealed, *sealed); !stored) return stored;
        if (Result<void> stored = store(out.secret, base32_encode_secret(secret.span()).text()); !stored) return stored;
        const Result<SecretBytes> uri = otpauth_uri(issuer, account, secret.span());
        if (!uri) return uri.error();
        return store_texts(out, *uri, glyphs);
    });
    Datum values[5] = {PointerGetDatum(out.sealed), text_datum(out.secret), text_datum(out.uri), text_datum(out.qr_svg),
                       text_datum(out.qr_text)};
    bool nulls[5] = {};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

PG_FUNCTION_INFO_V1(bastion_totp_step);
Datum bastion_totp_step(PG_FUNCTION_ARGS) {
    const pg_uuid_t* factor = PG_GETARG_UUID_P(0);
    const ByteSpan sealed = view(PG_GETARG_BYTEA_PP(1));
    const Utf8 code = utf8_of(PG_GETARG_TEXT_PP(2));
    const int64 unix_seconds = PG_GETARG_INT64(3);
    const int64 last_step = PG_GETARG_INT64(4);
    DataKey& data_key = need_data_key(sealing_key_id(sealed));
    std::optional<std::int64_t> step;
    guarded_or_raise([&]() -> Result<void> {
        const Result<SecretBytes> secret = data_key.sealer.value().open(sealed, bound_to(*factor));
        if (!secret) return secret.error();
        const Result<std::optional<std::int64_t>> found = totp_step_of(secret->span(), code, unix_seconds, last_step);
        if (!found) return found.error();
        step = *found;
        return {};
    });
    if (!step) PG_RETURN_NULL();
    PG_RETURN_INT64(*step);
}

}  // extern "C"

}  // namespace bastion::pg
