#include "pg/audit/audit_record.hpp"

#include "pg/base/catalog_read.hpp"
#include "pg/base/text.hpp"

extern "C" {
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
}

namespace bastion::pg {
namespace {

constexpr AttrNumber no_number = InvalidAttrNumber;

struct Items {
    Datum* values;
    bool* nulls;
    int count;
};

Items items_of(Datum array, Oid type, int length, char alignment) {
    Items out{};
    deconstruct_array(DatumGetArrayTypeP(array), type, length, type == INT2OID, alignment, &out.values, &out.nulls,
                      &out.count);
    return out;
}

// CHECK of the table: no item of `names` is NULL. An item without a kind or a name means no column.
std::span<const RecordedColumn> recorded_columns(const Items& names, const Items& numbers) {
    const auto count = static_cast<std::size_t>(names.count);
    auto* out = static_cast<RecordedColumn*>(palloc(sizeof(RecordedColumn) * (count + 1)));
    for (int i = 0; i < names.count; ++i) {
        const char* item = server_text(names.values[i]).c_str();
        const bool known = i < numbers.count && !numbers.nulls[i];
        out[i] = {item[0], item[0] == '\0' || item[1] == '\0' ? "" : item + 2,
                  known ? DatumGetInt16(numbers.values[i]) : no_number};
    }
    return {out, count};
}

bool is_another(Oid relation, const RecordedColumn& column) {
    return column.number == InvalidAttrNumber || get_attnum(relation, column.name) != column.number;
}

AuditRecord record_of(Oid relation) {
    ColumnValue values[] = {
        {"columns", Datum{0}, true}, {"column_numbers", Datum{0}, true}, {"last_number", Datum{0}, true}};
    if (!read_row("audited_tables", "audited_tables_relation_key", "relation", F_OIDEQ, ObjectIdGetDatum(relation),
                  values))
        return {};
    AuditRecord out{};
    out.relation = relation;
    out.columns = recorded_columns(
        items_of(values[0].value, TEXTOID, -1, TYPALIGN_INT),
        values[1].is_null ? Items{} : items_of(values[1].value, INT2OID, sizeof(int16), TYPALIGN_SHORT));
    out.last_number = values[2].is_null ? InvalidAttrNumber : DatumGetInt16(values[2].value);
    out.differs = std::any_of(out.columns.begin(), out.columns.end(),
                              [relation](const RecordedColumn& column) { return is_another(relation, column); });
    return out;
}

// Those that the relation inherits from; a child may have several.
List* parents_of(Oid relation) {
    List* out = NIL;
    Relation inherits = table_open(InheritsRelationId, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
    SysScanDesc scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
    for (HeapTuple row = systable_getnext(scan); HeapTupleIsValid(row); row = systable_getnext(scan))
        out = lappend_oid(out, reinterpret_cast<Form_pg_inherits>(GETSTRUCT(row))->inhparent);
    systable_endscan(scan);
    table_close(inherits, AccessShareLock);
    return out;
}

AuditRecord record_above(Oid relation) {
    check_stack_depth();
    AuditRecord out = record_of(relation);
    if (out.found()) return out;
    List* parents = parents_of(relation);
    for (int i = 0; i < list_length(parents); ++i) {
        const AuditRecord found = record_above(list_nth_oid(parents, i));
        const bool both = out.found() && found.found() && out.relation != found.relation;
        const bool ambiguous =
            out.ambiguous || found.ambiguous || (both && !(out.columns.empty() && found.columns.empty()));
        if (!out.found()) out = found;
        out.ambiguous = ambiguous;
    }
    return out;
}

const char* tenant_column_of(Oid table) {
    ColumnValue values[] = {{"tenant_column", Datum{0}, true}, {"column_numbers", Datum{0}, true}};
    if (!read_row("protected_tables", "protected_tables_relation_key", "relation", F_OIDEQ, ObjectIdGetDatum(table),
                  values))
        return nullptr;
    const Items numbers =
        values[1].is_null ? Items{} : items_of(values[1].value, INT2OID, sizeof(int16), TYPALIGN_SHORT);
    // A renamed column keeps its number.
    if (numbers.count > 0 && !numbers.nulls[0]) return get_attname(table, DatumGetInt16(numbers.values[0]), true);
    return pstrdup(NameStr(*DatumGetName(values[0].value)));
}

}  // namespace

bool AuditRecord::includes_some() const noexcept {
    return std::any_of(columns.begin(), columns.end(), [](const RecordedColumn& column) { return column.kind == 'i'; });
}

const char* protected_tenant_column(Relation relation, const AuditRecord& record) {
    const char* column = tenant_column_of(record.relation);
    Oid table = RelationGetRelid(relation);
    while (column == nullptr) {
        column = tenant_column_of(table);
        if (!get_rel_relispartition(table)) break;
        table = get_partition_parent(table, true);
    }
    return column;
}

// That of the table as a whole is the usual one. A partition whose DETACH CONCURRENTLY is not over still belongs to it.
AuditRecord audit_record_of(Relation relation) {
    Oid table = RelationGetRelid(relation);
    if (!relation->rd_rel->relispartition) return record_above(table);
    List* line = list_make1_oid(table);
    while (get_rel_relispartition(table)) line = lappend_oid(line, table = get_partition_parent(table, true));
    AuditRecord out{};
    for (int i = list_length(line) - 1; i >= 0 && !out.found(); --i) out = record_of(list_nth_oid(line, i));
    return out;
}

}  // namespace bastion::pg
