// The message for a change of data keys, peppers, signing keys or issuers: these change rarely, so one drops all that is cached
// of them.
#pragma once

#include "pg/cache/invalidation.hpp"

namespace bastion::pg {

inline Oid keys_invalidation() noexcept { return invalidation_of("keys"); }

}  // namespace bastion::pg
