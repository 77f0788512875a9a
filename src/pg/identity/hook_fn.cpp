// Hooks: functions of an operator's choice that logins and sign-ups call. One runs as its role in a security-restricted operation, in a
// subtransaction, with settings that end with it, for a limited time, and changes neither the identity nor the user of the caller. It
// fails by an error of any kind, and the caller learns the SQLSTATE. hook.sql decides what may be called and what a failure means.
#include "pg/base/record.hpp"
#include "pg/base/sandbox.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"

namespace bastion::pg {
namespace {

int hook_timeout = 0;

const SettingsTable table([] {
    define(IntSetting{"bastion.hook_timeout", "How long a hook of bastion.hook_set() may run.", &hook_timeout, 500, 1,
                      60000, PGC_SUSET, GUC_UNIT_MS});
});

// A hook may catch the cancellation, so it comes again; one that goes on in spite of that takes its connection along.
constexpr int repeat_ms = 50;
constexpr int last_warning = 40;

bool running = false;
int expirations = 0;

void expire() {
    ++expirations;
    if (expirations > last_warning)
        ProcDiePending = true;
    else
        QueryCancelPending = true;
    InterruptPending = true;
    SetLatch(MyLatch);
}

TimeoutId timer() {
    static const TimeoutId id = RegisterTimeout(USER_TIMEOUT, expire);
    return id;
}

void begin_limits() {
    running = true;
    expirations = 0;
    freeze_identity(true);
    enable_timeout_every(timer(), TimestampTzPlusMilliseconds(GetCurrentTimestamp(), hook_timeout), repeat_ms);
}

// The cancellation that is still pending was the hook's own.
void end_limits() {
    disable_timeout(timer(), false);
    if (expirations > 0) QueryCancelPending = false;
    freeze_identity(false);
    running = false;
}

struct Hook {
    Oid function;
    Oid role;
    Datum argument;
};

// Null when the hook returns none. In the caller's memory.
struct varlena* call(const Hook& hook) {
    FmgrInfo function;
    LOCAL_FCINFO(arguments, 1);
    fmgr_info(hook.function, &function);
    InitFunctionCallInfoData(*arguments, &function, 1, InvalidOid, nullptr, nullptr);
    arguments->args[0] = NullableDatum{hook.argument, false};
    const Datum result = FunctionCallInvoke(arguments);
    if (expirations > 0)
        ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("the hook took longer than bastion.hook_timeout")));
    return arguments->isnull ? nullptr : PG_DETOAST_DATUM_COPY(result);
}

struct varlena* call_as_role(const Hook& hook) {
    Oid user = InvalidOid;
    int security = 0;
    GetUserIdAndSecContext(&user, &security);
    SetUserIdAndSecContext(hook.role, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
    const int settings = begin_settings(pinned_path);
    struct varlena* result = call(hook);
    AtEOXact_GUC(false, settings);
    SetUserIdAndSecContext(user, security);
    return result;
}

void log_failure(const Hook& hook, const ErrorData& error) {
    ereport(LOG, (errcode(error.sqlerrcode), errmsg("hook %u failed: %s", hook.function, error.message),
                  error.context != nullptr ? errcontext("%s", error.context) : 0));
}

struct Outcome {
    struct varlena* result;
    int sqlstate;  // 0 when it did not fail
};

// A cancellation that somebody else asked for ends the statement.
Outcome run(const Hook& hook) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    Outcome outcome{};
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        begin_limits();
        outcome.result = call_as_role(hook);
        end_limits();
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        end_limits();
        MemoryContextSwitchTo(context);
        ErrorData* error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        CurrentResourceOwner = owner;
        if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && expirations == 0) ReThrowError(error);
        outcome = {nullptr, error->sqlerrcode};
        log_failure(hook, *error);
        FreeErrorData(error);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    // What the hook asked about an identity was decided while none could be fixed.
    forget_decision();
    return outcome;
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_hook_run);
Datum bastion_hook_run(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const Hook hook{PG_GETARG_OID(0), PG_GETARG_OID(1), PG_GETARG_DATUM(2)};
    if (running)
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("a hook cannot call another hook")));
    require_valid("bastion.hook_timeout");
    const Outcome outcome = run(hook);
    Datum values[2] = {PointerGetDatum(outcome.result), 0};
    bool nulls[2] = {outcome.result == nullptr, outcome.sqlstate == 0};
    if (outcome.sqlstate != 0) values[1] = text_datum(ServerText(unpack_sql_state(outcome.sqlstate)));
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

}  // extern "C"

}  // namespace bastion::pg
