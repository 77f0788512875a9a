-- Login with ID tokens of issuers: what is asked of a token, whom it logs in, and to whom a new subject is linked.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT coalesce(max(id), 0) AS before FROM bastion.events \gset
CREATE SCHEMA oidc;
GRANT USAGE ON SCHEMA oidc TO regress_app;
CREATE TABLE oidc.keys AS SELECT bastion.jwk_generate('ES256', 'k1') AS key, bastion.jwk_generate('ES256', 'k1') AS stranger, bastion.jwk_generate('RS256', 'k2') AS second;
GRANT SELECT ON oidc.keys TO regress_app;
SELECT bastion.issuer_add('https://accounts.oidc.example', jsonb_build_object('keys', jsonb_build_array(bastion.jwk_public(key), bastion.jwk_public(second))), '{api}', '{ES256,RS256}', leeway => 5, create_users => true,
                          mapping => '{"tenant": "org", "default_role": "member"}') FROM oidc.keys;
SELECT bastion.issuer_add('https://lax.oidc.example', bastion.jwk_public(key), '{api}', '{ES256}', mapping => '{"user": "oid"}', required_claims => '{"hd": "corp", "groups": "staff", "seen": null}') FROM oidc.keys;

-- who may log in with an issuer
SELECT test.error(format('SELECT bastion.issuer_login_set(%s)', a)) AS error, left(a, 90) AS arguments FROM unnest(ARRAY[
    '''https://other.example'', ''{web}''', 'NULL, ''{web}''', '''https://lax.oidc.example'', ''{}''', '''https://lax.oidc.example'', ARRAY[''web'', NULL]', '''https://lax.oidc.example'', ''{""}''',
    '''https://lax.oidc.example'', ''{web,api}''', '''https://lax.oidc.example'', ''{web}'', NULL', '''https://lax.oidc.example'', ''{web}'', ''{Example.org}''', '''https://lax.oidc.example'', ''{web}'', ''{@example.org}''',
    '''https://lax.oidc.example'', ''{web}'', ''{}'', NULL', '''https://lax.oidc.example'', ''{web}'', second_factors => ARRAY[repeat(''x'', 256)]', '''https://lax.oidc.example'', ARRAY(SELECT n::text FROM generate_series(1, 101) n)']) a;
SELECT bastion_api.id_token_options(i) ->> 'error' AS error FROM unnest(ARRAY['https://accounts.oidc.example', 'https://other.example', NULL]) i;
SELECT bastion.issuer_login_set('https://accounts.oidc.example', '{web,android}', '{oidc.example}', '{mfa,urn:strong}');
SELECT bastion.issuer_login_set('https://lax.oidc.example', '{web}');
SELECT issuer, login FROM bastion.issuers WHERE issuer LIKE '%.oidc.example' ORDER BY issuer;
SELECT o ->> 'challenge' ~ '^bst_ch_' AS challenge, o ->> 'nonce' ~ '^[A-Za-z0-9_-]{43}$' AS nonce, o -> 'expires_in' AS expires_in, o - '{challenge,nonce,expires_in}'::text[] AS more
FROM bastion_api.id_token_options('https://accounts.oidc.example') o;

-- a login with claims that differ from good ones; what it answers in short
CREATE FUNCTION oidc.token(nonce text, change jsonb, header jsonb DEFAULT '{}', key jsonb DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT bastion.jwt_sign(jsonb_strip_nulls(jsonb_build_object('iss', 'https://accounts.oidc.example', 'aud', 'web', 'sub', 'ann', 'nonce', nonce, 'exp', floor(extract(epoch FROM clock_timestamp())) + 300,
        'iat', floor(extract(epoch FROM clock_timestamp())), 'email', 'ann@oidc.example', 'email_verified', true, 'name', 'Ann') || change), coalesce(token.key, k.key), header) FROM oidc.keys k
$$;
CREATE FUNCTION oidc.shown(answer jsonb) RETURNS text LANGUAGE sql
AS $$ SELECT CASE WHEN answer ? 'error' THEN answer ->> 'error' WHEN answer ? 'access_token' THEN concat_ws(' ', answer #>> '{user,email}', answer #>> '{tenant,slug}') END $$;
CREATE FUNCTION oidc.login(change jsonb DEFAULT '{}', header jsonb DEFAULT '{}', issuer text DEFAULT 'https://accounts.oidc.example', key jsonb DEFAULT NULL, tenant text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT bastion_api.login_id_token(o ->> 'challenge', oidc.token(o ->> 'nonce', jsonb_build_object('iss', login.issuer) || change, header, key), tenant) FROM bastion_api.id_token_options(login.issuer) o
$$;
SELECT bastion_api.signup('owner@oidc.example', 'correct horse', 'ID tokens', 'Owner') AS owner \gset
SELECT :'owner'::jsonb #>> '{tenant,slug}' AS slug, :'owner'::jsonb #>> '{tenant,id}' AS tenant, :'owner'::jsonb #>> '{user,id}' AS owner_id \gset

-- each check violated once
SELECT change, oidc.shown(oidc.login(change::jsonb)) AS answer FROM unnest(ARRAY[
    '{"iss": "https://lax.oidc.example"}', '{"iss": null}', '{"aud": "api"}', '{"aud": null}', '{"aud": ["web", "android"]}', '{"aud": ["web", "other"], "azp": "web"}', '{"azp": "other"}', '{"azp": 5}', '{"nonce": null}', '{"nonce": "x"}', '{"nonce": ["x"]}',
    '{"sub": null}', '{"sub": ""}', '{"exp": 1000}', '{"exp": null}', '{"iat": null}', '{"iat": 1000}', '{"iat": 4000000000}', '{"nbf": 4000000000}']) change;
SELECT oidc.shown(oidc.login(jsonb_build_object('sub', repeat('x', 256)))) AS long_subject, oidc.shown(oidc.login(jsonb_build_object('iat', floor(extract(epoch FROM now())) - 620))) AS too_old,
       oidc.shown(oidc.login(header => '{"typ": "at+jwt"}')) AS access_token, oidc.shown(oidc.login(header => '{"typ": "logout+jwt"}')) AS logout_token,
       (SELECT oidc.shown(oidc.login(key => stranger)) FROM oidc.keys) AS another_key, oidc.shown(oidc.login(issuer => 'https://lax.oidc.example')) AS required_claims;
SELECT c AS challenge, oidc.shown(bastion_api.login_id_token(c, oidc.token('x', '{}'))) AS answer FROM unnest(ARRAY[NULL, '', 'x', 'bst_ch_x']) c;
SELECT oidc.shown(bastion_api.login_id_token(o ->> 'challenge', t)) AS answer FROM bastion_api.id_token_options('https://accounts.oidc.example') o, unnest(ARRAY[NULL, '', 'x', 'a.b.c', repeat('x', 100000)]) t;
SELECT oidc.shown(bastion_api.login_id_token(bastion_api.passkey_login_options() ->> 'challenge', oidc.token('x', '{}'))) AS challenge_of_another_purpose;
SELECT detail ->> 'reason' AS reason, count(*) FROM bastion.events WHERE id > :before AND kind = 'login_refused' AND detail ->> 'reason' IN ('token', 'aud', 'azp', 'nonce', 'typ', 'sub', 'required_claims', 'challenge') GROUP BY 1 ORDER BY 1;
SELECT count(*) AS nobody_was_made FROM bastion.users WHERE email LIKE '%@oidc.example' AND email <> 'owner@oidc.example';

-- an unknown subject gets an account, the tenant of its claim and the address; a known one logs in; nonce and challenge are good once
SELECT oidc.shown(oidc.login('{"org": "id-tokens"}')) AS created, oidc.shown(oidc.login('{"email": "other@oidc.example", "aud": ["web", "android"], "azp": "android"}', '{"typ": "jwt"}')) AS again;
SELECT (SELECT oidc.shown(oidc.login(key => second, header => '{"kid": "k2"}')) FROM oidc.keys) AS by_the_second_key;
SELECT u.email, u.email_verified_at IS NOT NULL AS verified, u.display_name, i.issuer, r.name AS role FROM bastion.users u JOIN bastion.user_identities i ON i.user_id = u.id LEFT JOIN bastion.memberships m ON m.user_id = u.id LEFT JOIN bastion.roles r ON r.id = m.role_id
WHERE i.issuer LIKE '%oidc.example';
SELECT o ->> 'challenge' AS challenge, oidc.token(o ->> 'nonce', '{}') AS token FROM bastion_api.id_token_options('https://accounts.oidc.example') o \gset
SELECT o ->> 'challenge' AS another FROM bastion_api.id_token_options('https://accounts.oidc.example') o \gset
SELECT oidc.shown(bastion_api.login_id_token(:'another', :'token')) AS for_another_challenge, oidc.shown(bastion_api.login_id_token(:'challenge', :'token', device => 'Laptop')) AS once;
SELECT oidc.shown(bastion_api.login_id_token(:'challenge', :'token')) AS twice, oidc.shown(oidc.login(tenant => 'id-tokens')) AS named, oidc.shown(oidc.login(tenant => 'nowhere')) AS elsewhere;
SET ROLE regress_app;
BEGIN;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'token')) AS id_token_is_no_access_token;
SELECT bastion.authenticate(oidc.login() ->> 'access_token') IS NOT NULL AS ok;
SELECT bastion.auth_level();
COMMIT;
RESET ROLE;
-- the same answer by tenant_required
INSERT INTO bastion.tenants (name, slug) VALUES ('Second', 'id-tokens-second');
SELECT (bastion.membership_force(i.user_id, 'id-tokens-second', 'viewer')) IS NOT NULL AS member FROM bastion.user_identities i WHERE i.subject = 'ann' AND i.issuer LIKE '%oidc.example';
SELECT oidc.shown(a) AS answer, oidc.shown(bastion_api.login_tenant(a ->> 'challenge', 'id-tokens-second')) AS chosen FROM oidc.login() a;

-- second factors: asked for, unless the issuer names one that is registered
INSERT INTO bastion.user_factors (user_id, kind, name, state) SELECT i.user_id, 'totp', 'Lost', 'suspended' FROM bastion.user_identities i WHERE i.subject = 'ann' AND i.issuer LIKE '%oidc.example';
SELECT change, oidc.login(change::jsonb, tenant => 'id-tokens') ->> 'error' AS error
FROM unnest(ARRAY['{}', '{"amr": ["pwd"]}', '{"amr": "pwd mfa"}', '{"acr": "urn:weak"}', '{"amr": 5}', '{"amr": ["pwd", "mfa"]}', '{"acr": "urn:strong"}']) change;
-- phr and phrh of acr alone say that it was a passkey or a certificate, and only of an issuer of which an operator says so
SELECT l.factors, bastion_internal.id_token_amr(ROW(i.*)::bastion.issuers, c::jsonb) AS amr, c AS claims
FROM (VALUES (1, '["phr", "phrh", "mfa"]'), (2, '["mfa"]'), (3, '[]')) l (n, factors),
     LATERAL (SELECT s.* FROM jsonb_populate_record((SELECT i FROM bastion.issuers i WHERE i.issuer = 'https://lax.oidc.example'), jsonb_build_object('login', jsonb_build_object('second_factors', l.factors::jsonb))) s) i,
     unnest(ARRAY['{"acr": "phr"}', '{"acr": "phrh"}', '{"acr": ["phr"]}', '{"amr": ["phr"]}', '{"acr": "PHR"}', '{"acr": "phr phrh"}', '{"acr": null}', '{"amr": ["pop", "mfa"]}']) WITH ORDINALITY AS c (c, m) ORDER BY l.n, c.m;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(oidc.login('{"amr": ["mfa"]}', tenant => 'id-tokens') ->> 'access_token') IS NOT NULL AS ok;
SELECT bastion.auth_level();
COMMIT;
RESET ROLE;
DELETE FROM bastion.user_factors f USING bastion.user_identities i WHERE f.user_id = i.user_id AND i.subject = 'ann' AND i.issuer LIKE '%oidc.example';

-- addresses. The owner never verified theirs: the issuer, whose domain it is, gives it to its subject, and nothing of the account.
SELECT oidc.shown(oidc.login('{"sub": "real owner", "email": "Owner@OIDC.example ", "org": "id-tokens"}')) AS new_account;
SELECT u.id = :'owner_id' AS old_account, u.email, EXISTS (SELECT FROM bastion.user_passwords p WHERE p.user_id = u.id) AS password, i.subject
FROM bastion.users u LEFT JOIN bastion.user_identities i ON i.user_id = u.id WHERE u.id = :'owner_id' OR i.subject = 'real owner' ORDER BY 1;
-- a verified one: linked where the issuer decides, else only by the user
SELECT bastion_api.signup('bob@oidc.example', 'correct horse', 'Bob') #>> '{user,id}' AS bob_id, bastion_api.signup('cem@elsewhere.example', 'correct horse', 'Cem') #>> '{user,id}' AS cem_id \gset
UPDATE bastion.users SET email_verified_at = now() WHERE id IN (:'bob_id', :'cem_id');
SELECT split_part(oidc.shown(oidc.login(jsonb_build_object('sub', 'bob', 'email', 'bob@oidc.example', 'email_verified', v))), '@', 2) AS not_verified FROM unnest(ARRAY['false', '"no"', 'null', '1']::jsonb[]) v;
SELECT u.email ~ 'identity.invalid$' AS without_address FROM bastion.users u JOIN bastion.user_identities i ON i.user_id = u.id WHERE i.subject = 'bob';
DELETE FROM bastion.user_identities WHERE subject = 'bob';
SELECT oidc.shown(oidc.login('{"sub": "bob", "email": "bob@oidc.example", "email_verified": "true"}')) AS linked, oidc.shown(oidc.login('{"sub": "bob", "email": null}')) AS again;
SELECT i.subject, i.user_id = :'bob_id' AS bob FROM bastion.user_identities i WHERE i.subject = 'bob';
SELECT a - 'challenge' AS answer, a ->> 'challenge' AS challenge FROM oidc.login('{"sub": "cem", "email": "cem@elsewhere.example"}') a \gset
SELECT :'answer' AS link_required, (SELECT count(*) FROM bastion.user_identities i WHERE i.subject = 'cem') AS links;
SELECT bastion_api.login('bob@oidc.example', 'correct horse') ->> 'access_token' AS bob, bastion_api.login('cem@elsewhere.example', 'correct horse') ->> 'access_token' AS cem \gset
CREATE FUNCTION oidc.link(token text, challenge text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('bastion.token', token, true);
    RETURN bastion_api.identity_link(challenge);
END
$$;
SELECT oidc.link('', :'challenge') AS nobody;
SELECT oidc.link(:'bob', :'challenge') AS somebody_else;
SELECT oidc.link(:'cem', :'token') AS no_challenge, oidc.link(:'cem', NULL) AS nothing;
UPDATE bastion.sessions SET authenticated_at = now() - interval '11 minutes' WHERE user_id = :'cem_id';
SELECT oidc.link(:'cem', :'challenge') AS stale;
UPDATE bastion.sessions SET authenticated_at = now() WHERE user_id = :'cem_id';
SELECT oidc.link(:'cem', :'challenge') AS linked;
SELECT oidc.link(:'cem', :'challenge') AS twice;
SELECT oidc.shown(oidc.login('{"sub": "cem", "email": "cem@elsewhere.example"}')) AS logs_in;
SELECT kind, detail ->> 'by' AS by, count(*) FROM bastion.events WHERE kind = 'identity_added' AND detail ->> 'issuer' LIKE '%oidc.example' GROUP BY 1, 2 ORDER BY 2;
-- an issuer that makes no users, names them otherwise and asks for more
SELECT oidc.shown(oidc.login('{"sub": null, "oid": "dan", "hd": "corp", "groups": "staff", "seen": true, "email": "dan@lax.example"}', issuer => 'https://lax.oidc.example')) AS unknown,
       oidc.shown(oidc.login('{"sub": null, "oid": "dan", "hd": "corp", "groups": "staff", "seen": true, "email": "bob@oidc.example"}', issuer => 'https://lax.oidc.example')) AS with_the_address_of_an_account;
SELECT bastion.identity_add('https://lax.oidc.example', 'dan', :'bob_id'::uuid);
SELECT change, oidc.shown(oidc.login('{"sub": null, "oid": "dan", "hd": "corp", "groups": ["all", "staff"], "seen": 1, "email": "dan@lax.example"}'::jsonb || change::jsonb, issuer => 'https://lax.oidc.example')) AS answer
FROM unnest(ARRAY['{}', '{"oid": null}', '{"hd": "corps"}', '{"groups": "staff"}', '{"groups": ["all"]}', '{"groups": [["staff"]]}', '{"seen": null}', '{"email": "cem@elsewhere.example"}']) change;
-- users see their links, and remove them: freshly logged in, and not the last that lets them in
SELECT (test.api(:'cem', 'identity_links()') #> '{identities,0}') - 'created_at' AS links, jsonb_array_length(test.api(:'cem', 'identity_links()') -> 'identities') AS number, test.api('', 'identity_links()') ->> 'error' AS nobody;
SELECT l ->> 'issuer' AS issuer, l ->> 'subject' AS subject FROM jsonb_array_elements(test.api(:'cem', 'identity_links()') -> 'identities') l LIMIT 1 \gset
SELECT format('identity_unlink(%L, %L)', :'issuer', :'subject') AS unlink \gset
SELECT test.api(:'bob', :'unlink') ->> 'error' AS of_another, test.api('', :'unlink') ->> 'error' AS nobody, test.api(:'cem', 'identity_unlink(NULL, NULL)') ->> 'error' AS nothing, test.api(:'cem', format('identity_unlink(%L, ''x'')', :'issuer')) ->> 'error' AS unknown;
BEGIN;
UPDATE bastion.sessions SET authenticated_at = now() - interval '11 minutes' WHERE user_id = :'cem_id';
SELECT test.api(:'cem', :'unlink') - 'error_description' AS stale;
ROLLBACK;
BEGIN;
INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (:'cem_id', 'webauthn', 'Key', 'active');
SELECT test.api(:'cem', :'unlink') - 'error_description' AS without_the_factor;
ROLLBACK;
SELECT login_epoch AS epoch FROM bastion.users WHERE id = :'cem_id' \gset
BEGIN;
-- mail tells the user, and another link stays
SET LOCAL bastion.outbox = on;
INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES ('https://lax.oidc.example', 'cem', :'cem_id');
SELECT coalesce(max(id), 0) AS mails FROM bastion.outbox \gset
SELECT test.api(:'cem', :'unlink') AS unlinked, test.api(:'cem', :'unlink') ->> 'error' AS twice;
SELECT o.kind, o.address FROM bastion.outbox o WHERE o.id > :mails ORDER BY o.id;
SELECT kind, outcome, user_id = :'cem_id' AS of_cem, detail FROM bastion.events WHERE kind = 'identity_removed' AND user_id = :'cem_id';
SELECT count(*) AS links, (SELECT login_epoch > :epoch FROM bastion.users WHERE id = :'cem_id') AS open_logins_end FROM bastion.user_identities WHERE user_id = :'cem_id';
ROLLBACK;
-- what else lets in
CREATE TABLE oidc.ways (n int, way text, makes text);
INSERT INTO oidc.ways VALUES (1, 'nothing', 'SELECT 1'), (2, 'a password', $$INSERT INTO bastion.user_passwords (user_id, hash) VALUES (%1$L, bastion.password_hash('correct horse'))$$),
    (3, 'a passkey that was never alone', $$WITH f AS (INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (%1$L, 'webauthn', 'Key', 'active') RETURNING id) INSERT INTO bastion.passkeys SELECT 'ways.example', 'x'::bytea, f.id, 'x'::bytea, -7, 0, false, false, false, gen_random_uuid(), 'none', '{}' FROM f$$),
    (4, 'a passkey', $$WITH f AS (INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (%1$L, 'webauthn', 'Key', 'active') RETURNING id) INSERT INTO bastion.passkeys SELECT 'ways.example', 'x'::bytea, f.id, 'x'::bytea, -7, 0, false, false, true, gen_random_uuid(), 'none', '{}' FROM f$$),
    (5, 'a suspended passkey', $$WITH f AS (INSERT INTO bastion.user_factors (user_id, kind, name, state) VALUES (%1$L, 'webauthn', 'Key', 'suspended') RETURNING id) INSERT INTO bastion.passkeys SELECT 'ways.example', 'x'::bytea, f.id, 'x'::bytea, -7, 0, false, false, true, gen_random_uuid(), 'none', '{}' FROM f$$),
    (6, 'another link', $$INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES ('https://lax.oidc.example', 'ways', %1$L)$$),
    (7, 'a link to a disabled issuer', $$INSERT INTO bastion.user_identities (issuer, subject, user_id) VALUES ('https://lax.oidc.example', 'ways', %1$L); SELECT bastion.issuer_disable('https://lax.oidc.example')$$),
    (8, 'mail to a verified address', $$SELECT set_config('bastion.outbox', 'on', true)$$),
    (9, 'mail to an unverified address', $$SELECT set_config('bastion.outbox', 'on', true); UPDATE bastion.users SET email_verified_at = NULL WHERE id = %1$L$$);
INSERT INTO bastion.relying_parties (rp_id, name, origins) VALUES ('ways.example', 'Ways', '{https://ways.example}');
SELECT i.user_id AS ann_id FROM bastion.user_identities i WHERE i.issuer = 'https://accounts.oidc.example' AND i.subject = 'ann' \gset
CREATE FUNCTION oidc.unlinks(person uuid, makes text, OUT told text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(makes, person);
    told := bastion_internal.logs_in_without(person, 'https://accounts.oidc.example', 'ann');
    RAISE EXCEPTION USING ERRCODE = 'ZZ000';
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN NULL;
END
$$;
SELECT w.way, oidc.unlinks(:'ann_id', w.makes) AS lets_in FROM oidc.ways w ORDER BY w.n;
SELECT bastion_internal.session_begin(:'ann_id', NULL, NULL, NULL, '{fed}') ->> 'access_token' AS ann \gset
SELECT test.api(:'ann', 'identity_unlink(''https://accounts.oidc.example'', ''ann'')') AS last, (SELECT count(*) FROM bastion.user_identities WHERE user_id = :'ann_id') AS links;
DELETE FROM bastion.relying_parties WHERE rp_id = 'ways.example';
-- disabled, and ended
UPDATE bastion.users SET status = 'disabled' WHERE id = :'bob_id';
SELECT oidc.shown(oidc.login('{"sub": "bob"}')) AS disabled_user;
SELECT bastion_api.id_token_options('https://accounts.oidc.example') AS o \gset
SELECT bastion.issuer_disable('https://accounts.oidc.example');
SELECT oidc.shown(bastion_api.login_id_token(:'o'::jsonb ->> 'challenge', oidc.token(:'o'::jsonb ->> 'nonce', '{}'))) AS disabled_issuer, bastion_api.id_token_options('https://accounts.oidc.example') ->> 'error' AS asks;
SELECT bastion.issuer_disable('https://accounts.oidc.example', false), bastion.issuer_login_set('https://accounts.oidc.example', NULL);
SELECT oidc.shown(bastion_api.login_id_token(:'o'::jsonb ->> 'challenge', oidc.token(:'o'::jsonb ->> 'nonce', '{}'))) AS no_longer, (SELECT login FROM bastion.issuers WHERE issuer = 'https://accounts.oidc.example') AS login;
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.login_id_token('x', 'x')$$), test.error($$SELECT bastion_api.identity_link('x')$$), test.error($$SELECT bastion_api.identity_unlink('x', 'x')$$);
ROLLBACK;
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.issuer_login_set('x', '{a}')$$);
RESET ROLE;
SELECT bastion.issuer_remove('https://accounts.oidc.example'), bastion.issuer_remove('https://lax.oidc.example');
SELECT count(*) AS tenants FROM (SELECT bastion.tenant_delete(t.slug) FROM bastion.tenants t WHERE t.slug IN ('id-tokens', 'id-tokens-second', 'bob', 'cem')) d;
DELETE FROM bastion.users WHERE email ~ '@(oidc|elsewhere).example$' OR email ~ '@identity.invalid$' OR id = :'owner_id';
DROP SCHEMA oidc CASCADE;
