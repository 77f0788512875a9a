#include "pg/base/query_run.hpp"

#include "pg/base/compat.hpp"

namespace bastion::pg {
namespace {

// A receiver for the first row. The server calls it through its first member.
struct RowReceiver {
    DestReceiver base;
    MemoryContext memory;
    FirstRow row;
};

char* cell_text(RowReceiver& receiver, TupleTableSlot* slot, int column) {
    bool is_null = false;
    const Datum value = slot_getattr(slot, column + 1, &is_null);
    if (is_null) return nullptr;
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(TupleDescAttr(slot->tts_tupleDescriptor, column)->atttypid, &output, &is_varlena);
    MemoryContext old = MemoryContextSwitchTo(receiver.memory);
    char* text = OidOutputFunctionCall(output, value);
    MemoryContextSwitchTo(old);
    return text;
}

bool receive(TupleTableSlot* slot, DestReceiver* self) {
    auto& receiver = *reinterpret_cast<RowReceiver*>(self);
    if (receiver.row.count++ > 0) return true;
    const int columns = std::min(slot->tts_tupleDescriptor->natts, max_first_row_columns);
    for (int i = 0; i < columns; ++i) receiver.row.cells[i] = cell_text(receiver, slot, i);
    return true;
}

void begin(DestReceiver*, int, TupleDesc) {}
void end(DestReceiver*) {}

RowReceiver row_receiver() {
    RowReceiver receiver{};
    receiver.base.receiveSlot = receive;
    receiver.base.rStartup = begin;
    receiver.base.rShutdown = end;
    receiver.base.rDestroy = end;
    receiver.base.mydest = DestNone;
    receiver.memory = CurrentMemoryContext;
    return receiver;
}

ParamListInfo bind(const QueryParameters& parameters) {
    ParamListInfo list = makeParamList(parameters.count);
    for (int i = 0; i < parameters.count; ++i) {
        ParamExternData& parameter = list->params[i];
        parameter.value = parameters.values[i];
        parameter.isnull = parameters.nulls[i] == 'n';
        parameter.ptype = parameters.types[i];
    }
    return list;
}

}  // namespace

// On ERROR the transaction machinery releases the resources of the executor and the snapshot.
FirstRow run_query(Query* query, const char* sql, const QueryParameters& parameters) {
    RowReceiver receiver = row_receiver();
    ParamListInfo bound = bind(parameters);
    CommandCounterIncrement();
    PushCopiedSnapshot(GetTransactionSnapshot());
    PlannedStmt* plan = pg_plan_query(query, sql, 0, bound);
    QueryDesc* run = CreateQueryDesc(plan, sql, GetActiveSnapshot(), InvalidSnapshot,
                                     query->canSetTag ? &receiver.base : None_Receiver, bound, nullptr, 0);
    ExecutorStart(run, 0);
    compat::run_to_end(run);
    ExecutorFinish(run);
    if (query->canSetTag && query->commandType != CMD_SELECT) receiver.row.count = run->estate->es_processed;
    ExecutorEnd(run);
    FreeQueryDesc(run);
    PopActiveSnapshot();
    CommandCounterIncrement();
    return receiver.row;
}

}  // namespace bastion::pg
