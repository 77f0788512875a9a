#include "pg/quota/quota_lock.hpp"

#include "pg/base/user_lock.hpp"

namespace bastion::pg {

// Owners of equal hashes wait for each other.
bool lock_quotas(const pg_uuid_t& owner, QuotaOwner kind, bool waits) {
    const LOCKTAG tag = user_lock_tag(UserLock::quota, MyDatabaseId, hash_bytes(owner.data, UUID_LEN),
                                      kind == QuotaOwner::account ? 1 : 0);
    return LockAcquire(&tag, ExclusiveLock, false, !waits) != LOCKACQUIRE_NOT_AVAIL;
}

}  // namespace bastion::pg
