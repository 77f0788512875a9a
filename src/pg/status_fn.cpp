// library_version() and status(): the running version, its mode, and the weaknesses of that mode.
#include "core/base/key_memory.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/guard.hpp"
#include "pg/cache/invalidation.hpp"
#include "pg/context/grant_load.hpp"
#include "pg/event/event_queue.hpp"
#include "pg/identity/hash_slots.hpp"
#include "pg/key/root_keys.hpp"
#include "pg/right/rights.hpp"
#include "pg/session/api_key_read.hpp"
#include "pg/session/session_read.hpp"

namespace bastion::pg {
namespace {

bool is_preloaded() noexcept {
    return shared_preload_libraries_string != nullptr &&
           std::strstr(shared_preload_libraries_string, "pg_bastion") != nullptr;
}

// The weaknesses of a server without shared_preload_libraries = 'pg_bastion', as JSON.
constexpr const char* weaker =
    "[\"every connection loads the library at its first use\","
    " \"settings that a client or a role brings along are checked, and refused, only then\","
    " \"the server log shows secrets in statements and parameters, where it shows those\","
    " \"the record of an opened secret goes with a transaction that rolls back\"]";

void append_root_key(StringInfo json) {
    char id[root_key_id_size];
    char reason[256];
    if (try_root_key(id, reason)) {
        appendStringInfo(json, ", \"root_key\": {\"loaded\": \"%s\"}", id);
        return;
    }
    appendStringInfoString(json, ", \"root_key\": {\"loaded\": null, \"reason\": ");
    escape_json(json, reason);
    appendStringInfoChar(json, '}');
}

void append_events(StringInfo json) {
    const EventQueueStatistics events = event_queue_statistics();
    if (!events.exists) {
        appendStringInfoString(json, ", \"events\": null");
        return;
    }
    appendStringInfo(json,
                     ", \"events\": {\"launcher\": %s, \"workers\": %d, \"queued\": %llu, \"written\": %llu"
                     ", \"dropped\": %llu, \"discarded\": %llu}",
                     events.launcher ? "true" : "false", events.workers, static_cast<unsigned long long>(events.queued),
                     static_cast<unsigned long long>(events.written), static_cast<unsigned long long>(events.dropped),
                     static_cast<unsigned long long>(events.discarded));
}

void append_key_memory(StringInfo json) {
    const KeyMemory memory = key_memory();
    appendStringInfo(json, ", \"key_memory\": {\"bytes\": %zu, \"locked\": %zu}", memory.size, memory.locked);
}

void append_counts(StringInfo json, const char* name, const CacheStatistics& counts) {
    appendStringInfo(json, "%s: {\"loads\": %lld, \"hits\": %lld, \"stale\": %lld}", name,
                     static_cast<long long>(counts.loads), static_cast<long long>(counts.hits),
                     static_cast<long long>(counts.stale));
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_version);
Datum bastion_version(PG_FUNCTION_ARGS) { PG_RETURN_TEXT_P(cstring_to_text(BASTION_VERSION)); }

PG_FUNCTION_INFO_V1(bastion_status);
Datum bastion_status(PG_FUNCTION_ARGS) {
    StringInfoData json;
    initStringInfo(&json);
    appendStringInfo(&json, "{\"library_version\": \"%s\", \"sql_version\": \"%s\", \"preloaded\": %s", BASTION_VERSION,
                     extension_version(), is_preloaded() ? "true" : "false");
    appendStringInfo(&json, ", \"weaker\": %s, \"max_concurrent_hashes\": %d", is_preloaded() ? "[]" : weaker,
                     hash_slot_count());
    append_root_key(&json);
    append_events(&json);
    append_key_memory(&json);
    appendStringInfoChar(&json, '}');
    return jsonb_datum(json.data);
}

PG_FUNCTION_INFO_V1(bastion_cache_stats);
Datum bastion_cache_stats(PG_FUNCTION_ARGS) {
    StringInfoData json;
    initStringInfo(&json);
    append_counts(&json, "{\"rights\"", rights_statistics());
    append_counts(&json, ", \"sessions\"", session_statistics());
    append_counts(&json, ", \"api_keys\"", api_key_statistics());
    appendStringInfo(&json, ", \"sets\": {\"loads\": %lld}, \"invalidations\": %llu}",
                     static_cast<long long>(grant_set_loads()), static_cast<unsigned long long>(invalidation_count()));
    return jsonb_datum(json.data);
}

}  // extern "C"

}  // namespace bastion::pg
