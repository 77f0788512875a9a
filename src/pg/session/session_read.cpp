#include "pg/session/session_read.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/cache/invalidation.hpp"

namespace bastion::pg {
namespace {

// A session has its place in one of the sets, by the id of its messages; there the entry that was used longest ago makes
// room.
constexpr std::size_t sets = 256;
constexpr std::size_t ways = 4;

struct Entry {
    Oid invalidation;  // InvalidOid: free
    pg_uuid_t session;
    pg_uuid_t user;
    TimestampTz expires_at;
    bool revoked;
    uint64 used;
};

Entry entries[sets][ways];
uint64 clock_hand = 0;
SessionStatistics statistics{};

Entry (&set_of(Oid invalidation) noexcept)[ways] { return entries[invalidation % sets]; }

const Entry* find(const pg_uuid_t& session, Oid invalidation) noexcept {
    for (Entry& entry : set_of(invalidation)) {
        if (entry.invalidation != invalidation || !same_uuid(entry.session, session)) continue;
        entry.used = ++clock_hand;
        ++statistics.hits;
        return &entry;
    }
    return nullptr;
}

void remember(Entry entry) noexcept {
    Entry(&set)[ways] = set_of(entry.invalidation);
    Entry* place = std::min_element(std::begin(set), std::end(set),
                                    [](const Entry& left, const Entry& right) { return left.used < right.used; });
    entry.used = ++clock_hand;
    *place = entry;
}

bool load(const pg_uuid_t& session, Entry& out) {
    ColumnValue row[] = {{"user_id", 0, true}, {"expires_at", 0, true}, {"revoked_at", 0, true}};
    if (!read_row("sessions", "sessions_pkey", "id", F_UUID_EQ, UUIDPGetDatum(&session), row)) return false;
    out.session = session;
    out.user = *DatumGetUUIDP(row[0].value);
    out.expires_at = DatumGetTimestampTz(row[1].value);
    out.revoked = !row[2].is_null;
    return true;
}

const char* check_entry(const Entry& entry, Identity& identity) noexcept {
    // Under impersonation the session is that of the actor.
    const pg_uuid_t& holder = identity.actor.present ? identity.actor.value : identity.user;
    if (!same_uuid(entry.user, holder)) return "session_of_another_user";
    if (entry.revoked) return "session_revoked";
    identity.expires_at = std::min(identity.expires_at, entry.expires_at);
    return entry.expires_at <= GetCurrentTimestamp() ? "session_expired" : nullptr;
}

void forget(Entry& entry) noexcept {
    entry = {};
    ++statistics.stale;
}

}  // namespace

const char* check_session(Identity& identity) {
    if (!identity.session.present) return nullptr;
    const Oid invalidation = session_invalidation(identity.session.value);
    if (const Entry* found = find(identity.session.value, invalidation)) return check_entry(*found, identity);

    // What arrives while reading may concern what was read: it serves this statement and is not remembered.
    const uint64 before = invalidation_count();
    Entry loaded{};
    loaded.invalidation = invalidation;
    ++statistics.loads;
    if (!load(identity.session.value, loaded)) return "session_unknown";
    if (before == invalidation_count()) remember(loaded);
    return check_entry(loaded, identity);
}

namespace {

void mark_session_stale(Oid session_invalidation) noexcept {
    for (Entry& entry : set_of(session_invalidation))
        if (entry.invalidation == session_invalidation) forget(entry);
}

void mark_all_sessions_stale() noexcept {
    for (Entry(&set)[ways] : entries)
        for (Entry& entry : set)
            if (entry.invalidation != InvalidOid) forget(entry);
}

const CacheListener listener(all_sessions_invalidation(), mark_all_sessions_stale, mark_session_stale);

}  // namespace

SessionStatistics session_statistics() noexcept { return statistics; }

}  // namespace bastion::pg
