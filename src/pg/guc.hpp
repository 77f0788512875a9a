// The extension's settings. guc.cpp holds the table that defines them; the values live as long as the backend. The three
// gated or transaction-bound settings have hooks of their own (context_setting.cpp, grants.cpp, token_setting.cpp).
#pragma once

#include "pg/pg.hpp"

namespace bastion::pg {

struct Settings {
    char* context = nullptr;  // storage only: read through context.hpp
    char* grants = nullptr;   // storage only: read through grants.hpp
    char* token = nullptr;    // storage only: read through token_setting.hpp
    char* tenant = nullptr;
    char* unit = nullptr;
    bool allow_identity_switch = false;
    bool allow_session_token = false;
    int require_context = 0;
    char* root_key = nullptr;
    int signup_mode = 0;
    int secret_log = 0;
    int max_concurrent_hashes = 0;
    int token_cache_entries;
    int access_token_lifetime = 1800;
    int session_lifetime = 0;
    int session_idle_limit = 0;
    int refresh_reuse_window = 0;
    int trusted_hops = 0;
    int last_used_interval = 0;
    int event_queue_size = 0;
    char* issuer = nullptr;
    char* redacted_names = nullptr;
};

extern Settings settings;

enum RequireContext { require_context_off = 0, require_context_error = 1 };

// Defines every setting and reserves the prefix `bastion`. Called once, from _PG_init.
void define_settings();

// Sets a gated setting for the rest of the transaction (GUC_ACTION_LOCAL). Must not be called in parallel mode.
void set_local(const char* name, const char* value);

}  // namespace bastion::pg
