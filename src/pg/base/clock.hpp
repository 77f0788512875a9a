// The server's clock in both scales: Unix seconds, which tokens use, and TimestampTz.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

inline constexpr double postgres_epoch_unix = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * double{SECS_PER_DAY};

inline double unix_time_of(TimestampTz time) noexcept {
    return static_cast<double>(time) / USECS_PER_SEC + postgres_epoch_unix;
}

inline double unix_now() { return unix_time_of(GetCurrentTimestamp()); }

inline TimestampTz timestamp_of(double unix_time) noexcept {
    return static_cast<TimestampTz>((unix_time - postgres_epoch_unix) * USECS_PER_SEC);
}

}  // namespace bastion::pg
