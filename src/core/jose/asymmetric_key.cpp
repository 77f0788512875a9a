#include "core/jose/asymmetric_key.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/libcrypto.hpp"
#include "core/jose/pkey.hpp"
#include "core/jose/rsa_check.hpp"

namespace bastion {
namespace {

constexpr std::size_t most_digest_bytes = 64;

// Failures leave errors in a queue of the thread, which other code would take for its own.
Error crypto_failed(const char* what) {
    ERR_clear_error();
    return {ErrorCode::internal, what};
}

using EcdsaSignature = std::unique_ptr<ECDSA_SIG, LibcryptoFree<ECDSA_SIG_free>>;

struct DerSignature {
    std::array<std::uint8_t, 160> bytes;
    std::size_t size = 0;  // 0: no signature
};

// libcrypto wants ASN.1. None when r or s is zero; that both are below the order of the curve is libcrypto's to check.
DerSignature der_of(ByteSpan signature) {
    const std::size_t half = signature.size() / 2;
    SecretNumber r(BN_bin2bn(signature.data(), static_cast<int>(half), nullptr));
    SecretNumber s(BN_bin2bn(signature.data() + half, static_cast<int>(half), nullptr));
    const EcdsaSignature parts(ECDSA_SIG_new());
    DerSignature der;
    if (!r || !s || !parts || BN_is_zero(r.get()) || BN_is_zero(s.get())) return der;
    ECDSA_SIG_set0(parts.get(), r.release(), s.release());
    const int size = i2d_ECDSA_SIG(parts.get(), nullptr);
    if (size <= 0 || static_cast<std::size_t>(size) > der.bytes.size()) return der;
    unsigned char* end = der.bytes.data();
    if (i2d_ECDSA_SIG(parts.get(), &end) == size) der.size = static_cast<std::size_t>(size);
    return der;
}

bool set_up(EVP_PKEY_CTX* context, SignatureScheme scheme, const EVP_MD* digest, bool signing) {
    if ((signing ? EVP_PKEY_sign_init(context) : EVP_PKEY_verify_init(context)) != 1) return false;
    if (scheme == SignatureScheme::ecdsa) return EVP_PKEY_CTX_set_signature_md(context, digest) == 1;
    const int padding = scheme == SignatureScheme::rsa_pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    if (EVP_PKEY_CTX_set_rsa_padding(context, padding) != 1 || EVP_PKEY_CTX_set_signature_md(context, digest) != 1)
        return false;
    return scheme == SignatureScheme::rsa_pkcs1 ||
           (EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

}  // namespace

Bytes ecdsa_raw_signature(ByteSpan der, std::size_t size) {
    const unsigned char* at = der.data();
    const EcdsaSignature parts(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    Bytes raw(size);
    const int half = static_cast<int>(size / 2);
    const bool ok = parts && at == der.data() + der.size() &&
                    BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), raw.data(), half) == half &&
                    BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), raw.data() + half, half) == half;
    if (!ok) {
        ERR_clear_error();
        raw.clear();
    }
    return raw;
}

struct AsymmetricKey::Operation {
    SignatureScheme scheme;
    HashId hash;
    bool signing;
    DigestContext digest;
    PkeyContext context;

    // The hash of the input; empty when libcrypto fails.
    ByteSpan hash_of(std::string_view input, std::array<std::uint8_t, most_digest_bytes>& out) const {
        unsigned int size = 0;
        const bool ok = EVP_DigestInit_ex2(digest.get(), nullptr, nullptr) == 1 &&
                        EVP_DigestUpdate(digest.get(), input.data(), input.size()) == 1 &&
                        EVP_DigestFinal_ex(digest.get(), out.data(), &size) == 1;
        return {out.data(), ok ? size : 0};
    }
};

AsymmetricKey::AsymmetricKey() noexcept = default;
AsymmetricKey::AsymmetricKey(AsymmetricKey&&) noexcept = default;
AsymmetricKey& AsymmetricKey::operator=(AsymmetricKey&&) noexcept = default;
AsymmetricKey::~AsymmetricKey() = default;

void AsymmetricKey::FreeKey::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

Result<AsymmetricKey> AsymmetricKey::from_rsa(const RsaNumbers& numbers) {
    if (auto checked = check_rsa(numbers); !checked) return std::move(checked).error();
    Pkey key = rsa_pkey(numbers);
    if (!key) return crypto_failed("could not take an RSA key");
    AsymmetricKey made;
    made.key_.reset(key.release());
    made.has_private_ = !numbers.d.empty();
    made.signature_bytes_ = numbers.n.size();
    return made;
}

Result<AsymmetricKey> AsymmetricKey::from_ec(const EcNumbers& numbers) {
    const std::size_t size = ec_field_bytes(numbers.crv);
    if (size == 0) return invalid_argument("the curve is not supported");
    if (numbers.x.size() != size || numbers.y.size() != size)
        return invalid_argument("members \"x\" and \"y\" of an EC key must have the length of its curve");
    if (!numbers.d.empty() && numbers.d.size() != size)
        return invalid_argument("member \"d\" of an EC key must have the length of its curve");
    Pkey key = ec_pkey(numbers);
    if (!key) {
        ERR_clear_error();
        return invalid_argument("the point of an EC key is not on its curve");
    }
    // Signing with a public key that does not match the private key would reveal the private key.
    if (!numbers.d.empty() && !pair_belongs_together(key.get())) {
        ERR_clear_error();
        return invalid_argument("the private part of an EC key does not belong to its public part");
    }
    AsymmetricKey made;
    made.key_.reset(key.release());
    made.has_private_ = !numbers.d.empty();
    made.signature_bytes_ = 2 * size;
    return made;
}

Result<AsymmetricKey::Operation*> AsymmetricKey::operation(SignatureScheme scheme, HashId hash, bool signing) const {
    for (const auto& kept : operations_)
        if (kept->scheme == scheme && kept->hash == hash && kept->signing == signing) return kept.get();
    auto made =
        std::make_unique<Operation>(Operation{scheme, hash, signing, DigestContext(EVP_MD_CTX_new()),
                                              PkeyContext(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr))});
    const EVP_MD* digest = fetched_digest(hash);
    const bool ok = made->digest && made->context && digest != nullptr &&
                    EVP_DigestInit_ex2(made->digest.get(), digest, nullptr) == 1 &&
                    set_up(made->context.get(), scheme, digest, signing);
    if (!ok) return crypto_failed("could not prepare a signature");
    operations_.push_back(std::move(made));
    return operations_.back().get();
}

Result<bool> AsymmetricKey::verify(SignatureScheme scheme, HashId hash, std::string_view input,
                                   ByteSpan signature) const {
    if (signature.size() != signature_bytes_) return false;
    const auto kept = operation(scheme, hash, false);
    if (!kept) return kept.error();
    std::array<std::uint8_t, most_digest_bytes> buffer;
    const ByteSpan digest = (*kept)->hash_of(input, buffer);
    if (digest.empty()) return crypto_failed("could not compute a hash");
    DerSignature der;
    if (scheme == SignatureScheme::ecdsa) {
        der = der_of(signature);
        if (der.size == 0) return false;
        signature = {der.bytes.data(), der.size};
    }
    const bool valid =
        EVP_PKEY_verify((*kept)->context.get(), signature.data(), signature.size(), digest.data(), digest.size()) == 1;
    if (!valid) ERR_clear_error();
    return valid;
}

Result<Bytes> AsymmetricKey::sign(SignatureScheme scheme, HashId hash, std::string_view input) const {
    if (!has_private_) return invalid_argument("signing needs a private key");
    const auto kept = operation(scheme, hash, true);
    if (!kept) return kept.error();
    std::array<std::uint8_t, most_digest_bytes> buffer;
    const ByteSpan digest = (*kept)->hash_of(input, buffer);
    Bytes signature(signature_bytes_ + 16);
    std::size_t size = signature.size();
    const bool ok = !digest.empty() &&
                    EVP_PKEY_sign((*kept)->context.get(), signature.data(), &size, digest.data(), digest.size()) == 1;
    if (!ok) return crypto_failed("could not sign");
    signature.resize(size);
    if (scheme != SignatureScheme::ecdsa) return signature;
    Bytes raw = ecdsa_raw_signature(signature, signature_bytes_);
    if (raw.empty()) return crypto_failed("could not sign");
    return raw;
}

}  // namespace bastion
