// The value of a node of a targeting rule, and how two of them compare: as in JavaScript, by which JsonLogic is defined, as far as flagd
// permits. A text that is no number does not compare with a number. Called by rule_run.cpp. An Operand refers to the rule and to the
// subject.
#pragma once

#include "core/flag/flag_subject.hpp"
#include "core/flag/rule_node.hpp"

namespace bastion {

enum class OperandKind { null_value, boolean, number, text, nodes, texts, json };

struct Operand {
    OperandKind kind = OperandKind::null_value;
    bool truth = false;
    double value = 0;
    std::string_view text;
    std::span<const RuleNode> nodes;     // a list of the rule, whose elements are evaluated when they are needed
    std::span<const std::string> texts;  // roles
    std::optional<JsonValue> json;       // an array or object of the attributes
};

[[nodiscard]] Operand operand_of(std::string_view text);
[[nodiscard]] Operand operand_of(double value);
[[nodiscard]] Operand operand_of(const JsonValue& value);
[[nodiscard]] Operand operand_of_truth(bool truth);

// Empty when the two do not compare.
[[nodiscard]] std::optional<bool> compare(RuleOperator op, const Operand& left, const Operand& right);

// Of the same type and value; arrays and objects equal none.
[[nodiscard]] bool is_same(const Operand& left, const Operand& right);

// As JavaScript writes it, for numbers that a version or a variant may be.
[[nodiscard]] std::string text_of(double value);

}  // namespace bastion
