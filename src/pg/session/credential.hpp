// The revocable basis of an identity: the session of a login, an API key with its networks, or a delegation. Checked whenever a decision
// is made, and before an identity is established.
#pragma once

#include "pg/base/identity.hpp"
#include "pg/right/rights.hpp"

namespace bastion::pg {

// Why it is no longer valid, as a static word for the server log, or null; the identity ends with it at the latest. `kid`
// is the id of the API key's secret, or null or empty when that is not known.
const char* check_credential(Identity& identity, const char* kid);

// The rights of the identity in the requested tenant and unit, else in its own, narrowed to the scopes, tenant and unit of
// its API key or delegation, if it has one. Unless they are refused, the identity then has that tenant and unit.
const Rights* rights_of_identity(Identity& identity, const char* tenant, const char* unit);

}  // namespace bastion::pg
