#include "pg/event/event_queue.hpp"

#include "core/event/event_store.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/shared_memory.hpp"

namespace bastion::pg {
namespace {

int wanted_size = 0;

const SettingsTable table([] {
    define(IntSetting{"bastion.event_queue_size",
                      "Shared memory for queued events, when preloaded; 0 for none. Read when the "
                      "server starts.",
                      &wanted_size, 4096, 0, 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB});
});

constexpr uint32 fewest_blocks = 256;
constexpr std::size_t longest_payload = 16 * 1024;
constexpr int longest_backoff_ms = 10000;
constexpr std::size_t share_count = 256;  // of the users of a database; a few users have one in common

enum class LaneState : uint32 { idle, starting, running };

// The events of one database, oldest first. Counters continue when another database takes the lane, so that a ticket
// never means two events.
struct Lane {
    Oid database;
    LaneState state;
    PGPROC* worker;  // while running
    uint32 first, last;
    uint32 blocks;
    uint32 shares[share_count];  // the blocks of these events, by the share of their author
    int failures;                // of workers, since one of them wrote something
    TimestampTz retry_at;
    uint64 appended, finished, discarded_through;
    ConditionVariable moved;  // finished has changed

    uint64 queued() const { return appended - finished; }
};

struct Queue {
    PGPROC* launcher;
    uint64 share_seed;  // so that nobody can choose whose share is theirs too
    uint64 written, dropped, discarded;
    Lane lanes[event_lane_count];
};

Queue* queue = nullptr;
EventStore* event_store = nullptr;
LWLock* lock = nullptr;

uint32 block_count() {
    const std::size_t wanted = static_cast<std::size_t>(wanted_size) * 1024;
    return std::max(fewest_blocks, static_cast<uint32>(wanted / EventStore::size_for(1)));
}

Size queue_size() { return MAXALIGN(sizeof(Queue)) + EventStore::size_for(block_count()); }

void initialise_queue(void* store_memory) {
    std::memset(static_cast<void*>(queue), 0, sizeof(Queue));
    for (Lane& lane : queue->lanes) ConditionVariableInit(&lane.moved);
    (void)pg_strong_random(&queue->share_seed, sizeof queue->share_seed);
    (void)EventStore::create(store_memory, block_count());
}

void attach_queue(void* memory, LWLock* its_lock, bool fresh) {
    queue = static_cast<Queue*>(memory);
    event_store = reinterpret_cast<EventStore*>(static_cast<char*>(memory) + MAXALIGN(sizeof(Queue)));
    lock = its_lock;
    if (fresh) initialise_queue(event_store);
}

SharedPiece piece{"pg_bastion events", "pg_bastion_events", queue_size, attach_queue};

// The lane of the database, or an unused one, or null.
Lane* find_lane(Oid database) {
    for (Lane& lane : queue->lanes)
        if (lane.database == database) return &lane;
    for (Lane& lane : queue->lanes) {
        if (lane.queued() > 0 || lane.state != LaneState::idle) continue;
        lane.database = database;
        lane.failures = 0;
        return &lane;
    }
    return nullptr;
}

// Those without an identity have one share together.
std::uint8_t share_of_author() {
    const OptionalUuid author = event_author();
    if (!author.present) return 0;
    return static_cast<std::uint8_t>(1 + hash_bytes_extended(author.value.data, UUID_LEN, queue->share_seed) %
                                             (share_count - 1));
}

// A database may use as much as it leaves free, so that one whose events cannot be written does not stop the others. In the same
// way, a user may use as much of what the database may still use as is left after it.
bool has_room(const Lane& lane, std::uint8_t share, uint32 wanted) {
    if (lane.blocks + 2 * wanted > event_store->free_count()) return false;
    return lane.shares[share] + 2 * wanted <= (event_store->free_count() - lane.blocks) / 2;
}

void link_newest(Lane& lane, uint32 event) {
    if (lane.queued() == 0)
        lane.first = event;
    else
        event_store->set_next(lane.last, event);
    lane.last = event;
    ++lane.appended;
}

void remove_oldest(Lane& lane) {
    const uint32 event = lane.first;
    lane.first = event_store->next(event);
    const std::uint8_t share = event_store->share(event);
    const uint32 blocks = event_store->remove(event);
    lane.blocks -= blocks;
    lane.shares[share] -= blocks;
    ++lane.finished;
}

void back_off(Lane& lane) {
    lane.state = LaneState::idle;
    lane.worker = nullptr;
    const int wait = std::min(longest_backoff_ms, 1000 << std::min(lane.failures, 4));
    ++lane.failures;
    lane.retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait);
}

std::size_t payload_size(uint32 event) { return MAXALIGN(VARHDRSZ + event_store->length(event)); }

Datum copy_payload(uint32 event, char* place) {
    auto* out = reinterpret_cast<text*>(place);
    SET_VARSIZE(out, VARHDRSZ + event_store->length(event));
    event_store->copy_payload(event, VARDATA(out));
    return PointerGetDatum(out);
}

void wake(PGPROC* process) {
    if (process != nullptr) SetLatch(&process->procLatch);
}

}  // namespace

OptionalUuid (*event_author)() noexcept = nullptr;

bool prepare_event_queue() { return wanted_size > 0 && request_shared_piece(piece); }

bool event_queue_serves() { return queue != nullptr && IsUnderPostmaster && !RecoveryInProgress(); }

EventTicket append_event(char kind, std::string_view payload) {
    const uint32 wanted = EventStore::blocks_for(payload.size());
    const std::uint8_t share = share_of_author();
    const TimestampTz now = GetCurrentTimestamp();
    EventTicket ticket{0, 0};
    PGPROC* waiting = nullptr;
    LWLockAcquire(lock, LW_EXCLUSIVE);
    Lane* lane = payload.size() <= longest_payload ? find_lane(MyDatabaseId) : nullptr;
    if (lane != nullptr && has_room(*lane, share, wanted)) {
        lane->blocks += wanted;
        lane->shares[share] += wanted;
        link_newest(*lane, event_store->put(kind, payload, share, now));
        ticket = {static_cast<int>(lane - queue->lanes), lane->appended};
        waiting = lane->state == LaneState::running ? lane->worker : queue->launcher;
    } else {
        ++queue->dropped;
    }
    LWLockRelease(lock);
    wake(waiting);
    return ticket;
}

namespace {

// The worker may wait for a lock that this transaction holds, and deadlock detection does not see that: so the wait is short.
constexpr long longest_wait_ms = 1000;

// Until the event has been written and committed; false when it was discarded, or after the time limit.
bool await_event(const EventTicket& ticket) {
    Lane& lane = queue->lanes[ticket.lane];
    const TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), longest_wait_ms);
    bool finished = false;
    bool discarded = false;
    ConditionVariablePrepareToSleep(&lane.moved);
    for (;;) {
        LWLockAcquire(lock, LW_SHARED);
        finished = lane.finished >= ticket.number;
        discarded = lane.discarded_through >= ticket.number;
        LWLockRelease(lock);
        const long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);
        if (finished || left <= 0) break;
        (void)ConditionVariableTimedSleep(&lane.moved, left, PG_WAIT_EXTENSION);
    }
    ConditionVariableCancelSleep();
    return finished && !discarded;
}

}  // namespace

std::optional<bool> queue_event(char kind, std::string_view payload, bool waits) {
    if (!event_queue_serves()) return {};
    const EventTicket ticket = append_event(kind, payload);
    return ticket.number > 0 && (!waits || await_event(ticket));
}

EventQueueStatistics event_queue_statistics() {
    EventQueueStatistics out{};
    out.exists = queue != nullptr;
    if (!out.exists) return out;
    out.oldest = DT_NOEND;
    LWLockAcquire(lock, LW_SHARED);
    out.launcher = queue->launcher != nullptr;
    out.written = queue->written;
    out.dropped = queue->dropped;
    out.discarded = queue->discarded;
    for (const Lane& lane : queue->lanes) {
        out.queued += lane.queued();
        if (lane.queued() > 0) out.oldest = std::min<TimestampTz>(out.oldest, event_store->time(lane.first));
        if (lane.state == LaneState::running) ++out.workers;
        if (lane.state != LaneState::idle && lane.queued() > 0) ++out.busy;
    }
    LWLockRelease(lock);
    return out;
}

Oid begin_event_worker(int number) {
    Lane& lane = queue->lanes[number];
    Oid database = InvalidOid;
    LWLockAcquire(lock, LW_EXCLUSIVE);
    if (lane.state == LaneState::starting) {
        lane.state = LaneState::running;
        lane.worker = MyProc;
        database = lane.database;
    }
    LWLockRelease(lock);
    return database;
}

void end_event_worker(int number, bool failed) {
    Lane& lane = queue->lanes[number];
    LWLockAcquire(lock, LW_EXCLUSIVE);
    if (failed) {
        back_off(lane);
    } else {
        lane.state = LaneState::idle;
        lane.worker = nullptr;
    }
    PGPROC* launcher = queue->launcher;
    LWLockRelease(lock);
    wake(launcher);
}

// Only the worker removes events, so those that are linked now stay: their sizes are read first, and the memory for them is
// allocated without the lock, which every other database waits for.
EventBatch peek_events(int number, int most) {
    const Lane& lane = queue->lanes[number];
    std::size_t size = 0;
    int count = 0;
    LWLockAcquire(lock, LW_SHARED);
    const int queued = static_cast<int>(std::min<uint64>(lane.queued(), most));
    for (uint32 event = lane.first; count < queued; event = event_store->next(event), ++count)
        size += payload_size(event);
    LWLockRelease(lock);
    EventBatch batch{0, static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1))),
                     static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)))};
    char* place = static_cast<char*>(palloc(size + 1));
    LWLockAcquire(lock, LW_SHARED);
    for (uint32 event = lane.first; batch.count < count; event = event_store->next(event)) {
        batch.kinds[batch.count] = CharGetDatum(event_store->kind(event));
        batch.payloads[batch.count++] = copy_payload(event, place);
        place += payload_size(event);
    }
    LWLockRelease(lock);
    return batch;
}

void finish_events(int number, int count, int refused) {
    Lane& lane = queue->lanes[number];
    LWLockAcquire(lock, LW_EXCLUSIVE);
    for (int i = 0; i < count; ++i) remove_oldest(lane);
    lane.failures = 0;
    queue->written += count - refused;
    queue->discarded += refused;
    if (refused > 0) lane.discarded_through = lane.finished;
    LWLockRelease(lock);
    ConditionVariableBroadcast(&lane.moved);
}

void discard_events(int number) {
    Lane& lane = queue->lanes[number];
    LWLockAcquire(lock, LW_EXCLUSIVE);
    queue->discarded += lane.queued();
    while (lane.queued() > 0) remove_oldest(lane);
    lane.discarded_through = lane.finished;
    LWLockRelease(lock);
    ConditionVariableBroadcast(&lane.moved);
}

void begin_event_launcher() {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    queue->launcher = MyProc;
    // Workers that the previous launcher requested: the first one begins, others end at once.
    for (Lane& lane : queue->lanes)
        if (lane.state == LaneState::starting) lane.state = LaneState::idle;
    LWLockRelease(lock);
}

void end_event_launcher() {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    queue->launcher = nullptr;
    LWLockRelease(lock);
}

void wake_event_launcher() {
    if (queue == nullptr) return;
    LWLockAcquire(lock, LW_SHARED);
    PGPROC* launcher = queue->launcher;
    LWLockRelease(lock);
    wake(launcher);
}

LaneView view_lane(int number) {
    const Lane& lane = queue->lanes[number];
    LWLockAcquire(lock, LW_SHARED);
    LaneView view{LaneWants::nothing, lane.database, lane.retry_at};
    const bool later = lane.failures > 0 && lane.retry_at > GetCurrentTimestamp();
    if (lane.state == LaneState::starting)
        view.wants = LaneWants::started;
    else if (lane.state == LaneState::idle && lane.queued() > 0)
        view.wants = later ? LaneWants::later : LaneWants::worker;
    LWLockRelease(lock);
    return view;
}

void set_lane_starting(int number) {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    queue->lanes[number].state = LaneState::starting;
    LWLockRelease(lock);
}

void set_lane_failed(int number) {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    back_off(queue->lanes[number]);
    LWLockRelease(lock);
}

}  // namespace bastion::pg
