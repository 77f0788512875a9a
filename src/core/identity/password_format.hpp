// A stored password hash as text. Each family of formats is defined in its <noun>_hash.cpp, which nothing but password.cpp
// calls; password.cpp lists them all. The functions keep no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"

namespace bastion {

// What a hash says of itself. The views point to constants.
struct HashDescription {
    std::string_view scheme;
    std::vector<std::pair<std::string_view, std::uint64_t>> parameters = {};
    std::size_t password_bytes = 0;      // how many bytes of a password count; 0 for all
    std::optional<Error> obstacle = {};  // why it cannot be verified: limit_exceeded or unsupported
};

struct PasswordFormat {
    // Empty unless the text is a well-formed hash of this format.
    std::optional<HashDescription> (*describe)(std::string_view text);
    // Whether the password belongs to the hash, which is described and has no obstacle. busy without memory.
    Result<bool> (*verify)(std::string_view password, std::string_view text);
};

}  // namespace bastion
