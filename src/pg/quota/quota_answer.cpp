#include "pg/quota/quota_answer.hpp"

#include "pg/base/statistics.hpp"
#include "pg/base/text.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/numeric.h"
}

namespace bastion::pg {
namespace {

bool holds(PGFunction comparison, Datum left, Datum right) {
    return DatumGetBool(DirectFunctionCall2(comparison, left, right));
}

const char* number_text(Datum number) { return DatumGetCString(DirectFunctionCall1(numeric_out, number)); }

void append_end(StringInfo out, TimestampTz end) {
    char buffer[MAXDATELEN + 1];
    if (end == DT_NOEND)
        appendStringInfoString(out, "null");
    else
        appendStringInfo(out, "\"%s\"", JsonEncodeDateTime(buffer, TimestampTzGetDatum(end), TIMESTAMPTZOID, nullptr));
}

// The limit of a meter that has least room.
const QuotaLine* narrowest(std::span<const QuotaLine> lines, std::string_view meter) {
    const QuotaLine* out = nullptr;
    for (const QuotaLine& line : lines)
        if (line.amount != Datum{0} && meter == line.meter &&
            (out == nullptr || holds(numeric_lt, room_of(line), room_of(*out))))
            out = &line;
    return out;
}

// {"remaining", "resets_at"} without the braces.
void append_room(StringInfo out, const QuotaLine& line) {
    const Datum room = room_of(line);
    appendStringInfo(out, "\"remaining\": %s, \"resets_at\": ",
                     holds(numeric_lt, room, quota_number("0")) ? "0" : number_text(room));
    append_end(out, line.end);
}

void append_meters(StringInfo out, std::span<const QuotaLine> lines, const QuotaWanted& wanted) {
    const char* separator = "";
    for (int i = 0; i < wanted.count; ++i) {
        const QuotaLine* line = narrowest(lines, server_text(wanted.meters[i]).bytes());
        if (line == nullptr) continue;
        appendStringInfo(out, "%s\"%s\": {", separator, line->meter);
        append_room(out, *line);
        appendStringInfoChar(out, '}');
        separator = ", ";
    }
}

// For quota_take(), which records them: the limits whose soft amount this use is the first to reach.
void append_crossed(StringInfo out, std::span<const QuotaLine> lines) {
    if (!any_crosses(lines)) return;
    const char* before = ", \"crossed\": [";
    for (const QuotaLine& line : lines) {
        if (!line.crosses) continue;
        char subject[uuid_text_size];
        format_uuid_text(line.subject, subject);
        appendStringInfo(out, "%s\"%s %s %s\"", before, line.meter, subject, period_name(line.period));
        before = ", ";
    }
    appendStringInfoChar(out, ']');
}

void append_refusing(StringInfo out, const QuotaLine& line) {
    appendStringInfo(out, "{\"meter\": \"%s\", \"scope\": \"%s\", \"period\": \"%s\"}", line.meter, line.scope,
                     period_name(line.period));
}

}  // namespace

const QuotaLine* refusing(std::span<const QuotaLine> lines) {
    for (const QuotaLine& line : lines)
        if (!line.in_stripe && line.amount != Datum{0} && holds(numeric_lt, room_of(line), line.wanted)) return &line;
    return nullptr;
}

bool any_crosses(std::span<const QuotaLine> lines) {
    return std::any_of(lines.begin(), lines.end(), [](const QuotaLine& line) { return line.crosses; });
}

Datum answer_of(std::span<const QuotaLine> lines, const QuotaWanted& wanted, const QuotaLine* refused) {
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfo(&out,
                     "{\"granted\": %s, \"soft_crossed\": %s, \"refused_by\": ", refused == nullptr ? "true" : "false",
                     any_crosses(lines) ? "true" : "false");
    if (refused == nullptr)
        appendStringInfoString(&out, "null");
    else
        append_refusing(&out, *refused);
    appendStringInfoString(&out, ", \"meters\": {");
    append_meters(&out, lines, wanted);
    appendStringInfoChar(&out, '}');
    append_crossed(&out, lines);
    appendStringInfoChar(&out, '}');
    return jsonb_datum(utf8_of(ServerText(out.data)));
}

Datum answer_of(std::span<const QuotaLine> lines, std::string_view meter, const QuotaLine* refused) {
    StringInfoData out;
    initStringInfo(&out);
    appendStringInfo(
        &out, "{\"granted\": %s, \"soft_crossed\": false, \"refused_by\": ", refused == nullptr ? "true" : "false");
    if (refused == nullptr)
        appendStringInfoString(&out, "null");
    else
        append_refusing(&out, *refused);
    appendStringInfoString(&out, ", ");
    if (const QuotaLine* line = narrowest(lines, meter))
        append_room(&out, *line);
    else
        appendStringInfoString(&out, "\"remaining\": null, \"resets_at\": null");
    appendStringInfoChar(&out, '}');
    return jsonb_datum(utf8_of(ServerText(out.data)));
}

void raise_exceeded(const QuotaLine& refused) {
    count(Counter::quota_refused);
    StringInfoData detail;
    initStringInfo(&detail);
    appendStringInfoString(&detail, "{\"granted\": false, ");
    append_room(&detail, refused);
    appendStringInfoString(&detail, ", \"refused_by\": ");
    append_refusing(&detail, refused);
    appendStringInfoString(&detail, ", \"soft_crossed\": false}");
    ereport(ERROR, (errcode(MAKE_SQLSTATE('B', 'A', '0', '0', '6')), errmsg("quota exceeded"),
                    errdetail_internal("%s", detail.data)));
    pg_unreachable();
}

}  // namespace bastion::pg
