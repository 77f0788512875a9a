#include "pg/event/event_launcher.hpp"

#include "pg/base/background_worker.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/event/event_queue.hpp"
#include "pg/event/event_worker.hpp"
#include "pg/event/seal_schedule.hpp"
#include "pg/event/seal_worker.hpp"

namespace bastion::pg {
namespace {

constexpr int restart_seconds = 2;
// Workers drain the queue when the server stops; the launcher stays until then to report events that they
// could not write.
constexpr long last_look_ms = 4000;

// The workers that this launcher requested, by lane, until they have ended.
BackgroundWorkerHandle* handles[event_lane_count];

void end_launcher(int, Datum) { end_event_launcher(); }

void forget_ended_workers() {
    for (int lane = 0; lane < event_lane_count; ++lane) {
        pid_t pid = 0;
        if (handles[lane] == nullptr || GetBackgroundWorkerPid(handles[lane], &pid) != BGWH_STOPPED) continue;
        pfree(handles[lane]);
        handles[lane] = nullptr;
        if (view_lane(lane).wants == LaneWants::started) set_lane_failed(lane);
    }
}

bool does_database_exist(Oid database) {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    const bool exists = database_exists(database);
    CommitTransactionCommand();
    return exists;
}

void start_worker(int lane, Oid database) {
    set_lane_starting(lane);
    MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);
    handles[lane] = start_event_worker(lane);
    MemoryContextSwitchTo(previous);
    if (handles[lane] != nullptr) return;
    set_lane_failed(lane);
    ereport(LOG, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                  errmsg("could not start the event worker of the database with OID %u", database),
                  errhint("Consider increasing max_worker_processes.")));
}

// The time until a lane needs a worker again, in milliseconds; -1 when none does.
long start_workers() {
    long next = -1;
    for (int lane = 0; lane < event_lane_count; ++lane) {
        const LaneView view = view_lane(lane);
        if (handles[lane] != nullptr) continue;
        if (view.wants == LaneWants::later) {
            const long wait = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), view.retry_at) + 1;
            next = next < 0 ? wait : std::min(next, wait);
        } else if (view.wants == LaneWants::worker && !does_database_exist(view.database)) {
            discard_events(lane);
        } else if (view.wants == LaneWants::worker) {
            start_worker(lane, view.database);
            if (handles[lane] == nullptr) next = 0;
        }
    }
    return next;
}

void sleep_until_woken(long milliseconds) {
    const int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (milliseconds >= 0 ? WL_TIMEOUT : 0);
    (void)WaitLatch(MyLatch, events, milliseconds, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
}

// -1 is never.
long sooner(long one, long other) { return one < 0 || other < 0 ? std::max(one, other) : std::min(one, other); }

void serve() {
    while (!ShutdownRequestPending) {
        if (ConfigReloadPending) {
            ConfigReloadPending = false;
            ProcessConfigFile(PGC_SIGHUP);
        }
        forget_ended_workers();
        sleep_until_woken(sooner(start_workers(), start_sealer()));
    }
}

void report_what_is_left() {
    const TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), last_look_ms);
    while (event_queue_statistics().busy > 0 && GetCurrentTimestamp() < until) sleep_until_woken(20);
    const uint64 left = event_queue_statistics().queued;
    if (left > 0)
        ereport(LOG,
                (errmsg("events of pg_bastion that have not been written: %llu", static_cast<unsigned long long>(left)),
                 errdetail("They are lost if the server stops.")));
}

}  // namespace

void register_event_launcher() {
    BackgroundWorker launcher =
        named_worker("pg_bastion event launcher", "bastion_event_launcher_main", BgWorkerStart_RecoveryFinished);
    launcher.bgw_restart_time = restart_seconds;
    RegisterBackgroundWorker(&launcher);
}

extern "C" {

PGDLLEXPORT void bastion_event_launcher_main(Datum);
void bastion_event_launcher_main(Datum) {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
    BackgroundWorkerUnblockSignals();
    before_shmem_exit(end_launcher, Datum{0});
    begin_event_launcher();
    begin_seal_launcher();
    // Shared catalogs alone, to check whether a database still exists.
    BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
    serve();
    report_what_is_left();
    // PostgreSQL starts it again, unless the server stops; an exit code of 0 would end it permanently.
    proc_exit(1);
}

}  // extern "C"

}  // namespace bastion::pg
