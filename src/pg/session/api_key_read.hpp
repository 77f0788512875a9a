// API keys: owner, tenant and unit, scopes, networks and the hashes of their secrets, read by index from two tables and
// cached (backend_cache.hpp).
#pragma once

#include "core/base/ip_address.hpp"
#include "core/session/api_key.hpp"
#include "core/throttle/rate.hpp"
#include "pg/cache/invalidation.hpp"
#include "pg/right/rights.hpp"

namespace bastion::pg {

struct ApiKeySecret {
    pg_uuid_t id;
    int32 pepper;
    int32 scheme;            // of another system; 0 for the extension's own
    TimestampTz expires_at;  // DT_NOEND for never
    ApiKeyMac mac;
};

struct ApiKey {
    pg_uuid_t id;
    pg_uuid_t user;
    pg_uuid_t tenant;
    OptionalUuid unit;
    bool usable;             // neither disabled nor revoked
    TimestampTz expires_at;  // DT_NOEND for never
    std::vector<std::string> scopes;
    std::vector<IpNetwork> networks;  // empty: from anywhere
    std::vector<ApiKeySecret> secrets;
    std::optional<RateRule> rate;                  // how often it may be used
    int concurrent;                                // by how many transactions at once; 0 for any number
    mutable TimestampTz last_used_at;              // as far as this backend knows
    mutable std::shared_ptr<const Rights> scoped;  // the rights it was last used with
};

// The cached key, and the key as the tables have it now; null when there is none. Pinned until the next call of either, or
// the end of the transaction.
const ApiKey* find_api_key(const pg_uuid_t& id) noexcept;
const ApiKey* load_api_key(const pg_uuid_t& id);

}  // namespace bastion::pg
