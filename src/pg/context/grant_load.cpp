#include "pg/context/grant_load.hpp"

#include "pg/base/guard.hpp"
#include "pg/cache/invalidation.hpp"
#include "pg/right/right_queries.hpp"

namespace bastion::pg {
namespace {

// From the rows that SPI left in palloc'd memory.
template <class Id>
std::vector<GrantGroup<Id>> make_groups(const GrantRows<Id>& rows) {
    std::vector<GrantGroup<Id>> groups(rows.count);
    for (std::size_t i = 0; i < rows.count; ++i) {
        const GrantRow<Id>& row = rows.rows[i];
        for (std::size_t n = 0; n < row.permission_count; ++n) groups[i].permissions.emplace_back(row.permissions[n]);
        groups[i].ids.assign(row.ids, row.ids + row.id_count);
        groups[i].cross_tenant = row.cross_tenant;
        groups[i].of_tenant = row.of_tenant;
        groups[i].by_manage = row.by_manage;
    }
    return groups;
}

int64 loads = 0;

void refuse_in_parallel_mode() {
    if (IsInParallelMode())
        ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
                        errmsg("permission sets cannot be read during a parallel operation"),
                        errhint("Mark the function that asks for them as PARALLEL UNSAFE.")));
}

// Sets that were read while a message arrived serve this statement alone.
void drop_if_changed(const Decision& decision, uint64 before) {
    if (before != invalidation_count()) drop_rights(user_invalidation(decision.identity.user));
}

void load(const Decision& decision, const Rights& rights) {
    const uint64 before = invalidation_count();
    const GrantRows<int64> acls = acl_grants(decision.identity.user, decision.identity.tenant.value);
    const DefaultAcls defaults =
        default_acls(decision.identity.user, decision.identity.tenant.value, decision.identity.unit);
    guarded_or_raise([&]() -> Result<void> {
        auto sets = std::make_shared<GrantSets>();
        sets->defaults = defaults;
        sets->set_acls(make_groups(acls));
        rights.sets = std::move(sets);
        ++loads;
        return {};
    });
    drop_if_changed(decision, before);
}

void load_tenants(const Decision& decision, GrantSets& sets) {
    const uint64 before = invalidation_count();
    const GrantRows<pg_uuid_t> tenants = tenant_grants(decision.identity.user);
    guarded_or_raise([&]() -> Result<void> {
        sets.set_tenants(make_groups(tenants));
        ++loads;
        return {};
    });
    drop_if_changed(decision, before);
}

const Rights& whole_of(const Rights& rights) noexcept { return rights.whole != nullptr ? *rights.whole : rights; }

void narrow(const Decision& decision, const Rights& whole) {
    const Rights& rights = *decision.rights;
    const uint64 before = invalidation_count();
    GrantRows<int64> lists{};
    if (rights.unit_alone) lists = unit_lists(rights.unit.value);
    guarded_or_raise([&]() -> Result<void> {
        std::shared_ptr<GrantSets> sets =
            GrantSets::narrowed(whole.sets, rights.patterns, rights.withheld, decision.identity.tenant.value);
        if (rights.unit_alone)
            sets->confine(std::vector<int64>(lists.rows[0].ids, lists.rows[0].ids + lists.rows[0].id_count));
        rights.sets = std::move(sets);
        return {};
    });
    drop_if_changed(decision, before);
}

}  // namespace

int64 grant_set_loads() noexcept { return loads; }

GrantSets* grant_sets_of(const Decision& decision) {
    if (decision.state != ContextState::authenticated || !decision.identity.tenant.present) return nullptr;
    const Rights& rights = *decision.rights;
    if (rights.sets == nullptr) {
        refuse_in_parallel_mode();
        const Rights& whole = whole_of(rights);
        if (whole.sets == nullptr) load(decision, whole);
        if (&whole != &rights) narrow(decision, whole);
        bound_grant_sets();
    }
    return rights.sets.get();
}

GrantSets* grant_sets_with_tenants(const Decision& decision) {
    GrantSets* sets = grant_sets_of(decision);
    if (sets == nullptr) return nullptr;
    GrantSets& whole = *whole_of(*decision.rights).sets;
    if (!whole.has_tenants()) {
        refuse_in_parallel_mode();
        load_tenants(decision, whole);
        bound_grant_sets();
    }
    return sets;
}

}  // namespace bastion::pg
