// JSON Web Tokens (RFC 7519, RFC 8725) over compact JWS. A token is parsed once. The shim of jwt_verify has the keys and
// verifies text; authenticate() parses first, because the token names the owner of the keys. The clock is the caller's. A
// VerifiedJwt owns its claims.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/result.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"

namespace bastion {

// 9999-12-31 23:59:59 UTC: a later NumericDate is a mistake, most often milliseconds.
inline constexpr double max_numeric_date = 253402300799.0;
inline constexpr double max_leeway_seconds = 3600.0;

struct JwtOptions {
    std::vector<std::string> iss;  // any of these; empty: not checked
    std::vector<std::string> aud;  // at least one of these; empty: the token must name none
    bool allow_any_aud = false;    // any audiences; then aud is empty
    std::vector<std::string> algorithms;
    std::optional<std::string> typ;  // empty: not checked
    double leeway = 0;               // seconds, for exp, nbf, iat and max_age
    std::optional<double> max_age;   // seconds since iat; the token then needs one
    bool allow_missing_exp = false;
    std::optional<double> now;  // NumericDate in place of the caller's clock
};

// {"iss":…,"aud":…,"leeway":…,"algorithms":[…],"typ":…,"max_age":…,"allow_any_aud":…,"allow_missing_exp":…,
// "now":…}, each optional;
// iss and aud take a string or an array. Anything else is invalid_argument.
[[nodiscard]] Result<JwtOptions> parse_jwt_options(std::string_view json);

// NumericDates of a token.
struct TokenDates {
    std::optional<double> exp;
    std::optional<double> nbf;
    std::optional<double> iat;
    KeyDates key = {};  // of the key that verified
};

// Whether the key may verify at a time.
[[nodiscard]] Result<void> jwk_check_dates(const KeyDates& key, double now);

// The claims of RFC 7519 §4.1 that verification uses; views of the document that they were read from.
struct RegisteredClaims {
    std::optional<std::string_view> iss;
    std::optional<std::string_view> sub;
    std::optional<std::string_view> jti;
    TokenDates dates;
};

class VerifiedJwt;

// A token whose claims are read and whose signature is not verified. It gives only its alleged signer, which selects the
// key. Lives no longer than its text.
class UnverifiedJwt {
public:
    // Empty when it names none.
    [[nodiscard]] std::string_view claimed_kid() const noexcept { return jws_.header->kid; }
    [[nodiscard]] std::string_view claimed_issuer() const noexcept;

private:
    friend Result<UnverifiedJwt> parse_jwt(std::string_view);
    friend Result<VerifiedJwt> jwt_verify(UnverifiedJwt&&, const JwkSet&, const JwtOptions&, double);
    UnverifiedJwt(UnverifiedJws&& jws, JsonDocument&& claims) noexcept;

    UnverifiedJws jws_;
    JsonDocument claims_;
};

[[nodiscard]] Result<UnverifiedJwt> parse_jwt(std::string_view token);

// A token whose signature, types, dates and parties hold: the only way to one is jwt_verify().
class VerifiedJwt : public RegisteredClaims {
public:
    std::string payload_json;  // as signed; an object that jsonb can hold
    JsonDocument claims;       // the same, parsed
    const Jwk* key;            // that verified; one of the caller's

    // A claim of any name; empty when it is absent or has another type.
    [[nodiscard]] std::optional<std::string_view> string_claim(std::string_view name) const;
    [[nodiscard]] std::optional<double> number_claim(std::string_view name) const;
    // The claim as a list of strings; empty unless it is an array of strings.
    [[nodiscard]] std::vector<std::string_view> string_list_claim(std::string_view name) const;
    // The subjects of act (RFC 8693 section 4.1), the current actor last; none without the claim. Empty when it is malformed.
    [[nodiscard]] std::optional<std::vector<std::string_view>> actors() const;

private:
    friend Result<VerifiedJwt> jwt_verify(UnverifiedJwt&&, const JwkSet&, const JwtOptions&, double);
    friend Result<VerifiedJwt> jwt_verify(std::string_view, const JwkSet&, const JwtOptions&, double);
    VerifiedJwt(VerifiedJws&& jws, JsonDocument&& document) noexcept;
    static Result<VerifiedJwt> accept(VerifiedJws&& jws, Result<JsonDocument>&& document, const JwtOptions& options,
                                      double now);
};

// `now` is Unix time in seconds; options.now takes its place when given. The claims of text are parsed after its signature
// was verified.
[[nodiscard]] Result<VerifiedJwt> jwt_verify(UnverifiedJwt&& token, const JwkSet& keys, const JwtOptions& options,
                                             double now);
[[nodiscard]] Result<VerifiedJwt> jwt_verify(std::string_view token, const JwkSet& keys, const JwtOptions& options,
                                             double now);

// Whether the dates still hold, for a token that was verified with these options before.
[[nodiscard]] Result<void> jwt_check_dates(const TokenDates& dates, const JwtOptions& options, double now);

// Signs claims (a JSON object) with a private or secret key. The header gets alg, "typ":"JWT" and the key's kid, unless
// header_json has them itself; one that contradicts the key, or that has crit or b64, is refused. All errors are
// invalid_argument, except an unsupported algorithm (unsupported) and a token past 16 KiB (limit_exceeded).
[[nodiscard]] Result<std::string> jwt_sign(std::string_view claims_json, const Jwk& key,
                                           std::string_view header_json = "{}");

}  // namespace bastion
