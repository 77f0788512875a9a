// A compiled targeting rule. targeting.cpp makes it, rule_run.cpp evaluates it.
#pragma once

#include <string>
#include <vector>

namespace bastion {

enum class RuleOperator {
    null_value,
    boolean,
    number,
    text,
    list,
    variable,
    choice,
    all,
    any,
    negation,
    equal,
    unequal,
    less,
    less_or_equal,
    greater,
    greater_or_equal,
    contained,
    starts_with,
    ends_with,
    joined,
    version,
    fractional
};

// Where a variable is looked for.
enum class RuleSource { attributes, user, tenant, unit, level, roles, key, flag, time, nothing };

struct RuleNode {
    RuleOperator op = RuleOperator::null_value;
    bool truth = false;
    double value = 0;
    std::string text;                // of a literal
    RuleSource source{};             // of a variable
    std::vector<std::string> path;   // of a variable among the attributes
    std::vector<RuleNode> operands;  // of a variable: its default
};

}  // namespace bastion
