// The sets behind a decision: loaded lazily by SPI, and cached with its rights (grant_sets.hpp).
#pragma once

#include "pg/context/context.hpp"
#include "pg/right/grant_sets.hpp"

namespace bastion::pg {

// The sets of the decision, loaded lazily; null without an identity or tenant. Not in parallel mode, unless they
// are loaded already. The first has those of tenants only when a check needed them before.
GrantSets* grant_sets_of(const Decision& decision);
GrantSets* grant_sets_with_tenants(const Decision& decision);

// The number of times that this backend has read sets.
int64 grant_set_loads() noexcept;

}  // namespace bastion::pg
