// What a rate limit counts for the caller of a transaction, for the SQL functions and for the requests of front doors. Lives as long as
// one call.
#pragma once

#include "pg/base/statistics.hpp"
#include "pg/rate_limit/rate_rule.hpp"
#include "pg/throttle/rate_store.hpp"

namespace bastion::pg {

// What a call counts.
struct Counted {
    const RateLimit* limit;
    bool has_subject;  // else the limit does not concern the caller, or has no one to count
    bool concerns;
    RateTable table;
    // Of fixed size, without gaps.
    struct Value {
        Oid database;
        RateScope scope;
        uint64 name;
        uint64 key;
        uint8 subject[16];
    } value;
};
static_assert(sizeof(Counted::Value) == 40);

ByteSpan bytes_of(const Counted::Value& value) noexcept;

// The same in every backend: rate_hash() depends on the memory, which may be of the connection alone.
uint64 common_hash(ByteSpan bytes);

// The limit of that name, and the hash of what else tells apart what is counted. Raises 42704 for an unknown name, 28000 when a token
// was presented and refused.
Counted counted(std::string_view name, uint64 key);

// Counts what was decided, and returns it.
bool counted_verdict(const Counted& what, Counter granted, Counter refused, bool allowed) noexcept;

// When a request of a front door is charged to a limit: one by address or route before the credential is verified, another for the caller
// whom the request has then. Which of both says the row of every plan, without which a limit waits for the caller.
enum class RequestMoment { arrives, has_identity };

// Charges a request to the limit of that name, and takes a place in it, if it counts at that moment and concerns the caller. In how many
// seconds the request would be allowed, at least 1; 0 when it is.
[[nodiscard]] int request_wait(std::string_view name, RequestMoment moment);

// The same for a request with this identity that is refused all the same: to limits by user and API key, and without a place.
[[nodiscard]] int refused_request_wait(std::string_view name, const Identity& identity);

}  // namespace bastion::pg
