// SQL functions of root keys and data keys, called by SQL functions of the extension, which write the rows.
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/key/key_lock.hpp"
#include "pg/key/root_keys.hpp"

namespace bastion::pg {
namespace {

void append_quoted(StringInfo line, const char* text) {
    for (const char* c = text; *c != '\0'; ++c) {
        if (*c == '\'' || *c == '\\') appendStringInfoChar(line, *c);
        appendStringInfoChar(line, *c);
    }
}

// The line of postgresql.conf that makes this file the root key, before the sources that are configured now: quotes and
// backslashes are doubled there.
const char* configuration_line(const char* path, const char* sources) {
    StringInfoData line;
    initStringInfo(&line);
    appendStringInfoString(&line, "bastion.root_key = 'file:");
    append_quoted(&line, path);
    if (sources != nullptr) {
        appendStringInfoChar(&line, ',');
        append_quoted(&line, sources);
    }
    appendStringInfoChar(&line, '\'');
    return line.data;
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_root_key_create);
Datum bastion_root_key_create(PG_FUNCTION_ARGS) {
    const char* sources = PG_GETARG_BOOL(1) ? GetConfigOption("bastion.root_key", false, false) : nullptr;
    const CreatedRootKey created =
        create_root_key(PG_ARGISNULL(0) ? nullptr : server_text(PG_GETARG_TEXT_PP(0)).c_str());
    StringInfoData json;
    initStringInfo(&json);
    appendStringInfoString(&json, "{\"path\": ");
    escape_json(&json, created.path);
    appendStringInfo(&json, ", \"root_key_id\": \"%s\", \"notice\": ", created.id);
    escape_json(&json, "copy this file now to a safe place: without it nothing sealed in this server can be opened");
    if (!created.is_auto) {
        appendStringInfoString(&json, ", \"configuration\": ");
        escape_json(&json, configuration_line(created.path, sources));
    }
    appendStringInfoChar(&json, '}');
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

PG_FUNCTION_INFO_V1(bastion_root_key_id);
Datum bastion_root_key_id(PG_FUNCTION_ARGS) {
    char id[root_key_id_size];
    configured_root_key(id);
    return text_datum(ServerText(id));
}

PG_FUNCTION_INFO_V1(bastion_data_key_make);
Datum bastion_data_key_make(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3) || PG_ARGISNULL(4)) PG_RETURN_NULL();
    const pg_uuid_t* tenant = PG_ARGISNULL(2) ? nullptr : PG_GETARG_UUID_P(2);
    PG_RETURN_BYTEA_P(make_data_key(*PG_GETARG_UUID_P(0), PG_GETARG_INT32(1), tenant,
                                    server_text(PG_GETARG_TEXT_PP(3)).c_str(), PG_GETARG_INT32(4)));
}

PG_FUNCTION_INFO_V1(bastion_root_key_ids);
Datum bastion_root_key_ids(PG_FUNCTION_ARGS) {
    const RootKeyIds loaded = root_key_ids();
    Datum elements[max_root_keys];
    for (std::size_t i = 0; i < loaded.count; ++i) elements[i] = text_datum(ServerText(loaded.ids[i]));
    PG_RETURN_ARRAYTYPE_P(construct_array(elements, static_cast<int>(loaded.count), TEXTOID, -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(bastion_data_key_rewrap);
Datum bastion_data_key_rewrap(PG_FUNCTION_ARGS) {
    for (const int argument : {0, 1, 3, 4, 5, 6})
        if (PG_ARGISNULL(argument)) PG_RETURN_NULL();
    if (server_text(PG_GETARG_TEXT_PP(6)).bytes().size() != root_key_id_size - 1)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid id of a root key")));
    const pg_uuid_t* tenant = PG_ARGISNULL(2) ? nullptr : PG_GETARG_UUID_P(2);
    PG_RETURN_BYTEA_P(rewrap_data_key(*PG_GETARG_UUID_P(0), PG_GETARG_INT32(1), tenant,
                                      server_text(PG_GETARG_TEXT_PP(3)).c_str(), PG_GETARG_INT32(4),
                                      view(PG_GETARG_BYTEA_PP(5)), server_text(PG_GETARG_TEXT_PP(6)).bytes()));
}

PG_FUNCTION_INFO_V1(bastion_data_keys_lock);
Datum bastion_data_keys_lock(PG_FUNCTION_ARGS) {
    ArrayType* ids = PG_GETARG_ARRAYTYPE_P(0);
    if (array_contains_nulls(ids))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("ids must not be null")));
    lock_data_keys({reinterpret_cast<const int32*>(ARR_DATA_PTR(ids)),
                    static_cast<std::size_t>(ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids)))});
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_sealed_bytes_key);
Datum bastion_sealed_bytes_key(PG_FUNCTION_ARGS) {
    PG_RETURN_INT32(static_cast<int32>(sealing_key_id(view(PG_GETARG_BYTEA_PP(0)))));
}

PG_FUNCTION_INFO_V1(bastion_active_data_key);
Datum bastion_active_data_key(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0)) PG_RETURN_NULL();
    const OptionalUuid tenant = PG_ARGISNULL(1) ? OptionalUuid{} : OptionalUuid{true, *PG_GETARG_UUID_P(1)};
    const std::optional<std::uint32_t> id = find_active_data_key(tenant, server_text(PG_GETARG_TEXT_PP(0)).bytes());
    if (!id) PG_RETURN_NULL();
    PG_RETURN_INT32(static_cast<int32>(*id));
}

PG_FUNCTION_INFO_V1(bastion_data_key_guard);
Datum bastion_data_key_guard(PG_FUNCTION_ARGS) {
    const OptionalUuid tenant = PG_ARGISNULL(0) ? OptionalUuid{} : OptionalUuid{true, *PG_GETARG_UUID_P(0)};
    const NullableDatum reason = find_data_key_guard(tenant, fcinfo->args[1]);
    if (reason.isnull) PG_RETURN_NULL();
    PG_RETURN_DATUM(reason.value);
}

}  // extern "C"

}  // namespace bastion::pg
