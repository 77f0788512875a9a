// Managed keys: every algorithm, the text that they return, and the published vectors of RFC 4231 and RFC 8032.
#include "core/vault/application_key.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/base/encoding.hpp"
#include "core/jose/jwk.hpp"
#include "core/vault/key_transport.hpp"
#include "unit/base/words.hpp"

namespace {

using bastion::ApplicationKey;
using bastion::as_bytes;
using bastion::ErrorCode;
using bastion::hex_decode;
using bastion::KeyUse;
using bastion::MadeKey;
using bastion::open_application_key;
using bastion::test::words;

ApplicationKey made(std::string_view algorithm) {
    const auto key = bastion::make_application_key(algorithm, 0);
    EXPECT_TRUE(key) << algorithm;
    auto opened = open_application_key(algorithm, key->material.span());
    EXPECT_TRUE(opened) << algorithm;
    return std::move(*opened);
}

std::string text_of(std::string_view hex) { return "v1." + bastion::base64url_encode(*hex_decode(hex)); }

TEST(ApplicationKey, EveryAlgorithm) {
    for (const std::string_view name : {"EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384",
                                        "PS512", "HS256", "HS384", "HS512", "XAES-256-GCM", "RSA-OAEP-256"}) {
        SCOPED_TRACE(words(name));
        const auto key = bastion::make_application_key(name, 0);
        ASSERT_TRUE(key);
        const KeyUse use = bastion::find_key_algorithm(name)->use;
        const auto actions = bastion::key_actions(use);
        EXPECT_EQ(actions.empty(), use == KeyUse::transport);
        if (!actions.empty()) {
            EXPECT_EQ(actions.front(), use == KeyUse::sign ? "sign" : use == KeyUse::mac ? "mac" : "wrap");
            EXPECT_EQ(actions.back(), use == KeyUse::wrap ? "unwrap" : "verify");
        }
        EXPECT_EQ(key->public_jwk.empty(), use == KeyUse::mac || use == KeyUse::wrap);
        EXPECT_EQ(key->public_jwk.find("\"d\""), std::string::npos);
        auto opened = open_application_key(name, key->material.span());
        ASSERT_TRUE(opened);
        const auto signature = bastion::key_sign(*opened, 7, "data");
        ASSERT_EQ(signature.ok(), use == KeyUse::sign || use == KeyUse::mac);
        if (signature) {
            EXPECT_TRUE(signature->starts_with("v7."));
            EXPECT_TRUE(*bastion::key_verify(*opened, "data", *signature));
            EXPECT_FALSE(*bastion::key_verify(*opened, "date", *signature));
            EXPECT_FALSE(*bastion::key_verify(made(name), "data", *signature));
        } else {
            EXPECT_EQ(signature.error().code, ErrorCode::invalid_argument);
            EXPECT_EQ(bastion::key_verify(*opened, "data", "v1.AA").error().code, ErrorCode::invalid_argument);
        }
        EXPECT_EQ(bastion::make_wrapped_key(*opened, 1, "label", 32).ok(), use == KeyUse::wrap);
        EXPECT_EQ(bastion::open_wrapped_key(*opened, "label", "v1.AA").error().code,
                  use == KeyUse::wrap ? ErrorCode::sealed_invalid : ErrorCode::invalid_argument);
    }
    for (const std::string_view name : {"", "none", "eddsa", "Ed25519", "RSA-OAEP", "A256GCM"}) {
        SCOPED_TRACE(words(name));
        EXPECT_EQ(bastion::make_application_key(name, 0).error().code, ErrorCode::unsupported);
        EXPECT_EQ(open_application_key(name, {}).error().code, ErrorCode::unsupported);
    }
}

TEST(ApplicationKey, Bits) {
    EXPECT_TRUE(bastion::make_application_key("RS256", 2560));
    EXPECT_TRUE(bastion::make_application_key("RSA-OAEP-256", 2048));
    for (const std::string_view name : {"EdDSA", "ES256", "HS256", "XAES-256-GCM"}) {
        SCOPED_TRACE(words(name));
        EXPECT_EQ(bastion::make_application_key(name, 2048).error().code, ErrorCode::invalid_argument);
    }
    for (const int bits : {1024, 2049, 8192, -1}) {
        SCOPED_TRACE(words(bits));
        EXPECT_EQ(bastion::make_application_key("RSA-OAEP-256", bits).error().code, ErrorCode::invalid_argument);
    }
}

TEST(ApplicationKey, MaterialOfAnotherAlgorithm) {
    const auto ed25519 = bastion::make_application_key("EdDSA", 0);
    for (const std::string_view name : {"ES256", "RS256", "HS256", "RSA-OAEP-256", "XAES-256-GCM"}) {
        SCOPED_TRACE(words(name));
        EXPECT_FALSE(open_application_key(name, ed25519->material.span()));
    }
    // One of the same type of key.
    EXPECT_FALSE(open_application_key("PS256", bastion::make_application_key("RS256", 0)->material.span()));
    EXPECT_FALSE(open_application_key("HS512", bastion::make_application_key("HS256", 0)->material.span()));
    EXPECT_FALSE(open_application_key("EdDSA", {}));
    EXPECT_FALSE(open_application_key("XAES-256-GCM", as_bytes("short")));
}

// RFC 8032 §7.1: a signature of Ed25519 is a function of key and message.
TEST(ApplicationKey, Rfc8032) {
    struct Vector {
        std::string_view seed, message, signature;
    };
    for (
        const auto& [seed, message, signature] : {
            Vector{
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5"
                "f0595bbe24655141438e7a100b"},
            Vector{
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2e"
                "aeb4302aeeb00d291612bb0c00"},
            Vector{
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15"
                "e9716ed28dc027beceea1ec40a"},
        }) {
        SCOPED_TRACE(words(message));
        const auto pair = bastion::jwk_from_ed25519_seed(*hex_decode(seed));
        const auto key = open_application_key("EdDSA", pair->private_jwk.span());
        ASSERT_TRUE(key);
        const std::string data(bastion::as_text(*hex_decode(message)));
        EXPECT_EQ(*bastion::key_sign(*key, 1, data), text_of(signature));
        EXPECT_TRUE(*bastion::key_verify(*key, data, text_of(signature)));
    }
}

// RFC 4231 §4.7 and §4.8; the shorter keys there are too short for JWS.
TEST(ApplicationKey, Rfc4231) {
    const std::string encoded = bastion::base64url_encode(bastion::Bytes(131, 0xaa));
    const auto key_of = [&](std::string_view algorithm) {
        return open_application_key(algorithm, as_bytes(R"({"kty":"oct","k":")" + encoded + "\"}"));
    };
    const std::string_view data = "Test Using Larger Than Block-Size Key - Hash Key First";
    EXPECT_EQ(*bastion::key_sign(*key_of("HS256"), 1, data),
              text_of("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
    EXPECT_EQ(
        *bastion::key_sign(*key_of("HS384"), 1, data),
        text_of("4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"));
    EXPECT_EQ(
        *bastion::key_sign(*key_of("HS512"), 1, data),
        text_of("80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e6"
                "4f73f63f0aec8b915a985d786598"));
}

TEST(ApplicationKey, MalformedSignatures) {
    const ApplicationKey key = made("EdDSA");
    const std::string good = *bastion::key_sign(key, 1, "data");
    for (const std::string& bad :
         {std::string(), std::string("v1"), std::string("v1."), good + "A", good + "=", good.substr(0, good.size() - 1),
          "v1.\n" + good.substr(3), "v1.." + good.substr(3), std::string("v1.") + std::string(86, 'A')}) {
        SCOPED_TRACE(words(bad));
        EXPECT_FALSE(*bastion::key_verify(key, "data", bad));
    }
    bastion::Bytes longer = *bastion::base64url_decode(good.substr(3));
    longer.push_back(0);
    EXPECT_FALSE(*bastion::key_verify(key, "data", "v1." + bastion::base64url_encode(longer)));
    // RFC 7515 §2: base64url, not base64.
    std::string other = *bastion::key_sign(key, 1, "data");
    std::replace(other.begin(), other.end(), '_', '/');
    std::replace(other.begin() + 3, other.end(), '-', '+');
    EXPECT_EQ(*bastion::key_verify(key, "data", other), other == good);
}

TEST(ApplicationKey, WrappedKeys) {
    ApplicationKey key = made("XAES-256-GCM");
    const auto wrapped = bastion::make_wrapped_key(key, 3, "label", 64);
    ASSERT_TRUE(wrapped);
    EXPECT_EQ(wrapped->plaintext.size(), 64U);
    EXPECT_TRUE(wrapped->wrapped.starts_with("v3."));
    const auto opened = bastion::open_wrapped_key(key, "label", wrapped->wrapped);
    ASSERT_TRUE(opened);
    EXPECT_TRUE(bastion::constant_time_equal(opened->span(), wrapped->plaintext.span()));
    EXPECT_NE(bastion::make_wrapped_key(key, 3, "label", 64)->wrapped, wrapped->wrapped);
    ApplicationKey other = made("XAES-256-GCM");
    EXPECT_EQ(bastion::open_wrapped_key(other, "label", wrapped->wrapped).error().code, ErrorCode::sealed_invalid);
    EXPECT_EQ(bastion::open_wrapped_key(key, "another", wrapped->wrapped).error().code, ErrorCode::sealed_invalid);
    EXPECT_EQ(bastion::open_wrapped_key(key, "label", wrapped->wrapped + "A").error().code, ErrorCode::sealed_invalid);
}

}  // namespace
