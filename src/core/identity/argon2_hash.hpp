// Argon2 by libsodium: PHC strings of version 19.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/identity/password_algorithm.hpp"

namespace bastion {

struct Argon2Hash {
    bool hybrid = true;  // argon2id; else argon2i
    std::uint32_t memory_kib = 0;
    std::uint32_t iterations = 0;
    std::uint32_t parallelism = 0;
    std::size_t salt_bytes = 0;
    std::size_t hash_bytes = 0;
};

// Empty unless the text is a well-formed argon2id or argon2i string of version 19; does not check ceilings.
[[nodiscard]] std::optional<Argon2Hash> parse_argon2_hash(std::string_view text);

}  // namespace bastion
