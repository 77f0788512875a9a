#include "pg/base/json_members.hpp"

namespace bastion::pg {

void begin_member(StringInfo json, const char* key) {
    if (json->data[json->len - 1] != '{') appendStringInfoString(json, ", ");
    appendStringInfoChar(json, '"');
    appendStringInfoString(json, key);
    appendStringInfoString(json, "\": ");
}

void append_member(StringInfo json, const char* key, const char* text) {
    begin_member(json, key);
    if (text != nullptr)
        escape_json(json, text);
    else
        appendStringInfoString(json, "null");
}

void append_member(StringInfo json, const char* key, const OptionalUuid& uuid) {
    char text[uuid_text_size];
    if (uuid.present) format_uuid_text(uuid.value, text);
    append_member(json, key, uuid.present ? text : nullptr);
}

}  // namespace bastion::pg
