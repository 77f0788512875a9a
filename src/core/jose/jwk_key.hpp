// A JSON Web Key and a set of them, as jwk.hpp parses them and JWS uses them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hmac.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/jose/asymmetric_key.hpp"

namespace bastion {

// `other` is an unknown type: RFC 7517 §5 lets a set hold such keys, and no token verifies with them.
enum class KeyType { oct, okp, rsa, ec, other };

// When a key may verify, in seconds since 1970: the dates of a certificate, and the members nbf and exp of a JSON Web Key.
struct KeyDates {
    std::optional<double> from;
    std::optional<double> until;
};

struct Jwk {
    KeyType kty = KeyType::other;
    std::string crv;  // "Ed25519", "P-256", …; empty for oct and RSA
    std::string alg;  // empty when the key does not say
    std::string use;
    std::optional<std::vector<std::string>> key_ops;
    std::string kid;  // empty when the key has none
    KeyDates dates;

    SecretBytes secret;                             // oct: the key
    std::array<std::uint8_t, 32> ed25519_public{};  // OKP Ed25519
    SecretBytes ed25519_private;                    // seed then public key, 64 bytes; empty in a public key
    AsymmetricKey pair;                             // RSA, and EC on the curves of RFC 7518

    [[nodiscard]] bool may_verify() const noexcept;  // by use and key_ops
    [[nodiscard]] bool may_sign() const noexcept;    // the same, and the key has a private part or secret
    [[nodiscard]] bool is_symmetric() const noexcept { return kty == KeyType::oct; }

    // The keyed state for `hash`, made lazily and cached. Only for oct keys.
    [[nodiscard]] Result<const HmacKey*> hmac(HashId hash) const;

private:
    mutable std::vector<HmacKey> hmacs_;
};

// A member of a set that no token verifies with.
struct SkippedJwk {
    std::size_t position;  // from 1
    std::string kid;       // empty when it has none
    std::string reason;
};

struct JwkSet {
    std::vector<Jwk> keys;
    bool is_set = false;  // written as a set, which may hold one key, too
    std::vector<SkippedJwk> skipped;

    // The bytes that the parsed keys hold, those of libcrypto's objects included: an estimate.
    [[nodiscard]] std::size_t memory() const noexcept;
};

}  // namespace bastion
