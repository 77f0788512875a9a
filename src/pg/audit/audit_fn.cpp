// Entries for SQL: actions of the application, and what an entry says as jsonb.
#include "pg/audit/audit_write.hpp"
#include "pg/audit/entry_open.hpp"

namespace bastion::pg {

extern "C" {

// Arguments: action, type and id of the resource, success, details. SQL has checked them.
PG_FUNCTION_INFO_V1(bastion_audit_action);
Datum bastion_audit_action(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(3))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("action and success must not be null")));
    PreventCommandIfReadOnly("audit_log()");
    EntryColumn columns[2];
    std::size_t count = 0;
    columns[count++] = {"success", EntrySide::new_value, plain_value(ServerText(PG_GETARG_BOOL(3) ? "true" : "false"))};
    if (!PG_ARGISNULL(4))
        columns[count++] = {
            "details", EntrySide::new_value, {EntryTag::plain, as_bytes(jsonb_text(PG_GETARG_JSONB_P(4)).bytes())}};
    Entry entry;
    entry.kind = EntryKind::action;
    entry.op = entry_text(server_text(PG_GETARG_TEXT_PP(0)));
    if (!PG_ARGISNULL(1)) entry.relation = entry_text(server_text(PG_GETARG_TEXT_PP(1)));
    EntryKey key[1];
    if (!PG_ARGISNULL(2)) {
        key[0] = {"id", plain_value(server_text(PG_GETARG_TEXT_PP(2)))};
        entry.key = key;
    }
    entry.columns = {columns, count};
    write_entry(entry, false);
    PG_RETURN_VOID();
}

// NULL for what is no entry: one damaged row must not hide the others. It opens sealed values for who may read the entry.
PG_FUNCTION_INFO_V1(bastion_audit_entry);
Datum bastion_audit_entry(PG_FUNCTION_ARGS) {
    const ByteSpan bytes = view(PG_GETARG_BYTEA_PP(0));
    const Utf8 json = readable_entry(bytes);
    if (json.is_null()) PG_RETURN_NULL();
    return jsonb_datum(json);
}

}  // extern "C"

}  // namespace bastion::pg
