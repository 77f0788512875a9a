#include "pg/cache/announcement.hpp"

namespace bastion::pg {
namespace {

constexpr uint32 most_ids = 256;
constexpr uint32 slot_count = 512;  // a power of two
constexpr int most_scopes = 32;

struct Announced {
    Oid id;
    int level;          // of the subtransaction that sent it
    CommandId command;  // the last one that changed it
};

// The ids in the order in which they were sent, so their levels never fall; hashed, for one look per row.
struct Scope {
    bool changed;  // in this transaction, or in what rolled back of it
    uint32 count;
    int whole_level;  // of the subtransaction that sent the message for all; 0 for none
    CommandId whole_command;
    Announced ids[most_ids];
    uint16 slots[slot_count];  // index + 1, 0 for empty
};

// What earlier commands changed, or the current one did, and the caches of this backend have not dropped yet.
struct Pending {
    bool waits;
    bool all;  // or these ids
    uint32 count;
    CommandId first, last;
    Oid ids[64];
};

Scope scopes[most_scopes];
Pending pending;
bool anything = false;      // of the scopes is set
bool dropped_here = false;  // the caches of this backend dropped something without a message of PostgreSQL
bool urgent = false;        // a scope that idle backends must hear of

// The place of the id, or a free one.
uint16& slot_of(Scope& scope, Oid id) noexcept {
    uint32 slot = (id * 2654435761u) & (slot_count - 1);
    while (scope.slots[slot] != 0 && scope.ids[scope.slots[slot] - 1].id != id) slot = (slot + 1) & (slot_count - 1);
    return scope.slots[slot];
}

void index_ids(Scope& scope) noexcept {
    std::memset(scope.slots, 0, sizeof scope.slots);
    for (uint32 i = 0; i < scope.count; ++i) slot_of(scope, scope.ids[i].id) = static_cast<uint16>(i + 1);
}

void drop_all_here() noexcept {
    for (const MessageScope* scope = first_scope(); scope != nullptr; scope = scope->next)
        if (scopes[scope->number].changed) drop_here(scope->all);
}

void drop_pending() noexcept {
    if (pending.all) return drop_all_here();
    for (uint32 i = 0; i < pending.count; ++i) drop_here(pending.ids[i]);
}

// The change becomes visible to this backend with the next command.
void drop_later(Oid message, CommandId command) noexcept {
    if (!pending.waits) pending = {true, false, 0, command, command, {}};
    pending.last = command;
    dropped_here = true;
    const std::span<const Oid> known(pending.ids, pending.count);
    if (pending.all || std::find(known.begin(), known.end(), message) != known.end()) return;
    if (pending.count < std::size(pending.ids))
        pending.ids[pending.count++] = message;
    else
        pending.all = true;
}

void forget_level(int level) noexcept {
    if (!anything) return;
    for (Scope& scope : scopes) {
        const uint32 before = scope.count;
        while (scope.count > 0 && scope.ids[scope.count - 1].level >= level) --scope.count;
        if (scope.count != before) index_ids(scope);
        if (scope.whole_level >= level) scope.whole_level = 0;
    }
}

void raise_level(int level) noexcept {
    if (!anything) return;
    for (Scope& scope : scopes) {
        for (uint32 i = scope.count; i > 0 && scope.ids[i - 1].level >= level; --i) scope.ids[i - 1].level = level - 1;
        if (scope.whole_level >= level) scope.whole_level = level - 1;
    }
}

// What was loaded after the change, inside of what rolls back, is as wrong as what was loaded before.
void drop_after_rollback() noexcept {
    if (!dropped_here) return;
    pending.waits = false;
    drop_all_here();
}

void on_transaction_event(XactEvent event, void*) {
    if (event == XACT_EVENT_COMMIT && pending.waits) drop_pending();
    if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE) drop_after_rollback();
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE) return;
    if (event != XACT_EVENT_COMMIT) urgent = false;
    forget_level(1);
    if (anything)
        for (Scope& scope : scopes) scope.changed = false;
    anything = dropped_here = pending.waits = false;
}

void on_subtransaction_event(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
    const int level = GetCurrentTransactionNestLevel();
    if (event == SUBXACT_EVENT_COMMIT_SUB) raise_level(level);
    if (event != SUBXACT_EVENT_ABORT_SUB) return;
    forget_level(level);
    drop_after_rollback();
}

// PostgreSQL has sent the messages of a transaction when it releases locks.
void on_release(ResourceReleasePhase phase, bool, bool is_top_level, void*) {
    if (!urgent || !is_top_level || phase != RESOURCE_RELEASE_AFTER_LOCKS) return;
    urgent = false;
    wake_backends();
}

}  // namespace

void settle_changes() noexcept {
    if (!pending.waits) return;
    const CommandId command = GetCurrentCommandId(false);
    if (pending.first == command) return;
    drop_pending();
    // What the current command changed is dropped once more, after it.
    pending.waits = pending.last == command;
    pending.first = command;
}

bool is_announced_whole(const MessageScope& named) noexcept {
    const Scope& scope = scopes[named.number];
    return scope.whole_level != 0 && scope.whole_command == GetCurrentCommandId(true);
}

void announce(const MessageScope& named, Oid id) {
    Scope& scope = scopes[named.number];
    scope.changed = anything = true;
    urgent = urgent || named.urgent;
    // Marked as used, so that a next command begins after the trigger, at which PostgreSQL delivers its messages too.
    const CommandId command = GetCurrentCommandId(true);
    const int level = GetCurrentTransactionNestLevel();
    if (scope.whole_level != 0) {
        if (scope.whole_command != command) drop_later(named.all, command);
        scope.whole_command = command;
        return;
    }
    uint16& slot = slot_of(scope, id);
    if (slot != 0) {
        Announced& known = scope.ids[slot - 1];
        if (known.command != command) drop_later(id, command);
        known.command = command;
        return;
    }
    if (scope.count == most_ids) {
        send_invalidation(named.all);
        scope.whole_level = level;
        scope.whole_command = command;
        return;
    }
    send_invalidation(id);
    scope.ids[scope.count++] = {id, level, command};
    slot = static_cast<uint16>(scope.count);
}

bool has_written() noexcept { return TransactionIdIsValid(GetTopTransactionIdIfAny()); }

void register_announcement() {
    Assert(first_scope()->number < most_scopes);
    RegisterXactCallback(on_transaction_event, nullptr);
    RegisterSubXactCallback(on_subtransaction_event, nullptr);
    RegisterResourceReleaseCallback(on_release, nullptr);
}

}  // namespace bastion::pg
