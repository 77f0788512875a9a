// Signing keys inside a backend: opened lazily under their data key, and cached (backend_cache.hpp). Rows are read by
// catalog_read; SQL functions write them.
#pragma once

#include "core/jose/jwk_key.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {

// A new signing key for a JWS algorithm, its private part or secret sealed under a data key.
struct MadeSigningKey {
    Utf8 kid;
    Utf8 public_jwk;
    struct varlena* private_sealed;
};
MadeSigningKey make_signing_key(int32 data_key, Utf8 algorithm);

// Signs an access token with the active signing key.
Utf8 sign_access_token(Utf8 claims);

// A key as PODs.
struct VerificationKey {
    Utf8 public_jwk;
    Utf8 algorithm;
    const JwkSet* secret;  // of a symmetric key, valid until the next call; else null
};

// The signing key of this kid; false unless it may still verify.
bool read_verification_key(Utf8 kid, VerificationKey& out);
bool signing_key_verifies(Utf8 kid);

}  // namespace bastion::pg
