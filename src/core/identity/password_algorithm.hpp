// An algorithm for new password hashes, with the format that they have. Defined in its <noun>_hash.cpp, which nothing but
// password.cpp calls; password.cpp lists them all. The functions keep no state.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/identity/password_format.hpp"
#include "core/identity/password_params.hpp"

namespace bastion {

// One option of password_hash(): its name, its place in the parameters and its least value.
struct PasswordOption {
    std::string_view name;
    std::uint32_t PasswordParams::*member;
    std::uint32_t least;
};

struct PasswordAlgorithm {
    std::span<const std::string_view> names;  // the first is the one that messages show
    std::span<const PasswordOption> options;
    PasswordParams defaults;
    PasswordFormat format;

    // Refuses parameters that a new hash cannot have, among them those above a ceiling (limit_exceeded).
    Result<void> (*check)(const PasswordParams& params);
    // A new hash with a fresh salt. The caller has checked the parameters, and that the password is neither empty nor
    // above max_password_bytes.
    Result<std::string> (*hash)(std::string_view password, const PasswordParams& params);
    // Whether the text is not of this format, above a ceiling, or weaker in any parameter, its salt and length included.
    bool (*needs_rehash)(std::string_view text, const PasswordParams& wanted);
    // A well-formed hash that belongs to no known password.
    std::string (*dummy)(const PasswordParams& params);
};

inline constexpr std::size_t new_salt_bytes = 16;
inline constexpr std::size_t new_hash_bytes = 32;

}  // namespace bastion
