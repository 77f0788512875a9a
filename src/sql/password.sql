
-- Password hashing. The C functions do not look at tables; who may log in is decided in identity.sql.

CREATE FUNCTION bastion.password_hash(password text, algorithm text DEFAULT 'argon2id', options jsonb DEFAULT '{}')
RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_hash';
COMMENT ON FUNCTION bastion.password_hash(text, text, jsonb) IS
'A new salted hash of the password. Algorithms: argon2id (RFC 9106; PHC string; options memory_kib, iterations, parallelism; default 19456, 2, 1), bcrypt (option cost; refuses passwords over 72 bytes), pbkdf2_sha256 (RFC 8018; option iterations). SQLSTATE 22023 for an unknown algorithm or option, 54000 above a documented ceiling, 53400 when bastion.max_concurrent_hashes are running.';

CREATE FUNCTION bastion.password_verify(password text, hash text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_verify';
COMMENT ON FUNCTION bastion.password_verify(text, text) IS
'Whether the password belongs to the hash: Argon2id and Argon2i PHC strings, bcrypt $2a$ $2b$ $2y$, PBKDF2-SHA256. A malformed or unknown hash gives false. SQLSTATE 54000 for a hash whose parameters exceed the documented ceilings, 53400 when bastion.max_concurrent_hashes are running.';

CREATE FUNCTION bastion.password_needs_rehash(hash text) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_password_needs_rehash';
COMMENT ON FUNCTION bastion.password_needs_rehash(text) IS
'Whether the hash is weaker than, or another format than, what password_hash(password) makes today. True for a malformed hash.';

CREATE FUNCTION bastion.password_check(password text, hash text) RETURNS boolean
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 100000
AS 'MODULE_PATHNAME', 'bastion_password_check';
COMMENT ON FUNCTION bastion.password_check(text, text) IS
'password_verify() for a login: a NULL hash (no such account) costs one hash of the default parameters and gives false, so that an unknown account cannot be told from a wrong password by its time. A NULL password gives false.';
