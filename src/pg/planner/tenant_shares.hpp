// The shares of a table's rows that tenants have, by the statistics of the tenant column (core/planner/tenant_classes.hpp),
// from the cache or read. Values go when the statistics change.
#pragma once

#include "core/planner/tenant_classes.hpp"
#include "pg/base/identity.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

namespace bastion::pg {

// A row of pg_statistic: of a column of a relation, or of the relation with its children.
struct StatisticsKey {
    Oid relation;
    AttrNumber column;
    bool inherited;

    friend bool operator==(const StatisticsKey&, const StatisticsKey&) = default;
};

// The row, for ReleaseSysCache(), or null.
[[nodiscard]] HeapTuple statistics_row(const StatisticsKey& key);

// The list of most common values of the row, for free_attstatsslot(). False without a list that can be read.
[[nodiscard]] bool get_common_values(AttStatsSlot& out, HeapTuple row, int parts);

// The hash under which PostgreSQL announces a change of the row.
[[nodiscard]] uint32 hash_of_statistics(const StatisticsKey& key);

// The tenant of the session, as far as it is known.
struct PlannedTenant {
    OptionalUuid id;
    bool has_number;
    int64 number;

    [[nodiscard]] static PlannedTenant of(const Identity& identity) noexcept {
        return {identity.tenant, identity.tenant.present, identity.tenant_number};
    }

    friend bool operator==(const PlannedTenant& left, const PlannedTenant& right) noexcept {
        return same_uuid(left.id, right.id) && left.has_number == right.has_number && left.number == right.number;
    }
};

struct TenantShares {
    TenantClasses classes;
    bool by_number;

    // Null when the tenant is not known in the form that the column has.
    [[nodiscard]] std::optional<TenantShare> share_of(const PlannedTenant& tenant) const noexcept;
};

// Phase A: the shares, or null without statistics. Pinned until the next call.
const TenantShares* tenant_shares(const StatisticsKey& key);

// Any phase: those in the cache, or null.
const TenantShares* cached_tenant_shares(const StatisticsKey& key) noexcept;

// Grows with each change of statistics.
[[nodiscard]] uint64 statistics_changes() noexcept;

// Drops the shares from statistics with this hash, 0 for all. Called by the receiver of PostgreSQL's messages.
void drop_tenant_shares(uint32 hash) noexcept;

}  // namespace bastion::pg
