// Token buckets: each rule at its edges, against a bucket that is counted in requests, and what gives way in a full set.
#include "core/throttle/rate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>

#include "unit/base/words.hpp"

namespace {

using bastion::Nanos;
using bastion::rate_charge;
using bastion::rate_peek;
using bastion::rate_rule;
using bastion::RateKey;
using bastion::RateRule;
using bastion::RateSeed;
using bastion::RateSet;
using bastion::RateVerdict;
using bastion::test::words;

constexpr Nanos second = 1'000'000'000;
constexpr Nanos start = 1'000'000 * second;

RateKey key_of(std::string_view text, std::uint8_t seed = 1) {
    RateSeed bytes;
    bytes.fill(seed);
    return bastion::rate_key(bytes, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

TEST(Rate, AllowsABurstAndThenOneInAnInterval) {
    const RateRule rule = *rate_rule(2, 3);
    RateSet set{};
    for (std::int64_t left = 2; left >= 0; --left) {
        SCOPED_TRACE(words(left));
        const RateVerdict verdict = rate_charge(set, 7, rule, 1, start);
        EXPECT_TRUE(verdict.allowed);
        EXPECT_EQ(verdict.remaining, left);
        EXPECT_EQ(verdict.reset, (3 - left) * second / 2);
    }
    const RateVerdict refused = rate_charge(set, 7, rule, 1, start);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.remaining, 0);
    EXPECT_EQ(refused.wait, second / 2);
    EXPECT_EQ(refused.reset, 3 * second / 2);
    EXPECT_FALSE(rate_charge(set, 7, rule, 1, start + second / 2 - 1).allowed);
    EXPECT_TRUE(rate_charge(set, 7, rule, 1, start + second / 2).allowed);
    EXPECT_FALSE(rate_charge(set, 7, rule, 1, start + second / 2).allowed);
    EXPECT_EQ(rate_peek(set, 7, rule, start + 100 * second).remaining, 3);
    EXPECT_TRUE(rate_charge(set, 8, rule, 3, start).allowed);
}

TEST(Rate, RefusedRequestsCostNothing) {
    const RateRule rule = *rate_rule(1, 1);
    RateSet set{};
    EXPECT_TRUE(rate_charge(set, 7, rule, 1, start).allowed);
    for (int i = 0; i < 1000; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_FALSE(rate_charge(set, 7, rule, 1, start + i).allowed);
    }
    EXPECT_TRUE(rate_charge(set, 7, rule, 1, start + second).allowed);
}

TEST(Rate, CostsCountTogether) {
    const RateRule rule = *rate_rule(1, 10);
    RateSet set{};
    EXPECT_EQ(rate_charge(set, 7, rule, 4, start).remaining, 6);
    const RateVerdict refused = rate_charge(set, 7, rule, 7, start);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.wait, second);
    EXPECT_TRUE(rate_charge(set, 7, rule, 6, start).allowed);
    // more than there ever is: no time to wait for
    const RateVerdict never = rate_charge(set, 7, rule, 11, start + 100 * second);
    EXPECT_FALSE(never.allowed);
    EXPECT_EQ(never.wait, 0);
    EXPECT_FALSE(rate_charge(set, 7, rule, std::numeric_limits<std::int64_t>::max(), start + 100 * second).allowed);
}

TEST(Rate, PeekingChangesNothing) {
    const RateRule rule = *rate_rule(1, 2);
    RateSet set{};
    for (int i = 0; i < 5; ++i) {
        SCOPED_TRACE(words(i));
        EXPECT_EQ(rate_peek(set, 7, rule, start).remaining, 2);
    }
    EXPECT_TRUE(rate_peek(set, 7, rule, start).allowed);
    (void)rate_charge(set, 7, rule, 2, start);
    EXPECT_FALSE(rate_peek(set, 7, rule, start).allowed);
    EXPECT_EQ(rate_peek(set, 7, rule, start).wait, second);
}

TEST(Rate, RulesHaveLimits) {
    for (const double bad : {0.0, -1.0, 1e6 + 1, std::nan(""), HUGE_VAL, -HUGE_VAL, 1e-300}) {
        SCOPED_TRACE(words(bad));
        EXPECT_FALSE(rate_rule(bad, 1));
    }
    EXPECT_FALSE(rate_rule(1, 0));
    EXPECT_FALSE(rate_rule(1, -1));
    EXPECT_FALSE(rate_rule(1e6, 1'000'000'001));
    EXPECT_FALSE(rate_rule(1, 30 * 86'400 + 1));
    EXPECT_TRUE(rate_rule(1, 30 * 86'400));
    EXPECT_TRUE(rate_rule(1e6, 1'000'000'000));
    EXPECT_EQ(rate_rule(1e6, 1)->interval, 1000);
    EXPECT_EQ(rate_rule(1.0 / 60, 1)->interval, 60 * second);
}

TEST(Rate, AStricterRuleMakesNoOneWaitLonger) {
    RateSet set{};
    (void)rate_charge(set, 7, *rate_rule(0.001, 100), 100, start);
    const RateRule strict = *rate_rule(1, 2);
    EXPECT_EQ(rate_charge(set, 7, strict, 1, start).wait, second);
    // and what a clock of another start left behind is a full bucket at most
    EXPECT_EQ(rate_charge(set, 7, strict, 1, start - 900'000 * second).wait, second);
}

TEST(Rate, TheBucketThatIsFullFirstGivesWay) {
    const RateRule rule = *rate_rule(1, 10);
    RateSet set{};
    for (RateKey key = 1; key <= 7; ++key) {
        SCOPED_TRACE(words(key));
        const RateVerdict verdict = rate_charge(set, key, rule, static_cast<std::int64_t>(key), start);
        EXPECT_TRUE(verdict.allowed && !verdict.evicts);
    }
    EXPECT_TRUE(rate_charge(set, 8, rule, 9, start).evicts);
    EXPECT_EQ(rate_peek(set, 1, rule, start).remaining, 10);
    EXPECT_EQ(rate_peek(set, 2, rule, start).remaining, 8);
    // one that is full again gives way without loss
    EXPECT_FALSE(rate_charge(set, 9, rule, 1, start + 3 * second).evicts);
}

TEST(Rate, KeysSpreadAndDependOnTheSeed) {
    std::set<RateKey> keys;
    std::array<int, 16> places{};
    for (int i = 0; i < 16'000; ++i) {
        SCOPED_TRACE(words(i));
        const RateKey key = key_of(std::to_string(i));
        keys.insert(key);
        ++places[bastion::rate_place(key, places.size())];
    }
    EXPECT_EQ(keys.size(), 16'000u);
    for (const int count : places) {
        SCOPED_TRACE(words(count));
        EXPECT_NEAR(count, 1000, 200);
    }
    EXPECT_NE(key_of("x", 1), key_of("x", 2));
    EXPECT_NE(key_of("x"), 0u);
    EXPECT_EQ(bastion::rate_place(~RateKey{0}, 5), 4u);
}

// Each answer is that of a bucket that is counted in requests.
TEST(Rate, AnswersAsABucketThatIsCounted) {
    std::mt19937_64 random(20260101);
    for (int round = 0; round < 200; ++round) {
        SCOPED_TRACE(words(round));
        const double per_second = std::pow(10.0, static_cast<int>(random() % 7) - 2);
        const auto burst = static_cast<std::int64_t>(random() % 50 + 1);
        const RateRule rule = *rate_rule(per_second, burst);
        RateSet set{};
        Nanos now = start;
        auto left = static_cast<long double>(burst);
        for (int i = 0; i < 500; ++i) {
            SCOPED_TRACE(words(i));
            const auto passed = static_cast<Nanos>(random() % static_cast<std::uint64_t>(2 * rule.interval));
            const auto cost = static_cast<std::int64_t>(random() % 4 + 1);
            now += passed;
            left = std::min<long double>(burst, left + static_cast<long double>(passed) / rule.interval);
            const RateVerdict verdict = rate_charge(set, 7, rule, cost, now);
            // whole nanoseconds, whole requests: both count exactly
            ASSERT_EQ(verdict.allowed, left + 1e-9L >= cost) << i;
            if (verdict.allowed) left -= cost;
            ASSERT_NEAR(static_cast<double>(verdict.remaining), std::floor(static_cast<double>(left + 1e-9L)), 0) << i;
        }
    }
}

}  // namespace
