#include "pg/audit/audit_statement.hpp"

#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

// Rows that wait together, and the bytes of their entries: memory stays bounded, and more make nothing faster.
constexpr std::size_t most_rows = 256;
constexpr std::size_t most_bytes = 256 * 1024;

AuditStatement* innermost = nullptr;
ExecutorFinish_hook_type next_finish = nullptr;
ProcessUtility_hook_type next_utility = nullptr;

void begin_memory(AuditStatement& statement) {
    statement.memory =
        AllocSetContextCreateInternal(CurTransactionContext, "audited statement", ALLOCSET_DEFAULT_SIZES);
    statement.buffer = AllocSetContextCreateInternal(statement.memory, "entries", ALLOCSET_DEFAULT_SIZES);
    statement.origin_memory = AllocSetContextCreateInternal(statement.memory, "origin", ALLOCSET_SMALL_SIZES);
    statement.captures =
        static_cast<Capture**>(MemoryContextAllocZero(statement.memory, sizeof(Capture*) * kept_captures));
}

void write_rows(AuditStatement& statement) {
    if (statement.count == 0) return;
    Assert(statement.subtransaction == GetCurrentSubTransactionId());
    const MemoryContext caller = MemoryContextSwitchTo(statement.buffer);
    insert_audit_rows({statement.rows, statement.count});
    MemoryContextSwitchTo(caller);
    MemoryContextReset(statement.buffer);
    statement.rows = nullptr;
    statement.count = statement.bytes = 0;
    statement.relation = statement.op = {};
}

Datum shared_text(SharedText& last, std::string_view utf8) {
    if (last.text == Datum{0} || last.utf8 != utf8)
        last = {{pnstrdup(utf8.data(), utf8.size()), utf8.size()}, text_datum(Utf8(utf8))};
    return last.text;
}

// Runs what fires triggers, and then writes what they kept. An error rolls back what they did, and forgets it.
template <class Step>
void as_statement(Step&& step) {
    const MemoryContext caller = CurrentMemoryContext;
    AuditStatement statement{};
    statement.outer = innermost;
    statement.subtransaction = GetCurrentSubTransactionId();
    PG_TRY();
    {
        innermost = &statement;
        step();
        write_rows(statement);
    }
    PG_FINALLY();
    {
        innermost = statement.outer;
        MemoryContextSwitchTo(caller);
        if (statement.memory != nullptr) MemoryContextDelete(statement.memory);
    }
    PG_END_TRY();
}

void finish_next(QueryDesc* query) {
    if (next_finish != nullptr)
        next_finish(query);
    else
        standard_ExecutorFinish(query);
}

// The statements of foreign keys leave their triggers to the statement that they belong to.
bool fires_triggers(const QueryDesc* query) {
    return (query->operation != CMD_SELECT || query->plannedstmt->hasModifyingCTE) &&
           (query->estate->es_top_eflags & EXEC_FLAG_SKIP_TRIGGERS) == 0;
}

void finish(QueryDesc* query) {
    if (fires_triggers(query))
        as_statement([query] { finish_next(query); });
    else
        finish_next(query);
}

bool is_copy_from(const Node* statement) {
    return IsA(statement, CopyStmt) && reinterpret_cast<const CopyStmt*>(statement)->is_from;
}

void run_utility(PlannedStmt* statement, const char* sql, bool read_only_tree, ProcessUtilityContext context,
                 ParamListInfo parameters, QueryEnvironment* environment, DestReceiver* receiver,
                 QueryCompletion* completion) {
    const auto run = [&] {
        const ProcessUtility_hook_type next = next_utility != nullptr ? next_utility : standard_ProcessUtility;
        next(statement, sql, read_only_tree, context, parameters, environment, receiver, completion);
    };
    if (is_copy_from(statement->utilityStmt))
        as_statement(run);
    else
        run();
}

}  // namespace

// Under a savepoint of a function that a trigger calls, rows must not outlive it.
AuditStatement* audit_statement() {
    AuditStatement* statement = innermost;
    if (statement == nullptr || statement->subtransaction != GetCurrentSubTransactionId()) return nullptr;
    if (statement->memory == nullptr) begin_memory(*statement);
    return statement;
}

void keep_audit_row(AuditStatement& statement, const AuditRow& row, std::string_view relation, std::string_view op) {
    const MemoryContext caller = MemoryContextSwitchTo(statement.buffer);
    if (statement.rows == nullptr) statement.rows = static_cast<AuditRow*>(palloc(sizeof(AuditRow) * most_rows));
    AuditRow& kept = statement.rows[statement.count];
    kept = row;
    kept.relation = relation.empty() ? Datum{0} : shared_text(statement.relation, relation);
    kept.op = shared_text(statement.op, op);
    MemoryContextSwitchTo(caller);
    ++statement.count;
    statement.bytes += VARSIZE_ANY(row.entry);
    if (statement.count == most_rows || statement.bytes >= most_bytes) write_rows(statement);
}

void watch_audited_statements() {
    next_finish = std::exchange(ExecutorFinish_hook, finish);
    next_utility = std::exchange(ProcessUtility_hook, run_utility);
}

}  // namespace bastion::pg
