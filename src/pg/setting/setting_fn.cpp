// SQL functions that read a setting: setting_text(), setting_integer(), setting_numeric(), setting_boolean(), setting_json().
#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/text.hpp"
#include "pg/setting/setting_read.hpp"

namespace bastion::pg {
namespace {

const SettingsTable table([] {
    // SQL functions read it by name.
    static int per_tenant;
    define(IntSetting{"bastion.settings_per_tenant", "Most settings that a tenant may have, those of all environments.",
                      &per_tenant, 10'000, 1, 1'000'000, PGC_SUSET});
});

using Kind = SettingValue::Kind;

// The value, or null where there is none: then `out` is the answer of the function.
const SettingValue* find_value(FunctionCallInfo fcinfo, Datum& out) {
    const SettingValue* value = nullptr;
    if (!PG_ARGISNULL(0)) value = &setting_of(server_text(PG_GETARG_DATUM(0)).bytes());
    if (value == nullptr || value->kind == Kind::none) {
        fcinfo->isnull = PG_ARGISNULL(1);
        out = fcinfo->args[1].value;
        return nullptr;
    }
    if (value->kind == Kind::sealed)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("setting is sensitive"),
                        errhint("bastion.setting_open() opens it.")));
    if (value->kind == Kind::null) {
        fcinfo->isnull = true;
        out = Datum{0};
        return nullptr;
    }
    return value;
}

[[noreturn]] void wrong_type(const char* wanted) {
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("setting is not of type %s", wanted)));
    pg_unreachable();
}

Datum copied(const std::string& value) {
    auto* copy = static_cast<char*>(palloc(value.size()));
    std::memcpy(copy, value.data(), value.size());
    return PointerGetDatum(copy);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_setting_text);
Datum bastion_setting_text(PG_FUNCTION_ARGS) {
    Datum out;
    const SettingValue* value = find_value(fcinfo, out);
    return value == nullptr ? out : text_datum(ServerText(value->text));
}

PG_FUNCTION_INFO_V1(bastion_setting_integer);
Datum bastion_setting_integer(PG_FUNCTION_ARGS) {
    Datum out;
    const SettingValue* value = find_value(fcinfo, out);
    if (value == nullptr) return out;
    if (!value->is_integer) wrong_type("integer");
    PG_RETURN_INT64(value->integer);
}

PG_FUNCTION_INFO_V1(bastion_setting_numeric);
Datum bastion_setting_numeric(PG_FUNCTION_ARGS) {
    Datum out;
    const SettingValue* value = find_value(fcinfo, out);
    if (value == nullptr) return out;
    if (value->kind != Kind::number) wrong_type("numeric");
    return copied(value->numeric);
}

PG_FUNCTION_INFO_V1(bastion_setting_boolean);
Datum bastion_setting_boolean(PG_FUNCTION_ARGS) {
    Datum out;
    const SettingValue* value = find_value(fcinfo, out);
    if (value == nullptr) return out;
    if (value->kind != Kind::boolean) wrong_type("boolean");
    PG_RETURN_BOOL(value->boolean);
}

PG_FUNCTION_INFO_V1(bastion_setting_json);
Datum bastion_setting_json(PG_FUNCTION_ARGS) {
    Datum out;
    const SettingValue* value = find_value(fcinfo, out);
    return value == nullptr ? out : copied(value->json);
}

}  // extern "C"

}  // namespace bastion::pg
