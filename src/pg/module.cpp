// _PG_init: the list of what the module sets up when a backend, or the postmaster, loads it.
#include "core/startup.hpp"
#include "pg/api_key_use.hpp"
#include "pg/data_keys.hpp"
#include "pg/event_launcher.hpp"
#include "pg/event_queue.hpp"
#include "pg/foreign_code.hpp"
#include "pg/invalidation.hpp"
#include "pg/log_redaction.hpp"
#include "pg/root_keys.hpp"
#include "pg/settings.hpp"
#include "pg/statement.hpp"
#include "pg/token_setting.hpp"

extern "C" {
PG_MODULE_MAGIC;
void _PG_init(void);
}

extern "C" void _PG_init(void) {
    namespace module = bastion::pg;
    if (!bastion::initialise_libraries())
        ereport(ERROR, (errcode(ERRCODE_SYSTEM_ERROR), errmsg("could not initialise libsodium")));
    module::check_key_memory();
    const module::Placeholders placeholders = module::find_placeholders();
    module::define_settings();
    module::adopt_placeholders(placeholders);
    if (module::prepare_event_queue()) module::register_event_launcher();
    module::register_invalidation();
    module::watch_foreign_code();
    module::watch_statements();
    module::watch_data_keys();
    module::watch_api_key_use();
    module::watch_log();
}
