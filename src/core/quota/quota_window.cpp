#include "core/quota/quota_window.hpp"

#include <algorithm>
#include <chrono>

namespace bastion {
namespace {

using std::chrono::days;
using std::chrono::months;
using std::chrono::sys_days;
using std::chrono::year_month;
using std::chrono::year_month_day;
using std::chrono::year_month_day_last;

constexpr sys_days epoch = sys_days(std::chrono::year(2000) / 1 / 1);

constexpr sys_days date_of(QuotaDay day) noexcept { return epoch + days(day); }
constexpr QuotaDay day_of(sys_days date) noexcept { return static_cast<QuotaDay>((date - epoch).count()); }

constexpr year_month month_at(QuotaDay day) noexcept {
    const year_month_day date(date_of(day));
    return date.year() / date.month();
}

// The day of the anchor in a month, or the last one that the month has.
constexpr QuotaDay in_month(year_month month, std::chrono::day wanted) noexcept {
    const year_month_day_last last = month / std::chrono::last;
    return day_of(sys_days(month / std::min(wanted, last.day())));
}

}  // namespace

QuotaWindow week_of(QuotaDay day) noexcept {
    const auto since_monday = (std::chrono::weekday(date_of(day)) - std::chrono::Monday).count();
    const QuotaDay first = day - static_cast<QuotaDay>(since_monday);
    return {first, first + 7};
}

QuotaWindow month_of(QuotaDay day) noexcept { return billing_month_of(day, day_of(epoch)); }

QuotaWindow billing_month_of(QuotaDay day, QuotaDay anchor) noexcept {
    const std::chrono::day wanted = year_month_day(date_of(anchor)).day();
    year_month month = month_at(day);
    if (in_month(month, wanted) > day) month -= months(1);
    return {in_month(month, wanted), in_month(month + months(1), wanted)};
}

}  // namespace bastion
