// What an API key allows in a time, and at once: a transaction is a request.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// Charges the request that this transaction makes with its API key, and takes its place among those that run. Returns in how many seconds
// it would be allowed, at least 1; 0 when it is.
[[nodiscard]] int api_key_wait(const Identity& identity);

}  // namespace bastion::pg
