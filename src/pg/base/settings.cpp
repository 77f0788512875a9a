#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

const SettingsTable* tables = nullptr;

}  // namespace

SettingsTable::SettingsTable(void (*define_them)()) noexcept : define_all(define_them), next(tables) { tables = this; }

void define(const StringSetting& s) {
    DefineCustomStringVariable(s.name, s.description, nullptr, s.variable, s.boot_value, s.context, s.flags, s.check,
                               s.assign, s.show);
}

void define(const BoolSetting& s) {
    DefineCustomBoolVariable(s.name, s.description, nullptr, s.variable, false, s.context, 0, nullptr, nullptr,
                             nullptr);
}

void define(const IntSetting& s) {
    // PostgreSQL defines a setting that needs a restart only while it starts.
    const bool too_late = s.context == PGC_POSTMASTER && !process_shared_preload_libraries_in_progress;
    DefineCustomIntVariable(s.name, s.description, nullptr, s.variable, s.boot_value, s.minimum, s.maximum,
                            too_late ? PGC_SIGHUP : s.context, s.flags, nullptr, nullptr, nullptr);
}

void define(const EnumSetting& s) {
    DefineCustomEnumVariable(s.name, s.description, nullptr, s.variable, s.values[0].val, s.values, s.context, 0,
                             nullptr, nullptr, nullptr);
}

void define_settings() {
    for (const SettingsTable* table = tables; table != nullptr; table = table->next) table->define_all();
    MarkGUCPrefixReserved("bastion");
}

void set_local(const char* name, const char* value) {
    (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

}  // namespace bastion::pg
