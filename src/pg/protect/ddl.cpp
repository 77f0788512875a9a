#include "pg/protect/ddl.hpp"

#include "pg/base/owner_spi.hpp"
#include "pg/base/sandbox.hpp"

namespace bastion::pg {
namespace {

// The subcommands of ALTER TABLE that neither read a row nor fold an expression; an index is built as the owner of the
// table.
bool is_catalog_change(const AlterTableCmd* command) {
    switch (command->subtype) {
        case AT_EnableRowSecurity:
        case AT_DisableRowSecurity:
        case AT_ForceRowSecurity:
        case AT_NoForceRowSecurity:
        case AT_ColumnDefault:
        case AT_DropColumn:
        case AT_DropConstraint:
        case AT_DropNotNull: return true;
        case AT_AddColumn: return castNode(ColumnDef, command->def)->constraints == NIL;
        case AT_AddConstraint: return castNode(Constraint, command->def)->contype == CONSTR_UNIQUE;
        default: return false;
    }
}

// The table whose expressions a statement evaluates, or none. CREATE INDEX switches to the owner of the table by
// itself.
Oid evaluated_table(Node* statement) {
    if (!IsA(statement, AlterTableStmt)) return InvalidOid;
    const auto* change = castNode(AlterTableStmt, statement);
    ListCell* cell = nullptr;
    foreach (cell, change->cmds)
        if (!is_catalog_change(lfirst_node(AlterTableCmd, cell)))
            return RangeVarGetRelid(change->relation, AccessShareLock, false);
    return InvalidOid;
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
    PG_TRY();
    {
        EventTriggerDDLCommandStart(ddl.raw->stmt);
        process(ddl);
        EventTriggerSQLDrop(ddl.raw->stmt);
        EventTriggerDDLCommandEnd(ddl.raw->stmt);
    }
    PG_FINALLY();
    {
        if (began) EventTriggerEndCompleteQuery();
    }
    PG_END_TRY();
}

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
