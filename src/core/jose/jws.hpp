// Compact JWS (RFC 7515): strict parsing, and one table of signature algorithms. Called by jwt.cpp and, for the kid of
// a token that is not verified yet, by the shim that finds the key. Tokens are views of the caller's text; a JwsToken
// lives as long as that text. Every refusal of a token is the same error; its reason stands in log_detail alone.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "core/jose/jwk_key.hpp"

namespace bastion {

inline constexpr std::size_t token_max_bytes = 16 * 1024;

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

// Whether the key is one for this algorithm: type, curve, size and, when it says so, its alg.
[[nodiscard]] bool jwk_fits(const Jwk& key, const JwsAlgorithm& algorithm) noexcept;

// How long a signature by this key is, exactly.
[[nodiscard]] std::size_t jws_signature_bytes(const JwsAlgorithm& algorithm, const Jwk& key) noexcept;

// The refusal of a token: token_refused, "invalid token", `reason` for the log alone.
[[nodiscard]] Error refuse_token(std::string_view reason);

// What a header says and we may act upon.
struct JwsHeader {
    std::string alg;
    std::string kid;  // empty when the token names none
    std::string typ;  // empty when the token names none
};

struct JwsToken {
    std::string_view signing_input;
    std::string_view payload_part;  // still base64url: nothing reads it before the signature holds
    std::string signature;          // its bytes
    std::shared_ptr<const JwsHeader> header;
};

// Three canonical parts, of which the payload alone may be empty, and a header that we may act upon; says nothing about
// the signature.
[[nodiscard]] Result<JwsToken> parse_jws(std::string_view token);

struct VerifiedJws {
    JwsToken token;
    const Jwk* key = nullptr;  // one of the caller's set
    std::string payload;
};

// Verifies with the one key that the token selects. `algorithms` (names) narrows what is accepted; when it is empty
// every key that may verify must say its alg (else invalid_argument).
[[nodiscard]] Result<VerifiedJws> jws_verify(std::string_view token, const JwkSet& keys,
                                             std::span<const std::string> algorithms = {});

// header_json is taken as it is and must be an object with the algorithm's name as alg.
[[nodiscard]] Result<std::string> jws_sign(std::string_view header_json, std::string_view payload, const Jwk& key,
                                           const JwsAlgorithm& algorithm);

// The kid that a token claims to be signed with, for finding its key; empty when it names none. Not to be believed
// before the token is verified with that key.
[[nodiscard]] Result<std::string> jws_unverified_kid(std::string_view token);

}  // namespace bastion
