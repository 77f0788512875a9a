// Versions as Semantic Versioning 2.0.0 defines them, and the shorter forms that flagd accepts: "v1.2.3", "1.2", "1". Called by
// targeting.cpp. A SemanticVersion refers to the text that it was parsed from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bastion {

struct SemanticVersion {
    std::array<std::uint64_t, 3> numbers;  // major, minor, patch
    std::string_view prerelease;           // identifiers separated by dots; empty for a release
};

// Empty for other text, and for numbers above 2^53 - 1.
[[nodiscard]] std::optional<SemanticVersion> parse_version(std::string_view text) noexcept;

// Below, equal to or above 0, as `left` precedes, equals or follows `right` (section 11; build metadata does not count).
[[nodiscard]] int compare_versions(const SemanticVersion& left, const SemanticVersion& right) noexcept;

// Whether `left OP right` holds, with the operators of flagd: = != < <= > >= ^ (same major) ~ (same major and minor). Empty for
// another operator.
[[nodiscard]] std::optional<bool> versions_match(const SemanticVersion& left, std::string_view op,
                                                 const SemanticVersion& right) noexcept;

}  // namespace bastion
