#include "pg/base/background_worker.hpp"

namespace bastion::pg {
namespace {

struct PinnedSetting {
    const char* name;
    const char* value;
};

// A worker that waits for a lock ends before PostgreSQL, which waits 5 s for connections to end, refuses DROP DATABASE. A commit is
// flushed here, and does not wait for standbys: a shutdown would wait too.
constexpr PinnedSetting pinned_settings[] = {{"lock_timeout", "1s"},
                                             {"default_transaction_read_only", "off"},
                                             {"default_transaction_isolation", "read committed"},
                                             {"session_replication_role", "origin"},
                                             {"synchronous_commit", "local"}};

}  // namespace

void pin_worker_settings() {
    for (const auto& [name, value] : pinned_settings) SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

BackgroundWorker named_worker(const char* name, const char* function, BgWorkerStartTime start) {
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = start;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    strlcpy(worker.bgw_name, name, sizeof worker.bgw_name);
    strlcpy(worker.bgw_type, name, sizeof worker.bgw_type);
    strlcpy(worker.bgw_library_name, "pg_bastion", sizeof worker.bgw_library_name);
    strlcpy(worker.bgw_function_name, function, sizeof worker.bgw_function_name);
    return worker;
}

}  // namespace bastion::pg
