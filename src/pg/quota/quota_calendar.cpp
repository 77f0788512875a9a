#include "pg/quota/quota_calendar.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

constexpr const char* names[] = {"hour", "day", "week", "month", "billing", "total"};

pg_tz* zone_named(const char* name) {
    pg_tz* zone = pg_tzset(name);
    if (zone == nullptr) ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown time zone")));
    return zone;
}

QuotaDay local_day(TimestampTz time, pg_tz* zone) {
    int offset = 0;
    struct pg_tm local {};
    fsec_t fraction = 0;
    if (timestamp2tm(time, &offset, &local, &fraction, nullptr, zone) != 0)
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
    return date2j(local.tm_year, local.tm_mon, local.tm_mday) - POSTGRES_EPOCH_JDATE;
}

Timestamp midnight(QuotaDay day) noexcept { return static_cast<Timestamp>(day) * USECS_PER_DAY; }

// As PostgreSQL reads a local time: the later one of two, and in a gap the moment at which it begins.
TimestampTz begin_of(QuotaDay day, pg_tz* zone) noexcept {
    struct pg_tm local {};
    j2date(day + POSTGRES_EPOCH_JDATE, &local.tm_year, &local.tm_mon, &local.tm_mday);
    local.tm_isdst = -1;
    return midnight(day) + static_cast<TimestampTz>(DetermineTimeZoneOffset(&local, zone)) * USECS_PER_SEC;
}

Timestamp hour_of(TimestampTz time) noexcept {
    const TimestampTz into = time % USECS_PER_HOUR;
    return time - (into < 0 ? into + USECS_PER_HOUR : into);
}

QuotaWindow window_of(const QuotaMoment& moment, QuotaPeriod period) noexcept {
    switch (period) {
        case QuotaPeriod::week: return week_of(moment.day);
        case QuotaPeriod::month: return month_of(moment.day);
        case QuotaPeriod::billing: return billing_month_of(moment.day, moment.anchor);
        default: return {moment.day, moment.day + 1};
    }
}

}  // namespace

QuotaCalendar read_calendar(const pg_uuid_t& owner) {
    QuotaCalendar out{"UTC", "", 0, 0};
    ColumnValue row[] = {
        {"time_zone", 0, true}, {"billing_anchor", 0, true}, {"next_time_zone", 0, true}, {"next_from", 0, true}};
    if (!read_row("quota_calendars", "quota_calendars_pkey", "owner_id", F_UUID_EQ, UUIDPGetDatum(&owner), row))
        return out;
    text_to_cstring_buffer(DatumGetTextPP(row[0].value), out.zone, sizeof out.zone);
    out.anchor = DatumGetDateADT(row[1].value);
    if (row[2].is_null) return out;
    text_to_cstring_buffer(DatumGetTextPP(row[2].value), out.next_zone, sizeof out.next_zone);
    out.next_from = DatumGetDateADT(row[3].value);
    return out;
}

QuotaMoment quota_moment(const QuotaCalendar& calendar, TimestampTz time) {
    QuotaMoment out{time, 0, calendar.anchor, zone_named(calendar.zone)};
    out.day = local_day(time, out.zone);
    if (calendar.next_zone[0] == '\0' || out.day < calendar.next_from) return out;
    // A zone that is behind is still in the last month, whose windows do not come back.
    out.zone = zone_named(calendar.next_zone);
    out.day = std::max(local_day(time, out.zone), calendar.next_from);
    return out;
}

Timestamp window_key(const QuotaMoment& moment, QuotaPeriod period) noexcept {
    if (period == QuotaPeriod::hour) return hour_of(moment.time);
    if (period == QuotaPeriod::total) return DT_NOBEGIN;
    return midnight(window_of(moment, period).first);
}

TimestampTz window_end(const QuotaMoment& moment, QuotaPeriod period) noexcept {
    if (period == QuotaPeriod::hour) return hour_of(moment.time) + USECS_PER_HOUR;
    if (period == QuotaPeriod::total) return DT_NOEND;
    return begin_of(window_of(moment, period).next, moment.zone);
}

bool parse_period(std::string_view name, QuotaPeriod& out) noexcept {
    const auto* found = std::find(std::begin(names), std::end(names), name);
    if (found == std::end(names)) return false;
    out = static_cast<QuotaPeriod>(found - std::begin(names));
    return true;
}

const char* period_name(QuotaPeriod period) noexcept { return names[static_cast<int>(period)]; }

}  // namespace bastion::pg
