// JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037): one key or a set, parsed strictly. Called by the JWS and JWT
// functions and by the shims that cache issuers' keys; a parsed set may be kept and used for any number of tokens, by
// one thread at a time. Key material sits in SecretBytes and appears in no message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/hmac.hpp"
#include "core/result.hpp"
#include "core/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t jwk_max_bytes = 256 * 1024;
inline constexpr std::size_t jwk_max_keys = 1000;

// `other` is a type we know nothing of: RFC 7517 §5 lets a set hold such keys, and no token verifies with them.
enum class KeyType { oct, okp, rsa, ec, other };

struct Jwk {
    KeyType kty = KeyType::other;
    std::string crv;  // "Ed25519"; empty for oct
    std::string alg;  // empty when the key does not say
    std::string use;
    std::optional<std::vector<std::string>> key_ops;
    std::string kid;  // empty when the key has none

    SecretBytes secret;                             // oct: the key
    std::array<std::uint8_t, 32> ed25519_public{};  // OKP Ed25519
    SecretBytes ed25519_private;                    // seed then public key, 64 bytes; empty in a public key

    [[nodiscard]] bool may_verify() const noexcept;  // by use and key_ops
    [[nodiscard]] bool may_sign() const noexcept;    // the same, and there is something to sign with
    [[nodiscard]] bool is_symmetric() const noexcept { return kty == KeyType::oct; }

    // The keyed state for `hash`, made at first use and kept. Only for oct keys.
    [[nodiscard]] Result<const HmacKey*> hmac(HashId hash) const;

private:
    mutable std::vector<HmacKey> hmacs_;
};

struct JwkSet {
    std::vector<Jwk> keys;

    [[nodiscard]] const Jwk* find(std::string_view kid) const noexcept;
};

// One JWK, or a JWK Set ({"keys":[…]}). Anything wrong is invalid_argument: a missing or misplaced member, a short HMAC
// key, a private part that does not belong to the public one, a kid that occurs twice, symmetric and public keys in one
// set.
[[nodiscard]] Result<JwkSet> parse_jwk_set(std::string_view json);

// Exactly one key; a set is refused.
[[nodiscard]] Result<Jwk> parse_jwk(std::string_view json);

// RFC 7638 thumbprint of an Ed25519 key: base64url of SHA-256 over its required members. Other keys are `unsupported`
// (§7: the thumbprint of a secret would give something of it away).
[[nodiscard]] Result<std::string> jwk_thumbprint(const Jwk& key);

struct GeneratedJwk {
    std::string kid;
    std::string public_jwk;   // JSON text
    SecretBytes private_jwk;  // JSON text
};

// An Ed25519 key pair for EdDSA signatures. An empty kid becomes the thumbprint.
[[nodiscard]] Result<GeneratedJwk> jwk_generate_ed25519(std::string_view kid = {});
[[nodiscard]] Result<GeneratedJwk> jwk_from_ed25519_seed(ByteSpan seed, std::string_view kid = {});

}  // namespace bastion
