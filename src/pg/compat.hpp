// Differences between PostgreSQL 15, 17 and 18: the only reader of PG_VERSION_NUM.
#pragma once

#include "pg/pg.hpp"

namespace bastion::pg::compat {

// Memory for the `extra` of a setting: the server frees it with free() up to 15 and with guc_free() from 16.
inline void* guc_extra_alloc(std::size_t size) noexcept {
#if PG_VERSION_NUM >= 160000
    return guc_malloc(LOG, size);
#else
    return malloc(size);
#endif
}

// The settings table's entry of that name, a placeholder included, or null.
inline config_generic* find_setting(const char* name) {
#if PG_VERSION_NUM >= 160000
    return find_option(name, false, true, LOG);
#else
    config_generic** all = get_guc_variables();
    for (int i = 0; i < GetNumConfigOptions(); ++i)
        if (pg_strcasecmp(all[i]->name, name) == 0) return all[i];
    return nullptr;
#endif
}

}  // namespace bastion::pg::compat

// The signature of the executor's run hook, which lost its last argument in 18.
#if PG_VERSION_NUM >= 180000
#define BASTION_EXECUTOR_RUN_PARAMS QueryDesc *query, ScanDirection direction, uint64 count
#define BASTION_EXECUTOR_RUN_ARGS query, direction, count
#else
#define BASTION_EXECUTOR_RUN_PARAMS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define BASTION_EXECUTOR_RUN_ARGS query, direction, count, execute_once
#endif
