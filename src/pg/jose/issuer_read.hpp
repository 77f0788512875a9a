// Rows of bastion.issuers, parsed. Kept per backend until a message says that a key or issuer changed. Called by
// issuer_verify.cpp.
#pragma once

#include "core/jose/issuer.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

struct KnownIssuer {
    IssuerRules rules;
    bool create_users;
    std::vector<std::string> thumbprints;  // as long as the keys
};

// Phases A and C: null for an unknown or disabled issuer. Valid until another issuer is asked for.
const KnownIssuer* known_issuer(std::string_view issuer);

}  // namespace bastion::pg
