#include "core/jose/jws.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/encoding.hpp"

namespace bastion {
namespace {

Result<Mac> hmac_of(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input) {
    const auto keyed = key.hmac(algorithm.hash);
    if (!keyed) return keyed.error();
    return (*keyed)->compute(input);
}

Result<bool> verify_hmac(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input, ByteSpan signature) {
    const auto mac = hmac_of(algorithm, key, input);
    if (!mac) return mac.error();
    return constant_time_equal(mac->span(), signature);
}

Result<Bytes> sign_hmac(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input) {
    const auto mac = hmac_of(algorithm, key, input);
    if (!mac) return mac.error();
    return Bytes(mac->span().begin(), mac->span().end());
}

// libsodium refuses what RFC 8032 §5.1.7 leaves open: a non-canonical S, points of small order, non-canonical keys.
Result<bool> verify_ed25519(const JwsAlgorithm&, const Jwk& key, std::string_view input, ByteSpan signature) {
    const ByteSpan bytes = as_bytes(input);
    return crypto_sign_verify_detached(signature.data(), bytes.data(), bytes.size(), key.ed25519_public.data()) == 0;
}

Result<Bytes> sign_ed25519(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input) {
    if (key.ed25519_private.empty()) return invalid_argument("signing needs a private key");
    const ByteSpan bytes = as_bytes(input);
    Bytes signature(algorithm.fixed_bytes);
    crypto_sign_detached(signature.data(), nullptr, bytes.data(), bytes.size(), key.ed25519_private.data());
    return signature;
}

Result<bool> verify_pair(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input, ByteSpan signature) {
    return key.pair.verify(algorithm.scheme, algorithm.hash, input, signature);
}

Result<Bytes> sign_pair(const JwsAlgorithm& algorithm, const Jwk& key, std::string_view input) {
    return key.pair.sign(algorithm.scheme, algorithm.hash, input);
}

// RFC 9864 names the algorithm of EdDSA (RFC 8037) over Ed25519 in full; both names mean the same signature.
constexpr std::string_view eddsa = "EdDSA";
constexpr std::string_view ed25519 = "Ed25519";

constexpr std::array<JwsAlgorithm, 14> algorithms{{
    {"HS256", KeyType::oct, "", SignatureScheme::none, HashId::sha256, 32, 32, verify_hmac, sign_hmac},
    {"HS384", KeyType::oct, "", SignatureScheme::none, HashId::sha384, 48, 48, verify_hmac, sign_hmac},
    {"HS512", KeyType::oct, "", SignatureScheme::none, HashId::sha512, 64, 64, verify_hmac, sign_hmac},
    {"RS256", KeyType::rsa, "", SignatureScheme::rsa_pkcs1, HashId::sha256, 0, 0, verify_pair, sign_pair},
    {"RS384", KeyType::rsa, "", SignatureScheme::rsa_pkcs1, HashId::sha384, 0, 0, verify_pair, sign_pair},
    {"RS512", KeyType::rsa, "", SignatureScheme::rsa_pkcs1, HashId::sha512, 0, 0, verify_pair, sign_pair},
    {"PS256", KeyType::rsa, "", SignatureScheme::rsa_pss, HashId::sha256, 0, 0, verify_pair, sign_pair},
    {"PS384", KeyType::rsa, "", SignatureScheme::rsa_pss, HashId::sha384, 0, 0, verify_pair, sign_pair},
    {"PS512", KeyType::rsa, "", SignatureScheme::rsa_pss, HashId::sha512, 0, 0, verify_pair, sign_pair},
    {"ES256", KeyType::ec, "P-256", SignatureScheme::ecdsa, HashId::sha256, 0, 64, verify_pair, sign_pair},
    {"ES384", KeyType::ec, "P-384", SignatureScheme::ecdsa, HashId::sha384, 0, 96, verify_pair, sign_pair},
    {"ES512", KeyType::ec, "P-521", SignatureScheme::ecdsa, HashId::sha512, 0, 132, verify_pair, sign_pair},
    {eddsa, KeyType::okp, "Ed25519", SignatureScheme::none, HashId::none, 0, 64, verify_ed25519, sign_ed25519},
    {ed25519, KeyType::okp, "Ed25519", SignatureScheme::none, HashId::none, 0, 64, verify_ed25519, sign_ed25519},
}};

bool contains(std::span<const std::string> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Checked before the token, because the caller has to fix it: RFC 8725 §3.1, the token never chooses how it is
// verified.
Result<void> require_algorithms(const JwkSet& keys, std::span<const std::string> accepted) {
    if (!accepted.empty()) return {};
    const auto usable = [](const Jwk& key) {
        return std::any_of(algorithms.begin(), algorithms.end(), [&](const auto& row) { return jwk_fits(key, row); });
    };
    for (const Jwk& key : keys.keys)
        if (key.may_verify() && key.alg.empty() && usable(key))
            return Error{ErrorCode::invalid_argument, "a key has no member \"alg\"", "",
                         "Name the accepted \"algorithms\" in the options, or give the key its \"alg\"."};
    return {};
}

// Of keys with the same kid, the type that the algorithm needs.
Result<const Jwk*> select_named_key(std::string_view kid, const JwsAlgorithm& algorithm, const JwkSet& keys) {
    bool known = false;
    for (const Jwk& key : keys.keys) {
        if (key.kid != kid) continue;
        if (key.may_verify() && jwk_fits(key, algorithm)) return &key;
        known = true;
    }
    return refuse_token(known ? "the key with the token's kid is not for its algorithm or for verifying"
                              : "no key has the token's kid");
}

// RFC 7515 §4.1.4: a kid selects its key and no other. Without a kid, exactly one key must match; and an only key without
// a kid is the caller's choice, whatever the token calls it.
Result<const Jwk*> select_key(const JwsHeader& header, const JwsAlgorithm& algorithm, const JwkSet& keys) {
    const auto usable = [&](const Jwk& key) { return key.may_verify() && jwk_fits(key, algorithm); };
    const bool unnamed = keys.keys.size() == 1 && keys.keys.front().kid.empty() && keys.skipped.empty();
    if (!header.kid.empty() && !unnamed) return select_named_key(header.kid, algorithm, keys);
    const Jwk* only = nullptr;
    for (const Jwk& key : keys.keys) {
        if (!usable(key)) continue;
        if (only != nullptr) return refuse_token("the token has no kid and several keys could verify it");
        only = &key;
    }
    if (only == nullptr) return refuse_token("no key can verify the token");
    return only;
}

Result<const Jwk*> check_signature(const UnverifiedJws& token, const JwkSet& keys,
                                   std::span<const std::string> accepted) {
    const JwsAlgorithm* algorithm = find_jws_algorithm(token.header->alg);
    if (algorithm == nullptr) return refuse_token("the token's algorithm is not supported");
    if (!accepted.empty() && !contains(accepted, algorithm->name))
        return refuse_token("the token's algorithm is not an accepted one");
    auto key = select_key(*token.header, *algorithm, keys);
    if (!key) return key;
    if (token.signature.size() != jws_signature_bytes(*algorithm, **key))
        return refuse_token("the signature has a wrong length");
    const auto valid = algorithm->verify(*algorithm, **key, token.signing_input, as_bytes(token.signature));
    if (!valid) return valid.error();
    if (!*valid) return refuse_token("the signature does not verify");
    return key;
}

}  // namespace

std::span<const JwsAlgorithm> jws_algorithms() noexcept { return algorithms; }

const JwsAlgorithm* find_jws_algorithm(std::string_view name) noexcept {
    const auto* found =
        std::find_if(algorithms.begin(), algorithms.end(), [&](const JwsAlgorithm& row) { return row.name == name; });
    return found == algorithms.end() ? nullptr : found;
}

std::string jws_algorithm_names() {
    std::string names;
    for (const JwsAlgorithm& algorithm : algorithms) {
        if (!names.empty()) names += ", ";
        names += algorithm.name;
    }
    return names;
}

bool same_algorithm(std::string_view left, std::string_view right) noexcept {
    const auto is_eddsa = [](std::string_view name) { return name == eddsa || name == ed25519; };
    return left == right || (is_eddsa(left) && is_eddsa(right));
}

bool jwk_fits(const Jwk& key, const JwsAlgorithm& algorithm) noexcept {
    return key.kty == algorithm.kty && key.crv == algorithm.crv &&
           (key.alg.empty() || same_algorithm(key.alg, algorithm.name)) &&
           (!key.is_symmetric() || key.secret.size() >= algorithm.min_key_bytes);
}

std::size_t jws_signature_bytes(const JwsAlgorithm& algorithm, const Jwk& key) noexcept {
    return algorithm.fixed_bytes != 0 ? algorithm.fixed_bytes : key.pair.signature_bytes();
}

VerifiedJws::VerifiedJws(UnverifiedJws&& token, const Jwk& by) noexcept
    : header(std::move(token.header)), key(&by), payload(std::move(token.payload)) {}

Result<VerifiedJws> VerifiedJws::verify(Result<UnverifiedJws>&& token, const JwkSet& keys,
                                        std::span<const std::string> accepted) {
    if (!token) return std::move(token).error();
    const auto key = check_signature(*token, keys, accepted);
    if (!key) return key.error();
    return VerifiedJws(*std::move(token), **key);
}

Result<VerifiedJws> jws_verify(UnverifiedJws&& token, const JwkSet& keys, std::span<const std::string> accepted) {
    if (auto named = require_algorithms(keys, accepted); !named) return std::move(named).error();
    return VerifiedJws::verify(std::move(token), keys, accepted);
}

Result<VerifiedJws> jws_verify(std::string_view token, const JwkSet& keys, std::span<const std::string> accepted) {
    if (auto named = require_algorithms(keys, accepted); !named) return std::move(named).error();
    return VerifiedJws::verify(parse_jws(token), keys, accepted);
}

Result<std::string> jws_sign(std::string_view header_json, std::string_view payload, const Jwk& key,
                             const JwsAlgorithm& algorithm) {
    if (!key.may_sign() || !jwk_fits(key, algorithm))
        return invalid_argument("the key is not one to sign with by this algorithm");
    const std::size_t size = base64url_length(header_json.size()) + base64url_length(payload.size()) +
                             base64url_length(jws_signature_bytes(algorithm, key)) + 2;
    if (size > token_max_bytes) return Error{ErrorCode::limit_exceeded, "the token would be longer than 16 KiB"};
    std::string token = base64url_encode(as_bytes(header_json)) + "." + base64url_encode(as_bytes(payload));
    const auto signature = algorithm.sign(algorithm, key, token);
    if (!signature) return signature.error();
    token += "." + base64url_encode(*signature);
    return token;
}

}  // namespace bastion
