// A JSON object without some of its members, which stay written as they were, so that no character has to be written anew. Used for the
// credentials of a request. Nothing here keeps state.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bastion {

// None if the object has none of them, or if the text is empty. Only of an object that parse_json took. A member whose name is written with
// an escape goes too: it may be any name.
[[nodiscard]] std::optional<std::string> without_members(std::string_view object,
                                                         const std::function<bool(std::string_view name)>& is_dropped);

}  // namespace bastion
