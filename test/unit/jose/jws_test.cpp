#include "core/jose/jws.hpp"
#include "core/jose/jwk.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"
#include "unit/jose/forge.hpp"

namespace {

using bastion::test::words;

using namespace std::string_view_literals;
using bastion::ErrorCode;
using bastion::Jwk;
using bastion::JwkSet;
using bastion::jws_verify;
using bastion::test::base64url;
using bastion::test::forge;
using bastion::test::key_set;
using bastion::test::oct_jwk;
using bastion::test::secret;

const std::string plain_header = R"({"alg":"HS256"})";
const std::vector<std::string> every_algorithm{"HS256", "HS384", "HS512", "EdDSA"};

JwkSet hs256_set() { return key_set(oct_jwk(secret(32), R"("alg":"HS256",)")); }

// For every reason the client gets the same message, and the log has the reason without the token.
void expect_refused(std::string_view token, const JwkSet& keys, std::span<const std::string> algorithms = {}) {
    const auto verified = jws_verify(token, keys, algorithms);
    ASSERT_FALSE(verified) << token;
    const auto& error = verified.error();
    EXPECT_EQ(error.code, ErrorCode::token_refused) << error.message;
    EXPECT_EQ(error.message, "invalid token");
    EXPECT_EQ(error.detail + error.hint, "");
    EXPECT_FALSE(error.log_detail.empty());
    if (token.size() >= 8) {
        EXPECT_EQ(error.log_detail.find(token.substr(0, 8)), std::string::npos);
    }
}

std::string compact_of(const std::string& file) {
    const auto document = bastion::parse_json(bastion::test::read_vector(file), 1 << 20);
    return std::string(*document->root().find("output")->find("compact")->string());
}

// A member of the file's "input", as JSON text.
std::string input_key_of(const std::string& file) {
    const std::string text = bastion::test::read_vector(file);
    const auto at = text.find('{', text.find("\"key\""));
    return text.substr(at, text.find('}', at) - at + 1);
}

// Detached content (RFC 7515 appendix F), JSON serialisations (§7.2) and unencoded payloads (RFC 7797).
TEST(Jws, OtherSerialisationsAreRefused) {
    BASTION_NEEDS_VECTORS();
    const std::string hmac_file = "rfc7520/jws/4_4.hmac-sha2_integrity_protection.json";
    const auto set = key_set(input_key_of(hmac_file));
    const std::string token = compact_of(hmac_file);
    const std::size_t first = token.find('.');
    expect_refused(token.substr(0, first + 1) + token.substr(token.rfind('.')), set);
    EXPECT_EQ(jws_verify(forge(plain_header, "", hs256_set().keys[0], "HS256"), hs256_set())->payload, "");
    for (const std::string name : {"4_6.protecting_specific_header_fields", "4_7.protecting_content_only",
                                   "4_8.multiple_signatures", "4_5.signature_with_detached_content"}) {
        SCOPED_TRACE(words(name));
        expect_refused(bastion::test::read_vector("rfc7520/jws/" + name + ".json"), set);
    }
    const std::string unencoded = bastion::test::read_vector("rfc7520/rfc7797/hmac-sha2_b64_false.json");
    const auto at = unencoded.find("eyJ");
    expect_refused(unencoded.substr(at, unencoded.find('"', at) - at), set);
    expect_refused(forge(R"({"alg":"HS256","b64":false,"crit":["b64"]})", "{}", set.keys[0], "HS256"), set);
}

TEST(Jws, EveryAlgorithmSignsAndVerifies) {
    for (const auto& [alg, size] : {std::pair{"HS256", 32}, {"HS384", 48}, {"HS512", 64}}) {
        SCOPED_TRACE(words(alg, size));
        const auto set = key_set(oct_jwk(secret(size), R"("alg":")" + std::string(alg) + "\","));
        const std::string header = R"({"alg":")" + std::string(alg) + "\"}";
        const auto token = bastion::jws_sign(header, "hello", set.keys[0], *bastion::find_jws_algorithm(alg));
        ASSERT_TRUE(token);
        const auto verified = jws_verify(*token, set);
        ASSERT_TRUE(verified);
        EXPECT_EQ(verified->payload, "hello");
        EXPECT_EQ(verified->key, &set.keys[0]);
    }
    const auto made = bastion::jwk_generate_ed25519();
    const auto private_set = key_set(made->private_jwk.text());
    const std::string token = forge(R"({"alg":"EdDSA"})", "hello", private_set.keys[0], "EdDSA");
    EXPECT_TRUE(jws_verify(token, key_set(made->public_jwk)));
    EXPECT_TRUE(jws_verify(token, private_set));
}

TEST(Jws, ExactlyThreeParts) {
    const auto set = hs256_set();
    const std::string token = forge(plain_header, "{}", set.keys[0], "HS256");
    ASSERT_TRUE(jws_verify(token, set));
    const std::string head = token.substr(0, token.rfind('.'));
    for (const std::string& bad :
         {std::string(), std::string("."), std::string(".."), std::string("..."), head, head + ".", token + ".",
          "." + token, token + ".x", token + "..", std::string("abc"), head.substr(0, head.find('.')) + "..x",
          token.substr(token.find('.')), token.substr(0, token.size() - 43)}) {
        SCOPED_TRACE(words(bad));
        expect_refused(bad, set);
    }
}

TEST(Jws, CanonicalBase64urlOnly) {
    const auto set = hs256_set();
    const std::string token = forge(plain_header, "{}", set.keys[0], "HS256");
    for (const std::string& bad : {token + "=", " " + token, token + " ", token + "\n", std::string("\0", 1) + token}) {
        SCOPED_TRACE(words(bad));
        expect_refused(bad, set);
    }
    // The last character carries two unused bits: in lax decoders three other texts decode to the same
    // signature.
    std::string twin = token;
    const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const std::size_t value = alphabet.find(twin.back());
    ASSERT_EQ(value % 4, 0U);
    twin.back() = alphabet[value + 1];
    expect_refused(twin, set);
    // A payload that is signed as it stands but is not canonical.
    expect_refused(bastion::test::sign_raw(base64url(plain_header) + ".e31", set.keys[0], "HS256"), set);
    EXPECT_TRUE(jws_verify(bastion::test::sign_raw(base64url(plain_header) + ".e30", set.keys[0], "HS256"), set));
    expect_refused(bastion::test::sign_raw(base64url(plain_header) + ".e30=", set.keys[0], "HS256"), set);
}

TEST(Jws, HeadersThatAreRefused) {
    const auto set = hs256_set();
    for (const std::string_view header : {R"({"alg":"HS256","crit":[]})"sv,
                                          R"({"alg":"HS256","crit":["exp"],"exp":1})"sv,
                                          R"({"alg":"HS256","crit":null})"sv,
                                          R"({"alg":"HS256","b64":true})"sv,
                                          R"({"alg":"HS256","b64":false})"sv,
                                          R"({"alg":"HS256","enc":"A128GCM"})"sv,
                                          R"({"alg":"HS256","zip":"DEF"})"sv,
                                          R"({"alg":"HS256","alg":"HS256"})"sv,
                                          R"({"alg":"none","alg":"HS256"})"sv,
                                          R"({})"sv,
                                          R"({"typ":"JWT"})"sv,
                                          R"({"alg":7})"sv,
                                          R"({"alg":null})"sv,
                                          R"({"alg":["HS256"]})"sv,
                                          R"({"alg":""})"sv,
                                          R"({"alg":"hs256"})"sv,
                                          R"({"alg":"HS256 "})"sv,
                                          R"({"alg":"HS256","kid":7})"sv,
                                          R"({"alg":"HS256","kid":""})"sv,
                                          R"({"alg":"HS256","kid":null})"sv,
                                          R"({"alg":"HS256","typ":7})"sv,
                                          R"(["HS256"])"sv,
                                          R"("HS256")"sv,
                                          R"({"alg":"HS256"} )"
                                          "x"sv,
                                          "\xef\xbb\xbf{\"alg\":\"HS256\"}"sv,
                                          "{\"alg\":\"HS256\",\"x\":\"\xff\"}"sv,
                                          R"({"alg":"HS256\u0000"})"sv}) {
        SCOPED_TRACE(words(header));
        expect_refused(forge(header, "{}", set.keys[0], "HS256"), set);
    }
    for (const std::string_view header :
         {R"({"alg":"HS256"})"sv, R"( {"typ":"JWT", "alg":"HS256"} )"sv, R"({"alg":"\u0048S256","cty":7})"sv,
          R"({"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"jku":"https://example.com","x5c":[]})"sv}) {
        SCOPED_TRACE(words(header));
        EXPECT_TRUE(jws_verify(forge(header, "{}", set.keys[0], "HS256"), set));
    }
}

TEST(Jws, NoneIsRefused) {
    const auto set = hs256_set();
    for (const std::string_view alg : {"none", "None", "NONE", "nOnE", ""}) {
        SCOPED_TRACE(words(alg));
        const std::string head = base64url(R"({"alg":")" + std::string(alg) + "\"}") + "." + base64url("{}") + ".";
        expect_refused(head, set);
        expect_refused(head + "AA", set);
        expect_refused(forge(R"({"alg":")" + std::string(alg) + "\"}", "{}", set.keys[0], "HS256"), set);
    }
}

TEST(Jws, AnAlgorithmTheKeyIsNotFor) {
    const auto set = key_set(oct_jwk(secret(64), R"("alg":"HS512",)"));
    EXPECT_TRUE(jws_verify(forge(R"({"alg":"HS512"})", "{}", set.keys[0], "HS512"), set));
    expect_refused(forge(R"({"alg":"HS256"})", "{}", set.keys[0], "HS256"), set);
    expect_refused(forge(R"({"alg":"HS256"})", "{}", set.keys[0], "HS512"), set);
    expect_refused(forge(R"({"alg":"HS512"})", "{}", set.keys[0], "HS256"), set);
}

// RFC 8725 §2.1: the public key, which the attacker knows, used as an HMAC secret.
TEST(Jws, KeyConfusion) {
    const auto made = bastion::jwk_generate_ed25519("k");
    const auto set = key_set(made->public_jwk);
    const Jwk& key = set.keys[0];
    const auto x = std::string(bastion::as_text(key.ed25519_public));
    for (const std::string& guess : {x, made->public_jwk, base64url(x)}) {
        SCOPED_TRACE(words(guess));
        Jwk attacker;
        attacker.kty = bastion::KeyType::oct;
        attacker.secret = bastion::SecretBytes(bastion::as_bytes(guess));
        for (const std::string_view header : {R"({"alg":"HS256"})", R"({"alg":"HS256","kid":"k"})"}) {
            SCOPED_TRACE(words(header));
            const std::string token = forge(header, "{}", attacker, "HS256");
            expect_refused(token, set);
            expect_refused(token, set, every_algorithm);
        }
        // Said to be EdDSA, signed by HMAC, of the right length.
        expect_refused(forge(R"({"alg":"EdDSA","kid":"k"})", "{}", key_set(oct_jwk(secret(64))).keys[0], "HS512"), set);
    }
    // And the other way: an EdDSA token against a secret that is the public key's bytes.
    const auto private_set = key_set(made->private_jwk.text());
    expect_refused(forge(R"({"alg":"EdDSA"})", "{}", private_set.keys[0], "EdDSA"), key_set(oct_jwk(x)),
                   every_algorithm);
}

TEST(Jws, AKeyWithoutAlgNeedsNamedAlgorithms) {
    const auto set = key_set(oct_jwk(secret(64)));
    const std::string token = forge(R"({"alg":"HS256"})", "{}", set.keys[0], "HS256");
    const auto verified = jws_verify(token, set);
    ASSERT_FALSE(verified);
    EXPECT_EQ(verified.error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(jws_verify(token, set, std::vector<std::string>{"HS256"}));
    EXPECT_TRUE(jws_verify(token, set, every_algorithm));
    expect_refused(token, set, std::vector<std::string>{"HS384", "EdDSA"});
}

TEST(Jws, NamedAlgorithmsNarrowAlsoAKeyWithAlg) {
    const auto set = hs256_set();
    const std::string token = forge(plain_header, "{}", set.keys[0], "HS256");
    EXPECT_TRUE(jws_verify(token, set, std::vector<std::string>{"HS256"}));
    expect_refused(token, set, std::vector<std::string>{"HS512"});
}

TEST(Jws, HmacKeysShorterThanTheHash) {
    const auto set = key_set(oct_jwk(secret(47)));
    EXPECT_TRUE(jws_verify(forge(R"({"alg":"HS256"})", "{}", set.keys[0], "HS256"), set, every_algorithm));
    expect_refused(forge(R"({"alg":"HS384"})", "{}", set.keys[0], "HS384"), set, every_algorithm);
    expect_refused(forge(R"({"alg":"HS512"})", "{}", set.keys[0], "HS512"), set, every_algorithm);
}

TEST(Jws, UseAndOperationsAreObeyed) {
    for (const std::string_view members : {R"("alg":"HS256","use":"enc",)"sv, R"("alg":"HS256","key_ops":["sign"],)"sv,
                                           R"("alg":"HS256","key_ops":[],)"sv}) {
        SCOPED_TRACE(words(members));
        const auto set = key_set(oct_jwk(secret(32), members));
        expect_refused(forge(plain_header, "{}", set.keys[0], "HS256"), set);
    }
    for (const std::string_view members :
         {R"("alg":"HS256","use":"sig",)"sv, R"("alg":"HS256","key_ops":["verify"],)"sv}) {
        SCOPED_TRACE(words(members));
        const auto set = key_set(oct_jwk(secret(32), members));
        EXPECT_TRUE(jws_verify(forge(plain_header, "{}", set.keys[0], "HS256"), set));
    }
}

TEST(Jws, KidSelectsItsKeyAndNoOther) {
    const auto set = key_set(R"({"keys":[)" + oct_jwk(secret(32, 'a'), R"("alg":"HS256","kid":"a",)") + "," +
                             oct_jwk(secret(32, 'b'), R"("alg":"HS256","kid":"b",)") + "]}");
    const Jwk& a = set.keys[0];
    EXPECT_EQ(jws_verify(forge(R"({"alg":"HS256","kid":"a"})", "{}", a, "HS256"), set)->key, &a);
    expect_refused(forge(R"({"alg":"HS256","kid":"b"})", "{}", a, "HS256"), set);
    expect_refused(forge(R"({"alg":"HS256","kid":"c"})", "{}", a, "HS256"), set);
    expect_refused(forge(R"({"alg":"HS256","kid":"A"})", "{}", a, "HS256"), set);
    expect_refused(forge(R"({"alg":"HS256"})", "{}", a, "HS256"), set);
    // The only key has no kid: the caller chose it, whatever the token calls it.
    EXPECT_TRUE(jws_verify(forge(R"({"alg":"HS256","kid":"a"})", "{}", hs256_set().keys[0], "HS256"), hs256_set()));
    const auto two = key_set(R"({"keys":[)" + oct_jwk(secret(32, 'a'), R"("alg":"HS256",)") + "," +
                             oct_jwk(secret(32, 'b'), R"("alg":"HS256","kid":"b",)") + "]}");
    expect_refused(forge(R"({"alg":"HS256","kid":"a"})", "{}", two.keys[0], "HS256"), two);
}

TEST(Jws, WithoutKidTheOneUsableKeyIsTaken) {
    const auto set = key_set(R"({"keys":[)" + oct_jwk(secret(32, 'a'), R"("alg":"HS256","kid":"a",)") + "," +
                             oct_jwk(secret(64, 'b'), R"("alg":"HS512","kid":"b",)") + "," +
                             oct_jwk(secret(32, 'c'), R"("alg":"HS256","use":"enc",)") + "]}");
    EXPECT_TRUE(jws_verify(forge(R"({"alg":"HS256"})", "{}", set.keys[0], "HS256"), set));
    EXPECT_TRUE(jws_verify(forge(R"({"alg":"HS512"})", "{}", set.keys[1], "HS512"), set));
    expect_refused(forge(R"({"alg":"HS384"})", "{}", set.keys[1], "HS384"), set);
    expect_refused(forge(R"({"alg":"HS256"})", "{}", set.keys[0], "HS256"), key_set(R"({"keys":[]})"));

    const auto two = key_set(R"({"keys":[)" + oct_jwk(secret(32, 'a'), R"("alg":"HS256",)") + "," +
                             oct_jwk(secret(32, 'b'), R"("alg":"HS256",)") + "]}");
    for (const Jwk& key : two.keys) {
        SCOPED_TRACE(words(key.kid));
        expect_refused(forge(R"({"alg":"HS256"})", "{}", key, "HS256"), two);
    }
}

TEST(Jws, SignaturesOfAnotherLength) {
    const auto hmac_set = hs256_set();
    const auto pair = bastion::jwk_generate_ed25519();
    const auto pair_set = key_set(pair->private_jwk.text());
    for (const auto& [set, alg] : {std::pair{&hmac_set, "HS256"}, {&pair_set, "EdDSA"}}) {
        SCOPED_TRACE(words(alg));
        const std::string token = forge(R"({"alg":")" + std::string(alg) + "\"}", "{}", set->keys[0], alg);
        const std::string head = token.substr(0, token.rfind('.') + 1);
        const auto signature = bastion::base64url_decode(token.substr(head.size()));
        for (std::size_t size = 1; size < 130; ++size) {
            SCOPED_TRACE(words(size));
            bastion::Bytes cut = *signature;
            cut.resize(size);
            const std::string resized = head + bastion::base64url_encode(cut);
            if (size == signature->size()) {
                EXPECT_TRUE(jws_verify(resized, *set));
            } else {
                expect_refused(resized, *set);
            }
        }
    }
}

TEST(Jws, EveryOneByteMutationIsRefused) {
    const auto hmac_set = hs256_set();
    const auto pair = bastion::jwk_generate_ed25519();
    const auto pair_set = key_set(pair->private_jwk.text());
    for (const auto& [set, alg] : {std::pair{&hmac_set, "HS256"}, {&pair_set, "EdDSA"}}) {
        SCOPED_TRACE(words(alg));
        const std::string token = forge(R"({"alg":")" + std::string(alg) + "\"}", R"({"sub":"x"})", set->keys[0], alg);
        ASSERT_TRUE(jws_verify(token, *set));
        for (std::size_t at = 0; at < token.size(); ++at) {
            SCOPED_TRACE(words(at));
            std::string mutant = token;
            for (int delta = 1; delta < 256; delta += alg == "HS256"sv ? 1 : 37) {
                SCOPED_TRACE(words(delta));
                mutant[at] = static_cast<char>(token[at] ^ delta);
                ASSERT_FALSE(jws_verify(mutant, *set));
            }
            ASSERT_FALSE(jws_verify(token.substr(0, at), *set));
            ASSERT_FALSE(jws_verify(token.substr(0, at) + token.substr(at + 1), *set));
            ASSERT_FALSE(jws_verify(token.substr(0, at) + "A" + token.substr(at), *set));
        }
    }
}

TEST(Jws, EncryptedTokensAreToldByTheirParts) {
    const auto refused = jws_verify("eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA", hs256_set());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().log_detail, "the token does not have three parts");
}

// RFC 9864: the algorithm in full, for keys and tokens under either name.
TEST(Jws, Ed25519IsEdDSA) {
    const std::string private_key(bastion::jwk_generate("Ed25519")->private_jwk.text());
    const auto named = key_set(private_key);
    EXPECT_EQ(named.keys[0].alg, "Ed25519");
    std::string older = private_key;
    older.replace(older.find(R"("Ed25519")", older.find("alg")), 9, R"("EdDSA")");
    for (const auto& set : {key_set(private_key), key_set(older)})
        for (const std::string alg : {"Ed25519", "EdDSA"}) {
            SCOPED_TRACE(words(set.keys[0].alg, alg));
            const std::string token = forge(R"({"alg":")" + alg + "\"}", "hello", set.keys[0], alg);
            EXPECT_TRUE(jws_verify(token, set));
            EXPECT_TRUE(jws_verify(token, set, std::vector<std::string>{alg}));
            // What is accepted is named by the caller.
            expect_refused(token, set, std::vector<std::string>{alg == "EdDSA" ? "Ed25519" : "EdDSA"});
        }
}

// A point of small order verifies any message under lax rules; so does a non-canonical S.
TEST(Jws, WeakEd25519) {
    for (const char* const point : {"0100000000000000000000000000000000000000000000000000000000000000",
                                    "0000000000000000000000000000000000000000000000000000000000000000",
                                    "0000000000000000000000000000000000000000000000000000000000000080",
                                    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                                    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                                    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
        SCOPED_TRACE(words(point));
        const std::string x(bastion::as_text(*bastion::hex_decode(point)));
        const auto key = bastion::parse_jwk(R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url(x) + "\"}");
        ASSERT_FALSE(key);
        EXPECT_EQ(key.error().code, ErrorCode::invalid_argument);
    }

    const auto pair = bastion::jwk_generate_ed25519();
    const auto pair_set = key_set(pair->private_jwk.text());
    const std::string token = forge(R"({"alg":"EdDSA"})", "{}", pair_set.keys[0], "EdDSA");
    auto signature = *bastion::base64url_decode(token.substr(token.rfind('.') + 1));
    const auto order = *bastion::hex_decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += signature[32 + i] + order[i];
        signature[32 + i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
    expect_refused(token.substr(0, token.rfind('.') + 1) + bastion::base64url_encode(signature), pair_set);
}

TEST(Jws, TokensPastSixteenKibibytes) {
    const auto set = hs256_set();
    const auto token_of = [&](std::size_t payload) {
        return forge(plain_header, std::string(payload, 'x'), set.keys[0], "HS256");
    };
    std::size_t payload = 12000;
    while (token_of(payload + 1).size() <= bastion::token_max_bytes) ++payload;
    EXPECT_TRUE(jws_verify(token_of(payload), set));
    expect_refused(token_of(payload + 1), set);
    expect_refused(std::string(1 << 20, 'x'), set);
    const auto& row = *bastion::find_jws_algorithm("HS256");
    EXPECT_TRUE(bastion::jws_sign(plain_header, std::string(payload, 'x'), set.keys[0], row));
    EXPECT_EQ(bastion::jws_sign(plain_header, std::string(payload + 1, 'x'), set.keys[0], row).error().code,
              ErrorCode::limit_exceeded);
}

TEST(Jws, SigningNeedsAFittingKey) {
    const auto& hs256 = *bastion::find_jws_algorithm("HS256");
    const auto& eddsa = *bastion::find_jws_algorithm("EdDSA");
    const auto pair = bastion::jwk_generate_ed25519();
    const auto public_key = bastion::parse_jwk(pair->public_jwk);
    EXPECT_FALSE(bastion::jws_sign("{}", "x", *public_key, eddsa));
    EXPECT_FALSE(bastion::jws_sign("{}", "x", *public_key, hs256));
    EXPECT_FALSE(bastion::jws_sign("{}", "x", hs256_set().keys[0], eddsa));
    EXPECT_FALSE(bastion::jws_sign("{}", "x", key_set(oct_jwk(secret(32), R"("key_ops":["verify"],)")).keys[0], hs256));
    EXPECT_TRUE(bastion::jws_sign("{}", "x", hs256_set().keys[0], hs256));
}

TEST(Jws, ParsedOnceVerifiesAsItsText) {
    const auto set = hs256_set();
    const auto other = key_set(oct_jwk(secret(32, 'b'), R"("alg":"HS256",)"));
    const std::string token = forge(plain_header, "hello", set.keys[0], "HS256");
    const auto verified = jws_verify(*bastion::parse_jws(token), set);
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->payload, "hello");
    EXPECT_EQ(verified->key, &set.keys[0]);
    EXPECT_EQ(verified->header->alg, "HS256");
    const auto refused = jws_verify(*bastion::parse_jws(token), other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::token_refused);
    EXPECT_EQ(refused.error().log_detail, jws_verify(token, other).error().log_detail);
    const auto unnamed = key_set(oct_jwk(secret(32)));
    EXPECT_EQ(jws_verify(*bastion::parse_jws(token), unnamed).error().code, ErrorCode::invalid_argument);
}

// Nothing but verification makes a verified token.
static_assert(!std::is_default_constructible_v<bastion::VerifiedJws>);
static_assert(!std::is_constructible_v<bastion::VerifiedJws, bastion::UnverifiedJws>);
static_assert(!std::is_constructible_v<bastion::VerifiedJws, bastion::UnverifiedJws&&, const Jwk&>);
static_assert(!std::is_convertible_v<bastion::UnverifiedJws, bastion::VerifiedJws>);

}  // namespace
