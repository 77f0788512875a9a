// Evaluates a compiled targeting rule. Called by targeting.cpp.
#pragma once

#include "core/flag/flag_subject.hpp"
#include "core/flag/rule_node.hpp"

namespace bastion {

// The text of what the rule returns, in `out`; absent for null.
TargetingFailure run_rule(const RuleNode& rule, std::string_view flag_key, const FlagSubject& subject,
                          std::optional<std::string>& out);

}  // namespace bastion
