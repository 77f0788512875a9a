#include "pg/planner/tenant_shares.hpp"

#include "pg/base/uuid.hpp"
#include "pg/cache/backend_cache.hpp"

extern "C" {
#include "catalog/pg_statistic.h"
#include "utils/array.h"
}

namespace bastion::pg {
namespace {

using SharesKey = CacheKey<sizeof(Oid) + sizeof(AttrNumber) + sizeof(bool)>;
BackendCache<TenantShares, sizeof(Oid) + sizeof(AttrNumber) + sizeof(bool)> shares("tenant_shares",
                                                                                   invalidation_of("tenant_shares"),
                                                                                   {4096, 8 * mebibyte});

uint64 changes = 1;

SharesKey cache_key(const StatisticsKey& key) noexcept {
    SharesKey out;
    return out.add(key.relation).add(key.column).add(static_cast<char>(key.inherited));
}

// The statistics in memory of the server.
struct StatisticsRow {
    uint64 changes;  // before it was read
    double null_fraction, distinct;
    int list_size;
    const float4* frequencies;
    const TenantKey* keys;
    const bool* is_tenant;
    bool by_number;
};

// The tenant that a value of the column names; false for a value that names none.
bool read_tenant(Oid type, Datum value, TenantKey& out) {
    switch (type) {
        case UUIDOID: out.bytes = core_uuid(*DatumGetUUIDP(value)).bytes; return true;
        case INT8OID: out = TenantKey::of_number(DatumGetInt64(value)); return true;
        case INT4OID: out = TenantKey::of_number(DatumGetInt32(value)); return true;
        case TEXTOID:
        case VARCHAROID: {
            const text* name = DatumGetTextPP(value);
            pg_uuid_t id;
            if (!parse_uuid_text({VARDATA_ANY(name), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(name))}, id))
                return false;
            out.bytes = core_uuid(id).bytes;
            return true;
        }
        default: return false;
    }
}

// A negative number of distinct values is a multiple of the rows.
double distinct_values(Oid relation, float4 stored) {
    if (stored >= 0) return stored > 0 ? stored : 200;
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple)) return 200;
    const double rows = std::max<double>(1, reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->reltuples);
    ReleaseSysCache(tuple);
    return -stored * rows;
}

void read_list(HeapTuple tuple, StatisticsRow& out) {
    AttStatsSlot slot;
    if (!get_common_values(slot, tuple, ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS)) return;
    const int size = std::min(slot.nvalues, slot.nnumbers);
    const Oid type = getBaseType(slot.valuetype);
    auto* frequencies = static_cast<float4*>(palloc(sizeof(float4) * (size + 1)));
    auto* keys = static_cast<TenantKey*>(palloc0(sizeof(TenantKey) * (size + 1)));
    auto* is_tenant = static_cast<bool*>(palloc0(sizeof(bool) * (size + 1)));
    for (int i = 0; i < size; ++i) {
        frequencies[i] = slot.numbers[i];
        is_tenant[i] = read_tenant(type, slot.values[i], keys[i]);
    }
    out.list_size = size;
    out.frequencies = frequencies;
    out.keys = keys;
    out.is_tenant = is_tenant;
    free_attstatsslot(&slot);
}

// ANALYZE writes no other list; statistics that were copied or written by hand may have one.
bool is_readable(const ArrayType* values) {
    return !ARR_HASNULL(values) && SearchSysCacheExists1(TYPEOID, ObjectIdGetDatum(ARR_ELEMTYPE(values)));
}

std::optional<StatisticsRow> read_statistics(const StatisticsKey& key) {
    StatisticsRow out{};
    out.changes = changes;
    HeapTuple tuple = statistics_row(key);
    if (!HeapTupleIsValid(tuple)) return {};
    const auto* form = reinterpret_cast<Form_pg_statistic>(GETSTRUCT(tuple));
    out.null_fraction = form->stanullfrac;
    out.distinct = distinct_values(key.relation, form->stadistinct);
    read_list(tuple, out);
    ReleaseSysCache(tuple);
    const Oid type = getBaseType(get_atttype(key.relation, key.column));
    out.by_number = type == INT8OID || type == INT4OID;
    return out;
}

TenantStatistics statistics_of(const StatisticsRow& row) {
    TenantStatistics out;
    out.null_fraction = row.null_fraction;
    out.distinct = row.distinct;
    out.list_size = static_cast<std::size_t>(row.list_size);
    out.common.reserve(out.list_size);
    for (int i = 0; i < row.list_size; ++i) {
        out.list_sum += row.frequencies[i];
        out.list_least = std::min(out.list_least, row.frequencies[i]);
        if (row.is_tenant[i]) out.common.push_back({row.keys[i], row.frequencies[i], i});
    }
    return out;
}

}  // namespace

HeapTuple statistics_row(const StatisticsKey& key) {
    return SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(key.relation), Int16GetDatum(key.column),
                           BoolGetDatum(key.inherited));
}

bool get_common_values(AttStatsSlot& out, HeapTuple row, int parts) {
    const int16* kinds = &reinterpret_cast<Form_pg_statistic>(GETSTRUCT(row))->stakind1;
    const int slot = static_cast<int>(std::find(kinds, kinds + STATISTIC_NUM_SLOTS, STATISTIC_KIND_MCV) - kinds);
    if (slot == STATISTIC_NUM_SLOTS) return false;
    bool is_null = false;
    const Datum values =
        SysCacheGetAttr(STATRELATTINH, row, static_cast<AttrNumber>(Anum_pg_statistic_stavalues1 + slot), &is_null);
    return !is_null && is_readable(DatumGetArrayTypeP(values)) &&
           get_attstatsslot(&out, row, STATISTIC_KIND_MCV, InvalidOid, parts);
}

uint32 hash_of_statistics(const StatisticsKey& key) {
    return GetSysCacheHashValue3(STATRELATTINH, ObjectIdGetDatum(key.relation), Int16GetDatum(key.column),
                                 BoolGetDatum(key.inherited));
}

std::optional<TenantShare> TenantShares::share_of(const PlannedTenant& tenant) const noexcept {
    if (by_number) {
        if (!tenant.has_number) return {};
        return classes.share_of(TenantKey::of_number(tenant.number));
    }
    if (!tenant.id.present) return {};
    return classes.share_of(TenantKey{core_uuid(tenant.id.value).bytes});
}

const TenantShares* tenant_shares(const StatisticsKey& key) {
    const uint32 message = hash_of_statistics(key);
    return shares.get(
        cache_key(key), [&] { return read_statistics(key); },
        [&](const StatisticsRow& row) -> Result<Loaded<TenantShares>> {
            Loaded<TenantShares> out{{TenantClasses(statistics_of(row)), row.by_number}, {message}};
            out.heap = out.value.classes.heap_bytes();
            out.keeps = row.changes == changes;
            return out;
        });
}

const TenantShares* cached_tenant_shares(const StatisticsKey& key) noexcept { return shares.find(cache_key(key)); }

uint64 statistics_changes() noexcept { return changes; }

void drop_tenant_shares(uint32 hash) noexcept {
    ++changes;
    if (hash == 0)
        shares.drop_all();
    else
        shares.drop_one(hash);
}

}  // namespace bastion::pg
