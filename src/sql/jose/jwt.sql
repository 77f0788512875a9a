
-- JSON Web Tokens with keys of the caller. Tokens of the extension itself are made in key.sql and read by authenticate().

CREATE FUNCTION bastion.jwt_sign(claims jsonb, key jsonb, header jsonb DEFAULT '{}') RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwt_sign';
COMMENT ON FUNCTION bastion.jwt_sign(jsonb, jsonb, jsonb) IS
'A signed compact JWT (RFC 7519, RFC 7515) of the claims. The key is a private or secret JWK (RFC 7517), or PEM as for jws_verify(). The header may add typ, kid and the like; alg follows from the key, or from the header where an RSA or HMAC key does not say it. Dates are seconds since 1970. SQLSTATE 22023 for claims, a key or a header that make no token, 54000 for claims or a key nested beyond 64 levels and for a token above 16 KiB.';
SELECT bastion_internal.callable_by('bastion.jwt_sign(jsonb, jsonb, jsonb)', 'application');

CREATE FUNCTION bastion.jwt_verify(token text, keys jsonb, options jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwt_verify';
COMMENT ON FUNCTION bastion.jwt_verify(text, jsonb, jsonb) IS
'The claims of a JWT whose signature and dates hold (RFC 7519, RFC 8725). keys as for jws_verify(). Options: iss, aud (text or array), leeway and max_age (seconds), algorithms (array), typ, allow_missing_exp (boolean), now (seconds since 1970). Every refusal is SQLSTATE 28000 "invalid token", its reason stands in the server log alone; 22023 for keys or options that make no sense, 54000 for keys beyond 64 levels of nesting, 1000 keys or 256 KiB.';
SELECT bastion_internal.callable_by('bastion.jwt_verify(text, jsonb, jsonb)', 'application');

CREATE FUNCTION bastion.jws_verify(token text, keys jsonb, algorithms text[] DEFAULT NULL) RETURNS bytea
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jws_verify';
COMMENT ON FUNCTION bastion.jws_verify(text, jsonb, text[]) IS
'The payload of a compact JWS (RFC 7515, RFC 7518, RFC 8037) whose signature holds; it need not be JSON and no claim is looked at. Algorithms: HS, RS, PS and ES with 256, 384 and 512, and EdDSA with Ed25519. keys is one JWK, a JWK Set (RFC 7517), or PEM: {"pem": "-----BEGIN PUBLIC KEY-----…"} in place of a JWK, with kid, alg, use and key_ops beside it as wanted, or a JSON string that holds PEM and nothing else; PEM may be PUBLIC KEY, PRIVATE KEY (PKCS #8, no password), RSA PUBLIC KEY, RSA PRIVATE KEY or EC PRIVATE KEY. A key that does not say its alg verifies only where algorithms names those accepted. A kid in the token selects the key that has it and no other; a token without kid verifies when exactly one key could. Every refusal is SQLSTATE 28000 "invalid token", its reason stands in the server log alone; 22023 for keys or algorithms that make no sense, among them RSA keys under 2048 bits, HMAC keys shorter than the hash, a kid that occurs twice, and symmetric beside public keys; 0A000 for PEM that JWS has no use for; 54000 as for jwt_verify(). NULL when token or keys is.';
SELECT bastion_internal.callable_by('bastion.jws_verify(text, jsonb, text[])', 'application');

CREATE FUNCTION bastion.jwk_generate(algorithm text, kid text DEFAULT NULL, bits integer DEFAULT NULL) RETURNS jsonb
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwk_generate';
COMMENT ON FUNCTION bastion.jwk_generate(text, text, integer) IS
'A new private or secret JWK (RFC 7517) for a JWS algorithm, with its alg, "use": "sig" and kid: the one given, else the thumbprint of RFC 7638, or a random one for a symmetric key. bits is for RSA: 2048 (the default) to 4096. SQLSTATE 0A000 for an unknown algorithm, 22023 for bits out of range and a kid past 256 bytes. NULL when algorithm is.';
SELECT bastion_internal.callable_by('bastion.jwk_generate(text, text, integer)', 'application');

CREATE FUNCTION bastion.jwk_public(key jsonb) RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwk_public';
COMMENT ON FUNCTION bastion.jwk_public(jsonb) IS
'The public half of a JWK, or of each key of a JWK Set, also given as PEM: type, material, alg, use, kid, and key_ops turned from signing to verifying; other members are left out. SQLSTATE 0A000 for a symmetric key and for types and curves that JWS has no use for, 22023 for what is no key, 54000 as for jwt_verify().';
SELECT bastion_internal.callable_by('bastion.jwk_public(jsonb)', 'application');

CREATE FUNCTION bastion.jwk_thumbprint(key jsonb) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwk_thumbprint';
COMMENT ON FUNCTION bastion.jwk_thumbprint(jsonb) IS
'The thumbprint of a public or private JWK, also given as PEM: base64url of SHA-256 (RFC 7638). SQLSTATE 0A000 for a symmetric key, whose thumbprint would give something of it away, and for types and curves that JWS has no use for; 22023 for what is no key, 54000 as for jwt_verify().';
SELECT bastion_internal.callable_by('bastion.jwk_thumbprint(jsonb)', 'application');
