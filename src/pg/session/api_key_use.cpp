#include "pg/session/api_key_use.hpp"

#include "pg/base/clock.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/settings.hpp"
#include "pg/event/event_queue.hpp"
#include "pg/session/client_address.hpp"

namespace bastion::pg {
namespace {

Statement use_statement = {
    "SELECT bastion_internal.api_key_used($1, statement_timestamp(), bastion.client_address())", 1, {UUIDOID}, nullptr};

constexpr char event_kind = 'k';
// Shorter than deadlock_timeout: a commit does not wait for bookkeeping.
constexpr const char* longest_lock_wait = "100ms";

int last_used_interval = 0;

const SettingsTable table([] {
    define(IntSetting{"bastion.last_used_interval",
                      "Minimum interval between two writes of the last use of an API key.", &last_used_interval, 600, 0,
                      86400 * 30, PGC_SUSET, GUC_UNIT_S});
});

// A transaction has one key, unless it is a test suite that may switch identities: then the last one counts.
bool noted = false;
pg_uuid_t noted_key;

// The worker writes it later, and no transaction waits or fails; false without a queue, or when it is full.
bool queue_use(const pg_uuid_t& key) {
    if (!event_queue_serves()) return false;
    IpAddress address;
    const bool known = !is_rejected("bastion.trusted_hops") && client_address(address);
    char id[uuid_text_size];
    format_uuid_text(key, id);
    char payload[256];
    CallFailure ignored;
    const bool made = guarded(ignored, [&]() -> Result<void> {
        const std::string ip = known ? '"' + format_ip_address(address) + '"' : "null";
        snprintf(payload, sizeof payload, R"({"key": "%s", "used_at": %.6f, "ip": %s})", id, unix_now(), ip.c_str());
        return {};
    });
    return made && append_event(event_kind, payload).number > 0;
}

// Writes it in a subtransaction, whose error goes to the server log. At commit no snapshot is left, and SPI needs one around
// the statement's own.
void write_use(const pg_uuid_t& key) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    Datum values[1] = {uuid_datum(key)};
    BeginInternalSubTransaction(nullptr);
    PG_TRY();
    {
        const int level = NewGUCNestLevel();
        (void)set_config_option("lock_timeout", longest_lock_wait, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                                false);
        PushActiveSnapshot(GetTransactionSnapshot());
        run_writing(use_statement, values, nullptr, read_nothing, nullptr);
        PopActiveSnapshot();
        AtEOXact_GUC(true, level);
        ReleaseCurrentSubTransaction();
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData* error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        char id[uuid_text_size];
        format_uuid_text(key, id);
        ereport(LOG, (errcode(error->sqlerrcode),
                      errmsg("could not record the use of API key %s: %s%s%s", id, error->message,
                             error->detail != nullptr ? ": " : "", error->detail != nullptr ? error->detail : "")));
        FreeErrorData(error);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
}

// Where the transaction itself has to write, it may: no READ ONLY one, and none whose snapshot would make it fail.
bool may_write() { return !XactReadOnly && !RecoveryInProgress() && !IsolationUsesXactSnapshot(); }

// For any writer: this backend checks again after the interval.
void record_noted() {
    if (!queue_use(noted_key)) {
        if (!may_write()) return;
        write_use(noted_key);
    }
    if (const ApiKey* key = find_api_key(noted_key)) key->last_used_at = GetCurrentTimestamp();
}

void write(XactEvent event, void*) {
    if (event == XACT_EVENT_PRE_COMMIT && noted) {
        noted = false;
        record_noted();
    }
    if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) noted = false;
}

}  // namespace

void note_api_key_use(const ApiKey& key) noexcept {
    const TimestampTz due = GetCurrentTimestamp() - last_used_interval * USECS_PER_SEC;
    if (key.last_used_at > due) return;
    noted = true;
    noted_key = key.id;
}

void watch_api_key_use() { RegisterXactCallback(write, nullptr); }

}  // namespace bastion::pg
