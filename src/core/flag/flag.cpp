#include "core/flag/flag.hpp"

#include <algorithm>

namespace bastion {
namespace {

Error invalid_flag(std::string detail) {
    Error error = invalid_argument("invalid definition of a flag");
    error.detail = std::move(detail);
    return error;
}

std::optional<FlagType> type_of(const JsonValue& value) noexcept {
    switch (value.type()) {
        case JsonType::boolean: return FlagType::boolean;
        case JsonType::string: return FlagType::text;
        case JsonType::number: return FlagType::number;
        case JsonType::array:
        case JsonType::object: return FlagType::object;
        case JsonType::null: break;
    }
    return {};
}

bool precedes(const FlagVariant& left, const FlagVariant& right) noexcept { return left.name < right.name; }

Result<void> set_state(Flag& flag, const JsonValue& value) {
    const std::optional<std::string_view> state = value.string();
    if (state != "ENABLED" && state != "DISABLED") return invalid_flag("state is ENABLED or DISABLED.");
    flag.enabled = state == "ENABLED";
    return {};
}

Result<void> set_variants(Flag& flag, const JsonValue& value) {
    if (!value.is_object()) return invalid_flag("variants is an object.");
    std::optional<FlagType> type;
    for (const JsonMember& member : value.members()) {
        const std::optional<FlagType> own = type_of(member.value);
        if (member.name.empty() || !own || (type && type != own))
            return invalid_flag("Variants have names, and values of one type: boolean, string, number or object.");
        type = own;
        FlagVariant variant{std::string(member.name), json_text(member.value), {}};
        if (*own == FlagType::text) variant.text = *member.value.string();
        flag.bytes += sizeof variant + variant.name.capacity() + variant.json.capacity() + variant.text.capacity();
        flag.variants.push_back(std::move(variant));
    }
    if (flag.variants.empty() || flag.variants.size() > max_flag_variants)
        return invalid_flag("A flag has from 1 to " + std::to_string(max_flag_variants) + " variants.");
    std::sort(flag.variants.begin(), flag.variants.end(), precedes);
    flag.type = *type;
    return {};
}

Result<void> set_fallback(Flag& flag, const JsonValue& value) {
    if (value.type() == JsonType::null) return {};
    const std::optional<std::string_view> name = value.string();
    const FlagVariant* variant = name ? flag.find(*name) : nullptr;
    if (variant == nullptr) return invalid_flag("defaultVariant is one of the variants.");
    flag.fallback = static_cast<std::size_t>(variant - flag.variants.data());
    return {};
}

Result<void> set_targeting(Flag& flag, const JsonValue& value) {
    if (value.type() == JsonType::null) return {};
    Result<Rule> rule = compile_rule(value);
    if (!rule) return rule.error();
    flag.targeting = std::move(*rule);
    flag.bytes += flag.targeting.bytes();
    return {};
}

Result<void> set_metadata(Flag& flag, const JsonValue& value) {
    if (!value.is_object()) return invalid_flag("metadata is an object.");
    flag.metadata = json_text(value);
    flag.bytes += flag.metadata.capacity();
    return {};
}

struct MemberRule {
    std::string_view name;
    Result<void> (*set)(Flag&, const JsonValue&);
    bool is_needed;
};

// In an order in which each finds what it needs.
constexpr MemberRule member_rules[] = {
    {"state", set_state, false},         {"variants", set_variants, true},  {"defaultVariant", set_fallback, false},
    {"targeting", set_targeting, false}, {"metadata", set_metadata, false},
};

bool is_known(std::string_view name) noexcept {
    return std::any_of(std::begin(member_rules), std::end(member_rules),
                       [&](const MemberRule& rule) { return rule.name == name; });
}

FlagOutcome failed(FlagError error) noexcept { return {FlagReason::error, error, nullptr}; }

FlagOutcome chosen_by_default(const Flag& flag, FlagReason reason) noexcept {
    if (!flag.fallback) return {FlagReason::by_default, FlagError::none, nullptr};
    return {reason, FlagError::none, &flag.variants[*flag.fallback]};
}

FlagOutcome chosen_by_rule(const Flag& flag, std::string_view key, const FlagSubject& subject) {
    std::optional<std::string> name;
    switch (flag.targeting.evaluate(key, subject, name)) {
        case TargetingFailure::none: break;
        case TargetingFailure::general: return failed(FlagError::general);
        case TargetingFailure::key_missing: return failed(FlagError::targeting_key_missing);
    }
    if (!name) return chosen_by_default(flag, FlagReason::by_default);
    const FlagVariant* variant = flag.find(*name);
    if (variant == nullptr) return failed(FlagError::general);
    return {FlagReason::targeting_match, FlagError::none, variant};
}

}  // namespace

std::string_view word_of(FlagType type) noexcept {
    switch (type) {
        case FlagType::boolean: return "boolean";
        case FlagType::text: return "string";
        case FlagType::number: return "number";
        case FlagType::object: break;
    }
    return "object";
}

std::string_view word_of(FlagReason reason) noexcept {
    switch (reason) {
        case FlagReason::statically: return "STATIC";
        case FlagReason::targeting_match: return "TARGETING_MATCH";
        case FlagReason::by_default: return "DEFAULT";
        case FlagReason::disabled: return "DISABLED";
        case FlagReason::error: break;
    }
    return "ERROR";
}

std::string_view word_of(FlagError error) noexcept {
    switch (error) {
        case FlagError::none: return "";
        case FlagError::flag_not_found: return "FLAG_NOT_FOUND";
        case FlagError::type_mismatch: return "TYPE_MISMATCH";
        case FlagError::targeting_key_missing: return "TARGETING_KEY_MISSING";
        case FlagError::invalid_context: return "INVALID_CONTEXT";
        case FlagError::general: break;
    }
    return "GENERAL";
}

const FlagVariant* Flag::find(std::string_view name) const noexcept {
    const auto found =
        std::lower_bound(variants.begin(), variants.end(), name,
                         [](const FlagVariant& each, std::string_view wanted) { return each.name < wanted; });
    return found == variants.end() || found->name != name ? nullptr : &*found;
}

Result<Flag> parse_flag(std::string_view json) {
    Result<JsonDocument> document = parse_json(json, max_flag_bytes);
    if (!document) return document.error();
    const JsonValue root = document->root();
    if (!root.is_object()) return invalid_flag("A flag is an object.");
    for (const JsonMember& member : root.members())
        if (!is_known(member.name))
            return invalid_flag("The members are state, variants, defaultVariant, targeting and metadata.");
    Flag flag;
    for (const MemberRule& rule : member_rules) {
        const std::optional<JsonValue> value = root.find(rule.name);
        if (!value && rule.is_needed) return invalid_flag(std::string(rule.name) + " is missing.");
        if (!value) continue;
        const Result<void> set = rule.set(flag, *value);
        if (!set) return set.error();
    }
    return flag;
}

FlagOutcome evaluate_flag(const Flag& flag, std::string_view key, const FlagSubject& subject,
                          std::optional<FlagType> wanted) {
    if (!flag.enabled) return {FlagReason::disabled, FlagError::none, nullptr};
    const FlagOutcome outcome =
        flag.targeting ? chosen_by_rule(flag, key, subject) : chosen_by_default(flag, FlagReason::statically);
    if (outcome.variant != nullptr && wanted && *wanted != flag.type) return failed(FlagError::type_mismatch);
    return outcome;
}

}  // namespace bastion
