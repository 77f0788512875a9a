#include "core/base/json_numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace bastion {
namespace {

// Whether numeric can hold a JSON number: 131,072 digits before the point and 16,383 after it. The limit here is far
// lower, because an exponent of four digits expands to as many kilobytes; a double ends at 308 anyway.
bool numeric_can_hold(std::string_view number) {
    constexpr std::size_t most_characters = 1000;
    constexpr std::size_t most_exponent_digits = 3;
    if (number.size() > most_characters) return false;
    const std::size_t at = number.find_first_of("eE");
    if (at == std::string_view::npos) return true;
    std::string_view digits = number.substr(at + 1);
    digits.remove_prefix(std::min(digits.find_first_not_of("+-0"), digits.size()));
    return digits.size() <= most_exponent_digits;
}

// Calls visit(begin, end) for each number of the text, which need not be well-formed.
template <class Visit>
void visit_numbers(std::string_view text, Visit&& visit) {
    std::size_t i = 0;
    while (i < text.size()) {
        const char c = text[i];
        if (c == '"') {
            for (++i; i < text.size() && text[i] != '"'; ++i)
                if (text[i] == '\\') ++i;
            ++i;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            const std::size_t end = std::min(text.find_first_not_of("0123456789+-.eE", i), text.size());
            visit(i, end);
            i = end;
        } else {
            ++i;
        }
    }
}

constexpr std::string_view largest_double = "1.7976931348623157e308";

bool is_integer(std::string_view number) {
    const std::string_view digits = number.substr(number.starts_with('-') ? 1 : 0);
    return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos &&
           (digits[0] != '0' || digits.size() == 1);
}

template <class T>
bool holds(std::string_view number) {
    T value{};
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
    return parsed.ec == std::errc() && parsed.ptr == number.data() + number.size();
}

// The grammar of RFC 8259 §6 for a number with a fraction or an exponent.
bool is_fraction(std::string_view number) {
    const auto digits = [&number] {
        const std::size_t count = std::min(number.find_first_not_of("0123456789"), number.size());
        number.remove_prefix(count);
        return count > 0;
    };
    if (!is_integer(number.substr(0, number.find_first_of(".eE")))) return false;
    number.remove_prefix(std::min(number.find_first_of(".eE"), number.size()));
    if (number.starts_with('.')) {
        number.remove_prefix(1);
        if (!digits()) return false;
    }
    if (number.starts_with('e') || number.starts_with('E')) {
        number.remove_prefix(number.substr(1).starts_with('+') || number.substr(1).starts_with('-') ? 2 : 1);
        if (!digits()) return false;
    }
    return number.empty();
}

bool is_out_of_range(const std::string& number) {
    if (is_integer(number)) return !holds<std::int64_t>(number) && !holds<std::uint64_t>(number);
    return is_fraction(number) && std::isinf(std::strtod(number.c_str(), nullptr));
}

}  // namespace

bool json_numbers_fit(std::string_view text) noexcept {
    bool fit = true;
    visit_numbers(text, [&](std::size_t begin, std::size_t end) {
        fit = fit && numeric_can_hold(text.substr(begin, end - begin));
    });
    return fit;
}

std::string json_clip_numbers(std::string_view text) {
    std::string out;
    out.reserve(2 * text.size());
    std::size_t copied = 0;
    visit_numbers(text, [&](std::size_t begin, std::size_t end) {
        if (!is_out_of_range(std::string(text.substr(begin, end - begin)))) return;
        out.append(text.substr(copied, begin - copied)).append(text[begin] == '-' ? "-" : "").append(largest_double);
        copied = end;
    });
    return out.append(text.substr(copied));
}

}  // namespace bastion
