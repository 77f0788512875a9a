#include "pg/quota/quota_lock.hpp"

#include "pg/base/user_lock.hpp"

namespace bastion::pg {
namespace {

// Beside those of QuotaOwner.
constexpr int all_owners = 2;

// Owners of equal hashes wait for each other.
uint32 hash_of(const pg_uuid_t& owner) noexcept { return hash_bytes(owner.data, UUID_LEN); }

}  // namespace

bool locks_before(const pg_uuid_t& left, const pg_uuid_t& right) noexcept {
    const uint32 left_hash = hash_of(left);
    const uint32 right_hash = hash_of(right);
    return left_hash != right_hash ? left_hash < right_hash : memcmp(left.data, right.data, UUID_LEN) < 0;
}

bool lock_quotas(const pg_uuid_t& owner, QuotaOwner kind, bool waits) {
    const LOCKTAG all = user_lock_tag(UserLock::quota, MyDatabaseId, 0, all_owners);
    const LOCKTAG one =
        user_lock_tag(UserLock::quota, MyDatabaseId, hash_of(owner), kind == QuotaOwner::account ? 1 : 0);
    return LockAcquire(&all, ShareLock, false, !waits) != LOCKACQUIRE_NOT_AVAIL &&
           LockAcquire(&one, ExclusiveLock, false, !waits) != LOCKACQUIRE_NOT_AVAIL;
}

void lock_all_quotas() {
    const LOCKTAG all = user_lock_tag(UserLock::quota, MyDatabaseId, 0, all_owners);
    (void)LockAcquire(&all, ExclusiveLock, false, false);
}

}  // namespace bastion::pg
