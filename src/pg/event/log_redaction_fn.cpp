// bastion_internal.secret_call(): why the server log leaves out a statement, for lint().
#include "pg/base/text.hpp"
#include "pg/event/log_redaction.hpp"

namespace bastion::pg {

extern "C" {

PG_FUNCTION_INFO_V1(bastion_secret_call);
Datum bastion_secret_call(PG_FUNCTION_ARGS) {
    const std::string_view found = secret_call(server_text(PG_GETARG_TEXT_PP(0)).bytes());
    if (found.empty()) PG_RETURN_NULL();
    return text_datum(ServerText(found));
}

}  // extern "C"

}  // namespace bastion::pg
