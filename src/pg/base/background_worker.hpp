// The background workers of the extension, which PostgreSQL starts in processes of their own.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// A worker with access to a database, of this name, that begins in this function of the library and is not started again. The
// caller adds what else it needs, and registers the worker.
BackgroundWorker named_worker(const char* name, const char* function, BgWorkerStartTime start);

// In a worker that is connected to a database, before its first transaction: overrides the settings of the database that would
// keep it from writing.
void pin_worker_settings();

}  // namespace bastion::pg
