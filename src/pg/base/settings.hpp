// How a feature defines its settings: a table beside the code that reads them, which registers itself when the library is
// loaded. The values live as long as the backend.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

struct StringSetting {
    const char* name;
    const char* description;
    char** variable;
    const char* boot_value;
    GucContext context;
    int flags = 0;
    GucStringCheckHook check = nullptr;
    GucStringAssignHook assign = nullptr;
    GucShowHook show = nullptr;
};

// false unless set or `boot_value`.
struct BoolSetting {
    const char* name;
    const char* description;
    bool* variable;
    GucContext context;
    bool boot_value = false;
    GucBoolAssignHook assign = nullptr;
};

struct IntSetting {
    const char* name;
    const char* description;
    int* variable;
    int boot_value, minimum, maximum;
    GucContext context;
    int flags = 0;
};

// The first value unless set.
struct EnumSetting {
    const char* name;
    const char* description;
    int* variable;
    const config_enum_entry* values;
    GucContext context;
};

void define(const StringSetting& setting);
void define(const BoolSetting& setting);
void define(const IntSetting& setting);
void define(const EnumSetting& setting);

// A constant of the file that reads the settings which `define_all` defines.
class SettingsTable {
public:
    explicit SettingsTable(void (*define_all)()) noexcept;
    SettingsTable(const SettingsTable&) = delete;
    SettingsTable& operator=(const SettingsTable&) = delete;

    void (*const define_all)();
    const SettingsTable* const next;
};

// For a setting that holds an identity or a token: SHOW ALL and pg_settings hide it, and no file sets it.
inline constexpr int hidden_setting = GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE;

// Defines every setting and reserves the prefix `bastion`. Called once, from _PG_init.
void define_settings();

// The settings whose value of before the library was loaded is invalid, or was not the client's to set: PostgreSQL left them
// at their default. A client that brought such a value along loses its connection; a value that is stored with a database
// or role, or in a file, can only be an operator's mistake.
inline constexpr int max_settings = 64;
int rejected_settings(const char* (&names)[max_settings]) noexcept;

bool is_rejected(const char* name) noexcept;

// Raises SQLSTATE F0000 for a setting whose stored value is invalid, so that its default never stands for a stricter value.
void require_valid(const char* name);

// Sets a setting for the rest of the transaction (GUC_ACTION_LOCAL). Must not be called in parallel mode.
void set_local(const char* name, const char* value);

}  // namespace bastion::pg
