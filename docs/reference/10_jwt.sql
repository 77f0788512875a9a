-- JWT and JWK
-- Tokens of the application's own, signed and verified with keys that it brings: JWS, JWT, JWK and JWK Sets (RFC 7515 to 7519).
-- functions: jwt_sign jwt_verify jws_verify jwk_generate jwk_public jwk_thumbprint

SET ROLE app;
SELECT bastion.jwk_generate('ES256', kid => 'shop-1') AS key \gset
SELECT bastion.jwt_sign(jsonb_build_object('iss', 'shop', 'sub', 'order-7', 'exp', extract(epoch FROM now())::bigint + 60), :'key') AS token \gset
SELECT bastion.jwk_public(:'key') AS public_key \gset
SELECT :'public_key'::jsonb ? 'd' AS is_private, :'public_key'::jsonb ->> 'crv' AS curve;
SELECT bastion.jwt_verify(:'token', :'public_key', '{"algorithms": ["ES256"], "iss": "shop"}') ->> 'sub' AS subject;
