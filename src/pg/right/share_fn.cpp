// share(), unshare(), row_transfer(), shares_of() and explain_member_access(): in C and SECURITY INVOKER, because their row is in a table
// of the application. Three steps: a SECURITY DEFINER function says how the row is found, the row is read with the rights
// of its table's owner and the code of the caller (checked_run.hpp), a SECURITY DEFINER function judges the row. None of
// these is granted to any role: the result of the second step must not come from the caller.
#include "pg/base/caller_scope.hpp"
#include "pg/base/catalog_read.hpp"
#include "pg/base/checked_run.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"
#include "pg/right/acl_permit.hpp"

namespace bastion::pg {
namespace {

// The result of the SECURITY DEFINER functions of the first step, in this order.
struct RowSearch {
    Oid relation;
    char* query;          // $1 key, $2 tenant; returns tableoid, ctid, ACL, tenant
    char* tenant;         // as its column holds it
    char* acl_column;     // quoted
    char* tenant_column;  // quoted
};

struct FoundRow {
    Oid relation;  // InvalidOid: no such row
    ItemPointerData place;
    NullableDatum acl;
    char* tenant;
};

// Some are null when a column that protect() named is gone, or when the tenant is younger than the snapshot.
RowSearch row_search(Datum found, bool needs_acl) {
    const RowSearch search{DatumGetObjectId(field(found, 1).value), text_field(found, 2), text_field(found, 3),
                           text_field(found, 4), text_field(found, 5)};
    if (search.query == nullptr || search.tenant == nullptr || search.tenant_column == nullptr ||
        (needs_acl && search.acl_column == nullptr))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("cannot find rows of the table by their key"),
                        errdetail("A column that bastion.protect() named is gone, or the tenant is younger than the "
                                  "snapshot of this transaction."),
                        errhint("SELECT * FROM bastion.protection; shows what is wrong with a table.")));
    return search;
}

FoundRow find_row(const RowSearch& search, NullableDatum key) {
    const Oid types[] = {TEXTOID, TEXTOID};
    const Datum values[] = {key.value, text_datum(ServerText(search.tenant))};
    const CheckedStatement statement{
        search.relation, search.query, {2, types, values, key.isnull ? "n " : "  "}, true, extension_owner()};
    const FirstRow row = run_checked(statement);
    FoundRow found{InvalidOid, {}, null_argument(), nullptr};
    if (row.count == 0) return found;
    if (row.count > 1)
        ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION), errmsg("several rows of the table have this key"),
                        errdetail("A key is unique in a table, and not in its inheritance children.")));
    found.relation = atooid(row.cells[0]);
    found.place =
        *reinterpret_cast<ItemPointer>(DatumGetPointer(DirectFunctionCall1(tidin, CStringGetDatum(row.cells[1]))));
    if (row.cells[2] != nullptr) found.acl = argument(DirectFunctionCall1(int8in, CStringGetDatum(row.cells[2])));
    found.tenant = row.cells[3];
    return found;
}

constexpr InternalFunction acl_is_of{"acl_is_of", 2, {INT8OID, TEXTOID}};

struct AclUpdate {
    const RowSearch* search;
    FoundRow row;
    Datum new_acl;
};

// A BEFORE trigger or a rule may suppress the update, or write other values; then nothing is shared.
void update_acl(void* argument) {
    const auto& update = *static_cast<const AclUpdate*>(argument);
    const RowSearch& search = *update.search;
    ItemPointerData place = update.row.place;
    const Oid types[] = {INT8OID, TIDOID, INT8OID};
    const Datum values[] = {update.new_acl, PointerGetDatum(&place), update.row.acl.value};
    const char* sql = psprintf(
        "UPDATE ONLY %1$s SET %2$s = $1 WHERE ctid OPERATOR(pg_catalog.=) $2 AND %2$s OPERATOR(pg_catalog.=) $3 "
        "RETURNING %2$s OPERATOR(pg_catalog.=) $1, %3$s::pg_catalog.text",
        qualified_name(update.row.relation), search.acl_column, search.tenant_column);
    const FirstRow row =
        run_checked(CheckedStatement{update.row.relation, sql, {3, types, values, "   "}, false, extension_owner()});
    if (row.count != 1 || row.cells[0] == nullptr || strcmp(row.cells[0], "t") != 0 || row.cells[1] == nullptr ||
        strcmp(row.cells[1], update.row.tenant) != 0)
        ereport(ERROR,
                (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                 errmsg("cannot share a row of table %s", qualified_name(update.row.relation)),
                 errdetail("A trigger or rule of the table prevented the change of the row's access control list.")));
}

// In a scope: foreign keys may refer to the ACL column, ON UPDATE CASCADE.
void update_acl_in_scope(void* argument) { run_in_scope_of_caller(update_acl, argument); }

void set_acl(const RowSearch& search, const FoundRow& row, Datum new_acl) {
    AclUpdate update{&search, row, new_acl};
    const AclChange change{row.relation, row.place, DatumGetInt64(row.acl.value), DatumGetInt64(new_acl)};
    permit_acl_change(change, update_acl_in_scope, &update);
}

// The further results of row_transfer_find().
struct Transfer {
    RowSearch search;
    FoundRow row;
    const char* owner_column;  // quoted
    const char* owner_type;
    const char* new_owner;
};

[[noreturn]] void raise_not_transferred(const FoundRow& row) {
    ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                    errmsg("cannot transfer a row of table %s", qualified_name(row.relation)),
                    errdetail("A trigger or rule of the table prevented the change of the row's owner.")));
    pg_unreachable();
}

// The trigger of protect() moves the ACL of the row. It may be gone, and triggers of others may write other values.
void update_owner(void* argument) {
    const auto& transfer = *static_cast<const Transfer*>(argument);
    ItemPointerData place = transfer.row.place;
    const Oid types[] = {TEXTOID, TIDOID, INT8OID};
    const Datum values[] = {text_datum(ServerText(transfer.new_owner)), PointerGetDatum(&place),
                            transfer.row.acl.value};
    const char* sql = psprintf(
        "UPDATE ONLY %1$s SET %2$s = $1::%3$s WHERE ctid OPERATOR(pg_catalog.=) $2 AND %4$s OPERATOR(pg_catalog.=) $3 "
        "RETURNING %2$s::pg_catalog.text, %4$s, %5$s::pg_catalog.text",
        qualified_name(transfer.row.relation), transfer.owner_column, transfer.owner_type, transfer.search.acl_column,
        transfer.search.tenant_column);
    const FirstRow row =
        run_checked(CheckedStatement{transfer.row.relation, sql, {3, types, values, "   "}, false, extension_owner()});
    if (row.count != 1 || row.cells[0] == nullptr || row.cells[1] == nullptr || row.cells[2] == nullptr ||
        strcmp(row.cells[0], transfer.new_owner) != 0 || strcmp(row.cells[2], transfer.row.tenant) != 0)
        raise_not_transferred(transfer.row);
    const NullableDatum moved[] = {{DirectFunctionCall1(int8in, CStringGetDatum(row.cells[1])), false},
                                   {text_datum(ServerText(transfer.new_owner)), false}};
    if (!DatumGetBool(call_internal_afresh(acl_is_of, moved).value)) raise_not_transferred(transfer.row);
}

// The arguments of a call, followed by the result of the second step.
template <std::size_t Count>
std::array<NullableDatum, Count + 1> with_found(FunctionCallInfo fcinfo, NullableDatum found) {
    std::array<NullableDatum, Count + 1> out;
    std::copy_n(fcinfo->args, Count, out.begin());
    out[Count] = found;
    return out;
}

#define BASTION_SHARE_TYPES REGCLASSOID, TEXTOID, UUIDOID, UUIDOID, UUIDOID, UUIDOID

constexpr InternalFunction share_find{"share_find", 8, {BASTION_SHARE_TYPES, TEXTOID, TIMESTAMPTZOID}};
constexpr InternalFunction share_grant{"share_grant", 9, {BASTION_SHARE_TYPES, TEXTOID, TIMESTAMPTZOID, INT8OID}};
constexpr InternalFunction shared_row{"shared_row", 2, {REGCLASSOID, BOOLOID}};
constexpr InternalFunction unshare_end{"unshare_end", 7, {BASTION_SHARE_TYPES, INT8OID}};
constexpr InternalFunction shares_on{"shares_on", 3, {REGCLASSOID, TEXTOID, INT8OID}};
constexpr InternalFunction explained_member_row{
    "explained_member_row", 5, {UUIDOID, TEXTOID, REGCLASSOID, TEXTOID, TEXTOID}};
constexpr InternalFunction explain_member_row{
    "explain_member_row", 7, {UUIDOID, TEXTOID, REGCLASSOID, TEXTOID, TEXTOID, BOOLOID, INT8OID}};

#undef BASTION_SHARE_TYPES

constexpr InternalFunction row_transfer_find{"row_transfer_find", 2, {REGCLASSOID, TEXTOID}};
constexpr InternalFunction row_transfer_check{"row_transfer_check", 2, {REGCLASSOID, INT8OID}};

FoundRow find_shared_row(FunctionCallInfo fcinfo, bool lock) {
    const NullableDatum arguments[] = {fcinfo->args[0], argument(BoolGetDatum(lock))};
    return find_row(row_search(call_internal(shared_row, arguments).value, true), fcinfo->args[1]);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_share);
Datum bastion_share(PG_FUNCTION_ARGS) {
    const RowSearch search = row_search(call_internal(share_find, {fcinfo->args, 8}).value, true);
    const FoundRow row = find_row(search, fcinfo->args[1]);
    const Datum acl = call_internal(share_grant, with_found<8>(fcinfo, row.acl)).value;
    if (DatumGetInt64(acl) != DatumGetInt64(row.acl.value)) set_acl(search, row, acl);
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_row_transfer);
Datum bastion_row_transfer(PG_FUNCTION_ARGS) {
    const NullableDatum call[] = {fcinfo->args[0], fcinfo->args[2]};
    const Datum found = call_internal(row_transfer_find, call).value;
    Transfer transfer{row_search(found, true), {}, text_field(found, 6), text_field(found, 7), text_field(found, 8)};
    transfer.row = find_row(transfer.search, fcinfo->args[1]);
    const NullableDatum row[] = {fcinfo->args[0], transfer.row.acl};
    (void)call_internal(row_transfer_check, row);
    run_in_scope_of_caller(update_owner, &transfer);
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_unshare);
Datum bastion_unshare(PG_FUNCTION_ARGS) {
    const FoundRow row = find_shared_row(fcinfo, true);
    return call_internal(unshare_end, with_found<6>(fcinfo, row.acl)).value;
}

PG_FUNCTION_INFO_V1(bastion_shares_of);
Datum bastion_shares_of(PG_FUNCTION_ARGS) {
    const FoundRow row = find_shared_row(fcinfo, false);
    const NullableDatum shares = call_internal(shares_on, with_found<2>(fcinfo, row.acl), fcinfo->resultinfo);
    fcinfo->isnull = shares.isnull;
    return shares.value;
}

// Without a table or key there is no row to find, and the first step returns no table.
PG_FUNCTION_INFO_V1(bastion_explain_member_access);
Datum bastion_explain_member_access(PG_FUNCTION_ARGS) {
    const NullableDatum search = call_internal(explained_member_row, {fcinfo->args, 5});
    NullableDatum arguments[7];
    std::copy_n(fcinfo->args, 5, arguments);
    arguments[5] = argument(BoolGetDatum(false));
    arguments[6] = null_argument();
    if (!field(search.value, 1).isnull) {
        const FoundRow row = find_row(row_search(search.value, false), fcinfo->args[3]);
        arguments[5] = argument(BoolGetDatum(OidIsValid(row.relation)));
        arguments[6] = row.acl;
    }
    const NullableDatum steps = call_internal(explain_member_row, arguments, fcinfo->resultinfo);
    fcinfo->isnull = steps.isnull;
    return steps.value;
}

}  // extern "C"

}  // namespace bastion::pg
