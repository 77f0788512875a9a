-- Issuers
-- Tokens of an identity provider outside. An issuer has keys, audiences and algorithms; a subject of it is a user here, linked by
-- hand or made at the first token.
-- functions: issuer_add issuer_login_set id_token_options login_id_token identity_link identity_links identity_unlink issuer_keys_set issuer_disable issuer_remove identity_add identity_remove

SELECT bastion.jwk_generate('ES256', kid => 'idp-1') AS key \gset
SELECT bastion.issuer_add('https://idp.example', bastion.jwk_public(:'key'), audiences => '{my-app}', algorithms => '{ES256}',
                          mapping => '{"tenant": "org"}');
SELECT id AS bob_id FROM bastion.users WHERE email = 'bob@acme.example' \gset
SELECT bastion.identity_add('https://idp.example', 'employee-7', :'bob_id');
SELECT bastion.jwt_sign(jsonb_build_object('iss', 'https://idp.example', 'sub', 'employee-7', 'aud', 'my-app', 'org', 'acme',
       'exp', extract(epoch FROM now())::bigint + 60), :'key') AS token \gset
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'token') \gset
SELECT me #>> '{user,email}' AS email, me #>> '{tenant,slug}' AS tenant, bastion.claims() ->> 'sub' AS subject FROM bastion_api.me() me;
COMMIT;
RESET ROLE;
SELECT bastion.issuer_disable('https://idp.example');
SELECT issuer, enabled FROM bastion.issuers;
