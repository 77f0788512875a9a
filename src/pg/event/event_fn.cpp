// bastion_internal.queue_event(): hands an event to the worker that writes it in a separate transaction.
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/event/event_queue.hpp"

namespace bastion::pg {
extern "C" {

PG_FUNCTION_INFO_V1(bastion_queue_event);
Datum bastion_queue_event(PG_FUNCTION_ARGS) {
    const std::optional<bool> queued =
        queue_event(PG_GETARG_CHAR(0), server_text(PG_GETARG_TEXT_PP(1)).bytes(), PG_GETARG_BOOL(2));
    if (!queued) PG_RETURN_NULL();
    PG_RETURN_BOOL(*queued);
}

}  // extern "C"

}  // namespace bastion::pg
