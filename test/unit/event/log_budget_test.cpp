// Lines of the server log for each address: the limit, what was left out, and many addresses at once.
#include "core/event/log_budget.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

constexpr std::uint32_t most = LogBudget::lines_per_minute;

// Takes lines, and returns how many were written.
std::uint32_t take(LogBudget& budget, std::uint64_t address, std::int64_t minute, std::uint32_t lines) {
    std::uint32_t written = 0;
    for (std::uint32_t i = 0; i < lines; ++i) {
        SCOPED_TRACE(words(i));
        if (budget.take(address, minute).write) ++written;
    }
    return written;
}

TEST(LogBudget, LimitsAnAddressInAMinute) {
    LogBudget budget;
    EXPECT_EQ(take(budget, 7, 100, 1000), most);
    EXPECT_EQ(take(budget, 7, 101, 1000), most);
    EXPECT_EQ(take(budget, 8, 101, 3), 3U);
}

TEST(LogBudget, SaysHowManyWereLeftOut) {
    LogBudget budget;
    (void)take(budget, 7, 100, most + 5);
    const LogBudget::Verdict next = budget.take(7, 103);
    EXPECT_TRUE(next.write);
    EXPECT_EQ(next.left_out, 5U);
    EXPECT_EQ(budget.take(7, 103).left_out, 0U);
    // Another address in the same entry does not answer for them.
    (void)take(budget, 7, 104, most + 5);
    for (std::uint64_t i = 1; i <= 4; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(budget.take(7 + i * 64, 105).left_out, 0U);
    }
}

TEST(LogBudget, KeepsAnAddressApartFromOthers) {
    LogBudget budget;
    for (const std::uint64_t other : {std::uint64_t{1}, std::uint64_t{65}, std::uint64_t{129}}) {
        SCOPED_TRACE(words(other));
        (void)take(budget, other, 100, 1000);
    }
    // The fourth of its set.
    EXPECT_EQ(take(budget, 193, 100, 1000), most);
}

TEST(LogBudget, LimitsAllAddressesTogether) {
    LogBudget budget;
    std::uint32_t written = 0;
    for (std::uint64_t address = 0; address < 100'000; ++address) {
        if (budget.take(address, 100).write) ++written;
    }
    EXPECT_EQ(written, 64U * 4U * most);
}

}  // namespace
}  // namespace bastion
