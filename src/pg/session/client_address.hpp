// The client of the session. Its address: of the connection, or, if bastion.trusted_hops gives the number of trusted hops (a front
// door and proxies) in between, the one that the outermost of them saw (request.headers, X-Forwarded-For).
#pragma once

#include "core/base/ip_address.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

// False when it is not known: on a Unix socket, or if the header has too few places.
bool client_address(IpAddress& out);

// Whether bastion.trusted_hops names proxies, whose headers then count.
bool is_behind_proxy();

// The user agent of the HTTP request, at most 500 characters, as text; null when no front door names one. Raises nothing because of
// the client's input.
NullableDatum request_user_agent();

}  // namespace bastion::pg
