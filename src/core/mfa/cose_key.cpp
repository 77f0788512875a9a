#include "core/mfa/cose_key.hpp"

#include <sodium.h>

#include <algorithm>
#include <utility>

namespace bastion {
namespace {

// RFC 9053 §7 and RFC 8230 §4.
enum Label : std::int64_t { kty = 1, alg = 3, crv_or_n = -1, x_or_e = -2, y = -3 };
enum Type : std::int64_t { okp = 1, ec2 = 2, rsa = 3 };
enum Curve : std::int64_t { p256 = 1, ed25519 = 6 };

Error malformed() { return {ErrorCode::malformed_text, "invalid public key"}; }
Error unsupported() { return {ErrorCode::unsupported, "the key type, curve or algorithm is not supported"}; }

std::optional<std::int64_t> integer_of(const CborValue& key, std::int64_t label) {
    const CborValue* const member = key.find(label);
    return member != nullptr ? member->as_integer() : std::nullopt;
}

std::optional<ByteSpan> bytes_of(const CborValue& key, std::int64_t label) {
    const CborValue* const member = key.find(label);
    return member != nullptr ? member->as_bytes() : std::nullopt;
}

Result<CoseKey> with_pair(CoseAlgorithm algorithm, Result<AsymmetricKey> pair) {
    if (!pair) return std::move(pair).error();
    CoseKey made{algorithm, {}, {}};
    made.pair = std::move(*pair);
    return made;
}

Result<CoseKey> parse_ec(const CborValue& key) {
    const auto x = bytes_of(key, x_or_e);
    const auto y_bytes = bytes_of(key, y);
    if (integer_of(key, crv_or_n) != p256) return unsupported();
    if (!x || !y_bytes) return malformed();
    EcNumbers numbers{"P-256", SecretBytes(*x), SecretBytes(*y_bytes), {}};
    return with_pair(CoseAlgorithm::es256, AsymmetricKey::from_ec(numbers));
}

Result<CoseKey> parse_rsa(const CborValue& key) {
    const auto n = bytes_of(key, crv_or_n);
    const auto e = bytes_of(key, x_or_e);
    if (!n || !e) return malformed();
    RsaNumbers numbers;
    numbers.n = SecretBytes(*n);
    numbers.e = SecretBytes(*e);
    return with_pair(CoseAlgorithm::rs256, AsymmetricKey::from_rsa(numbers));
}

Result<CoseKey> parse_okp(const CborValue& key) {
    const auto x = bytes_of(key, x_or_e);
    if (integer_of(key, crv_or_n) != ed25519) return unsupported();
    CoseKey made{CoseAlgorithm::eddsa, {}, {}};
    if (!x || x->size() != made.ed25519.size()) return malformed();
    std::ranges::copy(*x, made.ed25519.begin());
    // A point of small order would verify signatures that its owner never made.
    if (crypto_core_ed25519_is_valid_point(made.ed25519.data()) != 1) return malformed();
    return made;
}

}  // namespace

Result<CoseKey> parse_cose_key(const CborValue& key) {
    const auto type = integer_of(key, kty);
    const auto algorithm = integer_of(key, alg);
    if (!type || !algorithm) return malformed();
    if (*type == ec2 && *algorithm == static_cast<int>(CoseAlgorithm::es256)) return parse_ec(key);
    if (*type == okp && *algorithm == static_cast<int>(CoseAlgorithm::eddsa)) return parse_okp(key);
    if (*type == rsa && *algorithm == static_cast<int>(CoseAlgorithm::rs256)) return parse_rsa(key);
    return unsupported();
}

Result<CoseKey> parse_cose_key(ByteSpan bytes) {
    const Result<CborRead> read = read_cbor(bytes);
    if (!read) return read.error();
    if (read->size != bytes.size()) return malformed();
    return parse_cose_key(read->value);
}

Result<bool> cose_verify(const CoseKey& key, std::string_view input, ByteSpan signature) {
    switch (key.algorithm) {
        case CoseAlgorithm::eddsa:
            return signature.size() == crypto_sign_BYTES &&
                   crypto_sign_verify_detached(signature.data(), as_bytes(input).data(), input.size(),
                                               key.ed25519.data()) == 0;
        case CoseAlgorithm::rs256: return key.pair.verify(SignatureScheme::rsa_pkcs1, HashId::sha256, input, signature);
        case CoseAlgorithm::es256: break;
    }
    return key.pair.verify(SignatureScheme::ecdsa, HashId::sha256, input,
                           ecdsa_raw_signature(signature, key.pair.signature_bytes()));
}

}  // namespace bastion
