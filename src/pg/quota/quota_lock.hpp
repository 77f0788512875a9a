// The locks that transactions take before they count on quotas.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Of accounts before those of tenants: so transactions wait for each other and never in a circle.
enum class QuotaOwner { account, tenant };

// The order in which one statement takes the locks of several tenants.
[[nodiscard]] bool locks_before(const pg_uuid_t& left, const pg_uuid_t& right) noexcept;

// Until the transaction ends. False when it does not wait and another transaction has the lock.
bool lock_quotas(const pg_uuid_t& owner, QuotaOwner kind, bool waits);

// In place of the locks of very many tenants, for which the server may have no room: no other transaction uses a quota until this one ends.
void lock_all_quotas();

}  // namespace bastion::pg
