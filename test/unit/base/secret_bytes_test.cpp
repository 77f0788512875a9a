// SecretBytes: ownership, wiping, comparison.
#include "core/base/secret_bytes.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/key_memory.hpp"
#include "unit/base/process_memory.hpp"
#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

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
    EXPECT_EQ(secret.text(), std::string(64, '\0'));
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
    // The sizes that are compared at once, and others.
    for (const std::size_t size : {15U, 16U, 17U, 20U, 31U, 32U, 33U, 48U, 63U, 64U, 65U, 128U}) {
        SCOPED_TRACE(words(size));
        const Bytes value(size, 0x5a);
        EXPECT_TRUE(constant_time_equal(value, Bytes(value)));
        EXPECT_FALSE(constant_time_equal(value, ByteSpan(value).first(size - 1)));
        for (std::size_t bit = 0; bit < size * 8; ++bit) {
            SCOPED_TRACE(words(bit));
            Bytes changed = value;
            changed[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
            EXPECT_FALSE(constant_time_equal(value, changed));
        }
    }
}

// The kernel's flags for the pages around an address.
test::Mapping mapping_of(const std::uint8_t* address) {
    for (const test::Mapping& mapping : test::process_memory())
        if (mapping.begin <= address && address < mapping.end) return mapping;
    return {};
}

bool has_flag(const std::uint8_t* address, const std::string& flag) { return mapping_of(address).has(flag); }

// A check in a child process; its exit status is the result.
template <class Body>
bool in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body() ? 0 : 1);
    int status = -1;
    return ::waitpid(child, &status, 0) == child && status == 0;
}

TEST(SecretBytes, KeepsKeysLockedAndOutOfCoreDumps) {
    std::vector<SecretBytes> keys;
    for (std::size_t i = 0; i < 2000; ++i) keys.emplace_back(i % 256 + 1);
    for (const std::size_t which : {0U, 31U, 255U, 1999U}) {
        SCOPED_TRACE(words(which));
        const SecretBytes* const key = &keys[which];
        EXPECT_TRUE(has_flag(key->data(), "dd")) << mapping_of(key->data()).flags;
        if (key_memory().locked == key_memory().size) {
            EXPECT_TRUE(has_flag(key->data(), "lo"));
        }
    }
    EXPECT_TRUE(has_flag(keys.front().data(), "lo")) << "the first pages are within every limit";
    const SecretBytes large(257);
    const SecretBytes no_key(32, SecretPlace::heap);
    EXPECT_FALSE(has_flag(large.data(), "dd"));
    EXPECT_FALSE(has_flag(no_key.data(), "dd"));
}

TEST(SecretBytes, WipesKeyMemoryBeforeItIsUsedAgain) {
    auto first = std::make_unique<SecretBytes>(as_bytes(std::string(64, 'x')));
    const std::uint8_t* const where = first->data();
    first.reset();
    // Its first bytes lead to the next free place.
    for (std::size_t i = sizeof(void*); i < 64; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(where[i], 0);
    }
    const SecretBytes second(64);
    EXPECT_EQ(second.data(), where);
    EXPECT_EQ(second.text(), std::string(64, '\0'));
}

TEST(SecretBytes, LocksWhatAProcessInherits) {
    const SecretBytes key{as_bytes("inherited")};
    EXPECT_TRUE(in_child([&] {
        const bool before = has_flag(key.data(), "lo");
        const SecretBytes another(32);
        return !before && has_flag(key.data(), "lo") && has_flag(key.data(), "dd") && key.text() == "inherited";
    }));
}

TEST(SecretBytes, WorksWhereNothingMayBeLocked) {
    EXPECT_TRUE(in_child([] {
        const rlimit none{0, 0};
        if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return false;
        // Root may lock memory beyond the limit.
        if (::geteuid() == 0 && ::setuid(65534) != 0) return false;
        ::prctl(PR_SET_DUMPABLE, 1);
        std::vector<SecretBytes> keys;
        for (int i = 0; i < 1000; ++i) keys.emplace_back(as_bytes("key"));
        return key_memory().locked < key_memory().size && has_flag(keys.back().data(), "dd") &&
               !has_flag(keys.back().data(), "lo") && keys.back().text() == "key";
    }));
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
