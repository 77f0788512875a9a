// What stands behind an identity and can be taken back: the session of a login, or an API key with its list of networks.
// Checked whenever a decision is made, and before an identity is established.
#pragma once

#include "pg/base/identity.hpp"
#include "pg/right/rights.hpp"

namespace bastion::pg {

// Why it no longer counts, as a static word for the server log, or null; the identity ends with it at the latest. `kid` is
// the id of the API key's secret, or null or empty when that is not known.
const char* check_credential(Identity& identity, const char* kid);

// The rights of the last rights_of(), narrowed to the scopes and the place of the identity's API key, if it has one.
const Rights* narrow_to_credential(const Rights* rights, const Identity& identity);

}  // namespace bastion::pg
