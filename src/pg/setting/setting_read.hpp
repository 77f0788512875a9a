// Settings of tenants and of the installation (bastion.settings): which one counts for the caller, and its value, cached by key, tenant
// and environment (backend_cache.hpp). That there is none is cached too: every new row sends a message.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// Values of the server's types are kept as their bytes.
struct SettingValue {
    enum class Kind { none, sealed, null, text, number, boolean, container };

    Kind kind = Kind::none;
    bool boolean = false;
    bool is_integer = false;  // within int64
    int64 integer = 0;
    std::string text;     // in the encoding of the database
    std::string numeric;  // a value of that type
    std::string json;     // a value of type jsonb
};

// Installs the callbacks that end what a statement has read. Called once, from _PG_init.
void watch_setting_reads();

// Phase A: the value for the user of the transaction in bastion.environment, one until the top-level statement ends. Raises 28000 for a
// refused token. Valid until the next call.
const SettingValue& setting_of(std::string_view key);

}  // namespace bastion::pg
