#include "pg/right/acl_permit.hpp"

namespace bastion::pg {
namespace {

struct Permit {
    bool open;
    AclChange change;
};

Permit permit{};

// The trigger of a row that is updated, with its two arguments: the columns of the ACL and of the tenant.
TriggerData* update_trigger(FunctionCallInfo fcinfo) {
    auto* data = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
        !TRIGGER_FIRED_BY_UPDATE(data->tg_event) || data->tg_trigger->tgnargs != 2)
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("keep_acl() must be fired before an UPDATE, for each row")));
    return data;
}

AttrNumber trigger_column(const TriggerData* data, int argument) {
    const char* name = data->tg_trigger->tgargs[argument];
    const AttrNumber number = get_attnum(RelationGetRelid(data->tg_relation), name);
    if (number <= 0)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" of relation \"%s\" does not exist",
                                                                  name, RelationGetRelationName(data->tg_relation))));
    return number;
}

NullableDatum column(const TriggerData* data, HeapTuple row, AttrNumber number) {
    NullableDatum out{};
    out.value = heap_getattr(row, number, RelationGetDescr(data->tg_relation), &out.isnull);
    return out;
}

bool is_same(const TriggerData* data, AttrNumber number) {
    const NullableDatum before = column(data, data->tg_trigtuple, number);
    const NullableDatum after = column(data, data->tg_newtuple, number);
    if (before.isnull || after.isnull) return before.isnull && after.isnull;
    const auto* attribute = TupleDescAttr(RelationGetDescr(data->tg_relation), number - 1);
    return datum_image_eq(before.value, after.value, attribute->attbyval, attribute->attlen);
}

bool holds_acl(const TriggerData* data, HeapTuple row, AttrNumber number, int64 acl) {
    const NullableDatum found = column(data, row, number);
    return !found.isnull && DatumGetInt64(found.value) == acl;
}

bool is_permitted(const TriggerData* data, AttrNumber acl, AttrNumber tenant) {
    const AclChange& change = permit.change;
    return permit.open && RelationGetRelid(data->tg_relation) == change.relation &&
           ItemPointerEquals(&data->tg_trigtuple->t_self, const_cast<ItemPointerData*>(&change.row)) &&
           getBaseType(get_atttype(change.relation, acl)) == INT8OID &&
           holds_acl(data, data->tg_trigtuple, acl, change.old_acl) &&
           holds_acl(data, data->tg_newtuple, acl, change.new_acl) && is_same(data, tenant);
}

}  // namespace

void permit_acl_change(const AclChange& change, void (*body)(void*), void* argument) {
    const Permit saved = permit;
    PG_TRY();
    {
        permit = Permit{true, change};
        body(argument);
    }
    PG_FINALLY();
    { permit = saved; }
    PG_END_TRY();
}

extern "C" {

PG_FUNCTION_INFO_V1(bastion_keep_acl);
Datum bastion_keep_acl(PG_FUNCTION_ARGS) {
    const TriggerData* data = update_trigger(fcinfo);
    const AttrNumber acl = trigger_column(data, 0);
    const AttrNumber tenant = trigger_column(data, 1);
    if (!is_permitted(data, acl, tenant))
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("cannot change who may access a row of table %s by UPDATE",
                               DatumGetCString(DirectFunctionCall1(
                                   regclassout, ObjectIdGetDatum(RelationGetRelid(data->tg_relation))))),
                        errdetail("The columns \"%s\" and \"%s\" stay as they are.", data->tg_trigger->tgargs[0],
                                  data->tg_trigger->tgargs[1]),
                        errhint("Use bastion.share() and bastion.unshare().")));
    permit.open = false;
    return PointerGetDatum(data->tg_newtuple);
}

}  // extern "C"

}  // namespace bastion::pg
