#include "pg/base/internal_call.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {
namespace {

Oid find_function(const InternalFunction& function) {
    oidvector* types = buildoidvector(function.types, function.count);
    const Oid found =
        GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(function.name), PointerGetDatum(types),
                        ObjectIdGetDatum(get_namespace_oid("bastion_internal", false)));
    if (!OidIsValid(found))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("function bastion_internal.%s does not exist", function.name),
                        errhint("Update the extension: ALTER EXTENSION pg_bastion UPDATE.")));
    return found;
}

}  // namespace

NullableDatum call_internal(const InternalFunction& function, std::span<const NullableDatum> arguments,
                            fmNodePtr result_info) {
    Assert(static_cast<int>(arguments.size()) == function.count);
    FmgrInfo info;
    fmgr_info(find_function(function), &info);
    LOCAL_FCINFO(call, max_internal_arguments);
    InitFunctionCallInfoData(*call, &info, static_cast<short>(arguments.size()), InvalidOid, nullptr, result_info);
    std::copy(arguments.begin(), arguments.end(), call->args);
    const Datum value = FunctionCallInvoke(call);
    return {value, call->isnull};
}

NullableDatum call_internal_afresh(const InternalFunction& function, std::span<const NullableDatum> arguments) {
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
    const NullableDatum out = call_internal(function, arguments);
    PopActiveSnapshot();
    return out;
}

NullableDatum field(Datum composite, AttrNumber number) {
    NullableDatum out{};
    out.value = GetAttributeByNum(DatumGetHeapTupleHeader(composite), number, &out.isnull);
    return out;
}

char* text_field(Datum composite, AttrNumber number) {
    const NullableDatum found = field(composite, number);
    return found.isnull ? nullptr : server_text(DatumGetTextPP(found.value)).c_str();
}

}  // namespace bastion::pg
