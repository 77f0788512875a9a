// Patterns of permissions, as roles and the scopes of API keys hold them: a permission (documents.read), * for all, *.read
// for one action on every resource, documents.* for everything below a resource. Only patterns that begin with their first
// word cover the extension's own permissions. The same rule as bastion_internal.covering_patterns() in SQL.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bastion {

[[nodiscard]] bool pattern_covers(std::string_view pattern, std::string_view permission) noexcept;
[[nodiscard]] bool any_pattern_covers(std::span<const std::string> patterns, std::string_view permission) noexcept;

}  // namespace bastion
