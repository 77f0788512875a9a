#include "pg/base/sandbox.hpp"

namespace bastion::pg {

int begin_settings(const char* search_path) {
    const int level = NewGUCNestLevel();
    (void)set_config_option("search_path", search_path, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    return level;
}

Sandbox enter_sandbox(Oid owner, const char* search_path) {
    Sandbox sandbox;
    GetUserIdAndSecContext(&sandbox.user, &sandbox.security);
    SetUserIdAndSecContext(
        owner, sandbox.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
    sandbox.guc_level = begin_settings(search_path);
    return sandbox;
}

// As after an error: a SET or set_config(…, false) in a trigger would otherwise outlive the sandbox.
void leave_sandbox(const Sandbox& sandbox) {
    Assert(InSecurityRestrictedOperation());
    AtEOXact_GUC(false, sandbox.guc_level);
    SetUserIdAndSecContext(sandbox.user, sandbox.security);
}

void make_constraints_immediate() {
    ConstraintsSetStmt* all = makeNode(ConstraintsSetStmt);
    all->constraints = NIL;
    all->deferred = false;
    AfterTriggerSetState(all);
}

char* search_path_of(Oid relation) {
    const char* schema = get_namespace_name(get_rel_namespace(relation));
    return psprintf("%s, pg_temp", quote_identifier(schema != nullptr ? schema : "pg_catalog"));
}

Oid owner_of_table(Oid relation) {
    if (get_rel_relkind(relation) == RELKIND_VIEW)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("relation is not a table")));
    return owner_of_table_or_view(relation);
}

Oid owner_of_table_or_view(Oid relation) {
    if (get_rel_name(relation) == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation does not exist")));
    const char kind = get_rel_relkind(relation);
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_MATVIEW &&
        kind != RELKIND_VIEW)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("relation is not a table")));
    Relation table = table_open(relation, AccessShareLock);
    const Oid owner = table->rd_rel->relowner;
    table_close(table, NoLock);
    return owner;
}

bool is_code_of_others(Oid owner) { return owner != GetUserId() && !superuser_arg(owner); }

}  // namespace bastion::pg
