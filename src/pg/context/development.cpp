#include "pg/context/development.hpp"

#include "pg/base/decision_flag.hpp"
#include "pg/base/settings.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace bastion::pg {
namespace {

char* setting = nullptr;

// The id of a user, and after a space a tenant.
bool parse(const char* value, pg_uuid_t& user, const char*& tenant) noexcept {
    const std::string_view text = value;
    const std::size_t end = text.find(' ');
    tenant = end == std::string_view::npos ? nullptr : value + end + 1;
    return parse_uuid_text(text.substr(0, end), user) && (tenant == nullptr || *tenant != '\0');
}

bool check(char** value, void**, GucSource) {
    pg_uuid_t user;
    const char* tenant = nullptr;
    if (**value == '\0' || parse(*value, user, tenant)) return true;
    GUC_check_errdetail("The value is the id of a user, and after a space the id or slug of a tenant.");
    return false;
}

void assign(const char*, void*) { present_another(); }

const SettingsTable table([] {
    define(StringSetting{.name = "bastion.development_user",
                         .description = "The id of the user for whom transactions work that present no token, and "
                                        "after a space the tenant; empty for none. For servers for development alone.",
                         .variable = &setting,
                         .boot_value = "",
                         .context = PGC_SIGHUP,
                         .check = check,
                         .assign = assign});
});

}  // namespace

std::optional<DevelopmentUser> development_user() noexcept {
    DevelopmentUser out{};
    if (MyBackendType != B_BACKEND || setting == nullptr || !parse(setting, out.identity.user, out.tenant)) return {};
    strlcpy(out.identity.method, "development", sizeof out.identity.method);
    strlcpy(out.identity.level, "aal1", sizeof out.identity.level);
    out.identity.expires_at = DT_NOEND;
    return out;
}

}  // namespace bastion::pg
