// Numbers in the text of JSON that is valid or is about to be parsed: those beyond 64 bits or a double, and those that
// numeric of PostgreSQL cannot hold. Called by json.cpp; keeps no state.
#pragma once

#include <string>
#include <string_view>

namespace bastion {

// The text with each number beyond 64 bits or a double replaced by the largest double of its sign.
[[nodiscard]] std::string json_clip_numbers(std::string_view text);

// Whether numeric can hold every number of a valid JSON text.
[[nodiscard]] bool json_numbers_fit(std::string_view text) noexcept;

}  // namespace bastion
