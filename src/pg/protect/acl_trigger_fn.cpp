// The triggers that choose the access control list of a row in a table under sharing: fill_acl() for a new row without one,
// move_acl() for a row whose owner changes. They read the columns of the row themselves, of types of the server's own; the
// key of a row is written by its type's output function, as the caller. SQL functions with the rights of the extension
// choose the ACL.
#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"

namespace bastion::pg {
namespace {

constexpr InternalFunction acl_of_row{"acl_of_row", 3, {TEXTOID, TEXTOID, TEXTOID}};
constexpr InternalFunction acl_of_context{"acl_of_context", 1, {TEXTOID}};
constexpr InternalFunction acl_of_next_owner{
    "acl_of_next_owner", 6, {REGCLASSOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID}};

TriggerData* row_trigger(FunctionCallInfo fcinfo, TriggerEvent event, int arguments) {
    auto* data = reinterpret_cast<TriggerData*>(fcinfo->context);
    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
        (data->tg_event & TRIGGER_EVENT_OPMASK) != event || data->tg_trigger->tgnargs != arguments)
        ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                        errmsg("a trigger of protect() must be made by protect()")));
    return data;
}

// An empty name is that of no column.
AttrNumber column_number(const TriggerData* data, int argument) {
    const char* name = data->tg_trigger->tgargs[argument];
    if (*name == '\0') return InvalidAttrNumber;
    const AttrNumber number = get_attnum(RelationGetRelid(data->tg_relation), name);
    if (number <= 0)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                        errmsg("column \"%s\" of relation \"%s\" does not exist", name,
                               RelationGetRelationName(data->tg_relation)),
                        errhint("SELECT * FROM bastion.protection; shows what is wrong with a table.")));
    return number;
}

Oid column_type(const TriggerData* data, AttrNumber number) {
    return getBaseType(TupleDescAttr(RelationGetDescr(data->tg_relation), number - 1)->atttypid);
}

AttrNumber acl_number(const TriggerData* data) {
    const AttrNumber number = column_number(data, 0);
    if (column_type(data, number) != INT8OID)
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("column \"%s\" must be of type bigint", data->tg_trigger->tgargs[0])));
    return number;
}

// A tenant or an owner as text, or null.
const char* column_text(const TriggerData* data, HeapTuple row, AttrNumber number) {
    if (number == InvalidAttrNumber) return nullptr;
    bool is_null = false;
    const Datum value = heap_getattr(row, number, RelationGetDescr(data->tg_relation), &is_null);
    if (is_null) return nullptr;
    switch (column_type(data, number)) {
        case UUIDOID: return DatumGetCString(DirectFunctionCall1(uuid_out, value));
        case INT8OID: return psprintf(INT64_FORMAT, DatumGetInt64(value));
        case INT4OID: return psprintf("%d", DatumGetInt32(value));
        case TEXTOID:
        case VARCHAROID: return server_text(DatumGetTextPP(value)).c_str();
        default:
            ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("a tenant or owner has an unexpected type")));
    }
}

NullableDatum text_argument(const char* value) {
    return value == nullptr ? null_argument() : argument(text_datum(ServerText(value)));
}

HeapTuple with_acl(const TriggerData* data, HeapTuple row, AttrNumber number, Datum acl) {
    int column = number;
    bool is_null = false;
    return heap_modify_tuple_by_cols(row, RelationGetDescr(data->tg_relation), 1, &column, &acl, &is_null);
}

bool is_bound_by_row_security(const TriggerData* data) {
    return DatumGetBool(
        DirectFunctionCall1(row_security_active, ObjectIdGetDatum(RelationGetRelid(data->tg_relation))));
}

// What fill_acl() looks up once for a statement and a table: its columns, whether row security binds the caller, and, for a
// COPY of many rows, the ACLs that it found without a context. A default ACL never changes.
constexpr int key_length = 40;
constexpr long most_lists = 10000;

// As the columns hold them, with zeros behind.
struct ListKey {
    char tenant[key_length];
    char owner[key_length];
};

struct KnownList {
    ListKey key;
    int64 acl;
};

struct Filling {
    AttrNumber acl;
    AttrNumber tenant;
    AttrNumber owner;  // InvalidAttrNumber: it does not matter
    bool is_bound;
    HTAB* known;  // null before the first
};

Filling& filling_of(FmgrInfo* function, const TriggerData* data) {
    if (function->fn_extra == nullptr) {
        auto* made = static_cast<Filling*>(MemoryContextAllocZero(function->fn_mcxt, sizeof(Filling)));
        made->acl = acl_number(data);
        made->tenant = column_number(data, 1);
        made->owner = strcmp(data->tg_trigger->tgargs[3], "owner") == 0 ? column_number(data, 2) : InvalidAttrNumber;
        made->is_bound = is_bound_by_row_security(data);
        function->fn_extra = made;
    }
    return *static_cast<Filling*>(function->fn_extra);
}

HTAB* known_lists(Filling& filling, const FmgrInfo* function) {
    if (filling.known != nullptr && hash_get_num_entries(filling.known) >= most_lists) {
        hash_destroy(filling.known);
        filling.known = nullptr;
    }
    if (filling.known == nullptr) {
        HASHCTL control{};
        control.keysize = sizeof(ListKey);
        control.entrysize = sizeof(KnownList);
        control.hcxt = function->fn_mcxt;
        filling.known = hash_create("bastion lists of rows", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }
    return filling.known;
}

// The bytes of a column in a key; false for a text that is too long.
bool put_bytes(char (&out)[key_length], const TriggerData* data, AttrNumber number) {
    if (number == InvalidAttrNumber) return true;
    const auto* attribute = TupleDescAttr(RelationGetDescr(data->tg_relation), number - 1);
    bool is_null = false;
    const Datum value = heap_getattr(data->tg_trigtuple, number, RelationGetDescr(data->tg_relation), &is_null);
    if (is_null) {
        out[key_length - 1] = 1;
        return true;
    }
    if (attribute->attlen > 0 && attribute->attlen < key_length && !attribute->attbyval) {
        memcpy(out, DatumGetPointer(value), static_cast<std::size_t>(attribute->attlen));
        return true;
    }
    const char* text = column_text(data, data->tg_trigtuple, number);
    if (strlen(text) >= key_length) return false;
    strlcpy(out, text, key_length);
    return true;
}

NullableDatum list_of_row(Filling& filling, const FmgrInfo* function, const TriggerData* data) {
    HTAB* known = known_lists(filling, function);
    ListKey key{};
    const bool is_keyed = put_bytes(key.tenant, data, filling.tenant) && put_bytes(key.owner, data, filling.owner);
    if (is_keyed)
        if (const auto* found = static_cast<const KnownList*>(hash_search(known, &key, HASH_FIND, nullptr)))
            return argument(Int64GetDatum(found->acl));
    const NullableDatum arguments[] = {text_argument(column_text(data, data->tg_trigtuple, filling.tenant)),
                                       text_argument(column_text(data, data->tg_trigtuple, filling.owner)),
                                       text_argument(data->tg_trigger->tgargs[3])};
    const NullableDatum acl = call_internal(acl_of_row, arguments);
    if (is_keyed && !acl.isnull)
        static_cast<KnownList*>(hash_search(known, &key, HASH_ENTER, nullptr))->acl = DatumGetInt64(acl.value);
    return acl;
}

[[noreturn]] void raise_no_list(const TriggerData* data, bool has_user) {
    const char* hint = "Choose a tenant.";
    if (!has_user)
        hint = "Present a token first.";
    else if (strcmp(data->tg_trigger->tgargs[3], "unit") == 0)
        hint = "Choose a unit: bastion.authenticate(token, tenant, unit).";
    ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                    errmsg("cannot determine the access control list of a new row of table %s",
                           DatumGetCString(DirectFunctionCall1(regclassout,
                                                               ObjectIdGetDatum(RelationGetRelid(data->tg_relation))))),
                    errhint("%s", hint)));
    pg_unreachable();
}

// The key of a row beside its tenant, or null if its primary key has another shape.
const char* row_key(const TriggerData* data, HeapTuple row, AttrNumber tenant) {
    list_free(RelationGetIndexList(data->tg_relation));
    const Oid index = data->tg_relation->rd_pkindex;
    HeapTuple tuple = OidIsValid(index) ? SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index)) : nullptr;
    if (!HeapTupleIsValid(tuple)) return nullptr;
    const auto* form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    AttrNumber key = InvalidAttrNumber;
    int others = 0;
    for (int i = 0; i < form->indnkeyatts; ++i)
        if (form->indkey.values[i] != tenant) {
            key = form->indkey.values[i];
            ++others;
        }
    ReleaseSysCache(tuple);
    if (others != 1) return nullptr;
    bool is_null = false;
    const Datum value = heap_getattr(row, key, RelationGetDescr(data->tg_relation), &is_null);
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(TupleDescAttr(RelationGetDescr(data->tg_relation), key - 1)->atttypid, &output, &is_varlena);
    return is_null ? nullptr : OidOutputFunctionCall(output, value);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_fill_acl);
Datum bastion_fill_acl(PG_FUNCTION_ARGS) {
    const TriggerData* data = row_trigger(fcinfo, TRIGGER_EVENT_INSERT, 4);
    Filling& filling = filling_of(fcinfo->flinfo, data);
    const bool has_user = require_context().state == ContextState::authenticated;
    NullableDatum acl = null_argument();
    if (has_user) {
        const NullableDatum visibility = text_argument(data->tg_trigger->tgargs[3]);
        acl = call_internal(acl_of_context, {&visibility, 1});
    } else if (!filling.is_bound) {
        acl = list_of_row(filling, fcinfo->flinfo, data);
    }
    if (acl.isnull) raise_no_list(data, has_user);
    return PointerGetDatum(with_acl(data, data->tg_trigtuple, filling.acl, acl.value));
}

PG_FUNCTION_INFO_V1(bastion_move_acl);
Datum bastion_move_acl(PG_FUNCTION_ARGS) {
    const TriggerData* data = row_trigger(fcinfo, TRIGGER_EVENT_UPDATE, 3);
    const AttrNumber number = acl_number(data);
    const AttrNumber tenant = column_number(data, 1);
    HeapTuple row = data->tg_newtuple;
    bool is_null = false;
    const Datum old_acl = heap_getattr(data->tg_trigtuple, number, RelationGetDescr(data->tg_relation), &is_null);
    if (is_null) return PointerGetDatum(row);
    const NullableDatum arguments[] = {argument(ObjectIdGetDatum(RelationGetRelid(data->tg_relation))),
                                       text_argument(row_key(data, data->tg_trigtuple, tenant)),
                                       text_argument(column_text(data, row, tenant)),
                                       text_argument(column_text(data, row, column_number(data, 2))),
                                       argument(old_acl),
                                       argument(BoolGetDatum(is_bound_by_row_security(data)))};
    const NullableDatum acl = call_internal(acl_of_next_owner, arguments);
    // The policies of this statement must know a list that it makes.
    if (DatumGetInt64(acl.value) != DatumGetInt64(old_acl)) refresh_decision();
    return PointerGetDatum(with_acl(data, row, number, acl.value));
}

}  // extern "C"

}  // namespace bastion::pg
