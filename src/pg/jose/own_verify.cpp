#include "pg/jose/own_verify.hpp"

#include "pg/base/clock.hpp"
#include "pg/base/settings.hpp"
#include "pg/jose/key_store.hpp"

namespace bastion::pg {
namespace {

char* issuer = nullptr;

const SettingsTable table([] {
    define(StringSetting{"bastion.issuer", "Issuer (iss) of the tokens that login signs.", &issuer, "pg_bastion",
                         PGC_SUSET});
});

constexpr std::string_view own_audience = "pg_bastion";
constexpr std::string_view access_token_type = "at+jwt";

bool read_uuid(std::optional<std::string_view> text, pg_uuid_t& out) noexcept {
    return text.has_value() && parse_uuid_text(*text, out);
}

// The claim may be absent, but not malformed.
bool read_optional_uuid(std::optional<std::string_view> text, OptionalUuid& out) noexcept {
    out.present = text.has_value();
    return !out.present || parse_uuid_text(*text, out.value);
}

// The claims of RFC 9068 access tokens that login writes, `tenant` and `unit`.
bool identity_of(const VerifiedJwt& token, Identity& out) {
    out = {};
    out.expires_at = timestamp_of(*token.dates.exp);
    strlcpy(out.method, "jwt", sizeof out.method);
    strlcpy(out.level, token.string_claim("acr").value_or("") == "aal2" ? "aal2" : "aal1", sizeof out.level);
    return read_uuid(token.sub, out.user) && read_optional_uuid(token.string_claim("tenant"), out.tenant) &&
           read_optional_uuid(token.string_claim("unit"), out.unit) &&
           read_optional_uuid(token.string_claim("sid"), out.session);
}

JwtOptions own_token_options() {
    JwtOptions options;
    options.iss = {issuer};
    options.aud = {std::string(own_audience)};
    options.algorithms = {"EdDSA"};
    options.typ = std::string(access_token_type);
    return options;
}

// Phase B: everything after the key was read.
Result<void> verify(Slot& slot, std::string_view public_jwk) {
    Result<JwkSet> keys = parse_jwk_set(public_jwk);
    if (!keys) return keys.error();
    Result<VerifiedJwt> jwt = jwt_verify(std::move(*slot.unverified), *keys, own_token_options(), unix_now());
    if (!jwt) return jwt.error();
    Identity identity;
    if (!identity_of(*jwt, identity)) return refuse_token("sub, tenant, unit or sid is not a uuid");
    slot.claims = std::move(jwt->payload_json);
    slot.valid_until = *jwt->dates.exp;
    slot.valid_from = std::max(jwt->dates.nbf.value_or(0), jwt->dates.iat.value_or(0));
    slot.verified = {nullptr, nullptr, identity, slot.claims.c_str(), slot.key, slot.verified.keys_generation, false};
    return {};
}

}  // namespace

const char* own_issuer() noexcept { return issuer; }

void verify_own_token(Slot& slot, std::string_view kid) {
    std::memcpy(slot.key, kid.data(), kid.size());
    slot.key[kid.size()] = '\0';
    const char* public_jwk = kid[0] == '@' ? nullptr : read_verification_key(slot.key);
    if (public_jwk == nullptr) return refuse(slot, "unknown kid, or one of a retired key");
    (void)accepted(slot, [&]() { return verify(slot, public_jwk); });
}

}  // namespace bastion::pg
