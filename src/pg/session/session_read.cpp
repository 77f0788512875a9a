#include "pg/session/session_read.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/backend_cache.hpp"

namespace bastion::pg {
namespace {

struct Session {
    pg_uuid_t user;
    TimestampTz expires_at;
    TimestampTz authenticated_at;
    TimestampTz phishing_resistant_at;  // 0 for never
    TimestampTz remembered_at;          // 0 for never
    char level[8];
    bool revoked;
};

const MessageScope scopes[] = {{"session", 1, "sessions"}, {"sessions", 0, "sessions"}};

BackendCache<Session, UUID_LEN> sessions("sessions", invalidation_of("sessions"), {1024, mebibyte});

TimestampTz time_or_zero(const ColumnValue& column) noexcept {
    return column.is_null ? 0 : DatumGetTimestampTz(column.value);
}

std::optional<Session> read_session(const pg_uuid_t& id) {
    ColumnValue row[] = {{"user_id", 0, true},          {"expires_at", 0, true}, {"revoked_at", 0, true},
                         {"authenticated_at", 0, true}, {"level", 0, true},      {"phishing_resistant_at", 0, true},
                         {"remembered_at", 0, true}};
    if (!read_row("sessions", "sessions_pkey", "id", F_UUID_EQ, UUIDPGetDatum(&id), row)) return {};
    Session session{*DatumGetUUIDP(row[0].value),
                    DatumGetTimestampTz(row[1].value),
                    DatumGetTimestampTz(row[3].value),
                    time_or_zero(row[5]),
                    time_or_zero(row[6]),
                    {},
                    !row[2].is_null};
    text_to_cstring_buffer(DatumGetTextPP(row[4].value), session.level, sizeof session.level);
    return session;
}

const Session* session_of(const pg_uuid_t& id) {
    const CacheKey<UUID_LEN> key(id);
    return sessions.get(
        key, [&] { return read_session(id); },
        [&](const Session& row) -> Result<Loaded<Session>> {
            return Loaded<Session>{row, {invalidation_of("session", id)}, 0, !has_written()};
        });
}

const char* check(const Session& session, Identity& identity) noexcept {
    if (!same_uuid(session.user, credential_owner(identity))) return "session_of_another_user";
    if (session.revoked) return "session_revoked";
    identity.expires_at = std::min(identity.expires_at, session.expires_at);
    // An older token gains nothing by step_up(), and a step up that was rolled back has left a token.
    if (std::strcmp(session.level, identity.level) < 0) strlcpy(identity.level, session.level, sizeof identity.level);
    identity.auth_time = std::min(identity.auth_time, session.authenticated_at);
    identity.phr_time = std::min(identity.phr_time, session.phishing_resistant_at);
    // An impersonator and an actor have the level of one factor in any case.
    if (identity.actors.count == 0) identity.remembered_time = session.remembered_at;
    return session.expires_at <= GetCurrentTimestamp() ? "session_expired" : nullptr;
}

}  // namespace

const char* check_session(Identity& identity) {
    if (!identity.session.present) return nullptr;
    const Session* session = session_of(identity.session.value);
    return session != nullptr ? check(*session, identity) : "session_unknown";
}

}  // namespace bastion::pg
