#include "core/jose/jwt.hpp"
#include "core/jose/jwk.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>

#include "core/base/encoding.hpp"
#include "core/jose/jws.hpp"
#include "unit/base/vectors.hpp"
#include "unit/base/words.hpp"
#include "unit/jose/forge.hpp"

namespace {

using bastion::test::words;

using namespace std::string_view_literals;
using bastion::ErrorCode;
using bastion::JwkSet;
using bastion::jwt_sign;
using bastion::jwt_verify;
using bastion::JwtOptions;
using bastion::parse_jwt;
using bastion::parse_jwt_options;
using bastion::test::forge;
using bastion::test::key_set;
using bastion::test::oct_jwk;
using bastion::test::secret;

constexpr double now = 1'700'000'000;

const JwkSet& keys() {
    static const JwkSet set = key_set(oct_jwk(secret(32), R"("alg":"HS256","kid":"k1",)"));
    return set;
}

std::string token_of(std::string_view claims, std::string_view header = R"({"alg":"HS256","kid":"k1"})") {
    return forge(header, claims, keys().keys[0], "HS256");
}

JwtOptions options_of(std::string_view json) {
    auto options = parse_jwt_options(json);
    EXPECT_TRUE(options) << json << " " << options.error().message;
    return options ? std::move(*options) : JwtOptions{};
}

bool accepted(std::string_view claims, std::string_view options = "{}",
              std::string_view header = R"({"alg":"HS256","kid":"k1"})") {
    const auto verified = jwt_verify(token_of(claims, header), keys(), options_of(options), now);
    if (verified) return true;
    const auto& error = verified.error();
    EXPECT_EQ(error.code, ErrorCode::token_refused) << claims << error.message;
    EXPECT_EQ(error.message, "invalid token");
    EXPECT_EQ(error.detail + error.hint, "");
    EXPECT_FALSE(error.log_detail.empty());
    return false;
}

// A payload with exp in an hour and the given members before it.
std::string with_exp(std::string_view members) { return "{" + std::string(members) + R"("exp":1700003600})"; }

TEST(Jwt, Rfc7515AppendixA1) {
    BASTION_NEEDS_VECTORS();
    const std::string text = bastion::test::read_vector("rfc/rfc7515_appendix_a.json");
    const auto document = bastion::parse_json(text, 1 << 20);
    ASSERT_TRUE(document);
    const auto example = document->root().find("tests")->elements()[0];
    ASSERT_EQ(example.find("section")->string(), "A.1");
    const std::string token(*example.find("jws")->string());
    const auto set = key_set(R"({"kty":"oct","k":")" + std::string(*example.find("jwk")->find("k")->string()) + "\"}");

    const auto verified = jwt_verify(token, set, options_of(R"({"algorithms":["HS256"],"iss":"joe"})"), 1300819379);
    ASSERT_TRUE(verified) << verified.error().log_detail;
    EXPECT_EQ(verified->iss, "joe");
    EXPECT_EQ(verified->dates.exp, 1300819380);
    EXPECT_FALSE(jwt_verify(token, set, options_of(R"({"algorithms":["HS256"]})"), 1300819380));
    EXPECT_FALSE(jwt_verify(token, set, options_of(R"({"algorithms":["HS512"]})"), 1300819379));
    EXPECT_EQ(jwt_verify(token, set, {}, 1300819379).error().code, ErrorCode::invalid_argument);

    // A.2 to A.5 are of algorithms that are not offered, the last of none.
    for (const auto& other : document->root().find("tests")->elements()) {
        SCOPED_TRACE(words(*other.find("section")->string()));
        if (other.find("section")->string() == "A.1") continue;
        const auto refused =
            jwt_verify(*other.find("jws")->string(), set, options_of(R"({"algorithms":["HS256"]})"), 1300819379);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::token_refused);
    }
}

TEST(Jwt, SignsAndVerifies) {
    const auto token = jwt_sign(
        R"({ "sub" : "alice", "exp": 1700003600.5, "iat":1700000000, "n": 1.50, "roles": ["a","b"] })", keys().keys[0]);
    ASSERT_TRUE(token);
    EXPECT_TRUE(token->starts_with(bastion::test::base64url(R"({"alg":"HS256","typ":"JWT","kid":"k1"})") + "."));
    const auto verified = jwt_verify(*token, keys(), {}, now);
    ASSERT_TRUE(verified) << verified.error().log_detail;
    EXPECT_EQ(verified->payload_json,
              R"({"sub":"alice","exp":1700003600.5,"iat":1700000000,"n":1.50,"roles":["a","b"]})");
    EXPECT_EQ(verified->sub, "alice");
    EXPECT_EQ(verified->dates.exp, 1700003600.5);
    EXPECT_EQ(verified->dates.iat, 1700000000);
    EXPECT_EQ(verified->iss, std::nullopt);
    EXPECT_EQ(verified->key->kid, "k1");
    EXPECT_EQ(verified->string_claim("sub"), "alice");
    EXPECT_EQ(verified->string_claim("n"), std::nullopt);
    EXPECT_EQ(verified->string_claim("absent"), std::nullopt);
    EXPECT_EQ(verified->number_claim("n"), 1.5);
    EXPECT_EQ(verified->string_list_claim("roles").size(), 2U);
    EXPECT_TRUE(verified->string_list_claim("sub").empty());
}

TEST(Jwt, SignsWithEd25519) {
    const auto pair = bastion::jwk_generate_ed25519();
    const auto private_key = bastion::parse_jwk(pair->private_jwk.text());
    const auto token = jwt_sign(with_exp(""), *private_key, R"({"typ":"at+jwt"})");
    ASSERT_TRUE(token);
    const auto set = key_set(pair->public_jwk);
    const auto verified = jwt_verify(*token, set, options_of(R"({"typ":"at+jwt","algorithms":["EdDSA"]})"), now);
    ASSERT_TRUE(verified) << verified.error().log_detail;
    EXPECT_EQ(verified->key->kid, pair->kid);
    EXPECT_FALSE(jwt_verify(*token, key_set(bastion::jwk_generate_ed25519(pair->kid)->public_jwk), {}, now));
    EXPECT_FALSE(jwt_sign(with_exp(""), set.keys[0]));
}

TEST(Jwt, ExpIsRequiredAndObeyed) {
    EXPECT_FALSE(accepted("{}"));
    EXPECT_TRUE(accepted("{}", R"({"allow_missing_exp":true})"));
    EXPECT_FALSE(accepted("{}", R"({"allow_missing_exp":false})"));
    EXPECT_TRUE(accepted(R"({"exp":1700000001})"));
    EXPECT_TRUE(accepted(R"({"exp":1700000000.001})"));
    EXPECT_FALSE(accepted(R"({"exp":1700000000})"));
    EXPECT_FALSE(accepted(R"({"exp":1699999999})"));
    EXPECT_FALSE(accepted(R"({"exp":1699999999})", R"({"allow_missing_exp":true})"));
    EXPECT_TRUE(accepted(R"({"exp":1699999991})", R"({"leeway":10})"));
    EXPECT_FALSE(accepted(R"({"exp":1699999990})", R"({"leeway":10})"));
    EXPECT_TRUE(accepted(R"({"exp":1.7000036e9})"));
}

TEST(Jwt, NotBefore) {
    EXPECT_TRUE(accepted(with_exp(R"("nbf":1700000000,)")));
    EXPECT_FALSE(accepted(with_exp(R"("nbf":1700000001,)")));
    EXPECT_TRUE(accepted(with_exp(R"("nbf":1700000010,)"), R"({"leeway":10})"));
    EXPECT_FALSE(accepted(with_exp(R"("nbf":1700000010.5,)"), R"({"leeway":10})"));
}

// As a clock that is behind sees it.
TEST(Jwt, IssuedInTheFutureIsNoReasonAlone) {
    EXPECT_TRUE(accepted(with_exp(R"("iat":1700003000,)")));
    EXPECT_TRUE(accepted(with_exp(R"("iat":1700000010,)"), R"({"max_age":100,"leeway":10})"));
    EXPECT_FALSE(accepted(with_exp(R"("iat":1700000010.5,)"), R"({"max_age":100,"leeway":10})"));
}

TEST(Jwt, DatesThatAreNone) {
    for (const std::string claim : {"exp", "nbf", "iat"}) {
        SCOPED_TRACE(words(claim));
        const std::string rest = claim == "exp" ? "" : R"(,"exp":1700003600)";
        for (const std::string_view value :
             {"\"1700003600\""sv, "null"sv, "true"sv, "[]"sv, "{}"sv, "-1"sv, "-0.5"sv, "253402300800"sv,
              "1700003600000"sv, "1e300"sv, "18446744073709551615"sv, "9223372036854775808"sv}) {
            SCOPED_TRACE(words(value));
            EXPECT_FALSE(accepted("{\"" + claim + "\":" + std::string(value) + rest + "}"));
        }
        for (const std::string_view value : {"1e400"sv, "NaN"sv, "Infinity"sv, "-Infinity"sv, "1e"sv, "0x7"sv,
                                             "99999999999999999999999999"sv, "01"sv}) {
            SCOPED_TRACE(words(value));
            EXPECT_FALSE(accepted("{\"" + claim + "\":" + std::string(value) + rest + "}"));
        }
    }
    EXPECT_TRUE(accepted(R"({"exp":253402300799})"));
    EXPECT_TRUE(accepted(R"({"exp":1700003600,"nbf":0,"iat":0})"));
}

TEST(Jwt, MaxAge) {
    EXPECT_TRUE(accepted(with_exp(R"("iat":1699999900,)"), R"({"max_age":100})"));
    EXPECT_FALSE(accepted(with_exp(R"("iat":1699999899,)"), R"({"max_age":100})"));
    EXPECT_TRUE(accepted(with_exp(R"("iat":1699999899,)"), R"({"max_age":100,"leeway":1})"));
    EXPECT_FALSE(accepted(with_exp(""), R"({"max_age":100})"));
    EXPECT_TRUE(accepted(with_exp("")));
}

TEST(Jwt, Issuer) {
    EXPECT_TRUE(accepted(with_exp(R"("iss":"a",)"), R"({"iss":"a"})"));
    EXPECT_TRUE(accepted(with_exp(R"("iss":"a",)"), R"({"iss":["b","a"]})"));
    EXPECT_TRUE(accepted(with_exp(R"("iss":"a",)")));
    EXPECT_FALSE(accepted(with_exp(R"("iss":"a",)"), R"({"iss":"b"})"));
    EXPECT_FALSE(accepted(with_exp(R"("iss":"A",)"), R"({"iss":"a"})"));
    EXPECT_FALSE(accepted(with_exp(R"("iss":"a\u0020",)"), R"({"iss":"a"})"));
    EXPECT_FALSE(accepted(with_exp(""), R"({"iss":"a"})"));
    EXPECT_FALSE(accepted(with_exp(R"("iss":["a"],)"), R"({"iss":"a"})"));
    EXPECT_FALSE(accepted(with_exp(R"("iss":7,)")));
}

TEST(Jwt, Audience) {
    EXPECT_TRUE(accepted(with_exp(R"("aud":"a",)"), R"({"aud":"a"})"));
    EXPECT_TRUE(accepted(with_exp(R"("aud":["b","a"],)"), R"({"aud":"a"})"));
    EXPECT_TRUE(accepted(with_exp(R"("aud":"a",)"), R"({"aud":["a","c"]})"));
    EXPECT_TRUE(accepted(with_exp(R"("aud":["b","c"],)"), R"({"aud":["a","c"]})"));
    // RFC 7519 §4.1.3: the verifier must be one of them.
    EXPECT_FALSE(accepted(with_exp(R"("aud":"a",)")));
    EXPECT_FALSE(accepted(with_exp(R"("aud":[],)")));
    EXPECT_FALSE(accepted(with_exp(R"("aud":"a",)"), R"({"allow_any_aud":false})"));
    EXPECT_TRUE(accepted(with_exp(R"("aud":"a",)"), R"({"allow_any_aud":true})"));
    EXPECT_TRUE(accepted(with_exp(""), R"({"allow_any_aud":true})"));
    EXPECT_FALSE(accepted(with_exp(R"("aud":7,)"), R"({"allow_any_aud":true})"));
    EXPECT_FALSE(accepted(with_exp(R"("aud":"b",)"), R"({"aud":"a"})"));
    EXPECT_FALSE(accepted(with_exp(R"("aud":["b"],)"), R"({"aud":"a"})"));
    EXPECT_FALSE(accepted(with_exp(R"("aud":[],)"), R"({"aud":"a"})"));
    EXPECT_FALSE(accepted(with_exp(""), R"({"aud":"a"})"));
    EXPECT_FALSE(accepted(with_exp(R"("aud":["a",7],)"), R"({"aud":"a"})"));
    EXPECT_FALSE(accepted(with_exp(R"("aud":{"a":"a"},)"), R"({"aud":"a"})"));
    EXPECT_FALSE(accepted(with_exp(R"("aud":7,)")));
    EXPECT_FALSE(accepted(with_exp(R"("aud":null,)")));
}

TEST(Jwt, Typ) {
    const auto typed = [](std::string_view typ, std::string_view wanted) {
        const std::string header = R"({"alg":"HS256","kid":"k1","typ":")" + std::string(typ) + "\"}";
        return accepted(with_exp(""), R"({"typ":")" + std::string(wanted) + "\"}", header);
    };
    EXPECT_TRUE(typed("JWT", "JWT"));
    EXPECT_TRUE(typed("jwt", "JWT"));
    EXPECT_TRUE(typed("at+jwt", "AT+JWT"));
    EXPECT_TRUE(typed("application/at+jwt", "at+jwt"));
    EXPECT_TRUE(typed("at+jwt", "Application/at+jwt"));
    EXPECT_FALSE(typed("JWT", "at+jwt"));
    EXPECT_FALSE(typed("at+jwt2", "at+jwt"));
    EXPECT_FALSE(typed("text/at+jwt", "at+jwt"));
    EXPECT_FALSE(typed("application/at/jwt", "at/jwt"));
    EXPECT_FALSE(accepted(with_exp(""), R"({"typ":"JWT"})"));
    EXPECT_TRUE(accepted(with_exp("")));
}

TEST(Jwt, PayloadsThatAreRefused) {
    const std::string allow = R"({"allow_missing_exp":true})";
    EXPECT_TRUE(accepted("{}", allow));
    for (const std::string_view payload : {"[]"sv,
                                           "7"sv,
                                           "null"sv,
                                           "\"{}\""sv,
                                           "{"sv,
                                           "{} x"sv,
                                           "{}{}"sv,
                                           R"({"a":1,"a":2})"sv,
                                           R"({"a":{"b":1,"b":2}})"sv,
                                           R"({"a":"\u0000"})"sv,
                                           R"({"\u0000":1})"sv,
                                           R"({"a":1e-20000})"sv,
                                           R"({"a":"\ud800"})"sv,
                                           "{\"a\":\"\xff\"}"sv,
                                           R"({"sub":7})"sv,
                                           R"({"jti":7})"sv,
                                           R"({"sub":null})"sv,
                                           " "sv,
                                           "\xef\xbb\xbf{}"sv,
                                           "{a:1}"sv}) {
        SCOPED_TRACE(words(payload));
        EXPECT_FALSE(accepted(payload, allow));
    }
    std::string deep = R"({"a":)" + std::string(64, '[') + std::string(64, ']') + "}";
    EXPECT_FALSE(accepted(deep, allow));
    deep = R"({"a":)" + std::string(63, '[') + std::string(63, ']') + "}";
    EXPECT_TRUE(accepted(deep, allow));
}

TEST(Jwt, NothingOfThePayloadIsReadBeforeTheSignatureHolds) {
    std::string token = token_of(R"({"exp":1})");
    token.back() = token.back() == 'A' ? 'E' : 'A';
    EXPECT_EQ(jwt_verify(token, keys(), {}, now).error().log_detail, "the signature does not verify");
}

// The text has their values; code that reads them as numbers finds none that counts.
TEST(Jwt, NumbersBeyondSixtyFourBits) {
    const std::string claims =
        R"({"a":18446744073709551616,"b":[-1e400,0.1],"c":123456789012345678901234567890.5,"d":1e-400,"exp":1700003600})";
    const auto verified = jwt_verify(token_of(claims), keys(), {}, now);
    ASSERT_TRUE(verified);
    EXPECT_EQ(verified->payload_json, claims);
    const auto minted = jwt_sign(claims, keys().keys[0]);
    ASSERT_TRUE(minted);
    EXPECT_EQ(jwt_verify(*minted, keys(), {}, now)->payload_json, claims);
    EXPECT_FALSE(accepted(R"({"exp":18446744073709551616})"));
    EXPECT_FALSE(accepted(R"({"exp":1e400})"));
    EXPECT_FALSE(accepted(with_exp(R"("a":1e99999,)")));
    EXPECT_FALSE(accepted(with_exp(R"("a":-,)")));
    EXPECT_FALSE(accepted(with_exp(R"("a":018446744073709551616,)")));
    EXPECT_FALSE(accepted(with_exp(R"("a":1.e400,)")));
    EXPECT_TRUE(accepted(with_exp(R"("18446744073709551616":"1e400 \" 1e400",)")));
}

TEST(Jwt, DatesOfTheKey) {
    const JwkSet dated = key_set(oct_jwk(secret(32), R"("alg":"HS256","kid":"k1","nbf":1600000000,"exp":1700000060,)"));
    const std::string token = token_of(with_exp(""));
    EXPECT_TRUE(jwt_verify(token, dated, {}, now));
    EXPECT_FALSE(jwt_verify(token, dated, options_of(R"({"leeway":3600})"), 1700000060));
    EXPECT_FALSE(jwt_verify(token, dated, {}, 1599999999));
    const auto verified = jwt_verify(token, dated, {}, now);
    EXPECT_FALSE(bastion::jwt_check_dates(verified->dates, {}, 1700000060));
}

TEST(Jwt, TheClock) {
    EXPECT_TRUE(accepted(R"({"exp":1000})", R"({"now":999})"));
    EXPECT_FALSE(accepted(R"({"exp":1000})", R"({"now":1000})"));
    for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL, -1.0, 1e300}) {
        SCOPED_TRACE(words(bad));
        const auto refused = jwt_verify(token_of(with_exp("")), keys(), {}, bad);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    }
}

TEST(Jwt, MessagesHoldNeitherTokenNorKey) {
    const std::string token = token_of(R"({"sub":"hunter2","exp":1})");
    for (const std::string& bad :
         {token, token + "x", token.substr(1), token + ".x", token_of(R"({"sub":"hunter2","iss":7})")}) {
        SCOPED_TRACE(words(bad));
        const auto refused = jwt_verify(bad, keys(), {}, now);
        ASSERT_FALSE(refused);
        const auto& error = refused.error();
        const std::string all = error.message + error.detail + error.hint + error.log_detail;
        EXPECT_EQ(all.find("hunter2"), std::string::npos);
        EXPECT_EQ(all.find(bad.substr(0, 10)), std::string::npos);
    }
}

TEST(JwtOptions, ReadsThemAll) {
    const auto options =
        options_of(R"({"iss":"i","aud":["a","b"],"leeway":1.5,"algorithms":["HS256","EdDSA"],"typ":"t",)"
                   R"("max_age":60,"allow_missing_exp":true,"now":5})");
    EXPECT_EQ(options.iss, std::vector<std::string>{"i"});
    EXPECT_EQ(options.aud, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(options.leeway, 1.5);
    EXPECT_EQ(options.algorithms, (std::vector<std::string>{"HS256", "EdDSA"}));
    EXPECT_EQ(options.typ, "t");
    EXPECT_EQ(options.max_age, 60);
    EXPECT_TRUE(options.allow_missing_exp);
    EXPECT_EQ(options.now, 5);
}

TEST(JwtOptions, RefusesWhatItDoesNotKnow) {
    for (const std::string_view json : {""sv,
                                        "[]"sv,
                                        "null"sv,
                                        R"({"issuer":"a"})"sv,
                                        R"({"ISS":"a"})"sv,
                                        R"({"":1})"sv,
                                        R"({"iss":7})"sv,
                                        R"({"iss":""})"sv,
                                        R"({"iss":[]})"sv,
                                        R"({"iss":["a",7]})"sv,
                                        R"({"iss":[""]})"sv,
                                        R"({"iss":null})"sv,
                                        R"({"iss":{"a":"b"}})"sv,
                                        R"({"aud":[]})"sv,
                                        R"({"aud":null})"sv,
                                        R"({"leeway":-1})"sv,
                                        R"({"leeway":3601})"sv,
                                        R"({"leeway":"1"})"sv,
                                        R"({"leeway":null})"sv,
                                        R"({"algorithms":[]})"sv,
                                        R"({"algorithms":"HS256"})"sv,
                                        R"({"algorithms":["none"]})"sv,
                                        R"({"algorithms":["ES256K"]})"sv,
                                        R"({"algorithms":[7]})"sv,
                                        R"({"algorithms":null})"sv,
                                        R"({"typ":""})"sv,
                                        R"({"typ":7})"sv,
                                        R"({"max_age":-1})"sv,
                                        R"({"max_age":true})"sv,
                                        R"({"allow_any_aud":1})"sv,
                                        R"({"allow_any_aud":true,"aud":"a"})"sv,
                                        R"({"allow_missing_exp":1})"sv,
                                        R"({"allow_missing_exp":"true"})"sv,
                                        R"({"now":-1})"sv,
                                        R"({"now":253402300800})"sv,
                                        R"({"now":"now"})"sv,
                                        R"({"iss":"a","iss":"b"})"sv}) {
        SCOPED_TRACE(words(json));
        const auto options = parse_jwt_options(json);
        ASSERT_FALSE(options);
        EXPECT_EQ(options.error().code, ErrorCode::invalid_argument);
    }
    EXPECT_TRUE(parse_jwt_options(R"({"leeway":3600,"max_age":0,"now":0})"));
}

TEST(JwtSign, HeaderMembers) {
    const auto header_of = [](std::string_view header) -> std::string {
        const auto token = jwt_sign(R"({"a":1})", keys().keys[0], header);
        if (!token) return "";
        return std::string(bastion::as_text(*bastion::base64url_decode(token->substr(0, token->find('.')))));
    };
    EXPECT_EQ(header_of("{}"), R"({"alg":"HS256","typ":"JWT","kid":"k1"})");
    EXPECT_EQ(header_of(R"( { "typ" : "at+jwt" } )"), R"({"alg":"HS256","kid":"k1","typ":"at+jwt"})");
    EXPECT_EQ(header_of(R"({"alg":"HS256","kid":"k1","typ":"JWT"})"), R"({"alg":"HS256","kid":"k1","typ":"JWT"})");
    EXPECT_EQ(header_of(R"({"x":{"y":[1.50]}})"), R"({"alg":"HS256","typ":"JWT","kid":"k1","x":{"y":[1.50]}})");
    for (const std::string_view header :
         {""sv, "[]"sv, "null"sv, R"({"alg":"HS512"})"sv, R"({"alg":"none"})"sv, R"({"alg":""})"sv, R"({"alg":7})"sv,
          R"({"kid":"k2"})"sv, R"({"kid":""})"sv, R"({"kid":7})"sv, R"({"typ":7})"sv, R"({"crit":["x"],"x":1})"sv,
          R"({"crit":[]})"sv, R"({"b64":true})"sv, R"({"enc":"A128GCM"})"sv, R"({"zip":"DEF"})"sv,
          R"({"a":1,"a":2})"sv}) {
        SCOPED_TRACE(words(header));
        const auto token = jwt_sign(R"({"a":1})", keys().keys[0], header);
        ASSERT_FALSE(token);
        EXPECT_EQ(token.error().code, ErrorCode::invalid_argument);
    }
}

TEST(JwtSign, TheAlgorithmOfAKeyWithoutAlg) {
    const auto plain = bastion::parse_jwk(oct_jwk(secret(48)));
    EXPECT_EQ(jwt_sign("{}", *plain).error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(jwt_sign("{}", *plain, R"({"alg":"HS256"})"));
    EXPECT_TRUE(jwt_sign("{}", *plain, R"({"alg":"HS384","kid":"free"})"));
    EXPECT_EQ(jwt_sign("{}", *plain, R"({"alg":"HS512"})").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(jwt_sign("{}", *plain, R"({"alg":"EdDSA"})").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(jwt_sign("{}", *plain, R"({"alg":"ES256K"})").error().code, ErrorCode::unsupported);
    EXPECT_EQ(jwt_sign("{}", *plain, R"({"alg":"none"})").error().code, ErrorCode::unsupported);
    const auto other = bastion::parse_jwk(R"({"kty":"EC","crv":"secp256k1"})");
    EXPECT_EQ(jwt_sign("{}", *other).error().code, ErrorCode::unsupported);
}

TEST(JwtSign, KeysThatMayNotSign) {
    for (const std::string_view members :
         {R"("alg":"HS256","use":"enc",)"sv, R"("alg":"HS256","key_ops":["verify"],)"sv,
          R"("alg":"HS256","key_ops":[],)"sv}) {
        SCOPED_TRACE(words(members));
        const auto token = jwt_sign("{}", *bastion::parse_jwk(oct_jwk(secret(32), members)));
        ASSERT_FALSE(token);
        EXPECT_EQ(token.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(token.error().message, "the key cannot sign");
    }
    EXPECT_TRUE(jwt_sign("{}", *bastion::parse_jwk(oct_jwk(secret(32), R"("alg":"HS256","key_ops":["sign"],)"))));
}

TEST(JwtSign, ClaimsThatAreRefused) {
    for (const std::string_view claims :
         {""sv, "[]"sv, "7"sv, "null"sv, "{"sv, R"({"exp":"tomorrow"})"sv, R"({"exp":-1})"sv,
          R"({"exp":1700000000000})"sv, R"({"nbf":null})"sv, R"({"iat":[]})"sv, R"({"aud":7})"sv, R"({"sub":7})"sv,
          R"({"a":"\u0000"})"sv, R"({"a":1,"a":2})"sv}) {
        SCOPED_TRACE(words(claims));
        const auto token = jwt_sign(claims, keys().keys[0]);
        ASSERT_FALSE(token);
        EXPECT_EQ(token.error().code, ErrorCode::invalid_argument);
    }
    EXPECT_TRUE(jwt_sign("{}", keys().keys[0]));
}

TEST(JwtSign, TokensPastSixteenKibibytes) {
    const auto sign = [](std::size_t size) {
        return jwt_sign(R"({"a":")" + std::string(size, 'x') + "\"}", keys().keys[0]);
    };
    EXPECT_TRUE(sign(12000));
    for (const std::size_t size : {12300U, 16000U, 17000U, 1000000U}) {
        SCOPED_TRACE(words(size));
        EXPECT_EQ(sign(size).error().code, ErrorCode::limit_exceeded);
    }
}

TEST(Jwt, EveryOneByteMutationIsRefused) {
    const std::string token = *jwt_sign(with_exp(R"("sub":"alice",)"), keys().keys[0]);
    ASSERT_TRUE(jwt_verify(token, keys(), {}, now));
    for (std::size_t at = 0; at < token.size(); ++at) {
        SCOPED_TRACE(words(at));
        std::string mutant = token;
        for (int delta = 1; delta < 256; ++delta) {
            SCOPED_TRACE(words(delta));
            mutant[at] = static_cast<char>(token[at] ^ delta);
            ASSERT_FALSE(jwt_verify(mutant, keys(), {}, now));
        }
    }
}

TEST(Jwt, UnverifiedTokenNamesItsSigner) {
    const auto parsed = parse_jwt(token_of(R"({"iss":"https://idp.example","exp":1})"));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->claimed_issuer(), "https://idp.example");
    EXPECT_EQ(parsed->claimed_kid(), "k1");
    const auto nameless = parse_jwt(token_of(R"({"iss":7})", R"({"alg":"HS256"})"));
    ASSERT_TRUE(nameless);
    EXPECT_EQ(nameless->claimed_issuer(), "");
    EXPECT_EQ(nameless->claimed_kid(), "");
    EXPECT_EQ(parse_jwt(token_of("{}"))->claimed_issuer(), "");
    for (const std::string& bad : {std::string("x.y.z"), token_of("[]"), token_of(""), token_of("{} x")}) {
        SCOPED_TRACE(bad);
        const auto refused = parse_jwt(bad);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, ErrorCode::token_refused);
        EXPECT_EQ(refused.error().message, "invalid token");
    }
}

// Tokens that the caller parsed to find their key are held to what their text would be held to.
TEST(Jwt, ParsedOnceVerifiesAsItsText) {
    const auto strangers = key_set(oct_jwk(secret(32, 'b'), R"("alg":"HS256","kid":"k1",)"));
    for (const std::string& claims :
         {with_exp(""), with_exp(R"("iss":"a","sub":"s",)"), with_exp(R"("nbf":1700000001,)"),
          std::string(R"({"exp":1})"), std::string("{}"), with_exp(R"("sub":7,)"), with_exp(R"("x":"\u0000",)")})
        for (const std::string_view options :
             {"{}", R"({"iss":"a"})", R"({"typ":"JWT"})", R"({"algorithms":["HS512"]})"})
            for (const JwkSet* set : {&keys(), &strangers}) {
                SCOPED_TRACE(claims + " " + std::string(options) + (set == &keys() ? "" : " by a stranger"));
                const std::string token = token_of(claims);
                const auto by_text = jwt_verify(token, *set, options_of(options), now);
                auto parsed = parse_jwt(token);
                ASSERT_TRUE(parsed);
                const auto by_parts = jwt_verify(std::move(*parsed), *set, options_of(options), now);
                ASSERT_EQ(by_parts.ok(), by_text.ok());
                if (by_text) {
                    EXPECT_EQ(by_parts->payload_json, by_text->payload_json);
                    EXPECT_EQ(by_parts->sub, by_text->sub);
                    EXPECT_EQ(by_parts->dates.exp, by_text->dates.exp);
                    EXPECT_EQ(by_parts->key, by_text->key);
                } else {
                    EXPECT_EQ(by_parts.error().code, by_text.error().code);
                    EXPECT_EQ(by_parts.error().message, by_text.error().message);
                    EXPECT_EQ(by_parts.error().log_detail, by_text.error().log_detail);
                }
            }
}

// Nothing but verification makes a verified token.
static_assert(!std::is_default_constructible_v<bastion::VerifiedJwt>);
static_assert(!std::is_constructible_v<bastion::VerifiedJwt, bastion::UnverifiedJwt>);
static_assert(!std::is_convertible_v<bastion::UnverifiedJwt, bastion::VerifiedJwt>);
static_assert(!std::is_constructible_v<bastion::VerifiedJwt, bastion::VerifiedJws, bastion::JsonDocument>);
static_assert(!std::is_copy_constructible_v<bastion::UnverifiedJwt>);

TEST(Jwt, NamesTheActors) {
    using Names = std::optional<std::vector<std::string>>;
    const auto actors = [](const std::string& act) -> Names {
        const auto token = jwt_verify(token_of(R"({"exp":2000000000)" + act + "}"), keys(),
                                      options_of(R"({"algorithms":["HS256"]})"), now);
        const auto names = token->actors();
        if (!names) return {};
        return std::vector<std::string>(names->begin(), names->end());
    };
    EXPECT_EQ(actors(""), Names(std::vector<std::string>()));
    EXPECT_EQ(actors(R"(,"act":{"sub":"a"})"), Names(std::vector<std::string>{"a"}));
    EXPECT_EQ(actors(R"(,"act":{"sub":"c","act":{"sub":"b","act":{"iss":"x","sub":"a"}}})"),
              Names(std::vector<std::string>{"a", "b", "c"}));
    for (const std::string_view act : {R"("a")", "1", "null", "[]", "{}", R"({"sub":1})", R"({"sub":"a","act":{}})",
                                       R"({"sub":"a","act":null})", R"({"act":{"sub":"a"}})"}) {
        SCOPED_TRACE(act);
        EXPECT_EQ(actors(R"(,"act":)" + std::string(act)), std::nullopt);
    }
}

}  // namespace
