#include "core/audit/tile.hpp"

#include <charconv>

namespace bastion {
namespace {

constexpr unsigned most_path_level = 63;

bool take(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    text.remove_prefix(prefix.size());
    return true;
}

// A decimal without leading zeros, up to `most`.
std::optional<std::uint64_t> take_number(std::string_view& text, std::uint64_t most) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || digits == 0 || (digits > 1 && text.front() == '0') || number > most) return {};
    text.remove_prefix(digits);
    return number;
}

bool take_three_digits(std::string_view& text, std::uint64_t& number) {
    if (text.size() < 3) return false;
    for (const char c : text.substr(0, 3)) {
        if (c < '0' || c > '9') return false;
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    text.remove_prefix(3);
    return true;
}

// Elements of three digits, of which all but the last begin with x. A first element of zeros would be a second path.
std::optional<std::uint64_t> take_index(std::string_view& text) {
    std::uint64_t index = 0;
    bool is_first = true;
    while (take(text, "x")) {
        if (index > most_leaves / 1'000'000 || !take_three_digits(text, index) || !take(text, "/")) return {};
        if (is_first && index == 0) return {};
        is_first = false;
    }
    if (!take_three_digits(text, index) || index > most_leaves / tile_width) return {};
    return index;
}

}  // namespace

std::optional<TilePath> parse_tile_path(std::string_view path) {
    TilePath out;
    if (!take(path, "tile/")) return {};
    out.entries = take(path, "entries/");
    if (!out.entries) {
        const auto level = take_number(path, most_path_level);
        if (!level || !take(path, "/")) return {};
        out.level = static_cast<unsigned>(*level);
    }
    const auto index = take_index(path);
    if (!index) return {};
    out.index = *index;
    if (take(path, ".p/")) {
        const auto width = take_number(path, tile_width - 1);
        if (!width || *width == 0) return {};
        out.width = static_cast<unsigned>(*width);
    }
    if (!path.empty()) return {};
    return out;
}

}  // namespace bastion
