// The windows of a local day in which usage is counted: the week, the month and the billing month that the day is in, and when the next
// ones begin. Pure calendar; the time zone that a day comes from is not known here.
#pragma once

#include <cstdint>

namespace bastion {

// Days since 2000-01-01, a Saturday.
using QuotaDay = std::int32_t;

struct QuotaWindow {
    QuotaDay first;
    QuotaDay next;  // the first day of the window after it
};

[[nodiscard]] QuotaWindow week_of(QuotaDay day) noexcept;
[[nodiscard]] QuotaWindow month_of(QuotaDay day) noexcept;

// A window begins so many months after the anchor, on the last day of a month that has no such day. It is never a month after the window
// before it, which would lose the 31st in February.
[[nodiscard]] QuotaWindow billing_month_of(QuotaDay day, QuotaDay anchor) noexcept;

}  // namespace bastion
