#include "core/jose/jwk.hpp"

#include <gtest/gtest.h>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"
#include "core/jose/jws.hpp"
#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"
#include "unit/jose/forge.hpp"

namespace {

using bastion::test::words;

using namespace std::string_literals;
using namespace std::string_view_literals;
using bastion::ErrorCode;
using bastion::KeyType;
using bastion::parse_jwk;
using bastion::parse_jwk_set;
using bastion::test::base64url;
using bastion::test::oct_jwk;
using bastion::test::secret;

// A key pair from a public seed.
const bastion::Bytes seed(32, 7);
const std::string seed_text = bastion::base64url_encode(seed);

std::string public_text() {
    const auto key = parse_jwk(bastion::jwk_from_ed25519_seed(seed)->public_jwk);
    return bastion::base64url_encode(key->ed25519_public);
}

std::string okp_jwk(std::string_view members = "", std::string_view x = public_text()) {
    return R"({"kty":"OKP","crv":"Ed25519")" + std::string(members) + R"(,"x":")" + std::string(x) + "\"}";
}

void expect_bad(std::string_view json) {
    const auto set = parse_jwk_set(json);
    ASSERT_FALSE(set) << json;
    EXPECT_EQ(set.error().code, ErrorCode::invalid_argument) << json;
    EXPECT_FALSE(set.error().message.empty()) << json;
}

TEST(Jwk, ReadsAnHmacKey) {
    const auto key =
        parse_jwk(oct_jwk(secret(32), R"("alg":"HS256","use":"sig","kid":"k1","key_ops":["sign","verify"],)"));
    ASSERT_TRUE(key);
    EXPECT_EQ(key->kty, KeyType::oct);
    EXPECT_EQ(key->alg, "HS256");
    EXPECT_EQ(key->use, "sig");
    EXPECT_EQ(key->kid, "k1");
    EXPECT_EQ(key->secret.text(), secret(32));
    EXPECT_TRUE(key->may_sign());
    EXPECT_TRUE(key->may_verify());
}

TEST(Jwk, ReadsThePublishedKeys) {
    BASTION_NEEDS_VECTORS();
    const auto read = [](const std::string& name) {
        return parse_jwk(bastion::test::read_vector("rfc7520/jwk/" + name));
    };
    EXPECT_EQ(read("3_1.ec_public_key.json")->kty, KeyType::ec);
    EXPECT_EQ(read("3_2.ec_private_key.json")->kty, KeyType::ec);
    EXPECT_EQ(read("3_3.rsa_public_key.json")->kty, KeyType::rsa);
    EXPECT_EQ(read("3_4.rsa_private_key.json")->kty, KeyType::rsa);
    EXPECT_EQ(read("3_5.symmetric_key_mac_computation.json")->secret.size(), 32U);
    const auto encryption = read("3_6.symmetric_key_encryption.json");
    EXPECT_FALSE(encryption->may_verify());
    EXPECT_FALSE(encryption->may_sign());
}

TEST(Jwk, ReadsEd25519Keys) {
    const auto key = parse_jwk(okp_jwk());
    ASSERT_TRUE(key);
    EXPECT_EQ(key->crv, "Ed25519");
    EXPECT_TRUE(key->may_verify());
    EXPECT_FALSE(key->may_sign());
    const auto whole = parse_jwk(okp_jwk(R"(,"d":")" + seed_text + "\""));
    ASSERT_TRUE(whole);
    EXPECT_TRUE(whole->may_sign());
    EXPECT_EQ(whole->ed25519_public, key->ed25519_public);
}

// RFC 8037 appendix A.3, of the key of A.1.
TEST(Jwk, Thumbprint) {
    BASTION_NEEDS_VECTORS();
    const std::string text = bastion::test::read_vector("rfc7520/curve25519/jws.json");
    const auto document = bastion::parse_json(text, 1 << 20);
    const auto x = document->root().find("input")->find("key")->find("x")->string();
    EXPECT_EQ(*bastion::jwk_thumbprint(*parse_jwk(okp_jwk("", *x))), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    EXPECT_EQ(bastion::jwk_thumbprint(*parse_jwk(oct_jwk(secret(32)))).error().code, ErrorCode::unsupported);
}

TEST(Jwk, RefusesAPrivatePartOfAnotherKey) {
    expect_bad(okp_jwk(R"(,"d":")" + bastion::base64url_encode(bastion::Bytes(32, 8)) + "\""));
    expect_bad(okp_jwk(R"(,"d":"AAAA")"));
    expect_bad(okp_jwk(R"(,"d":7)"));
}

TEST(Jwk, RefusesMissingOrMalformedMembers) {
    for (const std::string_view json :
         {""sv, "7"sv, "[]"sv, "null"sv, "{}"sv, R"({"kty":7})"sv, R"({"kty":"oct"})"sv, R"({"kty":"oct","k":7})"sv,
          R"({"kty":"oct","k":""})"sv, R"({"kty":"OKP","x":"AAAA"})"sv, R"({"kty":"OKP","crv":"Ed25519"})"sv,
          R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})"sv, R"({"kty":"oct","k":"AAAA","kty":"oct"})"sv,
          R"({"keys":{}})"sv, R"({"keys":[7]})"sv, R"({"keys":[[]]})"sv, R"({"keys":[],"kty":"oct"})"sv}) {
        SCOPED_TRACE(words(json));
        expect_bad(json);
    }
    expect_bad(okp_jwk("", public_text() + "="));
    expect_bad(okp_jwk("", std::string(42, 'A') + "B"));  // trailing bits
    for (const std::string_view members :
         {R"("kid":7,)"sv, R"("kid":"",)"sv, R"("alg":["HS256"],)"sv, R"("use":null,)"sv, R"("key_ops":"verify",)"sv,
          R"("key_ops":[7],)"sv, R"("key_ops":["verify","verify"],)"sv, R"("key_ops":{},)"sv}) {
        SCOPED_TRACE(words(members));
        expect_bad(oct_jwk(secret(32), members));
    }
}

TEST(Jwk, RefusesMembersOfOtherTypes) {
    for (const std::string_view member : {"crv", "x", "y", "d", "n", "e"}) {
        SCOPED_TRACE(words(member));
        expect_bad(oct_jwk(secret(32), "\"" + std::string(member) + "\":\"AQAB\","));
    }
    for (const std::string_view member : {"k", "y", "n", "e"}) {
        SCOPED_TRACE(words(member));
        expect_bad(okp_jwk(",\"" + std::string(member) + "\":\"AQAB\""));
    }
    const std::string rsa = bastion::jwk_generate("RS256")->public_jwk;
    const std::string ec = bastion::jwk_generate("ES256")->public_jwk;
    const auto expect_foreign = [](const std::string& jwk, std::string_view member) {
        SCOPED_TRACE(words(jwk, member));
        EXPECT_TRUE(parse_jwk(jwk));
        expect_bad(jwk.substr(0, jwk.size() - 1) + ",\"" + std::string(member) + "\":\"AQAB\"}");
    };
    for (const std::string_view member : {"k", "crv", "x", "y"}) {
        SCOPED_TRACE(words(member));
        expect_foreign(rsa, member);
    }
    for (const std::string_view member : {"k", "n", "e", "p", "q"}) {
        SCOPED_TRACE(words(member));
        expect_foreign(ec, member);
    }
    EXPECT_TRUE(parse_jwk(oct_jwk(secret(32), R"("x5t":"AQAB","iat":7,)")));  // RFC 7517 §4: unknown ones are ignored
}

TEST(Jwk, RefusesShortHmacKeys) {
    expect_bad(oct_jwk(secret(31)));
    EXPECT_TRUE(parse_jwk(oct_jwk(secret(32))));
    for (const auto& [alg, size] : {std::pair{"HS256", 32}, {"HS384", 48}, {"HS512", 64}}) {
        SCOPED_TRACE(words(alg, size));
        const std::string members = R"("alg":")" + std::string(alg) + "\",";
        EXPECT_TRUE(parse_jwk(oct_jwk(secret(size), members)));
        expect_bad(oct_jwk(secret(size - 1), members));
    }
}

TEST(Jwk, RefusesPublicKeysAsHmacSecrets) {
    expect_bad(oct_jwk("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"));
    expect_bad(oct_jwk(okp_jwk()));
    expect_bad(oct_jwk("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="));
    expect_bad(oct_jwk("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQH\nOg7hcvPapiMlrwIaaPcHURo=\n"));
    expect_bad(oct_jwk("MCowBQYDK2VwAyEA11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    expect_bad(oct_jwk(bastion::as_text(*bastion::hex_decode("302a300506032b6570032100" + std::string(64, '7')))));
    expect_bad(oct_jwk("302a300506032b6570032100" + std::string(64, '7')));
    expect_bad(oct_jwk("30:2A:30:05:06:03:2B:65:70:03:21:00\n" + std::string(64, '7')));
    expect_bad(oct_jwk("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBl4S1nmwbS4XHqTRTFVHrrqLVIWx8DH user@host"));
    expect_bad(oct_jwk("---- BEGIN SSH2 PUBLIC KEY ----\nAAAAC3NzaC1lZDI1NTE5AAAAIBl4S1nmwbS4XHqTRTFVHrrqLVIWx8DH\n"));
}

// Settings and files hold keys as text, in quotes and in text of their own.
TEST(Jwk, RefusesPublicKeysInLayersOfText) {
    const std::string pem =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n";
    const std::string hex = "302a300506032b6570032100" + std::string(64, '7');
    const bastion::Bytes der = *bastion::hex_decode(hex);
    expect_bad(oct_jwk(bastion::base64_encode(bastion::as_bytes(pem))));
    expect_bad(oct_jwk(bastion::base64url_encode(bastion::as_bytes(okp_jwk()))));
    expect_bad(oct_jwk(bastion::base64_encode(bastion::as_bytes(bastion::base64_encode(der)))));
    expect_bad(oct_jwk(bastion::hex_encode(bastion::as_bytes(bastion::base64_encode(bastion::as_bytes(pem))))));
    expect_bad(oct_jwk(bastion::base32_encode_secret(der).text()));
    expect_bad(oct_jwk("\\x" + hex));
    expect_bad(oct_jwk("0x" + hex));
    expect_bad(oct_jwk('"' + bastion::base64_encode(der) + '"'));
    expect_bad(oct_jwk("\xef\xbb\xbf" + bastion::base64_encode(der)));
    expect_bad(oct_jwk(std::string(bastion::as_text(der)) + "\r\n"));
    expect_bad(oct_jwk(" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBl4S1nmwbS4XHqTRTFVHrrqLVIWx8DH"));
    EXPECT_TRUE(parse_jwk(oct_jwk(bastion::base64_encode(bastion::as_bytes(secret(48))))));
    EXPECT_TRUE(parse_jwk(oct_jwk(bastion::hex_encode(bastion::as_bytes(secret(48))))));
}

TEST(Jwk, RefusesAnAlgorithmOfAnotherType) {
    expect_bad(okp_jwk(R"(,"alg":"HS256")"));
    expect_bad(oct_jwk(secret(32), R"("alg":"EdDSA",)"));
    expect_bad(R"({"kty":"OKP","crv":"X25519","alg":"EdDSA","x":")" + public_text() + "\"}");
    EXPECT_TRUE(parse_jwk(okp_jwk(R"(,"alg":"EdDSA")")));
}

TEST(Jwk, UseAndOperationsDecideWhatAKeyMayDo) {
    const auto may = [](std::string_view members) {
        const auto key = parse_jwk(oct_jwk(secret(32), members));
        EXPECT_TRUE(key) << members;
        return std::pair{key->may_sign(), key->may_verify()};
    };
    EXPECT_EQ(may(""), std::pair(true, true));
    EXPECT_EQ(may(R"("use":"sig",)"), std::pair(true, true));
    EXPECT_EQ(may(R"("use":"enc",)"), std::pair(false, false));
    EXPECT_EQ(may(R"("use":"SIG",)"), std::pair(false, false));
    EXPECT_EQ(may(R"("key_ops":["verify"],)"), std::pair(false, true));
    EXPECT_EQ(may(R"("key_ops":["sign"],)"), std::pair(true, false));
    EXPECT_EQ(may(R"("key_ops":[],)"), std::pair(false, false));
    EXPECT_EQ(may(R"("use":"enc","key_ops":["sign","verify"],)"), std::pair(false, false));
}

TEST(JwkSet, ReadsEveryKey) {
    const auto set = parse_jwk_set(R"({"keys":[)" + okp_jwk(R"(,"kid":"a")") + "," + okp_jwk(R"(,"kid":"b")") + "," +
                                   okp_jwk() + R"(],"extra":1})");
    ASSERT_TRUE(set);
    EXPECT_EQ(set->keys.size(), 3U);
    EXPECT_TRUE(set->skipped.empty());
    EXPECT_TRUE(parse_jwk_set(R"({"keys":[]})"));
}

// RFC 7517 §5: what cannot be used does not spoil the set.
TEST(JwkSet, SkipsWhatItCannotUse) {
    const std::string rsa_1024 = R"({"kty":"RSA","e":"AQAB","kid":"weak","n":")" + std::string(171, 'w') + "\"}";
    for (const std::string& bad :
         {R"({"kid":"b"})"s, rsa_1024, "7"s, R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"s,
          R"({"kty":"OKP","crv":"Ed25519","x":7})"s, okp_jwk(R"(,"kid":"a")")}) {
        SCOPED_TRACE(words(bad));
        const auto set = parse_jwk_set(R"({"keys":[)" + okp_jwk(R"(,"kid":"a")") + "," + bad + "," +
                                       okp_jwk(R"(,"kid":"c")") + "]}");
        ASSERT_TRUE(set);
        EXPECT_EQ(set->keys.size(), 2U);
        EXPECT_EQ(set->keys[1].kid, "c");
        ASSERT_EQ(set->skipped.size(), 1U);
        EXPECT_EQ(set->skipped[0].position, 2U);
        EXPECT_FALSE(set->skipped[0].reason.empty());
        if (bad != okp_jwk(R"(,"kid":"a")")) expect_bad(R"({"keys":[)" + bad + "," + bad + "]}");
    }
}

TEST(JwkSet, KeysOfTwoTypesMayShareAKid) {
    const std::string ec = bastion::jwk_generate("ES256", "a")->public_jwk;
    const auto set = parse_jwk_set(R"({"keys":[)" + okp_jwk(R"(,"kid":"a")") + "," + ec + "]}");
    ASSERT_TRUE(set);
    EXPECT_EQ(set->keys.size(), 2U);
    EXPECT_TRUE(set->skipped.empty());
}

// RFC 7517 §4.2, §4.5.
TEST(JwkSet, OneKidForEncryptionAndSignatures) {
    for (const bool encryption_first : {true, false}) {
        SCOPED_TRACE(words(encryption_first ? "encryption first" : "signature first"));
        const std::string enc = okp_jwk(R"(,"kid":"a","use":"enc")"), sig = okp_jwk(R"(,"kid":"a","use":"sig")");
        const auto set = parse_jwk_set(R"({"keys":[)" + (encryption_first ? enc + "," + sig : sig + "," + enc) + "]}");
        ASSERT_TRUE(set);
        EXPECT_TRUE(set->skipped.empty());
        EXPECT_EQ(std::count_if(set->keys.begin(), set->keys.end(), [](const auto& key) { return key.may_verify(); }),
                  1);
    }
}

TEST(JwkSet, KeysOfAnIssuer) {
    const auto read = bastion::jwk_issuer_keys(R"({"keys":[{"kid":"x"},)" + okp_jwk(R"(,"kid":"enc","use":"enc")") +
                                               "," + okp_jwk(R"(,"kid":"a")") + R"(,{"kty":"XYZ"},)" +
                                               okp_jwk(R"(,"kid":"b","key_ops":["sign"])") + R"(,{"kty":"EC"}]})");
    ASSERT_TRUE(read);
    const auto document = bastion::parse_json(*read, 10'000);
    ASSERT_TRUE(document);
    const auto keys = document->root().find("keys")->elements();
    ASSERT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys[0].find("kid")->string(), "a");
    EXPECT_EQ(keys[1].find("kid")->string(), "b");
    std::string skipped;
    for (const auto& one : document->root().find("skipped")->elements())
        skipped += std::to_string(*one.find("key")->integer()) + std::string(one.find("kid")->string().value_or("-"));
    EXPECT_EQ(skipped, "1x2enc4-6-");
    EXPECT_FALSE(bastion::jwk_issuer_keys(R"({"keys":[)" + okp_jwk(R"(,"use":"enc")") + "]}"));
    EXPECT_FALSE(bastion::jwk_issuer_keys(okp_jwk(R"(,"use":"enc")")));
    EXPECT_FALSE(bastion::jwk_issuer_keys(oct_jwk(secret(32))));
    EXPECT_TRUE(bastion::jwk_issuer_keys(okp_jwk()));
}

TEST(Jwk, DatesAreKept) {
    const auto key = parse_jwk(okp_jwk(R"(,"nbf":1000,"exp":2000.5)"));
    ASSERT_TRUE(key);
    EXPECT_EQ(key->dates.from, 1000);
    EXPECT_EQ(key->dates.until, 2000.5);
    const auto half = parse_jwk(*bastion::jwk_public(*key));
    ASSERT_TRUE(half);
    EXPECT_EQ(half->dates.from, 1000);
    EXPECT_EQ(half->dates.until, 2000.5);
    for (const std::string date : {"1e-40", "5e-324", "1.7976931348623157e308", "0", "253402300799.999"}) {
        SCOPED_TRACE(words(date));
        const auto odd = parse_jwk(okp_jwk(",\"exp\":" + date));
        ASSERT_TRUE(odd);
        const auto again = parse_jwk(*bastion::jwk_public(*odd));
        ASSERT_TRUE(again);
        EXPECT_EQ(again->dates.until, odd->dates.until);
    }
    expect_bad(okp_jwk(R"(,"exp":"never")"));
    expect_bad(okp_jwk(R"(,"nbf":-1)"));
}

TEST(JwkSet, RefusesSymmetricBesidePublicKeys) {
    expect_bad(R"({"keys":[)" + okp_jwk() + "," + oct_jwk(secret(32)) + "]}");
    expect_bad(R"({"keys":[)" + oct_jwk(secret(32)) + R"(,{"kty":"XYZ"}]})");
    EXPECT_TRUE(parse_jwk_set(R"({"keys":[)" + oct_jwk(secret(32)) + "," + oct_jwk(secret(32, 'b')) + "]}"));
    EXPECT_TRUE(parse_jwk_set(R"({"keys":[)" + okp_jwk() + R"(,{"kty":"EC","crv":"secp256k1"},{"kty":"XYZ"}]})"));
}

TEST(JwkSet, RefusesTooManyKeysAndTooMuchText) {
    std::string many = R"({"keys":[{"kty":"XYZ"})";
    for (int i = 0; i < 999; ++i) many += R"(,{"kty":"XYZ"})";
    EXPECT_TRUE(parse_jwk_set(many + "]}"));
    EXPECT_EQ(parse_jwk_set(many + R"(,{"kty":"XYZ"}]})").error().code, ErrorCode::limit_exceeded);
    const std::string long_text = okp_jwk(R"(,"note":")" + std::string(bastion::jwk_max_bytes, 'x') + "\"");
    EXPECT_EQ(parse_jwk_set(long_text).error().code, ErrorCode::limit_exceeded);
}

TEST(JwkSet, OneKeyIsNotASet) { EXPECT_FALSE(parse_jwk(R"({"keys":[]})")); }

TEST(Jwk, MessagesHoldNoKeyMaterial) {
    const std::string k = base64url(secret(31));
    for (const std::string& json : {R"({"kty":"oct","k":")" + k + "\"}", R"({"kty":"oct","k":")" + k + "=\"}",
                                    R"({"kty":"oct","k":")" + k + "\",}"}) {
        SCOPED_TRACE(words(json));
        const auto set = parse_jwk_set(json);
        ASSERT_FALSE(set);
        const auto& error = set.error();
        const std::string all = error.message + error.detail + error.hint + error.log_detail;
        EXPECT_EQ(all.find(k.substr(0, 8)), std::string::npos) << all;
        EXPECT_EQ(all.find(secret(31).substr(0, 8)), std::string::npos) << all;
    }
}

TEST(GeneratedJwk, IsReadAndSigns) {
    const auto made = bastion::jwk_generate_ed25519();
    ASSERT_TRUE(made);
    const auto public_key = parse_jwk(made->public_jwk);
    const auto private_key = parse_jwk(made->private_jwk.text());
    ASSERT_TRUE(public_key && private_key);
    EXPECT_EQ(public_key->kid, made->kid);
    EXPECT_EQ(private_key->kid, made->kid);
    EXPECT_EQ(*bastion::jwk_thumbprint(*public_key), made->kid);
    EXPECT_EQ(made->public_jwk.find("\"d\""), std::string::npos);
    EXPECT_TRUE(private_key->may_sign());
    EXPECT_FALSE(public_key->may_sign());
    EXPECT_NE(bastion::jwk_generate_ed25519()->kid, made->kid);
}

TEST(GeneratedJwk, FollowsItsSeed) {
    const auto made = bastion::jwk_from_ed25519_seed(seed, "odd \"kid\"\n");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->kid, "odd \"kid\"\n");
    EXPECT_NE(made->private_jwk.text().find(seed_text), std::string::npos);
    EXPECT_EQ(parse_jwk(made->private_jwk.text())->kid, made->kid);
    EXPECT_EQ(bastion::jwk_from_ed25519_seed(seed)->kid, *bastion::jwk_thumbprint(*parse_jwk(okp_jwk())));
    EXPECT_FALSE(bastion::jwk_from_ed25519_seed(bastion::as_bytes("short")));
}

}  // namespace
