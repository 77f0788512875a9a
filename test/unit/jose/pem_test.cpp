// Keys in PEM, made here by OpenSSL: each form gives the same key as its JSON Web Key.
#include "core/jose/pem.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"
#include "unit/base/words.hpp"
#include "unit/jose/forge.hpp"

namespace {

using bastion::ErrorCode;
using bastion::parse_jwk;
using bastion::parse_jwk_set;
using bastion::test::forge;
using bastion::test::words;

struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;

template <class Write>
std::string written(Write&& write) {
    BIO* out = BIO_new(BIO_s_mem());
    EXPECT_EQ(write(out), 1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(out);
    return text;
}

std::string public_pem(EVP_PKEY* key) {
    return written([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key); });
}

std::string pkcs8_pem(EVP_PKEY* key, const char* password = nullptr) {
    return written([&](BIO* out) {
        return PEM_write_bio_PKCS8PrivateKey(out, key, password != nullptr ? EVP_aes_256_cbc() : nullptr, password,
                                             password != nullptr ? 8 : 0, nullptr, nullptr);
    });
}

std::string traditional_pem(EVP_PKEY* key) {
    return written([&](BIO* out) {
        return PEM_write_bio_PrivateKey_traditional(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
}

std::string json_string(std::string_view text) {
    std::string out;
    bastion::json_append_string(out, text);
    return out;
}

std::string pem_jwk(std::string_view pem, std::string_view members = "") {
    return R"({"pem":)" + json_string(pem) + std::string(members) + "}";
}

struct Case {
    const char* algorithm;
    Key key;
};

std::vector<Case> cases() {
    std::vector<Case> all;
    all.push_back({"RS256", Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}))});
    all.push_back({"ES256", Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"))});
    all.push_back({"ES384", Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"))});
    all.push_back({"ES512", Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521"))});
    all.push_back({"EdDSA", Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"))});
    return all;
}

TEST(Pem, EveryFormIsTheSameKey) {
    for (const auto& [algorithm, key] : cases()) {
        SCOPED_TRACE(words(algorithm));
        const std::string members = R"(,"alg":")" + std::string(algorithm) + R"(","kid":"k1")";
        const auto signer = parse_jwk(pem_jwk(pkcs8_pem(key.get()), members));
        ASSERT_TRUE(signer) << signer.error().message;
        EXPECT_TRUE(signer->may_sign());
        EXPECT_EQ(signer->kid, "k1");
        const auto verifier = parse_jwk_set(pem_jwk(public_pem(key.get()), members));
        ASSERT_TRUE(verifier);
        EXPECT_FALSE(verifier->keys[0].may_sign());
        EXPECT_EQ(*bastion::jwk_public(*signer), *bastion::jwk_public(verifier->keys[0]));
        const std::string token =
            forge(R"({"alg":")" + std::string(algorithm) + R"(","kid":"k1"})", "x", *signer, algorithm);
        EXPECT_TRUE(bastion::jws_verify(token, *verifier));
        // And the JSON Web Key of the same numbers.
        EXPECT_TRUE(bastion::jws_verify(token, *parse_jwk_set(*bastion::jwk_public(*signer))));
        if (std::string_view(algorithm) != "EdDSA") {
            const auto older = parse_jwk(pem_jwk(traditional_pem(key.get()), members));
            ASSERT_TRUE(older);
            EXPECT_TRUE(older->may_sign());
            EXPECT_EQ(*bastion::jwk_thumbprint(*older), *bastion::jwk_thumbprint(*signer));
        }
    }
}

std::string certificate_pem(EVP_PKEY* key) {
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    ASN1_TIME_set(X509_getm_notBefore(certificate), 1'600'000'000);
    ASN1_TIME_set(X509_getm_notAfter(certificate), 1'700'000'000);
    X509_set_pubkey(certificate, key);
    EXPECT_NE(X509_sign(certificate, key, EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : EVP_sha256()), 0);
    std::string text = written([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
    X509_free(certificate);
    return text;
}

TEST(Pem, CertificatesAreKeysWithDates) {
    for (const auto& [algorithm, key] : cases()) {
        SCOPED_TRACE(words(algorithm));
        const std::string pem = certificate_pem(key.get());
        const auto read = parse_jwk(pem_jwk(pem, R"(,"kid":"k1")"));
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_FALSE(read->may_sign());
        EXPECT_EQ(*bastion::jwk_thumbprint(*read),
                  *bastion::jwk_thumbprint(*parse_jwk(pem_jwk(public_pem(key.get())))));
        EXPECT_EQ(read->dates.from, 1'600'000'000);
        EXPECT_EQ(read->dates.until, 1'700'000'000);
        EXPECT_NE(bastion::jwk_public(*read)->find(R"("nbf":1600000000,"exp":1700000000)"), std::string::npos);
        EXPECT_FALSE(parse_jwk(json_string(pem + pem)));
        EXPECT_FALSE(parse_jwk(pem_jwk(pem, R"(,"exp":1)")));
    }
}

// As a public key without its PEM could: everybody has it, so everybody could sign.
TEST(Pem, CertificatesAreNoHmacSecrets) {
    for (const auto& [algorithm, key] : cases()) {
        SCOPED_TRACE(words(algorithm));
        std::string base64 = certificate_pem(key.get());
        base64 = base64.substr(base64.find('\n') + 1);
        base64.resize(base64.find("-----END"));
        std::erase(base64, '\n');
        const bastion::Bytes der = *bastion::base64_decode(base64);
        for (const std::string_view secret : {std::string_view(base64), bastion::as_text(der)}) {
            SCOPED_TRACE(words(secret.size()));
            EXPECT_FALSE(
                parse_jwk(R"({"kty":"oct","k":")" + bastion::base64url_encode(bastion::as_bytes(secret)) + "\"}"));
        }
    }
}

TEST(Pem, AsTheWholeTextAndInASet) {
    const auto all = cases();
    const std::string pem = public_pem(all[1].key.get());
    const auto alone = parse_jwk_set(json_string(pem));
    ASSERT_TRUE(alone);
    EXPECT_TRUE(alone->keys[0].alg.empty());
    EXPECT_TRUE(parse_jwk(json_string("\n " + pem + "\n\n")));
    const auto set = parse_jwk_set(R"({"keys":[)" + pem_jwk(pem, R"(,"kid":"a")") + "," +
                                   pem_jwk(public_pem(all[0].key.get()), R"(,"kid":"b")") + "]}");
    ASSERT_TRUE(set);
    EXPECT_EQ(set->keys.size(), 2U);
    const std::string parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    EXPECT_TRUE(parse_jwk(json_string(parameters + traditional_pem(all[1].key.get()))));
}

TEST(Pem, RsaPublicKeyOfPkcs1) {
    const auto all = cases();
    const std::string pem = written([&](BIO* out) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        return PEM_write_bio_RSAPublicKey(out, EVP_PKEY_get0_RSA(all[0].key.get()));
#pragma GCC diagnostic pop
    });
    const auto key = parse_jwk(pem_jwk(pem));
    ASSERT_TRUE(key);
    EXPECT_EQ(*bastion::jwk_thumbprint(*key),
              *bastion::jwk_thumbprint(*parse_jwk(pem_jwk(public_pem(all[0].key.get())))));
}

void expect_refused(const std::string& json, ErrorCode code) {
    const auto key = parse_jwk_set(json);
    ASSERT_FALSE(key) << json;
    EXPECT_EQ(key.error().code, code) << key.error().message;
}

TEST(Pem, WhatIsRefused) {
    const auto all = cases();
    const std::string pem = public_pem(all[1].key.get());
    for (const std::string& text : {std::string(), std::string("x"), pem + pem, "x" + pem, pem + "x", pem.substr(1),
                                    pem.substr(0, pem.size() - 8), pem.substr(0, 60) + pem.substr(70),
                                    std::string("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
                                    std::string("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")}) {
        SCOPED_TRACE(words(text));
        expect_refused(json_string(text), ErrorCode::invalid_argument);
        expect_refused(pem_jwk(text), ErrorCode::invalid_argument);
    }
    unsigned char* der = nullptr;
    const int der_size = i2d_PUBKEY(all[1].key.get(), &der);
    std::vector<unsigned char> longer(der, der + der_size);
    OPENSSL_free(der);
    const auto block = [&] {
        return written([&](BIO* out) {
            return PEM_write_bio(out, "PUBLIC KEY", "", longer.data(), static_cast<long>(longer.size())) > 0;
        });
    };
    ASSERT_EQ(block(), pem);
    longer.push_back(0);
    expect_refused(json_string(block()), ErrorCode::invalid_argument);
    std::string mislabelled = pem;
    for (auto at = mislabelled.find("PUBLIC"); at != std::string::npos; at = mislabelled.find("PUBLIC"))
        mislabelled.replace(at, 6, "PRIVATE");
    expect_refused(json_string(mislabelled), ErrorCode::invalid_argument);
    expect_refused(pem_jwk(pkcs8_pem(all[1].key.get(), "password")), ErrorCode::unsupported);
    expect_refused(json_string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                   ErrorCode::invalid_argument);
    expect_refused(json_string("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
                   ErrorCode::unsupported);
    expect_refused(R"({"pem":7})", ErrorCode::invalid_argument);
    expect_refused(pem_jwk(pem, R"(,"kty":"EC")"), ErrorCode::invalid_argument);
    expect_refused(pem_jwk(pem, R"(,"k":"AAAA")"), ErrorCode::invalid_argument);
    expect_refused(pem_jwk(pem, R"(,"alg":"RS256")"), ErrorCode::invalid_argument);
    expect_refused(pem_jwk(pem, R"(,"alg":"HS256")"), ErrorCode::invalid_argument);
    const Key other(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "secp256k1"));
    expect_refused(pem_jwk(public_pem(other.get())), ErrorCode::unsupported);
    const Key agreement(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
    expect_refused(pem_jwk(public_pem(agreement.get())), ErrorCode::unsupported);
    const Key small(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024}));
    expect_refused(pem_jwk(public_pem(small.get())), ErrorCode::invalid_argument);
    const Key pss(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA-PSS", std::size_t{2048}));
    if (pss) expect_refused(pem_jwk(public_pem(pss.get())), ErrorCode::unsupported);
}

}  // namespace
