#include "pg/event/seal_schedule.hpp"

#include "pg/base/settings.hpp"
#include "pg/base/shared_memory.hpp"
#include "pg/event/event_queue.hpp"

namespace bastion::pg {
namespace {

int interval = 10;

const SettingsTable table([] {
    define(IntSetting{
        "bastion.audit_seal_interval",
        "Seconds between a commit and the sealing of its entries of the audit log, when preloaded with a queue of "
        "events; 0 leaves that to audit_seal().",
        &interval, 10, 0, 86400, PGC_SIGHUP, GUC_UNIT_S});
});

constexpr int lane_count = 64;
constexpr int64 longest_delay_ms = 600'000;

struct SealLane {
    // The database, twice, and 1 if it is marked: one word, because a commit reads it without the lock.
    pg_atomic_uint64 mark;
    TimestampTz since;
    int failures;
    bool is_running;
    bool has_finished;

    Oid database() { return static_cast<Oid>(pg_atomic_read_u64(&mark) / 2); }
    bool is_marked() { return pg_atomic_read_u64(&mark) % 2 == 1; }
};

struct Schedule {
    bool has_overflowed;
    SealLane lanes[lane_count];
};

Schedule* schedule = nullptr;
LWLock* lock = nullptr;

Size schedule_size() { return sizeof(Schedule); }

void attach(void* memory, LWLock* its_lock, bool fresh) {
    schedule = static_cast<Schedule*>(memory);
    lock = its_lock;
    if (!fresh) return;
    std::memset(memory, 0, sizeof(Schedule));
    for (SealLane& lane : schedule->lanes) pg_atomic_init_u64(&lane.mark, 0);
}

SharedPiece piece{"pg_bastion sealing", "pg_bastion_sealing", schedule_size, attach};

constexpr uint64 marked(Oid database) { return uint64{database} * 2 + 1; }

// The last transaction that wrote an entry; and the lane that the database of this backend had last.
uint64 entry_xid = 0;
int own_lane = 0;

// Entries that a transaction prepared are sealed when it has committed: until then, the worker marks the database again.
void mark_at_end(XactEvent event, void*) {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE) return;
    const uint64 xid = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
    if (xid == entry_xid && xid != 0) (void)mark_unsealed(MyDatabaseId);
}

int lane_for(Oid database) {
    int free = -1;
    for (int i = 0; i < lane_count; ++i) {
        SealLane& lane = schedule->lanes[i];
        if (lane.database() == database) return i;
        if (free < 0 && !lane.is_marked() && !lane.is_running) free = i;
    }
    return free;
}

bool mark(Oid database) {
    const int number = lane_for(database);
    if (number < 0) {
        schedule->has_overflowed = true;
        return false;
    }
    SealLane& lane = schedule->lanes[number];
    if (lane.database() != database) lane.failures = 0;
    if (!lane.is_marked() || lane.database() != database) lane.since = GetCurrentTimestamp();
    pg_atomic_write_u64(&lane.mark, marked(database));
    own_lane = number;
    return true;
}

TimestampTz due_at(const SealLane& lane) {
    const int64 delay = int64{interval} * 1000;
    const int64 longest = std::max(delay, longest_delay_ms);
    return TimestampTzPlusMilliseconds(lane.since, std::min(longest, delay << std::min(lane.failures, 10)));
}

}  // namespace

int seal_interval() { return interval; }

void prepare_seal_schedule() {
    if (request_shared_piece(piece)) RegisterXactCallback(mark_at_end, nullptr);
}

void note_audit_entry(uint64 xid) noexcept { entry_xid = xid; }

bool mark_unsealed(Oid database) {
    if (schedule == nullptr || !IsUnderPostmaster) return true;
    // The commit is visible before this: a worker that clears the mark later has a snapshot that sees it.
    pg_memory_barrier();
    if (pg_atomic_read_u64(&schedule->lanes[own_lane].mark) == marked(database)) return true;
    LWLockAcquire(lock, LW_EXCLUSIVE);
    const bool has_place = mark(database);
    LWLockRelease(lock);
    wake_event_launcher();
    return has_place;
}

bool take_seal_overflow() {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    const bool out = schedule->has_overflowed;
    schedule->has_overflowed = false;
    LWLockRelease(lock);
    return out;
}

void begin_seal_launcher() {
    if (schedule == nullptr) return;
    LWLockAcquire(lock, LW_EXCLUSIVE);
    for (SealLane& lane : schedule->lanes) lane.is_running = false;
    LWLockRelease(lock);
}

SealDue next_seal() {
    SealDue out{-1, InvalidOid, 0};
    LWLockAcquire(lock, LW_SHARED);
    for (int i = 0; i < lane_count; ++i) {
        SealLane& lane = schedule->lanes[i];
        if (!lane.is_marked() || (out.lane >= 0 && due_at(lane) >= out.at)) continue;
        out = {i, lane.database(), due_at(lane)};
    }
    LWLockRelease(lock);
    return out;
}

void begin_seal(int number) {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    SealLane& lane = schedule->lanes[number];
    pg_atomic_write_u64(&lane.mark, marked(lane.database()) - 1);
    lane.is_running = true;
    lane.has_finished = false;
    LWLockRelease(lock);
}

Oid sealing_database(int number) { return schedule->lanes[number].database(); }

void finish_seal(int number) {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    schedule->lanes[number].has_finished = true;
    schedule->lanes[number].failures = 0;
    LWLockRelease(lock);
}

void end_seal(int number) {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    SealLane& lane = schedule->lanes[number];
    lane.is_running = false;
    if (!lane.has_finished) {
        ++lane.failures;
        lane.since = GetCurrentTimestamp();
        pg_atomic_write_u64(&lane.mark, marked(lane.database()));
    }
    LWLockRelease(lock);
}

void drop_seal(int number) {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    pg_atomic_write_u64(&schedule->lanes[number].mark, 0);
    LWLockRelease(lock);
}

}  // namespace bastion::pg
