// SecretBytes: ownership, wiping, comparison.
#include "core/secret_bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace bastion {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes> && !std::is_copy_assignable_v<SecretBytes>);
static_assert(std::is_nothrow_move_constructible_v<SecretBytes> && std::is_nothrow_move_assignable_v<SecretBytes>);

TEST(SecretBytes, HoldsACopyOfItsBytes) {
    std::array<std::uint8_t, 3> source{1, 2, 3};
    const SecretBytes secret{ByteSpan(source)};
    source.fill(9);
    EXPECT_EQ(secret.size(), 3U);
    EXPECT_EQ(secret.data()[2], 3);
    EXPECT_EQ(secret.text(), std::string_view("\1\2\3"));
}

TEST(SecretBytes, IsZeroWhenMadeBySize) {
    const SecretBytes secret(64);
    for (const std::uint8_t byte : secret.span()) EXPECT_EQ(byte, 0);
    EXPECT_TRUE(SecretBytes().empty());
    EXPECT_TRUE(SecretBytes(0).empty());
}

TEST(SecretBytes, MovesLeaveNothingBehind) {
    SecretBytes first{as_bytes("secret")};
    const std::uint8_t* const where = first.data();
    SecretBytes second(std::move(first));
    EXPECT_EQ(second.data(), where);
    EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): the moved-from state is the subject
    EXPECT_EQ(first.data(), nullptr);

    SecretBytes third{as_bytes("other")};
    third = std::move(second);
    EXPECT_EQ(third.text(), "secret");
    EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(SecretBytes, SurvivesAssignmentToItself) {
    SecretBytes secret{as_bytes("secret")};
    SecretBytes& same = secret;
    secret = std::move(same);
    EXPECT_EQ(secret.text(), "secret");
}

TEST(SecretBytes, WipeEmpties) {
    SecretBytes secret{as_bytes("secret")};
    secret.wipe();
    EXPECT_TRUE(secret.empty());
    EXPECT_EQ(secret.data(), nullptr);
    secret.wipe();
}

TEST(SecretBytes, ComparesWholeValues) {
    EXPECT_TRUE(constant_time_equal(as_bytes("abc"), as_bytes("abc")));
    EXPECT_FALSE(constant_time_equal(as_bytes("abc"), as_bytes("abd")));
    EXPECT_FALSE(constant_time_equal(as_bytes("xbc"), as_bytes("abc")));
    EXPECT_FALSE(constant_time_equal(as_bytes("abc"), as_bytes("ab")));
    EXPECT_TRUE(constant_time_equal({}, {}));
    EXPECT_FALSE(constant_time_equal({}, as_bytes("a")));
}

TEST(SecretBytes, RandomBytesDiffer) {
    std::array<std::uint8_t, 32> first{};
    std::array<std::uint8_t, 32> second{};
    random_bytes(first);
    random_bytes(second);
    EXPECT_NE(first, second);
}

}  // namespace
}  // namespace bastion
