#include "core/key/aes_blocks.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <utility>

#include "core/base/encoding.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

constexpr auto both = {std::pair{"Nettle", Aes256Blocks::Cipher::nettle}, {"OpenSSL", Aes256Blocks::Cipher::openssl}};

// FIPS 197, appendix C.3.
TEST(AesBlocks, PublishedVector) {
    Bytes key(32);
    std::iota(key.begin(), key.end(), std::uint8_t{0});
    Bytes block(aes_block_bytes);
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::uint8_t>(0x11 * i);
    for (const auto& [name, cipher] : both) {
        SCOPED_TRACE(name);
        Bytes out(block.size());
        ASSERT_TRUE(Aes256Blocks(key, cipher).encrypt(block, out.data()));
        EXPECT_EQ(hex_encode(out), "8ea2b7ca516745bfeafc49904b496089");
    }
}

TEST(AesBlocks, BothLibrariesAgree) {
    for (int i = 0; i < 100; ++i) {
        SCOPED_TRACE(words(i));
        Bytes key(32), blocks(aes_block_bytes * (i % 5));
        random_bytes(key);
        random_bytes(blocks);
        Bytes out(blocks.size() + 1, 9);
        ASSERT_TRUE(Aes256Blocks(key, Aes256Blocks::Cipher::nettle).encrypt(blocks, out.data()));
        EXPECT_EQ(out.back(), 9) << "nothing is written past the end";
        out.pop_back();
        ASSERT_TRUE(Aes256Blocks(key, Aes256Blocks::Cipher::openssl).encrypt(blocks, blocks.data()));
        EXPECT_EQ(out, blocks);
    }
}

TEST(AesBlocks, RefusesOtherSizes) {
    for (const auto& [name, cipher] : both) {
        SCOPED_TRACE(name);
        Bytes out(64);
        for (const std::size_t size : {0U, 16U, 31U, 33U, 64U}) {
            SCOPED_TRACE(words(size));
            EXPECT_FALSE(Aes256Blocks(Bytes(size), cipher).encrypt(Bytes(16), out.data()));
        }
        EXPECT_FALSE(Aes256Blocks(Bytes(32), cipher).encrypt(Bytes(17), out.data()));
    }
}

}  // namespace
}  // namespace bastion
