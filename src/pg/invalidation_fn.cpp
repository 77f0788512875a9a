// The trigger function bastion.invalidate('user', column) | ('all') | ('keys'): sends the invalidation that the change
// of a row, or a TRUNCATE, asks for.
#include "pg/guard.hpp"
#include "pg/invalidation.hpp"

namespace bastion::pg {
namespace {

void invalidate_user(const TriggerData* trigger, HeapTuple tuple, const char* column) {
    TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
    const AttrNumber number = get_attnum(RelationGetRelid(trigger->tg_relation), column);
    bool is_null = true;
    const Datum user = number > 0 ? heap_getattr(tuple, number, descriptor, &is_null) : Datum{0};
    send_invalidation(is_null ? all_rights_invalidation() : user_invalidation(*DatumGetUUIDP(user)));
}

// An UPDATE concerns the user it took the row from and the one it gave it to.
void invalidate_users(const TriggerData* trigger, const char* column) {
    invalidate_user(trigger, trigger->tg_trigtuple, column);
    if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) invalidate_user(trigger, trigger->tg_newtuple, column);
}

void invalidate(const TriggerData* trigger) {
    const Trigger* definition = trigger->tg_trigger;
    const std::string_view scope(definition->tgnargs > 0 ? definition->tgargs[0] : "all");
    if (scope == "keys")
        send_invalidation(keys_invalidation());
    else if (scope == "user" && definition->tgnargs > 1 && TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
        invalidate_users(trigger, definition->tgargs[1]);
    else
        send_invalidation(all_rights_invalidation());
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_invalidate);
Datum bastion_invalidate(PG_FUNCTION_ARGS) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("this function can be called only as a trigger")));
    invalidate(reinterpret_cast<TriggerData*>(fcinfo->context));
    return PointerGetDatum(nullptr);
}

}  // extern "C"

}  // namespace bastion::pg
