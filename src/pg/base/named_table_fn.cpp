// The type bastion_internal.named_table: a table, known by its oid while it exists, whose text form is its name. Input of a
// name without a table keeps the name, so that a dump without the table restores the records about it.
#include "pg/base/text.hpp"

extern "C" {
#include "utils/regproc.h"
}

namespace bastion::pg {
namespace {

// Two quoted names, each character doubled, with room for blanks.
constexpr std::size_t max_name_bytes = 1000;

// A value holds the oid, InvalidOid for a name without a table, and then that name in the encoding of the database.
Datum named_table(Oid table, std::string_view name) {
    const std::size_t size = VARHDRSZ + sizeof(Oid) + name.size();
    auto* value = static_cast<struct varlena*>(palloc(size));
    SET_VARSIZE(value, size);
    std::memcpy(VARDATA(value), &table, sizeof(Oid));
    std::copy(name.begin(), name.end(), VARDATA(value) + sizeof(Oid));
    return PointerGetDatum(value);
}

Oid oid_of(std::string_view value) noexcept {
    Oid out = InvalidOid;
    std::memcpy(&out, value.data(), sizeof(Oid));
    return out;
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_named_table_in);
Datum bastion_named_table_in(PG_FUNCTION_ARGS) {
    const std::string_view name(PG_GETARG_CSTRING(0));
    if (name.size() > max_name_bytes)
        ereport(ERROR, (errcode(ERRCODE_NAME_TOO_LONG), errmsg("name of a table is too long")));
    List* parts = textToQualifiedNameList(DatumGetTextPP(text_datum(ServerText(name))));
    const Oid table = RangeVarGetRelid(makeRangeVarFromNameList(parts), NoLock, true);
    return OidIsValid(table) ? named_table(table, {}) : named_table(InvalidOid, name);
}

PG_FUNCTION_INFO_V1(bastion_named_table_out);
Datum bastion_named_table_out(PG_FUNCTION_ARGS) {
    const std::string_view value = as_text(view(PG_GETARG_VARLENA_PP(0)));
    if (OidIsValid(oid_of(value))) return DirectFunctionCall1(regclassout, ObjectIdGetDatum(oid_of(value)));
    PG_RETURN_CSTRING(ServerText(value.substr(sizeof(Oid))).c_str());
}

PG_FUNCTION_INFO_V1(bastion_named_table);
Datum bastion_named_table(PG_FUNCTION_ARGS) { return named_table(PG_GETARG_OID(0), {}); }

PG_FUNCTION_INFO_V1(bastion_table_of_name);
Datum bastion_table_of_name(PG_FUNCTION_ARGS) {
    const Oid table = oid_of(as_text(view(PG_GETARG_VARLENA_PP(0))));
    if (!OidIsValid(table)) PG_RETURN_NULL();
    PG_RETURN_OID(table);
}

}  // extern "C"

}  // namespace bastion::pg
