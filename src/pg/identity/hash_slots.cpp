#include "pg/identity/hash_slots.hpp"

#include "pg/base/settings.hpp"
#include "pg/base/user_lock.hpp"

namespace bastion::pg {
namespace {

int max_concurrent_hashes = 0;

const SettingsTable table([] {
    define(IntSetting{
        "bastion.max_concurrent_hashes",
        "Password hashes that may run at once in the server; more are refused. 0 means twice the number of cores.",
        &max_concurrent_hashes, 0, 0, 1024, PGC_SIGHUP});
});

}  // namespace

int hash_slot_count() noexcept {
    if (max_concurrent_hashes > 0) return max_concurrent_hashes;
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? static_cast<int>(2 * cores) : 2;
}

bool take_hash_slot(LOCKTAG& slot, bool is_stranger) {
    const int all = hash_slot_count();
    const int count = is_stranger && all > 1 ? all - std::max(1, all / 4) : all;
    for (int i = 0; i < count; ++i) {
        slot = user_lock_tag(UserLock::password_hash, InvalidOid, static_cast<uint32>((MyProcPid + i) % count), 0);
        if (LockAcquire(&slot, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL) return true;
    }
    return false;
}

void release_hash_slot(const LOCKTAG& slot) { LockRelease(&slot, ExclusiveLock, false); }

}  // namespace bastion::pg
