// reference_add(): foreign keys of an application's tables to tables of the extension, on which no role holds REFERENCES.
// An SQL function checks the call and writes the statement, which runs as the owner of the extension in a scope: code of
// the table (checks, indexes) runs as the caller, or as the owner of the table if that is another role.
#include "pg/base/caller_scope.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/sandbox.hpp"
#include "pg/base/text.hpp"
#include "pg/protect/ddl.hpp"

namespace bastion::pg {
namespace {

constexpr InternalFunction reference_add_statement{
    "reference_add_statement", 5, {REGCLASSOID, NAMEOID, TEXTOID, TEXTOID, NAMEOID}};

constexpr InternalFunction check_reference{"check_reference", 3, {REGCLASSOID, NAMEOID, TEXTOID}};

// In the context of a foreign key's own statements, so that the scope covers their planning and execution.
void alter_as_extension(void* argument) {
    Oid user = InvalidOid;
    int security = 0;
    GetUserIdAndSecContext(&user, &security);
    SetUserIdAndSecContext(extension_owner(), security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION |
                                                  SECURITY_NOFORCE_RLS);
    process_ddl(*static_cast<const Ddl*>(argument));
    SetUserIdAndSecContext(user, security);
}

void alter_in_scope(const Ddl& ddl) {
    const Oid relation = *static_cast<const Oid*>(ddl.argument);
    const Oid owner = owner_of_table(relation);
    Oid user = InvalidOid;
    int security = 0;
    GetUserIdAndSecContext(&user, &security);
    const int level = begin_settings(search_path_of(relation));
    Ddl copy = ddl;
    if (is_code_of_others(owner))
        run_in_scope(owner, security | SECURITY_RESTRICTED_OPERATION, alter_as_extension, &copy);
    else
        run_in_scope(user, security, alter_as_extension, &copy);
    AtEOXact_GUC(false, level);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_reference_add);
Datum bastion_reference_add(PG_FUNCTION_ARGS) {
    const NullableDatum statement = call_internal(reference_add_statement, {fcinfo->args, 5});
    if (statement.isnull) PG_RETURN_NULL();
    const char* sql = server_text(DatumGetTextPP(statement.value)).c_str();
    Oid relation = PG_GETARG_OID(0);
    in_sight_of_event_triggers(Ddl{linitial_node(RawStmt, pg_parse_query(sql)), sql, &relation}, alter_in_scope);
    (void)call_internal_afresh(check_reference, {fcinfo->args, 3});
    return statement.value;
}

}  // extern "C"

}  // namespace bastion::pg
