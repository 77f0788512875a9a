// Settings of sessions, which SQL functions read by name.
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

const SettingsTable table([] {
    static int access_token_lifetime, session_lifetime, session_idle_limit, refresh_reuse_window;
    define(IntSetting{"bastion.access_token_lifetime", "Lifetime of the access tokens that login signs.",
                      &access_token_lifetime, 1800, 10, 86400 * 30, PGC_SUSET, GUC_UNIT_S});
    define(IntSetting{"bastion.session_lifetime", "Maximum lifetime of a session, independent of refreshes.",
                      &session_lifetime, 86400 * 30, 10, 86400 * 366, PGC_SUSET, GUC_UNIT_S});
    define(IntSetting{"bastion.session_idle_limit", "Maximum time of a session without a refresh.", &session_idle_limit,
                      86400 * 7, 10, 86400 * 366, PGC_SUSET, GUC_UNIT_S});
    define(IntSetting{
        "bastion.refresh_reuse_window",
        "How long a used refresh token is answered again, with the same tokens. Later its use ends the session.",
        &refresh_reuse_window, 10, 0, 300, PGC_SUSET, GUC_UNIT_S});
});

}  // namespace
}  // namespace bastion::pg
