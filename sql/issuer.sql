-- External issuers, as an operator sets them up and as their users meet them; and the rotation of the own signing key.
\set VERBOSITY terse
SET client_min_messages = error;
SELECT coalesce(max(id), 0) AS before FROM bastion.events \gset
SELECT bastion.jwk_generate('ES256', 'k1') AS key, bastion.jwk_generate('EdDSA', 'k2') AS key2, bastion.jwk_generate('HS256') AS hmac,
       bastion.jwk_generate('ES256', 'k1') AS stranger \gset
CREATE FUNCTION test.issued(key jsonb, claims jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT bastion.jwt_sign(jsonb_build_object('iss', 'https://idp.example', 'aud', 'app', 'sub', 'alice',
        'exp', floor(extract(epoch FROM now())) + 600, 'iat', floor(extract(epoch FROM now()))) || claims, key)
$$;
SELECT answer -> 'tenant' ->> 'id' AS tenant, answer -> 'user' ->> 'id' AS owner
FROM bastion_api.signup('owner@issuer.example', 'correct horse', 'Issuer test', 'Owner', 'issuer-owner') answer \gset
SELECT slug AS slug FROM bastion.tenants WHERE id = :'tenant' \gset

-- what is refused
SELECT test.error(format('SELECT bastion.issuer_add(%L, %L, %L, %L%s)', issuer, keys, audiences, algorithms, further))
FROM (VALUES
    (NULL, :'key', '{app}', '{ES256}', ''), ('https://idp.example', NULL, '{app}', '{ES256}', ''),
    ('https://idp.example', :'key', NULL, '{ES256}', ''), ('https://idp.example', :'key', '{}', '{ES256}', ''),
    ('https://idp.example', :'key', '{app}', NULL, ''),
    ('https://idp.example', :'key', '{app}', '{none}', ''), ('https://idp.example', :'key', '{app}', '{HS256}', ''),
    ('https://idp.example', :'hmac', '{app}', '{ES256}', ''), ('https://idp.example', '{"keys": []}', '{app}', '{ES256}', ''),
    ('https://idp.example', '{}', '{app}', '{ES256}', ''), ('with space', :'key', '{app}', '{ES256}', ''),
    ('', :'key', '{app}', '{ES256}', ''), (bastion_internal.setting('bastion.issuer'), :'key', '{app}', '{ES256}', ''),
    ('https://idp.example', :'key', '{app}', '{ES256}', ', leeway => -1'), ('https://idp.example', :'key', '{app}', '{ES256}', ', max_age => -1'),
    ('https://idp.example', :'key', '{app}', '{ES256}', ', required_claims => ''{"a": []}'''),
    ('https://idp.example', :'key', '{app}', '{ES256}', ', mapping => ''{"who": "sub"}''')) c (issuer, keys, audiences, algorithms, further);
SELECT test.error(format('SELECT bastion.issuer_add(%L, %L, ARRAY[''app'', NULL], %L)', 'https://idp.example', :'key', '{ES256}'));
SELECT test.error(format('SELECT bastion.%s', call))
FROM unnest(ARRAY['issuer_keys_set(''no'', ''{}'')', 'issuer_disable(''no'')', 'issuer_remove(''no'')', 'identity_add(''no'', ''x'', gen_random_uuid())']) call;
SET ROLE regress_app;
SELECT test.error(format('SELECT bastion.%s', call))
FROM unnest(ARRAY['issuer_add(''x'', ''{}'', ''{a}'', ''{ES256}'')', 'issuer_keys_set(''x'', ''{}'')', 'issuer_disable(''x'')', 'issuer_remove(''x'')',
    'identity_add(''x'', ''x'', gen_random_uuid())', 'identity_remove(''x'', ''x'')', 'signing_key_rotate()', 'token_issue(gen_random_uuid(), gen_random_uuid())']) call;
SELECT test.error('SELECT * FROM bastion.issuers'), test.error('SELECT * FROM bastion.user_identities');
RESET ROLE;

-- an issuer; private parts are not kept
SELECT bastion.issuer_add('https://idp.example', :'key', '{app}', '{ES256,EdDSA}', leeway => 5, required_claims => '{"hd": "corp"}',
                          mapping => '{"tenant": "org", "role": "role", "email": "email", "name": "name"}');
SELECT keys -> 'keys' -> 0 ? 'd' AS private, options, required_claims, mapping, create_users, enabled FROM bastion.issuers;
SELECT test.error(format('SELECT bastion.issuer_add(%L, %L, %L, %L)', 'https://idp.example', :'key', '{app}', '{ES256}'));

-- a token that is right in all but its subject, which nobody linked; then linked
SELECT test.issued(:'key', '{"hd": "corp"}') AS token, test.issued(:'stranger', '{"hd": "corp"}') AS forged, test.issued(:'key') AS other_corp,
       test.issued(:'key', '{"hd": "corp", "aud": "other"}') AS other_audience, test.issued(:'key', '{"hd": "corp", "exp": 1000}') AS expired,
       test.issued(:'key', '{"hd": "corp", "iss": "https://other.example"}') AS other_issuer,
       test.issued(:'key', '{"hd": "corp", "iss": "pg_bastion"}') AS own_issuer, test.issued(:'key2', '{"hd": "corp"}') AS token2,
       test.issued(:'key', '{"hd": "corp", "org": "nowhere"}') AS other_tenant \gset
SET ROLE regress_app;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'token'));
RESET ROLE;
SELECT bastion.identity_add('https://idp.example', 'alice', :'owner');
SELECT test.error(format('SELECT bastion.identity_add(%L, %L, %L)', 'https://idp.example', 'alice', :'owner')),
       test.error(format('SELECT bastion.identity_add(%L, %L, %L)', 'https://idp.example', '', :'owner')),
       test.error(format('SELECT bastion.identity_add(%L, %L, %L)', 'https://idp.example', 'nobody', gen_random_uuid()));
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'token', :'tenant') = :'owner' AS same, bastion.tenant_id() = :'tenant' AS tenant, bastion.claims() ->> 'hd' AS hd,
       bastion.session_id() IS NULL AS no_session, bastion.auth_level();
COMMIT;
BEGIN;
SELECT FROM set_config('bastion.token', :'token', true) token, set_config('bastion.tenant', :'tenant', true) tenant;
SELECT bastion.user_id() = :'owner' AS same;
COMMIT;
-- each refusal looks the same
SELECT name, test.error(format('SELECT bastion.authenticate(%L, %L)', token, :'tenant'))
FROM (VALUES ('forged', :'forged'), ('required claim', :'other_corp'), ('audience', :'other_audience'), ('expired', :'expired'),
             ('issuer', :'other_issuer'), ('own issuer', :'own_issuer'), ('key', :'token2'), ('tenant', :'other_tenant')) c (name, token);
RESET ROLE;

-- keys overlap, and then the old one is gone at once, also for what was verified before
SELECT bastion.issuer_keys_set('https://idp.example', jsonb_build_object('keys', jsonb_build_array(:'key'::jsonb, :'key2'::jsonb)));
SET ROLE regress_app;
SELECT bastion.authenticate(:'token', :'tenant') = :'owner' AS old_key;
SELECT bastion.authenticate(:'token2', :'tenant') = :'owner' AS new_key;
RESET ROLE;
SELECT bastion.issuer_keys_set('https://idp.example', :'key2');
SET ROLE regress_app;
SELECT test.error(format('SELECT bastion.authenticate(%L, %L)', :'token', :'tenant')) AS old_key;
SELECT bastion.authenticate(:'token2', :'tenant') = :'owner' AS new_key;
RESET ROLE;
-- the keys of a savepoint go with it, and those of an earlier change in the transaction count again
BEGIN;
SELECT bastion.issuer_keys_set('https://idp.example', :'key2');
SAVEPOINT changed;
SELECT bastion.issuer_keys_set('https://idp.example', :'key');
SELECT bastion.authenticate(:'token', :'tenant') = :'owner' AS old_key,
       test.error(format('SELECT bastion.authenticate(%L, %L)', :'token2', :'tenant')) AS new_key;
ROLLBACK TO changed;
SELECT test.error(format('SELECT bastion.authenticate(%L, %L)', :'token', :'tenant')) AS old_key,
       bastion.authenticate(:'token2', :'tenant') = :'owner' AS new_key;
ROLLBACK;
-- an identity that was established ends with its key, its issuer, and its link
BEGIN;
SELECT bastion.authenticate(:'token2', :'tenant') = :'owner' AS new_key;
SELECT bastion.issuer_keys_set('https://idp.example', :'key');
SELECT test.error('SELECT bastion.user_id()');
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'token2', :'tenant') = :'owner' AS new_key;
SELECT bastion.issuer_disable('https://idp.example');
SELECT test.error('SELECT bastion.user_id()');
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'token2', :'tenant') = :'owner' AS new_key;
SELECT bastion.identity_add('https://idp.example', 'another', :'owner'), bastion.identity_remove('https://idp.example', 'another');
SELECT bastion.user_id() = :'owner' AS still_linked;
SELECT bastion.identity_remove('https://idp.example', 'alice');
SELECT test.error('SELECT bastion.user_id()');
ROLLBACK;
-- one of two subjects of the same user: its transactions end, those of the other one go on; also when it impersonates
SELECT bastion.identity_add('https://idp.example', 'al smith', :'owner');
SELECT test.issued(:'key2', '{"hd": "corp", "sub": "al smith"}') AS al \gset
BEGIN;
SELECT bastion.authenticate(:'token2', :'tenant') = :'owner' AS alice;
SELECT bastion.identity_remove('https://idp.example', 'alice');
SELECT test.error('SELECT bastion.user_id()') AS alice;
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'al', :'tenant') = :'owner' AS al;
SELECT bastion.identity_remove('https://idp.example', 'alice');
SELECT bastion.user_id() = :'owner' AS al;
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'token2', :'tenant') = :'owner' AS alice;
SELECT bastion.impersonate(:'owner', :'tenant', 'a test', false) = :'owner' AS impersonates;
SELECT bastion.identity_remove('https://idp.example', 'alice');
SELECT test.error('SELECT bastion.user_id()') AS alice;
ROLLBACK;
BEGIN;
SELECT set_config('bastion.token', :'token2', true) IS NOT NULL AS presented, set_config('bastion.tenant', :'tenant', true) IS NOT NULL AS chosen;
SELECT bastion.impersonate(:'owner', :'tenant', 'a test', false) = :'owner' AS impersonates, set_config('bastion.token', '', true);
SELECT bastion.identity_remove('https://idp.example', 'alice');
SELECT test.error('SELECT bastion.user_id()') AS alice;
ROLLBACK;
SELECT bastion.identity_remove('https://idp.example', 'al smith');
SELECT bastion.issuer_disable('https://idp.example');
SELECT test.error(format('SELECT bastion.authenticate(%L, %L)', :'token2', :'tenant')) AS disabled;
SELECT bastion.issuer_disable('https://idp.example', false);
SELECT bastion.authenticate(:'token2', :'tenant') = :'owner' AS enabled;
SELECT bastion.identity_remove('https://idp.example', 'alice'), bastion.identity_remove('https://idp.example', 'alice') AS again;
SELECT test.error(format('SELECT bastion.authenticate(%L, %L)', :'token2', :'tenant')) AS unlinked;
SELECT bastion.issuer_remove('https://idp.example');
SELECT test.error(format('SELECT bastion.authenticate(%L, %L)', :'token2', :'tenant')) AS removed;

-- users made at first sight, with tenant and role; never in a READ ONLY transaction; never joined by an address
SELECT bastion.issuer_add('https://idp.example', :'key', '{app}', '{ES256}', create_users => true,
                          mapping => '{"tenant": "org", "role": "role", "default_role": "viewer", "email": "email", "name": "name"}');
SELECT test.issued(:'key', jsonb_build_object('sub', 'bob', 'org', :'slug', 'email', 'Bob@Issuer.Example', 'email_verified', true, 'name', 'Bob')) AS bob,
       test.issued(:'key', jsonb_build_object('sub', 'eve', 'org', :'tenant', 'role', 'member', 'email', 'owner@issuer.example', 'email_verified', true)) AS eve,
       test.issued(:'key', '{"sub": "zoe", "email": "zoe@issuer.example"}') AS zoe,
       test.issued(:'stranger', '{"sub": "mallory"}') AS mallory \gset
SET ROLE regress_app;
BEGIN READ ONLY;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob')) AS read_only;
SELECT set_config('request.headers', jsonb_build_object('authorization', 'Bearer ' || :'bob')::text, true) IS NOT NULL AS request;
SELECT test.error('SELECT bastion.pre_request()') AS refused_with_a_record;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'mallory')) AS forged;
COMMIT;
BEGIN;
SELECT FROM set_config('bastion.token', :'bob', true);
SELECT test.error('SELECT bastion.user_id()') AS by_setting;
COMMIT;
SELECT bastion.authenticate(:'bob') = bastion.authenticate(:'bob') AS bob;
BEGIN READ ONLY;
SELECT bastion.authenticate(:'bob') IS NOT NULL AS bob, bastion.has_permission('tenant.members.read') AS member;
COMMIT;
SELECT bastion.authenticate(:'eve') IS NOT NULL AS eve;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'mallory')) AS forged;
SELECT bastion.authenticate(:'zoe') IS NOT NULL AS zoe;
RESET ROLE;
SELECT i.subject, u.email = u.id || '@identity.invalid' AS no_address, CASE WHEN u.email !~ 'invalid$' THEN u.email END AS email, u.display_name, r.name AS role
FROM bastion.user_identities i JOIN bastion.users u ON u.id = i.user_id
LEFT JOIN bastion.memberships m ON m.user_id = u.id LEFT JOIN bastion.roles r ON r.id = m.role_id ORDER BY i.subject;
-- who impersonates without a session: other keys change nothing, the end of the own account does
BEGIN;
SELECT bastion.authenticate(:'bob') IS NOT NULL AS bob;
SELECT bastion.impersonate(:'owner', :'tenant', 'a test', false) = :'owner' AS impersonates, bastion.session_id() IS NULL AS no_session;
SELECT bastion.identity_add('https://idp.example', 'another', :'owner');
SELECT bastion.user_id() = :'owner' AS impersonates;
SELECT bastion.issuer_disable('https://idp.example');
SELECT bastion.issuer_disable('https://idp.example', false);
SELECT bastion.user_id() = :'owner' AS impersonates;
UPDATE bastion.users SET status = 'disabled' WHERE email = 'bob@issuer.example';
SELECT test.error('SELECT bastion.user_id()');
ROLLBACK;
-- a subject that is given to another user ends the identity of the first
BEGIN;
SELECT bastion.authenticate(:'bob') IS NOT NULL AS bob;
UPDATE bastion.user_identities SET user_id = :'owner' WHERE subject = 'bob';
SELECT test.state();
ROLLBACK;
-- the impersonated is somebody else, also without a session
BEGIN;
SELECT bastion.authenticate(:'bob') IS NOT NULL AS bob;
SELECT bastion.impersonate((SELECT i.user_id::text FROM bastion.user_identities i WHERE i.subject = 'eve'), :'tenant', 'a test', false) IS NOT NULL AS impersonates;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'eve'));
ROLLBACK;
UPDATE bastion.users SET status = 'disabled' WHERE email = 'bob@issuer.example';
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob')) AS disabled_user;
SELECT kind, count(*) FROM bastion.events WHERE id > :before AND (kind ~ '^(issuer|identity)_' OR detail ? 'issuer') GROUP BY kind ORDER BY kind;
SELECT bastion.issuer_remove('https://idp.example');
SELECT count(*) AS identities FROM bastion.user_identities;

-- a set with keys that verify nothing: they are skipped, reported and named by lint(), whose fix accepts the rest
SELECT jsonb_build_object('keys', jsonb_build_array('{"kid": "no type"}'::jsonb, jsonb_build_object('kty', 'RSA', 'kid', 'weak', 'e', 'AQAB', 'n', repeat('w', 171)),
           bastion.jwk_public(:'key') || '{"use": "enc", "kid": "enc"}', bastion.jwk_public(:'key'), bastion.jwk_public(:'stranger'),
           bastion.jwk_public(:'key2') || '{"kid": "k1"}', '{"kty": "new", "kid": "new"}'::jsonb)) AS mixed \gset
SELECT jsonb_array_elements(bastion.issuer_add('https://mixed.example', :'mixed', '{app}', '{ES256,EdDSA}')) AS skipped;
SELECT bastion.identity_add('https://mixed.example', 'alice', :'owner');
SELECT bastion.authenticate(test.issued(:'key', '{"iss": "https://mixed.example"}')) = :'owner' AS first_key,
       bastion.authenticate(test.issued(:'key2'::jsonb || '{"kid": "k1"}', '{"iss": "https://mixed.example"}')) = :'owner' AS other_type;
SELECT test.error(format('SELECT bastion.authenticate(%L)', test.issued(:'stranger', '{"iss": "https://mixed.example"}'))) AS skipped_key;
SELECT severity, object, problem FROM bastion.lint() WHERE object ~ '^issuer';
SELECT DISTINCT fix FROM bastion.lint() WHERE object ~ '^issuer' \gexec
SELECT count(*) AS findings FROM bastion.lint() WHERE object ~ '^issuer';
SELECT test.error(format('SELECT bastion.issuer_keys_set(%L, %L)', 'https://mixed.example', '{"keys": [{"kid": "no type"}, {"kty": "new"}]}')) AS none_left;
SELECT bastion.issuer_keys_set('https://mixed.example', :'mixed') -> 0 ->> 'kid' AS first_skipped;
SELECT bastion.issuer_remove('https://mixed.example');

-- the own key: tokens of the one before hold, until it is retired at once
DELETE FROM bastion.signing_keys WHERE state <> 'active';
SELECT (bastion_api.login('owner@issuer.example', 'correct horse', :'slug')) ->> 'access_token' AS before \gset
SELECT bastion.signing_key_rotate() = kid AS rotated FROM bastion.signing_keys WHERE state = 'active';
SELECT state, count(*), bool_and(verifies_until > now() + interval '29 min') AS overlap FROM bastion.signing_keys GROUP BY state ORDER BY state;
SELECT (bastion_api.login('owner@issuer.example', 'correct horse', :'slug')) ->> 'access_token' AS after \gset
SELECT bastion.authenticate(:'before') = :'owner' AS before;
SELECT bastion.authenticate(:'after') = :'owner' AS after;
SELECT jsonb_array_length(bastion.jwks() -> 'keys') AS published, bastion.jwks()::text ~ '"d"' AS private;
-- the next key becomes the active one
SELECT kid AS next FROM bastion.signing_keys WHERE state = 'next' \gset
SELECT bastion.signing_key_rotate() = :'next' AS next_one;
SELECT state, count(*) FROM bastion.signing_keys GROUP BY state ORDER BY state;
SELECT bastion.authenticate(:'before') = :'owner' AS before;
SELECT bastion.authenticate(:'after') = :'owner' AS after;
-- the setting names the only issuer
SET bastion.issuer = 'another';
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'after')) AS of_another;
RESET bastion.issuer;
SELECT bastion.authenticate(:'after') = :'owner' AS after;
-- the claims of RFC 9068, and a clock that is off
BEGIN;
SELECT bastion.authenticate(:'after') = :'owner' AS after;
SELECT string_agg(name, ' ' ORDER BY name) AS missing FROM unnest(ARRAY['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']) name WHERE NOT bastion.claims() ? name;
SELECT bastion.claims() ->> 'client_id' AS client;
COMMIT;
BEGIN;
SET LOCAL bastion.client_id = 'shop';
SELECT bastion.authenticate((bastion_api.login('owner@issuer.example', 'correct horse', :'slug')) ->> 'access_token') = :'owner' AS after;
SELECT bastion.claims() ->> 'client_id' AS client;
COMMIT;
CREATE FUNCTION test.own(claims jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT bastion_internal.token_sign(jsonb_build_object('iss', 'pg_bastion', 'aud', 'pg_bastion', 'sub', id) || claims)
    FROM bastion.users WHERE email = 'owner@issuer.example'
$$;
SELECT name, test.own(claims) AS token
INTO TEMPORARY off
FROM (SELECT floor(extract(epoch FROM now()))::bigint) n (now),
     LATERAL (VALUES ('expired 30 s ago', jsonb_build_object('exp', now - 30)), ('expired 90 s ago', jsonb_build_object('exp', now - 90)),
                     ('valid in 30 s', jsonb_build_object('exp', now + 600, 'nbf', now + 30)),
                     ('valid in 90 s', jsonb_build_object('exp', now + 600, 'nbf', now + 90)),
                     ('issued in 300 s', jsonb_build_object('exp', now + 600, 'iat', now + 300))) c (name, claims);
SET bastion.token_leeway = 60;
SELECT name, test.error(format('SELECT bastion.authenticate(%L)', token)) FROM off ORDER BY name;
SET bastion.token_leeway = 0;
SELECT name, test.error(format('SELECT bastion.authenticate(%L)', token)) FROM off ORDER BY name;
SET bastion.token_leeway = 60;
SELECT name, test.error(format('SELECT bastion.authenticate(%L)', token)) FROM off ORDER BY name;
RESET bastion.token_leeway;
DROP FUNCTION test.own;

-- other algorithms; a shared secret is published to nobody, and each keeps the one before
SELECT test.error('SELECT bastion.signing_key_rotate(algorithm => ''RS256'')') AS unknown;
SELECT bastion.signing_key_rotate(algorithm => 'HS256') IS NOT NULL AS rotated;
SELECT (bastion_api.login('owner@issuer.example', 'correct horse', :'slug')) ->> 'access_token' AS hmac_token \gset
SELECT bastion.authenticate(:'hmac_token') = :'owner' AS hmac;
SELECT bastion.authenticate(:'after') = :'owner' AS before;
SELECT state, algorithm, public_jwk ? 'k' AS secret, public_jwk ->> 'kty' AS kty FROM bastion.signing_keys WHERE state IN ('active', 'next') ORDER BY state;
SELECT count(*) FILTER (WHERE k ->> 'kty' = 'oct') AS secrets, bastion.jwks()::text ~ '"(k|d)"' AS private FROM jsonb_array_elements(bastion.jwks() -> 'keys') k;
-- the published part of the key is no secret, and a key of another algorithm verifies nothing
SELECT test.error(format('SELECT bastion.authenticate(%L)', bastion.jwt_sign(
    jsonb_build_object('iss', 'pg_bastion', 'aud', 'pg_bastion', 'sub', :'owner', 'exp', 9999999999),
    jsonb_build_object('kty', 'oct', 'k', repeat('A', 43), 'alg', 'HS256', 'kid', kid), '{"typ": "at+jwt"}'))) AS forged
FROM bastion.signing_keys WHERE state IN ('active', 'retiring') ORDER BY algorithm;
SELECT bastion.signing_key_rotate() IS NOT NULL AS same_algorithm;
SELECT algorithm FROM bastion.signing_keys WHERE state = 'active';
SELECT bastion.signing_key_rotate(algorithm => 'ES256') IS NOT NULL AS rotated;
SELECT (bastion_api.login('owner@issuer.example', 'correct horse', :'slug')) ->> 'access_token' AS ec_token \gset
SELECT bastion.authenticate(:'ec_token') = :'owner' AS ec, bastion.jwt_verify(:'ec_token', bastion.jwks(), '{"aud": "pg_bastion", "typ": "at+jwt"}') ->> 'sub' = :'owner' AS outside;
SELECT bastion.authenticate(:'hmac_token') = :'owner' AS hmac;
SELECT bastion.signing_key_rotate(algorithm => 'Ed25519') IS NOT NULL AS rotated;

-- one that leaked
SELECT bastion.signing_key_rotate(immediately => true) IS NOT NULL AS rotated;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'before')) AS before, test.error(format('SELECT bastion.authenticate(%L)', :'after')) AS after,
       test.error(format('SELECT bastion.authenticate(%L)', :'hmac_token')) AS hmac;
SELECT state, count(*) FROM bastion.signing_keys GROUP BY state ORDER BY state;
SELECT bastion.authenticate((bastion_api.login('owner@issuer.example', 'correct horse', :'slug')) ->> 'access_token') = :'owner' AS again;
SELECT kind, count(*) FROM bastion.events WHERE kind IN ('key_rotated', 'key_retired') AND detail ->> 'key' = 'signing' GROUP BY kind ORDER BY kind;
SELECT bastion.signing_key_rotate(NULL) IS NULL AS null;
DELETE FROM bastion.signing_keys WHERE state <> 'active';
DELETE FROM bastion.tenants WHERE id = :'tenant';
DELETE FROM bastion.users WHERE email ~ 'issuer.example$|identity.invalid$';
DROP FUNCTION test.issued;
