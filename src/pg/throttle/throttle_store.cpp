#include "pg/throttle/throttle_store.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/shared_memory.hpp"
#include "pg/base/statistics.hpp"
#include "pg/throttle/throttle_rows.hpp"
#include "pg/throttle/throttle_shared.hpp"

namespace bastion::pg {
namespace {

constexpr const char* table_name = "login_throttle";

// What the table has of an entry that shared memory lacks.
bool read_saved(const ThrottleKey& key, ThrottleCount& out) {
    struct {
        char header[VARHDRSZ];
        ThrottleKey key;
    } value;
    SET_VARSIZE(&value, VARHDRSZ + sizeof value.key);
    value.key = key;
    ColumnValue row[] = {{"paid_until", 0, true}, {"charged_at", 0, true}, {"failures", 0, true}};
    if (!read_row(table_name, "login_throttle_pkey", "key", F_BYTEAEQ, PointerGetDatum(&value), row)) return false;
    out = {DatumGetTimestampTz(row[0].value), DatumGetTimestampTz(row[1].value), DatumGetInt32(row[2].value)};
    return true;
}

// Brings an entry of shared memory back that gave way, or that a restart forgot. False without room for it.
bool is_here(const ThrottleSubject& subject, Micros now) {
    if (!throttle_rule(subject.kind).is_lasting || has_shared_entry(subject.key)) return true;
    ThrottleCount saved;
    if (!read_saved(subject.key, saved)) return true;
    bool loaded = false;
    change_shared_set(subject.key, [&](ThrottleSet& set) {
        loaded = throttle_load(set, subject.key, subject.kind, MyDatabaseId, saved, now);
    });
    return loaded;
}

// Runs `change`, which must not raise and says whether it changed anything, on the locked set of a key.
template <class Change>
void change_set(const ThrottleKey& key, Change&& change) {
    if (has_shared_sets())
        change_shared_set(key, change);
    else
        change_row_set(key, change);
}

// What this transaction clears when it commits; newest, and so innermost, first.
struct ToClear {
    ThrottleSubject subject;
    SubTransactionId level;
    ToClear* next;
};
ToClear* to_clear = nullptr;

void at_end(XactEvent event, void*) {
    for (const ToClear* each = to_clear; event == XACT_EVENT_PRE_COMMIT && each != nullptr; each = each->next)
        (void)throttle_clear(each->subject);
    if (event != XACT_EVENT_PRE_PREPARE) to_clear = nullptr;
}

void at_subtransaction_end(SubXactEvent event, SubTransactionId own, SubTransactionId parent, void*) {
    if (event == SUBXACT_EVENT_ABORT_SUB)
        while (to_clear != nullptr && to_clear->level == own) to_clear = to_clear->next;
    if (event == SUBXACT_EVENT_COMMIT_SUB)
        for (ToClear* each = to_clear; each != nullptr && each->level == own; each = each->next) each->level = parent;
}

}  // namespace

void prepare_throttle() {
    prepare_shared_sets();
    RegisterXactCallback(at_end, nullptr);
    RegisterSubXactCallback(at_subtransaction_end, nullptr);
}

const char* throttle_mode() noexcept { return has_shared_sets() ? "shared memory" : "rows"; }

void require_throttle(const char* action) { PreventCommandIfReadOnly(action); }

ByteSpan throttle_secret() { return read_row_secret(); }

Result<ThrottleSubject> throttle_subject(ByteSpan secret, ThrottleKind kind, std::string_view value) {
    const Result<HmacKey> hmac = HmacKey::create(HashId::sha256, secret);
    if (!hmac) return hmac.error();
    const Result<ThrottleKey> key = throttle_key(*hmac, MyDatabaseId, kind, value);
    if (!key) return key.error();
    return ThrottleSubject{kind, *key};
}

Micros throttle_peek(const ThrottleSubject& subject) {
    const Micros now = GetCurrentTimestamp();
    if (!has_shared_sets()) {
        ThrottleSet set;
        read_row_set(subject.key, set);
        return throttle_peek(set, subject.key, subject.kind, now);
    }
    if (!is_here(subject, now)) return crowded_wait;
    Micros wait = 0;
    change_shared_set(subject.key,
                      [&](ThrottleSet& set) { wait = throttle_peek(set, subject.key, subject.kind, now); });
    return wait;
}

// The counters are in the order of the enum.
static_assert(counter_at(Counter::throttled_account,
                         static_cast<int>(ThrottleKind::signup) - static_cast<int>(ThrottleKind::account)) ==
              Counter::throttled_signup);

void throttle_count(ThrottleKind kind) noexcept {
    count(counter_at(Counter::throttled_account, static_cast<int>(kind) - static_cast<int>(ThrottleKind::account)));
}

namespace {

Micros charge(const ThrottleSubject& subject) {
    const Micros now = GetCurrentTimestamp();
    if (has_shared_sets() && !is_here(subject, now)) return crowded_wait;
    const ThrottleHome home = has_shared_sets() ? ThrottleHome::table : ThrottleHome::here;
    Micros wait = 0;
    change_set(subject.key, [&](ThrottleSet& set) {
        wait = throttle_charge(set, home, subject.key, subject.kind, MyDatabaseId, now);
        return wait == 0;
    });
    if (wait == crowded_wait && has_shared_sets()) request_saves(subject.key);
    return wait;
}

}  // namespace

Micros throttle_charge(const ThrottleSubject& subject) {
    const Micros wait = charge(subject);
    if (wait > 0) throttle_count(subject.kind);
    return wait;
}

void throttle_keep(const ThrottleSubject& subject) {
    if (has_shared_sets()) request_save(subject.key);
}

void throttle_refund(const ThrottleSubject& subject) {
    change_set(subject.key, [&](ThrottleSet& set) {
        throttle_refund(set, subject.key, GetCurrentTimestamp());
        return true;
    });
    throttle_keep(subject);
}

bool throttle_clear(const ThrottleSubject& subject) {
    const Micros now = GetCurrentTimestamp();
    if (has_shared_sets()) (void)is_here(subject, now);
    bool counted = false;
    change_set(subject.key, [&](ThrottleSet& set) {
        counted = throttle_clear(set, subject.key, now);
        return counted;
    });
    throttle_keep(subject);
    return counted;
}

void throttle_clear_at_commit(const ThrottleSubject& subject) {
    auto* entry = static_cast<ToClear*>(MemoryContextAlloc(TopTransactionContext, sizeof(ToClear)));
    *entry = {subject, GetCurrentSubTransactionId(), to_clear};
    to_clear = entry;
}

std::uint32_t throttle_report(const ThrottleSubject& subject) {
    std::uint32_t count = 0;
    change_set(subject.key, [&](ThrottleSet& set) {
        count = throttle_report(set, subject.key, GetCurrentTimestamp());
        return true;
    });
    return count;
}

ThrottleVerdict peek_all(std::span<const ThrottleSubject> subjects) {
    ThrottleVerdict verdict{0, nullptr};
    for (const ThrottleSubject& subject : subjects) {
        const Micros wait = throttle_peek(subject);
        if (wait > verdict.wait) verdict = {wait, &subject};
    }
    return verdict;
}

ThrottleVerdict charge_all(std::span<const ThrottleSubject> subjects) {
    for (std::size_t i = 0; i < subjects.size(); ++i) {
        const Micros wait = throttle_charge(subjects[i]);
        if (wait == 0) continue;
        refund_all(subjects.first(i));
        return {wait, &subjects[i]};
    }
    return {0, nullptr};
}

void refund_all(std::span<const ThrottleSubject> subjects) {
    for (const ThrottleSubject& subject : subjects) throttle_refund(subject);
}

void keep_all(std::span<const ThrottleSubject> subjects) {
    for (const ThrottleSubject& subject : subjects) throttle_keep(subject);
}

int32 throttle_seconds(Micros wait) noexcept { return static_cast<int32>((wait + USECS_PER_SEC - 1) / USECS_PER_SEC); }

}  // namespace bastion::pg
