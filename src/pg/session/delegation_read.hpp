// Delegations: subject, actors, tenant and unit, scopes and session, read by index with every hop above and cached
// (backend_cache.hpp). So the revocation of any hop, and a disabled actor, end what was derived from it with the next statement,
// whatever the transaction that revoked could see.
#pragma once

#include "pg/cache/invalidation.hpp"
#include "pg/right/rights.hpp"

namespace bastion::pg {

struct Delegation {
    pg_uuid_t subject;
    ActorChain actors;
    pg_uuid_t tenant;
    OptionalUuid unit;
    OptionalUuid session;
    const char* refusal;     // of a hop or an actor, a static word; or null
    TimestampTz expires_at;  // of the first hop to expire
    std::vector<std::string> scopes;
    mutable std::shared_ptr<const Rights> scoped;  // the rights it was last used with
};

// The delegation, cached or read; null when there is none. Pinned until the next call, or the end of the transaction.
const Delegation* delegation_of(const pg_uuid_t& id);

// Why the identity's delegation is not valid, as a static word for the server log, or null. The identity ends with it at the
// latest.
const char* check_delegation(Identity& identity);

}  // namespace bastion::pg
