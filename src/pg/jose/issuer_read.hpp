// Rows of bastion.issuers, parsed, in a cache that every change of a key or issuer drops. Called by issuer_verify.cpp.
#pragma once

#include "core/jose/issuer.hpp"
#include "pg/base/pg.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {

// The maximum sizes of issuers and subjects, in bytes, by the checks of their tables.
inline constexpr std::size_t longest_issuer_name = 255;

struct KnownIssuer {
    IssuerRules rules;
    bool create_users;
};

// Phases A and C: null for an unknown or disabled issuer. Valid until the next call.
const KnownIssuer* known_issuer(Utf8 issuer);

}  // namespace bastion::pg
