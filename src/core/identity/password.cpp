#include "core/identity/password.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "core/base/json.hpp"
#include "core/identity/argon2_hash.hpp"
#include "core/identity/bcrypt_hash.hpp"
#include "core/identity/pbkdf2_hash.hpp"

namespace bastion {

namespace {

constexpr std::size_t max_options_bytes = 4096;
constexpr std::size_t new_salt_bytes = 16;
constexpr std::size_t new_hash_bytes = 32;
constexpr std::uint32_t min_argon2_memory_kib = 8;
constexpr std::uint32_t min_bcrypt_cost = 4;
constexpr std::uint32_t min_pbkdf2_iterations = 1000;  // NIST SP 800-132 5.2

Error invalid(std::string message, std::string hint = {}) {
    return {ErrorCode::invalid_argument, std::move(message), {}, std::move(hint)};
}

// One option: its name, its place in the parameters and its least value. Ceilings are checked for all together.
struct Option {
    std::string_view name;
    std::uint32_t PasswordParams::*member;
    std::uint32_t least;
};

constexpr Option argon2_options[] = {{"memory", &PasswordParams::memory_kib, min_argon2_memory_kib},
                                     {"iterations", &PasswordParams::iterations, 1},
                                     {"parallelism", &PasswordParams::parallelism, 1}};
constexpr Option bcrypt_options[] = {{"cost", &PasswordParams::cost, min_bcrypt_cost}};
constexpr Option pbkdf2_options[] = {{"iterations", &PasswordParams::iterations, min_pbkdf2_iterations}};

std::span<const Option> options_of(PasswordAlgorithm algorithm) noexcept {
    switch (algorithm) {
        case PasswordAlgorithm::argon2id: return argon2_options;
        case PasswordAlgorithm::bcrypt: return bcrypt_options;
        case PasswordAlgorithm::pbkdf2_sha256: return pbkdf2_options;
    }
    return {};
}

std::string option_names(std::span<const Option> options) {
    std::string names;
    for (const Option& option : options) names.append(names.empty() ? "" : ", ").append(option.name);
    return names;
}

Result<void> check_bcrypt_ceiling(std::uint32_t cost) {
    if (cost <= max_bcrypt_cost) return {};
    return Error{ErrorCode::limit_exceeded, "bcrypt cost is above the limit", "At most 16 is allowed."};
}

Result<void> check_pbkdf2_ceiling(std::uint32_t iterations) {
    if (iterations <= max_pbkdf2_iterations) return {};
    return Error{ErrorCode::limit_exceeded, "PBKDF2 iterations are above the limit", "At most 10000000 are allowed."};
}

Result<void> check_ceilings(const PasswordParams& params) {
    switch (params.algorithm) {
        case PasswordAlgorithm::argon2id:
            return check_argon2_ceilings(params.memory_kib, params.iterations, params.parallelism);
        case PasswordAlgorithm::bcrypt: return check_bcrypt_ceiling(params.cost);
        case PasswordAlgorithm::pbkdf2_sha256: return check_pbkdf2_ceiling(params.iterations);
    }
    return {};
}

// The limits for a new hash.
Result<void> check_params(const PasswordParams& params) {
    if (auto within = check_ceilings(params); !within) return within;
    for (const Option& option : options_of(params.algorithm)) {
        if (params.*option.member < option.least)
            return invalid("password option \"" + std::string(option.name) + "\" must be at least " +
                           std::to_string(option.least));
    }
    if (params.algorithm == PasswordAlgorithm::argon2id && params.parallelism != 1)
        return Error{ErrorCode::unsupported, "new Argon2 hashes have a parallelism of 1",
                     "Existing hashes with a parallelism of up to 16 are verified."};
    return {};
}

Result<void> check_length(std::string_view password) {
    if (password.size() <= max_password_bytes) return {};
    return Error{ErrorCode::limit_exceeded, "password is too long", "At most 4096 bytes are allowed."};
}

Result<void> set_option(PasswordParams& params, const Option& option, const JsonValue& value) {
    const auto number = value.integer();
    if (!number || *number < 0)
        return invalid("password option \"" + std::string(option.name) + "\" must be a whole number");
    // A number that does not fit is far above every ceiling.
    params.*option.member = static_cast<std::uint32_t>(std::min<std::int64_t>(*number, UINT32_MAX));
    return {};
}

}  // namespace

Result<PasswordAlgorithm> parse_password_algorithm(std::string_view name) {
    if (name == "argon2id") return PasswordAlgorithm::argon2id;
    if (name == "bcrypt") return PasswordAlgorithm::bcrypt;
    if (name == "pbkdf2-sha256" || name == "pbkdf2_sha256") return PasswordAlgorithm::pbkdf2_sha256;
    return invalid("unknown password algorithm", "Algorithms are argon2id, bcrypt and pbkdf2-sha256.");
}

PasswordParams default_password_params(PasswordAlgorithm algorithm) {
    PasswordParams params;
    params.algorithm = algorithm;
    if (algorithm == PasswordAlgorithm::pbkdf2_sha256) params.iterations = 600'000;
    return params;
}

Result<PasswordParams> parse_password_options(PasswordAlgorithm algorithm, std::string_view json) {
    const auto document = parse_json(json, max_options_bytes);
    if (!document && document.error().code == ErrorCode::malformed_text)
        return invalid("password options must be valid JSON", document.error().detail);
    if (!document) return document.error();
    if (!document->root().is_object()) return invalid("password options must be a JSON object");
    PasswordParams params = default_password_params(algorithm);
    const std::span<const Option> options = options_of(algorithm);
    for (const JsonMember& member : document->root().members()) {
        const auto option = std::find_if(options.begin(), options.end(),
                                         [&](const Option& known) { return known.name == member.name; });
        if (option == options.end())
            return invalid("unknown password option", "Options of this algorithm: " + option_names(options) + ".");
        if (auto set = set_option(params, *option, member.value); !set) return set.error();
    }
    if (auto checked = check_params(params); !checked) return checked.error();
    return params;
}

Result<std::string> password_hash(std::string_view password, const PasswordParams& params) {
    if (auto checked = check_params(params); !checked) return checked.error();
    if (auto checked = check_length(password); !checked) return checked.error();
    if (password.empty()) return invalid("password must not be empty");
    switch (params.algorithm) {
        case PasswordAlgorithm::argon2id: return argon2_hash(password, params);
        case PasswordAlgorithm::pbkdf2_sha256: return pbkdf2_hash(password, params.iterations);
        case PasswordAlgorithm::bcrypt: break;
    }
    if (password.size() > max_bcrypt_password_bytes)
        return invalid("password is too long for bcrypt", "bcrypt reads 72 bytes; argon2id has no such limit.");
    if (password.find('\0') != std::string_view::npos) return invalid("password for bcrypt must not contain NUL");
    return bcrypt_hash(password, params.cost);
}

Result<bool> password_verify(std::string_view password, std::string_view hash) {
    if (auto checked = check_length(password); !checked) return checked.error();
    if (hash.size() > max_password_hash_bytes) return false;
    if (const auto argon2 = parse_argon2_hash(hash)) {
        auto within = check_argon2_ceilings(argon2->memory_kib, argon2->iterations, argon2->parallelism);
        if (!within) return std::move(within).error();
        return argon2_verify(password, hash, *argon2);
    }
    if (const auto cost = parse_bcrypt_hash(hash)) {
        if (auto within = check_bcrypt_ceiling(*cost); !within) return std::move(within).error();
        return bcrypt_verify(password, hash);
    }
    if (const auto pbkdf2 = parse_pbkdf2_hash(hash)) {
        if (auto within = check_pbkdf2_ceiling(pbkdf2->iterations); !within) return std::move(within).error();
        return pbkdf2_verify(password, *pbkdf2);
    }
    return false;
}

bool password_needs_rehash(std::string_view hash, const PasswordParams& wanted) {
    if (hash.size() > max_password_hash_bytes) return true;
    switch (wanted.algorithm) {
        case PasswordAlgorithm::argon2id: {
            const auto argon2 = parse_argon2_hash(hash);
            return !argon2 || !argon2->hybrid || argon2->memory_kib < wanted.memory_kib ||
                   argon2->iterations < wanted.iterations || argon2->salt_bytes < new_salt_bytes ||
                   argon2->hash_bytes < new_hash_bytes ||
                   !check_argon2_ceilings(argon2->memory_kib, argon2->iterations, argon2->parallelism);
        }
        case PasswordAlgorithm::bcrypt: {
            const auto cost = parse_bcrypt_hash(hash);
            return !cost || *cost < wanted.cost || !check_bcrypt_ceiling(*cost);
        }
        case PasswordAlgorithm::pbkdf2_sha256: {
            const auto pbkdf2 = parse_pbkdf2_hash(hash);
            return !pbkdf2 || pbkdf2->iterations < wanted.iterations || pbkdf2->salt.size() < new_salt_bytes ||
                   !check_pbkdf2_ceiling(pbkdf2->iterations);
        }
    }
    return true;
}

Result<bool> password_dummy_verify(std::string_view password, const PasswordParams& params) {
    if (auto checked = check_params(params); !checked) return checked.error();
    std::string dummy;
    switch (params.algorithm) {
        case PasswordAlgorithm::argon2id: dummy = argon2_dummy(params); break;
        case PasswordAlgorithm::bcrypt: dummy = bcrypt_dummy(params.cost); break;
        case PasswordAlgorithm::pbkdf2_sha256: dummy = pbkdf2_dummy(params.iterations); break;
    }
    auto verified = password_verify(password, dummy);
    if (!verified) return std::move(verified).error();
    return false;
}

}  // namespace bastion
