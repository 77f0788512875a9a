// The locks that transactions take before they count on quotas.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Of accounts before those of tenants: so transactions wait for each other and never in a circle.
enum class QuotaOwner { account, tenant };

// Until the transaction ends. False when it does not wait and another transaction has the lock.
bool lock_quotas(const pg_uuid_t& owner, QuotaOwner kind, bool waits);

}  // namespace bastion::pg
