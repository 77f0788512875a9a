#include "pg/planner/plan_classes.hpp"

#include "pg/base/guard.hpp"

extern "C" {
#include "utils/plancache.h"
}

namespace bastion::pg {
namespace {

// A table with plans for some classes.
struct ClassedTable {
    StatisticsKey key;
    uint32 statistics;
    uint64 classes;   // a bit for each
    uint64 unwanted;  // of these, while plans are dropped
};

// More than this many tables: their plans go at once.
constexpr std::size_t most_tables = 4096;
// PostgreSQL looks at every saved plan for every object that changed. For more objects than this, one message for all
// functions is cheaper, though it costs other plans too.
constexpr int most_messages = 8;

std::vector<ClassedTable> tables;
uint64 added = 1;

constexpr uint64 bit_of(int size_class) noexcept { return uint64{1} << size_class; }

// Never 0, which PostgreSQL reads as every object.
uint32 object_of(const StatisticsKey& key, int size_class) noexcept {
    const uint32 place = static_cast<uint32>(size_class) << 20 ^ static_cast<uint32>(key.column) << 1 ^ key.inherited;
    const uint32 hash = hash_combine(murmurhash32(key.relation), murmurhash32(place ^ 0x9e3779b9u));
    return hash != 0 ? hash : 1;
}

int count_classes(uint64 classes) noexcept { return __builtin_popcountll(classes); }

// The plan cache is what listens to this cache of PostgreSQL's; it sets flags, and neither allocates nor raises.
void announce(const ClassedTable& table) noexcept {
    uint64 classes = table.unwanted;
    for (int size_class = 0; classes != 0; ++size_class, classes >>= 1)
        if ((classes & 1) != 0) CallSyscacheCallbacks(PROCOID, object_of(table.key, size_class));
}

// Drops the plans of the classes that `unwanted` finds for each table.
template <class Unwanted>
void drop_plans(Unwanted&& unwanted) noexcept {
    int messages = 0;
    for (ClassedTable& table : tables) {
        table.unwanted = unwanted(table);
        messages += count_classes(table.unwanted);
    }
    if (messages > most_messages) {
        CallSyscacheCallbacks(PROCOID, 0);
        tables.clear();
        return;
    }
    if (messages == 0) return;
    for (ClassedTable& table : tables) {
        announce(table);
        table.classes &= ~table.unwanted;
    }
    std::erase_if(tables, [](const ClassedTable& table) { return table.classes == 0; });
}

uint64 classes_of_others(const ClassedTable& table, const PlannedTenant& tenant) noexcept {
    const TenantShares* shares = cached_tenant_shares(table.key);
    const auto share = shares != nullptr ? shares->share_of(tenant) : std::nullopt;
    return share ? table.classes & ~bit_of(share->size_class) : table.classes;
}

void add_class(const StatisticsKey& key, uint32 statistics, int size_class) {
    const auto found =
        std::find_if(tables.begin(), tables.end(), [&](const ClassedTable& table) { return table.key == key; });
    if (found != tables.end()) {
        if ((found->classes & bit_of(size_class)) == 0) ++added;
        found->classes |= bit_of(size_class);
        return;
    }
    if (tables.size() >= most_tables) drop_classed_plans();
    ++added;
    tables.push_back({key, statistics, bit_of(size_class), 0});
}

}  // namespace

void depend_on_class(PlannedStmt* plan, const StatisticsKey& key, int size_class) {
    Assert(size_class >= 0 && size_class <= TenantClasses::absent_class);
    const uint32 statistics = hash_of_statistics(key);
    auto* item = makeNode(PlanInvalItem);
    item->cacheId = PROCOID;
    item->hashValue = object_of(key, size_class);
    plan->invalItems = lappend(plan->invalItems, item);
    guarded_or_raise([&]() -> Result<void> {
        add_class(key, statistics, size_class);
        return {};
    });
}

bool has_classed_plans() noexcept { return !tables.empty(); }

uint64 classes_added() noexcept { return added; }

void drop_plans_of_other_classes(const PlannedTenant& tenant) noexcept {
    drop_plans([&](const ClassedTable& table) { return classes_of_others(table, tenant); });
}

void drop_classed_plans() noexcept {
    drop_plans([](const ClassedTable& table) { return table.classes; });
}

void drop_plans_by_statistics(uint32 hash) noexcept {
    drop_plans(
        [&](const ClassedTable& table) { return hash == 0 || table.statistics == hash ? table.classes : uint64{0}; });
}

}  // namespace bastion::pg
