#include "pg/event/seal_worker.hpp"

#include "pg/base/background_worker.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/event/seal_schedule.hpp"

namespace bastion::pg {
namespace {

Statement prepared_statement = {
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts p WHERE p.database OPERATOR(pg_catalog.=) "
    "pg_catalog.current_database())",
    0,
    {},
    nullptr};
Statement seal_statement = {"SELECT bastion_internal.audit_seal_write(NULL)", 0, {}, nullptr};

void read_flag(MemoryContext, void* result) {
    const NullableDatum value = cell(0, 1);
    *static_cast<bool*>(result) = !value.isnull && DatumGetBool(value.value);
}

void begin_transaction() {
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    PushActiveSnapshot(GetTransactionSnapshot());
}

void end_transaction() {
    PopActiveSnapshot();
    CommitTransactionCommand();
}

// A transaction that is committed after this look is in no snapshot of a worker, and its end marks no database.
bool are_transactions_prepared() {
    bool out = false;
    begin_transaction();
    run_reading(prepared_statement, nullptr, nullptr, read_flag, &out);
    end_transaction();
    return out;
}

// The database may have no extension, or one whose update is outstanding.
bool can_seal() {
    begin_transaction();
    const bool out = extension_version() != nullptr && OidIsValid(extension_relation_or_none("audit_seals"));
    end_transaction();
    return out;
}

void seal() {
    begin_transaction();
    run_writing(seal_statement, nullptr, nullptr, read_nothing, nullptr);
    end_transaction();
}

void seal_database(int lane) {
    pgstat_report_activity(STATE_RUNNING, "sealing the audit log");
    if (can_seal()) {
        if (are_transactions_prepared()) (void)mark_unsealed(MyDatabaseId);
        seal();
    }
    finish_seal(lane);
    pgstat_report_stat(true);
}

// Of the launcher: the worker that runs, if any.
BackgroundWorkerHandle* handle = nullptr;
int running_lane = 0;

// Databases that the launcher has yet to mark: after a start of the server, and when the schedule was full, each of them.
bool is_visiting = true;
Oid visited = InvalidOid;

bool is_running() {
    pid_t pid = 0;
    if (handle == nullptr) return false;
    if (GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED) return true;
    pfree(handle);
    handle = nullptr;
    end_seal(running_lane);
    return false;
}

Oid next_to_visit() {
    begin_transaction();
    const Oid out = next_database(visited);
    end_transaction();
    return out;
}

bool does_exist(Oid database) {
    begin_transaction();
    const bool out = database_exists(database);
    end_transaction();
    return out;
}

void visit_databases() {
    if (take_seal_overflow()) {
        is_visiting = true;
        visited = InvalidOid;
    }
    while (is_visiting) {
        const Oid database = next_to_visit();
        is_visiting = OidIsValid(database);
        if (!is_visiting || !mark_unsealed(database)) break;
        visited = database;
    }
    // The launcher itself found no place; it continues where it was.
    if (is_visiting) (void)take_seal_overflow();
}

void start(int lane) {
    BackgroundWorker worker =
        named_worker("pg_bastion sealing", "bastion_seal_worker_main", BgWorkerStart_RecoveryFinished);
    worker.bgw_main_arg = Int32GetDatum(lane);
    worker.bgw_notify_pid = MyProcPid;
    begin_seal(lane);
    MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);
    const bool is_registered = RegisterDynamicBackgroundWorker(&worker, &handle);
    MemoryContextSwitchTo(previous);
    running_lane = lane;
    if (is_registered) return;
    handle = nullptr;
    end_seal(lane);
    ereport(LOG, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
                  errmsg("could not start the worker that seals the audit log of the database with OID %u",
                         sealing_database(lane)),
                  errhint("Consider increasing max_worker_processes.")));
}

}  // namespace

long start_sealer() {
    if (seal_interval() == 0 || is_running()) return -1;
    visit_databases();
    const SealDue due = next_seal();
    if (due.lane < 0) return -1;
    const TimestampTz now = GetCurrentTimestamp();
    if (due.at > now) return TimestampDifferenceMilliseconds(now, due.at) + 1;
    if (does_exist(due.database))
        start(due.lane);
    else
        drop_seal(due.lane);
    return handle != nullptr ? -1 : 1;
}

extern "C" {

PGDLLEXPORT void bastion_seal_worker_main(Datum lane_argument);
void bastion_seal_worker_main(Datum lane_argument) {
    const int lane = DatumGetInt32(lane_argument);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnectionByOid(sealing_database(lane), InvalidOid, BGWORKER_BYPASS_ALLOWCONN);
    pin_worker_settings();
    seal_database(lane);
    proc_exit(0);
}

}  // extern "C"

}  // namespace bastion::pg
