// _PG_init: all initialisation of the module when a backend, or the postmaster, loads it.
#include "core/base/startup.hpp"
#include "pg/audit/audit_statement.hpp"
#include "pg/audit/capture.hpp"
#include "pg/audit/subject_key.hpp"
#include "pg/base/foreign_code.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/statistics.hpp"
#include "pg/cache/announcement.hpp"
#include "pg/context/statement.hpp"
#include "pg/event/event_launcher.hpp"
#include "pg/event/event_queue.hpp"
#include "pg/event/log_redaction.hpp"
#include "pg/event/refusal_log.hpp"
#include "pg/event/seal_schedule.hpp"
#include "pg/key/data_keys.hpp"
#include "pg/key/root_keys.hpp"
#include "pg/planner/planner_hooks.hpp"
#include "pg/protect/explain_guard.hpp"
#include "pg/session/api_key_use.hpp"
#include "pg/session/token_setting.hpp"
#include "pg/setting/setting_read.hpp"
#include "pg/throttle/rate_store.hpp"
#include "pg/throttle/throttle_store.hpp"
#include "pg/throttle/transaction_slots.hpp"

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
    module::prepare_seal_schedule();
    module::prepare_statistics();
    module::prepare_refusal_log();
    module::prepare_throttle();
    module::prepare_rates();
    module::prepare_transaction_slots();
    module::register_invalidation();
    module::register_announcement();
    module::watch_foreign_code();
    module::watch_statements();
    module::watch_data_keys();
    module::watch_api_key_use();
    module::watch_setting_reads();
    module::watch_explained_tables();
    module::watch_audited_statements();
    module::watch_captured_tables();
    module::watch_subject_keys();
    module::watch_planner();
    module::watch_log();
}
