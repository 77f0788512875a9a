// SQL functions over the counters of attempts, by kind and value, and the worker's step that copies one to bastion.login_throttle.
#include "pg/base/guard.hpp"
#include "pg/base/record.hpp"
#include "pg/base/text.hpp"
#include "pg/throttle/throttle_shared.hpp"
#include "pg/throttle/throttle_store.hpp"

namespace bastion::pg {
namespace {

constexpr std::pair<std::string_view, ThrottleKind> kinds[] = {
    {"account", ThrottleKind::account}, {"device", ThrottleKind::device},
    {"code", ThrottleKind::code},       {"code_of_user", ThrottleKind::code_of_user},
    {"address", ThrottleKind::address}, {"network", ThrottleKind::network},
    {"mail", ThrottleKind::mail},       {"signup", ThrottleKind::signup}};

ThrottleKind kind_of(std::string_view name) {
    const auto* found =
        std::find_if(std::begin(kinds), std::end(kinds), [&](const auto& kind) { return kind.first == name; });
    if (found == std::end(kinds))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown kind of attempts")));
    return found->second;
}

const char* name_of(ThrottleKind kind) noexcept {
    const auto* found =
        std::find_if(std::begin(kinds), std::end(kinds), [&](const auto& each) { return each.second == kind; });
    return found == std::end(kinds) ? "none" : found->first.data();
}

ThrottleSubject subject_argument(FunctionCallInfo fcinfo) {
    require_throttle("an attempt");
    const ThrottleKind kind = kind_of(server_text(PG_GETARG_TEXT_PP(0)).bytes());
    const Utf8 value = utf8_of(PG_GETARG_TEXT_PP(1));
    const ByteSpan secret = throttle_secret();
    ThrottleSubject subject;
    guarded_or_raise([&]() -> Result<void> {
        const Result<ThrottleSubject> made = throttle_subject(secret, kind, value);
        if (!made) return made.error();
        subject = *made;
        return {};
    });
    return subject;
}

bool parse_key(std::string_view hex, ThrottleKey& out) noexcept {
    if (hex.size() != 2 * out.bytes.size()) return false;
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    for (std::size_t i = 0; i < out.bytes.size(); ++i) {
        const int high = digit(hex[2 * i]);
        const int low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_throttle_try);
Datum bastion_throttle_try(PG_FUNCTION_ARGS) {
    const ThrottleSubject subject = subject_argument(fcinfo);
    const Micros wait = throttle_charge(subject);
    throttle_keep(subject);
    PG_RETURN_INT32(throttle_seconds(wait));
}

PG_FUNCTION_INFO_V1(bastion_throttle_refund);
Datum bastion_throttle_refund(PG_FUNCTION_ARGS) {
    throttle_refund(subject_argument(fcinfo));
    PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bastion_throttle_clear);
Datum bastion_throttle_clear(PG_FUNCTION_ARGS) { PG_RETURN_BOOL(throttle_clear(subject_argument(fcinfo))); }

PG_FUNCTION_INFO_V1(bastion_throttle_clear_at_commit);
Datum bastion_throttle_clear_at_commit(PG_FUNCTION_ARGS) {
    throttle_clear_at_commit(subject_argument(fcinfo));
    PG_RETURN_VOID();
}

// The unsaved count of a key in hexadecimal digits, as its event names it; NULL without one.
PG_FUNCTION_INFO_V1(bastion_throttle_unsaved);
Datum bastion_throttle_unsaved(PG_FUNCTION_ARGS) {
    TupleDesc const descriptor = record_type(fcinfo);
    ThrottleKey key;
    UnsavedThrottle unsaved;
    if (!has_shared_sets() || !parse_key(server_text(PG_GETARG_TEXT_PP(0)).bytes(), key) ||
        !unsaved_throttle(key, unsaved))
        PG_RETURN_NULL();
    auto* bytes = static_cast<struct varlena*>(palloc(VARHDRSZ + sizeof key.bytes));
    SET_VARSIZE(bytes, VARHDRSZ + sizeof key.bytes);
    std::memcpy(VARDATA(bytes), key.bytes.data(), sizeof key.bytes);
    const Micros memory = throttle_rule(unsaved.kind).memory;
    const ThrottleCount& count = unsaved.count;
    Datum values[6] = {PointerGetDatum(bytes),
                       text_datum(ServerText(name_of(unsaved.kind))),
                       TimestampTzGetDatum(count.paid_until),
                       TimestampTzGetDatum(count.charged_at),
                       Int32GetDatum(count.failures),
                       TimestampTzGetDatum(std::max(count.paid_until, count.charged_at + memory))};
    bool nulls[6] = {};
    return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

}  // extern "C"

}  // namespace bastion::pg
