// Targeting rules of flags: the part of JsonLogic (jsonlogic.com) that flagd uses, with its operators. A rule is compiled once,
// when a flag is stored or loaded, and evaluated for each caller. Called by flag.cpp. A Rule owns all that it needs of its text.
//
// Operators: var, if, and, or, !, ==, !=, <, <=, >, >=, in, starts_with, ends_with, cat, sem_ver, fractional. Each has the meaning of
// flagd, and every other one is refused when the rule is compiled.
#pragma once

#include <memory>

#include "core/base/result.hpp"
#include "core/flag/flag_subject.hpp"

namespace bastion {

struct RuleNode;

class Rule {
public:
    Rule() noexcept;
    Rule(Rule&&) noexcept;
    Rule& operator=(Rule&&) noexcept;
    Rule(const Rule&) = delete;
    Rule& operator=(const Rule&) = delete;
    ~Rule();

    // Whether it was compiled from a rule that is not empty.
    [[nodiscard]] explicit operator bool() const noexcept { return root_ != nullptr; }

    // What the caller must know for it.
    [[nodiscard]] bool reads_attributes() const noexcept { return reads_attributes_; }
    [[nodiscard]] bool reads_roles() const noexcept { return reads_roles_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    // The name of the variant that the rule chooses, in `out`; absent when it chooses none.
    TargetingFailure evaluate(std::string_view flag_key, const FlagSubject& subject,
                              std::optional<std::string>& out) const;

private:
    friend class RuleCompiler;
    std::unique_ptr<const RuleNode> root_;
    std::size_t bytes_ = 0;
    bool reads_attributes_ = false;
    bool reads_roles_ = false;
};

// Errors: invalid_argument, whose detail names the operator and never quotes a value.
[[nodiscard]] Result<Rule> compile_rule(const JsonValue& rule);

}  // namespace bastion
