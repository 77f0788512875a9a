#include "pg/protect/explain_guard.hpp"

#include "pg/base/internal_call.hpp"

extern "C" {
#include "commands/defrem.h"
}

namespace bastion::pg {
namespace {

constexpr InternalFunction guard_unseen_tables{"guard_unseen_tables", 0, {}};

ProcessUtility_hook_type next_utility = nullptr;

bool is_analyzed(const ExplainStmt* explain) {
    ListCell* cell = nullptr;
    bool found = false;
    foreach (cell, explain->options) {
        auto* option = lfirst_node(DefElem, cell);
        if (strcmp(option->defname, "analyze") == 0) found = defGetBoolean(option);
    }
    return found;
}

bool makes_table_unseen(const Node* statement) {
    if (!IsA(statement, ExplainStmt)) return false;
    const auto* explain = reinterpret_cast<const ExplainStmt*>(statement);
    const Node* explained = explain->query;
    if (explained != nullptr && IsA(explained, Query))
        explained = reinterpret_cast<const Query*>(explained)->utilityStmt;
    return explained != nullptr && IsA(explained, CreateTableAsStmt) && is_analyzed(explain);
}

void run_utility(PlannedStmt* statement, const char* sql, bool read_only_tree, ProcessUtilityContext context,
                 ParamListInfo parameters, QueryEnvironment* environment, DestReceiver* receiver,
                 QueryCompletion* completion) {
    const bool makes_table = makes_table_unseen(statement->utilityStmt);
    if (next_utility != nullptr)
        next_utility(statement, sql, read_only_tree, context, parameters, environment, receiver, completion);
    else
        standard_ProcessUtility(statement, sql, read_only_tree, context, parameters, environment, receiver, completion);
    if (makes_table && OidIsValid(get_event_trigger_oid("bastion_guard", true)))
        (void)call_internal_afresh(guard_unseen_tables, {});
}

}  // namespace

void watch_explained_tables() {
    next_utility = ProcessUtility_hook;
    ProcessUtility_hook = run_utility;
}

}  // namespace bastion::pg
