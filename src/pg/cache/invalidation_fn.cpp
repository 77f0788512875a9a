// The trigger function bastion_internal.invalidate(scope, columns…, scope, columns…): sends the invalidations for the
// change of a row, or for a TRUNCATE. Each scope takes the columns with the ids that it names.
#include "pg/base/guard.hpp"
#include "pg/cache/announcement.hpp"

namespace bastion::pg {
namespace {

const MessageScope* find_scope(const char* name) {
    const MessageScope* scope = first_scope();
    while (scope != nullptr && std::strcmp(scope->name, name) != 0) scope = scope->next;
    return scope;
}

// The text of a column; null if the column is NULL.
char* column_text(const TriggerData* trigger, HeapTuple tuple, const char* column) {
    TupleDesc descriptor = RelationGetDescr(trigger->tg_relation);
    const AttrNumber number = get_attnum(RelationGetRelid(trigger->tg_relation), column);
    if (number <= 0)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN), errmsg("column \"%s\" of relation \"%s\" does not exist", column,
                                                           RelationGetRelationName(trigger->tg_relation))));
    bool is_null = true;
    const Datum value = heap_getattr(tuple, number, descriptor, &is_null);
    if (is_null) return nullptr;
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(TupleDescAttr(descriptor, number - 1)->atttypid, &output, &is_varlena);
    return OidOutputFunctionCall(output, value);
}

void send(const TriggerData* trigger, HeapTuple tuple, const MessageScope& scope, char** columns) {
    if (is_announced_whole(scope)) return;
    StringInfoData key;
    initStringInfo(&key);
    for (int i = 0; i < scope.columns; ++i) {
        const char* text = column_text(trigger, tuple, columns[i]);
        if (text == nullptr) return;
        appendStringInfoString(&key, text);
    }
    announce(scope, invalidation_of(scope.name, {key.data, static_cast<std::size_t>(key.len)}));
    pfree(key.data);
}

// For arguments that this version of the library does not know.
void send_everything() {
    for (const MessageScope* scope = first_scope(); scope != nullptr; scope = scope->next)
        send_invalidation(scope->all);
}

// An UPDATE invalidates the ids of the old row and those of the new row.
void invalidate(const TriggerData* trigger) {
    const Trigger* definition = trigger->tg_trigger;
    const bool by_row = TRIGGER_FIRED_FOR_ROW(trigger->tg_event);
    for (int i = 0; i < definition->tgnargs;) {
        const MessageScope* scope = find_scope(definition->tgargs[i++]);
        if (scope == nullptr || i + scope->columns > definition->tgnargs || (scope->columns > 0 && !by_row)) {
            send_everything();
            return;
        }
        send(trigger, trigger->tg_trigtuple, *scope, definition->tgargs + i);
        if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) && by_row)
            send(trigger, trigger->tg_newtuple, *scope, definition->tgargs + i);
        i += scope->columns;
    }
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
