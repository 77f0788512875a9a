#include "pg/throttle/throttle_shared.hpp"

#include "pg/base/settings.hpp"
#include "pg/base/shared_memory.hpp"
#include "pg/event/event_queue.hpp"

namespace bastion::pg {
namespace {

int wanted_size = 0;

const SettingsTable table([] {
    define(IntSetting{"bastion.throttle_size",
                      "Shared memory for the counters of login attempts, when preloaded; 0 for none. Read when the "
                      "server starts.",
                      &wanted_size, 4096, 0, 1024 * 1024, PGC_POSTMASTER, GUC_UNIT_KB});
});

constexpr char event_kind = 't';

detail::SharedSet* sets = nullptr;

uint32 set_count() noexcept {
    return static_cast<uint32>(std::max<Size>(1, static_cast<Size>(wanted_size) * 1024 / sizeof(detail::SharedSet)));
}

Size sets_size() { return set_count() * sizeof(detail::SharedSet); }

void attach_sets(void* memory, LWLock*, bool fresh) {
    sets = static_cast<detail::SharedSet*>(memory);
    if (!fresh) return;
    std::memset(memory, 0, sets_size());
    for (uint32 i = 0; i < set_count(); ++i) SpinLockInit(&sets[i].lock);
}

SharedPiece piece{"pg_bastion throttle", "pg_bastion_throttle", sets_size, attach_sets};

// What this transaction has written to the table, newest first.
struct Written {
    ThrottleKey key;
    uint32 version;
    Written* next;
};
Written* written = nullptr;

void mark_saved(const Written& entry) {
    change_shared_set(entry.key, [&](ThrottleSet& set) {
        ThrottleEntry* found = find_entry(set, entry.key);
        if (found != nullptr) found->saved_version = std::max(found->saved_version, entry.version);
    });
}

void finish_saves(XactEvent event, void*) {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
    for (const Written* entry = written; event == XACT_EVENT_COMMIT && entry != nullptr; entry = entry->next)
        mark_saved(*entry);
    written = nullptr;
}

}  // namespace

void prepare_shared_sets() {
    if (wanted_size > 0) (void)request_shared_piece(piece);
    RegisterXactCallback(finish_saves, nullptr);
}

bool has_shared_sets() noexcept { return sets != nullptr; }

detail::SharedSet& detail::shared_set(const ThrottleKey& key) noexcept {
    return sets[throttle_place(key, set_count())];
}

namespace {

void queue_save(const ThrottleEntry& entry) {
    if (!entry.is_unsaved() || entry.database != MyDatabaseId || !event_queue_serves()) return;
    char key[2 * sizeof entry.key.bytes];
    (void)hex_encode(reinterpret_cast<const char*>(entry.key.bytes.data()), sizeof entry.key.bytes, key);
    (void)append_event(event_kind, {key, sizeof key});
}

ThrottleSet copy_of_set(const ThrottleKey& key) {
    ThrottleSet copy;
    change_shared_set(key, [&](const ThrottleSet& set) { copy = set; });
    return copy;
}

}  // namespace

void request_save(const ThrottleKey& key) {
    ThrottleSet copy = copy_of_set(key);
    if (const ThrottleEntry* entry = find_entry(copy, key)) queue_save(*entry);
}

void request_saves(const ThrottleKey& key) {
    const ThrottleSet copy = copy_of_set(key);
    for (const ThrottleEntry& entry : copy.entries) queue_save(entry);
}

bool has_shared_entry(const ThrottleKey& key) {
    ThrottleSet copy = copy_of_set(key);
    return find_entry(copy, key) != nullptr;
}

bool unsaved_throttle(const ThrottleKey& key, UnsavedThrottle& out) {
    auto* entry = static_cast<Written*>(MemoryContextAlloc(TopTransactionContext, sizeof(Written)));
    bool unsaved = false;
    change_shared_set(key, [&](ThrottleSet& set) {
        ThrottleEntry* found = find_entry(set, key);
        unsaved = found != nullptr && found->is_unsaved();
        if (!unsaved) return;
        out = {found->kind, {found->paid_until, found->charged_at, found->failures}};
        // Before the commit: a success meanwhile must be saved, too.
        found->is_in_table = true;
        *entry = {key, found->version, written};
    });
    if (unsaved) written = entry;
    return unsaved;
}

}  // namespace bastion::pg
