// The trigger guard_foreign_code(), BEFORE STATEMENT on each of the extension's tables, whose name sorts before any other.
// It caches its result for a table until the table or any function changes.
#include "pg/base/caller_scope.hpp"
#include "pg/base/foreign_code.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

// Valid while its generation is the current one.
struct Verdict {
    Oid relation;
    bool is_clean;
    uint64 generation;
};

HTAB* verdicts = nullptr;
uint64 generation = 1;

// Only for tables with a result, because messages about other tables are frequent.
void forget_table(Datum, Oid relation) {
    if (!OidIsValid(relation) ||
        (verdicts != nullptr && hash_search(verdicts, &relation, HASH_FIND, nullptr) != nullptr))
        ++generation;
}

void forget_all(Datum, int, uint32) { ++generation; }

bool is_ours(Oid catalog, Oid object) {
    return object < FirstNormalObjectId ||
           getExtensionOfObject(catalog, object) == get_extension_oid("pg_bastion", true);
}

// With any other end, temporary tables and types of the session take precedence over the intended ones.
bool ends_in_pg_temp(const char* setting) {
    List* schemas = NIL;
    if (!SplitIdentifierString(pstrdup(setting), ',', &schemas) || schemas == NIL) return false;
    return std::strcmp(static_cast<const char*>(llast(schemas)), "pg_temp") == 0;
}

bool has_safe_path(Oid function) {
    HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple)) return false;
    bool is_null = true;
    bool safe = false;
    const Datum config = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &is_null);
    Datum* settings = nullptr;
    int count = 0;
    if (!is_null)
        deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT, &settings, nullptr, &count);
    constexpr std::string_view name = "search_path=";
    for (int i = 0; i < count; ++i) {
        const char* setting = server_text(DatumGetTextPP(settings[i])).c_str();
        if (std::string_view(setting).starts_with(name)) safe = ends_in_pg_temp(setting + name.size());
    }
    ReleaseSysCache(tuple);
    return safe;
}

bool fires_on(const Trigger& trigger, TriggerEvent event) {
    if (TRIGGER_FIRED_BY_INSERT(event)) return TRIGGER_FOR_INSERT(trigger.tgtype);
    return TRIGGER_FIRED_BY_UPDATE(event) ? TRIGGER_FOR_UPDATE(trigger.tgtype) : TRIGGER_FOR_DELETE(trigger.tgtype);
}

bool is_unsafe_trigger(const Trigger& trigger) {
    return !trigger.tgisinternal && trigger.tgenabled != TRIGGER_DISABLED &&
           !is_ours(ProcedureRelationId, trigger.tgfoid) && !has_safe_path(trigger.tgfoid);
}

bool deletes_or_sets(Oid function) {
    switch (function) {
        case F_RI_FKEY_CASCADE_DEL:
        case F_RI_FKEY_SETNULL_DEL:
        case F_RI_FKEY_SETDEFAULT_DEL:
        case F_RI_FKEY_CASCADE_UPD:
        case F_RI_FKEY_SETNULL_UPD:
        case F_RI_FKEY_SETDEFAULT_UPD: return true;
        default: return false;
    }
}

bool is_foreign_action(const Trigger& trigger) {
    return trigger.tgisinternal && deletes_or_sets(trigger.tgfoid) &&
           !is_ours(RelationRelationId, trigger.tgconstrrelid);
}

// Whether an UPDATE sets a column that the foreign key refers to.
bool touches_key(Oid constraint, const Bitmapset* updated) {
    HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
    if (!HeapTupleIsValid(tuple)) return false;
    bool is_null = true;
    bool touches = false;
    const Datum keys = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_confkey, &is_null);
    Datum* columns = nullptr;
    int count = 0;
    if (!is_null)
        deconstruct_array(DatumGetArrayTypeP(keys), INT2OID, sizeof(int16), true, TYPALIGN_SHORT, &columns, nullptr,
                          &count);
    for (int i = 0; i < count; ++i)
        touches = touches || bms_is_member(DatumGetInt16(columns[i]) - FirstLowInvalidHeapAttributeNumber, updated);
    ReleaseSysCache(tuple);
    return touches;
}

bool acts_now(const Trigger& trigger, const TriggerData& data) {
    return fires_on(trigger, data.tg_event) &&
           (!TRIGGER_FIRED_BY_UPDATE(data.tg_event) || touches_key(trigger.tgconstraint, data.tg_updatedcols));
}

// A copy: what looks at a trigger reads catalogues, where an invalidation can free the relation's own list.
bool look_at(Relation relation) {
    const TriggerDesc* triggers = CopyTriggerDesc(relation->trigdesc);
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i)
        if (is_unsafe_trigger(triggers->triggers[i]) || is_foreign_action(triggers->triggers[i])) return false;
    return true;
}

Verdict* find_verdict(Oid relation) {
    if (verdicts == nullptr) {
        HASHCTL control{};
        control.keysize = sizeof(Oid);
        control.entrysize = sizeof(Verdict);
        verdicts = hash_create("bastion foreign code", 64, &control, HASH_ELEM | HASH_BLOBS);
    }
    bool found = false;
    auto* verdict = static_cast<Verdict*>(hash_search(verdicts, &relation, HASH_ENTER, &found));
    if (!found) verdict->generation = 0;
    return verdict;
}

// The table is locked; if a function changes during the check, the verdict belongs to an old generation.
bool is_clean(Relation relation) {
    const Verdict* known = find_verdict(RelationGetRelid(relation));
    if (known->generation == generation) return known->is_clean;
    const uint64 begun = generation;
    const bool clean = look_at(relation);
    Verdict* verdict = find_verdict(RelationGetRelid(relation));
    verdict->is_clean = clean;
    verdict->generation = begun;
    return clean;
}

bool session_has_temporary_schema() {
    Oid schema = InvalidOid;
    Oid toast = InvalidOid;
    GetTempNamespaceState(&schema, &toast);
    return OidIsValid(schema);
}

[[noreturn]] void refuse_trigger(Relation relation, const Trigger& trigger) {
    ereport(
        ERROR,
        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
         errmsg("cannot change table %s in a session with temporary tables", RelationGetRelationName(relation)),
         errdetail(
             "Trigger \"%s\" on the table calls %s, which would look at them first, with the rights of the extension.",
             trigger.tgname, format_procedure_qualified(trigger.tgfoid)),
         errhint("Give the function a search_path that ends in pg_temp.")));
}

[[noreturn]] void refuse_action(Relation relation, const Trigger& trigger) {
    ereport(
        ERROR,
        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
         errmsg("cannot change table %s here, to which table %s refers", RelationGetRelationName(relation),
                get_rel_name(trigger.tgconstrrelid)),
         errdetail("The action of a foreign key would run triggers of that table with the rights of the extension."),
         errhint("Use unit_delete() or tenant_delete(), or make it a foreign key without an action.")));
}

void check(const TriggerData& data) {
    const TriggerDesc* triggers = CopyTriggerDesc(data.tg_relation->trigdesc);
    const bool temporary = session_has_temporary_schema();
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i) {
        const Trigger& trigger = triggers->triggers[i];
        if (temporary && fires_on(trigger, data.tg_event) && is_unsafe_trigger(trigger))
            refuse_trigger(data.tg_relation, trigger);
        if (is_foreign_action(trigger) && acts_now(trigger, data)) refuse_action(data.tg_relation, trigger);
    }
}

}  // namespace

void watch_foreign_code() {
    CacheRegisterRelcacheCallback(forget_table, Datum{0});
    CacheRegisterSyscacheCallback(PROCOID, forget_all, Datum{0});
}

extern "C" {

PG_FUNCTION_INFO_V1(bastion_guard_foreign_code);
Datum bastion_guard_foreign_code(PG_FUNCTION_ARGS) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        ereport(ERROR,
                (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED), errmsg("function was not called as a trigger")));
    const auto* data = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (InLocalUserIdChange() && !runs_as_scope_user() && !is_clean(data->tg_relation)) check(*data);
    return PointerGetDatum(nullptr);
}

}  // extern "C"

}  // namespace bastion::pg
