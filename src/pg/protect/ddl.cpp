#include "pg/protect/ddl.hpp"

#include "pg/base/owner_spi.hpp"
#include "pg/base/sandbox.hpp"

extern "C" {
#include "parser/parse_utilcmd.h"
}

namespace bastion::pg {
namespace {

// The statement that in_sight_of_event_triggers() runs.
const Node* own_node = nullptr;

// Whether a default is a call of the extension with constants alone, perhaps cast to text: parsing it runs no code of others.
// A default that a table had before may hold a literal of any type, whose input function is code of its owner.
bool is_default_of_ours(const Node* expression) {
    if (IsA(expression, TypeCast)) {
        const auto* cast = reinterpret_cast<const TypeCast*>(expression);
        if (list_length(cast->typeName->names) != 1 ||
            std::strcmp(strVal(linitial(cast->typeName->names)), "text") != 0)
            return false;
        expression = cast->arg;
    }
    if (!IsA(expression, FuncCall)) return false;
    const auto* call = reinterpret_cast<const FuncCall*>(expression);
    ListCell* cell = nullptr;
    foreach (cell, call->args)
        if (!IsA(lfirst(cell), A_Const)) return false;
    return list_length(call->funcname) == 2 && std::strcmp(strVal(linitial(call->funcname)), "bastion") == 0;
}

// The subcommands of ALTER TABLE that neither read a row nor parse or fold an expression of others; an index is built as the
// owner of the table.
bool is_catalog_change(const AlterTableCmd* command) {
    switch (command->subtype) {
        case AT_EnableRowSecurity:
        case AT_DisableRowSecurity:
        case AT_ForceRowSecurity:
        case AT_NoForceRowSecurity:
        case AT_DropColumn:
        case AT_DropConstraint:
        case AT_DropNotNull: return true;
        case AT_ColumnDefault: return command->def == nullptr || is_default_of_ours(command->def);
        case AT_AddColumn: return castNode(ColumnDef, command->def)->constraints == NIL;
        case AT_AddConstraint: return castNode(Constraint, command->def)->contype == CONSTR_UNIQUE;
        default: return false;
    }
}

// The table whose expressions a statement evaluates, or none.
Oid evaluated_table(Node* statement) {
    if (!IsA(statement, AlterTableStmt)) return InvalidOid;
    const auto* change = castNode(AlterTableStmt, statement);
    ListCell* cell = nullptr;
    foreach (cell, change->cmds)
        if (!is_catalog_change(lfirst_node(AlterTableCmd, cell)))
            return RangeVarGetRelid(change->relation, AccessShareLock, false);
    return InvalidOid;
}

// CREATE INDEX switches to the owner of the table by itself, but parses the expressions of the index before. So they are
// parsed in the sandbox here, and not again.
void parse_index_as_owner(Node* statement, const char* sql) {
    if (!IsA(statement, IndexStmt)) return;
    auto* index = castNode(IndexStmt, statement);
    const Oid table = RangeVarGetRelid(index->relation, ShareLock, false);
    const Oid owner = owner_of_table(table);
    if (!is_code_of_others(owner)) return;
    const Sandbox sandbox = enter_sandbox(owner, search_path_of(table));
    (void)transformIndexStmt(table, index, sql);
    leave_sandbox(sandbox);
}

PlannedStmt* wrap(const RawStmt* raw) {
    PlannedStmt* out = makeNode(PlannedStmt);
    out->commandType = CMD_UTILITY;
    out->canSetTag = false;
    out->utilityStmt = raw->stmt;
    out->stmt_location = raw->stmt_location;
    out->stmt_len = raw->stmt_len;
    return out;
}

void process_pinned(const Ddl& ddl) {
    const int level = begin_settings(pinned_path);
    parse_index_as_owner(ddl.raw->stmt, ddl.sql);
    const Oid table = evaluated_table(ddl.raw->stmt);
    if (!OidIsValid(table)) {
        process_ddl(ddl);
    } else if (const Oid owner = owner_of_table(table); is_code_of_others(owner)) {
        const Sandbox sandbox = enter_sandbox(owner, search_path_of(table));
        process_ddl(ddl);
        leave_sandbox(sandbox);
    } else {
        const int inner = begin_settings(search_path_of(table));
        process_ddl(ddl);
        AtEOXact_GUC(false, inner);
    }
    AtEOXact_GUC(true, level);
}

}  // namespace

// A subcommand fires no event trigger.
void process_ddl(const Ddl& ddl) {
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
    ProcessUtility(wrap(ddl.raw), ddl.sql, true, PROCESS_UTILITY_SUBCOMMAND, nullptr, nullptr, None_Receiver, nullptr);
    PopActiveSnapshot();
    CommandCounterIncrement();
}

// The steps of ProcessUtility() around a command of a client.
void in_sight_of_event_triggers(const Ddl& ddl, void (*process)(const Ddl& ddl)) {
    const bool began = EventTriggerBeginCompleteQuery();
    const Node* outer = own_node;
    PG_TRY();
    {
        own_node = ddl.raw->stmt;
        EventTriggerDDLCommandStart(ddl.raw->stmt);
        process(ddl);
        EventTriggerSQLDrop(ddl.raw->stmt);
        EventTriggerDDLCommandEnd(ddl.raw->stmt);
    }
    PG_FINALLY();
    {
        own_node = outer;
        if (began) EventTriggerEndCompleteQuery();
    }
    PG_END_TRY();
}

bool is_own_statement(const Node* statement) { return statement == own_node; }

void run_unseen(const char* sql) {
    ListCell* cell = nullptr;
    foreach (cell, pg_parse_query(sql)) process_pinned(Ddl{lfirst_node(RawStmt, cell), sql, nullptr});
}

void run_in_sight(const char* sql) {
    ListCell* cell = nullptr;
    foreach (cell, pg_parse_query(sql)) {
        const auto* raw = lfirst_node(RawStmt, cell);
        if (IsA(raw->stmt, SelectStmt))
            run_call(sql);
        else
            in_sight_of_event_triggers(Ddl{raw, sql, nullptr}, process_pinned);
    }
}

}  // namespace bastion::pg
