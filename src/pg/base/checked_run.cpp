#include "pg/base/checked_run.hpp"

#include "pg/base/compat.hpp"

namespace bastion::pg {
namespace {

struct TableClass {
    Oid owner;
    char kind;
};

TableClass table_class(Oid relation) {
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple)) ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation does not exist")));
    const auto* row = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    const TableClass found{row->relowner, row->relkind};
    ReleaseSysCache(tuple);
    if (found.kind != RELKIND_RELATION && found.kind != RELKIND_PARTITIONED_TABLE)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("relation is not a table")));
    return found;
}

// Under a pinned path that no caller can change; code that runs later has the caller's.
Query* analyse(const CheckedStatement& statement) {
    const int level = NewGUCNestLevel();
    (void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                            false);
    auto* raw = linitial_node(RawStmt, pg_parse_query(statement.sql));
    Query* query =
        parse_analyze_fixedparams(raw, statement.sql, statement.parameters.types, statement.parameters.count, nullptr);
    AtEOXact_GUC(true, level);
    return query;
}

// The statement's own query, without those that rules add.
bool is_own_query(const Query* query, CmdType command, Oid relation) {
    if (!query->canSetTag || query->commandType != command) return false;
    return command == CMD_SELECT ||
           static_cast<RangeTblEntry*>(list_nth(query->rtable, query->resultRelation - 1))->relid == relation;
}

// Row-level security as for the owner: none on the table, even where it is forced. Only the rewriter checks it, so the
// flag is set only during rewriting. Queries that rules of the table add keep every policy, as in a second rewriting.
List* rewrite(Query* query, Oid relation, Oid user, int security) {
    const CmdType command = query->commandType;
    auto* original = static_cast<Query*>(copyObjectImpl(query));
    SetUserIdAndSecContext(user, security | SECURITY_NOFORCE_RLS);
    List* rewritten = pg_rewrite_query(query);
    SetUserIdAndSecContext(user, security);
    List* under_policies = nullptr;
    for (int i = 0; i < list_length(rewritten); ++i) {
        if (is_own_query(static_cast<Query*>(list_nth(rewritten, i)), command, relation)) continue;
        if (under_policies == nullptr) under_policies = pg_rewrite_query(original);
        Assert(list_length(rewritten) == list_length(under_policies));
        lfirst(list_nth_cell(rewritten, i)) = list_nth(under_policies, i);
    }
    return rewritten;
}

// The planner treats it like the condition of a policy: no condition that is not leakproof comes before it, in the plan
// or in the planner's use of statistics.
void guard_with_first_condition(Query* query, Oid relation) {
    auto* all = castNode(BoolExpr, query->jointree->quals);
    ListCell* cell = nullptr;
    foreach (cell, query->rtable) {
        auto* entry = lfirst_node(RangeTblEntry, cell);
        if (entry->rtekind != RTE_RELATION || entry->relid != relation) continue;
        entry->securityQuals = list_make1(linitial(all->args));
        query->jointree->quals = reinterpret_cast<Node*>(make_ands_explicit(list_delete_first(list_copy(all->args))));
        return;
    }
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not guard an internal statement")));
}

// The only utility statement that a rule may add.
void run_notify(const Query* query, const char* sql) {
    PlannedStmt* plan = makeNode(PlannedStmt);
    plan->commandType = CMD_UTILITY;
    plan->utilityStmt = query->utilityStmt;
    ProcessUtility(plan, sql, true, PROCESS_UTILITY_QUERY, nullptr, nullptr, None_Receiver, nullptr);
}

}  // namespace

// On ERROR the transaction machinery restores user and settings.
FirstRow run_checked(const CheckedStatement& statement) {
    PreventCommandIfParallelMode("a statement of pg_bastion");
    const TableClass table = table_class(statement.relation);
    Oid user = InvalidOid;
    int security = 0;
    GetUserIdAndSecContext(&user, &security);
    const int inside = security | SECURITY_LOCAL_USERID_CHANGE;
    SetUserIdAndSecContext(user, inside);
    if (OidIsValid(statement.names_as)) SetUserIdAndSecContext(statement.names_as, inside);
    Query* query = analyse(statement);
    SetUserIdAndSecContext(user, inside);
    compat::check_as(query, statement.relation, table.owner);
    FirstRow row{};
    ListCell* cell = nullptr;
    foreach (cell, rewrite(query, statement.relation, user, inside)) {
        auto* part = lfirst_node(Query, cell);
        if (part->commandType == CMD_UTILITY) {
            run_notify(part, statement.sql);
            continue;
        }
        if (statement.first_condition_guards) guard_with_first_condition(part, statement.relation);
        const FirstRow found = run_query(part, statement.sql, statement.parameters);
        Assert(GetUserId() == user);
        if (part->canSetTag) row = found;
    }
    SetUserIdAndSecContext(user, security);
    return row;
}

}  // namespace bastion::pg
