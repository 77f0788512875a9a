// Windows of local days: each day from 1970 to 2037 is in one week, one month and one billing month of each anchor.
#include "core/quota/quota_window.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "unit/base/words.hpp"

namespace {

using bastion::billing_month_of;
using bastion::month_of;
using bastion::QuotaDay;
using bastion::QuotaWindow;
using bastion::week_of;
using bastion::test::words;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

QuotaDay day(int y, unsigned m, unsigned d) {
    return static_cast<QuotaDay>(
        (sys_days(year(y) / static_cast<int>(m) / static_cast<int>(d)) - sys_days(year(2000) / 1 / 1)).count());
}

year_month_day date(QuotaDay of) { return year_month_day(sys_days(year(2000) / 1 / 1) + std::chrono::days(of)); }

const QuotaDay first = day(1970, 1, 1);
const QuotaDay last = day(2037, 12, 31);

// Windows follow each other without a gap, and each day is in its own.
template <class WindowOf>
void expect_partition(WindowOf&& window_of) {
    QuotaWindow window = window_of(first);
    for (QuotaDay today = first; today <= last; ++today) {
        SCOPED_TRACE(words(today));
        const QuotaWindow its = window_of(today);
        ASSERT_LE(its.first, today);
        ASSERT_GT(its.next, today);
        if (its.first != window.first) {
            ASSERT_EQ(its.first, window.next);
        }
        window = its;
    }
}

TEST(QuotaWindow, HasEachDayOnce) {
    expect_partition(week_of);
    expect_partition(month_of);
    for (unsigned anchor = 1; anchor <= 31; ++anchor) {
        SCOPED_TRACE(words(anchor));
        expect_partition([&](QuotaDay today) { return billing_month_of(today, day(2001, 1, anchor)); });
    }
}

TEST(QuotaWindow, BeginsOnMondayAndOnTheFirst) {
    for (QuotaDay today = first; today <= last; ++today) {
        SCOPED_TRACE(words(today));
        ASSERT_EQ(std::chrono::weekday(sys_days(date(week_of(today).first))), std::chrono::Monday);
        ASSERT_EQ(week_of(today).next - week_of(today).first, 7);
        ASSERT_EQ(date(month_of(today).first), date(today).year() / date(today).month() / 1);
    }
}

TEST(QuotaWindow, KeepsTheDayOfTheAnchor) {
    const QuotaDay anchor = day(2023, 1, 31);
    EXPECT_EQ(billing_month_of(day(2023, 2, 27), anchor).first, day(2023, 1, 31));
    EXPECT_EQ(billing_month_of(day(2023, 2, 28), anchor).first, day(2023, 2, 28));
    EXPECT_EQ(billing_month_of(day(2023, 3, 30), anchor).first, day(2023, 2, 28));
    EXPECT_EQ(billing_month_of(day(2023, 3, 31), anchor).first, day(2023, 3, 31));
    EXPECT_EQ(billing_month_of(day(2024, 2, 29), anchor).first, day(2024, 2, 29));
    EXPECT_EQ(billing_month_of(day(2022, 4, 30), anchor).first, day(2022, 4, 30));
    for (QuotaDay today = first; today <= last; ++today) {
        SCOPED_TRACE(words(today));
        const year_month_day begin = date(billing_month_of(today, anchor).first);
        ASSERT_EQ(begin.day(), (begin.year() / begin.month() / std::chrono::last).day());
    }
}

}  // namespace
