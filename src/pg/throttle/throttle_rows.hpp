// The sets of counters in the rows of bastion.throttle_sets, for servers that do not preload the library. A row holds one set, of fixed
// size, and is only ever overwritten in place. The row -1 holds the secret of the keys, in both modes.
#pragma once

#include "core/throttle/throttle.hpp"
#include "pg/base/guard.hpp"

namespace bastion::pg {

ByteSpan read_row_secret();

void read_row_set(const ThrottleKey& key, ThrottleSet& out);

namespace detail {

struct LockedRow {
    Relation relation;
    HeapTuple tuple;
    void* state;
    char* bytes;  // of the set
};
LockedRow lock_row(const ThrottleKey& key);
void unlock_row(const LockedRow& row, bool changed);

}  // namespace detail

// Hands the set to `change`, which must not raise, and writes it back when `change` says so. Another backend waits until then.
template <class Change>
void change_row_set(const ThrottleKey& key, Change&& change) {
    const detail::LockedRow row = detail::lock_row(key);
    ThrottleSet set;
    std::memcpy(&set, row.bytes, sizeof set);
    const bool changed = change(set);
    if (changed) std::memcpy(row.bytes, &set, sizeof set);
    detail::unlock_row(row, changed);
}

}  // namespace bastion::pg
