// The locks that transactions take before they count on quotas.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Of accounts before those of tenants: so transactions wait for each other and never in a circle.
enum class QuotaOwner { account, tenant };

// The order in which one statement takes the locks of several tenants.
[[nodiscard]] bool locks_before(const pg_uuid_t& left, const pg_uuid_t& right) noexcept;

// Until the transaction ends. False when it does not wait and another transaction has the lock. Raises 40001 where this transaction and another
// one both use stripes of a tenant, and both want the tenant.
bool lock_quotas(const pg_uuid_t& owner, QuotaOwner kind, bool waits);

// Refuses a use where nothing can be written.
void require_use();

// 40001: the locks of another transaction stand in the way, and waiting for them could go in a circle.
[[noreturn]] void raise_concurrent_use();

constexpr int max_stripes = 64;

// Whether this transaction has locked the tenant.
[[nodiscard]] bool has_tenant(const pg_uuid_t& tenant);

// The stripe of the tenant that this transaction has locked; none below 0.
[[nodiscard]] int locked_stripe(const pg_uuid_t& tenant);

// A stripe before its tenant, which others who use a stripe share.
void lock_stripe(const pg_uuid_t& tenant, int stripe);

// For a transaction that has changed nothing under its stripe.
void unlock_stripe(const pg_uuid_t& tenant, int stripe);

// In place of the locks of very many tenants, for which the server may have no room: no other transaction uses a quota until this one ends.
void lock_all_quotas();

}  // namespace bastion::pg
