
-- JSON Web Tokens with keys that the caller supplies. signing_key.sql makes the extension's own tokens, which authenticate() reads.

CREATE FUNCTION bastion.jwt_sign(claims jsonb, key jsonb, header jsonb DEFAULT '{}') RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwt_sign';
COMMENT ON FUNCTION bastion.jwt_sign(jsonb, jsonb, jsonb) IS
'Signs the claims as a compact JWT (RFC 7519, RFC 7515).
key is a private or secret JWK (RFC 7517), or PEM as for jws_verify(). header may add members such as typ and kid. alg follows from the key, or from the header if an RSA or HMAC key does not name it. Dates are seconds since 1970.
SQLSTATE 22023 for invalid claims, key or header, 54000 for claims or a key nested beyond 64 levels and for a token above 16 KiB.';
SELECT bastion_internal.callable_by('bastion.jwt_sign(jsonb, jsonb, jsonb)', 'application');

CREATE FUNCTION bastion.jwt_verify(token text, keys jsonb, options jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwt_verify';
COMMENT ON FUNCTION bastion.jwt_verify(text, jsonb, jsonb) IS
'Verifies signature and dates of a JWT (RFC 7519, RFC 8725), and returns its claims.
keys as for jws_verify().
Options: iss, aud (text or array), leeway and max_age (seconds), algorithms (array), typ, allow_any_aud and allow_missing_exp (boolean), now (seconds since 1970). Without aud, a token that names audiences is refused (RFC 7519 section 4.1.3); allow_any_aud accepts it.
SQLSTATE 28000 "invalid token" for every refusal, with the reason only in the server log; 22023 for invalid keys or options, 54000 for keys beyond 64 levels of nesting, 1000 keys or 256 KiB, 22P05 for claims with a character that the encoding of the database lacks.';
SELECT bastion_internal.callable_by('bastion.jwt_verify(text, jsonb, jsonb)', 'application');

CREATE FUNCTION bastion.jws_verify(token text, keys jsonb, algorithms text[] DEFAULT NULL) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jws_verify';
COMMENT ON FUNCTION bastion.jws_verify(text, jsonb, text[]) IS
'Verifies the signature of a compact JWS (RFC 7515, RFC 7518, RFC 8037), and returns its payload.
The payload need not be JSON, and no claim is checked.
Algorithms: HS, RS, PS and ES with 256, 384 and 512, and EdDSA, or Ed25519 (RFC 9864), which mean the same. keys is one JWK, a JWK Set (RFC 7517), or PEM: {"pem": "-----BEGIN PUBLIC KEY-----..."} in place of a JWK, optionally with kid, alg, use and key_ops, or a JSON string that holds only PEM. PEM may be PUBLIC KEY, PRIVATE KEY (PKCS #8, no password), RSA PUBLIC KEY, RSA PRIVATE KEY, EC PRIVATE KEY or CERTIFICATE (X.509). Of a certificate the public key and the dates count; chain, name and revocation are not checked. A key verifies only from its member nbf until its member exp (seconds since 1970), or between the dates of its certificate. A key without alg verifies only if algorithms names the accepted ones. Invalid keys of a set are skipped (RFC 7517 section 5), and so is each after the first with the same kid and type; one must be left. A kid in the token selects the key with that kid, and of the type that the algorithm needs, and no other; but an only key without a kid verifies every token. A token without kid verifies only if exactly one key is suitable. NULL token or keys give NULL.
SQLSTATE 28000 "invalid token" for every refusal, with the reason only in the server log; 22023 for invalid keys or algorithms, among them RSA keys under 2048 bits, HMAC keys shorter than the hash, and symmetric keys together with public ones; 0A000 for PEM of a kind that JWS does not use; 54000 as for jwt_verify().';
SELECT bastion_internal.callable_by('bastion.jws_verify(text, jsonb, text[])', 'application');

CREATE FUNCTION bastion.jwk_generate(algorithm text, kid text DEFAULT NULL, bits integer DEFAULT NULL) RETURNS jsonb
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwk_generate';
COMMENT ON FUNCTION bastion.jwk_generate(text, text, integer) IS
'Generates a private or secret JWK (RFC 7517) for a JWS algorithm, with alg, "use": "sig" and kid.
kid is the one given, else the thumbprint of RFC 7638, or random for a symmetric key. bits is for RSA: 2048 (the default) to 4096. A NULL algorithm gives NULL.
SQLSTATE 0A000 for an unknown algorithm, 22023 for bits out of range and a kid over 256 bytes.';
SELECT bastion_internal.callable_by('bastion.jwk_generate(text, text, integer)', 'application');

CREATE FUNCTION bastion.jwk_public(key jsonb) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwk_public';
COMMENT ON FUNCTION bastion.jwk_public(jsonb) IS
'The public half of a JWK, or of each key of a JWK Set, which may be PEM too.
It has type, material, alg, use, kid, nbf, exp, and key_ops changed from signing to verifying; other members are left out.
SQLSTATE 0A000 for a symmetric key and for types and curves that JWS does not use, 22023 for an invalid key, 54000 as for jwt_verify().';
SELECT bastion_internal.callable_by('bastion.jwk_public(jsonb)', 'application');

CREATE FUNCTION bastion.jwk_thumbprint(key jsonb) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwk_thumbprint';
COMMENT ON FUNCTION bastion.jwk_thumbprint(jsonb) IS
'The thumbprint of a public or private JWK, which may be PEM too: base64url of SHA-256 (RFC 7638).
SQLSTATE 0A000 for a symmetric key, whose thumbprint would reveal information about it, and for types and curves that JWS does not use; 22023 for an invalid key, 54000 as for jwt_verify().';
SELECT bastion_internal.callable_by('bastion.jwk_thumbprint(jsonb)', 'application');
