// When the windows of an owner begin: the calendar of a tenant or user, and the windows of a moment in it.
#pragma once

#include "core/quota/quota_window.hpp"
#include "pg/base/pg.hpp"

extern "C" {
#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
}

namespace bastion::pg {

// In the order of windows.
enum class QuotaPeriod { hour, day, week, month, billing, total };

// A POD. Without a row: UTC, and the first of a month.
struct QuotaCalendar {
    char zone[TZ_STRLEN_MAX + 1];
    char next_zone[TZ_STRLEN_MAX + 1];  // empty for none
    QuotaDay anchor;
    QuotaDay next_from;
};

// Phase A: the calendar of a tenant or user.
QuotaCalendar read_calendar(const pg_uuid_t& owner);

// A moment in a calendar.
struct QuotaMoment {
    TimestampTz time;
    QuotaDay day;
    QuotaDay anchor;
    pg_tz* zone;
};

// Phase A or C. Raises 22023 for a time zone that the server has no more.
QuotaMoment quota_moment(const QuotaCalendar& calendar, TimestampTz time);

// What names the window: its first day at midnight in local time, the hour in UTC, -infinity for total.
[[nodiscard]] Timestamp window_key(const QuotaMoment& moment, QuotaPeriod period) noexcept;

// When the next window has begun, infinity for total. Where clocks go back over midnight, up to the repeated hour late, never early.
[[nodiscard]] TimestampTz window_end(const QuotaMoment& moment, QuotaPeriod period) noexcept;

// The period of this name; false for none.
[[nodiscard]] bool parse_period(std::string_view name, QuotaPeriod& out) noexcept;
[[nodiscard]] const char* period_name(QuotaPeriod period) noexcept;

}  // namespace bastion::pg
