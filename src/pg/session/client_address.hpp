// The address of the client: of the connection, or, where bastion.trusted_hops says that a front door and so many proxies
// stand in between, the one that the outermost of them saw (request.headers, X-Forwarded-For).
#pragma once

#include "core/base/ip_address.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

// False when it is not known: on a Unix socket, or where the header does not reach so far.
bool client_address(IpAddress& out);

}  // namespace bastion::pg
