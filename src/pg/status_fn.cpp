// library_version() and status(): the running version, its mode, and the weaknesses of that mode.
#include "core/base/key_memory.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/compat.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/statistics.hpp"
#include "pg/base/text.hpp"
#include "pg/cache/announcement.hpp"
#include "pg/context/grant_load.hpp"
#include "pg/event/event_queue.hpp"
#include "pg/identity/hash_slots.hpp"
#include "pg/key/root_keys.hpp"
#include "pg/right/rights.hpp"
#include "pg/throttle/rate_store.hpp"
#include "pg/throttle/throttle_store.hpp"

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
    " \"the record of an opened secret goes with a transaction that rolls back\","
    " \"login attempts are counted for 16384 accounts and networks at once, and refused beyond that\","
    " \"rate limits have 1 MB of memory, and up to PostgreSQL 16 each connection counts for itself\","
    " \"up to PostgreSQL 16, stat_ views and metrics() show the counters of one connection\"]";

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

void append_rejected_settings(StringInfo json) {
    const char* names[max_settings];
    const int count = rejected_settings(names);
    appendStringInfoString(json, ", \"rejected_settings\": [");
    for (int i = 0; i < count; ++i) appendStringInfo(json, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
    appendStringInfoChar(json, ']');
}

void append_counts(StringInfo json, const char* name, const CacheStatistics& counts) {
    appendStringInfo(
        json, "\"%s\": {\"loads\": %lld, \"hits\": %lld, \"stale\": %lld, \"entries\": %lld, \"bytes\": %lld}, ", name,
        static_cast<long long>(counts.loads), static_cast<long long>(counts.hits), static_cast<long long>(counts.stale),
        static_cast<long long>(counts.entries), static_cast<long long>(counts.bytes));
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_version);
Datum bastion_version(PG_FUNCTION_ARGS) { return text_datum(ServerText(BASTION_VERSION)); }

PG_FUNCTION_INFO_V1(bastion_status);
Datum bastion_status(PG_FUNCTION_ARGS) {
    StringInfoData json;
    initStringInfo(&json);
    appendStringInfo(&json, "{\"library_version\": \"%s\", \"sql_version\": \"%s\", \"preloaded\": %s", BASTION_VERSION,
                     extension_version(), is_preloaded() ? "true" : "false");
    appendStringInfo(&json, ", \"weaker\": %s, \"max_concurrent_hashes\": %d", is_preloaded() ? "[]" : weaker,
                     hash_slot_count());
    appendStringInfo(&json, ", \"throttle\": \"%s\", \"rate_limits\": {\"mode\": \"%s\", \"evictions\": %llu}",
                     throttle_mode(), rate_mode(), static_cast<unsigned long long>(rate_evictions()));
    attach_statistics();
    appendStringInfo(&json, ", \"statistics\": \"%s\"", statistics_mode());
    append_rejected_settings(&json);
    append_root_key(&json);
    append_events(&json);
    append_key_memory(&json);
    appendStringInfoChar(&json, '}');
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

PG_FUNCTION_INFO_V1(bastion_setting);
Datum bastion_setting(PG_FUNCTION_ARGS) {
    const char* name = server_text(PG_GETARG_TEXT_PP(0)).c_str();
    require_valid(name);
    return text_datum(ServerText(GetConfigOptionByName(name, nullptr, false)));
}

// Whether a setting of the extension accepts a value, as a superuser's ALTER DATABASE would store it.
PG_FUNCTION_INFO_V1(bastion_setting_accepts);
Datum bastion_setting_accepts(PG_FUNCTION_ARGS) {
    const char* name = server_text(PG_GETARG_TEXT_PP(0)).c_str();
    const char* value = server_text(PG_GETARG_TEXT_PP(1)).c_str();
    const config_generic* setting = compat::find_setting(name);
    if (setting == nullptr || (setting->flags & GUC_CUSTOM_PLACEHOLDER) != 0) PG_RETURN_BOOL(false);
    PG_RETURN_BOOL(set_config_option(name, value, PGC_SUSET, PGC_S_DATABASE, GUC_ACTION_SET, false, DEBUG5, false) !=
                   0);
}

PG_FUNCTION_INFO_V1(bastion_cache_stats);
Datum bastion_cache_stats(PG_FUNCTION_ARGS) {
    StringInfoData json;
    initStringInfo(&json);
    settle_changes();
    appendStringInfoChar(&json, '{');
    for (const CacheListener* cache = first_cache(); cache != nullptr; cache = cache->next)
        if (cache->name != nullptr) append_counts(&json, cache->name, cache->statistics());
    appendStringInfo(&json, "\"sets\": {\"loads\": %lld, \"bytes\": %zu}, \"invalidations\": %llu}",
                     static_cast<long long>(grant_set_loads()), GrantSets::memory(),
                     static_cast<unsigned long long>(invalidation_count()));
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

}  // extern "C"

}  // namespace bastion::pg
