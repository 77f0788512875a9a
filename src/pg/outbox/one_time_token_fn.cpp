// SQL functions of one-time tokens; SQL functions of the extension call them with the columns of a row.
#include "core/outbox/one_time_token.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"
#include "pg/base/uuid.hpp"
#include "pg/key/pepper.hpp"

namespace bastion::pg {
namespace {

// The columns, from argument `first` on: id, purpose, user_id, address, generation, expires_at, pepper, as_code.
struct OneTimeColumns {
    const pg_uuid_t* id;
    Utf8 purpose;
    const pg_uuid_t* user;
    Utf8 address;
    int32 generation;
    TimestampTz expires_at;
    const HmacKey* pepper;
    bool as_code;
};

bool take_columns(FunctionCallInfo fcinfo, int first, OneTimeColumns& out) {
    for (int i = 0; i < 8; ++i)
        if (i != 2 && PG_ARGISNULL(first + i)) return false;
    out.id = PG_GETARG_UUID_P(first);
    out.purpose = utf8_of(PG_GETARG_TEXT_PP(first + 1));
    out.user = PG_ARGISNULL(first + 2) ? nullptr : PG_GETARG_UUID_P(first + 2);
    out.address = utf8_of(PG_GETARG_TEXT_PP(first + 3));
    out.generation = PG_GETARG_INT32(first + 4);
    out.expires_at = PG_GETARG_TIMESTAMPTZ(first + 5);
    out.pepper = &need_pepper(PG_GETARG_INT32(first + 6));
    out.as_code = PG_GETARG_BOOL(first + 7);
    return true;
}

Result<SecretBytes> derive(const OneTimeColumns& row) {
    const OneTimeSubject subject{
        core_uuid(*row.id), row.purpose,    row.user != nullptr ? std::optional(core_uuid(*row.user)) : std::nullopt,
        row.address,        row.generation, row.expires_at};
    return row.as_code ? one_time_code(*row.pepper, subject) : one_time_token(*row.pepper, subject);
}

}  // namespace

extern "C" {

PG_FUNCTION_INFO_V1(bastion_one_time_id);
Datum bastion_one_time_id(PG_FUNCTION_ARGS) {
    const Utf8 token = utf8_of(PG_GETARG_TEXT_PP(0));
    auto* id = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
    bool found = false;
    guarded_or_raise([&]() -> Result<void> {
        const std::optional<Uuid> parsed = one_time_id(token);
        found = parsed.has_value();
        if (found) *id = server_uuid(*parsed);
        return {};
    });
    if (!found) PG_RETURN_NULL();
    PG_RETURN_UUID_P(id);
}

PG_FUNCTION_INFO_V1(bastion_one_time_derive);
Datum bastion_one_time_derive(PG_FUNCTION_ARGS) {
    OneTimeColumns row;
    if (!take_columns(fcinfo, 0, row)) PG_RETURN_NULL();
    Utf8 text;
    guarded_or_raise([&]() -> Result<void> {
        Result<SecretBytes> derived = derive(row);
        if (!derived) return derived.error();
        return store(text, derived->text());
    });
    return text_datum(text);
}

PG_FUNCTION_INFO_V1(bastion_one_time_matches);
Datum bastion_one_time_matches(PG_FUNCTION_ARGS) {
    OneTimeColumns row;
    if (PG_ARGISNULL(0) || !take_columns(fcinfo, 1, row)) PG_RETURN_BOOL(false);
    const Utf8 presented = utf8_of(PG_GETARG_TEXT_PP(0));
    bool same = false;
    guarded_or_raise([&]() -> Result<void> {
        Result<SecretBytes> derived = derive(row);
        if (!derived) return derived.error();
        same = constant_time_equal(as_bytes(presented), derived->span());
        return {};
    });
    PG_RETURN_BOOL(same);
}

}  // extern "C"

}  // namespace bastion::pg
