// bastion_internal.log_server_only(): a line that reaches the server log at every log_min_messages, and no client.
#include "pg/base/text.hpp"
#include "pg/event/server_log.hpp"

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

extern "C" {

PG_FUNCTION_INFO_V1(bastion_log_server_only);
Datum bastion_log_server_only(PG_FUNCTION_ARGS) {
    log_server_only(server_text(PG_GETARG_TEXT_PP(0)).c_str());
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
