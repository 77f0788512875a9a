#include "core/jose/token_peek.hpp"

#include <gtest/gtest.h>

#include "core/jose/unverified_jws.hpp"

namespace bastion {
namespace {

constexpr const char* id = "018f3c2e-7d2b-7b4a-9a1c-0123456789ab";

std::string token(const std::string& payload) {
    const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
    return "e30." + base64url_encode(bytes) + ".c2ln";
}

TEST(TokenPeek, FindsTenant) {
    const auto found = peek_tenant(token(std::string(R"({"sub":"x","tenant":")") + id + R"(","exp":1})"));
    ASSERT_TRUE(found);
    EXPECT_EQ(format_uuid(*found), id);
}

TEST(TokenPeek, AnythingElseIsNone) {
    const std::string long_token = token(std::string(token_max_bytes, ' ') + R"({"tenant":")" + id + "\"}");
    const struct {
        const char* what;
        std::string token;
    } cases[] = {{"nothing", ""},
                 {"one part", "e30"},
                 {"two parts", "e30.e30"},
                 {"no claim", token(R"({"sub":"x"})")},
                 {"no base64url", "e30.!!!!.c2ln"},
                 {"no UUID", token(R"({"tenant":"acme"})")},
                 {"a longer text", token(std::string(R"({"tenant":")") + id + "0\"}")},
                 {"cut off", token(std::string(R"({"tenant":")") + id)},
                 {"an API key", "bk_live_0123456789abcdef"},
                 {"too long", long_token}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.what);
        EXPECT_FALSE(peek_tenant(c.token));
    }
}

}  // namespace
}  // namespace bastion
