// Password hashing and verification, the one entrance to the algorithms beside it (argon2_hash, bcrypt_hash,
// pbkdf2_hash). Called by src/pg/identity/password_fn.cpp and the login path. Keeps no state between calls.
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

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/identity/password_algorithm.hpp"

namespace bastion {

// 'argon2id', 'bcrypt' or 'pbkdf2-sha256' (or 'pbkdf2_sha256'); else invalid_argument.
Result<const PasswordAlgorithm*> find_password_algorithm(std::string_view name);

// What a new hash costs by default: Argon2id m=19456 t=2 p=1, bcrypt 12, PBKDF2-SHA256 600,000.
PasswordParams default_password_params(const PasswordAlgorithm& algorithm);

// A JSON object of options; members that the algorithm does not have, and values below its minimum, are
// invalid_argument; values above a ceiling limit_exceeded. parse_password_options(algorithm, "{}") is the default.
Result<PasswordParams> parse_password_options(const PasswordAlgorithm& algorithm, std::string_view json);

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
