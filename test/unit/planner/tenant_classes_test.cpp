#include "core/planner/tenant_classes.hpp"

#include <gtest/gtest.h>

namespace bastion {
namespace {

TenantKey tenant(std::int64_t number) { return TenantKey::of_number(number); }

// One tenant of 40 %, one of 5 %, and 1,000 that share the rest.
TenantStatistics skewed() {
    TenantStatistics out;
    out.common = {{tenant(1), 0.4F, 0}, {tenant(2), 0.05F, 1}};
    out.distinct = 1002;
    out.list_size = 2;
    out.list_sum = 0.45;
    out.list_least = 0.05F;
    return out;
}

TEST(TenantClasses, CommonTenantHasItsFrequency) {
    const TenantClasses classes(skewed());
    EXPECT_FLOAT_EQ(static_cast<float>(classes.share_of(tenant(1)).fraction), 0.4F);
    EXPECT_EQ(classes.share_of(tenant(1)).place, 0);
    EXPECT_EQ(classes.share_of(tenant(2)).place, 1);
}

TEST(TenantClasses, OthersShareTheRest) {
    const TenantClasses classes(skewed());
    EXPECT_NEAR(classes.share_of(tenant(3)).fraction, 0.55 / 1000, 1e-9);
    EXPECT_EQ(classes.share_of(tenant(3)).size_class, 0);
    EXPECT_EQ(classes.share_of(tenant(3)).place, -1);
    EXPECT_EQ(classes.share_of_others().size_class, 0);
    EXPECT_EQ(classes.tenants(), 1002);
}

TEST(TenantClasses, NullsBelongToNobody) {
    TenantStatistics statistics = skewed();
    statistics.null_fraction = 0.35;
    EXPECT_NEAR(TenantClasses(statistics).share_of(tenant(3)).fraction, 0.2 / 1000, 1e-9);
}

TEST(TenantClasses, NobodyOutsideTheListIsLargerThanItsLast) {
    TenantStatistics statistics = skewed();
    statistics.distinct = 3;
    EXPECT_FLOAT_EQ(static_cast<float>(TenantClasses(statistics).share_of(tenant(3)).fraction), 0.05F);
}

TEST(TenantClasses, ClassesArePowersOfFour) {
    const struct {
        const char* what;
        float times;
        int size_class;
    } cases[] = {{"as large as the others", 1, 0}, {"up to four times", 3.9F, 0}, {"four times", 4.01F, 1},
                 {"fifteen times", 15, 1},         {"seventeen times", 17, 2},    {"sixty-five times", 65, 3}};
    for (const auto& c : cases) {
        SCOPED_TRACE(c.what);
        TenantStatistics statistics;
        const float others = 0.0005F;
        statistics.common = {{tenant(1), others * c.times, 0}};
        statistics.list_size = 1;
        statistics.list_sum = others * c.times;
        statistics.list_least = others * c.times;
        statistics.distinct = 1 + (1 - statistics.list_sum) / others;
        EXPECT_EQ(TenantClasses(statistics).share_of(tenant(1)).size_class, c.size_class);
    }
}

TEST(TenantClasses, CompleteListKnowsWhoHasNoRows) {
    TenantStatistics statistics;
    statistics.common = {{tenant(1), 0.75F, 0}, {tenant(2), 0.25F, 1}};
    statistics.list_size = 2;
    statistics.list_sum = 1;
    statistics.list_least = 0.25F;
    statistics.distinct = 2;
    const TenantClasses classes(statistics);
    EXPECT_EQ(classes.share_of(tenant(9)).size_class, TenantClasses::absent_class);
    EXPECT_GT(classes.share_of(tenant(9)).fraction, 0);
    EXPECT_LT(classes.share_of(tenant(9)).fraction, 1e-6);
    EXPECT_EQ(classes.share_of(tenant(2)).size_class, 0);
}

TEST(TenantClasses, WithoutListEveryTenantIsAlike) {
    TenantStatistics statistics;
    statistics.distinct = 500;
    const TenantClasses classes(statistics);
    EXPECT_NEAR(classes.share_of(tenant(1)).fraction, 1.0 / 500, 1e-9);
    EXPECT_EQ(classes.share_of(tenant(1)).size_class, 0);
}

TEST(TenantClasses, HandSetNumbersStayAboveZero) {
    for (const double distinct : {-1.0, 0.0, 1.0, 1e12}) {
        SCOPED_TRACE(distinct);
        TenantStatistics statistics;
        statistics.distinct = distinct;
        EXPECT_GT(TenantClasses(statistics).share_of_others().fraction, 0);
    }
}

TEST(TenantKey, NumbersDifferAndAreEqualToThemselves) {
    EXPECT_EQ(tenant(-1), tenant(-1));
    EXPECT_NE(tenant(1), tenant(2));
    EXPECT_NE(tenant(1), tenant(256));
}

}  // namespace
}  // namespace bastion
