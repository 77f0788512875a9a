// Argon2 by libsodium: PHC strings of version 19. Called by password.cpp alone; keeps no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/identity/password_params.hpp"

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

// limit_exceeded when a parameter lies above its ceiling.
Result<void> check_argon2_ceilings(std::uint32_t memory_kib, std::uint32_t iterations, std::uint32_t parallelism);

// The parameters were checked by the caller.
Result<std::string> argon2_hash(std::string_view password, const PasswordParams& params);
Result<bool> argon2_verify(std::string_view password, std::string_view text, const Argon2Hash& parsed);

// A well-formed hash that belongs to no known password.
[[nodiscard]] std::string argon2_dummy(const PasswordParams& params);

}  // namespace bastion
