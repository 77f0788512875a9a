// What sealing the audit log needs to know of the server: that the transaction has just begun, and where its numbers count. Called by
// bastion.audit_seal(), which is in SQL.
#include "pg/audit/audit_write.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/settings.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace bastion::pg {
namespace {

const SettingsTable table([] {
    // SQL functions read them by name.
    static int seal_limit;
    static int witness_limit;
    define(IntSetting{"bastion.audit_seal_limit",
                      "Age of an entry of the log of changes that is not sealed at which audit_drift() and lint() say "
                      "so; 0 for none.",
                      &seal_limit, 3600, 0, INT_MAX / 1000, PGC_SUSET, GUC_UNIT_S});
    define(IntSetting{"bastion.audit_witness_limit",
                      "Age of a seal of the log of changes that a witness has not cosigned at which audit_drift() and "
                      "lint() say so; 0 for none.",
                      &witness_limit, 86400, 0, INT_MAX / 1000, PGC_SUSET, GUC_UNIT_S});
});

// Rows of older timelines are sealed long ago.
constexpr TimeLineID most_timelines = 1000;

[[noreturn]] void refuse(const char* message) {
    ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION), errmsg("%s", message)));
    pg_unreachable();
}

[[noreturn]] void refuse_writing() {
    ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
                    errmsg("the audit log cannot be sealed in a read-only transaction")));
    pg_unreachable();
}

// A standby has no timeline of its own.
void require_primary() {
    if (RecoveryInProgress()) refuse_writing();
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_audit_seal_begin);
Datum bastion_audit_seal_begin(PG_FUNCTION_ARGS) {
    require_primary();
    if (XactReadOnly) refuse_writing();
    // The snapshot must be one that is taken under the lock.
    if (IsolationUsesXactSnapshot()) refuse("the audit log is sealed in a READ COMMITTED transaction");
    PreventInTransactionBlock(true, "audit_seal()");
    // Rows that this transaction wrote, and writes later, would be on both sides of the snapshot.
    if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
        refuse("the audit log cannot be sealed after a change in the same transaction");
    // A checkpoint that is published must survive a crash.
    set_local("synchronous_commit", "local");
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_audit_place);
Datum bastion_audit_place(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    require_primary();
    const TimeLineID now = GetWALInsertionTimeLine();
    const auto count = static_cast<int>(std::min(now, most_timelines));
    auto* eras = static_cast<Datum*>(palloc(sizeof(Datum) * static_cast<Size>(count)));
    for (int i = 0; i < count; ++i) eras[i] = Int64GetDatum(era_of(now - static_cast<TimeLineID>(i)));
    ArrayType* all = construct_array(eras, count, INT8OID, sizeof(int64), true, TYPALIGN_DOUBLE);
    // No server has a timeline 0.
    Datum values[] = {Int64GetDatum(era_of(0)), Int64GetDatum(era_of(now)), PointerGetDatum(all)};
    bool nulls[] = {false, false, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

}  // extern "C"

}  // namespace bastion::pg
