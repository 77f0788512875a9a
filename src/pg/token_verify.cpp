#include "pg/token_verify.hpp"

#include "core/api_key.hpp"
#include "core/jws.hpp"
#include "core/jwt.hpp"
#include "pg/api_key_verify.hpp"
#include "pg/clock.hpp"
#include "pg/data_keys.hpp"
#include "pg/guard.hpp"
#include "pg/guc.hpp"
#include "pg/key_store.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t max_kid = max_kid_size;
constexpr std::string_view own_audience = "pg_bastion";
constexpr std::string_view access_token_type = "at+jwt";

struct Slot {
    uint64 id;
    VerifiedToken verified;
    std::string claims;
    char kid[max_kid];
    char log_detail[256];
};

Slot presented_slot;
Slot argument_slot;

void refuse(Slot& slot, std::string_view detail) noexcept {
    const uint64 generation = slot.verified.keys_generation;
    slot.verified = {};
    slot.verified.keys_generation = generation;
    slot.verified.refusal = "token_refused";
    const std::size_t size = std::min(detail.size(), sizeof slot.log_detail - 1);
    std::memcpy(slot.log_detail, detail.data(), size);
    slot.log_detail[size] = '\0';
    slot.verified.log_detail = slot.log_detail;
}

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
    options.iss = {settings.issuer};
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
        slot.verified = {nullptr, nullptr, identity, slot.claims.c_str(), slot.kid, slot.verified.keys_generation};
        return {};
    });
    if (verified) return;
    if (failure.sqlstate != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION) raise(failure);
    refuse(slot, failure.log_detail);
}

// Phase B: which key does the token claim?
bool claimed_kid(std::string_view token, char (&kid)[max_kid], CallFailure& failure) noexcept {
    return guarded(failure, [&]() -> Result<void> {
        Result<std::string> claimed = jws_unverified_kid(token);
        if (!claimed) return claimed.error();
        if (claimed->empty() || claimed->size() >= max_kid || claimed->find('\0') != std::string::npos)
            return refuse_token("no kid, or one that is too long");
        std::memcpy(kid, claimed->c_str(), claimed->size() + 1);
        return {};
    });
}

void verify_into(Slot& slot, std::string_view token) {
    CallFailure failure;
    slot.verified.keys_generation = keys_generation();
    if (!claimed_kid(token, slot.kid, failure)) {
        if (failure.sqlstate != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION) raise(failure);
        refuse(slot, failure.log_detail);
        return;
    }
    const char* public_jwk = read_verification_key(slot.kid);
    if (public_jwk == nullptr) {
        refuse(slot, "unknown kid, or one of a retired key");
        return;
    }
    verify_with_key(slot, token, public_jwk, unix_now());
}

}  // namespace

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

}  // namespace bastion::pg
