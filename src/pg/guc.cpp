#include "pg/guc.hpp"

#include "pg/context_setting.hpp"
#include "pg/grants.hpp"
#include "pg/root_keys.hpp"
#include "pg/token_setting.hpp"

namespace bastion::pg {

Settings settings;

namespace {

constexpr int hidden = GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE;

const config_enum_entry require_context_values[] = {
    {"off", require_context_off, false}, {"error", require_context_error, false}, {nullptr, 0, false}};
const config_enum_entry signup_mode_values[] = {{"open", 0, false}, {"closed", 1, false}, {nullptr, 0, false}};

const config_enum_entry secret_log_values[] = {{"standard", 0, false}, {"strict", 1, false}, {nullptr, 0, false}};

struct StringSetting {
    const char* name;
    const char* description;
    char** variable;
    const char* boot_value;
    GucContext context;
    int flags;
    GucStringCheckHook check;
    GucStringAssignHook assign;
    GucShowHook show;
};

struct BoolSetting {
    const char* name;
    const char* description;
    bool* variable;
    GucContext context;
};

struct IntSetting {
    const char* name;
    const char* description;
    int* variable;
    int boot_value, minimum, maximum;
    GucContext context;
    int flags;
};

struct EnumSetting {
    const char* name;
    const char* description;
    int* variable;
    const config_enum_entry* values;
    GucContext context;
};

const StringSetting strings[] = {
    {"bastion.context", "Identity of the current transaction; set by bastion.authenticate() alone.", &settings.context,
     "", PGC_USERSET, hidden, check_context, assign_context, show_context},
    {"bastion.grants", "Identity and permissions for parallel workers; set by the extension alone.", &settings.grants,
     "", PGC_USERSET, hidden, check_grants, assign_grants, show_grants},
    {"bastion.token", "Token of the current transaction, verified at first need.", &settings.token, "", PGC_USERSET,
     hidden, check_token, assign_token, show_token},
    {"bastion.tenant", "Tenant (id or slug) that the token of the current transaction chooses.", &settings.tenant, "",
     PGC_USERSET, hidden, check_selector, assign_tenant, nullptr},
    {"bastion.unit", "Unit (id) that the token of the current transaction chooses.", &settings.unit, "", PGC_USERSET,
     hidden, check_selector, assign_unit, nullptr},
    {"bastion.root_key",
     "Where the root key lives: 'auto', 'file:/path', 'credential:name' or 'command:shell command'; older ones after "
     "commas.",
     &settings.root_key, "auto", PGC_SIGHUP, GUC_SUPERUSER_ONLY, check_root_key, assign_root_key, nullptr},
    {"bastion.issuer", "Issuer (iss) of the tokens that login signs.", &settings.issuer, "pg_bastion", PGC_SUSET, 0,
     nullptr, nullptr, nullptr},
    {"bastion.redacted_names",
     "Functions and views of your own that take secrets: the server log, when the library is preloaded, leaves out "
     "statements that name one.",
     &settings.redacted_names, "", PGC_SIGHUP, 0, nullptr, nullptr, nullptr},
};

const BoolSetting bools[] = {
    {"bastion.allow_identity_switch",
     "Lets one transaction change its identity. For test suites that run in one transaction; never in production.",
     &settings.allow_identity_switch, PGC_SUSET},
    {"bastion.allow_session_token",
     "Honours a token that was set before the current transaction. Never behind a connection pool.",
     &settings.allow_session_token, PGC_SUSET},
};

const IntSetting ints[] = {
    {"bastion.max_concurrent_hashes",
     "Password hashes that may run at once in the server; more are refused. 0 means twice the number of cores.",
     &settings.max_concurrent_hashes, 0, 0, 1024, PGC_SIGHUP, 0},
    {"bastion.token_cache_entries", "Verified tokens of each kind that a backend remembers; 0 for none.",
     &settings.token_cache_entries, 1024, 0, 65536, PGC_SUSET, 0},
    {"bastion.access_token_lifetime", "Lifetime of the access tokens that login signs.",
     &settings.access_token_lifetime, 1800, 10, 86400 * 30, PGC_SUSET, GUC_UNIT_S},
    {"bastion.session_lifetime", "How long a session lasts at most, however often it is refreshed.",
     &settings.session_lifetime, 86400 * 30, 10, 86400 * 366, PGC_SUSET, GUC_UNIT_S},
    {"bastion.session_idle_limit", "How long a session lasts without a refresh.", &settings.session_idle_limit,
     86400 * 7, 10, 86400 * 366, PGC_SUSET, GUC_UNIT_S},
    {"bastion.trusted_hops",
     "Proxies, the HTTP front door's included, whose X-Forwarded-For names the client; 0 takes the address of the "
     "connection.",
     &settings.trusted_hops, 0, 0, 32, PGC_SUSET, 0},
    {"bastion.last_used_interval", "How often the last use of an API key is written at most.",
     &settings.last_used_interval, 600, 0, 86400 * 30, PGC_SUSET, GUC_UNIT_S},
    {"bastion.event_queue_size",
     "Shared memory for events that are yet to be written, when preloaded; 0 for none. Read when the server starts.",
     &settings.event_queue_size, 4096, 0, 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB},
    {"bastion.refresh_reuse_window",
     "How long a used refresh token is answered again, with the same tokens. Later its use ends the session.",
     &settings.refresh_reuse_window, 10, 0, 300, PGC_SUSET, GUC_UNIT_S},
};

const EnumSetting enums[] = {
    {"bastion.require_context",
     "'error' makes a read of a protected table without an identity raise; 'off' shows no rows.",
     &settings.require_context, require_context_values, PGC_USERSET},
    {"bastion.secret_log",
     "'strict' opens no secret whose access is not written to bastion.secret_access_log, and waits for that at most "
     "1 s where a worker writes it; 'standard' does not wait, and where nothing can be written leaves the server log.",
     &settings.secret_log, secret_log_values, PGC_SUSET},
    {"bastion.signup_mode", "'open' lets anybody sign up; 'closed' refuses.", &settings.signup_mode, signup_mode_values,
     PGC_SUSET},
};

}  // namespace

void define_settings() {
    for (const StringSetting& s : strings)
        DefineCustomStringVariable(s.name, s.description, nullptr, s.variable, s.boot_value, s.context, s.flags,
                                   s.check, s.assign, s.show);
    for (const BoolSetting& s : bools)
        DefineCustomBoolVariable(s.name, s.description, nullptr, s.variable, false, s.context, 0, nullptr, nullptr,
                                 nullptr);
    for (const IntSetting& s : ints) {
        // PostgreSQL defines what needs a restart while it starts, and has no use for it later.
        const bool too_late = s.context == PGC_POSTMASTER && !process_shared_preload_libraries_in_progress;
        DefineCustomIntVariable(s.name, s.description, nullptr, s.variable, s.boot_value, s.minimum, s.maximum,
                                too_late ? PGC_SIGHUP : s.context, s.flags, nullptr, nullptr, nullptr);
    }
    for (const EnumSetting& s : enums)
        DefineCustomEnumVariable(s.name, s.description, nullptr, s.variable, 0, s.values, s.context, 0, nullptr,
                                 nullptr, nullptr);
    MarkGUCPrefixReserved("bastion");
}

void set_local(const char* name, const char* value) {
    (void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}

}  // namespace bastion::pg
