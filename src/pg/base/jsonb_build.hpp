// Builds jsonb from a parsed JSON document, without a second parser: jsonb_in() takes longer to read the claims of a
// token than their verification. flatten() runs in phase B and leaves a POD in the current memory context;
// build_jsonb() makes the value from it in phase C.
#pragma once

#include "core/base/json.hpp"
#include "pg/base/guard.hpp"
#include "pg/base/text.hpp"

namespace bastion::pg {

struct FlatNode;

struct FlatJson {
    const FlatNode* nodes;  // null: build from `text`
    std::size_t count;
    std::size_t text_bytes;
    Utf8 text;
};

// `source` is the text that the document was parsed from. Only of an object or array.
[[nodiscard]] Result<void> flatten(const JsonDocument& document, std::string_view source, FlatJson& out);

[[nodiscard]] Jsonb* build_jsonb(const FlatJson& flat);

}  // namespace bastion::pg
