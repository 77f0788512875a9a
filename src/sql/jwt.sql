
-- JSON Web Tokens with keys of the caller. Tokens of the extension itself are made in key.sql and read by authenticate().

CREATE FUNCTION bastion.jwt_sign(claims jsonb, key jsonb, header jsonb DEFAULT '{}') RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwt_sign';
COMMENT ON FUNCTION bastion.jwt_sign(jsonb, jsonb, jsonb) IS
'A signed compact JWT (RFC 7519, RFC 7515) of the claims. The key is a JWK (RFC 7517): oct for HS256, HS384 and HS512, OKP with crv Ed25519 for EdDSA (RFC 8037). The header may add typ, kid and the like; alg follows from the key. Dates are seconds since 1970. SQLSTATE 22023 for claims, a key or a header that make no token, 54000 for claims or a key nested beyond 64 levels and for a token above 16 KiB.';

CREATE FUNCTION bastion.jwt_verify(token text, keys jsonb, options jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_jwt_verify';
COMMENT ON FUNCTION bastion.jwt_verify(text, jsonb, jsonb) IS
'The claims of a JWT whose signature and dates hold (RFC 7519, RFC 8725). keys is one JWK or a JWK Set (RFC 7517). Options: iss, aud (text or array), leeway and max_age (seconds), algorithms (array), typ, allow_missing_exp (boolean), now (seconds since 1970). Every refusal is SQLSTATE 28000 "invalid token", its reason stands in the server log alone; 22023 for keys or options that make no sense, 54000 for keys beyond 64 levels of nesting, 1000 keys or 256 KiB.';
