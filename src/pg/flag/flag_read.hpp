// The feature flags of a tenant and environment: rows of bastion.flag_versions, parsed and cached (backend_cache.hpp), and the roles
// that a flag may ask for. Not in parallel mode. Called by flag_fn.cpp.
#pragma once

#include "core/flag/flag.hpp"
#include "pg/base/identity.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {

// Phase A: the flag that holds now, null when there is none. Pinned until the next call or the end of the transaction.
const Flag* flag_of(ServerText key, const OptionalUuid& tenant);

// Phase A: the names of the roles that the user has in the tenant, in its unit and of the platform, inherited ones included.
// Pinned alike.
const std::vector<std::string>& roles_of(const pg_uuid_t& user, const pg_uuid_t& tenant, const OptionalUuid& unit);

}  // namespace bastion::pg
