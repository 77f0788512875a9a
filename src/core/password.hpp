// Password hashing and verification, the one entrance to the algorithm files beside it (argon2_hash, bcrypt_hash,
// pbkdf2_hash). Called by src/pg/password_fn.cpp and the login path. Nothing is kept between calls.
//
// Verified text forms:
//   $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<hash> and the same with $argon2i$
//       the PHC string, version 19 only; salt of at least 8 bytes, hash of at least 16
//   $2a$, $2b$, $2y$
//       bcrypt; $2x$, the variant with the sign-extension bug, is false
//   $pbkdf2-sha256$<rounds>$<salt>$<checksum>
//       passlib's form, in its adapted base64 ("." for "+", no padding)
//   $bastion-pbkdf2-sha256$i=<rounds>$<salt>$<hash>
//       a raw PBKDF2-HMAC-SHA-256 of 32 bytes and its salt (8 to 64 bytes), both in padded standard base64
// Anything else verifies as false. A hash whose parameters lie above a ceiling is an error instead, before any work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace bastion {

enum class PasswordAlgorithm { argon2id, bcrypt, pbkdf2_sha256 };

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
    PasswordAlgorithm algorithm = PasswordAlgorithm::argon2id;
    std::uint32_t memory_kib = 19456;  // argon2id: "memory", at least 8
    std::uint32_t iterations = 2;      // "iterations": passes of argon2id, rounds of pbkdf2_sha256 (at least 1,000)
    std::uint32_t parallelism = 1;     // argon2id: "parallelism"; libsodium makes 1 only, else unsupported
    std::uint32_t cost = 12;           // bcrypt: "cost", log2 of the rounds, at least 4
};

// 'argon2id', 'bcrypt' or 'pbkdf2-sha256' (or 'pbkdf2_sha256'); else invalid_argument.
Result<PasswordAlgorithm> parse_password_algorithm(std::string_view name);

// The default cost of an algorithm: Argon2id m=19456 t=2 p=1, bcrypt 12, PBKDF2-SHA256 600,000.
PasswordParams default_password_params(PasswordAlgorithm algorithm);

// A JSON object of options; members that the algorithm does not have, and values below its minimum, are
// invalid_argument; values above a ceiling limit_exceeded. parse_password_options(algorithm, "{}") is the default.
Result<PasswordParams> parse_password_options(PasswordAlgorithm algorithm, std::string_view json);

// A new hash with a fresh salt. The empty password is refused; for bcrypt also NUL and more than 72 bytes, which it
// would silently ignore (invalid_argument). busy when there is no memory for Argon2.
Result<std::string> password_hash(std::string_view password, const PasswordParams& params);

// Whether the password belongs to the hash. Existing bcrypt hashes keep their classical meaning: the first 72 bytes
// count (a password with NUL never matches). Errors: limit_exceeded for a password or parameters above a ceiling, busy
// when there is no memory for Argon2.
Result<bool> password_verify(std::string_view password, std::string_view hash);

// True when the hash is of another algorithm, malformed, or weaker in any parameter, its salt and length included.
[[nodiscard]] bool password_needs_rehash(std::string_view hash, const PasswordParams& wanted);

// Does the work of verifying against a hash of these parameters, and is always false: an unknown user costs as much as
// a known one.
Result<bool> password_dummy_verify(std::string_view password, const PasswordParams& params);

}  // namespace bastion
