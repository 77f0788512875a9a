// Public keys of passkeys in COSE (RFC 9052 §7, RFC 9053) and the signatures that verify with them: ES256 on P-256, EdDSA on
// Ed25519, RS256. Called by webauthn.cpp. The stored form of a key are the bytes that the authenticator sent.
#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/jose/jwk_key.hpp"
#include "core/mfa/cbor.hpp"

namespace bastion {

// The algorithms of COSE, by their numbers.
enum class CoseAlgorithm : std::int32_t { es256 = -7, eddsa = -8, rs256 = -257 };

struct CoseKey {
    CoseAlgorithm algorithm;
    std::array<std::uint8_t, 32> ed25519{};  // of EdDSA
    AsymmetricKey pair;                      // of the others
};

// Errors: malformed_text for what is no key, unsupported for another type, curve or algorithm, and what AsymmetricKey refuses: a
// point off its curve, a modulus that is too short or known to be weak.
[[nodiscard]] Result<CoseKey> parse_cose_key(const CborValue& key);
// The same of stored bytes, which are nothing but a key.
[[nodiscard]] Result<CoseKey> parse_cose_key(ByteSpan bytes);

// WebAuthn §6.5.5: a signature of ECDSA is in ASN.1 DER.
[[nodiscard]] Result<bool> cose_verify(const CoseKey& key, std::string_view input, ByteSpan signature);

}  // namespace bastion
