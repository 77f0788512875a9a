// Challenges: form, purpose, expiry, the state that they depend on, and forgery.
#include "core/session/challenge.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

HmacKey pepper(std::uint8_t fill) { return std::move(*HmacKey::create(HashId::sha256, Bytes(32, fill))); }

std::string made(std::string_view purpose = "tenant", std::string_view body = "{}", std::string_view state = "state",
                 std::uint32_t expires_at = 1000) {
    return *challenge_make(pepper(1), {.pepper = 7, .expires_at = expires_at, .purpose = purpose, .body = body}, state);
}

// The body, or what is wrong.
std::string opened(std::string_view text, std::string_view purpose = "tenant", std::uint64_t now = 999,
                   std::uint8_t fill = 1) {
    const Result<UnverifiedChallenge> challenge = UnverifiedChallenge::read(text);
    if (!challenge) return "malformed";
    const Result<const ChallengeTerms*> terms = challenge->verify(pepper(fill), purpose, now);
    return *terms == nullptr ? "refused" : std::string((*terms)->body);
}

bool of_state(std::string_view text, std::string_view state, std::uint8_t fill = 1) {
    return *UnverifiedChallenge::read(text)->is_of_state(pepper(fill), state);
}

TEST(Challenge, OpensForItsPurposeUntilItExpires) {
    const std::string text = made("tenant", R"({"user": "x"})");
    EXPECT_EQ(UnverifiedChallenge::read(text)->pepper(), 7U);
    EXPECT_EQ(opened(text), R"({"user": "x"})");
    EXPECT_EQ(opened(text, "tenant", 1000), "refused");
    EXPECT_EQ(opened(text, "tenan"), "refused");
    EXPECT_EQ(opened(text, "tenant{"), "refused");
    EXPECT_EQ(opened(text, ""), "refused");
    EXPECT_EQ(opened(text, "tenant", 999, 2), "refused");
}

// The border of purpose and body is under the MAC.
TEST(Challenge, KeepsPurposeAndBodyApart) {
    EXPECT_EQ(opened(made("ten", "ant{}"), "tenant"), "refused");
    EXPECT_EQ(opened(made("", "tenant"), ""), "tenant");
}

TEST(Challenge, DependsOnTheState) {
    const std::string text = made();
    EXPECT_TRUE(of_state(text, "state"));
    EXPECT_FALSE(of_state(text, "state "));
    EXPECT_FALSE(of_state(text, ""));
    EXPECT_FALSE(of_state(text, "state", 2));
    EXPECT_TRUE(of_state(made("tenant", "{}", ""), ""));
}

TEST(Challenge, DiffersEachTime) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_TRUE(seen.insert(made()).second);
    }
}

TEST(Challenge, IsRefusedWithAnyByteChanged) {
    const std::string text = made();
    const Bytes bytes = *base64url_decode(std::string_view(text).substr(challenge_prefix.size()));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        SCOPED_TRACE(words(at));
        Bytes changed = bytes;
        changed[at] ^= 1;
        const std::string forged = std::string(challenge_prefix) + base64url_encode(changed);
        EXPECT_NE(opened(forged), "{}");
    }
}

TEST(Challenge, TakesNoOtherForm) {
    const std::string text = made();
    for (std::size_t size = 0; size < text.size(); ++size) {
        SCOPED_TRACE(words(size));
        EXPECT_NE(opened(text.substr(0, size)), "{}");
    }
    for (const std::string& wrong : {std::string(), std::string("bst_ch_"), "bst_CH_" + text.substr(7), text + "A",
                                     text + "=", " " + text, "bst_ch_" + std::string(5000, 'A'),
                                     "bst_ch_AQ" + std::string(200, 'A'), "bst_ch_AQ" + std::string(200, '_')}) {
        SCOPED_TRACE(words(wrong));
        EXPECT_NE(opened(wrong), "{}");
    }
}

TEST(Challenge, HasALimit) {
    const Result<std::string> refused =
        challenge_make(pepper(1), {.pepper = 1, .expires_at = 1, .purpose = "x", .body = std::string(3000, 'x')}, "");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);
}

// Computed with Python from the form in challenge.hpp: a challenge that was issued before an update is good after it.
TEST(Challenge, IsReadForEver) {
    const std::string_view text =
        "bst_ch_AQAAAAcAAAPoAAECAwQFBgcICQoLDA0ODwAAAAZ0ZW5hbnR7InVzZXIiOiAi"
        "eCJ9u-dSLlHPY2yRurVPuyjErvWcw3Ip1hsfltEfS62GQb7Ag8wNo6YfBknE-2-yzo3S";
    EXPECT_EQ(opened(text, "tenant", 1), R"({"user": "x"})");
    EXPECT_TRUE(of_state(text, "state"));
}

}  // namespace
}  // namespace bastion
