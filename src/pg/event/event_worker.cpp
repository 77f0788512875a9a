#include "pg/event/event_worker.hpp"

#include "pg/base/background_worker.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/event/event_queue.hpp"

namespace bastion::pg {
namespace {

Statement events_statement = {"SELECT bastion_internal.events_write($1, $2)", 2, {CHARARRAYOID, TEXTARRAYOID}, nullptr};

void read_count(MemoryContext, void* result) {
    const NullableDatum value = cell(0, 1);
    *static_cast<int*>(result) = value.isnull ? 0 : DatumGetInt32(value.value);
}

// bastion_internal.events_write(): events are "char" and text; returns how many were refused.
int write_events(Datum* kinds, Datum* payloads, int count) {
    Datum values[2] = {PointerGetDatum(construct_array(kinds, count, CHAROID, sizeof(char), true, TYPALIGN_CHAR)),
                       PointerGetDatum(construct_array(payloads, count, TEXTOID, -1, false, TYPALIGN_INT))};
    int refused = 0;
    run_writing(events_statement, values, nullptr, read_count, &refused);
    return refused;
}

constexpr int events_at_once = 256;
// PostgreSQL waits 5 s for connections to end before it refuses DROP DATABASE: an idle worker has ended by then.
constexpr long idle_ms = 1000;
// How long a terminated worker, for example at a shutdown, continues to write queued events.
constexpr long drain_ms = 3000;

void end_worker(int code, Datum lane) { end_event_worker(DatumGetInt32(lane), code != 0); }

// Writes the oldest events in a transaction and then removes them from the queue; returns their number. An error ends the
// worker: the events stay, and the launcher starts another worker later.
int write_oldest(int lane) {
    pgstat_report_activity(STATE_RUNNING, "writing events");
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
    const EventBatch batch = peek_events(lane, events_at_once);
    const int count = batch.count;
    int refused = 0;
    if (count > 0) refused = extension_version() != nullptr ? write_events(batch.kinds, batch.payloads, count) : count;
    PopActiveSnapshot();
    // Events that are committed and still in the queue would be written twice.
    HOLD_INTERRUPTS();
    CommitTransactionCommand();
    finish_events(lane, count, refused);
    RESUME_INTERRUPTS();
    pgstat_report_stat(false);
    return count;
}

void write_until_idle(int lane) {
    TimestampTz last = GetCurrentTimestamp();
    TimestampTz drain_until = 0;
    for (;;) {
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
        if (ConfigReloadPending) {
            ConfigReloadPending = false;
            ProcessConfigFile(PGC_SIGHUP);
        }
        const int written = write_oldest(lane);
        const TimestampTz now = GetCurrentTimestamp();
        if (ShutdownRequestPending && drain_until == 0) drain_until = TimestampTzPlusMilliseconds(now, drain_ms);
        if (ShutdownRequestPending && (written == 0 || now >= drain_until)) return;
        if (written > 0) {
            last = now;
            continue;
        }
        const long left = idle_ms - TimestampDifferenceMilliseconds(last, now);
        if (left <= 0) return;
        pgstat_report_activity(STATE_IDLE, nullptr);
        (void)WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left, PG_WAIT_EXTENSION);
    }
}

}  // namespace

BackgroundWorkerHandle* start_event_worker(int lane) {
    BackgroundWorker worker =
        named_worker("pg_bastion events", "bastion_event_worker_main", BgWorkerStart_RecoveryFinished);
    worker.bgw_main_arg = Int32GetDatum(lane);
    worker.bgw_notify_pid = MyProcPid;
    BackgroundWorkerHandle* handle = nullptr;
    return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : nullptr;
}

extern "C" {

PGDLLEXPORT void bastion_event_worker_main(Datum lane_argument);
void bastion_event_worker_main(Datum lane_argument) {
    const int lane = DatumGetInt32(lane_argument);
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
    BackgroundWorkerUnblockSignals();
    const Oid database = begin_event_worker(lane);
    if (!OidIsValid(database)) proc_exit(0);
    before_shmem_exit(end_worker, lane_argument);
    BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
    pin_worker_settings();
    write_until_idle(lane);
    proc_exit(0);
}

}  // extern "C"

}  // namespace bastion::pg
