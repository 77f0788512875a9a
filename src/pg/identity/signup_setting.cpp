// The setting for permitted sign-ups, which a SQL function reads by name.
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

const config_enum_entry signup_modes[] = {{"open", 0, false}, {"closed", 1, false}, {nullptr, 0, false}};

const SettingsTable table([] {
    static int signup_mode;
    define(EnumSetting{"bastion.signup_mode", "'open' lets every client sign up; 'closed' refuses.", &signup_mode,
                       signup_modes, PGC_SUSET});
});

}  // namespace
}  // namespace bastion::pg
