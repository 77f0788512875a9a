// The SQL functions that run statements on tables of an application: as_table_owner(), for operators' functions, and those of
// protect() and acl_backfill(), for callers with the rights of the owner of the table.
#include "pg/base/catalog_read.hpp"
#include "pg/base/compat.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/owner_spi.hpp"
#include "pg/base/sandbox.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

constexpr InternalFunction records_delete{"records_delete", 3, {REGCLASSOID, TEXTOID, NAMEARRAYOID}};

const char* quoted(Name name) { return quote_identifier(NameStr(*name)); }

const char* quoted_text(text* value) { return quote_literal_cstr(server_text(value).c_str()); }

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_as_table_owner);
Datum bastion_as_table_owner(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_NULL();
    const NullableDatum parameters[3] = {fcinfo->args[2], fcinfo->args[3], fcinfo->args[4]};
    const char* result = run_as_table_owner(PG_GETARG_OID(0), server_text(PG_GETARG_TEXT_PP(1)).c_str(), parameters);
    if (result == nullptr) PG_RETURN_NULL();
    return text_datum(ServerText(result));
}

PG_FUNCTION_INFO_V1(bastion_bytes_as_table_owner);
Datum bastion_bytes_as_table_owner(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1)) PG_RETURN_NULL();
    const char* sql = server_text(PG_GETARG_TEXT_PP(1)).c_str();
    const Oid type = PG_ARGISNULL(3) ? BYTEAOID : PG_GETARG_OID(3);
    require_varlena(type);
    const TypedValue parameter{type, fcinfo->args[2]};
    TypedValue result{BYTEAOID, null_argument()};
    run_typed_as_table_owner(PG_GETARG_OID(0), sql, {&parameter, 1}, {&result, 1});
    if (result.value.isnull) PG_RETURN_NULL();
    PG_RETURN_DATUM(result.value.value);
}

PG_FUNCTION_INFO_V1(bastion_count_nulls);
Datum bastion_count_nulls(PG_FUNCTION_ARGS) {
    const Oid relation = PG_GETARG_OID(0);
    const char* count = run_on_own_table(relation, psprintf("SELECT pg_catalog.count(*) FROM %s WHERE %s IS NULL",
                                                            qualified_name(relation), quoted(PG_GETARG_NAME(1))));
    return DirectFunctionCall1(int8in, CStringGetDatum(count));
}

// Past row security, which is forced on a table that is protected already.
PG_FUNCTION_INFO_V1(bastion_column_values);
Datum bastion_column_values(PG_FUNCTION_ARGS) {
    const Oid relation = PG_GETARG_OID(0);
    const char* column = quoted(PG_GETARG_NAME(1));
    const int32 per_million = PG_GETARG_INT32(2);
    const char* sample = per_million >= 1000000 ? "" : psprintf(" TABLESAMPLE SYSTEM (%g)", per_million / 10000.0);
    const NullableDatum none[3] = {null_argument(), null_argument(), null_argument()};
    (void)owner_of_table(relation);
    if (!compat::owns_relation(relation, GetUserId()))
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of table %s", get_rel_name(relation))));
    const char* counts = run_as_table_owner(
        relation,
        psprintf("SELECT pg_catalog.jsonb_object_agg(v.value, v.n) FROM (SELECT %1$s::pg_catalog.text AS value, "
                 "pg_catalog.count(*) AS n FROM %2$s%3$s WHERE %1$s IS NOT NULL GROUP BY 1) v",
                 column, qualified_name(relation), sample),
        none);
    if (counts == nullptr) PG_RETURN_NULL();
    return text_datum(ServerText(counts));
}

// Arguments: table, kind of its records, columns to keep.
PG_FUNCTION_INFO_V1(bastion_records_forget);
Datum bastion_records_forget(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || get_rel_name(PG_GETARG_OID(0)) == nullptr ||
        !compat::owns_relation(PG_GETARG_OID(0), GetUserId()))
        PG_RETURN_BOOL(false);
    const NullableDatum deleted = call_internal(records_delete, {fcinfo->args, 3});
    PG_RETURN_BOOL(!deleted.isnull && DatumGetBool(deleted.value));
}

PG_FUNCTION_INFO_V1(bastion_has_rows_without);
Datum bastion_has_rows_without(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0)) PG_RETURN_NULL();
    const Oid relation = PG_GETARG_OID(0);
    const char* condition = PG_ARGISNULL(1) ? "" : psprintf(" WHERE %s IS NULL", quoted(PG_GETARG_NAME(1)));
    const char* found =
        run_on_own_table(relation, psprintf("SELECT 1 FROM %s%s LIMIT 1", qualified_name(relation), condition));
    PG_RETURN_BOOL(found != nullptr);
}

PG_FUNCTION_INFO_V1(bastion_fill_pages);
Datum bastion_fill_pages(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(3) || PG_ARGISNULL(4) || PG_ARGISNULL(5) || PG_ARGISNULL(6))
        PG_RETURN_VOID();
    const Oid relation = PG_GETARG_OID(0);
    if (is_code_of_others(owner_of_table(relation))) make_constraints_immediate();
    const char* acl = quoted(PG_GETARG_NAME(4));
    const char* owner = PG_ARGISNULL(2) ? "NULL" : psprintf("%s::text", quoted(PG_GETARG_NAME(2)));
    (void)run_on_own_table(
        relation, psprintf("UPDATE ONLY %s SET %s = bastion_internal.acl_of_row(%s::text, %s, %s) WHERE %s IS NULL "
                           "AND ctid OPERATOR(pg_catalog.>=) '(" INT64_FORMAT ",0)' "
                           "AND ctid OPERATOR(pg_catalog.<) '(" INT64_FORMAT ",0)'",
                           qualified_name(relation), acl, quoted(PG_GETARG_NAME(1)), owner,
                           quoted_text(PG_GETARG_TEXT_PP(3)), acl, PG_GETARG_INT64(5), PG_GETARG_INT64(6)));
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
