#include "pg/planner/plan_estimates.hpp"

#include "pg/base/settings.hpp"
#include "pg/cache/backend_cache.hpp"
#include "pg/planner/plan_classes.hpp"
#include "pg/planner/tenant_column.hpp"

extern "C" {
#include "catalog/pg_statistic.h"
#include "utils/plancache.h"
}

namespace bastion::pg {
namespace {

bool plan_estimates = true;

void assign_plan_estimates(bool value, void*) {
    if (value != plan_estimates) ResetPlanCache();
}

const SettingsTable table([] {
    define(BoolSetting{"bastion.plan_estimates", "Plans for the tenant of the session, and not for the average tenant.",
                       &plan_estimates, PGC_USERSET, true, assign_plan_estimates});
});

// Statistics of a column, made for the tenant.
struct SharedStatistics {
    StatisticsKey key;
    HeapTuple tuple;  // null when the column has no statistics
};

struct Replacement {
    Datum values[Natts_pg_statistic];
    bool nulls[Natts_pg_statistic];
    bool replaced[Natts_pg_statistic];

    void set(int column, Datum value) noexcept {
        values[column - 1] = value;
        replaced[column - 1] = true;
    }
    void set_null(int column) noexcept {
        nulls[column - 1] = true;
        replaced[column - 1] = true;
    }
};

// The list of most common values with one entry of the tenant's share, or none. Which value it names matters to joins on the
// column alone; a member of a tree may not have the tenant's in its own list.
void replace_list(Replacement& out, HeapTuple row, int slot, const TenantShare& share, const TenantShare& in_own_list) {
    const int kind = Anum_pg_statistic_stakind1 + slot;
    const int numbers = Anum_pg_statistic_stanumbers1 + slot;
    const int values = Anum_pg_statistic_stavalues1 + slot;
    AttStatsSlot list;
    if (share.place < 0 || !get_common_values(list, row, ATTSTATSSLOT_VALUES)) {
        out.set(kind, Int16GetDatum(0));
        out.set_null(numbers);
        out.set_null(values);
        return;
    }
    int16 size = 0;
    bool by_value = false;
    char alignment = 0;
    get_typlenbyvalalign(list.valuetype, &size, &by_value, &alignment);
    Datum fraction = Float4GetDatum(static_cast<float4>(share.fraction));
    out.set(numbers, PointerGetDatum(construct_array(&fraction, 1, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT)));
    Datum* value = &list.values[std::max(0, in_own_list.place)];
    out.set(values, PointerGetDatum(construct_array(value, 1, list.valuetype, size, by_value, alignment)));
    free_attstatsslot(&list);
}

// So many that more make no difference, few enough for an int64.
constexpr double most_values = 1e15;

// var_eq_non_const() answers the smaller of (1 - nulls) / distinct, with distinct rounded, and the first frequency of the list:
// distinct is rounded down here, so that the frequency decides, and is exact.
HeapTuple make_statistics(HeapTuple row, const TenantShare& share, const TenantShare& in_own_list) {
    const auto* form = reinterpret_cast<Form_pg_statistic>(GETSTRUCT(row));
    Replacement out{};
    const double estimate = std::min(most_values, (1.0 - form->stanullfrac) / share.fraction);
    const int64 distinct = std::max(int64{1}, static_cast<int64>(estimate));
    out.set(Anum_pg_statistic_stadistinct, Float4GetDatum(static_cast<float4>(distinct)));
    const int16* kinds = &form->stakind1;
    for (int slot = 0; slot < STATISTIC_NUM_SLOTS; ++slot)
        if (kinds[slot] == STATISTIC_KIND_MCV) replace_list(out, row, slot, share, in_own_list);
    Relation catalog = table_open(StatisticRelationId, AccessShareLock);
    HeapTuple made = heap_modify_tuple(row, RelationGetDescr(catalog), out.values, out.nulls, out.replaced);
    table_close(catalog, AccessShareLock);
    return made;
}

TenantShare share_in(const TenantShares* shares) {
    return shares->share_of(planning->tenant).value_or(shares->classes.share_of_others());
}

void note_class(const StatisticsKey& key, const TenantShare& share) {
    ListCell* cell = nullptr;
    foreach (cell, planning->classes)
        if (static_cast<AskedClass*>(lfirst(cell))->key == key) return;
    keep_in_run(planning->classes, AskedClass{key, share.size_class, share.fraction});
}

// Statistics that were made for a tenant, kept for the next plans: they are the same for all tenants of that share and place.
struct KeptStatistics {
    StatisticsKey key;
    double fraction;
    int place, own_place;
    HeapTuple tuple;
};

// What changes drop is dropped before the next run of the planner.
class KeptStatisticsCache final : public CacheListener {
public:
    using CacheListener::CacheListener;
    void drop_all() noexcept override {}
    [[nodiscard]] CacheStatistics statistics() const noexcept override { return counts; }

    CacheStatistics counts{};
};

constexpr std::size_t most_kept_bytes = 4 * mebibyte;

KeptStatisticsCache kept_cache(invalidation_of("tenant_shares"), "plan_statistics");
MemoryContext kept_memory = nullptr;
std::array<KeptStatistics, 64> kept;
bool kept_all = true;  // that were made
uint64 kept_changes = 0;

// Not within a run, whose plans refer to them.
void forget_kept_statistics() {
    if (planning->outer != nullptr || planning->statistics != NIL) return;
    if (kept_changes == statistics_changes() && kept_all) return;
    if (kept_memory == nullptr)
        kept_memory = AllocSetContextCreate(CacheMemoryContext, "bastion statistics", ALLOCSET_SMALL_SIZES);
    kept_cache.counts.stale += kept_cache.counts.entries;
    kept_cache.counts.entries = kept_cache.counts.bytes = 0;
    kept_all = true;
    MemoryContextReset(kept_memory);
    kept_changes = statistics_changes();
}

HeapTuple kept_statistics(const StatisticsKey& key, const TenantShare& share, const TenantShare& in_own_list) {
    if (kept_changes != statistics_changes()) return nullptr;
    for (const KeptStatistics& one : std::span(kept).first(static_cast<std::size_t>(kept_cache.counts.entries)))
        if (one.key == key && one.fraction == share.fraction && one.place == share.place &&
            one.own_place == in_own_list.place) {
            ++kept_cache.counts.hits;
            return one.tuple;
        }
    return nullptr;
}

HeapTuple keep_statistics(HeapTuple made, const StatisticsKey& key, const TenantShare& share,
                          const TenantShare& in_own_list) {
    if (kept_changes != statistics_changes()) return made;
    CacheStatistics& counts = kept_cache.counts;
    const std::size_t bytes = static_cast<std::size_t>(counts.bytes) + HEAPTUPLESIZE + made->t_len;
    const auto place = static_cast<std::size_t>(counts.entries);
    kept_all = kept_all && place < kept.size() && bytes <= most_kept_bytes;
    if (!kept_all) return made;
    MemoryContext caller = MemoryContextSwitchTo(kept_memory);
    HeapTuple copy = heap_copytuple(made);
    MemoryContextSwitchTo(caller);
    kept[place] = {key, share.fraction, share.place, in_own_list.place, copy};
    ++counts.loads;
    ++counts.entries;
    counts.bytes = static_cast<int64>(bytes);
    return copy;
}

// A member of an inheritance tree gets the share that the tenant has of the whole tree: with its own statistics, a plan for
// one tenant of a partition would be wrong for the next of the same class. Without statistics of the tree, its own.
HeapTuple statistics_for_tenant(PlannerInfo* root, RangeTblEntry* entry, const StatisticsKey& key) {
    const TenantShares* own = tenant_shares(key);
    if (own == nullptr) return nullptr;
    const TenantShare in_own_list = share_in(own);
    RangeTblEntry* top = tree_root(root, entry);
    StatisticsKey deciding = key;
    TenantShare share = in_own_list;
    if (top != entry) {
        const StatisticsKey whole{top->relid, tenant_column(root, top), true};
        const TenantShares* shares = tenant_shares(whole);
        if (shares != nullptr) {
            deciding = whole;
            share = share_in(shares);
        }
    }
    note_class(deciding, share);
    if (HeapTuple known = kept_statistics(key, share, in_own_list)) return known;
    HeapTuple row = statistics_row(key);
    if (!HeapTupleIsValid(row)) return nullptr;
    HeapTuple made = make_statistics(row, share, in_own_list);
    ReleaseSysCache(row);
    return keep_statistics(made, key, share, in_own_list);
}

// Each column is asked for often: its statistics are made once for a plan.
HeapTuple shared_statistics(PlannerInfo* root, RangeTblEntry* entry, const StatisticsKey& key) {
    ListCell* cell = nullptr;
    foreach (cell, planning->statistics) {
        const auto* known = static_cast<SharedStatistics*>(lfirst(cell));
        if (known->key == key) return known->tuple;
    }
    (void)planned_tenant();
    forget_kept_statistics();
    MemoryContext caller = MemoryContextSwitchTo(planning->memory);
    HeapTuple made = statistics_for_tenant(root, entry, key);
    MemoryContextSwitchTo(caller);
    keep_in_run(planning->statistics, SharedStatistics{key, made});
    return made;
}

// The run of the planner owns the tuple.
void keep_tuple(HeapTuple) {}

}  // namespace

bool estimate_for_tenant(PlannerInfo* root, RangeTblEntry* entry, AttrNumber column, VariableStatData* out) {
    if (!plan_estimates || column <= 0 || tenant_column(root, entry) != column) return false;
    HeapTuple tuple = shared_statistics(root, entry, {entry->relid, column, entry->inh});
    if (tuple == nullptr) return false;
    out->statsTuple = tuple;
    out->freefunc = keep_tuple;
    out->acl_ok = false;
    return true;
}

void depend_on_asked_classes(PlannedStmt* plan) {
    ListCell* cell = nullptr;
    foreach (cell, planning->classes) {
        const auto* asked = static_cast<AskedClass*>(lfirst(cell));
        depend_on_class(plan, asked->key, asked->size_class);
    }
}

}  // namespace bastion::pg
