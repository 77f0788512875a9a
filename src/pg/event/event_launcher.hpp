// The launcher of the workers that write events: it serves the server, connected to no database. Its entry point is exported
// for PostgreSQL to find by name.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// From _PG_init, while libraries are preloaded.
void register_event_launcher();

}  // namespace bastion::pg
