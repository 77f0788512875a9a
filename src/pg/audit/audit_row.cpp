// Insertion into partitions of audit_rows: many rows at once into the heap, and then into one index after the other.
#include "pg/audit/audit_row.hpp"

#include "pg/base/catalog_read.hpp"

extern "C" {
#include "access/heapam.h"
#include "catalog/index.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "utils/partcache.h"
#include "utils/xid8.h"
}

namespace bastion::pg {
namespace {

// The columns of audit_rows, as CREATE TABLE has them.
enum AuditColumn { a_era, a_xid, a_seq, a_time, a_tenant, a_relation, a_op, a_actor, a_entry, audit_columns };

Oid partition_at(PartitionKey key, PartitionDesc partitions, TimestampTz time) {
    PartitionBoundInfo bounds = partitions->boundinfo;
    if (bounds == nullptr) return InvalidOid;
    Datum value = TimestampTzGetDatum(time);
    bool is_equal = false;
    const int place = partition_range_datum_bsearch(key->partsupfunc, key->partcollation, bounds, 1, &value, &is_equal);
    const int index = bounds->indexes[place + 1];
    if (index >= 0) return partitions->oids[index];
    return bounds->default_index >= 0 ? partitions->oids[bounds->default_index] : InvalidOid;
}

// Of all rows before any partition is opened: what the cache has of the root may change with that.
const Oid* partitions_of(Relation root, std::span<const AuditRow> rows) {
    auto* out = static_cast<Oid*>(palloc(sizeof(Oid) * rows.size()));
    PartitionKey key = RelationGetPartitionKey(root);
    PartitionDesc partitions = RelationGetPartitionDesc(root, true);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        out[i] = partition_at(key, partitions, rows[i].time);
        if (!OidIsValid(out[i]))
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("table bastion.audit_rows has no partition for an entry"),
                            errhint("Attach a default partition.")));
    }
    return out;
}

// ATTACH PARTITION accepts another order of columns.
void check_partition(Relation root, Relation partition) {
    bool same = partition->rd_rel->relkind == RELKIND_RELATION &&
                RelationGetNumberOfAttributes(partition) == audit_columns &&
                RelationGetNumberOfAttributes(root) == audit_columns;
    for (int i = 0; same && i < audit_columns; ++i) {
        const FormData_pg_attribute* mine = TupleDescAttr(RelationGetDescr(root), i);
        const FormData_pg_attribute* column = TupleDescAttr(RelationGetDescr(partition), i);
        same = column->atttypid == mine->atttypid && !column->attisdropped &&
               std::strcmp(NameStr(column->attname), NameStr(mine->attname)) == 0;
    }
    if (!same)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("table %s has other columns than bastion.audit_rows", RelationGetRelationName(partition))));
}

// Such an index would run code of its owner, or check more than uniqueness.
void check_index(Relation partition, Relation index, const IndexInfo* info) {
    if (info->ii_Expressions == NIL && info->ii_Predicate == NIL && info->ii_ExclusionOps == nullptr &&
        index->rd_index->indimmediate)
        return;
    ereport(ERROR,
            (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
             errmsg("index %s of table %s must have columns alone", RelationGetRelationName(index),
                    RelationGetRelationName(partition)),
             errdetail("Partitions of bastion.audit_rows have no index with an expression, condition or exclusion, and "
                       "no deferrable one.")));
}

HeapTuple tuple_of(TupleDesc descriptor, const AuditRow& row) {
    Datum values[audit_columns] = {Int64GetDatum(row.era),
                                   FullTransactionIdGetDatum(FullTransactionIdFromU64(row.xid)),
                                   Int64GetDatum(row.seq),
                                   TimestampTzGetDatum(row.time),
                                   UUIDPGetDatum(&row.tenant.value),
                                   row.relation,
                                   row.op,
                                   UUIDPGetDatum(&row.actor.value),
                                   PointerGetDatum(row.entry)};
    bool nulls[audit_columns] = {};
    nulls[a_tenant] = !row.tenant.present;
    nulls[a_relation] = row.relation == Datum{0};
    nulls[a_actor] = !row.actor.present;
    return heap_form_tuple(descriptor, values, nulls);
}

std::span<TupleTableSlot*> slots_of(Relation partition, std::span<const AuditRow> rows) {
    auto** out = static_cast<TupleTableSlot**>(palloc(sizeof(TupleTableSlot*) * rows.size()));
    TupleDesc descriptor = CreateTupleDescCopy(RelationGetDescr(partition));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        out[i] = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
        ExecStoreHeapTuple(tuple_of(descriptor, rows[i]), out[i], false);
    }
    return {out, rows.size()};
}

void insert_into_index(Relation partition, Relation index, IndexInfo* info, std::span<TupleTableSlot*> slots) {
    if (!info->ii_ReadyForInserts) return;
    check_index(partition, index, info);
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    const IndexUniqueCheck check = info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO;
    for (TupleTableSlot* slot : slots) {
        FormIndexDatum(info, slot, nullptr, values, nulls);
        (void)index_insert(index, values, nulls, &slot->tts_tid, partition, check, false, info);
    }
}

void insert_into(Relation partition, std::span<const AuditRow> rows) {
    const std::span<TupleTableSlot*> slots = slots_of(partition, rows);
    heap_multi_insert(partition, slots.data(), static_cast<int>(slots.size()), GetCurrentCommandId(true), 0, nullptr);
    CatalogIndexState indexes = CatalogOpenIndexes(partition);
    for (int i = 0; i < indexes->ri_NumIndices; ++i)
        insert_into_index(partition, indexes->ri_IndexRelationDescs[i], indexes->ri_IndexRelationInfo[i], slots);
    CatalogCloseIndexes(indexes);
}

}  // namespace

void insert_audit_rows(std::span<const AuditRow> rows) {
    Relation root = table_open(extension_relation("audit_rows"), RowExclusiveLock);
    const Oid* partitions = partitions_of(root, rows);
    for (std::size_t first = 0, next = 0; first < rows.size(); first = next) {
        while (next < rows.size() && partitions[next] == partitions[first]) ++next;
        Relation partition = table_open(partitions[first], RowExclusiveLock);
        check_partition(root, partition);
        insert_into(partition, rows.subspan(first, next - first));
        table_close(partition, NoLock);
    }
    table_close(root, NoLock);
}

}  // namespace bastion::pg
