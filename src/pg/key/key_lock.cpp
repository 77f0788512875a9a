#include "pg/key/key_lock.hpp"

#include "pg/base/catalog_read.hpp"

namespace bastion::pg {
namespace {

constexpr std::size_t most_single_keys = 64;
constexpr std::uint32_t all_keys = 0;

enum class Share { none, intended, all };

struct HeldKeys {
    Share share;
    std::size_t count;
    std::uint32_t ids[most_single_keys];
};

HeldKeys held;
uint64 generation = 1;

LOCKTAG tag_of(std::uint32_t id) {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, MyDatabaseId, extension_relation("data_keys"), id, 0);
    return tag;
}

void acquire(std::uint32_t id, LOCKMODE mode) {
    const LOCKTAG tag = tag_of(id);
    LockAcquire(&tag, mode, false, false);
}

bool try_acquire(std::uint32_t id, LOCKMODE mode) {
    const LOCKTAG tag = tag_of(id);
    return LockAcquire(&tag, mode, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void release(std::uint32_t id, LOCKMODE mode) {
    const LOCKTAG tag = tag_of(id);
    LockRelease(&tag, mode, false);
}

// The locks of a savepoint that is rolled back are released; those taken before it are taken once more.
void forget() noexcept {
    held.share = Share::none;
    held.count = 0;
    ++generation;
}

void on_transaction_event(XactEvent event, void*) {
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) forget();
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
    if (event == SUBXACT_EVENT_ABORT_SUB) forget();
}

[[noreturn]] void too_late() {
    ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("canceling statement due to lock timeout")));
    pg_unreachable();
}

}  // namespace

bool hold_data_key(std::uint32_t id) {
    if (RecoveryInProgress() || held.share == Share::all) return false;
    const std::span<const std::uint32_t> ids(held.ids, held.count);
    if (std::find(ids.begin(), ids.end(), id) != ids.end()) return false;
    if (held.share == Share::none) {
        acquire(all_keys, RowShareLock);
        held.share = Share::intended;
    }
    if (held.count == most_single_keys) {
        acquire(all_keys, ShareLock);
        held.share = Share::all;
    } else {
        acquire(id, ShareLock);
        held.ids[held.count++] = id;
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
