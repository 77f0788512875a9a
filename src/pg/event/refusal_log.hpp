// Lines of the server log about refused clients, at most a few a minute for each address: in shared memory when the library is
// preloaded, else for each backend.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// From _PG_init: requests the memory while the postmaster preloads libraries.
void prepare_refusal_log();

}  // namespace bastion::pg
