
-- Password hashing. The C functions read no tables; login.sql decides who may log in.

CREATE FUNCTION bastion.password_hash(password text, algorithm text DEFAULT 'argon2id', options jsonb DEFAULT '{}')
RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_hash';
COMMENT ON FUNCTION bastion.password_hash(text, text, jsonb) IS
'Makes a salted hash of the password.
Algorithms: argon2id (RFC 9106, as a PHC string; options memory in KiB, default 19456, and iterations, default 2), bcrypt (option cost, default 12; refuses passwords over 72 bytes), pbkdf2-sha256 (RFC 8018, in the text form of passlib; option iterations, default 600000).
SQLSTATE 22023 for an empty password, an unknown algorithm or option, 54000 above a limit (password of 4096 bytes, memory of 1 GiB, 20 iterations, cost 16, 10000000 iterations of PBKDF2), 53400 when bastion.max_concurrent_hashes are running.';
SELECT bastion_internal.callable_by('bastion.password_hash(text, text, jsonb)', 'application');

CREATE FUNCTION bastion.password_verify(password text, hash text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_verify';
COMMENT ON FUNCTION bastion.password_verify(text, text) IS
'Whether the password matches the hash.
Formats: Argon2id and Argon2i PHC strings, bcrypt $2a$ $2b$ $2y$, PBKDF2-SHA256 in the form of passlib or as $bastion-pbkdf2-sha256$i=<iterations>$<salt>$<hash>, salt and hash of another system in padded base64. False for a malformed or unknown hash.
SQLSTATE 54000 when the password or the parameters in the hash exceed the limits of password_hash(), 53400 when bastion.max_concurrent_hashes are running.';
SELECT bastion_internal.callable_by('bastion.password_verify(text, text)', 'application');

CREATE FUNCTION bastion.password_needs_rehash(hash text) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_password_needs_rehash';
COMMENT ON FUNCTION bastion.password_needs_rehash(text) IS
'Whether the hash is weaker than a hash that password_hash(password) makes now, or in another format. True for a malformed hash.';
SELECT bastion_internal.callable_by('bastion.password_needs_rehash(text)', 'application');

CREATE FUNCTION bastion_internal.password_check(password text, hash text) RETURNS boolean
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_check';
COMMENT ON FUNCTION bastion_internal.password_check(text, text) IS
'password_verify() for a login. A NULL hash (unknown account) costs one hash with the default parameters and gives false, so that timing does not distinguish an unknown account from a wrong password. A NULL password gives false.
SQLSTATE 54000 and 53400 as password_verify().';
