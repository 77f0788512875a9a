#include "pg/jose/own_verify.hpp"

#include "pg/base/clock.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/text.hpp"
#include "pg/jose/key_store.hpp"

namespace bastion::pg {
namespace {

char* issuer = nullptr;
int leeway = 0;

const SettingsTable table([] {
    define(StringSetting{"bastion.issuer", "Issuer (iss) of the tokens that login signs.", &issuer, "pg_bastion",
                         PGC_SUSET});
    // SQL functions read it by name.
    static char* client_id;
    define(StringSetting{"bastion.client_id",
                         "Client (client_id, RFC 9068) of the tokens that login signs; empty for none.", &client_id,
                         "pg_bastion", PGC_SUSET});
    define(IntSetting{"bastion.token_leeway",
                      "How far the clock of a standby or another server may differ, for the dates of the own tokens.",
                      &leeway, 60, 0, 3600, PGC_SUSET, GUC_UNIT_S});
});

constexpr std::string_view own_audience = "pg_bastion";
constexpr std::string_view access_token_type = "at+jwt";
// OpenID Connect EAP ACR Values 1.0.
constexpr std::string_view phishing_resistant = "phr";
constexpr std::string_view phishing_resistant_hardware = "phrh";

bool read_uuid(std::optional<std::string_view> text, pg_uuid_t& out) noexcept {
    return text.has_value() && parse_uuid_text(*text, out);
}

// The claim may be absent, but not malformed.
bool read_optional_uuid(std::optional<std::string_view> text, OptionalUuid& out) noexcept {
    out.present = text.has_value();
    return !out.present || parse_uuid_text(*text, out.value);
}

// A delegation names each of its actors, and no other token has any.
bool read_delegation(const VerifiedJwt& token, Identity& out) {
    const auto actors = token.actors();
    if (!actors || actors->size() > max_actors || !read_optional_uuid(token.string_claim("dlg"), out.delegation))
        return false;
    for (const std::string_view actor : *actors)
        if (!parse_uuid_text(actor, out.actors.ids[out.actors.count++])) return false;
    return out.delegation.present == (out.actors.count > 0);
}

// The claims of RFC 9068 access tokens that login writes, `tenant` and `unit`; and those of a delegation.
bool identity_of(const VerifiedJwt& token, Identity& out) {
    out = {};
    out.expires_at = timestamp_of(*token.dates.exp + leeway);
    if (!read_delegation(token, out)) return false;
    strlcpy(out.method, out.delegation.present ? "delegation" : "jwt", sizeof out.method);
    const std::string_view acr = token.string_claim("acr").value_or("");
    const bool by_passkey = acr == phishing_resistant || acr == phishing_resistant_hardware;
    // The user proved more, and the actor did not.
    const bool is_strong = !out.delegation.present && (acr == "aal2" || by_passkey);
    const char* const weak = acr == "aal0" ? "aal0" : "aal1";
    const char* const strong = acr == phishing_resistant_hardware ? "aal3" : "aal2";
    strlcpy(out.level, is_strong ? strong : weak, sizeof out.level);
    // RFC 9068 section 2.2.1.
    if (const auto auth_time = token.number_claim("auth_time")) out.auth_time = timestamp_of(*auth_time);
    if (is_strong && by_passkey) out.phr_time = out.auth_time;
    return read_uuid(token.sub, out.user) && read_optional_uuid(token.string_claim("tenant"), out.tenant) &&
           read_optional_uuid(token.string_claim("unit"), out.unit) &&
           read_optional_uuid(token.string_claim("sid"), out.session);
}

JwtOptions own_token_options(std::string_view own_issuer, std::string_view algorithm) {
    JwtOptions options;
    options.iss = {std::string(own_issuer)};
    options.aud = {std::string(own_audience)};
    options.algorithms = {std::string(algorithm)};
    options.leeway = leeway;
    options.typ = std::string(access_token_type);
    return options;
}

// Phase B: everything after the key was read.
Result<void> verify(Slot& slot, Utf8 issuer, const VerificationKey& key) {
    Result<JwkSet> parsed = key.secret == nullptr ? parse_jwk_set(key.public_jwk) : JwkSet{};
    if (!parsed) return parsed.error();
    const JwkSet& keys = key.secret != nullptr ? *key.secret : *parsed;
    Result<VerifiedJwt> jwt =
        jwt_verify(std::move(*slot.unverified), keys, own_token_options(issuer, key.algorithm), unix_now());
    if (!jwt) return jwt.error();
    Identity identity;
    if (!identity_of(*jwt, identity)) return refuse_token("sub, tenant, unit, sid, dlg or act is malformed");
    slot.claims = std::move(jwt->payload_json);
    slot.valid_until = *jwt->dates.exp + leeway;
    slot.valid_from = jwt->dates.nbf.value_or(0) - leeway;
    slot.verified = {nullptr, nullptr, identity, slot.claims.c_str(), slot.key, slot.verified.keys_generation, false};
    return {};
}

}  // namespace

Utf8 own_issuer() {
    require_valid("bastion.token_leeway");
    return utf8_of(ServerText(issuer));
}

int own_leeway() noexcept { return leeway; }

void verify_own_token(Slot& slot, Utf8 issuer, std::string_view kid) {
    std::memcpy(slot.key, kid.data(), kid.size());
    slot.key[kid.size()] = '\0';
    VerificationKey key{};
    if (kid[0] == '@' || !read_verification_key(Utf8(slot.key), key))
        return refuse(slot, "unknown kid, or one of a retired key");
    (void)accepted(slot, [&]() { return verify(slot, issuer, key); });
}

}  // namespace bastion::pg
