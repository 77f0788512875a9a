#include "core/jose/issuer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace bastion {
namespace {

constexpr std::size_t rules_max_bytes = 64 * 1024;
constexpr std::size_t subject_max_bytes = 255;

Result<JsonDocument> parse_object(std::string_view json, const char* what) {
    auto document = parse_json(json, rules_max_bytes);
    if (!document || !document->root().is_object())
        return invalid_argument(std::string(what) + " must be a JSON object");
    return document;
}

Result<JwtOptions> read_options(std::string_view issuer, std::string_view json) {
    const auto document = parse_object(json, "options of an issuer");
    if (!document) return document.error();
    for (const std::string_view name : {"iss", "allow_any_aud", "allow_missing_exp", "now"})
        if (document->root().find(name))
            return invalid_argument("option \"" + std::string(name) + "\" cannot be set for an issuer");
    auto options = parse_jwt_options(json);
    if (!options) return options;
    if (options->aud.empty() || options->algorithms.empty())
        return invalid_argument("an issuer must have audiences and algorithms");
    for (const std::string& name : options->algorithms)
        if (find_jws_algorithm(name)->kty == KeyType::oct)
            return invalid_argument("an issuer must sign with a private key, not with a shared secret");
    options->iss = {std::string(issuer)};
    return options;
}

Result<JwkSet> read_keys(std::string_view json) {
    auto keys = parse_jwk_set(json);
    if (!keys) return keys;
    if (keys->keys.empty()) return invalid_argument("an issuer must have a key");
    for (const Jwk& key : keys->keys)
        if (key.is_symmetric())
            return invalid_argument("an issuer must sign with a private key, not with a shared secret");
    return keys;
}

Result<std::vector<std::string>> thumbprints_of(const JwkSet& keys) {
    std::vector<std::string> thumbprints;
    for (const Jwk& key : keys.keys) {
        auto thumbprint = jwk_thumbprint(key);
        if (!thumbprint) return std::move(thumbprint).error();
        thumbprints.push_back(*std::move(thumbprint));
    }
    return thumbprints;
}

Result<ClaimMapping> read_mapping(std::string_view json) {
    const auto document = parse_object(json, "the mapping of an issuer");
    if (!document) return document.error();
    ClaimMapping mapping;
    const std::array<std::pair<std::string_view, std::string*>, 6> fields{{{"user", &mapping.user},
                                                                           {"tenant", &mapping.tenant},
                                                                           {"role", &mapping.role},
                                                                           {"email", &mapping.email},
                                                                           {"name", &mapping.name},
                                                                           {"default_role", &mapping.default_role}}};
    for (const auto& [name, value] : document->root().members()) {
        const std::string_view wanted = name;  // a lambda captures no structured binding
        const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == wanted; });
        if (field == fields.end())
            return invalid_argument("unknown member of the mapping of an issuer",
                                    "Members are user, tenant, role, email, name and default_role.");
        const auto text = value.string();
        if (!text || text->empty())
            return invalid_argument("members of the mapping of an issuer must be non-empty strings");
        *field->second = *text;
    }
    return mapping;
}

bool is_scalar(const JsonValue& value) { return !value.is_object() && !value.is_array(); }

// Other numbers have no exact value here, so that two of them could seem equal.
bool is_exact(const JsonValue& value) { return value.type() != JsonType::number || value.integer() || value.natural(); }

bool same_scalar(const JsonValue& left, const JsonValue& right) {
    return left.type() == right.type() && left.string() == right.string() && left.boolean() == right.boolean() &&
           left.number() == right.number() && left.integer() == right.integer() && left.natural() == right.natural();
}

// Null requires only that the claim exists; an array matches if one of its elements does.
bool satisfies(const JsonValue& claim, const JsonValue& wanted) {
    if (wanted.type() == JsonType::null) return true;
    if (!claim.is_array()) return is_scalar(claim) && same_scalar(claim, wanted);
    const auto elements = claim.elements();
    return std::any_of(elements.begin(), elements.end(),
                       [&](const JsonValue& element) { return is_scalar(element) && same_scalar(element, wanted); });
}

bool has_required(const JsonDocument& claims, const JsonDocument& required) {
    const auto members = required.root().members();
    return std::all_of(members.begin(), members.end(), [&](const JsonMember& wanted) {
        const auto claim = claims.root().find(wanted.name);
        return claim && satisfies(*claim, wanted.value);
    });
}

std::string claim_text(const VerifiedJwt& jwt, const std::string& name) {
    return std::string(name.empty() ? "" : jwt.string_claim(name).value_or(""));
}

// OpenID Connect Core §5.1. An unverified address could belong to another person.
std::string verified_email(const VerifiedJwt& jwt, const std::string& name) {
    const auto verified = jwt.claims.root().find("email_verified");
    return verified && verified->boolean().value_or(false) ? claim_text(jwt, name) : std::string();
}

void take_dates(IssuerToken& token, const JwtOptions& options) {
    const TokenDates& dates = token.jwt.dates;
    token.valid_until = *dates.exp + options.leeway;
    if (options.max_age && dates.iat)
        token.valid_until = std::min(token.valid_until, *dates.iat + *options.max_age + options.leeway);
    token.valid_until = std::min(token.valid_until, dates.key.until.value_or(token.valid_until));
    token.valid_from = std::max(dates.nbf.value_or(0), options.max_age ? dates.iat.value_or(0) : 0) - options.leeway;
}

Result<IssuerToken> read_token(VerifiedJwt&& verified, const IssuerRules& rules) {
    IssuerToken token{std::move(verified), {}, {}, {}, {}, {}, {}, 0, 0};
    const VerifiedJwt& jwt = token.jwt;
    token.subject = claim_text(jwt, rules.mapping.user);
    if (token.subject.empty() || token.subject.size() > subject_max_bytes)
        return refuse_token("the claim that names the user is missing, no text, or too long");
    token.tenant = claim_text(jwt, rules.mapping.tenant);
    if (!rules.mapping.tenant.empty() && token.tenant.empty() && jwt.claims.root().find(rules.mapping.tenant))
        return refuse_token("the claim that names the tenant is no text");
    token.role = claim_text(jwt, rules.mapping.role);
    if (token.role.empty()) token.role = rules.mapping.default_role;
    token.email = verified_email(jwt, rules.mapping.email);
    token.name = claim_text(jwt, rules.mapping.name);
    token.thumbprint = rules.thumbprints[static_cast<std::size_t>(jwt.key - rules.keys.keys.data())];
    take_dates(token, rules.options);
    return token;
}

}  // namespace

Result<IssuerRules> parse_issuer_rules(std::string_view issuer, std::string_view keys, std::string_view options,
                                       std::string_view required, std::string_view mapping) {
    auto key_set = read_keys(keys);
    if (!key_set) return std::move(key_set).error();
    auto thumbprints = thumbprints_of(*key_set);
    if (!thumbprints) return std::move(thumbprints).error();
    auto read = read_options(issuer, options);
    if (!read) return std::move(read).error();
    auto claims = parse_object(required, "required claims of an issuer");
    if (!claims) return std::move(claims).error();
    for (const JsonMember& member : claims->root().members())
        if (!is_scalar(member.value) || !is_exact(member.value))
            return invalid_argument("a required claim must be a string, an integer of 64 bits, true, false or null");
    auto names = read_mapping(mapping);
    if (!names) return std::move(names).error();
    return IssuerRules{std::move(*key_set), *std::move(thumbprints), std::move(*read), std::move(*claims),
                       std::move(*names)};
}

Result<IssuerToken> verify_issuer_token(UnverifiedJwt&& token, const IssuerRules& rules, double now) {
    auto jwt = jwt_verify(std::move(token), rules.keys, rules.options, now);
    if (!jwt) return std::move(jwt).error();
    if (!has_required(jwt->claims, rules.required)) return refuse_token("a required claim is missing or another");
    return read_token(std::move(*jwt), rules);
}

}  // namespace bastion
