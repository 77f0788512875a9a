// bastion_internal.queue_event(): hands an event to the worker that writes it in a separate transaction. event_queue_counts(): how the
// queue is.
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
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

PG_FUNCTION_INFO_V1(bastion_event_queue_counts);
Datum bastion_event_queue_counts(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    const EventQueueStatistics counts = event_queue_statistics();
    if (!counts.exists) PG_RETURN_NULL();
    Datum values[] = {Int64GetDatum(static_cast<int64>(counts.queued)), TimestampTzGetDatum(counts.oldest),
                      Int64GetDatum(static_cast<int64>(counts.written)),
                      Int64GetDatum(static_cast<int64>(counts.dropped)),
                      Int64GetDatum(static_cast<int64>(counts.discarded))};
    bool nulls[] = {false, counts.queued == 0, false, false, false};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

}  // extern "C"

}  // namespace bastion::pg
