// Strict JSON: every accepted text can be walked, and its minified text is accepted again.
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "core/base/json.hpp"
#include "core/base/secret_bytes.hpp"

namespace {

void walk(const bastion::JsonValue& value, std::size_t depth) {
    if (depth > bastion::json_max_depth) std::abort();
    if (const auto number = value.number(); number && !std::isfinite(*number)) std::abort();
    if (const auto text = value.string()) {
        std::string literal;
        bastion::json_append_string(literal, *text);
        const auto again = bastion::parse_json(literal, literal.size());
        if (!again || again->root().string() != text) std::abort();
    }
    for (const auto& element : value.elements()) walk(element, depth + 1);
    for (const auto& member : value.members()) {
        if (!value.find(member.name)) std::abort();
        walk(member.value, depth + 1);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = bastion::as_text({data, size});
    const auto document = bastion::parse_json(text, 1 << 20);
    if (!document) return 0;
    walk(document->root(), 0);
    const std::string shorter = bastion::json_minify(text);
    const auto again = bastion::parse_json(shorter, 1 << 20);
    if (!again || shorter.size() > size) std::abort();
    if (again->jsonb_representable() != document->jsonb_representable()) std::abort();
    return 0;
}
