// The hash of percentage roll-outs against published values, and the buckets at their edges.
#include "core/flag/bucket.hpp"

#include <gtest/gtest.h>

#include <string>

#include "unit/base/words.hpp"

namespace {

using bastion::bucket_of;
using bastion::murmur3;
using bastion::test::words;

// SMHasher's verification and the values that implementations publish for seed 0.
TEST(Bucket, HashesAsMurmur3) {
    const struct {
        std::string text;
        std::uint32_t hash;
    } cases[] = {
        {"", 0},
        {"test", 0xba6bd213U},
        {"Hello, world!", 0xc0363e43U},
        {"The quick brown fox jumps over the lazy dog", 0x2e4ff723U},
        {"\xff\xff\xff\xff", 0x76293b50U},
        {"!Ce\x87", 0xf55b516bU},
        {"!Ce", 0x7e4a8634U},
        {"!C", 0xa0f7b07aU},
        {"!", 0x72661cf4U},
        {std::string(4, '\0'), 0x2362f9deU},
        {std::string(3, '\0'), 0x85f0b427U},
        {std::string(2, '\0'), 0x30f4c306U},
        {std::string(1, '\0'), 0x514e28b7U},
    };
    for (const auto& each : cases) {
        SCOPED_TRACE(words(each.text));
        EXPECT_EQ(murmur3(each.text), each.hash);
        for (std::size_t cut = 0; cut <= each.text.size(); ++cut) {
            SCOPED_TRACE(words(cut));
            EXPECT_EQ(murmur3(each.text.substr(0, cut), each.text.substr(cut)), each.hash);
        }
    }
}

TEST(Bucket, CoversTheWholeWeight) {
    EXPECT_EQ(bucket_of(0, 100), 0);
    EXPECT_EQ(bucket_of(0xffffffffU, 100), 99);
    EXPECT_EQ(bucket_of(0x7fffffffU, 100), 49);
    EXPECT_EQ(bucket_of(0x80000000U, 100), 50);
    EXPECT_EQ(bucket_of(0xffffffffU, bastion::max_total_weight), bastion::max_total_weight - 1);
    EXPECT_EQ(bucket_of(0xffffffffU, 1), 0);
    EXPECT_EQ(bucket_of(0xffffffffU, 0), 0);
}

}  // namespace
