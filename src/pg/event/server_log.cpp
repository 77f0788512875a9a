#include "pg/event/server_log.hpp"

#include "pg/base/pg.hpp"

namespace bastion::pg {

void log_server_only(const char* message) {
    // 'fatal' and 'panic' would suppress it.
    const int level = log_min_messages;
    log_min_messages = LOG;
    PG_TRY();
    { ereport(LOG_SERVER_ONLY, (errmsg_internal("%s", message), errhidestmt(true), errhidecontext(true))); }
    PG_FINALLY();
    { log_min_messages = level; }
    PG_END_TRY();
}

}  // namespace bastion::pg
