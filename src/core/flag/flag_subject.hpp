// What a targeting rule knows of the caller. Everything lives as long as the evaluation.
#pragma once

#include <span>
#include <string>

#include "core/base/json.hpp"

namespace bastion {

struct FlagSubject {
    std::string_view targeting_key;       // of the attributes, else the user; empty without
    std::optional<JsonValue> attributes;  // an object of the caller's; {"var": "plan"}
    std::string_view user;                // {"var": "$bastion.user_id"} and so on; empty without
    std::string_view tenant;
    std::string_view unit;
    std::string_view level;
    std::span<const std::string> roles;
    std::int64_t seconds;  // since 1970: {"var": "$flagd.timestamp"}
};

enum class TargetingFailure { none, general, key_missing };

}  // namespace bastion
