#include "pg/base/background_worker.hpp"

namespace bastion::pg {

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
