#include "pg/throttle/transaction_slots.hpp"

#include "pg/base/user_lock.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/resowner.h"
}

namespace bastion::pg {
namespace {

// The names that this transaction has a slot of.
uint32 held[most_slots_of_transaction];
int held_count = 0;

// For the whole transaction: a lock of a subtransaction would end with that.
bool try_slot(uint32 name, int slot) {
    const LOCKTAG tag = user_lock_tag(UserLock::transaction, MyDatabaseId, name, slot);
    ResourceOwner const before = CurrentResourceOwner;
    volatile LockAcquireResult result = LOCKACQUIRE_NOT_AVAIL;
    CurrentResourceOwner = TopTransactionResourceOwner;
    PG_TRY();
    { result = LockAcquire(&tag, ExclusiveLock, false, true); }
    PG_FINALLY();
    { CurrentResourceOwner = before; }
    PG_END_TRY();
    return result != LOCKACQUIRE_NOT_AVAIL;
}

void forget_slots(XactEvent event, void*) {
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) held_count = 0;
}

}  // namespace

bool take_transaction_slot(ByteSpan name_bytes, int count) {
    const uint32 name = hash_bytes(name_bytes.data(), static_cast<int>(name_bytes.size()));
    if (std::find(held, held + held_count, name) != held + held_count) return true;
    if (held_count == most_slots_of_transaction)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("a transaction has at most %d concurrency limits", most_slots_of_transaction)));
    for (int i = 0; i < count; ++i) {
        if (!try_slot(name, (MyProcPid + i) % count)) continue;
        held[held_count++] = name;
        return true;
    }
    return false;
}

void prepare_transaction_slots() { RegisterXactCallback(forget_slots, nullptr); }

}  // namespace bastion::pg
