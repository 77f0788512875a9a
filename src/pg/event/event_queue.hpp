// The queue of events that must outlive the transaction they happen in: a bounded piece of shared memory, which exists when
// the library is preloaded and lives as long as the server runs. Backends append and do not wait; one worker for each
// database (event_worker.cpp) writes the events of its lane and removes them after the commit; the launcher
// (event_launcher.cpp) starts the workers. An event is a byte that says its kind and a text that
// bastion_internal.event_write() understands.
#pragma once

#include "pg/base/identity.hpp"

namespace bastion::pg {

// From _PG_init: requests the memory while the postmaster preloads libraries; whether it did.
bool prepare_event_queue();

// The user who acts now, if one is known, whose share of the queue an event takes; set when the library is loaded.
extern OptionalUuid (*event_author)() noexcept;

// Whether a queue exists, and this server may write its events.
bool event_queue_serves();

// The place of an event in its lane; the number is 0 when the full queue did not accept it.
struct EventTicket {
    int lane;
    uint64 number;
};

// Appends to the lane of the backend's database, and wakes its worker or the launcher. One database cannot fill the queue, nor one
// user the part of the database.
EventTicket append_event(char kind, std::string_view payload);

// Appends if a queue serves, and waits for at most 1 s until the event has been written and committed, if `waits` says so. Whether
// that is done; empty without a queue.
std::optional<bool> queue_event(char kind, std::string_view payload, bool waits);

struct EventQueueStatistics {
    bool exists;
    bool launcher;
    int workers;
    int busy;            // databases with a worker that has events yet to write
    uint64 queued;       // not yet written
    TimestampTz oldest;  // when the first of these was queued
    uint64 written;      // since the server started, like the following
    uint64 dropped;      // not accepted, because the queue was full
    uint64 discarded;    // accepted, but not written: extension or database dropped, or row refused
};
EventQueueStatistics event_queue_statistics();

// For workers and the launcher.

constexpr int event_lane_count = 64;

// Makes this process the worker of a lane; the database of the lane, or InvalidOid when another one is.
Oid begin_event_worker(int lane);
// The worker of the lane ends. A lane whose workers failed waits before it gets another, longer after each failure.
void end_event_worker(int lane, bool failed);

// The oldest events of a lane, in the current memory context; they stay in the queue.
struct EventBatch {
    int count;
    Datum* kinds;     // "char"
    Datum* payloads;  // text
};
EventBatch peek_events(int lane, int most);

// Removes the oldest events: they have been written, except for the given number that were refused.
void finish_events(int lane, int count, int refused);
// Removes all events of a lane that can no longer be written.
void discard_events(int lane);

void begin_event_launcher();
void end_event_launcher();
// If there is one.
void wake_event_launcher();

// started: a worker has been requested and has not begun yet.
enum class LaneWants : uint32 { nothing, worker, later, started };

struct LaneView {
    LaneWants wants;
    Oid database;
    TimestampTz retry_at;  // for later
};
LaneView view_lane(int lane);
void set_lane_starting(int lane);
// The requested worker could not be started, or ended before it began.
void set_lane_failed(int lane);

}  // namespace bastion::pg
