// A feature flag in the form of flagd (flagd.dev): state, variants, the default variant, a targeting rule and metadata. Called by
// pg/flag, which stores and caches definitions. A Flag owns everything; variants are JSON texts.
#pragma once

#include "core/flag/targeting.hpp"

namespace bastion {

inline constexpr std::size_t max_flag_bytes = 256 * 1024;
inline constexpr std::size_t max_flag_variants = 1000;

enum class FlagType { boolean, text, number, object };

// The word that OpenFeature has for it: boolean, string, number, object.
[[nodiscard]] std::string_view word_of(FlagType type) noexcept;

struct FlagVariant {
    std::string name;
    std::string json;  // the value
    std::string text;  // the same without quotes and escapes, of a text
};

struct Flag {
    bool enabled = true;
    FlagType type = FlagType::boolean;
    std::vector<FlagVariant> variants;    // sorted by name
    std::optional<std::size_t> fallback;  // the place of the default variant
    Rule targeting;
    std::string metadata;  // a JSON object; empty without
    std::size_t bytes = 0;

    [[nodiscard]] const FlagVariant* find(std::string_view name) const noexcept;
};

// Members: state (ENABLED or DISABLED; ENABLED unless given), variants (an object whose values have one type), defaultVariant (one of
// them, or null), targeting, metadata. Errors: invalid_argument for a definition that flagd would not evaluate or that has other
// members, malformed_text for what is not JSON, limit_exceeded above max_flag_bytes or max_flag_variants.
[[nodiscard]] Result<Flag> parse_flag(std::string_view json);

// The reasons and errors of OpenFeature (openfeature.dev, Evaluation Details).
enum class FlagReason { statically, targeting_match, by_default, disabled, error };
enum class FlagError { none, flag_not_found, general, type_mismatch, targeting_key_missing, invalid_context };

[[nodiscard]] std::string_view word_of(FlagReason reason) noexcept;
[[nodiscard]] std::string_view word_of(FlagError error) noexcept;

struct FlagOutcome {
    FlagReason reason = FlagReason::error;
    FlagError error = FlagError::none;
    const FlagVariant* variant = nullptr;  // without one, the caller's own default counts
};

// Which variant the flag has for the subject. A variant of another type than `wanted`, unless any is, counts as an error.
[[nodiscard]] FlagOutcome evaluate_flag(const Flag& flag, std::string_view key, const FlagSubject& subject,
                                        std::optional<FlagType> wanted);

}  // namespace bastion
