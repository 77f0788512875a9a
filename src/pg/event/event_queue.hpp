// The queue of events that must outlive the transaction they happen in: a bounded piece of shared memory, which exists when
// the library is preloaded and lives as long as the server runs. Backends append and do not wait; one worker for each
// database (event_worker.cpp) writes what is in its lane and takes it off after it has committed; the launcher
// (event_launcher.cpp) starts the workers. An event is a byte that says its kind and a text that bastion_internal.event_write()
// understands.
#pragma once

#include "pg/base/pg.hpp"

namespace bastion::pg {

// From _PG_init: asks for the memory while the postmaster preloads libraries; whether it did.
bool prepare_event_queue();

// Is there a queue, and may this server write what is in it?
bool event_queue_serves();

// The place of an event in its lane; the number 0 when it was not taken because the queue is full.
struct EventTicket {
    int lane;
    uint64 number;
};

// Appends to the lane of the backend's database, and wakes who takes it off.
EventTicket append_event(char kind, std::string_view payload);

// Waits until the event has been written and committed; false when it was discarded, or when the time is over.
bool await_event(const EventTicket& ticket, long milliseconds);

struct EventQueueStatistics {
    bool exists;
    bool launcher;
    int workers;
    int busy;          // databases with a worker that has events yet to write
    uint64 queued;     // not yet written
    uint64 written;    // since the server started, like the following
    uint64 dropped;    // not taken, because the queue was full
    uint64 discarded;  // taken, but not written: no extension or no database any more, or the row was refused
};
EventQueueStatistics event_queue_statistics();

// For workers and the launcher.

constexpr int event_lane_count = 64;

// Makes this process the worker of a lane; the database of the lane, or InvalidOid when another one is.
Oid begin_event_worker(int lane);
// The worker of the lane ends. A lane that failed waits before it gets another, the longer the more often it did.
void end_event_worker(int lane, bool failed);

// The oldest events of a lane, in the current memory context; they stay in the queue.
struct EventBatch {
    int count;
    Datum* kinds;     // "char"
    Datum* payloads;  // text
};
EventBatch peek_events(int lane, int most);

// Takes the oldest events off: they have been written, but so many of them were refused.
void finish_events(int lane, int count, int refused);
// Takes all events of a lane off that nobody will write.
void discard_events(int lane);

void begin_event_launcher();
void end_event_launcher();

// started: a worker has been asked for and has not begun yet.
enum class LaneWants : uint32 { nothing, worker, later, started };

struct LaneView {
    LaneWants wants;
    Oid database;
    TimestampTz retry_at;  // for later
};
LaneView view_lane(int lane);
void set_lane_starting(int lane);
// The worker that was asked for could not be started, or ended before it began.
void set_lane_failed(int lane);

}  // namespace bastion::pg
