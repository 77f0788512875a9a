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
SELECT set_config('request.headers', '{"x-forwarded-for": "192.0.2.7", "x-name": "Jürgen"}', false) IS NOT NULL AS set;
SELECT bastion.client_address();
SELECT bastion_internal.password_length('pässword', true) AS size, bastion_internal.password_flaw('x' || repeat('ßüö', 682), NULL, 8) AS longest,
       bastion_internal.password_flaw('x' || repeat('ßüö', 683), NULL, 8) AS longer, bastion_internal.password_flaw('MÜLLERä12', 'müller', NULL) AS personal;
