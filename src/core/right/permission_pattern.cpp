#include "core/right/permission_pattern.hpp"

#include <algorithm>

namespace bastion {
namespace {

bool ends_with(std::string_view text, std::string_view end) noexcept {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_reserved(std::string_view permission) noexcept {
    const std::string_view first = permission.substr(0, permission.find('.'));
    return first == "tenant" || first == "platform" || first == "bastion" || first == "own";
}

}  // namespace

bool pattern_covers(std::string_view pattern, std::string_view permission) noexcept {
    if (pattern == permission) return true;
    if (pattern == "*") return !is_reserved(permission);
    if (pattern.substr(0, 2) == "*.") {
        const std::size_t dot = permission.rfind('.');
        return dot != std::string_view::npos && permission.substr(dot) == pattern.substr(1) && !is_reserved(permission);
    }
    return ends_with(pattern, ".*") &&
           permission.substr(0, pattern.size() - 1) == pattern.substr(0, pattern.size() - 1);
}

bool any_pattern_covers(std::span<const std::string> patterns, std::string_view permission) noexcept {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return pattern_covers(pattern, permission); });
}

}  // namespace bastion
