// bastion.development_user: the user of what presents nothing, on a server for development. Set in the configuration of the server alone,
// so that no dump carries it to another one.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// That user, and the tenant (uuid or slug) where nothing else is presented, or null.
struct DevelopmentUser {
    Identity identity;
    const char* tenant;
};

// None without the setting, and in processes that serve no client.
std::optional<DevelopmentUser> development_user() noexcept;

}  // namespace bastion::pg
