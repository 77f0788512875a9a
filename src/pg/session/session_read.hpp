// Whether the session that a token names still lasts: one index read, cached per backend in a table of fixed size, dropped
// by the message that any change of the session's row sends (invalidation.hpp). A session that is not there is never
// remembered, because a new row sends nothing.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// Why the identity's session no longer counts, as a static word for the server log, or null. An identity without a session
// has none that could end; another one ends with its session at the latest.
const char* check_session(Identity& identity);

// Counts for tests and cache_stats().
struct SessionStatistics {
    int64 loads, hits, stale;
};
SessionStatistics session_statistics() noexcept;

}  // namespace bastion::pg
