// Refresh tokens: form, hash, the derivation of a successor.
#include "core/session/refresh_token.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

HmacKey pepper(std::uint8_t fill) { return std::move(*HmacKey::create(HashId::sha256, Bytes(32, fill))); }

std::string text_of(const SecretBytes& secret) { return std::string(secret.text()); }

TEST(RefreshToken, IsRandomAndInForm) {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        SCOPED_TRACE(words(i));
        const std::string token = text_of(refresh_token_generate());
        EXPECT_EQ(token.size(), 47U);
        EXPECT_TRUE(is_refresh_token(token));
        EXPECT_TRUE(seen.insert(token).second);
    }
}

TEST(RefreshToken, TakesNoOtherForm) {
    const std::string token = text_of(refresh_token_generate());
    for (std::size_t size = 0; size < token.size(); ++size) {
        SCOPED_TRACE(words(size));
        EXPECT_FALSE(is_refresh_token(token.substr(0, size)));
    }
    for (const std::string& wrong : {token + "A", token + "=", " " + token, token + "\n", "bsR_" + token.substr(4),
                                     token.substr(4), token + std::string(1, '\0')}) {
        SCOPED_TRACE(words(wrong));
        EXPECT_FALSE(is_refresh_token(wrong));
    }
    std::string other_alphabet = token;
    other_alphabet[10] = '+';
    EXPECT_FALSE(is_refresh_token(other_alphabet));
    // 43 characters hold 258 bits; the two left over must be zero
    std::string loose(refresh_token_prefix);
    loose += std::string(42, 'A') + "B";
    EXPECT_FALSE(is_refresh_token(loose));
    loose.back() = 'E';
    EXPECT_TRUE(is_refresh_token(loose));
}

// FIPS 180-4 example: the hash is plain SHA-256 over the text.
TEST(RefreshToken, IsStoredAsSha256) {
    EXPECT_EQ(hex_encode(opaque_token_hash("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(RefreshToken, HasOneSuccessorUnderOnePepper) {
    const std::string token = text_of(refresh_token_generate());
    const std::string next = text_of(*refresh_token_successor(pepper(1), token));
    EXPECT_TRUE(is_refresh_token(next));
    EXPECT_NE(next, token);
    EXPECT_EQ(text_of(*refresh_token_successor(pepper(1), token)), next);
    EXPECT_NE(text_of(*refresh_token_successor(pepper(2), token)), next);
    EXPECT_NE(text_of(*refresh_token_successor(pepper(1), next)), next);
    EXPECT_NE(text_of(*refresh_token_successor(pepper(1), text_of(refresh_token_generate()))), next);
}

// Computed with Python: hmac.new(b'\1' * 32, b'pg_bastion/refresh/1\0' + token, 'sha256')
TEST(RefreshToken, DerivesTheSameSuccessorForEver) {
    const std::string token = std::string(refresh_token_prefix) + std::string(43, 'A');
    EXPECT_EQ(text_of(*refresh_token_successor(pepper(1), token)), "bsr_BW_wK6SPMD9_OZTGLMSzsZkG7vz1Rq0zPR5yUt9GK5I");
}

TEST(RefreshToken, HasNoSuccessorForAnotherText) {
    const Result<SecretBytes> refused = refresh_token_successor(pepper(1), "bsr_x");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::malformed_text);
}

}  // namespace
}  // namespace bastion
