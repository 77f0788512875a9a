// Coherence of the per-backend caches: triggers on the extension's tables send an invalidation message for a synthetic
// relation id (from 0xF0000000), which reaches every backend and, after replay, every standby when the change commits.
// The receiver counts each message and drops the values that it names. Where two subjects have the same id, or a real
// relation has one, each message costs a spurious reload.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// The subject of a message: a scope, and the text of the changed ids.
Oid invalidation_of(std::string_view scope, std::string_view key = {}) noexcept;
Oid invalidation_of(std::string_view scope, const pg_uuid_t& id) noexcept;

// A word of bastion_internal.invalidate(), the number of columns that hold its ids, and the scope whose message stands for all
// of it. A static of the file that caches what the scope names, which registers itself when the library is loaded. An urgent
// scope is about what must leave idle backends too, which accept messages with their next statement otherwise.
class MessageScope {
public:
    MessageScope(const char* name, int columns, const char* all, bool urgent = false) noexcept;
    MessageScope(const MessageScope&) = delete;
    MessageScope& operator=(const MessageScope&) = delete;

    const char* const name;
    const int columns;
    const Oid all;
    const bool urgent;
    const int number;
    const MessageScope* const next;
};

const MessageScope* first_scope() noexcept;

// Counts for tests and cache_stats(). `bytes` is what the entries hold, an estimate.
struct CacheStatistics {
    int64 loads, hits, stale, entries, bytes;
};

// A target of messages: a static of the file that holds the values, which registers itself when the library is loaded. A
// message for `everything`, and one that PostgreSQL sends when it lost messages, drops all values; any other drops those
// that it names.
class CacheListener {
public:
    // A name under which cache_stats() lists it, or null.
    explicit CacheListener(Oid everything, const char* name = nullptr) noexcept;
    CacheListener(const CacheListener&) = delete;
    CacheListener& operator=(const CacheListener&) = delete;

    virtual void drop_all() noexcept = 0;
    virtual void drop_one(Oid) noexcept {}
    // At the end of a transaction.
    virtual void unpin() noexcept {}
    [[nodiscard]] virtual CacheStatistics statistics() const noexcept { return {}; }

    const Oid everything;
    const char* const name;
    CacheListener* const next;

protected:
    ~CacheListener() = default;
};

// The listeners, for cache_stats().
const CacheListener* first_cache() noexcept;

// Delivers a message to the caches of this backend alone.
void drop_here(Oid message) noexcept;

// Drops, in this backend, all caches that a message for `everything` drops.
void drop_caches(Oid everything) noexcept;

// Sends the message when the current transaction commits.
void send_invalidation(Oid synthetic);

// Makes the other backends of this database accept their messages now.
void wake_backends();

// Messages received by this backend so far.
uint64 invalidation_count() noexcept;

// Registers the receiver, and the end of transactions. Called once, from _PG_init.
void register_invalidation();

}  // namespace bastion::pg
