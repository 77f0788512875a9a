#include "pg/quota/quota_lock.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/user_lock.hpp"

namespace bastion::pg {
namespace {

// The number of a lock. Stripes come after the others.
enum LockNumber { tenant_lock, account_lock, all_owners, whole_tenant, first_stripe };

// Owners of equal hashes wait for each other.
uint32 hash_of(const pg_uuid_t& owner) noexcept { return hash_bytes(owner.data, UUID_LEN); }

LOCKTAG tag_of(const pg_uuid_t& owner, int number) noexcept {
    return user_lock_tag(UserLock::quota, MyDatabaseId, hash_of(owner), number);
}

void share_all() {
    const LOCKTAG all = user_lock_tag(UserLock::quota, MyDatabaseId, 0, all_owners);
    (void)LockAcquire(&all, ShareLock, false, false);
}

// Two transactions that share a tenant and both want it alone would wait for each other: the second one gives up.
void claim_tenant(const pg_uuid_t& tenant) {
    const LOCKTAG claim = tag_of(tenant, whole_tenant);
    if (LockAcquire(&claim, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL) raise_concurrent_use();
}

}  // namespace

void require_use() {
    PreventCommandIfReadOnly("use of a quota");
    PreventCommandIfParallelMode("use of a quota");
    PreventCommandDuringRecovery("use of a quota");
}

void raise_concurrent_use() {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("could not serialize access due to concurrent update")));
    pg_unreachable();
}

bool locks_before(const pg_uuid_t& left, const pg_uuid_t& right) noexcept {
    const uint32 left_hash = hash_of(left);
    const uint32 right_hash = hash_of(right);
    return left_hash != right_hash ? left_hash < right_hash : memcmp(left.data, right.data, UUID_LEN) < 0;
}

bool lock_quotas(const pg_uuid_t& owner, QuotaOwner kind, bool waits) {
    const LOCKTAG all = user_lock_tag(UserLock::quota, MyDatabaseId, 0, all_owners);
    const LOCKTAG one = tag_of(owner, kind == QuotaOwner::account ? account_lock : tenant_lock);
    if (LockAcquire(&all, ShareLock, false, !waits) == LOCKACQUIRE_NOT_AVAIL) return false;
    if (waits && kind == QuotaOwner::tenant && compat::holds_lock(one, ShareLock)) claim_tenant(owner);
    return LockAcquire(&one, ExclusiveLock, false, !waits) != LOCKACQUIRE_NOT_AVAIL;
}

bool has_tenant(const pg_uuid_t& tenant) { return compat::holds_lock(tag_of(tenant, tenant_lock), ExclusiveLock); }

int locked_stripe(const pg_uuid_t& tenant) {
    if (!compat::holds_lock(tag_of(tenant, tenant_lock), ShareLock)) return -1;
    for (int stripe = 0; stripe < max_stripes; ++stripe)
        if (compat::holds_lock(tag_of(tenant, first_stripe + stripe), ExclusiveLock)) return stripe;
    return -1;
}

void lock_stripe(const pg_uuid_t& tenant, int stripe) {
    share_all();
    const LOCKTAG own = tag_of(tenant, first_stripe + stripe);
    (void)LockAcquire(&own, ExclusiveLock, false, false);
    const LOCKTAG shared = tag_of(tenant, tenant_lock);
    (void)LockAcquire(&shared, ShareLock, false, false);
}

void unlock_stripe(const pg_uuid_t& tenant, int stripe) {
    const LOCKTAG shared = tag_of(tenant, tenant_lock);
    (void)LockRelease(&shared, ShareLock, false);
    const LOCKTAG own = tag_of(tenant, first_stripe + stripe);
    (void)LockRelease(&own, ExclusiveLock, false);
}

void lock_all_quotas() {
    const LOCKTAG all = user_lock_tag(UserLock::quota, MyDatabaseId, 0, all_owners);
    (void)LockAcquire(&all, ExclusiveLock, false, false);
}

}  // namespace bastion::pg
