// The setting for the record of access to secrets, which SQL functions read by name.
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

const config_enum_entry secret_log_modes[] = {{"standard", 0, false}, {"strict", 1, false}, {nullptr, 0, false}};

const SettingsTable table([] {
    static int secret_log;
    define(EnumSetting{
        "bastion.secret_log",
        "'strict' opens no secret whose access is not written to bastion.secret_access_log, and waits at most 1 s for "
        "a worker to write it; 'standard' does not wait, and writes only to the server log if it can write no row.",
        &secret_log, secret_log_modes, PGC_SUSET});
});

}  // namespace
}  // namespace bastion::pg
