// RSA and EC keys: refusals while parsing, and signatures that verify only their own input.
#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <map>
#include <string>
#include <vector>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "core/jose/jwk.hpp"
#include "core/jose/jws.hpp"
#include "core/jose/jwt.hpp"
#include "unit/base/words.hpp"
#include "unit/jose/forge.hpp"

namespace {

using bastion::ErrorCode;
using bastion::jwk_generate;
using bastion::JwkSet;
using bastion::jws_verify;
using bastion::parse_jwk;
using bastion::test::base64url;
using bastion::test::forge;
using bastion::test::key_set;
using bastion::test::words;

// One key for each algorithm, made once: RSA keys take a while.
const bastion::GeneratedJwk& made(const std::string& algorithm) {
    static std::map<std::string, bastion::GeneratedJwk> keys;
    const auto found = keys.find(algorithm);
    if (found != keys.end()) return found->second;
    return keys.emplace(algorithm, std::move(*jwk_generate(algorithm, "k1"))).first->second;
}

std::string private_text(const std::string& algorithm) { return std::string(made(algorithm).private_jwk.text()); }

// The key with a member replaced, added, or taken away where the value is empty.
std::string with(std::string_view json, std::string_view name, std::string_view value) {
    const auto document = bastion::parse_json(json, 1 << 16);
    std::string out;
    const auto add = [&](std::string_view member, std::string_view text) {
        out += out.empty() ? "{" : ",";
        bastion::json_append_string(out, member);
        out += ":";
        bastion::json_append_string(out, text);
    };
    for (const auto& [member, text] : document->root().members())
        if (member != name) add(member, *text.string());
    if (!value.empty()) add(name, value);
    return out + "}";
}

std::string member(std::string_view json, std::string_view name) {
    const auto document = bastion::parse_json(json, 1 << 16);
    return std::string(*document->root().find(name)->string());
}

bastion::Bytes number(std::string_view json, std::string_view name) {
    return *bastion::base64url_decode(member(json, name));
}

void expect_bad(const std::string& json, std::string_view about) {
    const auto key = parse_jwk(json);
    ASSERT_FALSE(key) << about;
    EXPECT_EQ(key.error().code, ErrorCode::invalid_argument) << about;
    EXPECT_NE(key.error().message.find(about), std::string::npos) << key.error().message;
}

const std::vector<std::string> pair_algorithms{"RS256", "RS384", "RS512", "PS256", "PS384",
                                               "PS512", "ES256", "ES384", "ES512", "EdDSA"};

TEST(AsymmetricKey, EveryAlgorithmSignsAndVerifies) {
    for (const std::string& algorithm : pair_algorithms) {
        SCOPED_TRACE(words(algorithm));
        const auto private_set = key_set(private_text(algorithm));
        const auto public_set = key_set(made(algorithm).public_jwk);
        ASSERT_FALSE(public_set.keys.empty());
        EXPECT_TRUE(private_set.keys[0].may_sign());
        EXPECT_FALSE(public_set.keys[0].may_sign());
        const auto token = bastion::jwt_sign(R"({"sub":"x","exp":4000000000})", private_set.keys[0]);
        ASSERT_TRUE(token) << token.error().message;
        EXPECT_TRUE(jws_verify(*token, public_set));
        EXPECT_TRUE(jws_verify(*token, private_set));
        // Under another key of the same algorithm, said to have the same id.
        if (algorithm[0] == 'E') {
            const auto stranger = jwk_generate(algorithm, "k1");
            EXPECT_FALSE(jws_verify(*token, key_set(stranger->public_jwk)));
        }
    }
}

// A key without alg verifies by each algorithm that its type and curve have and that is named, and by no other.
TEST(AsymmetricKey, AlgorithmsOfAKeyWithoutAlg) {
    const auto rsa = key_set(with(private_text("RS256"), "alg", ""));
    for (const std::string algorithm : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
        SCOPED_TRACE(words(algorithm));
        const std::string token = forge(R"({"alg":")" + algorithm + "\"}", "x", rsa.keys[0], algorithm);
        EXPECT_TRUE(jws_verify(token, rsa, std::vector<std::string>{algorithm}));
        EXPECT_FALSE(jws_verify(token, rsa, std::vector<std::string>{algorithm == "RS256" ? "RS384" : "RS256"}));
        EXPECT_EQ(jws_verify(token, rsa).error().code, ErrorCode::invalid_argument);
        // Said to be the other padding or hash.
        for (const std::string said : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
            SCOPED_TRACE(words(said));
            if (said == algorithm) continue;
            const std::string lie = forge(R"({"alg":")" + said + "\"}", "x", rsa.keys[0], algorithm);
            EXPECT_FALSE(jws_verify(lie, rsa, std::vector<std::string>{said}));
        }
        // The key says that it is for another.
        const std::string other = algorithm == "PS256" ? "RS256" : "PS256";
        EXPECT_FALSE(jws_verify(token, key_set(with(private_text("RS256"), "alg", other))));
    }
    const auto ec = key_set(with(private_text("ES256"), "alg", ""));
    const std::string token = forge(R"({"alg":"ES256"})", "x", ec.keys[0], "ES256");
    EXPECT_TRUE(jws_verify(token, ec, std::vector<std::string>{"ES256", "ES384"}));
    EXPECT_FALSE(jws_verify(forge(R"({"alg":"ES384"})", "x", ec.keys[0], "ES256"), ec,
                            std::vector<std::string>{"ES256", "ES384"}));
}

TEST(AsymmetricKey, AnAlgorithmOfAnotherTypeOrCurve) {
    expect_bad(with(private_text("ES256"), "alg", "ES384"), "algorithm");
    expect_bad(with(private_text("ES256"), "alg", "RS256"), "algorithm");
    expect_bad(with(private_text("ES256"), "alg", "HS256"), "algorithm");
    expect_bad(with(private_text("RS256"), "alg", "ES256"), "algorithm");
    expect_bad(with(private_text("RS256"), "alg", "HS256"), "algorithm");
    // Unknown names verify no token.
    const auto unknown = key_set(with(made("ES256").public_jwk, "alg", "ES521"));
    EXPECT_FALSE(
        jws_verify(forge(R"({"alg":"ES256"})", "x", key_set(private_text("ES256")).keys[0], "ES256"), unknown));
}

// RFC 8725 §2.1: the public key, which the attacker knows, used as an HMAC secret.
TEST(AsymmetricKey, KeyConfusion) {
    for (const std::string& algorithm : pair_algorithms) {
        SCOPED_TRACE(words(algorithm));
        const auto set = key_set(made(algorithm).public_jwk);
        for (const std::string& guess :
             {made(algorithm).public_jwk, member(made(algorithm).public_jwk, "kid") + "xxxxxxxx",
              std::string(bastion::as_text(
                  number(made(algorithm).public_jwk, algorithm[1] == 'S' && algorithm[0] != 'E' ? "n" : "x")))}) {
            SCOPED_TRACE(words(guess));
            bastion::Jwk attacker;
            attacker.kty = bastion::KeyType::oct;
            attacker.secret = bastion::SecretBytes(bastion::as_bytes(guess));
            for (const std::string& said : {std::string("HS256"), algorithm}) {
                SCOPED_TRACE(words(said));
                const std::string token = forge(R"({"alg":")" + said + R"(","kid":"k1"})", "{}", attacker, "HS256");
                EXPECT_FALSE(jws_verify(token, set));
                EXPECT_FALSE(jws_verify(token, set, std::vector<std::string>{"HS256", algorithm}));
            }
        }
    }
}

TEST(AsymmetricKey, EveryOneByteMutationIsRefused) {
    for (const std::string algorithm : {"RS256", "PS256", "ES256", "ES512"}) {
        SCOPED_TRACE(words(algorithm));
        const auto set = key_set(private_text(algorithm));
        const std::string token = forge(R"({"alg":")" + algorithm + "\"}", R"({"sub":"x"})", set.keys[0], algorithm);
        ASSERT_TRUE(jws_verify(token, set));
        for (std::size_t at = 0; at < token.size(); ++at) {
            SCOPED_TRACE(words(at));
            std::string mutant = token;
            for (int delta = 1; delta < 256; delta += 63) {
                SCOPED_TRACE(words(delta));
                mutant[at] = static_cast<char>(token[at] ^ delta);
                ASSERT_FALSE(jws_verify(mutant, set));
            }
            ASSERT_FALSE(jws_verify(token.substr(0, at), set));
            ASSERT_FALSE(jws_verify(token.substr(0, at) + token.substr(at + 1), set));
            ASSERT_FALSE(jws_verify(token.substr(0, at) + "A" + token.substr(at), set));
        }
    }
}

TEST(AsymmetricKey, EcdsaSignaturesOfAnotherForm) {
    for (const std::string algorithm : {"ES256", "ES384", "ES512"}) {
        SCOPED_TRACE(words(algorithm));
        const auto set = key_set(private_text(algorithm));
        const std::string token = forge(R"({"alg":")" + algorithm + "\"}", "{}", set.keys[0], algorithm);
        const std::string head = token.substr(0, token.rfind('.') + 1);
        const auto good = *bastion::base64url_decode(token.substr(head.size()));
        const std::size_t half = good.size() / 2;
        const auto expect_refused = [&](bastion::Bytes signature, const char* what) {
            EXPECT_FALSE(jws_verify(head + bastion::base64url_encode(signature), set)) << what;
        };
        EXPECT_EQ(good.size(), algorithm == "ES256" ? 64U : algorithm == "ES384" ? 96U : 132U);
        bastion::Bytes changed = good;
        std::fill_n(changed.begin(), half, 0);
        expect_refused(changed, "r is zero");
        changed = good;
        std::fill_n(changed.begin() + half, half, 0);
        expect_refused(changed, "s is zero");
        expect_refused(bastion::Bytes(good.size()), "both are zero");
        expect_refused(bastion::Bytes(good.size(), 0xff), "both are above the order");
        changed = good;
        changed.push_back(0);
        expect_refused(changed, "too long");
        changed.insert(changed.begin(), 0);
        expect_refused(changed, "too long on both sides");
        changed = good;
        changed.insert(changed.begin(), 0);
        changed.insert(changed.begin() + 1 + static_cast<std::ptrdiff_t>(half), 0);
        expect_refused(changed, "padded numbers");
        expect_refused(bastion::Bytes(good.begin(), good.end() - 1), "too short");
        // DER, as other protocols have it.
        bastion::Bytes der{0x30, static_cast<std::uint8_t>(good.size() + 4), 2, static_cast<std::uint8_t>(half)};
        der.insert(der.end(), good.begin(), good.begin() + static_cast<std::ptrdiff_t>(half));
        der.insert(der.end(), {2, static_cast<std::uint8_t>(half)});
        der.insert(der.end(), good.begin() + static_cast<std::ptrdiff_t>(half), good.end());
        expect_refused(der, "DER");
    }
}

TEST(AsymmetricKey, RsaSignaturesOfAnotherLength) {
    const auto set = key_set(private_text("RS256"));
    const std::string token = forge(R"({"alg":"RS256"})", "{}", set.keys[0], "RS256");
    const std::string head = token.substr(0, token.rfind('.') + 1);
    auto signature = *bastion::base64url_decode(token.substr(head.size()));
    ASSERT_EQ(signature.size(), 256U);
    signature.insert(signature.begin(), 0);
    EXPECT_FALSE(jws_verify(head + bastion::base64url_encode(signature), set));
    EXPECT_FALSE(jws_verify(head + bastion::base64url_encode(bastion::Bytes(256)), set));
    EXPECT_FALSE(jws_verify(head + bastion::base64url_encode(bastion::Bytes(256, 0xff)), set));
}

std::string rsa_public(const bastion::Bytes& n, std::string_view e = "AQAB") {
    return R"({"kty":"RSA","alg":"RS256","n":")" + bastion::base64url_encode(n) + R"(","e":")" + std::string(e) + "\"}";
}

TEST(AsymmetricKey, RsaSizesAndExponents) {
    const auto n = number(made("RS256").public_jwk, "n");
    EXPECT_TRUE(parse_jwk(rsa_public(n)));
    EXPECT_TRUE(parse_jwk(rsa_public(n, "Aw")));
    bastion::Bytes smaller(n.begin() + 1, n.end());
    smaller[0] = 0x7f;
    expect_bad(rsa_public(smaller), "at least 2048 bits");
    smaller = n;
    smaller[0] = 0x7f;
    expect_bad(rsa_public(smaller), "at least 2048 bits");
    expect_bad(rsa_public(bastion::Bytes(128, 0x81)), "at least 2048 bits");
    bastion::Bytes large(2048, 0xa5);
    EXPECT_TRUE(parse_jwk(rsa_public(large)));
    large.push_back(1);
    expect_bad(rsa_public(large), "at most 16384 bits");
    expect_bad(rsa_public(bastion::Bytes(20000, 0xa5)), "at most 16384 bits");
    bastion::Bytes zero = n;
    zero.insert(zero.begin(), 0);
    expect_bad(rsa_public(zero), "leading zero");
    bastion::Bytes even = n;
    even.back() = 2;
    expect_bad(rsa_public(even), "odd");
    expect_bad(rsa_public(n, "AQ"), "exponent");
    expect_bad(rsa_public(n, "Ag"), "exponent");
    expect_bad(rsa_public(n, "AQAA"), "exponent");
    expect_bad(rsa_public(n, "AA"), "leading zero");
    expect_bad(rsa_public(n, ""), "empty");
    expect_bad(rsa_public(n, "AQAAAAAAAAAB"), "exponent");
    expect_bad(with(rsa_public(n), "e", ""), "\"e\"");
    expect_bad(with(rsa_public(n), "n", ""), "\"n\"");
}

// CVE-2017-15361: a modulus that is a power of 65537 modulo the product of the first primes.
TEST(AsymmetricKey, WeakModulus) {
    BN_CTX* context = BN_CTX_new();
    BIGNUM* product = BN_new();
    BN_one(product);
    for (unsigned candidate = 2; candidate <= 167; ++candidate) {
        bool prime = true;
        for (unsigned divisor = 2; divisor * divisor <= candidate; ++divisor) prime = prime && candidate % divisor != 0;
        if (prime) BN_mul_word(product, candidate);
    }
    BIGNUM* generator = BN_new();
    BIGNUM* exponent = BN_new();
    BIGNUM* n = BN_new();
    BN_set_word(generator, 65537);
    BN_set_word(exponent, 123456789);
    BN_mod_exp(n, generator, exponent, product, context);
    BIGNUM* multiple = BN_dup(product);
    BN_lshift(multiple, multiple, 2047 - BN_num_bits(product) + 1);
    BN_add(n, n, multiple);
    bastion::Bytes bytes(static_cast<std::size_t>(BN_num_bytes(n)));
    BN_bn2bin(n, bytes.data());
    expect_bad(rsa_public(bytes), "CVE-2017-15361");
    BN_add_word(n, 2);
    BN_bn2bin(n, bytes.data());
    EXPECT_TRUE(parse_jwk(rsa_public(bytes)));
    for (BIGNUM* one : {product, generator, exponent, n, multiple}) BN_free(one);
    BN_CTX_free(context);
}

TEST(AsymmetricKey, RsaPrivateParts) {
    const std::string key = private_text("RS256");
    const std::string other = private_text("PS256");
    EXPECT_TRUE(parse_jwk(key));
    for (const std::string_view name : {"p", "q", "dp", "dq", "qi"}) {
        SCOPED_TRACE(words(name));
        expect_bad(with(key, name, ""), "all of");
        expect_bad(with(key, name, member(other, name)), "belong");
    }
    for (const std::string_view name : {"d", "n"}) {
        SCOPED_TRACE(words(name));
        expect_bad(with(key, name, member(other, name)), "belong");
    }
    expect_bad(with(key, "oth", "x"), "two primes");
    std::string only_d = key;
    for (const std::string_view name : {"p", "q", "dp", "dq", "qi"}) only_d = with(only_d, name, "");
    const auto parsed = parse_jwk(only_d);
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(
        jws_verify(forge(R"({"alg":"RS256","kid":"k1"})", "x", *parsed, "RS256"), key_set(made("RS256").public_jwk)));
    expect_bad(with(only_d, "d", member(other, "d")), "belong");
}

TEST(AsymmetricKey, EcPoints) {
    for (const std::string algorithm : {"ES256", "ES384", "ES512"}) {
        SCOPED_TRACE(words(algorithm));
        const std::string key = made(algorithm).public_jwk;
        EXPECT_TRUE(parse_jwk(key));
        auto y = number(key, "y");
        y.back() ^= 1;
        expect_bad(with(key, "y", bastion::base64url_encode(y)), "curve");
        expect_bad(with(key, "x", bastion::base64url_encode(bastion::Bytes(y.size()))), "curve");
        expect_bad(with(key, "x", bastion::base64url_encode(bastion::Bytes(y.size(), 0xff))), "curve");
        y.insert(y.begin(), 0);
        expect_bad(with(key, "y", bastion::base64url_encode(y)), "length");
        expect_bad(with(key, "y", ""), "\"y\"");
        expect_bad(with(key, "crv", ""), "crv");
        expect_bad(with(with(key, "alg", ""), "crv", algorithm == "ES256" ? "P-384" : "P-256"), "length");
        const auto stranger = jwk_generate(algorithm, "k1");
        const std::string mine = private_text(algorithm);
        expect_bad(with(mine, "d", member(stranger->private_jwk.text(), "d")), "belong");
        auto d = number(mine, "d");
        expect_bad(with(mine, "d", bastion::base64url_encode(bastion::Bytes(d.size()))), "");
        d.insert(d.begin(), 0);
        expect_bad(with(mine, "d", bastion::base64url_encode(d)), "length");
    }
    // A curve of JOSE that is not supported: the set has the key, which verifies no token.
    EXPECT_TRUE(parse_jwk(R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})"));
}

TEST(AsymmetricKey, UseAndOperationsAreObeyed) {
    for (const std::string algorithm : {"RS256", "ES256", "EdDSA"}) {
        SCOPED_TRACE(words(algorithm));
        const auto signer = key_set(private_text(algorithm));
        const std::string token = forge(R"({"alg":")" + algorithm + "\"}", "x", signer.keys[0], algorithm);
        EXPECT_TRUE(jws_verify(token, key_set(made(algorithm).public_jwk)));
        EXPECT_FALSE(jws_verify(token, key_set(with(made(algorithm).public_jwk, "use", "enc"))));
    }
}

TEST(GeneratedKeys, PublicHalvesAndThumbprints) {
    for (const std::string& algorithm : pair_algorithms) {
        SCOPED_TRACE(words(algorithm));
        const auto key = parse_jwk(private_text(algorithm));
        ASSERT_TRUE(key);
        EXPECT_EQ(*bastion::jwk_public(*key), made(algorithm).public_jwk);
        const auto named = jwk_generate(algorithm == "EdDSA" || algorithm[0] == 'E' ? algorithm : "EdDSA");
        EXPECT_EQ(*bastion::jwk_thumbprint(*parse_jwk(named->public_jwk)), named->kid);
        for (const std::string_view secret : {"\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\""}) {
            SCOPED_TRACE(words(secret));
            EXPECT_EQ(made(algorithm).public_jwk.find(secret), std::string::npos);
        }
    }
    const auto set =
        key_set(R"({"keys":[)" + private_text("ES256") + "," + with(private_text("EdDSA"), "kid", "k2") + "]}");
    const auto text = bastion::jwk_set_public(set);
    EXPECT_EQ(key_set(*text).keys.size(), 2U);
    EXPECT_EQ(text->find("\"d\""), std::string::npos);
    EXPECT_EQ(*bastion::jwk_set_public(JwkSet()), R"({"keys":[]})");
    EXPECT_NE(bastion::jwk_public(*parse_jwk(with(made("ES256").public_jwk, "use", "")))->find("\"crv\":\"P-256\""),
              std::string::npos);
}

TEST(GeneratedKeys, SymmetricOnes) {
    for (const auto& [algorithm, size] : {std::pair{"HS256", 32U}, {"HS384", 48U}, {"HS512", 64U}}) {
        SCOPED_TRACE(words(algorithm, size));
        const auto made_key = jwk_generate(algorithm);
        ASSERT_TRUE(made_key);
        const auto key = parse_jwk(made_key->private_jwk.text());
        ASSERT_TRUE(key);
        EXPECT_EQ(key->secret.size(), size);
        EXPECT_EQ(key->alg, algorithm);
        EXPECT_EQ(key->kid, made_key->kid);
        EXPECT_TRUE(made_key->public_jwk.empty());
        EXPECT_NE(jwk_generate(algorithm)->kid, made_key->kid);
        EXPECT_EQ(bastion::jwk_public(*key).error().code, ErrorCode::unsupported);
        EXPECT_EQ(bastion::jwk_thumbprint(*key).error().code, ErrorCode::unsupported);
    }
}

TEST(GeneratedKeys, WhatIsNotMade) {
    EXPECT_EQ(jwk_generate("none").error().code, ErrorCode::unsupported);
    EXPECT_EQ(jwk_generate("").error().code, ErrorCode::unsupported);
    EXPECT_EQ(jwk_generate("ES256K").error().code, ErrorCode::unsupported);
    for (const int bits : {1024, 2047, 2049, 4104, -2048, 1 << 30}) {
        SCOPED_TRACE(words(bits));
        EXPECT_EQ(jwk_generate("RS256", "", bits).error().code, ErrorCode::invalid_argument);
    }
    EXPECT_EQ(jwk_generate("ES256", "", 2048).error().code, ErrorCode::invalid_argument);
}

}  // namespace
