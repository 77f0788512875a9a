// The processes behind the queue of events. One launcher serves the server, connected to no database; for each database
// that has events it starts a worker (event_worker.cpp), which writes them and ends soon after the last. Their entry points
// are exported for PostgreSQL to find by name.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// Requests a worker, which notifies this process when it starts and ends; null when max_worker_processes are running.
BackgroundWorkerHandle* start_event_worker(int lane);

}  // namespace bastion::pg
