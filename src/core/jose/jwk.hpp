// JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037): one key or a set, parsed strictly, and PEM in place of a key. Called
// by the JWS and JWT functions and by the shims that cache issuers' keys; a parsed set may be kept and used for any number
// of tokens, by one thread at a time. Key material sits in SecretBytes or in OpenSSL's keys and appears in no message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/jose/jwk_key.hpp"

namespace bastion {

inline constexpr std::size_t jwk_max_bytes = 256 * 1024;
inline constexpr std::size_t jwk_max_keys = 1000;

// One JWK, or a JWK Set ({"keys":[…]}), of which invalid members are skipped (RFC 7517 §5), and so is each after the first
// with the same kid and type. It fails if that leaves none of them. In place of a JWK's own members a key may be {"pem":"-----BEGIN …"}, with kid,
// alg, use and key_ops beside it if needed, and the whole text may be a JSON string that holds PEM. Every fault is
// invalid_argument: a missing or misplaced member, a short HMAC or RSA key, a point off its curve, a private part that does
// not belong to the public one, symmetric and public keys in one set.
[[nodiscard]] Result<JwkSet> parse_jwk_set(std::string_view json);

// Exactly one key; a set is refused.
[[nodiscard]] Result<Jwk> parse_jwk(std::string_view json);

// RFC 7638 thumbprint: base64url of SHA-256 over the required members. Symmetric keys are `unsupported` (§7: the thumbprint
// of a secret would reveal information about it), and so are unknown types and curves.
[[nodiscard]] Result<std::string> jwk_thumbprint(const Jwk& key);

// The public half as JSON text, or that of each key of a set: type, material, alg, use, kid, nbf, exp, and key_ops turned from
// signing to verifying. Other members are left out. Errors as for jwk_thumbprint(); but a set leaves out keys of unknown
// types and curves (RFC 7517 §5).
[[nodiscard]] Result<std::string> jwk_public(const Jwk& key);
[[nodiscard]] Result<std::string> jwk_set_public(const JwkSet& set);

// The keys that an issuer may sign with, public halves as a set, and the others: {"keys":[…],"skipped":[{"key":2,"kid":"…",
// "reason":"…"}]}. Errors as for jwk_set_public(), and the reason of the first if none is left.
[[nodiscard]] Result<std::string> jwk_issuer_keys(std::string_view json);

struct GeneratedJwk {
    std::string kid;
    std::string public_jwk;   // JSON text; empty for a symmetric key
    SecretBytes private_jwk;  // JSON text
};

// A new key for a JWS algorithm. An empty kid becomes the thumbprint, or a random one for a symmetric key. `bits` is for
// RSA, 2048 to 4096, and 0 for the default.
[[nodiscard]] Result<GeneratedJwk> jwk_generate(std::string_view algorithm, std::string_view kid = {}, int bits = 0);

// An Ed25519 key pair for EdDSA signatures.
[[nodiscard]] Result<GeneratedJwk> jwk_generate_ed25519(std::string_view kid = {});
[[nodiscard]] Result<GeneratedJwk> jwk_from_ed25519_seed(ByteSpan seed, std::string_view kid = {});

}  // namespace bastion
