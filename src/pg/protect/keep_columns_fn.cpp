// The event trigger that refuses ALTER TABLE of the columns that protection needs, before the command does anything. It reads
// the command; an SQL function knows the columns.
#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"
#include "pg/protect/ddl.hpp"

namespace bastion::pg {
namespace {

constexpr InternalFunction check_column_change{"check_column_change", 4, {REGCLASSOID, NAMEOID, TEXTOID, NAMEOID}};

NullableDatum name_argument(const char* name) {
    if (name == nullptr) return null_argument();
    return argument(DirectFunctionCall1(namein, CStringGetDatum(name)));
}

void check(Oid table, const char* column, const char* change, const char* new_name) {
    const NullableDatum arguments[] = {argument(ObjectIdGetDatum(table)), name_argument(column),
                                       argument(text_datum(ServerText(change))), name_argument(new_name)};
    (void)call_internal(check_column_change, arguments);
}

void check_alter(const AlterTableStmt* statement) {
    const Oid table = RangeVarGetRelid(statement->relation, NoLock, true);
    if (!OidIsValid(table)) return;
    ListCell* cell = nullptr;
    foreach (cell, statement->cmds) {
        const auto* command = lfirst_node(AlterTableCmd, cell);
        if (command->subtype == AT_DropColumn) check(table, command->name, "drop", nullptr);
        if (command->subtype == AT_AlterColumnType) check(table, command->name, "change the type of", nullptr);
    }
}

void check_rename(const RenameStmt* statement) {
    // CASCADE renames the columns of the tables that are made of the type.
    if (statement->renameType != OBJECT_COLUMN && statement->renameType != OBJECT_ATTRIBUTE) return;
    const Oid table = RangeVarGetRelid(statement->relation, NoLock, true);
    if (OidIsValid(table)) check(table, statement->subname, "rename", statement->newname);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_keep_columns);
Datum bastion_keep_columns(PG_FUNCTION_ARGS) {
    if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("keep_columns() must be fired by an event trigger")));
    const Node* command = reinterpret_cast<EventTriggerData*>(fcinfo->context)->parsetree;
    if (is_own_statement(command)) PG_RETURN_NULL();
    if (IsA(command, AlterTableStmt)) check_alter(reinterpret_cast<const AlterTableStmt*>(command));
    if (IsA(command, RenameStmt)) check_rename(reinterpret_cast<const RenameStmt*>(command));
    PG_RETURN_NULL();
}

}  // extern "C"

}  // namespace bastion::pg
