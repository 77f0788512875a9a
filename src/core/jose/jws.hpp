// Compact JWS (RFC 7515): one table of signature algorithms, verification of tokens that unverified_jws.hpp parsed, and
// signing. Called by jwt.cpp and by the shim of jws_verify.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/jose/jwk_key.hpp"
#include "core/jose/unverified_jws.hpp"

namespace bastion {

// One row per algorithm: the key it is for, and how it verifies and signs. RFC 8725 §3.1: an algorithm works only with
// keys made for it.
struct JwsAlgorithm {
    std::string_view name;
    KeyType kty;
    std::string_view crv;       // empty: the key type has no curves
    SignatureScheme scheme;     // of RSA and EC keys
    HashId hash;                // none: the signature scheme brings its own
    std::size_t min_key_bytes;  // oct: RFC 7518 §3.2, at least the hash output
    std::size_t fixed_bytes;    // of a signature; 0: as many as the key's modulus
    Result<bool> (*verify)(const JwsAlgorithm&, const Jwk&, std::string_view input, ByteSpan signature);
    Result<Bytes> (*sign)(const JwsAlgorithm&, const Jwk&, std::string_view input);
};

[[nodiscard]] std::span<const JwsAlgorithm> jws_algorithms() noexcept;
[[nodiscard]] const JwsAlgorithm* find_jws_algorithm(std::string_view name) noexcept;
[[nodiscard]] std::string jws_algorithm_names();  // "HS256, HS384, …" for messages

// Whether two names mean the same algorithm: EdDSA and Ed25519 do.
[[nodiscard]] bool same_algorithm(std::string_view left, std::string_view right) noexcept;

// Whether the key is one for this algorithm: type, curve, size and, if present, its alg.
[[nodiscard]] bool jwk_fits(const Jwk& key, const JwsAlgorithm& algorithm) noexcept;

// The exact length of a signature by this key.
[[nodiscard]] std::size_t jws_signature_bytes(const JwsAlgorithm& algorithm, const Jwk& key) noexcept;

// A token whose signature holds: the only way to one is jws_verify().
class VerifiedJws {
public:
    std::shared_ptr<const JwsHeader> header;
    const Jwk* key;  // one of the caller's set
    std::string payload;

private:
    friend Result<VerifiedJws> jws_verify(UnverifiedJws&&, const JwkSet&, std::span<const std::string>);
    friend Result<VerifiedJws> jws_verify(std::string_view, const JwkSet&, std::span<const std::string>);
    VerifiedJws(UnverifiedJws&& token, const Jwk& by) noexcept;
    static Result<VerifiedJws> verify(Result<UnverifiedJws>&& token, const JwkSet& keys,
                                      std::span<const std::string> accepted);
};

// Verifies with the one key that the token selects. `algorithms` (names) narrows what is accepted; when it is empty
// every key that may verify must say its alg (else invalid_argument).
[[nodiscard]] Result<VerifiedJws> jws_verify(UnverifiedJws&& token, const JwkSet& keys,
                                             std::span<const std::string> algorithms = {});
[[nodiscard]] Result<VerifiedJws> jws_verify(std::string_view token, const JwkSet& keys,
                                             std::span<const std::string> algorithms = {});

// header_json is taken as it is and must be an object with the algorithm's name as alg.
[[nodiscard]] Result<std::string> jws_sign(std::string_view header_json, std::string_view payload, const Jwk& key,
                                           const JwsAlgorithm& algorithm);

}  // namespace bastion
