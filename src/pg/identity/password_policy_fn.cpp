// The policy for new passwords: its settings, and the function that judges a password by them.
#include "core/identity/breach_filter.hpp"
#include "core/identity/password_policy.hpp"

#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/text.hpp"
#include "pg/event/secret_use.hpp"

namespace bastion::pg {
namespace {

int least_length = 0;
int least_with_factor = 0;
int history = 0;  // which check_password() reads
char* blocklist = nullptr;
char* breach_filter = nullptr;

bool is_path_or_empty(char** value, void** /*extra*/, GucSource /*source*/) {
    if (**value == '\0' || **value == '/') return true;
    GUC_check_errdetail("The path must be absolute.");
    return false;
}

const SettingsTable table([] {
    define(IntSetting{
        "bastion.password_min_length",
        "Fewest characters of a new password. NIST SP 800-63B-4 asks for 15 where the password is the only factor.",
        &least_length, 15, 8, 128, PGC_SUSET});
    define(IntSetting{"bastion.password_min_length_with_factor",
                      "Fewest characters of a new password of a user with a second factor, where that is less. NIST SP "
                      "800-63B-4 asks for 8.",
                      &least_with_factor, 8, 8, 128, PGC_SUSET});
    define(IntSetting{
        "bastion.password_history",
        "How many of the user's latest passwords, the current one included, a new one must differ from. Each "
        "costs a slow hash; 0 compares none.",
        &history, 0, 0, 24, PGC_SUSET});
    define(StringSetting{
        .name = "bastion.password_blocklist",
        .description = "Absolute path of a file of passwords that are refused, one in a line; empty for none.",
        .variable = &blocklist,
        .boot_value = "",
        .context = PGC_SUSET,
        .flags = GUC_SUPERUSER_ONLY,
        .check = is_path_or_empty});
    define(StringSetting{
        .name = "bastion.breach_filter",
        .description = "Absolute path of a filter of breached passwords, made by tools/breach-filter; empty for none.",
        .variable = &breach_filter,
        .boot_value = "",
        .context = PGC_SUSET,
        .flags = GUC_SUPERUSER_ONLY,
        .check = is_path_or_empty});
});

// The state of a file that a setting names, as a string of JSON: none, usable, or why it is not.
void append_file(StringInfo json, const char* path, Result<void> (*check)(const std::string& path)) {
    CallFailure failure;
    if (*path == '\0')
        appendStringInfoString(json, "\"none\"");
    else if (guarded(failure, [&] { return check(path); }))
        appendStringInfoString(json, "\"usable\"");
    else
        escape_json(json, failure.message);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_password_flaw);
Datum bastion_password_flaw(PG_FUNCTION_ARGS) {
    note_secret_use("password_flaw");
    for (const char* setting : {"bastion.password_min_length", "bastion.password_min_length_with_factor",
                                "bastion.password_blocklist", "bastion.breach_filter"})
        require_valid(setting);
    const Utf8 password = utf8_argument(fcinfo, 0);
    const Utf8 account = utf8_argument(fcinfo, 1);
    const bool with_factor = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
    const int of_database = with_factor ? std::min(least_length, least_with_factor) : least_length;
    const int least = PG_ARGISNULL(2) ? of_database : std::max(PG_GETARG_INT32(2), of_database);
    PasswordFlaw flaw = PasswordFlaw::unusable;
    guarded_or_raise([&]() -> Result<void> {
        PasswordPolicy policy;
        policy.least_length = static_cast<std::size_t>(least);
        policy.account = account;
        policy.blocklist = blocklist;
        policy.breach_filter = breach_filter;
        const auto found = find_password_flaw(password, policy);
        if (!found) return found.error();
        flaw = *found;
        return {};
    });
    if (flaw == PasswordFlaw::none) PG_RETURN_NULL();
    return text_datum(ServerText(name_of(flaw)));
}

PG_FUNCTION_INFO_V1(bastion_password_files);
Datum bastion_password_files(PG_FUNCTION_ARGS) {
    StringInfoData json;
    initStringInfo(&json);
    appendStringInfoString(&json, "{\"blocklist\": ");
    append_file(&json, blocklist, check_password_blocklist);
    appendStringInfoString(&json, ", \"breach_filter\": ");
    append_file(&json, breach_filter, check_breach_filter);
    appendStringInfoChar(&json, '}');
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

}  // extern "C"

}  // namespace bastion::pg
