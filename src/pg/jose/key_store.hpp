// Signing keys inside a backend: opened lazily under their data key, and cached (backend_cache.hpp). Rows are read by
// catalog_read; SQL functions write them.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// A new Ed25519 signing key, its private part sealed under a data key.
struct MadeSigningKey {
    const char* kid;
    const char* public_jwk;
    struct varlena* private_sealed;
};
MadeSigningKey make_signing_key(int32 data_key);

// Signs an access token with the active signing key.
struct varlena* sign_access_token(std::string_view claims);

// The public JWK of a signing key that may still verify, or null.
const char* read_verification_key(const char* kid);

}  // namespace bastion::pg
