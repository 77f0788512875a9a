// What this transaction announces to the caches: triggers name the ids that it changed, and each id is one message when it
// commits. Over 256 ids of one scope, one message stands for all of the scope: 100,000 messages would cost PostgreSQL a
// quadratic search, and every other backend its whole queue. Other backends get an id once; the caches of this backend
// drop it after each command that changed it. The state ends with the transaction, and with a subtransaction that rolls back.
#pragma once

#include "pg/cache/invalidation.hpp"

namespace bastion::pg {

// Whether a whole scope is announced for the current command: then an id need not be.
[[nodiscard]] bool is_announced_whole(const MessageScope& scope) noexcept;

// Announces an id of a scope.
void announce(const MessageScope& scope, Oid id);

// Drops, from the caches of this backend, what its earlier commands changed. Phase A, before it asks a cache that messages of
// scopes reach; BackendCache::get() calls it.
void settle_changes() noexcept;

// Called once, from _PG_init.
void register_announcement();

// Whether the transaction may see new rows of its own, which a rollback takes back. Where new rows send no message, what is read then
// is not kept.
[[nodiscard]] bool has_written() noexcept;

}  // namespace bastion::pg
