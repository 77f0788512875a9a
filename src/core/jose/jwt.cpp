#include "core/jose/jwt.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bastion {
namespace {

// RFC 7519 §2 NumericDate: fractions are allowed; a date before 1970 or after 9999 is a mistake.
bool is_numeric_date(double seconds) { return std::isfinite(seconds) && seconds >= 0 && seconds <= max_numeric_date; }

bool contains(const std::vector<std::string>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

using Reason = const char*;  // why a token is refused; null when it is not

Reason read_date(const JsonValue& claim, std::optional<double>& out, Reason wrong) {
    out = claim.number();
    return out && is_numeric_date(*out) ? nullptr : wrong;
}

Reason read_text(const JsonValue& claim, std::optional<std::string_view>& out, Reason wrong) {
    out = claim.string();
    return out ? nullptr : wrong;
}

// RFC 7519 §4.1.3: one string or an array of strings.
Reason check_audience_type(const JsonValue& claim) {
    if (claim.string()) return nullptr;
    const auto elements = claim.elements();
    const bool strings =
        claim.is_array() && std::all_of(elements.begin(), elements.end(),
                                        [](const JsonValue& element) { return element.string().has_value(); });
    return strings ? nullptr : "aud is neither a string nor an array of strings";
}

// The registered claims of RFC 7519 §4.1 have their types; all others are the caller's.
Reason read_claim(RegisteredClaims& claims, std::string_view name, const JsonValue& claim) {
    if (name.size() != 3) return nullptr;
    if (name == "exp") return read_date(claim, claims.dates.exp, "exp is not a date");
    if (name == "nbf") return read_date(claim, claims.dates.nbf, "nbf is not a date");
    if (name == "iat") return read_date(claim, claims.dates.iat, "iat is not a date");
    if (name == "iss") return read_text(claim, claims.iss, "iss is not a string");
    if (name == "sub") return read_text(claim, claims.sub, "sub is not a string");
    if (name == "jti") return read_text(claim, claims.jti, "jti is not a string");
    if (name == "aud") return check_audience_type(claim);
    return nullptr;
}

Reason read_registered(const JsonDocument& document, RegisteredClaims& claims) {
    if (!document.root().is_object()) return "the payload is not a JSON object";
    if (!document.jsonb_representable()) return "the payload holds what jsonb cannot";
    Reason refused = nullptr;
    document.root().visit_members([&](std::string_view name, const JsonValue& claim) {
        refused = read_claim(claims, name, claim);
        return refused == nullptr;
    });
    return refused;
}

Reason check_key_dates(const KeyDates& key, double now) {
    if (key.from && *key.from > now) return "the key is not valid yet";
    return key.until && *key.until <= now ? "the key has expired" : nullptr;
}

Reason check_dates(const TokenDates& token, const JwtOptions& options, double now) {
    if (Reason reason = check_key_dates(token.key, now)) return reason;
    if (!token.exp && !options.allow_missing_exp) return "exp is missing";
    if (token.exp && *token.exp <= now - options.leeway) return "the token has expired";
    if (token.nbf && *token.nbf > now + options.leeway) return "the token is not valid yet";
    // RFC 7519 §4.1.6: iat is for the age alone. A clock that is behind is no reason to refuse a token.
    if (!options.max_age) return nullptr;
    if (!token.iat) return "iat is missing and max_age needs it";
    if (*token.iat > now + options.leeway) return "the token was issued in the future";
    return now - *token.iat > *options.max_age + options.leeway ? "the token is older than max_age" : nullptr;
}

bool audience_matches(const VerifiedJwt& token, const std::vector<std::string>& accepted) {
    if (const auto one = token.string_claim("aud")) return contains(accepted, *one);
    const auto list = token.string_list_claim("aud");
    return std::any_of(list.begin(), list.end(), [&](std::string_view text) { return contains(accepted, text); });
}

Reason check_parties(const VerifiedJwt& token, const JwtOptions& options) {
    if (!options.iss.empty() && !(token.iss && contains(options.iss, *token.iss))) return "iss is not an accepted one";
    if (options.allow_any_aud) return nullptr;
    // RFC 7519 §4.1.3: who is not named as an audience must refuse.
    if (options.aud.empty())
        return token.claims.root().find("aud") ? "the token has aud and none is accepted" : nullptr;
    return audience_matches(token, options.aud) ? nullptr : "aud is not an accepted one";
}

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// RFC 7515 §4.1.9: a media type, compared without case, whose "application/" may be left out when no other "/" follows.
std::string media_type(std::string_view typ) {
    constexpr std::string_view prefix = "application/";
    std::string type(typ);
    std::transform(type.begin(), type.end(), type.begin(), ascii_lower);
    if (type.starts_with(prefix) && type.find('/', prefix.size()) == std::string::npos) type.erase(0, prefix.size());
    return type;
}

// The key's own algorithm, else the one that the header requests, else the only one for such a key.
Result<const JwsAlgorithm*> signing_algorithm(const Jwk& key, const std::optional<std::string_view>& wanted) {
    if (wanted && !key.alg.empty() && !same_algorithm(*wanted, key.alg))
        return invalid_argument("header member \"alg\" contradicts the key");
    const JwsAlgorithm* found = nullptr;
    if (wanted || !key.alg.empty()) {
        found = find_jws_algorithm(wanted ? *wanted : std::string_view(key.alg));
        if (found == nullptr)
            return Error{ErrorCode::unsupported, "the algorithm is not supported", "",
                         "Supported are " + jws_algorithm_names() + "."};
        if (!jwk_fits(key, *found)) return invalid_argument("the key is not one for the algorithm");
        return found;
    }
    for (const JwsAlgorithm& algorithm : jws_algorithms()) {
        if (key.kty != algorithm.kty || key.crv != algorithm.crv) continue;
        if (found != nullptr && same_algorithm(found->name, algorithm.name))
            continue;  // the older name is known everywhere
        if (found != nullptr) return invalid_argument("the key has no member \"alg\" and neither has the header");
        found = &algorithm;
    }
    if (found == nullptr) return Error{ErrorCode::unsupported, "signing with this type of key is not supported"};
    return found;
}

struct Header {
    std::string text;  // without white space
    std::optional<std::string_view> alg;
    std::optional<std::string_view> typ;
    std::optional<std::string_view> kid;
    JsonDocument document;
};

Result<Header> read_signing_header(std::string_view json) {
    auto document = parse_json(json, token_max_bytes);
    if (!document || !document->root().is_object()) return invalid_argument("the header must be a JSON object");
    Header header;
    header.document = std::move(*document);
    const JsonValue root = header.document.root();
    for (const std::string_view name : {"crit", "b64", "enc", "zip"})
        if (root.find(name)) return invalid_argument("header member \"" + std::string(name) + "\" is not supported");
    for (const auto& [name, field] : {std::pair{"alg", &header.alg}, {"typ", &header.typ}, {"kid", &header.kid}}) {
        const auto member = root.find(name);
        if (!member) continue;
        *field = member->string();
        if (!*field || (*field)->empty())
            return invalid_argument("header member \"" + std::string(name) + "\" must be a non-empty string");
    }
    header.text = json_minify(json);
    return header;
}

// The members of this function first, then the caller's unchanged.
std::string complete_header(const Header& header, const JwsAlgorithm& algorithm, const Jwk& key) {
    std::string text;
    const auto add = [&text](std::string_view name, std::string_view value) {
        text += text.empty() ? '{' : ',';
        json_append_string(text, name);
        text += ':';
        json_append_string(text, value);
    };
    if (!header.alg) add("alg", algorithm.name);
    if (!header.typ) add("typ", "JWT");
    if (!header.kid && !key.kid.empty()) add("kid", key.kid);
    if (text.empty()) return header.text;
    if (header.text != "{}") text += ',';
    return text + header.text.substr(1);
}

// Claims that jwt_verify would refuse as malformed are not signed either.
Result<void> check_claims(std::string_view claims_json) {
    auto document = parse_json(claims_json, token_max_bytes, JsonNumbers::any);
    if (!document) {
        Error error = std::move(document).error();
        if (error.code == ErrorCode::malformed_text) error.code = ErrorCode::invalid_argument;
        error.message = "cannot sign these claims: " + error.message;
        return error;
    }
    RegisteredClaims registered;
    if (Reason reason = read_registered(*document, registered))
        return Error{ErrorCode::invalid_argument, "cannot sign these claims",
                     std::string("Verifying would find: ") + reason + "."};
    return {};
}

Result<double> time_of_verification(const JwtOptions& options, double now) {
    const double at = options.now.value_or(now);
    if (!is_numeric_date(at)) return invalid_argument("the time of verification is not a date");
    return at;
}

}  // namespace

UnverifiedJwt::UnverifiedJwt(UnverifiedJws&& jws, JsonDocument&& claims) noexcept
    : jws_(std::move(jws)), claims_(std::move(claims)) {}

std::string_view UnverifiedJwt::claimed_issuer() const noexcept {
    const auto issuer = claims_.root().find("iss");
    return issuer ? issuer->string().value_or("") : "";
}

VerifiedJwt::VerifiedJwt(VerifiedJws&& jws, JsonDocument&& document) noexcept
    : payload_json(std::move(jws.payload)), claims(std::move(document)), key(jws.key) {}

std::optional<std::string_view> VerifiedJwt::string_claim(std::string_view name) const {
    const auto claim = claims.root().find(name);
    return claim ? claim->string() : std::nullopt;
}

std::optional<double> VerifiedJwt::number_claim(std::string_view name) const {
    const auto claim = claims.root().find(name);
    return claim ? claim->number() : std::nullopt;
}

std::vector<std::string_view> VerifiedJwt::string_list_claim(std::string_view name) const {
    std::vector<std::string_view> list;
    const auto claim = claims.root().find(name);
    if (!claim) return list;
    for (const JsonValue& element : claim->elements()) {
        const auto text = element.string();
        if (!text) return {};
        list.push_back(*text);
    }
    return list;
}

std::optional<std::vector<std::string_view>> VerifiedJwt::actors() const {
    std::vector<std::string_view> out;
    for (auto act = claims.root().find("act"); act; act = act->find("act")) {
        const auto subject = act->find("sub");
        if (!subject || !subject->string()) return {};
        out.push_back(*subject->string());
    }
    std::reverse(out.begin(), out.end());
    return out;
}

Result<UnverifiedJwt> parse_jwt(std::string_view token) {
    auto jws = parse_jws(token);
    if (!jws) return std::move(jws).error();
    auto claims = parse_json(jws->payload, token_max_bytes, JsonNumbers::any);
    if (!claims || !claims->root().is_object()) return refuse_token("the payload is not a strict JSON object");
    return UnverifiedJwt(*std::move(jws), *std::move(claims));
}

Result<VerifiedJwt> jwt_verify(UnverifiedJwt&& token, const JwkSet& keys, const JwtOptions& options, double now) {
    auto at = time_of_verification(options, now);
    if (!at) return std::move(at).error();
    auto jws = jws_verify(std::move(token.jws_), keys, options.algorithms);
    if (!jws) return std::move(jws).error();
    return VerifiedJwt::accept(*std::move(jws), std::move(token.claims_), options, *at);
}

Result<VerifiedJwt> jwt_verify(std::string_view token, const JwkSet& keys, const JwtOptions& options, double now) {
    auto at = time_of_verification(options, now);
    if (!at) return std::move(at).error();
    auto jws = jws_verify(token, keys, options.algorithms);
    if (!jws) return std::move(jws).error();
    auto claims = parse_json(jws->payload, token_max_bytes, JsonNumbers::any);
    return VerifiedJwt::accept(*std::move(jws), std::move(claims), options, *at);
}

Result<VerifiedJwt> VerifiedJwt::accept(VerifiedJws&& jws, Result<JsonDocument>&& document, const JwtOptions& options,
                                        double now) {
    if (options.typ && media_type(*options.typ) != media_type(jws.header->typ))
        return refuse_token("typ is not the accepted one");
    if (!document) return refuse_token("the payload is not strict JSON");
    VerifiedJwt verified(std::move(jws), *std::move(document));
    if (Reason reason = read_registered(verified.claims, verified)) return refuse_token(reason);
    verified.dates.key = verified.key->dates;
    if (Reason reason = check_dates(verified.dates, options, now)) return refuse_token(reason);
    if (Reason reason = check_parties(verified, options)) return refuse_token(reason);
    return verified;
}

Result<void> jwk_check_dates(const KeyDates& key, double now) {
    const Reason refused = check_key_dates(key, now);
    return refused == nullptr ? Result<void>() : refuse_token(refused);
}

Result<void> jwt_check_dates(const TokenDates& dates, const JwtOptions& options, double now) {
    const Reason refused = check_dates(dates, options, options.now.value_or(now));
    return refused == nullptr ? Result<void>() : refuse_token(refused);
}

Result<std::string> jwt_sign(std::string_view claims_json, const Jwk& key, std::string_view header_json) {
    const auto header = read_signing_header(header_json);
    if (!header) return header.error();
    if (header->kid && !key.kid.empty() && *header->kid != key.kid)
        return invalid_argument("header member \"kid\" contradicts the key");
    const auto algorithm = signing_algorithm(key, header->alg);
    if (!algorithm) return algorithm.error();
    if (!key.may_sign()) return invalid_argument("the key cannot sign");
    if (auto checked = check_claims(claims_json); !checked) return std::move(checked).error();
    return jws_sign(complete_header(*header, **algorithm, key), json_minify(claims_json), key, **algorithm);
}

}  // namespace bastion
