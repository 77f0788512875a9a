// The limits that concern the caller of the transaction, or a tenant, of all meters: what bastion_internal.quota_rules() answers, cached by user,
// tenant, unit and API key (backend_cache.hpp). And meters, cached by name.
#pragma once

#include "pg/base/identity.hpp"
#include "pg/quota/quota_calendar.hpp"

namespace bastion::pg {

struct QuotaRule {
    std::string scope;
    pg_uuid_t owner;
    pg_uuid_t subject;
    std::string meter;
    QuotaPeriod period;
    bool of_account;
    std::string amount;  // empty: any amount
    std::string soft_amount;
    int stripes;
};

struct QuotaCaller {
    QuotaCalendar tenant_calendar;
    QuotaCalendar user_calendar;
    bool has_account;          // whether any limit counts the user in all tenants
    bool has_user;             // whether any limit counts the user or the API key in this tenant
    TimestampTz usable_until;  // when the first limit of its own ends
    std::vector<QuotaRule> rules;
};

// Phase A, for an identity that is authenticated. Pinned until the next call or the end of the transaction.
const QuotaCaller& quota_caller(const Identity& identity);

// In how many stripes this caller counts on a meter: the least of the limits of its unit and tenant, 1 where no limit has any.
[[nodiscard]] int stripes_of(const QuotaCaller& caller, std::string_view meter) noexcept;

// The same for rows of a tenant that no user of it writes: its own limits alone.
const QuotaCaller& quota_tenant(const pg_uuid_t& tenant);

struct QuotaMeter {
    bool is_gauge;
    int scale;
};

// Phase A. Raises 42704 for an unknown name.
QuotaMeter quota_meter(std::string_view name);

}  // namespace bastion::pg
