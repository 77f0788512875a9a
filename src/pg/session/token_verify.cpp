#include "pg/session/token_verify.hpp"

#include "core/jose/issuer.hpp"
#include "core/jose/jws.hpp"
#include "core/jose/jwt.hpp"
#include "core/jose/verified_cache.hpp"
#include "core/session/api_key.hpp"
#include "pg/base/clock.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/jose/issuer_verify.hpp"
#include "pg/jose/key_store.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/session/api_key_verify.hpp"

namespace bastion::pg {
namespace {

char* own_issuer = nullptr;
int cache_entries = 1024;

const SettingsTable table([] {
    define(StringSetting{"bastion.issuer", "Issuer (iss) of the tokens that login signs.", &own_issuer, "pg_bastion",
                         PGC_SUSET});
    define(IntSetting{"bastion.token_cache_entries",
                      "Verified tokens of each kind that a backend remembers; 0 for none.", &cache_entries, 1024, 0,
                      65536, PGC_SUSET});
});

constexpr std::size_t max_kid = max_kid_size;
constexpr std::size_t longest_issuer = 255;
constexpr std::string_view own_audience = "pg_bastion";
constexpr std::string_view access_token_type = "at+jwt";

Slot presented_slot;
Slot argument_slot;

bool read_uuid(std::optional<std::string_view> text, pg_uuid_t& out) noexcept {
    return text.has_value() && parse_uuid_text(*text, out);
}

// Absent is fine, malformed is not.
bool read_optional_uuid(std::optional<std::string_view> text, OptionalUuid& out) noexcept {
    out.present = text.has_value();
    return !out.present || parse_uuid_text(*text, out.value);
}

template <std::size_t N>
void copy_word(char (&out)[N], std::string_view word) noexcept {
    const std::size_t size = std::min(word.size(), N - 1);
    std::memcpy(out, word.data(), size);
    out[size] = '\0';
}

// The claims of RFC 9068 access tokens that login writes, `tenant` and `unit`.
bool identity_of(const VerifiedJwt& token, Identity& out) {
    out = {};
    out.expires_at = timestamp_of(*token.dates.exp);
    copy_word(out.method, "jwt");
    copy_word(out.level, token.string_claim("acr").value_or("") == "aal2" ? "aal2" : "aal1");
    return read_uuid(token.sub, out.user) && read_optional_uuid(token.string_claim("tenant"), out.tenant) &&
           read_optional_uuid(token.string_claim("unit"), out.unit) &&
           read_optional_uuid(token.string_claim("sid"), out.session);
}

JwtOptions own_token_options() {
    JwtOptions options;
    options.iss = {own_issuer};
    options.aud = {std::string(own_audience)};
    options.algorithms = {"EdDSA"};
    options.typ = std::string(access_token_type);
    return options;
}

// Phase B: everything after the key was read.
void verify_with_key(Slot& slot, std::string_view token, std::string_view public_jwk, double now) {
    CallFailure failure;
    const bool verified = guarded(failure, [&]() -> Result<void> {
        Result<JwkSet> keys = parse_jwk_set(public_jwk);
        if (!keys) return keys.error();
        Result<VerifiedJwt> jwt = jwt_verify(token, *keys, own_token_options(), now);
        if (!jwt) return jwt.error();
        Identity identity;
        if (!identity_of(*jwt, identity)) return refuse_token("sub, tenant, unit or sid is not a uuid");
        slot.claims = std::move(jwt->payload_json);
        slot.valid_until = *jwt->dates.exp;
        slot.valid_from = std::max(jwt->dates.nbf.value_or(0), jwt->dates.iat.value_or(0));
        slot.verified = {nullptr, nullptr, identity, slot.claims.c_str(), slot.key, slot.verified.keys_generation,
                         false};
        return {};
    });
    if (verified) return;
    if (failure.sqlstate != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION) raise(failure);
    refuse(slot, failure.log_detail);
}

// Phase B: which key does the token claim, and whose?
struct Claimed {
    char kid[max_kid];
    char issuer[longest_issuer + 1];
};

template <std::size_t N>
bool copy_name(char (&out)[N], const std::string& name) noexcept {
    if (name.size() >= N || name.find('\0') != std::string::npos) return false;
    std::memcpy(out, name.c_str(), name.size() + 1);
    return true;
}

bool claimed_by(std::string_view token, Claimed& out, CallFailure& failure) noexcept {
    return guarded(failure, [&]() -> Result<void> {
        Result<std::string> kid = jws_unverified_kid(token);
        if (!kid) return kid.error();
        Result<std::string> issuer = jwt_unverified_issuer(token);
        if (!issuer) return issuer.error();
        if (issuer->empty() || !copy_name(out.issuer, *issuer)) return refuse_token("no iss, or one that is too long");
        // Only tokens of our own must name their key.
        if (*issuer == own_issuer && (kid->empty() || !copy_name(out.kid, *kid)))
            return refuse_token("no kid, or one that is too long");
        return {};
    });
}

void verify_own(Slot& slot, std::string_view token, const char* kid) {
    strlcpy(slot.key, kid, sizeof slot.key);
    const char* public_jwk = kid[0] == '@' ? nullptr : read_verification_key(kid);
    if (public_jwk == nullptr) return refuse(slot, "unknown kid, or one of a retired key");
    verify_with_key(slot, token, public_jwk, unix_now());
}

void verify_anew(Slot& slot, std::string_view token) {
    CallFailure failure;
    Claimed claimed{};
    if (!claimed_by(token, claimed, failure)) {
        if (failure.sqlstate != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION) raise(failure);
        return refuse(slot, failure.log_detail);
    }
    if (std::strcmp(claimed.issuer, own_issuer) == 0)
        verify_own(slot, token, claimed.kid);
    else
        verify_token_of_issuer(slot, token, claimed.issuer);
}

// What is remembered of a verified token, with the claims behind it.
struct Remembered {
    Identity identity;
    char key[max_kid];
};

VerifiedCache remembered_tokens;
std::string remembered_for_issuer;

// Phase B: where the token would stand. Whatever can change what a token is worth is part of the place, or forgets all.
bool find_place(std::string_view token, VerifiedKey& place) {
    remembered_tokens.resize(static_cast<std::size_t>(cache_entries));
    if (remembered_for_issuer != own_issuer) {
        remembered_tokens.clear();
        remembered_for_issuer = own_issuer;
    }
    place.keys = keys_generation();
    return remembered_tokens.enabled() && remembered_tokens.digest(token, place);
}

// Phase B: fills the slot from what is remembered.
bool recall(Slot& slot, const VerifiedKey& place, double now) {
    const VerifiedEntry* known = remembered_tokens.find(place);
    if (known == nullptr || *known->dates.exp <= now || *known->dates.nbf > now) return false;
    Remembered head;
    std::memcpy(&head, known->value.data(), sizeof head);
    std::memcpy(slot.key, head.key, sizeof slot.key);
    slot.claims = known->value.text().substr(sizeof head);
    slot.valid_from = *known->dates.nbf;
    slot.valid_until = *known->dates.exp;
    slot.verified = {nullptr, nullptr, head.identity, slot.claims.c_str(), slot.key, place.keys, false};
    return true;
}

// Phase B.
void remember(const Slot& slot, const VerifiedKey& place) {
    Remembered head{};
    head.identity = slot.verified.identity;
    std::memcpy(head.key, slot.key, sizeof head.key);
    std::string value(reinterpret_cast<const char*>(&head), sizeof head);
    value += slot.claims;
    remembered_tokens.keep(place, {slot.valid_until, slot.valid_from, std::nullopt}, as_bytes(value));
}

void verify_into(Slot& slot, std::string_view token) {
    VerifiedKey place;
    bool keeps = false;
    bool known = false;
    slot.verified.keys_generation = keys_generation();
    guarded_or_raise([&]() -> Result<void> {
        keeps = find_place(token, place);
        known = keeps && recall(slot, place, unix_now());
        return {};
    });
    if (known) return;
    verify_anew(slot, token);
    if (!keeps || slot.verified.refusal != nullptr) return;
    guarded_or_raise([&]() -> Result<void> {
        remember(slot, place);
        return {};
    });
}

}  // namespace

bool verification_key_is_good(const char* key, const pg_uuid_t& user) {
    return key[0] == '@' ? issuer_key_is_good(key, user) : read_verification_key(key) != nullptr;
}

const VerifiedToken& verify_presented(const PresentedValue& token) {
    if (looks_like_api_key({token.text, token.size})) return verify_api_key({token.text, token.size});
    if (presented_slot.id == token.id && presented_slot.verified.keys_generation == keys_generation())
        return presented_slot.verified;
    presented_slot.id = 0;
    verify_into(presented_slot, {token.text, token.size});
    presented_slot.id = token.id;
    return presented_slot.verified;
}

const VerifiedToken& verify_argument(std::string_view token) {
    if (looks_like_api_key(token)) return verify_api_key(token);
    verify_into(argument_slot, token);
    return argument_slot.verified;
}

const VerifiedToken& verify_or_create(std::string_view token) {
    if (looks_like_api_key(token)) return verify_api_key(token);
    verify_into(argument_slot, token);
    if (!argument_slot.verified.first_sight) return argument_slot.verified;
    create_user_at_first_sight(argument_slot.first_sight);
    return verify_argument(token);
}

std::size_t token_cache_entries() noexcept { return static_cast<std::size_t>(cache_entries); }

}  // namespace bastion::pg
