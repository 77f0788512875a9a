#include "pg/jose/key_store.hpp"

#include "core/jose/jwt.hpp"
#include "core/key/sealed.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/identity.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/key/key_message.hpp"

namespace bastion::pg {
namespace {

constexpr std::string_view signing_purpose = "signing";
constexpr std::string_view access_token_header = R"({"typ":"at+jwt"})";

// By kid: the key that signs, and secrets that verify.
BackendCache<JwkSet, max_kid_size> signing_keys("signing_keys", keys_invalidation(), {4, mebibyte});

struct SigningKeyRow {
    Utf8 kid;
    ByteSpan private_sealed;
};

SigningKeyRow read_active_signing_key() {
    ColumnValue row[] = {{"kid", 0, true}, {"private_sealed", 0, true}};
    if (!read_row("signing_keys", nullptr, "state", F_TEXTEQ, text_datum(ServerText("active")), row) || row[1].is_null)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("there is no active signing key"),
                        errhint("SELECT bastion.signing_key_rotate();")));
    return {utf8_of(row[0].value), view(DatumGetByteaPP(row[1].value))};
}

Result<Loaded<JwkSet>> open_signing_key(const SigningKeyRow& row, DataKey& data_key) {
    Result<SecretBytes> opened =
        data_key.sealer.value().open(row.private_sealed, sealed_aad("", signing_purpose, row.kid));
    if (!opened) return opened.error();
    Result<JwkSet> key = parse_jwk_set(opened->text());
    if (!key) return key.error();
    Loaded<JwkSet> made{std::move(*key)};
    made.heap = made.value.memory();
    return made;
}

// Valid until the next call.
const JwkSet& opened_signing_key(const SigningKeyRow& row) {
    const CacheKey<max_kid_size> key(row.kid.bytes());
    return *signing_keys.get(
        key, [&] { return std::optional<DataKey*>(&need_data_key(sealing_key_id(row.private_sealed))); },
        [&](DataKey* data_key) { return open_signing_key(row, *data_key); });
}

// In place of a secret. Its kid is base64url.
std::string public_text(const GeneratedJwk& key, std::string_view algorithm) {
    if (!key.public_jwk.empty()) return key.public_jwk;
    return R"({"kty":"oct","alg":")" + std::string(algorithm) + R"(","use":"sig","kid":")" + key.kid + "\"}";
}

}  // namespace

MadeSigningKey make_signing_key(int32 data_key, Utf8 algorithm) {
    const auto id = static_cast<std::uint32_t>(data_key);
    DataKey& sealing_key = need_data_key(id);
    Utf8 kid;
    Utf8 public_jwk;
    struct varlena* private_sealed = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<GeneratedJwk> made = jwk_generate(algorithm);
        if (!made) return made.error();
        Result<Bytes> sealed =
            sealing_key.sealer.value().seal(made->private_jwk.span(), id, sealed_aad("", signing_purpose, made->kid));
        if (!sealed) return sealed.error();
        if (Result<void> stored = store(kid, made->kid); !stored) return stored;
        if (Result<void> stored = store(public_jwk, public_text(*made, algorithm)); !stored) return stored;
        return store(private_sealed, *sealed);
    });
    return {kid, public_jwk, private_sealed};
}

Utf8 sign_access_token(Utf8 claims) {
    const SigningKeyRow row = read_active_signing_key();
    const JwkSet& key = opened_signing_key(row);
    Utf8 token;
    guarded_or_raise([&]() -> Result<void> {
        Result<std::string> signed_token = jwt_sign(claims, key.keys.front(), access_token_header);
        if (!signed_token) return signed_token.error();
        return store(token, *signed_token);
    });
    return token;
}

bool read_verification_key(Utf8 kid, VerificationKey& out) {
    ColumnValue row[] = {
        {"public_jwk", 0, true}, {"state", 0, true}, {"algorithm", 0, true}, {"private_sealed", 0, true}};
    Datum name{};
    if (!text_datum_if_possible(kid, name) ||
        !read_row("signing_keys", "signing_keys_pkey", "kid", F_TEXTEQ, name, row))
        return false;
    for (const ColumnValue& column : row)
        if (column.is_null) return false;
    if (server_text(DatumGetTextPP(row[1].value)).bytes() == "retired") return false;
    out.public_jwk = jsonb_text(DatumGetJsonbP(row[0].value));
    out.algorithm = utf8_of(row[2].value);
    const bool symmetric = out.algorithm.bytes() == "HS256";
    out.secret = symmetric ? &opened_signing_key({kid, view(DatumGetByteaPP(row[3].value))}) : nullptr;
    return true;
}

bool signing_key_verifies(Utf8 kid) {
    ColumnValue row[] = {{"state", 0, true}};
    Datum name{};
    return text_datum_if_possible(kid, name) &&
           read_row("signing_keys", "signing_keys_pkey", "kid", F_TEXTEQ, name, row) && !row[0].is_null &&
           server_text(DatumGetTextPP(row[0].value)).bytes() != "retired";
}

}  // namespace bastion::pg
