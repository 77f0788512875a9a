// The settings of mail, which SQL functions read by name.
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

const config_enum_entry verifications[] = {{"off", 0, false}, {"required", 1, false}, {nullptr, 0, false}};

const SettingsTable table([] {
    static bool outbox;
    static int verification;
    define(BoolSetting{"bastion.outbox",
                       "Whether a sender of mail empties bastion.outbox: sign-up, invitations and the like queue mail.",
                       &outbox, PGC_SUSET});
    define(EnumSetting{"bastion.signup_verification",
                       "'required' makes an account only when its owner has shown that mail to the address arrives; "
                       "needs bastion.outbox.",
                       &verification, verifications, PGC_SUSET});
});

}  // namespace
}  // namespace bastion::pg
