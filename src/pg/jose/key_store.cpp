#include "pg/jose/key_store.hpp"

#include "core/jose/jwt.hpp"
#include "core/key/sealed.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/identity.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

constexpr std::string_view signing_purpose = "signing_key";
constexpr std::string_view access_token_header = R"({"typ":"at+jwt"})";

// By kid; a new key replaces the old one.
BackendCache<Jwk, max_kid_size> signing_keys(keys_invalidation(), {1});

struct SigningKeyRow {
    std::string_view kid;
    std::string_view private_sealed;
};

SigningKeyRow read_active_signing_key() {
    ColumnValue row[] = {{"kid", 0, true}, {"private_sealed", 0, true}};
    if (!read_row("signing_keys", nullptr, "state", F_TEXTEQ, CStringGetTextDatum("active"), row) || row[1].is_null)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("there is no active signing key"),
                        errhint("SELECT bastion.signing_key_rotate();")));
    return {view(DatumGetTextPP(row[0].value)), view(DatumGetByteaPP(row[1].value))};
}

Result<Loaded<Jwk>> open_signing_key(const SigningKeyRow& row, DataKey& data_key) {
    Result<SecretBytes> opened =
        data_key.sealer.value().open(as_bytes(row.private_sealed), sealed_aad("", signing_purpose, row.kid));
    if (!opened) return opened.error();
    Result<Jwk> key = parse_jwk(opened->text());
    if (!key) return key.error();
    return Loaded<Jwk>{std::move(*key)};
}

const Jwk& need_signing_key() {
    const SigningKeyRow row = read_active_signing_key();
    const CacheKey<max_kid_size> key(row.kid);
    if (const Jwk* cached = signing_keys.find(key)) return *cached;
    return *signing_keys.load(
        key, [&] { return std::optional<DataKey*>(&need_data_key(sealing_key_id(row.private_sealed))); },
        [&](DataKey* data_key) { return open_signing_key(row, *data_key); });
}

}  // namespace

MadeSigningKey make_signing_key(int32 data_key) {
    const auto id = static_cast<std::uint32_t>(data_key);
    DataKey& sealing_key = need_data_key(id);
    char* kid = nullptr;
    char* public_jwk = nullptr;
    struct varlena* private_sealed = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<GeneratedJwk> made = jwk_generate_ed25519();
        if (!made) return made.error();
        Result<Bytes> sealed =
            sealing_key.sealer.value().seal(made->private_jwk.span(), id, sealed_aad("", signing_purpose, made->kid));
        if (!sealed) return sealed.error();
        if (Result<void> stored = store(kid, made->kid); !stored) return stored;
        if (Result<void> stored = store(public_jwk, made->public_jwk); !stored) return stored;
        return store(private_sealed, as_text(*sealed));
    });
    return {kid, public_jwk, private_sealed};
}

struct varlena* sign_access_token(std::string_view claims) {
    const Jwk& key = need_signing_key();
    struct varlena* token = nullptr;
    guarded_or_raise([&]() -> Result<void> {
        Result<std::string> signed_token = jwt_sign(claims, key, access_token_header);
        if (!signed_token) return signed_token.error();
        return store(token, *signed_token);
    });
    return token;
}

const char* read_verification_key(const char* kid) {
    ColumnValue row[] = {{"public_jwk", 0, true}, {"state", 0, true}};
    if (!read_row("signing_keys", "signing_keys_pkey", "kid", F_TEXTEQ, CStringGetTextDatum(kid), row)) return nullptr;
    if (row[0].is_null || row[1].is_null || view(DatumGetTextPP(row[1].value)) == "retired") return nullptr;
    return jsonb_text(DatumGetJsonbP(row[0].value)).data();
}

}  // namespace bastion::pg
