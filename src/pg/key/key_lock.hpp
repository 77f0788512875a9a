// The locks of data keys: a transaction that seals under a key holds it until it ends, prepared or not, and what retires or destroys
// the key waits for that transaction. So no committed value was sealed under a key that could not open it any more.
//
// They are heavyweight locks of the objects (bastion.data_keys, id of the key), with the levels of Gray, "Granularity of locks in a
// shared data base" (1975): id 0 stands for all keys. Who holds one key intends to share (RowShareLock on 0) and shares it
// (ShareLock); beyond 64 keys, a transaction shares all of them. Who retires intends to exclude, and excludes.
#pragma once

#include <cstdint>
#include <span>

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Holds a key until the end of the transaction. True if it was not held before: then invalidation messages have arrived, and
// the caller looks the key up again. A standby seals nothing that lasts, and holds nothing.
bool hold_data_key(std::uint32_t id);

// Changes whenever the transaction may hold no key any more: at its end, and when a savepoint is rolled back.
uint64 held_keys_generation() noexcept;

// Waits until no other transaction holds one of these keys, and keeps others from it until the end of the transaction. Raises
// 55P03 after lock_timeout.
void lock_data_keys(std::span<const int32> ids);

// Registers the callbacks of transactions; watch_data_keys() calls it.
void watch_held_keys();

}  // namespace bastion::pg
