// bastion.grants, the second gated setting: carries the decision of the leader (state, identity, claims, permissions) to
// its parallel workers, which read it and no table. Published by the ExecutorRun hook before parallel mode begins.
#pragma once

#include "pg/context/context.hpp"

namespace bastion::pg {

// Makes the decision of the current statement known to the workers that it will start; `sets_wanted` when the plan
// checks by ACL or tenant, which needs more reads.
void publish_grants(bool sets_wanted);

}  // namespace bastion::pg
