#include "core/jose/token_digest.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using test::words;

using Digest = std::array<std::uint8_t, 16>;

Digest digest_of(TokenDigest& digests, std::string_view token) {
    Digest out{};
    EXPECT_TRUE(digests.compute(token, out));
    return out;
}

TEST(TokenDigest, FindsTheSameTokenAgain) {
    TokenDigest digests;
    for (std::size_t size = 0; size <= 70; ++size) {
        SCOPED_TRACE(words(size));
        const std::string token(size, 'a');
        const Digest first = digest_of(digests, token);
        EXPECT_EQ(digest_of(digests, std::string(token)), first);
    }
}

// Around the block of 16 bytes: any character changed, one more or less, and a rest that begins the next token.
TEST(TokenDigest, TellsTokensApart) {
    TokenDigest digests;
    std::set<Digest> seen;
    std::size_t tokens = 0;
    const auto differs = [&](const std::string& token) {
        ++tokens;
        EXPECT_TRUE(seen.insert(digest_of(digests, token)).second) << token.size() << " of token " << tokens;
    };
    for (std::size_t size = 0; size <= 50; ++size) {
        differs(std::string(size, 'a'));
        for (std::size_t i = 0; i < size; ++i) {
            std::string token(size, 'a');
            token[i] = 'b';
            differs(token);
        }
        if (size > 0) differs(std::string(size - 1, 'a') + '\0');
    }
}

TEST(TokenDigest, HasAKeyOfItsOwn) {
    TokenDigest one;
    TokenDigest other;
    EXPECT_NE(digest_of(one, "token"), digest_of(other, "token"));
}

}  // namespace
}  // namespace bastion
