#include "core/flag/rule_run.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>

#include "core/flag/bucket.hpp"
#include "core/flag/operand.hpp"
#include "core/flag/semantic_version.hpp"

namespace bastion {
namespace {

// Longer than any key or name; a rule may join its own text again and again.
constexpr std::size_t max_joined = 64 * 1024;

// What an evaluation may cost: a node, an element of a list, a byte of joined text, some bytes of another text. No rule that somebody
// wrote comes near; without an end, the rule of one tenant would hold a backend that no timeout ends.
constexpr std::size_t max_work = 4 * 1024 * 1024;
constexpr std::size_t bytes_per_step = 16;

std::optional<Operand> known_text(std::string_view text) {
    if (text.empty()) return {};
    return operand_of(text);
}

// In time that grows with both sizes, not with their product as that of find().
bool contains(std::string_view text, std::string_view part) noexcept {
    return part.empty() || memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

class Run {
public:
    Run(std::string_view flag_key, const FlagSubject& subject) : flag_key_(flag_key), subject_(subject) {}

    [[nodiscard]] TargetingFailure failure() const noexcept { return failure_; }

    // After a failure every result is null.
    Operand value_of(const RuleNode& node) {
        if (failure_ != TargetingFailure::none) return {};
        const Operand out = computed(node);
        return spend(1 + out.text.size() / bytes_per_step) ? out : Operand{};
    }

private:
    Operand computed(const RuleNode& node) {
        switch (node.op) {
            case RuleOperator::null_value: return {};
            case RuleOperator::boolean: return operand_of_truth(node.truth);
            case RuleOperator::number: return operand_of(node.value);
            case RuleOperator::text: return operand_of(node.text);
            case RuleOperator::list: return list(node);
            case RuleOperator::variable: return variable(node);
            case RuleOperator::choice: return choice(node);
            case RuleOperator::all:
            case RuleOperator::any: return first_that(node, node.op == RuleOperator::any);
            case RuleOperator::negation: return operand_of_truth(!is_true(value_of(node.operands[0])));
            case RuleOperator::contained: return contained(node);
            case RuleOperator::starts_with:
            case RuleOperator::ends_with: return at_an_end(node);
            case RuleOperator::joined: return joined(node);
            case RuleOperator::version: return version(node);
            case RuleOperator::fractional: return fractional(node);
            default: return comparison(node);
        }
    }

    Operand fail(TargetingFailure failure) {
        if (failure_ == TargetingFailure::none) failure_ = failure;
        return {};
    }

    // False after a failure, which this is when the work is too much.
    bool spend(std::size_t work) noexcept {
        work_ += std::min(work, max_work);
        if (work_ > max_work) (void)fail(TargetingFailure::general);
        return failure_ == TargetingFailure::none;
    }

    std::vector<JsonValue> elements_of(const JsonValue& array) {
        std::vector<JsonValue> elements = array.elements();
        (void)spend(elements.size());
        return elements;
    }

    bool is_true(const Operand& operand) {
        switch (operand.kind) {
            case OperandKind::null_value: return false;
            case OperandKind::boolean: return operand.truth;
            case OperandKind::number: return operand.value != 0;
            case OperandKind::text: return !operand.text.empty();
            case OperandKind::nodes: return !operand.nodes.empty();
            case OperandKind::texts: return !operand.texts.empty();
            case OperandKind::json: break;
        }
        if (operand.json->is_array()) return !elements_of(*operand.json).empty();
        bool has_members = false;
        operand.json->visit_members([&](std::string_view, const JsonValue&) {
            has_members = true;
            return false;
        });
        return has_members;
    }

    static Operand list(const RuleNode& node) {
        Operand out;
        out.kind = OperandKind::nodes;
        out.nodes = node.operands;
        return out;
    }

    Operand variable(const RuleNode& node) {
        const std::optional<Operand> found = looked_up(node);
        if (found) return *found;
        return node.operands.empty() ? Operand{} : value_of(node.operands[0]);
    }

    // Absent when nothing has the name.
    [[nodiscard]] std::optional<Operand> looked_up(const RuleNode& node) {
        switch (node.source) {
            case RuleSource::user: return known_text(subject_.user);
            case RuleSource::tenant: return known_text(subject_.tenant);
            case RuleSource::unit: return known_text(subject_.unit);
            case RuleSource::level: return known_text(subject_.level);
            case RuleSource::key: return known_text(subject_.targeting_key);
            case RuleSource::flag: return operand_of(flag_key_);
            case RuleSource::time: return operand_of(static_cast<double>(subject_.seconds));
            case RuleSource::nothing: return {};
            case RuleSource::roles: {
                Operand out;
                out.kind = OperandKind::texts;
                out.texts = subject_.roles;
                return out;
            }
            case RuleSource::attributes: break;
        }
        return attribute(node.path);
    }

    [[nodiscard]] std::optional<Operand> attribute(std::span<const std::string> path) {
        std::optional<JsonValue> value = subject_.attributes;
        for (const std::string& part : path) {
            if (!value) return {};
            value = value->is_array() ? element(*value, part) : value->find(part);
        }
        if (!value) return {};
        return operand_of(*value);
    }

    std::optional<JsonValue> element(const JsonValue& array, std::string_view index) {
        std::size_t place = 0;
        const auto [end, error] = std::from_chars(index.data(), index.data() + index.size(), place);
        const std::vector<JsonValue> elements = elements_of(array);
        if (error != std::errc{} || end != index.data() + index.size() || place >= elements.size()) return {};
        return elements[place];
    }

    Operand choice(const RuleNode& node) {
        const std::size_t count = node.operands.size();
        for (std::size_t i = 0; i + 1 < count; i += 2)
            if (is_true(value_of(node.operands[i]))) return value_of(node.operands[i + 1]);
        return count % 2 == 1 ? value_of(node.operands.back()) : Operand{};
    }

    Operand first_that(const RuleNode& node, bool truth) {
        Operand out;
        for (const RuleNode& operand : node.operands) {
            out = value_of(operand);
            if (is_true(out) == truth) break;
        }
        return out;
    }

    Operand comparison(const RuleNode& node) {
        Operand left = value_of(node.operands[0]);
        for (std::size_t i = 1; i < node.operands.size(); ++i) {
            const Operand right = value_of(node.operands[i]);
            const std::optional<bool> holds = compare(node.op, left, right);
            if (!holds) return fail(TargetingFailure::general);
            if (!*holds) return operand_of_truth(false);
            left = right;
        }
        return operand_of_truth(true);
    }

    Operand contained(const RuleNode& node) {
        const Operand item = value_of(node.operands[0]);
        const Operand whole = value_of(node.operands[1]);
        switch (whole.kind) {
            case OperandKind::null_value: return operand_of_truth(false);
            case OperandKind::boolean:
            case OperandKind::number: return is_true(whole) ? fail(TargetingFailure::general) : operand_of_truth(false);
            case OperandKind::text: return contained_in(whole.text, item);
            case OperandKind::nodes:
                return operand_of_truth(std::any_of(whole.nodes.begin(), whole.nodes.end(), [&](const RuleNode& each) {
                    return is_same(value_of(each), item);
                }));
            case OperandKind::texts:
                (void)spend(whole.texts.size());
                return operand_of_truth(item.kind == OperandKind::text &&
                                        std::find(whole.texts.begin(), whole.texts.end(), item.text) !=
                                            whole.texts.end());
            case OperandKind::json: break;
        }
        if (!whole.json->is_array()) return fail(TargetingFailure::general);
        const std::vector<JsonValue> elements = elements_of(*whole.json);
        return operand_of_truth(std::any_of(elements.begin(), elements.end(),
                                            [&](const JsonValue& each) { return is_same(operand_of(each), item); }));
    }

    Operand contained_in(std::string_view text, const Operand& item) {
        switch (item.kind) {
            case OperandKind::null_value: return operand_of_truth(contains(text, "null"));
            case OperandKind::boolean: return operand_of_truth(contains(text, item.truth ? "true" : "false"));
            case OperandKind::number: return operand_of_truth(contains(text, text_of(item.value)));
            case OperandKind::text: return operand_of_truth(contains(text, item.text));
            default: return fail(TargetingFailure::general);
        }
    }

    Operand at_an_end(const RuleNode& node) {
        const Operand text = value_of(node.operands[0]);
        const Operand part = value_of(node.operands[1]);
        if (text.kind != OperandKind::text || part.kind != OperandKind::text) return {};
        return operand_of_truth(node.op == RuleOperator::starts_with ? text.text.starts_with(part.text)
                                                                     : text.text.ends_with(part.text));
    }

    Operand joined(const RuleNode& node) {
        std::string text;
        for (const RuleNode& operand : node.operands) {
            const Operand part = value_of(operand);
            switch (part.kind) {
                case OperandKind::null_value: break;
                case OperandKind::boolean: text += part.truth ? "true" : "false"; break;
                case OperandKind::number: text += text_of(part.value); break;
                case OperandKind::text: text += part.text; break;
                default: return fail(TargetingFailure::general);
            }
            if (text.size() > max_joined) return fail(TargetingFailure::general);
        }
        (void)spend(text.size());
        return operand_of(joined_.emplace_back(std::move(text)));
    }

    Operand version(const RuleNode& node) {
        const Operand operands[] = {value_of(node.operands[0]), value_of(node.operands[1]), value_of(node.operands[2])};
        std::string numbers[2];
        const std::optional<SemanticVersion> left = version_of(operands[0], numbers[0]);
        const std::optional<SemanticVersion> right = version_of(operands[2], numbers[1]);
        if (!left || !right || operands[1].kind != OperandKind::text) return {};
        const std::optional<bool> holds = versions_match(*left, operands[1].text, *right);
        return holds ? operand_of_truth(*holds) : Operand{};
    }

    static std::optional<SemanticVersion> version_of(const Operand& operand, std::string& number) {
        if (operand.kind == OperandKind::text) return parse_version(operand.text);
        if (operand.kind != OperandKind::number) return {};
        number = text_of(operand.value);
        return parse_version(number);
    }

    struct Share {
        Operand variant;
        std::int64_t weight;
    };

    // The first operand names what is bucketed when it is a text; else that is the flag and the targeting key.
    Operand fractional(const RuleNode& node) {
        std::span<const RuleNode> rest(node.operands);
        const Operand by = value_of(rest[0]);
        if (by.kind == OperandKind::text)
            rest = rest.subspan(1);
        else if (by.kind == OperandKind::nodes && subject_.targeting_key.empty())
            return fail(TargetingFailure::key_missing);
        std::vector<Share> shares;
        shares.reserve(rest.size());
        std::int64_t total = 0;
        for (const RuleNode& entry : rest) {
            // Once: as the first of the first of the first, it would be evaluated without end.
            const std::optional<Share> share = share_of(&entry == node.operands.data() ? by : value_of(entry));
            if (!share) return {};
            total += share->weight;
            if (total > max_total_weight) return {};
            shares.push_back(*share);
        }
        const std::uint32_t hash =
            by.kind == OperandKind::text ? murmur3(by.text) : murmur3(flag_key_, subject_.targeting_key);
        std::int64_t left = bucket_of(hash, total);
        for (const Share& share : shares)
            if ((left -= share.weight) < 0) return share.variant;
        return {};
    }

    // [variant], or [variant, weight]; a negative weight counts as 0. Empty for anything else.
    std::optional<Share> share_of(const Operand& entry) {
        Operand parts[2];
        std::size_t count = 0;
        if (entry.kind == OperandKind::nodes) {
            count = entry.nodes.size();
            for (std::size_t i = 0; i < std::min<std::size_t>(count, 2); ++i) parts[i] = value_of(entry.nodes[i]);
        } else if (entry.kind == OperandKind::json && entry.json->is_array()) {
            const std::vector<JsonValue> elements = elements_of(*entry.json);
            count = elements.size();
            for (std::size_t i = 0; i < std::min<std::size_t>(count, 2); ++i) parts[i] = operand_of(elements[i]);
        }
        if (count == 0 || count > 2 || parts[0].kind > OperandKind::text) return {};
        if (count == 1) return Share{parts[0], 1};
        if (parts[1].kind != OperandKind::number || parts[1].value != std::floor(parts[1].value) ||
            parts[1].value > static_cast<double>(max_total_weight))
            return {};
        return Share{parts[0], static_cast<std::int64_t>(std::max(0.0, parts[1].value))};
    }

    std::string_view flag_key_;
    const FlagSubject& subject_;
    std::deque<std::string> joined_;  // what operands refer to
    std::size_t work_ = 0;
    TargetingFailure failure_ = TargetingFailure::none;
};

}  // namespace

TargetingFailure run_rule(const RuleNode& rule, std::string_view flag_key, const FlagSubject& subject,
                          std::optional<std::string>& out) {
    Run run(flag_key, subject);
    const Operand chosen = run.value_of(rule);
    out.reset();
    switch (chosen.kind) {
        case OperandKind::null_value: break;
        case OperandKind::boolean: out = chosen.truth ? "true" : "false"; break;
        case OperandKind::number: out = text_of(chosen.value); break;
        case OperandKind::text: out = chosen.text; break;
        default: return TargetingFailure::general;
    }
    return run.failure();
}

}  // namespace bastion
