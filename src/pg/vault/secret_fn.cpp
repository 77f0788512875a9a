// SQL functions that open secrets, and what those share that change them in SQL: where a secret is, and the record of an access.
#include "pg/base/catalog_read.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/text.hpp"
#include "pg/event/secret_use.hpp"
#include "pg/vault/sealed_use.hpp"
#include "pg/vault/secret_find.hpp"
#include "pg/vault/secret_record.hpp"

namespace bastion::pg {
namespace {

Statement tenant_statement = {"SELECT bastion_internal.require_tenant_or_null($1)", 1, {TEXTOID}, nullptr};

const NullableDatum nothing{Datum{0}, true};

NullableDatum argument_of(FunctionCallInfo fcinfo, int number) { return fcinfo->args[number]; }

bool is_true(const NullableDatum& flag) noexcept { return !flag.isnull && DatumGetBool(flag.value); }

OptionalUuid uuid_of(const NullableDatum& uuid) {
    return uuid.isnull ? OptionalUuid{} : OptionalUuid{true, *DatumGetUUIDP(uuid.value)};
}

// As each statement of a VOLATILE function in SQL does: sees what the running statement has changed, and in READ COMMITTED what others
// have committed. All reads of a call see the same, so that the value is one of the secret that was found and allowed.
void begin_reading() {
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
}

// What the value was stored as decides which functions open it.
enum class Form { text, bytea, jsonb };

bool opens_as(Form form, std::string_view format) noexcept {
    return form == Form::bytea || format == "jsonb" || (form == Form::text && format == "text");
}

struct Version {
    int32 number;
    struct varlena* value;
};

[[noreturn]] void not_now(const char* message, const char* hint = nullptr) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", message),
                    hint != nullptr ? errhint("%s", hint) : 0));
    pg_unreachable();
}

bool is_outdated(const Secret& secret, int32 version, TimestampTz created) {
    if (version >= secret.version || secret.max_version_age.isnull) return false;
    const Datum oldest = DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(GetCurrentTimestamp()),
                                             secret.max_version_age.value);
    return created <= DatumGetTimestampTz(oldest);
}

// The version, NULL the newest, that may be opened now.
Version find_version(const Secret& secret, const NullableDatum& version, Form form) {
    if (!secret.active) not_now("secret is not active");
    if (secret.expires_at != DT_NOEND && secret.expires_at <= GetCurrentTimestamp()) not_now("secret has expired");
    const int32 number = version.isnull ? secret.version : DatumGetInt32(version.value);
    const KeyCondition conditions[] = {{"secret_id", F_UUID_EQ, uuid_datum(secret.id), false},
                                       {"version", F_INT4EQ, Int32GetDatum(number), false}};
    ColumnValue row[] = {{"value", 0, true},
                         {"format", 0, true},
                         {"created_at", 0, true},
                         {"deleted_at", 0, true},
                         {"destroyed_at", 0, true}};
    if (!read_row_under(GetActiveSnapshot(), "secret_versions", "secret_versions_pkey", conditions, row) ||
        is_outdated(secret, number, DatumGetTimestampTz(row[2].value)))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("version of the secret does not exist")));
    if (!row[4].is_null) not_now("version of the secret is destroyed");
    if (!row[3].is_null)
        not_now("version of the secret is deleted",
                "secret_version_undelete() restores it; secret_version_list() shows the others.");
    const char* format = server_text(row[1].value).c_str();
    if (!opens_as(form, format))
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("secret is of type %s", format),
                        std::strcmp(format, "bytea") == 0 ? errhint("Open it with secret_get_bytea().")
                                                          : errhint("Open it with secret_get().")));
    return {number, reinterpret_cast<struct varlena*>(DatumGetPointer(row[0].value))};
}

// The plaintext of a version that was recorded as opened.
struct varlena* open_version(const Secret& secret, const Version& version) {
    char id[uuid_text_size];
    char bound_to[uuid_text_size + 16];
    format_uuid_text(secret.id, id);
    snprintf(bound_to, sizeof bound_to, "%s/%d", id, version.number);
    note_secret_use("open");
    DataKey& key = need_data_key_of(secret.place.tenant, sealing_key_id(view(version.value)));
    require_sealer(key);
    struct varlena* plaintext = opened_by(key, version.value, bound_to);
    if (key.recorded) record_opening(key, {text_datum(ServerText(bound_to)), false}, plaintext);
    return plaintext;
}

Datum jsonb_of_plaintext(struct varlena* plaintext) {
    struct varlena* text = text_of_plaintext(plaintext);
    char* json = server_text(text).c_str();
    const Datum out = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
    wipe(text);
    wipe_memory(json, std::strlen(json));
    return out;
}

Datum open_secret(const Secret& secret, const NullableDatum& number, const NullableDatum& purpose, Form form) {
    const Version version = find_version(secret, number, form);
    PopActiveSnapshot();
    record_access({"get",
                   {true, secret.id},
                   secret.place.tenant,
                   {secret.name, false},
                   {Int32GetDatum(version.number), false},
                   purpose,
                   nothing},
                  true);
    struct varlena* plaintext = open_version(secret, version);
    switch (form) {
        case Form::text: return PointerGetDatum(text_of_plaintext(plaintext));
        case Form::jsonb: return jsonb_of_plaintext(plaintext);
        case Form::bytea: break;
    }
    return PointerGetDatum(plaintext);
}

// Arguments: name, purpose, version, own, unit.
Datum get_by_name(FunctionCallInfo fcinfo, Form form) {
    begin_reading();
    const SecretName name{argument_of(fcinfo, 0), is_true(argument_of(fcinfo, 3)), argument_of(fcinfo, 4)};
    const Secret secret = find_secret(name, SecretUse::open);
    return open_secret(secret, argument_of(fcinfo, 2), argument_of(fcinfo, 1), form);
}

// Arguments: id, purpose, version.
Datum get_by_id(FunctionCallInfo fcinfo, Form form) {
    begin_reading();
    const Secret secret = find_secret(argument_of(fcinfo, 0), SecretUse::open);
    return open_secret(secret, argument_of(fcinfo, 2), argument_of(fcinfo, 1), form);
}

void copy_tenant(MemoryContext, void* out) { *static_cast<OptionalUuid*>(out) = uuid_of(cell(0, 1)); }

// The tenant that an operator names by uuid or slug; NULL is the installation.
OptionalUuid tenant_argument(FunctionCallInfo fcinfo, int number) {
    OptionalUuid out{};
    Datum values[] = {fcinfo->args[number].value};
    const char nulls[] = {PG_ARGISNULL(number) ? 'n' : ' ', '\0'};
    run_reading(tenant_statement, values, nulls, copy_tenant, &out);
    return out;
}

// Arguments from `first` on: name, unit, use.
struct Question {
    NullableDatum name;
    OptionalUuid unit;
    SecretUse use;
};

SecretUse use_argument(FunctionCallInfo fcinfo, int number) {
    return secret_use_of(PG_ARGISNULL(number) ? std::string_view() : server_text(PG_GETARG_TEXT_PP(number)).bytes());
}

Question question(FunctionCallInfo fcinfo) {
    return {argument_of(fcinfo, 0), uuid_of(argument_of(fcinfo, 1)), use_argument(fcinfo, 2)};
}

// Arguments: name, own, unit, use.
SecretName name_arguments(FunctionCallInfo fcinfo) {
    return {argument_of(fcinfo, 0), is_true(argument_of(fcinfo, 1)), argument_of(fcinfo, 2)};
}

// A row of bastion.secrets with what says where it is, and nothing else.
Datum row_of_place(FunctionCallInfo fcinfo, const SecretPlace& place, const NullableDatum& name) {
    TupleDesc row = nullptr;
    if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE)
        ereport(ERROR,
                (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("a row of bastion.secrets is expected as the result")));
    const Oid relation = extension_relation("secrets");
    auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * row->natts));
    auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * row->natts));
    std::fill_n(nulls, row->natts, true);
    const auto set = [&](const char* column, const NullableDatum& value) {
        const int at = get_attnum(relation, column) - 1;
        values[at] = value.value;
        nulls[at] = value.isnull;
    };
    set("tenant_id", {uuid_datum(place.tenant.value), !place.tenant.present});
    set("owner_id", {uuid_datum(place.owner.value), !place.owner.present});
    set("unit_id", {uuid_datum(place.unit.value), !place.unit.present});
    set("name", name);
    return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls));
}

NullableDatum column_of(const NullableDatum& row, const char* column) {
    NullableDatum out = nothing;
    if (!row.isnull) out.value = GetAttributeByName(DatumGetHeapTupleHeader(row.value), column, &out.isnull);
    return out;
}

// The word of bastion.secret_access_log for a change.
const char* change_named(std::string_view word) {
    for (const char* change : {"put", "change", "rename", "delete", "undelete", "destroy"})
        if (word == change) return change;
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown change of a secret")));
    pg_unreachable();
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_secret_get);
Datum bastion_secret_get(PG_FUNCTION_ARGS) { return get_by_name(fcinfo, Form::text); }

PG_FUNCTION_INFO_V1(bastion_secret_get_bytea);
Datum bastion_secret_get_bytea(PG_FUNCTION_ARGS) { return get_by_name(fcinfo, Form::bytea); }

PG_FUNCTION_INFO_V1(bastion_secret_get_jsonb);
Datum bastion_secret_get_jsonb(PG_FUNCTION_ARGS) { return get_by_name(fcinfo, Form::jsonb); }

PG_FUNCTION_INFO_V1(bastion_secret_get_by_id);
Datum bastion_secret_get_by_id(PG_FUNCTION_ARGS) { return get_by_id(fcinfo, Form::text); }

PG_FUNCTION_INFO_V1(bastion_secret_get_bytea_by_id);
Datum bastion_secret_get_bytea_by_id(PG_FUNCTION_ARGS) { return get_by_id(fcinfo, Form::bytea); }

PG_FUNCTION_INFO_V1(bastion_secret_get_jsonb_by_id);
Datum bastion_secret_get_jsonb_by_id(PG_FUNCTION_ARGS) { return get_by_id(fcinfo, Form::jsonb); }

// Arguments: tenant, name, purpose, version.
PG_FUNCTION_INFO_V1(bastion_secret_get_for);
Datum bastion_secret_get_for(PG_FUNCTION_ARGS) {
    begin_reading();
    Secret secret;
    if (!read_secret({tenant_argument(fcinfo, 0), {}, {}}, argument_of(fcinfo, 1), secret))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("secret does not exist")));
    return open_secret(secret, argument_of(fcinfo, 3), argument_of(fcinfo, 2), Form::text);
}

PG_FUNCTION_INFO_V1(bastion_secret_resource);
Datum bastion_secret_resource(PG_FUNCTION_ARGS) {
    return text_datum(ServerText(secret_resource(argument_of(fcinfo, 0))));
}

PG_FUNCTION_INFO_V1(bastion_may_secret);
Datum bastion_may_secret(PG_FUNCTION_ARGS) {
    const Question asked = question(fcinfo);
    PG_RETURN_BOOL(may_use_secret(asked.name, asked.unit, asked.use));
}

PG_FUNCTION_INFO_V1(bastion_secret_require);
Datum bastion_secret_require(PG_FUNCTION_ARGS) {
    const Question asked = question(fcinfo);
    require_secret_permission(asked.name, asked.unit, asked.use);
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_secret_location);
Datum bastion_secret_location(PG_FUNCTION_ARGS) {
    const SecretName name = name_arguments(fcinfo);
    return row_of_place(fcinfo, find_place(name, use_argument(fcinfo, 3)), name.name);
}

PG_FUNCTION_INFO_V1(bastion_secret_find);
Datum bastion_secret_find(PG_FUNCTION_ARGS) { return find_secret(name_arguments(fcinfo), use_argument(fcinfo, 3)).row; }

PG_FUNCTION_INFO_V1(bastion_secret_by_id);
Datum bastion_secret_by_id(PG_FUNCTION_ARGS) {
    return find_secret(argument_of(fcinfo, 0), use_argument(fcinfo, 1)).row;
}

PG_FUNCTION_INFO_V1(bastion_secret_record);
Datum bastion_secret_record(PG_FUNCTION_ARGS) {
    const NullableDatum secret = argument_of(fcinfo, 1);
    const OptionalUuid id = uuid_of(column_of(secret, "id"));
    if (PG_ARGISNULL(0) || !id.present)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("action and secret must not be null")));
    record_access({change_named(server_text(PG_GETARG_DATUM(0)).bytes()), id, uuid_of(column_of(secret, "tenant_id")),
                   column_of(secret, "name"), argument_of(fcinfo, 2), argument_of(fcinfo, 3), nothing},
                  false);
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_opening_record);
Datum bastion_opening_record(PG_FUNCTION_ARGS) {
    record_access({"open",
                   {},
                   uuid_of(argument_of(fcinfo, 0)),
                   argument_of(fcinfo, 3),
                   nothing,
                   argument_of(fcinfo, 1),
                   argument_of(fcinfo, 2)},
                  true);
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
