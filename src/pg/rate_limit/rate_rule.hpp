// The rate limits that operators define: rows of bastion.rate_limits, cached by name and plan of the tenant (backend_cache.hpp).
#pragma once

#include "core/throttle/rate.hpp"
#include "pg/base/identity.hpp"

namespace bastion::pg {

enum class RateScope { api_key, user, tenant, address, route };

struct RateLimit {
    RateScope scope;
    RateRule rule;   // burst 0: any rate
    int concurrent;  // 0 for any number
};

// Phase A: the limit of the tenant's plan, else of every plan. Raises 42704 for an unknown name. Pinned until the next call or the end
// of the transaction.
const RateLimit& rate_limit_of(std::string_view name, const OptionalUuid& tenant);

// The same, of every plan, and null where the name has limits of plans alone.
const RateLimit* rate_limit_of_every_plan(std::string_view name);

}  // namespace bastion::pg
