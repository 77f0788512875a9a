// SQL functions of quotas: the limits that concern a caller with what is used of them, a use of them, their locks, and the windows of a
// moment.
#include "pg/base/guard.hpp"
#include "pg/base/internal_call.hpp"
#include "pg/base/record.hpp"
#include "pg/base/statistics.hpp"
#include "pg/base/text.hpp"
#include "pg/context/context.hpp"
#include "pg/quota/quota_answer.hpp"
#include "pg/quota/quota_lock.hpp"
#include "pg/quota/quota_stripe.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"
}

namespace bastion::pg {
namespace {

constexpr InternalFunction quota_expire{"quota_expire", 2, {UUIDOID, UUIDOID}};
constexpr InternalFunction quota_consume_recorded{"quota_consume_recorded", 3, {TEXTOID, NUMERICOID, TEXTOID}};

bool holds(PGFunction comparison, Datum left, Datum right) {
    return DatumGetBool(DirectFunctionCall2(comparison, left, right));
}

// NaN and infinity are above every number.
void require_amount(Datum amount, const QuotaMeter& meter) {
    if (meter.is_gauge)
        ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("a gauge counts the rows of a table"),
                        errhint("bastion.protect() counts on it: quota => 'meter'.")));
    if (!holds(numeric_gt, amount, quota_number("0")) || !holds(numeric_le, amount, quota_number("1e18")) ||
        DatumGetInt32(DirectFunctionCall1(numeric_scale, amount)) > meter.scale)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid amount"),
                 errdetail(
                     "An amount is above 0 and at most 10^18, with as many digits after the point as its meter has.")));
}

// Two arrays, of meters and of amounts.
QuotaWanted wanted_arguments(FunctionCallInfo fcinfo) {
    QuotaWanted out{nullptr, nullptr, 0};
    bool* null_meters = nullptr;
    bool* null_amounts = nullptr;
    int amounts = 0;
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &out.meters, &null_meters,
                      &out.count);
    deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), NUMERICOID, -1, false, TYPALIGN_INT, &out.amounts, &null_amounts,
                      &amounts);
    bool fits = out.count > 0 && out.count == amounts;
    for (int i = 0; fits && i < out.count; ++i) fits = !null_meters[i] && !null_amounts[i];
    if (!fits) ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a meter and an amount are needed")));
    for (int i = 0; i < out.count; ++i) require_amount(out.amounts[i], quota_meter(server_text(out.meters[i]).bytes()));
    return out;
}

// As bastion_internal.quota_line, in the order of its columns.
Datum line_datum(TupleDesc descriptor, const QuotaLine& line) {
    Datum values[] = {UUIDPGetDatum(&line.owner),
                      text_datum(ServerText(line.scope)),
                      UUIDPGetDatum(&line.subject),
                      text_datum(ServerText(line.meter)),
                      text_datum(ServerText(period_name(line.period))),
                      TimestampGetDatum(line.key),
                      TimestampTzGetDatum(line.end),
                      line.amount,
                      line.soft_amount,
                      line.wanted,
                      line.used,
                      line.held,
                      BoolGetDatum(line.soft_crossed)};
    bool nulls[std::size(values)] = {};
    nulls[6] = line.end == DT_NOEND;
    nulls[7] = line.amount == Datum{0};
    nulls[8] = line.soft_amount == Datum{0};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

Datum lines_array(Oid array, std::span<const QuotaLine> lines) {
    const Oid type = get_element_type(array);
    TupleDesc const descriptor = lookup_rowtype_tupdesc_copy(type, -1);
    auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * (lines.size() + 1)));
    for (std::size_t i = 0; i < lines.size(); ++i) elements[i] = line_datum(descriptor, lines[i]);
    return PointerGetDatum(construct_array(elements, static_cast<int>(lines.size()), type, -1, false, TYPALIGN_DOUBLE));
}

UsageEntry entry_of(const Identity& identity, NullableDatum key) {
    const QuotaDay day = quota_moment(quota_caller(identity).tenant_calendar, GetCurrentTimestamp()).day;
    return {identity.tenant.present ? identity.tenant.value : identity.user,
            identity.user,
            identity.unit,
            identity.api_key,
            day,
            key};
}

// A use of one meter without a key.
struct QuotaUse {
    Identity identity;
    QuotaWanted wanted;
    std::string_view meter;
    int scale;
};

void record(const QuotaUse& use) {
    count(Counter::quota_granted);
    write_entries(entry_of(use.identity, {Datum{0}, true}), use.wanted);
}

// The answer, or 0 and nothing written where the tenant is needed as a whole.
Datum use_in_stripe(const QuotaUse& use, const StripeLock& lock) {
    const std::span<QuotaLine> lines = limits_of(use.identity, use.wanted);
    bool fits = read_stripes(lines, lock.stripe) && refusing(lines) == nullptr;
    if (fits) {
        add_to_lines(lines, false);
        fits = !any_crosses(lines);
    }
    if (!fits) {
        leave_stripe(use.identity, lock);
        return Datum{0};
    }
    write_stripes(lines);
    record(use);
    return answer_of(lines, use.meter, nullptr);
}

// Whether any expired, and made room.
bool expire_holds(const Identity& identity) {
    const pg_uuid_t& owner = identity.tenant.present ? identity.tenant.value : identity.user;
    const NullableDatum arguments[] = {argument(UUIDPGetDatum(&owner)), argument(UUIDPGetDatum(&identity.user))};
    return DatumGetBool(call_internal(quota_expire, arguments).value);
}

// The answer; NULL, and nothing written, where a soft limit would be crossed.
NullableDatum use_of_tenant(const QuotaUse& use) {
    lock_caller(use.identity, false);
    std::span<QuotaLine> lines = quota_lines(use.identity, use.wanted, true);
    while (const QuotaLine* refused = refusing(lines)) {
        if (!expire_holds(use.identity)) {
            count(Counter::quota_refused);
            return {answer_of(lines, use.meter, refused), false};
        }
        lines = quota_lines(use.identity, use.wanted, true);
    }
    add_to_lines(lines, false);
    if (any_crosses(lines)) return null_argument();
    fill_stripes(lines, use.identity, use.meter, use.scale);
    write_windows(lines);
    record(use);
    return {answer_of(lines, use.meter, nullptr), false};
}

// NULL, and nothing written, where a soft limit would be crossed.
NullableDatum use_without_key(Datum meter, Datum amount) {
    const Identity identity = require_identity();
    const QuotaMeter found = quota_meter(server_text(meter).bytes());
    require_amount(amount, found);
    const QuotaUse use{identity, {&meter, &amount, 1}, server_text(meter).bytes(), found.scale};
    const StripeLock lock = enter_stripe(identity, use.meter);
    const Datum answer = lock.stripe < 0 ? Datum{0} : use_in_stripe(use, lock);
    return answer != Datum{0} ? argument(answer) : use_of_tenant(use);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_quota_lock);
Datum bastion_quota_lock(PG_FUNCTION_ARGS) {
    PG_RETURN_BOOL(lock_quotas(*PG_GETARG_UUID_P(0), PG_GETARG_BOOL(1) ? QuotaOwner::account : QuotaOwner::tenant,
                               PG_GETARG_BOOL(2)));
}

// Argument: whether the account is concerned in any case.
PG_FUNCTION_INFO_V1(bastion_quota_enter);
Datum bastion_quota_enter(PG_FUNCTION_ARGS) {
    lock_caller(require_identity(), PG_GETARG_BOOL(0));
    PG_RETURN_VOID();
}

// Arguments: meters, how much is wanted of each, whether to reserve it, and the key of the request.
PG_FUNCTION_INFO_V1(bastion_quota_try);
Datum bastion_quota_try(PG_FUNCTION_ARGS) {
    for (int i = 0; i < 3; ++i)
        if (PG_ARGISNULL(i))
            ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a meter and an amount are needed")));
    const Identity identity = require_identity();
    const QuotaWanted wanted = wanted_arguments(fcinfo);
    const bool reserves = PG_GETARG_BOOL(2);
    lock_caller(identity, false);
    const std::span<QuotaLine> lines = quota_lines(identity, wanted, true);
    const QuotaLine* refused = refusing(lines);
    if (refused == nullptr) {
        add_to_windows(lines, reserves);
        if (!reserves) write_entries(entry_of(identity, {PG_GETARG_DATUM(3), PG_ARGISNULL(3)}), wanted);
    }
    // The second column is for what has a key, and for what crossed a soft limit.
    TupleDesc const descriptor = record_type(fcinfo);
    bool nulls[] = {false, PG_ARGISNULL(3) && !any_crosses(lines)};
    Datum values[] = {answer_of(lines, wanted, refused),
                      nulls[1] ? Datum{0} : lines_array(TupleDescAttr(descriptor, 1)->atttypid, lines)};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

// Arguments: a meter, how much is wanted, and the key of the request or NULL.
PG_FUNCTION_INFO_V1(bastion_quota_consume);
Datum bastion_quota_consume(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(2) && (PG_ARGISNULL(0) || PG_ARGISNULL(1)))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a meter and an amount are needed")));
    NullableDatum answer = null_argument();
    // What an earlier call of this statement counted is no change of others.
    const bool keeps_snapshot = IsolationUsesXactSnapshot();
    if (keeps_snapshot) {
        PushCopiedSnapshot(GetActiveSnapshot());
        UpdateActiveSnapshotCommandId();
    }
    if (PG_ARGISNULL(2)) answer = use_without_key(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
    if (keeps_snapshot) PopActiveSnapshot();
    if (answer.isnull) {
        const NullableDatum arguments[] = {fcinfo->args[0], fcinfo->args[1], fcinfo->args[2]};
        answer = call_internal(quota_consume_recorded, arguments);
    }
    return answer.value;
}

// Arguments: meters, and how much is wanted of each; NULL for the limits of all.
PG_FUNCTION_INFO_V1(bastion_quota_lines);
Datum bastion_quota_lines(PG_FUNCTION_ARGS) {
    const Identity identity = require_identity();
    const bool all = PG_ARGISNULL(0) || PG_ARGISNULL(1);
    return lines_array(get_func_rettype(fcinfo->flinfo->fn_oid),
                       quota_lines(identity, all ? QuotaWanted{nullptr, nullptr, 0} : wanted_arguments(fcinfo), false));
}

// Arguments: a tenant or user, and a moment.
PG_FUNCTION_INFO_V1(bastion_quota_day);
Datum bastion_quota_day(PG_FUNCTION_ARGS) {
    if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(1)))
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
    PG_RETURN_DATEADT(quota_moment(read_calendar(*PG_GETARG_UUID_P(0)), PG_GETARG_TIMESTAMPTZ(1)).day);
}

// Arguments: a moment, a period and the calendar.
PG_FUNCTION_INFO_V1(bastion_quota_window);
Datum bastion_quota_window(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    QuotaPeriod period{};
    const ServerText zone = server_text(PG_GETARG_TEXT_PP(2));
    if (!parse_period(server_text(PG_GETARG_TEXT_PP(1)).bytes(), period) || zone.bytes().size() > TZ_STRLEN_MAX ||
        DATE_NOT_FINITE(PG_GETARG_DATEADT(3)))
        PG_RETURN_NULL();
    if (TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(0)))
        ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("timestamp out of range")));
    QuotaCalendar calendar{};
    text_to_cstring_buffer(PG_GETARG_TEXT_PP(2), calendar.zone, sizeof calendar.zone);
    calendar.anchor = PG_GETARG_DATEADT(3);
    const QuotaMoment moment = quota_moment(calendar, PG_GETARG_TIMESTAMPTZ(0));
    Datum values[] = {TimestampGetDatum(window_key(moment, period)), TimestampTzGetDatum(window_end(moment, period))};
    bool nulls[2] = {};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

}  // extern "C"

}  // namespace bastion::pg
