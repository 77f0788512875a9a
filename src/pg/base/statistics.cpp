#include "pg/base/statistics.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/shared_memory.hpp"

extern "C" {
#include "storage/ipc.h"
}

namespace bastion::pg {
namespace {

// Databases with counts of their own. Backends of others count for their connection alone.
constexpr std::size_t most_databases = 64;

using Cells = std::array<detail::CounterCell, counter_count>;

// What a backend that runs has counted.
struct alignas(PG_CACHE_LINE_SIZE) Slot {
    int database;  // place of it, or -1
    Cells cells;
};

struct Database {
    Oid id;
    TimestampTz reset_at;
    CounterValues ended;  // of backends that ended
    CounterValues reset;  // what is subtracted
};

// The slots follow. The lock is held to begin, end, read and reset, and never to count.
struct alignas(PG_CACHE_LINE_SIZE) Memory {
    LWLock own_lock;  // without preload
    int slots;
    Database databases[most_databases];
};

constinit Cells own_cells{};
CounterValues own_reset{};
TimestampTz own_reset_at = 0;

Memory* memory = nullptr;
LWLock* lock = nullptr;
Slot* slot = nullptr;  // of this backend; null: own_cells

Slot* slots_of(Memory* of) noexcept { return reinterpret_cast<Slot*>(of + 1); }

// Memory of the server is aligned to less.
Size memory_size() { return sizeof(Memory) + static_cast<Size>(MaxBackends) * sizeof(Slot) + alignof(Memory); }

Memory* aligned(void* start) noexcept {
    return reinterpret_cast<Memory*>(TYPEALIGN(alignof(Memory), reinterpret_cast<uintptr_t>(start)));
}

void fill(void* start) {
    Memory* fresh = aligned(start);
    std::memset(static_cast<void*>(fresh), 0, sizeof(Memory));
    fresh->slots = MaxBackends;
    for (int i = 0; i < fresh->slots; ++i) new (&slots_of(fresh)[i]) Slot{-1, {}};
}

void fill_unshared(void* start) {
    fill(start);
    LWLockInitialize(&aligned(start)->own_lock, LWLockNewTrancheId());
}

void attach_piece(void* start, LWLock* its_lock, bool fresh) {
    if (fresh) fill(start);
    memory = aligned(start);
    lock = its_lock;
}

SharedPiece piece{"pg_bastion statistics", "pg_bastion_statistics", memory_size, attach_piece};

// Named by what it holds: after an upgrade of the library, backends of both versions may run.
void attach_segment() {
    char name[NAMEDATALEN];
    snprintf(name, sizeof name, "pg_bastion statistics %s %zu", BASTION_VERSION, memory_size());
    void* segment = compat::named_segment(name, memory_size(), fill_unshared);
    if (segment == nullptr) return;
    memory = aligned(segment);
    lock = &memory->own_lock;
    LWLockRegisterTranche(lock->tranche, "pg_bastion_statistics");
}

Database* database_of(Oid id) noexcept {
    auto* const end = std::end(memory->databases);
    auto* const found =
        std::find_if(std::begin(memory->databases), end, [&](const Database& each) { return each.id == id; });
    return found == end ? nullptr : found;
}

// Gives a place to this database, under the lock.
void take_place(Database& place) noexcept {
    place = {};
    place.id = MyDatabaseId;
    place.reset_at = GetCurrentTimestamp();
}

bool find_place() {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    Database* place = database_of(MyDatabaseId);
    if (place == nullptr && (place = database_of(InvalidOid)) != nullptr) take_place(*place);
    LWLockRelease(lock);
    return place != nullptr;
}

// When all are taken: that of a database that was dropped.
void reclaim_place() {
    for (Database& place : memory->databases) {
        const Oid id = place.id;
        if (SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(id))) continue;
        LWLockAcquire(lock, LW_EXCLUSIVE);
        const bool is_free = place.id == id && database_of(MyDatabaseId) == nullptr;
        if (is_free) take_place(place);
        LWLockRelease(lock);
        if (is_free) return;
    }
}

// Leaves the counts to the database, in one step for readers.
void leave_slot(int, Datum) {
    if (slot == nullptr) return;
    LWLockAcquire(lock, LW_EXCLUSIVE);
    Database& database = memory->databases[slot->database];
    for (std::size_t i = 0; i < counter_count; ++i) database.ended[i] += slot->cells[i].exchange(0);
    slot->database = -1;
    LWLockRelease(lock);
    slot = nullptr;
    detail::counter_cells = own_cells.data();
}

void enter_slot(int number) {
    LWLockAcquire(lock, LW_EXCLUSIVE);
    if (const Database* database = database_of(MyDatabaseId)) {
        slot = &slots_of(memory)[number];
        for (std::size_t i = 0; i < counter_count; ++i) slot->cells[i] = own_cells[i].exchange(0);
        slot->database = static_cast<int>(database - memory->databases);
        detail::counter_cells = slot->cells.data();
    }
    LWLockRelease(lock);
}

// What the database of this slot has counted, without what was reset; under the lock.
CounterValues sum_of(int database) noexcept {
    CounterValues out = memory->databases[database].ended;
    for (int i = 0; i < memory->slots; ++i) {
        const Slot& each = slots_of(memory)[i];
        if (each.database != database) continue;
        for (std::size_t k = 0; k < counter_count; ++k) out[k] += each.cells[k].load(std::memory_order_relaxed);
    }
    return out;
}

CounterValues sum_of_own() noexcept {
    CounterValues out{};
    for (std::size_t i = 0; i < counter_count; ++i) out[i] = own_cells[i].load(std::memory_order_relaxed);
    return out;
}

CounterValues difference(CounterValues counted, const CounterValues& reset) noexcept {
    for (std::size_t i = 0; i < counter_count; ++i) counted[i] -= reset[i];
    return counted;
}

}  // namespace

constinit detail::CounterCell* detail::counter_cells = own_cells.data();
constinit bool detail::counters_attached = false;

void detail::attach_counters() {
    if (MyProc == nullptr || !OidIsValid(MyDatabaseId) || !IsTransactionState()) return;
    counters_attached = true;
    own_reset_at = MyStartTimestamp;
    if (memory == nullptr) attach_segment();
    const int number = compat::process_number();
    if (memory == nullptr || number < 0 || number >= memory->slots) return;
    if (!find_place()) reclaim_place();
    before_shmem_exit(leave_slot, Datum{0});
    enter_slot(number);
}

void prepare_statistics() { (void)request_shared_piece(piece); }

const char* statistics_mode() noexcept { return slot != nullptr ? "shared memory" : "connection"; }

void read_statistics(CounterValues& out, TimestampTz& reset_at) {
    attach_statistics();
    if (slot == nullptr) {
        out = difference(sum_of_own(), own_reset);
        reset_at = own_reset_at;
        return;
    }
    LWLockAcquire(lock, LW_SHARED);
    const Database& database = memory->databases[slot->database];
    out = difference(sum_of(slot->database), database.reset);
    reset_at = database.reset_at;
    LWLockRelease(lock);
}

void reset_statistics() {
    attach_statistics();
    if (slot == nullptr) {
        own_reset = sum_of_own();
        own_reset_at = GetCurrentTimestamp();
        return;
    }
    LWLockAcquire(lock, LW_EXCLUSIVE);
    Database& database = memory->databases[slot->database];
    database.reset = sum_of(slot->database);
    database.reset_at = GetCurrentTimestamp();
    LWLockRelease(lock);
}

}  // namespace bastion::pg
