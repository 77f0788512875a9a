// Checks that simdjson leaves to its caller: names that occur twice, the depth of empty containers, and values
// that jsonb cannot hold. Called by json.cpp alone, on each document right after it is parsed; keeps no state.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace bastion {

[[nodiscard]] Error malformed_json(std::string detail);
[[nodiscard]] Error json_too_deep();

struct JsonFindings {
    bool has_nul = false;       // U+0000 in a string or name
    bool has_fraction = false;  // a number with fraction or exponent; all others have 20 characters at most
};

[[nodiscard]] Result<JsonFindings> inspect_json(simdjson::dom::element root, bool has_escapes);

// The text with each number beyond 64 bits or a double replaced by the largest double of its sign.
[[nodiscard]] std::string json_clip_numbers(std::string_view text);

// Whether numeric can hold every number of a valid JSON text.
[[nodiscard]] bool json_numbers_fit(std::string_view text) noexcept;

}  // namespace bastion
