
-- Password hashing. The C functions read no tables; login.sql decides who may log in.

CREATE FUNCTION bastion.password_hash(password text, algorithm text DEFAULT 'argon2id', options jsonb DEFAULT '{}')
RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_hash';
COMMENT ON FUNCTION bastion.password_hash(text, text, jsonb) IS
'Makes a salted hash of the password.
Algorithms: argon2id (RFC 9106, as a PHC string; options memory in KiB, default 19456, and iterations, default 2), bcrypt (option cost, default 12; refuses passwords over 72 bytes), pbkdf2-sha256 (RFC 8018, in the text form of passlib; option iterations, default 600000).
The password is prepared as RFC 8265 says (OpaqueString): normalised to NFC, with a plain space for every other one, so that it does not matter how a keyboard composes characters.
SQLSTATE 22023 for an empty password, control characters in it, an unknown algorithm or option, 54000 above a limit (password of 4096 bytes, memory of 1 GiB, 20 iterations, cost 16, 10000000 iterations of PBKDF2), 53400 when bastion.max_concurrent_hashes are running.';
SELECT bastion_internal.callable_by('bastion.password_hash(text, text, jsonb)', 'application');

CREATE FUNCTION bastion_internal.password_hash_if_free(password text) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_hash_if_free';
COMMENT ON FUNCTION bastion_internal.password_hash_if_free(text) IS
'password_hash(password), and NULL when bastion.max_concurrent_hashes are running.
SQLSTATE 22023, 54000 as password_hash().';

CREATE FUNCTION bastion.password_verify(password text, hash text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_verify';
COMMENT ON FUNCTION bastion.password_verify(text, text) IS
'Whether the password matches the hash: as password_hash() prepares it, else as the bytes that were sent, as other systems hash them.
Formats: Argon2id and Argon2i PHC strings, bcrypt $2a$ $2b$ $2x$ $2y$; those of Django, Werkzeug and passlib with PBKDF2, scrypt, Argon2 or bcrypt; those of crypt: $5$ $6$ $7$ $y$ $gy$; {SSHA} {SSHA256} {SSHA512}; phpass $P$ $H$; ASP.NET Core Identity, versions 2 and 3; $firescrypt$ln=<log2 N>,r=<r>,p=<p>$<salt>$<hash>$<salt separator>$<signer key> for exports of Firebase; $bastion-pbkdf2-sha256$i=<iterations>$<salt>$<hash>, salt and hash of another system in padded base64. False for a malformed or unknown hash; password_format() tells.
SQLSTATE 54000 when the password or the parameters in the hash exceed the limits of password_hash() (scrypt: 1 GiB and N times r times p of 2^23; crypt: 5000000 rounds; phpass: 2^24), 0A000 for a hash that needs more than its text, 53400 when bastion.max_concurrent_hashes are running.';
SELECT bastion_internal.callable_by('bastion.password_verify(text, text)', 'application');

CREATE FUNCTION bastion.password_needs_rehash(hash text) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_password_needs_rehash';
COMMENT ON FUNCTION bastion.password_needs_rehash(text) IS
'Whether the hash is weaker than a hash that password_hash(password) makes now, or in another format. True for a malformed hash.';
SELECT bastion_internal.callable_by('bastion.password_needs_rehash(text)', 'application');

CREATE FUNCTION bastion.password_format(hash text) RETURNS jsonb
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_password_format';
COMMENT ON FUNCTION bastion.password_format(text) IS
'What a stored hash says of itself, before a migration for example.
Returns {"scheme", "parameters", "password_bytes", "verifies", "obstacle", "needs_rehash"}: password_bytes is the number of bytes of a password that count, 72 for bcrypt and null for all; obstacle says why the hash cannot be verified: a parameter above a limit, or a secret that the text does not hold. needs_rehash as password_needs_rehash(). NULL for text that is no hash of a known format.';
SELECT bastion_internal.callable_by('bastion.password_format(text)', 'application');

CREATE FUNCTION bastion_internal.is_password_hash(hash text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((bastion.password_format(hash) ->> 'verifies')::boolean, false)
$$;
COMMENT ON FUNCTION bastion_internal.is_password_hash(text) IS
'Whether password_verify() can verify passwords with this hash.';

CREATE FUNCTION bastion_internal.password_length(password text, in_bytes boolean DEFAULT false) RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_password_length';
COMMENT ON FUNCTION bastion_internal.password_length(text, boolean) IS
'The number of characters of a password as password_hash() prepares it; in_bytes: of its bytes, or of those that were sent where these are more.
NULL for a password that password_hash() refuses: one with control characters or over 4096 bytes.';

CREATE FUNCTION bastion_internal.password_check(password text, hash text) RETURNS text
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_check';
COMMENT ON FUNCTION bastion_internal.password_check(text, text) IS
'password_verify() for a login: none; prepared, as password_hash() prepares it; bytes, when only the bytes that were sent match; or busy, when bastion.max_concurrent_hashes are running and nothing was checked.
A NULL hash (unknown account), and one that cannot be verified, costs one hash with the default parameters and gives none. A NULL password gives none.
SQLSTATE 54000 for a password over 4096 bytes.';
