#include "pg/quota/quota_lock.hpp"

namespace bastion::pg {
namespace {

// An arbitrary number of the extension.
constexpr uint32 quota_class = 0xBA570003u;

// Of the class USERLOCK, which SQL cannot reach: no other role can hold it. Owners of equal hashes wait for each other.
LOCKTAG quota_tag(const pg_uuid_t& owner, QuotaOwner kind) noexcept {
    LOCKTAG tag{};
    tag.locktag_field1 = MyDatabaseId;
    tag.locktag_field2 = quota_class;
    tag.locktag_field3 = hash_bytes(owner.data, UUID_LEN);
    tag.locktag_field4 = kind == QuotaOwner::account ? 1 : 0;
    tag.locktag_type = LOCKTAG_USERLOCK;
    tag.locktag_lockmethodid = USER_LOCKMETHOD;
    return tag;
}

}  // namespace

bool lock_quotas(const pg_uuid_t& owner, QuotaOwner kind, bool waits) {
    const LOCKTAG tag = quota_tag(owner, kind);
    return LockAcquire(&tag, ExclusiveLock, false, !waits) != LOCKACQUIRE_NOT_AVAIL;
}

}  // namespace bastion::pg
