// A parsed token before its signature is verified.
#include "core/jose/unverified_jws.hpp"

#include <gtest/gtest.h>

#include "unit/jose/forge.hpp"

namespace {

using bastion::ErrorCode;
using bastion::parse_jws;
using bastion::test::base64url;

std::string token_of(std::string_view header, std::string_view payload = "{}", std::string_view signature = "s") {
    return base64url(header) + "." + base64url(payload) + "." + base64url(signature);
}

TEST(UnverifiedJws, HasTheDecodedParts) {
    const std::string token = token_of(R"({"alg":"XX","kid":"k \u00e9","typ":"at+jwt","jku":7})", "pay.load", "signed");
    const auto parsed = parse_jws(token);
    ASSERT_TRUE(parsed) << parsed.error().log_detail;
    EXPECT_EQ(parsed->header->alg, "XX");
    EXPECT_EQ(parsed->header->kid, "k \xc3\xa9");
    EXPECT_EQ(parsed->header->typ, "at+jwt");
    EXPECT_EQ(parsed->payload, "pay.load");
    EXPECT_EQ(parsed->signature, "signed");
    EXPECT_EQ(parsed->signing_input, token.substr(0, token.rfind('.')));
}

TEST(UnverifiedJws, NamesMayBeAbsent) {
    const auto parsed = parse_jws(token_of(R"({"alg":"HS256"})", ""));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->header->kid, "");
    EXPECT_EQ(parsed->header->typ, "");
    EXPECT_EQ(parsed->payload, "");
}

TEST(UnverifiedJws, SaysInTheLogAloneWhatIsWrong) {
    const std::string header = base64url(R"({"alg":"HS256"})");
    const auto reason = [](const std::string& token) {
        SCOPED_TRACE(token);
        const auto parsed = parse_jws(token);
        EXPECT_FALSE(parsed);
        if (parsed) return std::string();
        EXPECT_EQ(parsed.error().code, ErrorCode::token_refused);
        EXPECT_EQ(parsed.error().message, "invalid token");
        EXPECT_EQ(parsed.error().detail + parsed.error().hint, "");
        return parsed.error().log_detail;
    };
    EXPECT_EQ(reason("x.y"), "the token does not have three parts");
    EXPECT_EQ(reason(header + ".e30.eA.eA"), "the token does not have three parts");
    EXPECT_EQ(reason(".e30.eA"), "a part of the token is empty");
    EXPECT_EQ(reason("x.y.z"), "the header is not base64url");
    EXPECT_EQ(reason(base64url("[") + ".e30.eA"), "the header is not strict JSON");
    EXPECT_EQ(reason(base64url("[]") + ".e30.eA"), "the header is not a JSON object");
    EXPECT_EQ(reason(base64url("{}") + ".e30.eA"), "the header names no algorithm");
    EXPECT_EQ(reason(header + ".e31.eA"), "the payload is not base64url");
    EXPECT_EQ(reason(header + ".e30.eB"), "the signature is not base64url");
    EXPECT_EQ(reason(header + "." + std::string(bastion::token_max_bytes, 'x') + ".eA"),
              "the token is longer than 16 KiB");
}

// A header that was read before is not read again, and says the same.
TEST(UnverifiedJws, HeadersOfOneIssuerAreShared) {
    const auto first = parse_jws(token_of(R"({"alg":"HS256","kid":"shared"})", "1"));
    const auto second = parse_jws(token_of(R"({"alg":"HS256","kid":"shared"})", "2"));
    const auto other = parse_jws(token_of(R"({"alg":"HS256","kid":"shared2"})", "2"));
    ASSERT_TRUE(first && second && other);
    EXPECT_EQ(first->header, second->header);
    EXPECT_EQ(other->header->kid, "shared2");
    EXPECT_EQ(parse_jws(token_of(R"({"alg":"HS256","kid":"sharee"})"))->header->kid, "sharee");
    EXPECT_EQ(second->payload, "2");
}

}  // namespace
