// The sets of counters in shared memory of bastion.throttle_size, each under a spinlock, where the library is preloaded. They live as long
// as the server runs.
#pragma once

#include "core/throttle/throttle.hpp"
#include "pg/base/guard.hpp"

extern "C" {
#include "storage/spin.h"
}

namespace bastion::pg {

void prepare_shared_sets();
bool has_shared_sets() noexcept;

// Whether the set of a key has an entry of it.
bool has_shared_entry(const ThrottleKey& key);

namespace detail {

struct SharedSet {
    slock_t lock;
    ThrottleSet set;
};
SharedSet& shared_set(const ThrottleKey& key) noexcept;
}  // namespace detail

// Asks the worker to save the entry of a key, if it lasts and the table lacks it.
void request_save(const ThrottleKey& key);
// The same for every entry of a set that has no room.
void request_saves(const ThrottleKey& key);

// Hands the set to `change`, which must be short and must not raise.
template <class Change>
void change_shared_set(const ThrottleKey& key, Change&& change) {
    detail::SharedSet& shared = detail::shared_set(key);
    SpinLockAcquire(&shared.lock);
    change(shared.set);
    SpinLockRelease(&shared.lock);
}

// For the worker: the count of a lasting entry that the table does not have yet; false without one. It counts as saved when the
// transaction commits.
struct UnsavedThrottle {
    ThrottleKind kind;
    ThrottleCount count;
};
bool unsaved_throttle(const ThrottleKey& key, UnsavedThrottle& out);

}  // namespace bastion::pg
