#include "pg/audit/audit_write.hpp"

#include "pg/audit/audit_statement.hpp"
#include "pg/context/context.hpp"
#include "pg/event/seal_schedule.hpp"
#include "pg/session/client_address.hpp"

extern "C" {
#include "access/transam.h"
#include "access/xlog.h"
}

namespace bastion::pg {

// Who acts and from where: what entries of a statement have in common. `entry` has nothing else.
struct EntryOrigin {
    Entry entry;
    OptionalUuid actor;
    std::optional<Uuid> tenant;
    uint64 decision;  // its version
    Oid session_user;
    char application[NAMEDATALEN];
};

namespace {

// Before 1970, in the microseconds of PostgreSQL.
constexpr int64 microseconds_to_2000 = int64{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * USECS_PER_DAY;

// Of this process, whose server, timeline and database stay the same once it may write.
int64 own_era = 0;

// The last number in a transaction; a savepoint that is rolled back leaves a gap.
struct EntryCounter {
    uint64 xid;
    int64 last;
};
EntryCounter counter{};

int64 era() {
    if (own_era == 0) own_era = era_of(GetWALInsertionTimeLine());
    return own_era;
}

// PostgreSQL refuses to assign a transaction id in a read-only transaction of a standby and in parallel mode.
void fill_place(Entry& entry, TimestampTz now) {
    const uint64 xid = U64FromFullTransactionId(GetTopFullTransactionId());
    if (counter.xid != xid) counter = {xid, 0};
    entry.era = era();
    entry.xid = xid;
    entry.seq = ++counter.last;
    entry.time = now + microseconds_to_2000;
    note_audit_entry(xid);
}

std::optional<Uuid> optional_uuid(const OptionalUuid& uuid) noexcept {
    if (!uuid.present) return {};
    return core_uuid(uuid.value);
}

std::span<const Uuid> copied_actors(const ActorChain& chain) {
    auto* out = static_cast<Uuid*>(palloc(sizeof(Uuid) * (chain.count + 1)));
    for (std::size_t i = 0; i < chain.count; ++i) out[i] = core_uuid(chain.ids[i]);
    return {out, chain.count};
}

void fill_identity(Entry& entry, const Identity& identity) {
    entry.user = core_uuid(identity.user);
    entry.actors = copied_actors(identity.actors);
    entry.unit = optional_uuid(identity.unit);
    entry.session = optional_uuid(identity.session);
    entry.api_key = optional_uuid(identity.api_key);
    entry.delegation = optional_uuid(identity.delegation);
    entry.method = pstrdup(identity.method);
}

void fill_client(Entry& entry) {
    IpAddress address;
    if (client_address(address)) {
        char* text = nullptr;
        guarded_or_raise([&]() -> Result<void> { return store_as_is(text, format_ip_address(address)); });
        entry.address = plain_value(ServerText(text));
    }
    if (const NullableDatum agent = request_user_agent(); !agent.isnull)
        entry.agent = plain_value(server_text(agent.value));
}

EntryOrigin make_origin(const Decision& decision) {
    EntryOrigin out{};
    out.decision = decision.version;
    out.session_user = GetSessionUserId();
    strlcpy(out.application, application_name, sizeof out.application);
    out.actor = acting_user(decision);
    if (decision.state == ContextState::authenticated) {
        out.tenant = optional_uuid(decision.identity.tenant);
        fill_identity(out.entry, decision.identity);
    } else {
        out.entry.application = entry_text(ServerText(pstrdup(out.application)));
    }
    out.entry.role = entry_text(ServerText(GetUserNameFromId(out.session_user, false)));
    fill_client(out.entry);
    return out;
}

bool still_applies(const EntryOrigin& origin, const Decision& decision) noexcept {
    return origin.decision == decision.version && origin.session_user == GetSessionUserId() &&
           std::strcmp(origin.application, application_name) == 0;
}

// One for the statement, unless the identity changes in it; address and user agent stay those of its first entry.
const EntryOrigin& origin_in(AuditStatement& statement) {
    const Decision& decision = decide();
    if (statement.origin != nullptr && still_applies(*statement.origin, decision)) return *statement.origin;
    statement.origin = nullptr;
    MemoryContextReset(statement.origin_memory);
    const MemoryContext caller = MemoryContextSwitchTo(statement.origin_memory);
    auto* origin = static_cast<EntryOrigin*>(palloc(sizeof(EntryOrigin)));
    statement.origin = new (origin) EntryOrigin(make_origin(decision));
    MemoryContextSwitchTo(caller);
    return *statement.origin;
}

// What members of one tenant do to a row of another: that one learns who, and not from where.
void leave_out_place(Entry& entry) noexcept {
    entry.unit = entry.session = entry.api_key = entry.delegation = {};
    entry.address = entry.agent = {};
}

// An entry of an origin, with what was done.
Entry entry_of(const EntryOrigin& origin, const Entry& done, bool of_all_tenants) {
    Entry out = origin.entry;
    out.kind = done.kind;
    out.relation = done.relation;
    out.op = done.op;
    out.key = done.key;
    out.columns = done.columns;
    out.tenant = done.tenant;
    if (!out.tenant && !of_all_tenants) out.tenant = origin.tenant;
    if (origin.tenant && out.tenant && *out.tenant != *origin.tenant) leave_out_place(out);
    return out;
}

// In the current memory context.
AuditRow row_of(Entry& entry, const OptionalUuid& actor) {
    AuditRow row{};
    row.time = GetCurrentTimestamp();
    fill_place(entry, row.time);
    row.era = entry.era;
    row.xid = entry.xid;
    row.seq = entry.seq;
    row.actor = actor;
    row.tenant.present = entry.tenant.has_value();
    if (entry.tenant) row.tenant.value = server_uuid(*entry.tenant);
    guarded_or_raise([&]() -> Result<void> {
        const Result<std::string> encoded = encode_entry(entry);
        if (!encoded) return encoded.error();
        return store(row.entry, as_bytes(*encoded));
    });
    return row;
}

}  // namespace

int64 era_of(TimeLineID timeline) {
    int64 era = 0;
    guarded_or_raise([&]() -> Result<void> {
        const Result<std::int64_t> made = entry_era(GetSystemIdentifier(), timeline, MyDatabaseId);
        if (!made) return made.error();
        era = *made;
        return {};
    });
    return era;
}

std::string_view entry_text(ServerText text) {
    const Utf8 utf8 = utf8_or_null(text);
    return utf8.is_null() ? std::string_view("?") : utf8.bytes();
}

EntryValue plain_value(ServerText text) {
    const Utf8 utf8 = utf8_or_null(text);
    if (utf8.is_null() && !text.bytes().empty()) return {EntryTag::redacted, {}};
    return {EntryTag::plain, as_bytes(utf8.bytes())};
}

void append_entry(Entry entry, const OptionalUuid& actor) {
    AuditRow row = row_of(entry, actor);
    if (!entry.relation.empty()) row.relation = text_datum(Utf8(entry.relation));
    row.op = text_datum(Utf8(entry.op));
    insert_audit_rows({&row, 1});
}

void write_entry(const Entry& done, bool of_all_tenants) {
    const EntryOrigin origin = make_origin(decide());
    append_entry(entry_of(origin, done, of_all_tenants), origin.actor);
}

std::optional<Uuid> tenant_of_entry(AuditStatement* statement, const Entry& done) {
    if (done.tenant) return done.tenant;
    if (statement != nullptr) return origin_in(*statement).tenant;
    const Decision& decision = decide();
    if (decision.state != ContextState::authenticated) return {};
    return optional_uuid(decision.identity.tenant);
}

void write_entry_of(AuditStatement* statement, const Entry& done) {
    if (statement == nullptr) {
        write_entry(done, false);
        return;
    }
    const EntryOrigin& origin = origin_in(*statement);
    Entry entry = entry_of(origin, done, false);
    const MemoryContext caller = MemoryContextSwitchTo(statement->buffer);
    const AuditRow row = row_of(entry, origin.actor);
    MemoryContextSwitchTo(caller);
    keep_audit_row(*statement, row, entry.relation, entry.op);
}

}  // namespace bastion::pg
