#include "core/flag/operand.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace bastion {
namespace {

bool is_text_or_null(const Operand& operand) noexcept {
    return operand.kind == OperandKind::text || operand.kind == OperandKind::null_value;
}

std::string_view trimmed(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t\n\r\f\v";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Whether a decimal number beyond a double is above all of them; else it is too small for one. The place of its first digit decides.
bool is_above_all(std::string_view number) noexcept {
    const std::string_view digits = number.substr(0, number.find_first_of("eE"));
    std::string_view power = number.substr(std::min(digits.size() + 1, number.size()));
    if (power.starts_with('+')) power.remove_prefix(1);
    // An exponent that does not fit leaves this.
    int exponent = power.starts_with('-') ? std::numeric_limits<int>::min() : std::numeric_limits<int>::max();
    if (power.empty()) exponent = 0;
    (void)std::from_chars(power.data(), power.data() + power.size(), exponent);
    const auto point = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
    return point - static_cast<std::int64_t>(digits.find_first_of("123456789")) + exponent > 0;
}

// ECMA-262 7.1.4.1, for decimal numbers; others are no number here.
std::optional<double> number_in(std::string_view text) noexcept {
    text = trimmed(text);
    if (text.empty()) return 0;
    const bool is_negative = text.front() == '-';
    if (is_negative || text.front() == '+') text.remove_prefix(1);
    // from_chars() knows "inf" and "nan" too, and a sign of its own.
    if (text.empty() || (text.front() != '.' && (text.front() < '0' || text.front() > '9'))) return {};
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || (error != std::errc{} && error != std::errc::result_out_of_range))
        return {};
    if (error != std::errc{}) value = is_above_all(text) ? std::numeric_limits<double>::infinity() : 0;
    return is_negative ? -value : value;
}

std::optional<double> number_of(const Operand& operand) noexcept {
    switch (operand.kind) {
        case OperandKind::null_value: return 0;
        case OperandKind::boolean: return operand.truth ? 1 : 0;
        case OperandKind::number: return operand.value;
        case OperandKind::text: return number_in(operand.text);
        default: return {};
    }
}

// As UTF-16 compares, code unit by code unit: characters from U+E000 precede none above U+FFFF there.
bool precedes(std::string_view left, std::string_view right) noexcept {
    const auto rank = [](unsigned char byte) {
        return byte >= 0xF0 ? byte - 0x02 : byte >= 0xEE ? byte + 0x08 : byte + 0;
    };
    return std::lexicographical_compare(left.begin(), left.end(), right.begin(), right.end(), [&](char a, char b) {
        return rank(static_cast<unsigned char>(a)) < rank(static_cast<unsigned char>(b));
    });
}

template <class Value>
bool in_order(RuleOperator op, const Value& left, const Value& right, bool is_less, bool is_greater) {
    switch (op) {
        case RuleOperator::equal: return left == right;
        case RuleOperator::unequal: return !(left == right);
        case RuleOperator::less: return is_less;
        case RuleOperator::less_or_equal: return is_less || left == right;
        case RuleOperator::greater: return is_greater;
        default: return is_greater || left == right;
    }
}

bool compare_texts(RuleOperator op, std::string_view left, std::string_view right) {
    return in_order(op, left, right, precedes(left, right), precedes(right, left));
}

bool compare_numbers(RuleOperator op, double left, double right) {
    return in_order(op, left, right, left<right, left> right);
}

}  // namespace

Operand operand_of(std::string_view text) {
    Operand out;
    out.kind = OperandKind::text;
    out.text = text;
    return out;
}

Operand operand_of(double value) {
    Operand out;
    out.kind = OperandKind::number;
    out.value = value;
    return out;
}

Operand operand_of_truth(bool truth) {
    Operand out;
    out.kind = OperandKind::boolean;
    out.truth = truth;
    return out;
}

Operand operand_of(const JsonValue& value) {
    switch (value.type()) {
        case JsonType::null: return {};
        case JsonType::boolean: return operand_of_truth(*value.boolean());
        case JsonType::number: return operand_of(*value.number());
        case JsonType::string: return operand_of(*value.string());
        case JsonType::array:
        case JsonType::object: break;
    }
    Operand out;
    out.kind = OperandKind::json;
    out.json = value;
    return out;
}

std::optional<bool> compare(RuleOperator op, const Operand& left, const Operand& right) {
    if (left.kind == OperandKind::text && right.kind == OperandKind::text)
        return compare_texts(op, left.text, right.text);
    const bool has_no_number = is_text_or_null(left) && is_text_or_null(right);
    if (has_no_number && op == RuleOperator::equal) return left.kind == right.kind;
    if (has_no_number && op == RuleOperator::unequal) return left.kind != right.kind;
    const std::optional<double> a = number_of(left);
    const std::optional<double> b = number_of(right);
    if (a && b) return compare_numbers(op, *a, *b);
    return has_no_number ? std::optional(false) : std::nullopt;
}

bool is_same(const Operand& left, const Operand& right) {
    if (left.kind != right.kind) return false;
    switch (left.kind) {
        case OperandKind::null_value: return true;
        case OperandKind::boolean: return left.truth == right.truth;
        case OperandKind::number: return left.value == right.value;
        case OperandKind::text: return left.text == right.text;
        default: return false;
    }
}

std::string text_of(double value) {
    if (value == 0) return "0";
    char digits[32];
    const bool is_plain = std::fabs(value) >= 1e-6 && std::fabs(value) < 1e21;
    const auto written = is_plain ? std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed)
                                  : std::to_chars(digits, digits + sizeof digits, value);
    return {digits, written.ptr};
}

}  // namespace bastion
