// The counters of attempts by the address of the client. An address of IPv6 counts as its /64, and the /48 around it has ten times as
// much; one of IPv4 counts as its /24. A client whose address is not known, on the server itself or in one of
// bastion.throttle_exempt_networks has none: behind a pooler that hides its clients, all of them would be one.
#pragma once

#include "pg/session/client_address.hpp"
#include "pg/throttle/throttle_store.hpp"

namespace bastion::pg {

// The client, as counters need it. Phase A.
struct ThrottledClient {
    bool counts;
    IpAddress address;
    const char* exempt_networks;
};
ThrottledClient throttled_client();

// At most these of one attempt.
struct ThrottleSubjects {
    ThrottleSubject of[4];
    std::size_t count = 0;

    [[nodiscard]] std::span<const ThrottleSubject> all() const noexcept { return {of, count}; }
};

// Phase B: adds a counter.
[[nodiscard]] Result<void> add_subject(ThrottleSubjects& out, ByteSpan secret, ThrottleKind kind,
                                       std::string_view value);
// Phase B: adds the counters of the client: of the kind by its network, and what is counted of both `account` and the client, unless that is
// empty.
[[nodiscard]] Result<void> add_client(ThrottleSubjects& out, ByteSpan secret, const ThrottledClient& client,
                                      ThrottleKind kind, std::string_view account);

}  // namespace bastion::pg
