#include "pg/audit/printed_value.hpp"

#include "pg/base/sandbox.hpp"

extern "C" {
#include "common/shortest_dec.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
}

namespace bastion::pg {
namespace {

EntryValue ascii(const char* text) { return {EntryTag::plain, as_bytes(text)}; }

EntryValue printed_integer(int64 number) {
    char* text = static_cast<char*>(palloc(MAXINT8LEN + 1));
    (void)pg_lltoa(number, text);
    return ascii(text);
}

EntryValue printed_float(double number) {
    char* text = static_cast<char*>(palloc(DOUBLE_SHORTEST_DECIMAL_LEN));
    (void)double_to_shortest_decimal_buf(number, text);
    return ascii(text);
}

EntryValue printed_real(float number) {
    char* text = static_cast<char*>(palloc(FLOAT_SHORTEST_DECIMAL_LEN));
    (void)float_to_shortest_decimal_buf(number, text);
    return ascii(text);
}

EntryValue printed_uuid(Datum value) {
    auto& text = *static_cast<char(*)[uuid_text_size]>(palloc(uuid_text_size));
    format_uuid_text(*DatumGetUUIDP(value), text);
    return ascii(text);
}

EntryValue printed_time(Oid type, Datum value) {
    constexpr int utc = 0;
    return ascii(JsonEncodeDateTime(static_cast<char*>(palloc(MAXDATELEN + 1)), value, type, &utc));
}

EntryValue printed_bytes(Datum value) {
    const ByteSpan bytes = view(DatumGetByteaPP(value));
    auto* text = static_cast<char*>(MemoryContextAllocHuge(CurrentMemoryContext, bytes.size() * 2 + 3));
    text[0] = '\\';
    text[1] = 'x';
    const uint64 size = ::hex_encode(as_text(bytes).data(), bytes.size(), text + 2);
    return {EntryTag::plain, as_bytes(std::string_view(text, size + 2))};
}

struct PinnedSetting {
    const char* name;
    const char* value;
};

// Everything that output functions of the server depend on.
constexpr PinnedSetting pinned_settings[] = {{"DateStyle", "ISO, YMD"}, {"IntervalStyle", "postgres"},
                                             {"TimeZone", "UTC"},       {"extra_float_digits", "1"},
                                             {"bytea_output", "hex"},   {"lc_monetary", "C"},
                                             {"xmlbinary", "base64"},   {"quote_all_identifiers", "off"}};

void pin_settings(PrintedValues& values) {
    if (values.settings_level != 0) return;
    values.settings_level = begin_settings(pinned_path);
    for (const auto& [name, pinned] : pinned_settings)
        (void)set_config_option(name, pinned, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

// Types of the server, beside those that are printed here, whose text no setting changes.
bool is_independent_of_settings(Oid type) {
    switch (type) {
        case OIDOID:
        case CHAROID:
        case TIMEOID:
        case INETOID:
        case CIDROID:
        case MACADDROID:
        case BITOID:
        case VARBITOID:
        case TEXTARRAYOID:
        case INT2ARRAYOID:
        case INT4ARRAYOID:
        case INT8ARRAYOID:
        case NUMERICARRAYOID:
        case UUIDARRAYOID: return true;
        default: return get_typtype(type) == TYPTYPE_ENUM;
    }
}

EntryValue printed_by_type(PrintedValues& values, Oid type, Datum value) {
    Oid output = InvalidOid;
    bool is_varlena = false;
    getTypeOutputInfo(type, &output, &is_varlena);
    if (!is_independent_of_settings(type)) pin_settings(values);
    return plain_value(ServerText(OidOutputFunctionCall(output, value)));
}

}  // namespace

void end_printing(PrintedValues& values) {
    if (values.settings_level != 0) AtEOXact_GUC(false, std::exchange(values.settings_level, 0));
}

EntryValue printed_value(PrintedValues& values, Oid type, Datum value) {
    switch (type) {
        case BOOLOID: return ascii(DatumGetBool(value) ? "true" : "false");
        case INT2OID: return printed_integer(DatumGetInt16(value));
        case INT4OID: return printed_integer(DatumGetInt32(value));
        case INT8OID: return printed_integer(DatumGetInt64(value));
        case FLOAT4OID: return printed_real(DatumGetFloat4(value));
        case FLOAT8OID: return printed_float(DatumGetFloat8(value));
        case NUMERICOID: return ascii(DatumGetCString(DirectFunctionCall1(numeric_out, value)));
        case UUIDOID: return printed_uuid(value);
        case TEXTOID:
        case VARCHAROID:
        case BPCHAROID:
        case JSONOID: return plain_value(server_text(value));
        case NAMEOID: return plain_value(ServerText(NameStr(*DatumGetName(value))));
        case JSONBOID: {
            const Jsonb* json = DatumGetJsonbP(value);
            return {EntryTag::plain, as_bytes(jsonb_text(json).bytes())};
        }
        case BYTEAOID: return printed_bytes(value);
        case DATEOID:
        case TIMESTAMPOID:
        case TIMESTAMPTZOID: return printed_time(type, value);
        default: return printed_by_type(values, type, value);
    }
}

}  // namespace bastion::pg
