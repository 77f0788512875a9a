// External identity providers: the parsed form of one row of bastion.issuers, and tokens checked against it. Parsed once
// per backend and change of the row by issuer_read.cpp, which caches it; each token is verified by the keys of its own
// issuer and no others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/result.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jwt.hpp"

namespace bastion {

// Names of the claims for user, tenant and role; empty: not taken from the token.
struct ClaimMapping {
    std::string user = "sub";
    std::string tenant;
    std::string role;
    std::string email;
    std::string name;
    std::string default_role;  // a role, not a claim: of users whose token names none
};

struct IssuerRules {
    JwkSet keys;
    std::vector<std::string> thumbprints;  // of the keys, in their order
    JwtOptions options;                    // iss is the issuer itself
    JsonDocument required;
    ClaimMapping mapping;
};

// The columns of a row as JSON text. The options are those of jwt_verify(), of which aud and algorithms must be there and
// iss, allow_any_aud, allow_missing_exp and now must not. Keys are public ones. Anything else is invalid_argument.
[[nodiscard]] Result<IssuerRules> parse_issuer_rules(std::string_view issuer, std::string_view keys,
                                                     std::string_view options, std::string_view required,
                                                     std::string_view mapping);

struct IssuerToken {
    VerifiedJwt jwt;
    std::string subject;
    std::string tenant;  // each empty when the token does not say
    std::string role;    // default_role when the token does not say
    std::string email;   // empty unless the issuer says that it is verified
    std::string name;
    std::string thumbprint;  // of the key that verified
    double valid_from = 0;   // with leeway and max_age taken in
    double valid_until = 0;
};

// `rules` are those of the issuer that the token claims.
[[nodiscard]] Result<IssuerToken> verify_issuer_token(UnverifiedJwt&& token, const IssuerRules& rules, double now);

}  // namespace bastion
