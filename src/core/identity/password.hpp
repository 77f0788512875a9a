// Password hashing and verification, the one entrance to the formats beside it (<noun>_hash). Called by
// src/pg/identity/password_fn.cpp and the login path. Keeps no state between calls.
//
// Verified text forms; the salt and hash are in the base64 of their program:
//   $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<hash>, $argon2i$ alike, and Django's argon2$ before either
//       the PHC string, version 19 only, without a secret and associated data; salt of at least 8 bytes, hash of 16
//   $2a$, $2b$, $2x$, $2y$, and Django's bcrypt$ before them
//       bcrypt; the first 72 bytes of a password count
//   bcrypt_sha256$$2b$... of Django, $bcrypt-sha256$ of passlib in its versions 1 and 2
//       bcrypt over a digest, so that the whole password counts
//   $pbkdf2$, $pbkdf2-sha256$ and $pbkdf2-sha512$ of passlib, pbkdf2_sha1$ and pbkdf2_sha256$ of Django,
//   pbkdf2:sha1:, pbkdf2:sha256: and pbkdf2:sha512: of Werkzeug with iterations, base64 of ASP.NET Core Identity (2, 3)
//   $bastion-pbkdf2-sha256$i=<rounds>$<salt>$<hash>
//       a raw PBKDF2-HMAC-SHA-256 of 32 bytes and its salt (8 to 64 bytes), both in padded standard base64
//   $scrypt$ of passlib, scrypt$ of Django, scrypt: of Werkzeug,
//   $firescrypt$ln=<log2 N>,r=<r>,p=<p>$<salt>$<hash>$<salt separator>$<signer key> of Firebase exports
//   $5$, $6$, $7$, $y$, $gy$ of crypt(5); {SSHA}, {SSHA256}, {SSHA512} of directory servers; $P$, $H$ of phpass
// Anything else verifies as false. A hash whose parameters lie above a ceiling is an error instead, before any work.
#pragma once

#include <optional>
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

// A new hash with a fresh salt, of the prepared password (password_text.hpp), or of its bytes when it is not UTF-8. The empty
// password and control characters are refused; for bcrypt also more than 72 bytes, which it would silently ignore
// (invalid_argument). busy when there is no memory for Argon2.
Result<std::string> password_hash(std::string_view password, const PasswordParams& params);

// What of a password belongs to a hash: its prepared text, or only the bytes that the client sent, as in hashes of systems
// that do not prepare passwords.
enum class PasswordMatch { none, prepared, bytes };

// Existing bcrypt hashes keep their classical meaning: the first 72 bytes count (a password with NUL never matches).
// Tries both where they differ, so that such a password costs twice. Errors: limit_exceeded for a password or parameters
// above a ceiling, unsupported for a known hash that cannot be verified, busy without memory.
Result<PasswordMatch> password_match(std::string_view password, std::string_view hash);

// Whether either belongs to the hash.
Result<bool> password_verify(std::string_view password, std::string_view hash);

// What the hash says of itself; empty for text that is no hash of a known format.
[[nodiscard]] std::optional<HashDescription> describe_password_hash(std::string_view hash);

// True when the hash is of another algorithm, malformed, or weaker in any parameter, its salt and length included.
[[nodiscard]] bool password_needs_rehash(std::string_view hash, const PasswordParams& wanted);

// Does the work of a match against a hash of these parameters, and is always none: an unknown user costs as much as a known
// one.
Result<PasswordMatch> password_dummy_match(std::string_view password, const PasswordParams& params);

// The check of a login: password_match(), or password_dummy_match() for text that is no hash or cannot be verified.
// Nothing of a stored hash is in an error: busy, or limit_exceeded for the password.
Result<PasswordMatch> password_check(std::string_view password, std::string_view hash, const PasswordParams& otherwise);

// The description as a JSON object: scheme, parameters, password_bytes (null for all), verifies, obstacle and
// needs_rehash; "null" for text that is no hash.
std::string password_format_json(std::string_view hash, const PasswordParams& wanted);

}  // namespace bastion
