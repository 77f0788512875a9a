-- Run by sql/encodings.sql in each database.
\encoding UTF8
SET client_min_messages = error;
CREATE EXTENSION pg_bastion;
SELECT bastion.allow_app_role('regress_app');
CREATE FUNCTION public.error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    about text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS about = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, about);
END
$$;
CREATE TABLE public.people AS
SELECT name, bastion_api.signup(name || '@encoding.example', 'pässword ' || name, 'Tenant ' || name) AS answer
FROM unnest(ARRAY['victim', 'attacker']) name;
CREATE FUNCTION public.is_user(token text, name text) RETURNS boolean LANGUAGE sql AS $$
    SELECT bastion.authenticate(token) = (SELECT (answer -> 'user' ->> 'id')::uuid FROM public.people p WHERE p.name = is_user.name)
$$;

-- subjects: one that looks like the UTF-8 of another is not that one
SELECT bastion.issuer_add('https://idp.example', bastion.jwk_public(:'key'), '{app}', '{ES256}', create_users => true, mapping => '{"name": "name"}');
SELECT bastion.identity_add('https://idp.example', 'Ã¼', 'victim@encoding.example'), bastion.identity_add('https://idp.example', 'jürgen', 'attacker@encoding.example');
SELECT is_user(:'victim', 'victim') AS victim;
SELECT is_user(:'juergen', 'attacker') AS juergen;
SELECT is_user(:'umlaut', 'victim') AS another_user;
SELECT error(format('SELECT bastion.authenticate(%L)', :'chinese')) AS subject;
-- a name that the database cannot hold is left out
SELECT bastion.authenticate(:'named') IS NOT NULL AS created;
SELECT display_name FROM bastion.users u JOIN bastion.user_identities i ON i.user_id = u.id WHERE i.subject = 'new';

-- issuers
SELECT bastion.issuer_add('https://schlüssel.example', bastion.jwk_public(:'key'), '{app}', '{ES256}');
SELECT bastion.identity_add('https://schlüssel.example', 'jürgen', 'attacker@encoding.example');
SELECT is_user(:'other_issuer', 'attacker') AS named_issuer;
SET bastion.issuer = 'schlüssel';
SELECT bastion.authenticate(bastion_api.login('victim@encoding.example', 'pässword victim') ->> 'access_token') IS NOT NULL AS own_issuer;
RESET bastion.issuer;

-- passwords: hashes are those of UTF-8
SELECT bastion.password_verify('pässword', '$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$rybsuBlIHCOEKCPpDvTVloYHkPEiKOiJqqYGLCHAfF0') AS portable;
SELECT bastion_api.login('victim@encoding.example', 'pässword victim') ? 'access_token' AS login, bastion_api.login('victim@encoding.example', repeat('ü', 2049)) ->> 'error' AS long;

-- keys and claims
SELECT bastion.jwk_generate('HS256', 'schlüssel') ->> 'kid' AS kid;
SELECT bastion.jwt_verify(:'raw', :'hmac') AS claims;
SELECT bastion.jwt_verify('eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjk5OTk5OTk5OTksIm5hbWUiOiJNXHUwMGZjbGxlciIsIm90aGVyIjoiXCJcXHUwMGZjIn0.bkX13AvsSZKXy3ejY9ykf5yRd-vSKDzx657ix8OSKeY', '{"kty": "oct", "alg": "HS256", "k": "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE"}') AS escaped;
SELECT bastion.jwt_verify(bastion.jwt_sign('{"exp": 9999999999, "näme": "ß"}', :'hmac'), :'hmac') AS both_ways;
SELECT error(format('SELECT bastion.jwt_verify(%L, %L)', :'foreign_raw', :'hmac')) AS foreign_claim;
SELECT error(format('SELECT bastion.jwt_verify(%L, %L)', 'ü.ü.ü', :'hmac')) AS no_token;

-- the vault, and the address of a client whose headers are outside ASCII
SELECT bastion.open_text_for(NULL, bastion.seal_for(NULL, 'zwölf', 'mail'));
SET bastion.trusted_hops = 1;
BEGIN;
SELECT set_config('request.headers', '{"x-forwarded-for": "192.0.2.7", "x-name": "Jürgen"}', true) IS NOT NULL AS set;
SELECT bastion.client_address();
COMMIT;
SELECT bastion_internal.password_length('pässword', true) AS size, bastion_internal.password_flaw('x' || repeat('ßüö', 682), NULL, 8) AS longest,
       bastion_internal.password_flaw('x' || repeat('ßüö', 683), NULL, 8) AS longer, bastion_internal.password_flaw('MÜLLERä12', 'müller', NULL) AS personal;

-- keys and secrets of other systems: their hashes are of UTF-8
SELECT bastion.api_key_scheme_add('schlüssel', 'sha256');
SELECT i.outcome FROM bastion.import_api_keys('[{"scheme": "schlüssel", "hash": "ab667a56581da8b937b35a687e08c760ae2e3c3792c7d988e49cf21a1d9ee9ad", "user": "victim@encoding.example", "tenant": "tenant-victim", "name": "né", "scopes": ["*"]}]') i;
SELECT is_user('ein schlüssel', 'victim') AS imported_key;
SELECT i.outcome FROM bastion.import_secrets('[{"tenant": "tenant-victim", "name": "geheim ü", "value": "wört"}]') i;
BEGIN;
SELECT is_user(answer ->> 'access_token', 'victim') AS victim, bastion.secret_get('geheim ü') AS secret FROM public.people WHERE name = 'victim';
-- limits of rate, with a key outside ASCII
SELECT bastion.rate_limit_set('encoded', 'user', 1, 5), bastion.rate_limit('encoded', 'straße'), bastion.rate_limit_state('encoded', 'straße') ->> 'remaining' AS counted, bastion.rate_limit_state('encoded', 'strasse') ->> 'remaining' AS another;
-- names of devices
SELECT bastion_api.login('victim@encoding.example', 'pässword victim', device => 'Büro', device_token => '') ? 'device_token' AS device;
SELECT bastion_api.devices() #>> '{devices,0,name}' AS name;
COMMIT;
-- what a hook adds
CREATE FUNCTION public.greets(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{"grüße": "Zoë"}'::jsonb $$;
SELECT bastion.hook_set('claims', 'public.greets(jsonb)', 'regress_app');
BEGIN;
SELECT is_user(bastion_api.login('victim@encoding.example', 'pässword victim') ->> 'access_token', 'victim') AS victim, bastion.claims() ->> 'grüße' AS claim;
COMMIT;
SELECT bastion.hook_remove('claims');
-- ID tokens: one with a claim that the database cannot hold is refused
SELECT bastion.issuer_add('https://login.example', bastion.jwk_public(:'key'), '{api}', '{ES256}', create_users => true, mapping => '{"name": "name"}');
SELECT bastion.issuer_login_set('https://login.example', '{app}');
SELECT current_database() AS here, bastion_api.id_token_options('https://login.example') AS options \gset
\c :previous
SELECT test.of_issuer(:'key', 'https://login.example', 'jürgen', f.claims || '{"name": "Jürgen"}') AS german, test.of_issuer(:'key', 'https://login.example', 'jürgen', f.claims || '{"name": "中文"}') AS chinese
FROM (SELECT jsonb_build_object('nonce', :'options'::jsonb ->> 'nonce', 'iat', extract(epoch FROM clock_timestamp())::bigint)) f (claims) \gset
\c :here
\encoding UTF8
SELECT a ? 'access_token' AS chinese, a #>> '{user,display_name}' AS name FROM bastion_api.login_id_token(:'options'::jsonb ->> 'challenge', :'chinese') a WHERE current_setting('server_encoding') = 'LATIN1';
SELECT a ? 'access_token' AS german, a #>> '{user,display_name}' AS name FROM bastion_api.login_id_token(:'options'::jsonb ->> 'challenge', :'german') a;

-- searches below a policy: what folds letters may go first in UTF8 alone
CREATE TABLE public.searched (id int, tenant_id uuid NOT NULL, body text);
GRANT SELECT ON public.searched TO regress_app;
SELECT count(*) AS protected FROM bastion.protect('public.searched');
SELECT answer ->> 'access_token' AS token FROM public.people WHERE name = 'victim' \gset
BEGIN;
SET LOCAL ROLE regress_app;
SET LOCAL bastion.search_paths = on;
SELECT bastion.authenticate(:'token') IS NOT NULL AS set;
SELECT count(*) FROM public.searched WHERE body LIKE 'ü%' AND body ILIKE 'ü%' AND lower(body) = 'ü' AND upper(body) = 'Ü';
SELECT subject FROM bastion.plan_notes() WHERE relation IS NULL;
COMMIT;
