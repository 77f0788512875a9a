// Coherence of the per-backend caches: triggers on the extension's tables send an invalidation message for a synthetic
// relation id (high bit set), which reaches every backend and, after replay, every standby when the change commits.
// The receiver counts each message and marks the values that it names as stale; a collision costs one spurious reload.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// The subject of a message: a scope, one of the words of bastion_internal.invalidate(), and the text of the changed ids.
Oid invalidation_of(std::string_view scope, std::string_view key) noexcept;
Oid user_invalidation(const pg_uuid_t& user) noexcept;
Oid all_rights_invalidation() noexcept;
Oid session_invalidation(const pg_uuid_t& session) noexcept;
Oid all_sessions_invalidation() noexcept;
Oid api_key_invalidation(const pg_uuid_t& key) noexcept;
Oid all_api_keys_invalidation() noexcept;
Oid keys_invalidation() noexcept;

// A target of messages: a static of the file that holds the values, which registers itself when the library is loaded. A
// message for `everything`, and one that PostgreSQL sends when it lost messages, drops all values; any other drops those
// that it names.
class CacheListener {
public:
    explicit CacheListener(Oid everything) noexcept;
    CacheListener(const CacheListener&) = delete;
    CacheListener& operator=(const CacheListener&) = delete;

    virtual void drop_all() noexcept = 0;
    virtual void drop_one(Oid) noexcept {}
    // At the end of a transaction.
    virtual void unpin() noexcept {}

    const Oid everything;
    CacheListener* const next;

protected:
    ~CacheListener() = default;
};

// Counts for tests and cache_stats().
struct CacheStatistics {
    int64 loads, hits, stale;
};

// Drops, in this backend, all caches that a message for `everything` drops.
void drop_caches(Oid everything) noexcept;

// Sends the message when the current transaction commits.
void send_invalidation(Oid synthetic);

// Messages received by this backend so far.
uint64 invalidation_count() noexcept;

// Registers the receiver, and the end of transactions. Called once, from _PG_init.
void register_invalidation();

}  // namespace bastion::pg
