#include "core/identity/password.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/json.hpp"
#include "core/identity/argon2_hash.hpp"
#include "core/identity/bcrypt_hash.hpp"
#include "core/identity/pbkdf2_hash.hpp"

namespace bastion {

namespace {

constexpr std::size_t max_options_bytes = 4096;

// In the order in which a hash is tried.
constexpr const PasswordAlgorithm* algorithms[] = {&argon2id, &bcrypt, &pbkdf2_sha256};

Error invalid(std::string message, std::string hint = {}) {
    return {ErrorCode::invalid_argument, std::move(message), {}, std::move(hint)};
}

std::string option_names(const PasswordAlgorithm& algorithm) {
    std::string names;
    for (const PasswordOption& option : algorithm.options) names.append(names.empty() ? "" : ", ").append(option.name);
    return names;
}

std::string algorithm_names() {
    std::string names;
    for (const PasswordAlgorithm* algorithm : algorithms) {
        const bool last = algorithm == *std::rbegin(algorithms);
        names.append(names.empty() ? "" : last ? " and " : ", ").append(algorithm->names.front());
    }
    return names;
}

// The limits for a new hash.
Result<void> check_params(const PasswordParams& params) {
    for (const PasswordOption& option : params.algorithm->options) {
        if (params.*option.member < option.least)
            return invalid("password option \"" + std::string(option.name) + "\" must be at least " +
                           std::to_string(option.least));
    }
    return params.algorithm->check(params);
}

Result<void> check_length(std::string_view password) {
    if (password.size() <= max_password_bytes) return {};
    return Error{ErrorCode::limit_exceeded, "password is too long", "At most 4096 bytes are allowed."};
}

Result<void> set_option(PasswordParams& params, const PasswordOption& option, const JsonValue& value) {
    const auto number = value.integer();
    if (!number || *number < 0)
        return invalid("password option \"" + std::string(option.name) + "\" must be a whole number");
    // A number that does not fit is far above every ceiling.
    params.*option.member = static_cast<std::uint32_t>(std::min<std::int64_t>(*number, UINT32_MAX));
    return {};
}

}  // namespace

Result<const PasswordAlgorithm*> find_password_algorithm(std::string_view name) {
    for (const PasswordAlgorithm* algorithm : algorithms)
        if (std::ranges::find(algorithm->names, name) != algorithm->names.end()) return algorithm;
    return invalid("unknown password algorithm", "Algorithms are " + algorithm_names() + ".");
}

PasswordParams default_password_params(const PasswordAlgorithm& algorithm) {
    PasswordParams params = algorithm.defaults;
    params.algorithm = &algorithm;
    return params;
}

Result<PasswordParams> parse_password_options(const PasswordAlgorithm& algorithm, std::string_view json) {
    const auto document = parse_json(json, max_options_bytes);
    if (!document && document.error().code == ErrorCode::malformed_text)
        return invalid("password options must be valid JSON", document.error().detail);
    if (!document) return document.error();
    if (!document->root().is_object()) return invalid("password options must be a JSON object");
    PasswordParams params = default_password_params(algorithm);
    for (const JsonMember& member : document->root().members()) {
        const auto option = std::ranges::find(algorithm.options, member.name, &PasswordOption::name);
        if (option == algorithm.options.end())
            return invalid("unknown password option", "Options of this algorithm: " + option_names(algorithm) + ".");
        if (auto set = set_option(params, *option, member.value); !set) return set.error();
    }
    if (auto checked = check_params(params); !checked) return checked.error();
    return params;
}

Result<std::string> password_hash(std::string_view password, const PasswordParams& params) {
    if (auto checked = check_params(params); !checked) return checked.error();
    if (auto checked = check_length(password); !checked) return checked.error();
    if (password.empty()) return invalid("password must not be empty");
    return params.algorithm->hash(password, params);
}

Result<bool> password_verify(std::string_view password, std::string_view hash) {
    if (auto checked = check_length(password); !checked) return checked.error();
    if (hash.size() > max_password_hash_bytes) return false;
    for (const PasswordAlgorithm* algorithm : algorithms)
        if (auto verified = algorithm->verify(password, hash)) return *std::move(verified);
    return false;
}

bool password_needs_rehash(std::string_view hash, const PasswordParams& wanted) {
    return hash.size() > max_password_hash_bytes || wanted.algorithm->needs_rehash(hash, wanted);
}

Result<bool> password_dummy_verify(std::string_view password, const PasswordParams& params) {
    if (auto checked = check_params(params); !checked) return checked.error();
    auto verified = password_verify(password, params.algorithm->dummy(params));
    if (!verified) return std::move(verified).error();
    return false;
}

}  // namespace bastion
