// The workers that seal the audit log: the event launcher starts one for a database that is due, one at a time. It seals and ends.
// The entry point is exported for PostgreSQL to find by name.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// For the launcher, which is connected to no database: starts the worker that is due. The time until the next one is due, in
// milliseconds; -1 when none is, or one runs, whose end wakes the launcher.
long start_sealer();

}  // namespace bastion::pg
