// The parsed form of a row of bastion.issuers, and tokens checked against it.
#include "core/jose/issuer.hpp"
#include "core/jose/jwk.hpp"

#include <gtest/gtest.h>

#include "core/jose/jws.hpp"
#include "unit/base/words.hpp"
#include "unit/jose/forge.hpp"

namespace {

using bastion::ErrorCode;
using bastion::IssuerRules;
using bastion::parse_issuer_rules;
using bastion::test::key_set;
using bastion::test::words;

const std::string issuer = "https://idp.example";

const bastion::GeneratedJwk& key() {
    static const auto made = bastion::jwk_generate("ES256", "k1");
    return *made;
}

IssuerRules rules(std::string_view options = R"({"aud":"app","algorithms":["ES256"]})",
                  std::string_view required = "{}", std::string_view mapping = "{}") {
    auto parsed = parse_issuer_rules(issuer, key().public_jwk, options, required, mapping);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return std::move(*parsed);
}

std::string token(std::string_view claims, const bastion::GeneratedJwk& signer = key()) {
    const auto set = key_set(signer.private_jwk.text());
    return *bastion::jwt_sign(
        R"({"iss":"https://idp.example","aud":"app","exp":2000,"iat":1000)" + std::string(claims) + "}", set.keys[0]);
}

auto verify_issuer_token(const std::string& text, const IssuerRules& accepted, double now) {
    auto parsed = bastion::parse_jwt(text);
    EXPECT_TRUE(parsed) << parsed.error().log_detail;
    return bastion::verify_issuer_token(std::move(*parsed), accepted, now);
}

TEST(Issuer, ReadsTheMappedClaims) {
    const auto read = verify_issuer_token(
        token(R"(,"sub":"s","uid":"u7","org":"acme","groups":["x"],"email":"a@b","email_verified":true,"name":"A B")"),
        rules(R"({"aud":"app","algorithms":["ES256"],"leeway":10,"max_age":300})", "{}",
              R"({"user":"uid","tenant":"org","role":"r","default_role":"viewer","email":"email","name":"name"})"),
        1100);
    ASSERT_TRUE(read) << read.error().log_detail;
    EXPECT_EQ(read->subject, "u7");
    EXPECT_EQ(read->tenant, "acme");
    EXPECT_EQ(read->role, "viewer");
    EXPECT_EQ(read->email, "a@b");
    EXPECT_EQ(read->name, "A B");
    EXPECT_EQ(read->valid_until, 1310);
    EXPECT_EQ(read->valid_from, 990);
    EXPECT_EQ(read->thumbprint, *bastion::jwk_thumbprint(*bastion::parse_jwk(key().public_jwk)));
}

TEST(Issuer, AnUnverifiedAddressIsNotTaken) {
    for (const std::string_view claims :
         {R"(,"sub":"s","email":"a@b")", R"(,"sub":"s","email":"a@b","email_verified":false)",
          R"(,"sub":"s","email":"a@b","email_verified":"true")"}) {
        SCOPED_TRACE(words(claims));
        const auto read = verify_issuer_token(
            token(claims), rules(R"({"aud":"app","algorithms":["ES256"]})", "{}", R"({"email":"email"})"), 1100);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->email, "");
    }
}

TEST(Issuer, RefusesTokensOfOthers) {
    const auto refused = [](const std::string& text, const IssuerRules& accepted, double now = 1100) {
        const auto read = verify_issuer_token(text, accepted, now);
        EXPECT_FALSE(read);
        if (!read) {
            EXPECT_EQ(read.error().code, ErrorCode::token_refused);
            EXPECT_EQ(read.error().message, "invalid token");
        }
    };
    EXPECT_TRUE(verify_issuer_token(token(R"(,"sub":"s")"), rules(), 1100));
    refused(token(R"(,"sub":"s")"), rules(), 2000);
    refused(token(R"(,"sub":"s")"), rules(R"({"aud":"other","algorithms":["ES256"]})"));
    refused(token(R"(,"sub":"s")"), rules(R"({"aud":"app","algorithms":["RS256"]})"));
    refused(token(R"(,"sub":"s")"), rules(R"({"aud":"app","algorithms":["ES256"],"typ":"at+jwt"})"));
    refused(token(""), rules());
    refused(token(R"(,"sub":"")"), rules());
    refused(token(R"(,"sub":"s","uid":7)"),
            rules(R"({"aud":"app","algorithms":["ES256"]})", "{}", R"({"user":"uid"})"));
    refused(token(",\"sub\":\"" + std::string(256, 'x') + "\""), rules());
    refused(token(R"(,"sub":"s","org":7)"),
            rules(R"({"aud":"app","algorithms":["ES256"]})", "{}", R"({"tenant":"org"})"));
    const auto stranger = bastion::jwk_generate("ES256", "k1");
    refused(token(R"(,"sub":"s")", *stranger), rules());
    const auto other = parse_issuer_rules("https://other.example", key().public_jwk,
                                          R"({"aud":"app","algorithms":["ES256"]})", "{}", "{}");
    refused(token(R"(,"sub":"s")"), *other);
}

TEST(Issuer, RequiredClaims) {
    const std::string plain = R"({"aud":"app","algorithms":["ES256"]})";
    const auto accepts = [&](std::string_view claims, std::string_view required) {
        return verify_issuer_token(token(R"(,"sub":"s")" + std::string(claims)), rules(plain, required), 1100).ok();
    };
    EXPECT_TRUE(accepts(R"(,"hd":"a.example")", R"({"hd":"a.example"})"));
    EXPECT_FALSE(accepts(R"(,"hd":"b.example")", R"({"hd":"a.example"})"));
    EXPECT_FALSE(accepts("", R"({"hd":"a.example"})"));
    EXPECT_FALSE(accepts("", R"({"hd":null})"));
    EXPECT_TRUE(accepts(R"(,"hd":[])", R"({"hd":null})"));
    EXPECT_TRUE(accepts(R"(,"groups":["a","b"])", R"({"groups":"b"})"));
    EXPECT_FALSE(accepts(R"(,"groups":["a",["b"]])", R"({"groups":"b"})"));
    EXPECT_TRUE(accepts(R"(,"v":true,"n":7)", R"({"v":true,"n":7})"));
    EXPECT_FALSE(accepts(R"(,"v":"true")", R"({"v":true})"));
    EXPECT_FALSE(accepts(R"(,"v":{})", R"({"v":"x"})"));
    // 2^53 + 1, which is no double.
    EXPECT_TRUE(accepts(R"(,"n":9007199254740993)", R"({"n":9007199254740993})"));
    EXPECT_FALSE(accepts(R"(,"n":9007199254740992)", R"({"n":9007199254740993})"));
}

TEST(Issuer, RefusesRulesThatMakeNoSense) {
    const std::string plain = R"({"aud":"app","algorithms":["ES256"]})";
    const auto bad = [](std::string_view keys, std::string_view options, std::string_view required,
                        std::string_view mapping) {
        const auto parsed = parse_issuer_rules(issuer, keys, options, required, mapping);
        ASSERT_FALSE(parsed) << options << required << mapping;
        EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    };
    const std::string& public_jwk = key().public_jwk;
    bad(R"({"keys":[]})", plain, "{}", "{}");
    bad(bastion::jwk_generate("HS256")->private_jwk.text(), plain, "{}", "{}");
    for (const std::string_view options :
         {"{}", R"({"aud":"app"})", R"({"algorithms":["ES256"]})", R"({"aud":"app","algorithms":["HS256"]})",
          R"({"aud":"app","algorithms":["none"]})", R"({"aud":"app","algorithms":["ES256"],"iss":"x"})",
          R"({"aud":"app","algorithms":["ES256"],"now":1})", R"({"algorithms":["ES256"],"allow_any_aud":true})",
          R"({"aud":"app","algorithms":["ES256"],"allow_missing_exp":true})", R"({"aud":[],"algorithms":["ES256"]})",
          "[]", ""})
        bad(public_jwk, options, "{}", "{}");
    for (const std::string_view required :
         {"[]", R"({"a":[]})", R"({"a":{}})", R"({"a":0.1})", R"({"a":1.0})", R"({"a":18446744073709551616})", ""})
        bad(public_jwk, plain, required, "{}");
    for (const std::string_view mapping : {"[]", R"({"user":""})", R"({"user":7})", R"({"usr":"sub"})", ""})
        bad(public_jwk, plain, "{}", mapping);
}

}  // namespace
