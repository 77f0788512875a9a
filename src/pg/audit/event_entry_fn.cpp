// Entries about what the extension itself did: event_insert() hands an event over, which may come from the queue of another transaction.
// So everything but the place in the log comes from the event. Also entries about tables under audit, which event triggers write.
#include "pg/audit/audit_write.hpp"
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

bool audit_events = false;

const SettingsTable table([] {
    define(BoolSetting{"bastion.audit_events",
                       "Adds the extension's events to the log of changes even while no table is under audit.",
                       &audit_events, PGC_SUSET});
});

// The arguments of bastion_internal.audit_event(), as SQL declares them.
enum Argument {
    e_wanted,
    e_kind,
    e_outcome,
    e_detail,
    e_occurred_at,
    e_affected,
    e_tenant,
    e_user,
    e_actors,
    e_actor,
    e_unit,
    e_session,
    e_api_key,
    e_delegation,
    e_method,
    e_role,
    e_application,
    e_address,
    e_agent
};

std::optional<Uuid> uuid_at(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number)) return {};
    return core_uuid(*PG_GETARG_UUID_P(number));
}

std::string_view text_at(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? std::string_view() : entry_text(server_text(PG_GETARG_TEXT_PP(number)));
}

EntryValue value_at(FunctionCallInfo fcinfo, int number) {
    return PG_ARGISNULL(number) ? EntryValue{} : plain_value(server_text(PG_GETARG_TEXT_PP(number)));
}

std::span<const Uuid> uuids_at(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number)) return {};
    Datum* items = nullptr;
    bool* nulls = nullptr;
    int count = 0;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &items, &nulls, &count);
    auto* out = static_cast<Uuid*>(palloc(sizeof(Uuid) * static_cast<std::size_t>(count + 1)));
    std::size_t kept = 0;
    for (int i = 0; i < count; ++i)
        if (!nulls[i]) out[kept++] = core_uuid(*DatumGetUUIDP(items[i]));
    return {out, kept};
}

void take_identity(FunctionCallInfo fcinfo, Entry& entry) {
    entry.tenant = uuid_at(fcinfo, e_tenant);
    entry.user = uuid_at(fcinfo, e_user);
    entry.actors = uuids_at(fcinfo, e_actors);
    entry.unit = uuid_at(fcinfo, e_unit);
    entry.session = uuid_at(fcinfo, e_session);
    entry.api_key = uuid_at(fcinfo, e_api_key);
    entry.delegation = uuid_at(fcinfo, e_delegation);
    entry.method = text_at(fcinfo, e_method);
    entry.role = text_at(fcinfo, e_role);
    entry.application = text_at(fcinfo, e_application);
    entry.address = value_at(fcinfo, e_address);
    entry.agent = value_at(fcinfo, e_agent);
}

constexpr std::size_t entry_most_table_columns = 20;

// Names in the argument `number`, values in the one after it.
void append_columns(FunctionCallInfo fcinfo, int number, EntrySide side, EntryColumn* columns, std::size_t& count) {
    if (PG_ARGISNULL(number) || PG_ARGISNULL(number + 1)) return;
    Datum* names = nullptr;
    Datum* values = nullptr;
    bool* nulls = nullptr;
    int named = 0, valued = 0;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), TEXTOID, -1, false, TYPALIGN_INT, &names, nullptr, &named);
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(number + 1), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &valued);
    for (int i = 0; i < std::min(named, valued) && count < entry_most_table_columns; ++i)
        if (!nulls[i])
            columns[count++] = {entry_text(server_text(names[i])), side, plain_value(server_text(values[i]))};
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_audit_event);
Datum bastion_audit_event(PG_FUNCTION_ARGS) {
    if (!audit_events && (PG_ARGISNULL(e_wanted) || !PG_GETARG_BOOL(e_wanted))) PG_RETURN_VOID();
    Entry entry;
    entry.kind = EntryKind::event;
    entry.op = text_at(fcinfo, e_kind);
    EntryKey key[1];
    if (!PG_ARGISNULL(e_affected)) {
        key[0] = {"user", value_at(fcinfo, e_affected)};
        entry.key = key;
    }
    take_identity(fcinfo, entry);
    const EntryColumn columns[] = {{"outcome", EntrySide::new_value, value_at(fcinfo, e_outcome)},
                                   {"details", EntrySide::new_value, value_at(fcinfo, e_detail)},
                                   {"occurred_at", EntrySide::new_value, value_at(fcinfo, e_occurred_at)}};
    entry.columns = columns;
    OptionalUuid actor{};
    if (!PG_ARGISNULL(e_actor)) actor = {true, *PG_GETARG_UUID_P(e_actor)};
    append_entry(entry, actor);
    PG_RETURN_VOID();
}

// Arguments: relation, command, names and former values, names and new values.
PG_FUNCTION_INFO_V1(bastion_audit_table_entry);
Datum bastion_audit_table_entry(PG_FUNCTION_ARGS) {
    Entry entry;
    entry.kind = EntryKind::table;
    entry.relation = text_at(fcinfo, 0);
    entry.op = text_at(fcinfo, 1);
    auto* columns = static_cast<EntryColumn*>(palloc(sizeof(EntryColumn) * entry_most_table_columns));
    std::size_t count = 0;
    append_columns(fcinfo, 2, EntrySide::old_value, columns, count);
    append_columns(fcinfo, 4, EntrySide::new_value, columns, count);
    entry.columns = {columns, count};
    write_entry(entry, true);
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
