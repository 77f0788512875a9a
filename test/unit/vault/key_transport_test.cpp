// Keys that travel: AES-KWP with the vectors of RFC 5649, the way out and in of every algorithm, and what is refused.
#include "core/vault/key_transport.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/base/encoding.hpp"
#include "core/jose/jwk.hpp"
#include "unit/base/words.hpp"

namespace {

using bastion::ApplicationKey;
using bastion::Bytes;
using bastion::ErrorCode;
using bastion::hex_decode;
using bastion::hex_encode;
using bastion::import_application_key;
using bastion::make_application_key;
using bastion::open_application_key;
using bastion::test::words;

struct Pair {
    std::string public_jwk;
    ApplicationKey key;
};

Pair made(std::string_view algorithm) {
    auto key = make_application_key(algorithm, 0);
    auto opened = open_application_key(algorithm, key->material.span());
    EXPECT_TRUE(opened);
    return {std::move(key->public_jwk), std::move(*opened)};
}

const Pair& transport() {
    static const Pair pair = made("RSA-OAEP-256");
    return pair;
}

TEST(KeyTransport, Rfc5649) {
    const Bytes kek = *hex_decode("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
    for (const auto& [key, wrapped] : {std::pair<std::string_view, std::string_view>{
                                           "c37b7e6492584340bed12207808941155068f738",
                                           "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"},
                                       {"466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"}}) {
        SCOPED_TRACE(words(key));
        EXPECT_EQ(hex_encode(*bastion::aes_kwp_wrap(kek, *hex_decode(key))), wrapped);
        EXPECT_EQ(hex_encode(bastion::aes_kwp_unwrap(kek, *hex_decode(wrapped))->span()), key);
    }
}

TEST(KeyTransport, ChangedKwp) {
    const Bytes kek(32, 7);
    const Bytes wrapped = *bastion::aes_kwp_wrap(kek, Bytes(33, 9));
    EXPECT_EQ(wrapped.size(), 48U);
    for (std::size_t i = 0; i < wrapped.size(); ++i) {
        SCOPED_TRACE(words(i));
        Bytes changed = wrapped;
        changed[i] ^= 1;
        EXPECT_EQ(bastion::aes_kwp_unwrap(kek, changed).error().code, ErrorCode::invalid_argument);
    }
    for (const std::size_t size : {0U, 8U, 15U, 40U, 47U}) {
        SCOPED_TRACE(words(size));
        EXPECT_FALSE(bastion::aes_kwp_unwrap(kek, bastion::ByteSpan(wrapped).first(size)));
    }
    EXPECT_FALSE(bastion::aes_kwp_unwrap(Bytes(32, 8), wrapped));
}

TEST(KeyTransport, EveryAlgorithm) {
    for (const std::string_view name :
         {"EdDSA", "ES256", "ES384", "ES512", "RS256", "PS512", "HS256", "HS512", "XAES-256-GCM"}) {
        SCOPED_TRACE(words(name));
        Pair out = made(name);
        const auto wrapped = bastion::export_application_key(out.key, transport().public_jwk);
        ASSERT_TRUE(wrapped);
        const auto back = import_application_key(transport().key, *wrapped, name);
        ASSERT_TRUE(back);
        EXPECT_EQ(back->public_jwk, out.public_jwk);
        auto in = open_application_key(name, back->material.span());
        ASSERT_TRUE(in);
        if (name == "XAES-256-GCM") {
            const auto data_key = bastion::make_wrapped_key(out.key, 1, "label", 32);
            EXPECT_TRUE(bastion::open_wrapped_key(*in, "label", data_key->wrapped));
        } else {
            EXPECT_TRUE(*bastion::key_verify(*in, "data", *bastion::key_sign(out.key, 1, "data")));
            EXPECT_TRUE(*bastion::key_verify(out.key, "data", *bastion::key_sign(*in, 1, "data")));
        }
    }
}

TEST(KeyTransport, Recipients) {
    const Pair out = made("EdDSA");
    const auto jwk = bastion::parse_jwk(transport().public_jwk);
    const auto pem = bastion::public_key_pem(*jwk);
    ASSERT_TRUE(pem);
    EXPECT_TRUE(pem->starts_with("-----BEGIN PUBLIC KEY-----\n"));
    const auto wrapped = bastion::export_application_key(out.key, *pem);
    ASSERT_TRUE(wrapped);
    EXPECT_TRUE(import_application_key(transport().key, *wrapped, "EdDSA"));
    // Each time another key, and none in plain.
    EXPECT_NE(*bastion::export_application_key(out.key, *pem), *wrapped);
    const auto seed = out.key.jwk.ed25519_private.span().first(32);
    EXPECT_EQ(std::search(wrapped->begin(), wrapped->end(), seed.begin(), seed.end()), wrapped->end());
    for (const std::string& other : {std::string(), std::string("{}"), std::string("key"), made("ES256").public_jwk,
                                     made("RS256").public_jwk, made("EdDSA").public_jwk}) {
        SCOPED_TRACE(words(other));
        EXPECT_EQ(bastion::export_application_key(out.key, other).error().code, ErrorCode::invalid_argument);
    }
}

TEST(KeyTransport, WhatIsNotImported) {
    const Bytes wrapped = *bastion::export_application_key(made("ES256").key, transport().public_jwk);
    const auto refused = [&](bastion::ByteSpan bytes) {
        return import_application_key(transport().key, bytes, "ES256").error().message;
    };
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{383}, std::size_t{384}, wrapped.size() - 8, wrapped.size() - 1}) {
        SCOPED_TRACE(words(size));
        EXPECT_EQ(refused(bastion::ByteSpan(wrapped).first(size)), "the wrapped key cannot be unwrapped");
    }
    for (const std::size_t at : {std::size_t{5}, std::size_t{383}, std::size_t{384}, wrapped.size() - 1}) {
        SCOPED_TRACE(words(at));
        Bytes changed = wrapped;
        changed[at] ^= 1;
        EXPECT_EQ(refused(changed), "the wrapped key cannot be unwrapped");
    }
    for (const std::string_view name : {"EdDSA", "ES384", "RS256", "HS256", "XAES-256-GCM"}) {
        SCOPED_TRACE(words(name));
        EXPECT_EQ(import_application_key(transport().key, wrapped, name).error().message,
                  "the wrapped key is not one for the algorithm");
    }
    for (const std::string_view name : {"RSA-OAEP-256", "none", ""}) {
        SCOPED_TRACE(words(name));
        EXPECT_EQ(import_application_key(transport().key, wrapped, name).error().code, ErrorCode::unsupported);
    }
    EXPECT_EQ(import_application_key(made("RS256").key, wrapped, "ES256").error().code, ErrorCode::invalid_argument);
    EXPECT_FALSE(import_application_key(made("RSA-OAEP-256").key, wrapped, "ES256"));
    // A short secret, and one of another length than the key needs.
    const auto hs256 = bastion::export_application_key(made("HS256").key, transport().public_jwk);
    EXPECT_FALSE(import_application_key(transport().key, *hs256, "HS512"));
    EXPECT_TRUE(import_application_key(transport().key, *hs256, "XAES-256-GCM"));
}

TEST(KeyTransport, NoPemOfSecrets) {
    EXPECT_EQ(bastion::public_key_pem(made("HS256").key.jwk).error().code, ErrorCode::invalid_argument);
}

}  // namespace
