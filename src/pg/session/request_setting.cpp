#include "pg/session/request_setting.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/settings.hpp"
#include "pg/session/token_setting.hpp"

namespace bastion::pg {
namespace {

constexpr const char* names[] = {request_headers, request_cookies, request_path, request_method};

// Only what the current transaction has set has a stack.
bool counts(const char* name) {
    const config_generic* setting = compat::find_setting(name);
    return setting != nullptr && (setting->stack != nullptr || session_token_counts());
}

const char* value_of(const char* name) {
    const char* value = GetConfigOption(name, true, false);
    return value != nullptr ? value : "";
}

}  // namespace

const char* request_setting(const char* name) {
    const char* value = value_of(name);
    return *value != '\0' && counts(name) ? value : "";
}

void drop_left_requests() {
    for (const char* name : names)
        if (*value_of(name) != '\0' && !counts(name)) set_local(name, "");
}

}  // namespace bastion::pg
