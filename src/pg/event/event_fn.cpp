// bastion_internal.queue_event(): hands an event to the worker that writes it in a separate transaction; in_parallel_mode().
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/event/event_queue.hpp"

namespace bastion::pg {
namespace {

// The worker may wait for a lock that this transaction holds, and deadlock detection does not see that:
// so the wait is short.
constexpr long longest_wait_ms = 1000;

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_queue_event);
Datum bastion_queue_event(PG_FUNCTION_ARGS) {
    const char kind = PG_GETARG_CHAR(0);
    const text* payload = PG_GETARG_TEXT_PP(1);
    const bool wait = PG_GETARG_BOOL(2);
    if (!event_queue_serves()) PG_RETURN_NULL();
    const EventTicket ticket = append_event(kind, server_text(payload).bytes());
    const bool queued = ticket.number > 0;
    PG_RETURN_BOOL(queued && (!wait || await_event(ticket, longest_wait_ms)));
}

PG_FUNCTION_INFO_V1(bastion_in_parallel_mode);
Datum bastion_in_parallel_mode(PG_FUNCTION_ARGS) { PG_RETURN_BOOL(IsInParallelMode()); }

}  // extern "C"

}  // namespace bastion::pg
