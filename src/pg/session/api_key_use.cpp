#include "pg/session/api_key_use.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

Statement use_statement = {"SELECT bastion_internal.api_key_used($1)", 1, {UUIDOID}, nullptr};

// bastion_internal.api_key_used(): writes the last use, unless another session just did.
void record_api_key_use(const pg_uuid_t& key) {
    Datum values[1] = {uuid_datum(key)};
    // At commit no snapshot is left, and SPI needs one around the statement's own.
    PushActiveSnapshot(GetTransactionSnapshot());
    run_writing(use_statement, values, nullptr, read_nothing, nullptr);
    PopActiveSnapshot();
}

int last_used_interval = 0;

const SettingsTable table([] {
    define(IntSetting{"bastion.last_used_interval",
                      "Minimum interval between two writes of the last use of an API key.", &last_used_interval, 600, 0,
                      86400 * 30, PGC_SUSET, GUC_UNIT_S});
});

// A transaction has one key, unless it is a test suite that may switch identities: then the last one counts.
bool noted = false;
pg_uuid_t noted_key;

// For any writer: this backend checks again after the interval.
void write_noted() {
    if (!OidIsValid(extension_relation_or_none("api_keys"))) return;  // dropped in this transaction
    record_api_key_use(noted_key);
    if (const ApiKey* key = find_api_key(noted_key)) key->last_used_at = GetCurrentTimestamp();
}

void write(XactEvent event, void*) {
    if (event == XACT_EVENT_PRE_COMMIT && noted) {
        noted = false;
        if (!XactReadOnly && !RecoveryInProgress() && !IsolationUsesXactSnapshot()) write_noted();
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
