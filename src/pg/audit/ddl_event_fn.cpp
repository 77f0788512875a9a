// The event trigger at the end of a command: it reads what ALTER TABLE did from the command, in words, and an SQL function adds an entry
// for each table under audit. It neither changes nor refuses anything, and runs no code of others. Also what the catalog still knows of a
// dropped object.
#include "pg/audit/capture.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
}

namespace bastion::pg {
namespace {

constexpr InternalFunction audit_ddl_write{"audit_ddl_write", 1, {TEXTOID}};

struct AlterWord {
    AlterTableType type;
    const char* word;
};

// What keeps changes from the log, or changes what is recorded; the rest is "other".
constexpr AlterWord alter_words[] = {{AT_AddColumn, "ADD COLUMN"},
                                     {AT_DropColumn, "DROP COLUMN"},
                                     {AT_AlterColumnType, "ALTER COLUMN TYPE"},
                                     {AT_AddConstraint, "ADD CONSTRAINT"},
                                     {AT_DropConstraint, "DROP CONSTRAINT"},
                                     {AT_EnableTrig, "ENABLE TRIGGER"},
                                     {AT_EnableAlwaysTrig, "ENABLE ALWAYS TRIGGER"},
                                     {AT_EnableReplicaTrig, "ENABLE REPLICA TRIGGER"},
                                     {AT_DisableTrig, "DISABLE TRIGGER"},
                                     {AT_EnableTrigAll, "ENABLE TRIGGER ALL"},
                                     {AT_DisableTrigAll, "DISABLE TRIGGER ALL"},
                                     {AT_EnableTrigUser, "ENABLE TRIGGER USER"},
                                     {AT_DisableTrigUser, "DISABLE TRIGGER USER"},
                                     {AT_AddInherit, "INHERIT"},
                                     {AT_DropInherit, "NO INHERIT"},
                                     {AT_AttachPartition, "ATTACH PARTITION"},
                                     {AT_DetachPartition, "DETACH PARTITION"},
                                     {AT_DetachPartitionFinalize, "DETACH PARTITION FINALIZE"},
                                     {AT_ChangeOwner, "OWNER TO"},
                                     {AT_EnableRowSecurity, "ENABLE ROW LEVEL SECURITY"},
                                     {AT_DisableRowSecurity, "DISABLE ROW LEVEL SECURITY"},
                                     {AT_ForceRowSecurity, "FORCE ROW LEVEL SECURITY"},
                                     {AT_NoForceRowSecurity, "NO FORCE ROW LEVEL SECURITY"}};

const char* word_of(AlterTableType type) noexcept {
    for (const AlterWord& known : alter_words)
        if (known.type == type) return known.word;
    return "other";
}

// Of the column, constraint, partition or parent that a subcommand adds or takes.
const char* name_in(Node* definition) {
    if (definition == nullptr) return nullptr;
    if (IsA(definition, PartitionCmd)) return castNode(PartitionCmd, definition)->name->relname;
    if (IsA(definition, Constraint)) return castNode(Constraint, definition)->conname;
    if (IsA(definition, ColumnDef)) return castNode(ColumnDef, definition)->colname;
    if (IsA(definition, RangeVar)) return castNode(RangeVar, definition)->relname;
    return nullptr;
}

void append_change(StringInfo out, const AlterTableCmd* command) {
    if (out->len > 0) appendStringInfoString(out, ", ");
    appendStringInfoString(out, word_of(command->subtype));
    if (command->name != nullptr) appendStringInfo(out, " %s", quote_identifier(command->name));
    if (const char* name = name_in(command->def); name != nullptr) appendStringInfo(out, " %s", quote_identifier(name));
}

// Names, and no expression: a default may hold what nobody else should read.
NullableDatum changes_of(Node* statement) {
    StringInfoData out;
    initStringInfo(&out);
    if (IsA(statement, AlterTableStmt)) {
        ListCell* cell = nullptr;
        foreach (cell, castNode(AlterTableStmt, statement)->cmds) append_change(&out, lfirst_node(AlterTableCmd, cell));
    } else if (IsA(statement, RenameStmt)) {
        const auto* rename = castNode(RenameStmt, statement);
        const char* former = rename->subname != nullptr    ? rename->subname
                             : rename->relation != nullptr ? rename->relation->relname
                                                           : "";
        appendStringInfo(&out, "RENAME %s TO %s", quote_identifier(former), quote_identifier(rename->newname));
    }
    return out.len == 0 ? null_argument() : argument(text_datum(ServerText(out.data)));
}

// A catalog whose rows are found by the object that they are about, and what they say of it.
struct Catalog {
    Oid relation;
    Oid index;
    AttrNumber key;
    Oid (*read)(const char* row);
};

constexpr Catalog catalogs[] = {
    {IndexRelationId, IndexRelidIndexId, Anum_pg_index_indexrelid,
     [](const char* row) { return reinterpret_cast<const FormData_pg_index*>(row)->indrelid; }},
    {TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid,
     [](const char* row) { return reinterpret_cast<const FormData_pg_trigger*>(row)->tgfoid; }},
    {InheritsRelationId, InheritsRelidSeqnoIndexId, Anum_pg_inherits_inhrelid,
     [](const char* row) { return reinterpret_cast<const FormData_pg_inherits*>(row)->inhparent; }}};

constexpr int most_found = 32;

// Of the rows that this transaction deleted, which no snapshot sees; at most so many.
int read_deleted(const Catalog& catalog, Oid object, Datum (&found)[most_found]) {
    int count = 0;
    Relation relation = table_open(catalog.relation, AccessShareLock);
    ScanKeyData key;
    ScanKeyInit(&key, catalog.key, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
    SysScanDesc scan = systable_beginscan(relation, catalog.index, true, SnapshotAny, 1, &key);
    for (HeapTuple tuple = systable_getnext(scan); HeapTupleIsValid(tuple); tuple = systable_getnext(scan)) {
        const TransactionId deleted_by = HeapTupleHeaderGetUpdateXid(tuple->t_data);
        if (count < most_found && TransactionIdIsNormal(deleted_by) && TransactionIdIsCurrentTransactionId(deleted_by))
            found[count++] = ObjectIdGetDatum(catalog.read(reinterpret_cast<const char*>(GETSTRUCT(tuple))));
    }
    systable_endscan(scan);
    table_close(relation, AccessShareLock);
    return count;
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_audit_dropped_object);
Datum bastion_audit_dropped_object(PG_FUNCTION_ARGS) {
    Datum found[most_found];
    int count = 0;
    for (const Catalog& catalog : catalogs)
        if (catalog.relation == PG_GETARG_OID(0)) count = read_deleted(catalog, PG_GETARG_OID(1), found);
    PG_RETURN_ARRAYTYPE_P(construct_array(found, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(bastion_audit_ddl);
Datum bastion_audit_ddl(PG_FUNCTION_ARGS) {
    if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("audit_ddl() must be fired by an event trigger")));
    const int level = begin_plain_quotes();
    const NullableDatum changes[] = {changes_of(reinterpret_cast<EventTriggerData*>(fcinfo->context)->parsetree)};
    AtEOXact_GUC(false, level);
    (void)call_internal(audit_ddl_write, changes);
    PG_RETURN_NULL();
}

}  // extern "C"

}  // namespace bastion::pg
