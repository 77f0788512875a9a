// The classes of size (tenant_shares.hpp) that cached plans were made for. Such a plan depends on a catalog object that does
// not exist, one for each table and class. When the tenant of the session has another class, PostgreSQL is told that the
// object changed, so it plans again; for tenants of the same class it keeps the plan.
#pragma once

#include "pg/planner/tenant_shares.hpp"

namespace bastion::pg {

// Adds to a plan that was made for this class of the tenant column.
void depend_on_class(PlannedStmt* plan, const StatisticsKey& key, int size_class);

// Whether any plan was made for a class since the last change.
[[nodiscard]] bool has_classed_plans() noexcept;

// Grows whenever a plan is made for a class that had none. Until then, a tenant for which the other classes were dropped has
// nothing more to drop.
[[nodiscard]] uint64 classes_added() noexcept;

// The tenant of the session is another: drops the plans for other classes than its. Neither raises nor reads tables.
void drop_plans_of_other_classes(const PlannedTenant& tenant) noexcept;

// The tenant of the session is unknown: drops the plans for all classes.
void drop_classed_plans() noexcept;

// The statistics with this hash changed, 0 for all: the classes of their table mean something else.
void drop_plans_by_statistics(uint32 hash) noexcept;

}  // namespace bastion::pg
