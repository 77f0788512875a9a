#include "pg/base/settings.hpp"

#include "pg/base/compat.hpp"

namespace bastion::pg {
namespace {

const SettingsTable* tables = nullptr;

// Settings that had a value before the library was loaded, which PostgreSQL did not accept.
const char* refused[max_settings];
int refused_count = 0;

GucSource stored_source(const char* name) {
    const config_generic* setting = compat::find_setting(name);
    return setting != nullptr ? setting->reset_source : PGC_S_DEFAULT;
}

// Defines a setting with flags, and notes that PostgreSQL did not accept the value that was stored for it. To take such a
// value over is no change of a setting, so that a library which is loaded in parallel mode may do it.
template <class DefineVariable>
void define_over(const char* name, int flags, DefineVariable&& define_variable) {
    const GucSource stored = stored_source(name);
    const bool in_parallel = IsInParallelMode();
    define_variable(in_parallel ? flags | compat::allow_in_parallel : flags);
    if (in_parallel) compat::find_setting(name)->flags &= ~compat::allow_in_parallel;
    if (stored == PGC_S_DEFAULT || stored_source(name) != PGC_S_DEFAULT) return;
    if (stored == PGC_S_CLIENT)
        ereport(FATAL,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied to set parameter \"%s\"", name),
                 errdetail("The client set it when it connected.")));
    Assert(refused_count < max_settings);
    refused[refused_count++] = name;
}

}  // namespace

SettingsTable::SettingsTable(void (*define_them)()) noexcept : define_all(define_them), next(tables) { tables = this; }

void define(const StringSetting& s) {
    define_over(s.name, s.flags, [&](int flags) {
        DefineCustomStringVariable(s.name, s.description, nullptr, s.variable, s.boot_value, s.context, flags, s.check,
                                   s.assign, s.show);
    });
}

void define(const BoolSetting& s) {
    define_over(s.name, 0, [&](int flags) {
        DefineCustomBoolVariable(s.name, s.description, nullptr, s.variable, s.boot_value, s.context, flags, nullptr,
                                 s.assign, nullptr);
    });
}

void define(const IntSetting& s) {
    // PostgreSQL defines a setting that needs a restart only while it starts.
    const bool too_late = s.context == PGC_POSTMASTER && !process_shared_preload_libraries_in_progress;
    define_over(s.name, s.flags, [&](int flags) {
        DefineCustomIntVariable(s.name, s.description, nullptr, s.variable, s.boot_value, s.minimum, s.maximum,
                                too_late ? PGC_SIGHUP : s.context, flags, nullptr, nullptr, nullptr);
    });
}

void define(const EnumSetting& s) {
    define_over(s.name, 0, [&](int flags) {
        DefineCustomEnumVariable(s.name, s.description, nullptr, s.variable, s.values[0].val, s.values, s.context,
                                 flags, nullptr, nullptr, nullptr);
    });
}

void define_settings() {
    for (const SettingsTable* table = tables; table != nullptr; table = table->next) table->define_all();
    MarkGUCPrefixReserved("bastion");
}

namespace {

// A reload may have brought a valid value since.
bool is_still_refused(const char* name) noexcept { return stored_source(name) == PGC_S_DEFAULT; }

}  // namespace

int rejected_settings(const char* (&names)[max_settings]) noexcept {
    return static_cast<int>(std::copy_if(refused, refused + refused_count, names, is_still_refused) - names);
}

bool is_rejected(const char* name) noexcept {
    return std::any_of(refused, refused + refused_count,
                       [&](const char* one) { return std::strcmp(one, name) == 0 && is_still_refused(one); });
}

void require_valid(const char* name) {
    if (is_rejected(name))
        ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("stored value of parameter \"%s\" is invalid", name),
                        errhint("Correct it where it is stored: in postgresql.conf, or with ALTER DATABASE or ALTER "
                                "ROLE.")));
}

void set_local(const char* name, const char* value) {
    (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

}  // namespace bastion::pg
