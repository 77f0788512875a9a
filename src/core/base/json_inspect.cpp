#include "core/base/json_inspect.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <unordered_set>
#include <utility>

#include "core/base/json_limits.hpp"

namespace bastion {

namespace dom = simdjson::dom;

namespace {

class Inspector {
public:
    explicit Inspector(bool has_escapes) : has_escapes_(has_escapes) {}

    std::optional<Error> inspect(dom::element element, std::size_t depth);
    [[nodiscard]] JsonFindings findings() const noexcept { return findings_; }

private:
    std::optional<Error> inspect_array(const dom::array& array, std::size_t depth);
    std::optional<Error> inspect_object(const dom::object& object, std::size_t depth);
    void inspect_string(std::string_view text);

    bool has_escapes_;  // without a \u there is no NUL to look for
    JsonFindings findings_;
};

std::optional<Error> Inspector::inspect(dom::element element, std::size_t depth) {
    switch (element.type()) {
        case dom::element_type::ARRAY: return inspect_array(element.get_array().value_unsafe(), depth + 1);
        case dom::element_type::OBJECT: return inspect_object(element.get_object().value_unsafe(), depth + 1);
        case dom::element_type::STRING: inspect_string(element.get_string().value_unsafe()); return std::nullopt;
        case dom::element_type::DOUBLE: findings_.has_fraction = true; return std::nullopt;
        default: return std::nullopt;
    }
}

std::optional<Error> Inspector::inspect_array(const dom::array& array, std::size_t depth) {
    if (depth > json_max_depth) return json_too_deep();
    for (const dom::element element : array)
        if (auto error = inspect(element, depth)) return error;
    return std::nullopt;
}

// The names of one object so far. Most objects have few, and most names differ in length or first or last character:
// one bit per such class tells at once that a name is new.
class NameSet {
public:
    // False when the name occurred already.
    bool insert(std::string_view name) {
        const std::uint64_t bit = class_of(name);
        const bool known_class = (classes_ & bit) != 0;
        classes_ |= bit;
        if (known_class && in_first(name)) return false;
        if (count_ == first_.size()) {
            if (!rest_) rest_.emplace();
            return rest_->insert(name).second;
        }
        first_[count_++] = name;
        return true;
    }

private:
    static std::uint64_t class_of(std::string_view name) {
        if (name.empty()) return 1;
        const auto first = static_cast<std::uint8_t>(name.front());
        const auto last = static_cast<std::uint8_t>(name.back());
        return std::uint64_t{1} << ((name.size() + first * 7U + last * 13U) % 64);
    }

    [[nodiscard]] bool in_first(std::string_view name) const {
        const auto* end = first_.data() + count_;
        return std::find(first_.data(), end, name) != end;
    }

    std::array<std::string_view, 8> first_;
    std::size_t count_ = 0;
    std::uint64_t classes_ = 0;
    std::optional<std::unordered_set<std::string_view>> rest_;
};

std::optional<Error> Inspector::inspect_object(const dom::object& object, std::size_t depth) {
    if (depth > json_max_depth) return json_too_deep();
    NameSet names;
    for (const auto& [name, value] : object) {
        if (!names.insert(name)) return malformed_json("A member name occurs twice.");
        inspect_string(name);
        if (auto error = inspect(value, depth)) return error;
    }
    return std::nullopt;
}

void Inspector::inspect_string(std::string_view text) {
    if (has_escapes_) findings_.has_nul |= text.find('\0') != std::string_view::npos;
}

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

Error malformed_json(std::string detail) { return {ErrorCode::malformed_text, "invalid JSON", std::move(detail)}; }

Error json_too_deep() {
    return {ErrorCode::limit_exceeded, "JSON is nested too deeply", "At most 64 levels are accepted."};
}

Result<JsonFindings> inspect_json(dom::element root, bool has_escapes) {
    Inspector inspector(has_escapes);
    if (auto error = inspector.inspect(root, 0)) return *std::move(error);
    return inspector.findings();
}

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
