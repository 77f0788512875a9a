#include "core/flag/targeting.hpp"

#include <algorithm>
#include <limits>

#include "core/flag/rule_run.hpp"

namespace bastion {
namespace {

constexpr std::size_t max_nodes = 10'000;
constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

struct OperatorName {
    std::string_view name;
    RuleOperator op;
    std::size_t least;
    std::size_t most;
};

constexpr OperatorName operators[] = {
    {"if", RuleOperator::choice, 1, any_number},
    {"and", RuleOperator::all, 1, any_number},
    {"or", RuleOperator::any, 1, any_number},
    {"!", RuleOperator::negation, 1, 1},
    {"==", RuleOperator::equal, 2, 2},
    {"!=", RuleOperator::unequal, 2, 2},
    {"<", RuleOperator::less, 2, 3},
    {"<=", RuleOperator::less_or_equal, 2, 3},
    {">", RuleOperator::greater, 2, 3},
    {">=", RuleOperator::greater_or_equal, 2, 3},
    {"in", RuleOperator::contained, 2, 2},
    {"starts_with", RuleOperator::starts_with, 2, 2},
    {"ends_with", RuleOperator::ends_with, 2, 2},
    {"cat", RuleOperator::joined, 1, any_number},
    {"sem_ver", RuleOperator::version, 3, 3},
    {"fractional", RuleOperator::fractional, 1, any_number},
};

struct SourceName {
    std::string_view name;
    RuleSource source;
};

constexpr SourceName sources[] = {
    {"$bastion.user_id", RuleSource::user}, {"$bastion.tenant_id", RuleSource::tenant},
    {"$bastion.unit_id", RuleSource::unit}, {"$bastion.level", RuleSource::level},
    {"$bastion.roles", RuleSource::roles},  {"targetingKey", RuleSource::key},
    {"$flagd.flagKey", RuleSource::flag},   {"$flagd.timestamp", RuleSource::time},
};

Error invalid_rule(std::string detail) {
    Error error = invalid_argument("invalid targeting rule");
    error.detail = std::move(detail);
    return error;
}

// The members of "a.b.c"; a backslash takes the next character as it is.
std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '.')
            parts.emplace_back();
        else
            parts.back() += path[i] == '\\' && i + 1 < path.size() ? path[++i] : path[i];
    }
    return parts;
}

// The operands of an operator: those of an array, or one value alone.
std::vector<JsonValue> operands_of(const JsonValue& value) {
    return value.is_array() ? value.elements() : std::vector<JsonValue>{value};
}

}  // namespace

class RuleCompiler {
public:
    Result<Rule> compile(const JsonValue& value) {
        Rule rule;
        auto root = std::make_unique<RuleNode>();
        const Result<void> compiled = compile_into(*root, value);
        if (!compiled) return compiled.error();
        rule.root_ = std::move(root);
        rule.bytes_ = bytes_;
        rule.reads_attributes_ = reads_attributes_;
        rule.reads_roles_ = reads_roles_;
        return rule;
    }

private:
    // The recursion is as deep as the JSON text, which parse_json() limits.
    Result<void> compile_into(RuleNode& node, const JsonValue& value) {
        if (++nodes_ > max_nodes) return Error(ErrorCode::limit_exceeded, "targeting rule is too large");
        bytes_ += sizeof node;
        switch (value.type()) {
            case JsonType::null: return {};
            case JsonType::boolean:
                node.op = RuleOperator::boolean;
                node.truth = *value.boolean();
                return {};
            case JsonType::number:
                node.op = RuleOperator::number;
                node.value = *value.number();
                return {};
            case JsonType::string:
                node.op = RuleOperator::text;
                node.text = *value.string();
                bytes_ += node.text.capacity();
                return {};
            case JsonType::array: node.op = RuleOperator::list; return compile_operands(node, value.elements());
            case JsonType::object: break;
        }
        return compile_operator(node, value);
    }

    Result<void> compile_operands(RuleNode& node, const std::vector<JsonValue>& values) {
        node.operands.reserve(values.size());
        for (const JsonValue& value : values) {
            const Result<void> compiled = compile_into(node.operands.emplace_back(), value);
            if (!compiled) return compiled.error();
        }
        return {};
    }

    Result<void> compile_operator(RuleNode& node, const JsonValue& value) {
        const std::vector<JsonMember> members = value.members();
        if (members.size() != 1) return invalid_rule("An object in a rule has one member, which is the operator.");
        const JsonMember& call = members.front();
        if (call.name == "var") return compile_variable(node, call.value);
        const auto* found = std::find_if(std::begin(operators), std::end(operators),
                                         [&](const OperatorName& each) { return each.name == call.name; });
        if (found == std::end(operators))
            return invalid_rule(
                "The operators are var, if, and, or, !, ==, !=, <, <=, >, >=, in, starts_with, ends_with, cat, "
                "sem_ver and fractional.");
        const std::vector<JsonValue> operands = operands_of(call.value);
        // One operand alone needs no array for ! only, as in flagd.
        const bool is_alone = !call.value.is_array() && found->op != RuleOperator::negation;
        if (is_alone || operands.size() < found->least || operands.size() > found->most)
            return invalid_rule("Wrong number of operands of " + std::string(found->name) + ".");
        node.op = found->op;
        return compile_operands(node, operands);
    }

    // {"var": "a.b"}, {"var": ["a.b", default]}.
    Result<void> compile_variable(RuleNode& node, const JsonValue& value) {
        const std::vector<JsonValue> operands = operands_of(value);
        std::string path;
        if (operands.size() > 2) return invalid_rule("Wrong number of operands of var.");
        if (!operands.empty()) {
            if (operands[0].string())
                path = *operands[0].string();
            else if (operands[0].natural())
                path = std::to_string(*operands[0].natural());
            else
                return invalid_rule("The name of a variable must be a text.");
        }
        node.op = RuleOperator::variable;
        set_source(node, path);
        if (operands.size() < 2) return {};
        return compile_operands(node, {operands[1]});
    }

    void set_source(RuleNode& node, std::string_view path) {
        const auto* found = std::find_if(std::begin(sources), std::end(sources),
                                         [&](const SourceName& each) { return each.name == path; });
        if (found != std::end(sources)) {
            node.source = found->source;
            reads_roles_ = reads_roles_ || node.source == RuleSource::roles;
        } else if (path.starts_with("$bastion") || path.starts_with("$flagd")) {
            node.source = RuleSource::nothing;
        } else {
            node.source = RuleSource::attributes;
            if (!path.empty()) node.path = split_path(path);
            for (const std::string& part : node.path) bytes_ += sizeof part + part.capacity();
            reads_attributes_ = true;
        }
    }

    std::size_t nodes_ = 0;
    std::size_t bytes_ = 0;
    bool reads_attributes_ = false;
    bool reads_roles_ = false;
};

Rule::Rule() noexcept = default;
Rule::Rule(Rule&&) noexcept = default;
Rule& Rule::operator=(Rule&&) noexcept = default;
Rule::~Rule() = default;

TargetingFailure Rule::evaluate(std::string_view flag_key, const FlagSubject& subject,
                                std::optional<std::string>& out) const {
    return run_rule(*root_, flag_key, subject, out);
}

Result<Rule> compile_rule(const JsonValue& rule) {
    // An empty object is no rule.
    if (rule.is_object() && rule.members().empty()) return Rule();
    if (!rule.is_object()) return invalid_rule("A rule is an object.");
    return RuleCompiler().compile(rule);
}

}  // namespace bastion
