// The address of the client: of the connection, or, if bastion.trusted_hops gives the number of trusted hops (a front
// door and proxies) in between, the one that the outermost of them saw (request.headers, X-Forwarded-For).
#pragma once

#include "core/base/ip_address.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

// False when it is not known: on a Unix socket, or if the header has too few places.
bool client_address(IpAddress& out);

}  // namespace bastion::pg
