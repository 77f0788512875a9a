// Keys in PEM (RFC 7468): SubjectPublicKeyInfo, X.509 certificates, of which only key and dates count, PKCS#8 without a password, and the older forms of PKCS#1 and SEC 1. Called
// by jwk_material.cpp, which checks the numbers as it does those of a JSON Web Key; keeps no state.
#pragma once

#include <string_view>

#include "core/base/result.hpp"
#include "core/jose/asymmetric_key.hpp"
#include "core/jose/jwk_key.hpp"

namespace bastion {

struct PemKey {
    KeyType kty = KeyType::other;  // rsa, ec or okp
    RsaNumbers rsa;
    EcNumbers ec;
    Bytes ed25519_public;
    SecretBytes ed25519_seed;  // empty in a public key
    KeyDates dates;            // of a certificate
};

// Exactly one key. invalid_argument for text that is not PEM or holds no key, `unsupported` for a type of key or PEM that
// JWS does not use.
[[nodiscard]] Result<PemKey> parse_pem(std::string_view text);

// Whether the bytes are a SubjectPublicKeyInfo or PKCS#1 public key in DER.
[[nodiscard]] bool is_der_public_key(ByteSpan bytes);

}  // namespace bastion
