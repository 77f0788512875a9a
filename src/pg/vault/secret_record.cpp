#include "pg/vault/secret_record.hpp"

#include "pg/base/guard.hpp"
#include "pg/base/json_members.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/event/event_queue.hpp"
#include "pg/event/server_log.hpp"
#include "pg/session/client_address.hpp"

extern "C" {
#include "catalog/pg_collation.h"
#include "utils/datetime.h"
}

namespace bastion::pg {
namespace {

constexpr const char* setting = "bastion.secret_log";
const config_enum_entry secret_log_modes[] = {{"standard", 0, false}, {"strict", 1, false}, {nullptr, 0, false}};
int secret_log = 0;

const SettingsTable table([] {
    define(EnumSetting{setting,
                       "'strict' opens no secret whose access is not written to bastion.secret_access_log, and waits "
                       "at most 1 s for a worker to write it; 'standard' does not wait, and writes only to the server "
                       "log if it can write no row.",
                       &secret_log, secret_log_modes, PGC_SUSET});
});

bool is_strict() {
    require_valid(setting);
    return secret_log == 1;
}

constexpr char event_kind = 's';
constexpr int longest_text = 200;
constexpr int kept_beginning = 100;

Statement row_statement = {"SELECT bastion_internal.secret_access_write($1::jsonb)", 1, {TEXTOID}, nullptr};
Statement leader_statement = {"SELECT bastion_internal.leader_address()", 0, {}, nullptr};

const char* c_string(Datum text) { return server_text(text).c_str(); }

bool is_printable(std::string_view text) noexcept {
    return text.size() <= longest_text &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

// The beginning of a text, in one line.
Datum one_line(Datum text) {
    if (is_printable(server_text(text).bytes())) return text;
    const auto word = [](const char* ascii) { return text_datum(ServerText(ascii)); };
    const Datum line = DirectFunctionCall4Coll(textregexreplace, DEFAULT_COLLATION_OID, text, word("[[:cntrl:]]"),
                                               word(" "), word("g"));
    return DirectFunctionCall2(text_left, line, Int32GetDatum(longest_text));
}

// The place of a value, and for one that is not shown whole an MD5 that tells it from others.
const char* place_text(Datum bound_to) {
    const Datum line = one_line(bound_to);
    if (server_text(line).bytes() == server_text(bound_to).bytes()) return c_string(line);
    const Datum beginning = DirectFunctionCall2(text_left, line, Int32GetDatum(kept_beginning));
    return psprintf("%s... md5 %s", c_string(beginning), c_string(DirectFunctionCall1(md5_text, bound_to)));
}

void read_address(MemoryContext caller, void* out) {
    const char* address = text_cell(0, 1);
    *static_cast<const char**>(out) = address != nullptr ? MemoryContextStrdup(caller, address) : nullptr;
}

// The address of the connection; parallel workers have that of their leader. Null on a Unix socket.
const char* connection_address() {
    if (IsParallelWorker()) {
        const char* address = nullptr;
        run_reading(leader_statement, nullptr, nullptr, read_address, &address);
        return address;
    }
    LOCAL_FCINFO(call, 0);
    InitFunctionCallInfoData(*call, nullptr, 0, InvalidOid, nullptr, nullptr);
    const Datum address = inet_client_addr(call);
    return call->isnull ? nullptr : c_string(DirectFunctionCall1(network_host, address));
}

const char* text_or_null(const NullableDatum& text) { return text.isnull ? nullptr : c_string(text.value); }

// In the order in which jsonb writes the members: the line and the row have the same.
void describe(StringInfo entry, const Access& access) {
    const Decision& decision = require_context();
    const bool known = decision.state == ContextState::authenticated;
    const Identity& identity = decision.identity;
    const OptionalUuid user{known, identity.user};
    const OptionalUuid session{known && identity.session.present, identity.session.value};
    const OptionalUuid actor = acting_user(decision);
    appendStringInfoChar(entry, '{');
    append_member(entry, "ip", connection_address());
    append_member(entry, "name", text_or_null(access.name));
    append_member(entry, "user", user);
    append_member(entry, "actor", actor);
    append_member(entry, "action", access.action);
    if (access.secret.present) append_member(entry, "secret", access.secret);
    append_member(entry, "tenant", access.tenant);
    append_member(entry, "purpose", access.purpose.isnull ? nullptr : c_string(one_line(access.purpose.value)));
    append_member(entry, "session", session);
    if (access.secret.present) {
        begin_member(entry, "version");
        if (access.version.isnull)
            appendStringInfoString(entry, "null");
        else
            appendStringInfo(entry, "%d", DatumGetInt32(access.version.value));
    } else {
        append_member(entry, "bound_to", access.bound_to.isnull ? nullptr : place_text(access.bound_to.value));
    }
    if (known && identity.delegation.present) append_member(entry, "delegation", identity.delegation);
    append_member(entry, "user_agent", text_or_null(request_user_agent()));
}

void append_actors(StringInfo entry, const ActorChain& actors) {
    begin_member(entry, "actors");
    for (std::size_t i = 0; i < actors.count; ++i) {
        char text[uuid_text_size];
        format_uuid_text(actors.ids[i], text);
        appendStringInfo(entry, i == 0 ? "[\"%s\"" : ", \"%s\"", text);
    }
    appendStringInfoString(entry, actors.count > 0 ? "]" : "[]");
}

// The rest, which the row has and the line has not.
void add_time(StringInfo entry) {
    char time[MAXDATELEN + 1];
    JsonEncodeDateTime(time, TimestampTzGetDatum(GetCurrentTimestamp()), TIMESTAMPTZOID, nullptr);
    append_member(entry, "occurred_at", time);
    append_member(entry, "role", GetUserNameFromId(GetSessionUserId(), true));
    const Decision& decision = require_context();
    if (decision.state == ContextState::authenticated) {
        append_actors(entry, decision.identity.actors);
        append_member(entry, "api_key", decision.identity.api_key);
        append_member(entry, "method", decision.identity.method);
    } else {
        append_member(entry, "application", application_name);
    }
    appendStringInfoChar(entry, '}');
}

// Whether the queue takes care of the row.
bool is_queued(const StringInfoData& entry, bool strict) {
    const std::optional<bool> queued =
        queue_event(event_kind, {entry.data, static_cast<std::size_t>(entry.len)}, strict);
    if (!queued) return false;
    if (strict && !*queued)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg("could not record access to a secret"),
                        errdetail("The queue of events is full, or was not written within 1 s."),
                        errhint("bastion.secret_log is strict: try again later. bastion.status() shows the queue.")));
    return true;
}

}  // namespace

void record_access(const Access& access, bool discloses) {
    const bool strict = is_strict();
    StringInfoData entry;
    initStringInfo(&entry);
    describe(&entry, access);
    log_server_only(psprintf("secret access: %s}", entry.data));
    add_time(&entry);
    if (discloses && is_queued(entry, strict)) return;
    if (XactReadOnly || IsInParallelMode()) {
        if (strict)
            ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION), errmsg("could not record access to a secret"),
                            errhint("bastion.secret_log is strict: open secrets in a transaction that may write, and "
                                    "sealed values in no parallel plan.")));
        return;
    }
    Datum values[1] = {text_datum(ServerText({entry.data, static_cast<std::size_t>(entry.len)}))};
    run_writing(row_statement, values, nullptr, read_nothing, nullptr);
}

}  // namespace bastion::pg
