#include "pg/key/key_lock.hpp"

#include "pg/base/catalog_read.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t most_single_keys = 64;
constexpr std::uint32_t all_keys = 0;

// What the open transaction and its open subtransactions hold, in the order in which they took it; depths are nest levels.
struct HeldKeys {
    std::size_t count;
    std::uint32_t ids[most_single_keys];
    int depths[most_single_keys];
    int all_depth;  // 0: single keys alone
};

HeldKeys held;
uint64 generation = 1;

LOCKTAG tag_of(std::uint32_t id) {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, extension_relation("data_keys"), id, 0);
    return tag;
}

// The lock is the open subtransaction's: a cursor that fails releases its own ones.
LockAcquireResult take(std::uint32_t id, LOCKMODE mode, bool only_if_free) {
    const LOCKTAG tag = tag_of(id);
    const ResourceOwner owner = CurrentResourceOwner;
    CurrentResourceOwner = CurTransactionResourceOwner;
    const LockAcquireResult result = LockAcquire(&tag, mode, false, only_if_free);
    CurrentResourceOwner = owner;
    return result;
}

void acquire(std::uint32_t id, LOCKMODE mode) { take(id, mode, false); }

bool try_acquire(std::uint32_t id, LOCKMODE mode) { return take(id, mode, true) != LOCKACQUIRE_NOT_AVAIL; }

void release(std::uint32_t id, LOCKMODE mode) {
    const LOCKTAG tag = tag_of(id);
    const ResourceOwner owner = CurrentResourceOwner;
    CurrentResourceOwner = CurTransactionResourceOwner;
    LockRelease(&tag, mode, false);
    CurrentResourceOwner = owner;
}

// Forgets what was taken at this depth or below: the server has released it, or does so now.
void forget_from(int depth) noexcept {
    while (held.count > 0 && held.depths[held.count - 1] >= depth) --held.count;
    if (held.all_depth >= depth) held.all_depth = 0;
    ++generation;
}

// The locks of a subtransaction that commits are its parent's from now on.
void hand_up_from(int depth) noexcept {
    for (std::size_t i = held.count; i > 0 && held.depths[i - 1] >= depth; --i) held.depths[i - 1] = depth - 1;
    held.all_depth = std::min(held.all_depth, depth - 1);
}

void on_transaction_event(XactEvent event, void*) {
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) forget_from(0);
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
    const int depth = GetCurrentTransactionNestLevel();
    if (event == SUBXACT_EVENT_ABORT_SUB) forget_from(depth);
    if (event == SUBXACT_EVENT_COMMIT_SUB) hand_up_from(depth);
}

[[noreturn]] void too_late() {
    ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("canceling statement due to lock timeout")));
    pg_unreachable();
}

}  // namespace

bool hold_data_key(std::uint32_t id) {
    if (RecoveryInProgress() || held.all_depth > 0) return false;
    const std::span<const std::uint32_t> ids(held.ids, held.count);
    if (std::find(ids.begin(), ids.end(), id) != ids.end()) return false;
    const int depth = GetCurrentTransactionNestLevel();
    if (held.count == 0) acquire(all_keys, RowShareLock);
    if (held.count == most_single_keys) {
        acquire(all_keys, ShareLock);
        held.all_depth = depth;
    } else {
        acquire(id, ShareLock);
        held.ids[held.count] = id;
        held.depths[held.count++] = depth;
    }
    AcceptInvalidationMessages();
    return true;
}

uint64 held_keys_generation() noexcept { return generation; }

// Nothing is held while it waits for a single key, so that it is in no deadlock with those who seal under several.
void lock_data_keys(std::span<const int32> ids) {
    if (ids.size() > most_single_keys) {
        acquire(all_keys, ExclusiveLock);
        return;
    }
    acquire(all_keys, RowExclusiveLock);
    const TimestampTz begun = GetCurrentTimestamp();
    for (;;) {
        std::size_t taken = 0;
        while (taken < ids.size() && try_acquire(static_cast<std::uint32_t>(ids[taken]), ExclusiveLock)) ++taken;
        if (taken == ids.size()) return;
        for (std::size_t i = 0; i < taken; ++i) release(static_cast<std::uint32_t>(ids[i]), ExclusiveLock);
        if (LockTimeout > 0 && TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), LockTimeout)) too_late();
        acquire(static_cast<std::uint32_t>(ids[taken]), ExclusiveLock);
        release(static_cast<std::uint32_t>(ids[taken]), ExclusiveLock);
    }
}

void watch_held_keys() {
    RegisterXactCallback(on_transaction_event, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
}

}  // namespace bastion::pg
