#include "core/identity/password.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/json.hpp"
#include "core/identity/argon2_hash.hpp"
#include "core/identity/bcrypt_hash.hpp"
#include "core/identity/crypt_hash.hpp"
#include "core/identity/digest_hash.hpp"
#include "core/identity/password_text.hpp"
#include "core/identity/pbkdf2_hash.hpp"
#include "core/identity/scrypt_hash.hpp"

namespace bastion {

namespace {

constexpr std::size_t max_options_bytes = 4096;

// Those that make new hashes.
constexpr const PasswordAlgorithm* algorithms[] = {&argon2id, &bcrypt, &pbkdf2_sha256};

// All that are verified. No text belongs to two of them.
constexpr const PasswordFormat* formats[] = {&argon2id.format, &bcrypt.format, &pbkdf2_sha256.format, &scrypt_format,
                                             &crypt_format,    &ldap_format,   &phpass_format};

const PasswordFormat* find_format(std::string_view hash, std::optional<HashDescription>& description) {
    if (hash.size() > max_password_hash_bytes) return nullptr;
    for (const PasswordFormat* format : formats)
        if ((description = format->describe(hash))) return format;
    return nullptr;
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
            return invalid_argument("password option \"" + std::string(option.name) + "\" must be at least " +
                                    std::to_string(option.least));
    }
    return params.algorithm->check(params);
}

Result<void> check_length(std::string_view password) {
    if (password.size() <= max_password_bytes) return {};
    return Error{ErrorCode::limit_exceeded, "password is too long", "At most 4096 bytes are allowed."};
}

// A password of acceptable length, prepared, and its bytes where these differ.
Result<PasswordMatch> match_in(const PasswordFormat& format, std::string_view password, std::string_view hash) {
    const PreparedPassword prepared = prepare_password(password);
    const bool differs = prepared.is_utf8 && prepared.bytes.text() != password;
    if (differs) {
        const auto verified = format.verify(prepared.bytes.text(), hash);
        if (!verified) return verified.error();
        if (*verified) return PasswordMatch::prepared;
    }
    const auto verified = format.verify(password, hash);
    if (!verified) return verified.error();
    return !*verified ? PasswordMatch::none : differs ? PasswordMatch::bytes : PasswordMatch::prepared;
}

Result<void> set_option(PasswordParams& params, const PasswordOption& option, const JsonValue& value) {
    const auto number = value.integer();
    if (!number || *number < 0)
        return invalid_argument("password option \"" + std::string(option.name) + "\" must be a whole number");
    // A number that does not fit is far above every ceiling.
    params.*option.member = static_cast<std::uint32_t>(std::min<std::int64_t>(*number, UINT32_MAX));
    return {};
}

}  // namespace

Result<const PasswordAlgorithm*> find_password_algorithm(std::string_view name) {
    for (const PasswordAlgorithm* algorithm : algorithms)
        if (std::ranges::find(algorithm->names, name) != algorithm->names.end()) return algorithm;
    return invalid_argument("unknown password algorithm", "Algorithms are " + algorithm_names() + ".");
}

PasswordParams default_password_params(const PasswordAlgorithm& algorithm) {
    PasswordParams params = algorithm.defaults;
    params.algorithm = &algorithm;
    return params;
}

Result<PasswordParams> parse_password_options(const PasswordAlgorithm& algorithm, std::string_view json) {
    const auto document = parse_json(json, max_options_bytes);
    if (!document && document.error().code == ErrorCode::malformed_text)
        return invalid_argument("password options must be valid JSON", document.error().detail);
    if (!document) return document.error();
    if (!document->root().is_object()) return invalid_argument("password options must be a JSON object");
    PasswordParams params = default_password_params(algorithm);
    for (const JsonMember& member : document->root().members()) {
        const auto option = std::ranges::find(algorithm.options, member.name, &PasswordOption::name);
        if (option == algorithm.options.end())
            return invalid_argument("unknown password option",
                                    "Options of this algorithm: " + option_names(algorithm) + ".");
        if (auto set = set_option(params, *option, member.value); !set) return set.error();
    }
    if (auto checked = check_params(params); !checked) return checked.error();
    return params;
}

Result<std::string> password_hash(std::string_view password, const PasswordParams& params) {
    if (auto checked = check_params(params); !checked) return checked.error();
    if (auto checked = check_length(password); !checked) return checked.error();
    if (password.empty()) return invalid_argument("password must not be empty");
    const PreparedPassword prepared = prepare_password(password);
    if (prepared.has_controls) return invalid_argument("password must not contain control characters");
    // The text of a database without an encoding.
    if (!prepared.is_utf8) return params.algorithm->hash(password, params);
    if (auto checked = check_length(prepared.bytes.text()); !checked) return checked.error();
    return params.algorithm->hash(prepared.bytes.text(), params);
}

Result<PasswordMatch> password_match(std::string_view password, std::string_view hash) {
    if (auto checked = check_length(password); !checked) return checked.error();
    std::optional<HashDescription> description;
    const PasswordFormat* format = find_format(hash, description);
    if (format == nullptr) return PasswordMatch::none;
    if (description->obstacle) return *std::move(description->obstacle);
    return match_in(*format, password, hash);
}

Result<bool> password_verify(std::string_view password, std::string_view hash) {
    const auto match = password_match(password, hash);
    if (!match) return match.error();
    return *match != PasswordMatch::none;
}

std::optional<HashDescription> describe_password_hash(std::string_view hash) {
    std::optional<HashDescription> description;
    (void)find_format(hash, description);
    return description;
}

bool password_needs_rehash(std::string_view hash, const PasswordParams& wanted) {
    return hash.size() > max_password_hash_bytes || wanted.algorithm->needs_rehash(hash, wanted);
}

Result<PasswordMatch> password_dummy_match(std::string_view password, const PasswordParams& params) {
    if (auto checked = check_params(params); !checked) return checked.error();
    const auto match = password_match(password, params.algorithm->dummy(params));
    if (!match) return match.error();
    return PasswordMatch::none;
}

Result<PasswordMatch> password_check(std::string_view password, std::string_view hash,
                                     const PasswordParams& otherwise) {
    std::optional<HashDescription> description;
    const PasswordFormat* format = find_format(hash, description);
    if (format == nullptr || description->obstacle) return password_dummy_match(password, otherwise);
    if (auto checked = check_length(password); !checked) return checked.error();
    return match_in(*format, password, hash);
}

std::string password_format_json(std::string_view hash, const PasswordParams& wanted) {
    const auto description = describe_password_hash(hash);
    if (!description) return "null";
    std::string out = R"({"scheme":")" + std::string(description->scheme) + R"(","parameters":{)";
    for (const auto& [name, value] : description->parameters) {
        if (out.back() != '{') out += ',';
        out.append("\"").append(name).append("\":").append(std::to_string(value));
    }
    out += R"(},"password_bytes":)";
    out += description->password_bytes == 0 ? "null" : std::to_string(description->password_bytes);
    out += R"(,"verifies":)";
    out += description->obstacle ? "false" : "true";
    out += R"(,"obstacle":)";
    if (description->obstacle)
        json_append_string(out, description->obstacle->message);
    else
        out += "null";
    out += R"(,"needs_rehash":)";
    out += password_needs_rehash(hash, wanted) ? "true}" : "false}";
    return out;
}

}  // namespace bastion
