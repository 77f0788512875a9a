// Which root keys the data keys of another database need: a background worker connects to it, asks, and leaves the answer
// in shared memory. The caller waits for its end. It needs no preload.
#include "pg/base/background_worker.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/text.hpp"

extern "C" {
#include "storage/dsm.h"
}

namespace bastion::pg {
namespace {

enum class Asked : int { no_answer, no_extension, answered };

struct Answer {
    Oid database;
    Asked asked;
    char needed[16 * 1024];  // hundreds of root keys, in JSON
};

Statement needed_statement = {"SELECT bastion_internal.root_keys_needed()::pg_catalog.text", 0, {}, nullptr};
constexpr const char* longest_lock_wait = "1s";

void read_answer(MemoryContext, void* out) {
    auto* answer = static_cast<Answer*>(out);
    const char* needed = text_cell(0, 1);
    if (needed == nullptr || std::strlen(needed) >= sizeof answer->needed) return;
    strlcpy(answer->needed, needed, sizeof answer->needed);
    answer->asked = Asked::answered;
}

void ask(Answer* answer) {
    PushActiveSnapshot(GetTransactionSnapshot());
    if (extension_version() == nullptr)
        answer->asked = Asked::no_extension;
    else
        run_reading(needed_statement, nullptr, nullptr, read_answer, answer);
    PopActiveSnapshot();
}

bool start_worker(dsm_handle segment, BackgroundWorkerHandle*& handle) {
    BackgroundWorker worker =
        named_worker("pg_bastion root keys", "bastion_root_key_worker_main", BgWorkerStart_ConsistentState);
    worker.bgw_main_arg = UInt32GetDatum(segment);
    worker.bgw_notify_pid = MyProcPid;
    return RegisterDynamicBackgroundWorker(&worker, &handle);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_root_keys_of);
Datum bastion_root_keys_of(PG_FUNCTION_ARGS) {
    dsm_segment* segment = dsm_create(sizeof(Answer), 0);
    auto* answer = static_cast<Answer*>(dsm_segment_address(segment));
    *answer = {PG_GETARG_OID(0), Asked::no_answer, ""};
    BackgroundWorkerHandle* handle = nullptr;
    const bool ended =
        start_worker(dsm_segment_handle(segment), handle) && WaitForBackgroundWorkerShutdown(handle) == BGWH_STOPPED;
    const Asked asked = ended ? answer->asked : Asked::no_answer;
    const Datum needed = asked == Asked::answered ? text_datum(ServerText(answer->needed)) : Datum{0};
    dsm_detach(segment);
    if (asked == Asked::answered) return needed;
    if (asked == Asked::no_extension) return text_datum(ServerText("none"));
    PG_RETURN_NULL();
}

PGDLLEXPORT void bastion_root_key_worker_main(Datum segment_handle);
void bastion_root_key_worker_main(Datum segment_handle) {
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    // The segment is attached before there is a transaction, and as long as the worker lives.
    CurrentResourceOwner = ResourceOwnerCreate(nullptr, "pg_bastion root keys");
    dsm_segment* segment = dsm_attach(DatumGetUInt32(segment_handle));
    // The caller has been cancelled.
    if (segment == nullptr) proc_exit(0);
    auto* answer = static_cast<Answer*>(dsm_segment_address(segment));
    BackgroundWorkerInitializeConnectionByOid(answer->database, InvalidOid, 0);
    SetConfigOption("lock_timeout", longest_lock_wait, PGC_SUSET, PGC_S_OVERRIDE);
    SetCurrentStatementStartTimestamp();
    StartTransactionCommand();
    ask(answer);
    CommitTransactionCommand();
    proc_exit(0);
}

}  // extern "C"

}  // namespace bastion::pg
