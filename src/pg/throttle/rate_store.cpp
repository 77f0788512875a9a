#include "pg/throttle/rate_store.hpp"

#include "pg/base/compat.hpp"
#include "pg/base/settings.hpp"
#include "pg/base/shared_memory.hpp"

extern "C" {
#include "storage/spin.h"
}

namespace bastion::pg {
namespace {

int wanted_size = 0;

const SettingsTable table([] {
    define(IntSetting{"bastion.rate_limit_size",
                      "Shared memory for the counters of rate limits, when preloaded; 0 for no rate limits. Read when "
                      "the server starts.",
                      &wanted_size, 4096, 0, 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB});
});

struct alignas(128) LockedSet {
    slock_t lock;
    uint32 evictions;
    RateSet set;
};
static_assert(sizeof(LockedSet) == 128);

// The sets of both tables follow.
struct alignas(128) Memory {
    RateSeed seed;
    Size sets;  // of a table
};

// Without preload.
constexpr Size default_size = 1024 * 1024;

Memory* memory = nullptr;
bool is_shared = false;

LockedSet* sets_of(Memory* of) noexcept { return reinterpret_cast<LockedSet*>(of + 1); }

constexpr Size sets_in(Size bytes) noexcept { return std::max<Size>(1, bytes / sizeof(LockedSet) / 2); }

constexpr Size memory_of(Size sets) noexcept { return sizeof(Memory) + 2 * sets * sizeof(LockedSet); }

// Memory of the server is aligned to less.
constexpr Size unaligned_of(Size sets) noexcept { return memory_of(sets) + alignof(Memory); }

Memory* aligned(void* start) noexcept {
    return reinterpret_cast<Memory*>(TYPEALIGN(alignof(Memory), reinterpret_cast<uintptr_t>(start)));
}

void fill(void* start, Size sets) {
    Memory* fresh = aligned(start);
    std::memset(static_cast<void*>(fresh), 0, memory_of(sets));
    fresh->sets = sets;
    if (!pg_strong_random(fresh->seed.data(), fresh->seed.size()))
        ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate random values")));
    for (Size i = 0; i < 2 * sets; ++i) SpinLockInit(&sets_of(fresh)[i].lock);
}

void fill_default(void* start) { fill(start, sets_in(default_size)); }

Size configured_sets() noexcept { return sets_in(static_cast<Size>(wanted_size) * 1024); }

Size piece_size() { return unaligned_of(configured_sets()); }

void attach(void* start, LWLock*, bool fresh) {
    if (fresh) fill(start, configured_sets());
    memory = aligned(start);
    is_shared = true;
}

SharedPiece piece{"pg_bastion rate limits", "pg_bastion_rate_limits", piece_size, attach};

// The memory; null when off.
Memory* attached() {
    if (likely(memory != nullptr) || wanted_size == 0) return memory;
    const Size size = unaligned_of(sets_in(default_size));
    void* segment = compat::named_segment("pg_bastion rate limits", size, fill_default);
    is_shared = segment != nullptr;
    if (!is_shared) {
        segment = MemoryContextAllocHuge(TopMemoryContext, size);
        fill_default(segment);
    }
    memory = aligned(segment);
    return memory;
}

LockedSet& set_of(Memory* of, const RateSubject& subject) noexcept {
    return sets_of(of)[rate_place(subject.key, of->sets) + (subject.table == RateTable::addresses ? of->sets : 0)];
}

Nanos rate_clock() noexcept {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<Nanos>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

constexpr RateVerdict unlimited(const RateRule& rule) noexcept { return {true, false, rule.burst, 0, 0}; }

}  // namespace

void prepare_rates() {
    if (wanted_size > 0) (void)request_shared_piece(piece);
}

const char* rate_mode() noexcept {
    if (wanted_size == 0) return "off";
    return is_shared || compat::has_named_segments ? "shared memory" : "connection";
}

uint64 rate_evictions() {
    Memory* here = attached();
    uint64 total = 0;
    for (Size i = 0; here != nullptr && i < 2 * here->sets; ++i) total += sets_of(here)[i].evictions;
    return total;
}

uint64 rate_hash(ByteSpan bytes) {
    Memory* here = attached();
    return here == nullptr ? 0 : rate_key(here->seed, bytes);
}

RateSubject rate_subject(RateTable of, ByteSpan value) { return {of, rate_hash(value)}; }

RateVerdict rate_charge(const RateSubject& subject, const RateRule& rule, int64 cost) {
    Memory* here = attached();
    if (here == nullptr) return unlimited(rule);
    LockedSet& set = set_of(here, subject);
    const Nanos now = rate_clock();
    SpinLockAcquire(&set.lock);
    const RateVerdict verdict = rate_charge(set.set, subject.key, rule, cost, now);
    set.evictions += verdict.evicts ? 1 : 0;
    SpinLockRelease(&set.lock);
    return verdict;
}

RateVerdict rate_peek(const RateSubject& subject, const RateRule& rule) {
    Memory* here = attached();
    if (here == nullptr) return unlimited(rule);
    LockedSet& set = set_of(here, subject);
    const Nanos now = rate_clock();
    SpinLockAcquire(&set.lock);
    const RateVerdict verdict = rate_peek(set.set, subject.key, rule, now);
    SpinLockRelease(&set.lock);
    return verdict;
}

}  // namespace bastion::pg
