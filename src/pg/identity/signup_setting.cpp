// The settings for permitted sign-ups, which SQL functions read by name.
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

const config_enum_entry signup_modes[] = {{"open", 0, false}, {"closed", 1, false}, {nullptr, 0, false}};

const SettingsTable table([] {
    static bool anonymous_signup;
    static int signup_mode;
    define(EnumSetting{"bastion.signup_mode", "'open' lets every client sign up; 'closed' refuses.", &signup_mode,
                       signup_modes, PGC_SUSET});
    define(BoolSetting{"bastion.anonymous_signup",
                       "Whether clients may sign up without an address, a user name or a password.", &anonymous_signup,
                       PGC_SUSET});
});

}  // namespace
}  // namespace bastion::pg
