// What a new password hash costs, and the ceilings for that of an existing one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bastion {

struct PasswordAlgorithm;  // core/identity/password_algorithm.hpp
extern const PasswordAlgorithm argon2id;

// Ceilings for hashing options and for the hashes to be verified: above them limit_exceeded, at once.
inline constexpr std::size_t max_password_bytes = 4096;
inline constexpr std::size_t max_password_hash_bytes = 1024;  // longer text is no hash: false
inline constexpr std::uint32_t max_argon2_memory_kib = 1024 * 1024;
inline constexpr std::uint32_t max_argon2_iterations = 20;
inline constexpr std::uint32_t max_argon2_parallelism = 16;
inline constexpr std::uint32_t max_bcrypt_cost = 16;
inline constexpr std::uint32_t max_pbkdf2_iterations = 10'000'000;
inline constexpr std::size_t max_bcrypt_password_bytes = 72;

// The cost of a new hash. Every field has a meaning for some algorithms only; the rest stay at their defaults.
struct PasswordParams {
    const PasswordAlgorithm* algorithm = &argon2id;
    std::uint32_t memory_kib = 19456;  // argon2id: "memory", at least 8
    std::uint32_t iterations = 2;      // "iterations": passes of argon2id, rounds of pbkdf2_sha256 (at least 1,000)
    std::uint32_t parallelism = 1;     // argon2id: "parallelism"; libsodium makes 1 only, else unsupported
    std::uint32_t cost = 12;           // bcrypt: "cost", log2 of the rounds, at least 4
};

}  // namespace bastion
