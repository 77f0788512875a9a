#include "core/flag/semantic_version.hpp"

#include <algorithm>
#include <charconv>

namespace bastion {
namespace {

constexpr std::uint64_t max_number = (std::uint64_t{1} << 53) - 1;
constexpr std::size_t max_version_size = 256;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_identifier_character(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

bool is_numeric(std::string_view identifier) noexcept {
    return std::all_of(identifier.begin(), identifier.end(), is_digit);
}

std::string_view take_until(std::string_view& rest, char end) noexcept {
    const std::size_t size = std::min(rest.find(end), rest.size());
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(std::min(size + 1, rest.size()));
    return taken;
}

// A decimal number without leading zeros, and below the limit.
std::optional<std::uint64_t> number_of(std::string_view text) noexcept {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number > max_number) return {};
    if (text.size() > 1 && text.front() == '0') return {};
    return number;
}

// Identifiers separated by dots, none empty; numbers without leading zeros where `as_numbers`.
bool are_identifiers(std::string_view text, bool as_numbers) noexcept {
    if (text.empty() || text.back() == '.') return false;
    while (!text.empty()) {
        const std::string_view identifier = take_until(text, '.');
        if (identifier.empty() || !std::all_of(identifier.begin(), identifier.end(), is_identifier_character))
            return false;
        if (as_numbers && is_numeric(identifier) && identifier.size() > 1 && identifier.front() == '0') return false;
    }
    return true;
}

// Numbers may be many digits long: by length, then digit by digit.
int compare_identifiers(std::string_view left, std::string_view right) noexcept {
    const bool left_numeric = is_numeric(left);
    if (left_numeric != is_numeric(right)) return left_numeric ? -1 : 1;
    if (left_numeric && left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
    return left.compare(right);
}

int compare_prereleases(std::string_view left, std::string_view right) noexcept {
    if (left.empty() || right.empty()) return static_cast<int>(left.empty()) - static_cast<int>(right.empty());
    while (!left.empty() && !right.empty()) {
        const int order = compare_identifiers(take_until(left, '.'), take_until(right, '.'));
        if (order != 0) return order;
    }
    return static_cast<int>(!left.empty()) - static_cast<int>(!right.empty());
}

}  // namespace

std::optional<SemanticVersion> parse_version(std::string_view text) noexcept {
    if (!text.empty() && (text.front() == 'v' || text.front() == 'V')) text.remove_prefix(1);
    if (text.empty() || text.size() > max_version_size) return {};
    SemanticVersion out{};
    const std::size_t plus = text.find('+');
    if (plus != std::string_view::npos && !are_identifiers(text.substr(plus + 1), false)) return {};
    std::string_view core = text.substr(0, plus);
    const std::size_t hyphen = core.find('-');
    if (hyphen != std::string_view::npos) {
        out.prerelease = core.substr(hyphen + 1);
        if (!are_identifiers(out.prerelease, true)) return {};
        core = core.substr(0, hyphen);
    }
    const auto parts = static_cast<std::size_t>(std::count(core.begin(), core.end(), '.')) + 1;
    // The short forms are numbers alone.
    if (parts > out.numbers.size() || (parts < out.numbers.size() && core.size() != text.size())) return {};
    for (std::size_t part = 0; part < parts; ++part) {
        const std::optional<std::uint64_t> number = number_of(take_until(core, '.'));
        if (!number) return {};
        out.numbers[part] = *number;
    }
    return out;
}

int compare_versions(const SemanticVersion& left, const SemanticVersion& right) noexcept {
    if (left.numbers != right.numbers) return left.numbers < right.numbers ? -1 : 1;
    return compare_prereleases(left.prerelease, right.prerelease);
}

std::optional<bool> versions_match(const SemanticVersion& left, std::string_view op,
                                   const SemanticVersion& right) noexcept {
    const int order = compare_versions(left, right);
    if (op == "=") return order == 0;
    if (op == "!=") return order != 0;
    if (op == "<") return order < 0;
    if (op == "<=") return order <= 0;
    if (op == ">") return order > 0;
    if (op == ">=") return order >= 0;
    if (op == "^") return left.numbers[0] == right.numbers[0];
    if (op == "~") return left.numbers[0] == right.numbers[0] && left.numbers[1] == right.numbers[1];
    return {};
}

}  // namespace bastion
