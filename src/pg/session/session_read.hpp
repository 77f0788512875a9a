// Whether the session that a token names is still valid: one index read, cached (backend_cache.hpp). A session that does
// not exist is not cached, because a new row sends no message.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// Why the identity's session is no longer valid, as a static word for the server log, or null. An identity without a
// session always gets null; any other ends with its session at the latest.
const char* check_session(Identity& identity);

}  // namespace bastion::pg
