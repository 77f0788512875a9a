-- Attacks on the tenant boundary by an application role that holds a token of its own: each ends in denial, a clear error
-- or the right identity. Ann has tenant A, Bob has tenant B; red.seen() tells whose rows a statement sees.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA red;
GRANT USAGE, CREATE ON SCHEMA red TO regress_app;
CREATE ROLE regress_red_owner;
GRANT USAGE, CREATE ON SCHEMA red TO regress_red_owner;
CREATE TABLE red.documents (id int PRIMARY KEY, tenant_id uuid NOT NULL, of text, code int UNIQUE, title text);
ALTER TABLE red.documents OWNER TO regress_red_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON red.documents TO regress_app;
SELECT count(*) > 0 AS protected
FROM bastion.protect('red.documents', tenant_column => 'tenant_id', resource => 'red_documents');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'red.documents'::regclass;

SET ROLE regress_app;
SELECT bastion_api.signup('ann@redteam.example', 'correct horse', 'Red A') AS ann \gset
SELECT bastion_api.signup('bob@redteam.example', 'correct horse', 'Red B') AS bob \gset
RESET ROLE;
SELECT :'ann'::jsonb ->> 'access_token' AS ann_token, :'ann'::jsonb #>> '{user,id}' AS ann_id,
       :'ann'::jsonb #>> '{tenant,id}' AS ann_tenant,
       :'bob'::jsonb ->> 'access_token' AS bob_token, :'bob'::jsonb #>> '{user,id}' AS bob_id,
       :'bob'::jsonb #>> '{tenant,id}' AS bob_tenant, :'bob'::jsonb #>> '{tenant,number}' AS bob_number \gset
INSERT INTO red.documents
SELECT i, CASE WHEN i % 2 = 0 THEN :'ann_tenant' ELSE :'bob_tenant' END::uuid, CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END, i,
       'secret ' || i
FROM generate_series(1, 2000) i;
ANALYZE red.documents;

SET ROLE regress_app;
-- who the transaction is, and whose rows it sees
CREATE FUNCTION red.seen() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog
AS $$
    SELECT format('%s sees %s', coalesce((SELECT split_part(u.email, '@', 1) FROM bastion.users u), 'nobody'),
                  coalesce((SELECT string_agg(DISTINCT of, ' and ') FROM red.documents), 'nothing'))
$$;
-- what becomes of a statement, and of the identity after it
CREATE FUNCTION red.try(statement text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE statement;
    RETURN 'no error; ' || red.seen();
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Forging the context

SELECT format('2 %s - %s %s - - - - jwt aal2 0 9223372036854775807', :'bob_id', :'bob_tenant', :'bob_number') AS forged,
       format(E'2 %s - %s %s - - - - jwt aal2 0 9223372036854775807\n\n{}', :'bob_id', :'bob_tenant', :'bob_number') AS forged_full \gset
SELECT setting, red.try(format(statement, setting, value))
FROM unnest(ARRAY['bastion.context', 'bastion.grants']) setting,
     unnest(ARRAY[:'forged', :'forged_full', E'1 1\nx\nred_documents.read']) WITH ORDINALITY v (value, v),
     unnest(ARRAY['SET %s = %L', 'SET SESSION %s = %L', 'SET LOCAL %s = %L', 'SELECT set_config(%L, %L, true)',
                  'SELECT set_config(%L, %L, false)',
                  'ALTER ROLE regress_app SET %s = %L', 'ALTER ROLE CURRENT_USER SET %s = %L',
                  'CREATE FUNCTION red.forge() RETURNS text LANGUAGE sql SET %s = %L AS ''SELECT red.seen()''',
                  'UPDATE pg_settings SET setting = %2$L WHERE name = %1$L',
                  'DO $do$ BEGIN PERFORM set_config(%L, %L, true); END $do$']) WITH ORDINALITY s (statement, s)
WHERE v = 1 OR s = 4
ORDER BY setting COLLATE "C", v, s;
-- the words are case-insensitive
SELECT red.try(format('SET "BASTION.Context" = %L', :'forged'));
SELECT red.seen();

-- a value captured under an identity, and replayed
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT red.seen();
SELECT current_setting('bastion.context') AS captured, current_setting('bastion.token') AS token \gset
SELECT red.try(format('SET LOCAL bastion.context = %L', :'captured'));
SELECT red.try('CREATE FUNCTION red.keeps() RETURNS text LANGUAGE sql SET bastion.context FROM CURRENT AS ''SELECT red.seen()''');
SELECT red.try('SET LOCAL bastion.context FROM CURRENT');
COMMIT;
SELECT red.try(format('SET bastion.context = %L', :'captured'));
BEGIN;
SELECT set_config('bastion.token', :'ann_token', true);
SELECT red.seen();
SELECT current_setting('bastion.context') AS captured, current_setting('bastion.token') AS token \gset
SELECT red.try('CREATE FUNCTION red.keeps() RETURNS text LANGUAGE sql SET bastion.token FROM CURRENT AS ''SELECT red.seen()''');
COMMIT;
SELECT red.try(format('SELECT set_config(''bastion.token'', %L, false)', :'token'));
SELECT red.try(format('SET bastion.context = %L', :'captured'));
SELECT red.seen();
-- nothing shows a token or a context
SELECT name, setting, reset_val, boot_val FROM pg_settings WHERE name ~ E'^bastion\\.(context|grants|token|tenant|unit)$';
SELECT count(*) FROM pg_show_all_settings() s WHERE s::text LIKE '%' || :'ann_token' || '%';

-- settings that outlive the session: every setting of the extension, by every ALTER; pg_settings hides some
CREATE TEMP VIEW settings AS
SELECT name, context, CASE vartype WHEN 'bool' THEN 'on' WHEN 'string' THEN 'x' WHEN 'enum' THEN enumvals[cardinality(enumvals)] ELSE max_val END AS value
FROM pg_settings WHERE name LIKE 'bastion.%'
UNION ALL
SELECT name, 'identity', 'x' FROM unnest(ARRAY['bastion.context', 'bastion.grants', 'bastion.token', 'bastion.tenant', 'bastion.unit']) name
UNION ALL
VALUES ('bastion.root_key', 'hidden', 'file:/tmp/x'), ('bastion.invented', 'unknown', 'x');
SELECT s.name, s.context, red.try(format('ALTER ROLE CURRENT_USER SET %s = %L', s.name, s.value)) AS alter_role,
       left(red.try(format('ALTER DATABASE %I SET %s = %L', current_database(), s.name, s.value)), 5) AS alter_database
FROM settings s ORDER BY s.name COLLATE "C";
SELECT red.try(format('ALTER ROLE CURRENT_USER SET bastion.token = %L', :'ann_token'));
ALTER ROLE CURRENT_USER RESET bastion.require_context;
SELECT s.name, red.try(format('SET %s = %L', s.name, s.value)) AS set_session,
       red.try(format('SET LOCAL %s = %L', s.name, s.value)) AS set_local
FROM settings s WHERE s.context <> 'identity' ORDER BY s.name COLLATE "C";
RESET bastion.require_context;
SELECT left(red.try($$SELECT current_setting('bastion.root_key')$$), 5);
-- ALTER SYSTEM runs in no transaction block: the superuser is refused as well
RESET ROLE;
\set VERBOSITY sqlstate
SELECT format('ALTER SYSTEM SET %s = %L', name, value) FROM settings WHERE context = 'identity' ORDER BY name COLLATE "C" \gexec
ALTER ROLE regress_app SET bastion.token = 'x';
ALTER ROLE regress_app SET bastion.context = 'x';
CREATE FUNCTION red.stored() RETURNS text LANGUAGE sql SET bastion.token = 'x' AS 'SELECT 1';
SET ROLE regress_app;
SELECT format('ALTER SYSTEM SET %s = %L', name, value) FROM settings WHERE context <> 'unknown' ORDER BY name COLLATE "C" \gexec
DROP VIEW settings;
-- other ways to become somebody
LOAD 'pg_bastion';
CREATE FUNCTION red.load() RETURNS uuid LANGUAGE c AS '$libdir/pg_bastion', 'bastion_context_impersonate';
SELECT bastion_internal.token_sign('{}');
SELECT bastion.token_issue(:'bob_id', :'bob_tenant');
SELECT bastion_internal.resolve_identity(:'bob_id', NULL, NULL);
SELECT * FROM bastion_internal.effective_permissions(:'bob_id', :'bob_tenant', NULL);
SELECT bastion_internal.context_impersonate(:'bob_id', :'bob_tenant', true);
SELECT bastion.impersonate(:'bob_id', :'bob_tenant', 'curious');
SELECT bastion_internal.password_check('x', 'y');
SELECT bastion_internal.find_user('bob@redteam.example');
CREATE TABLE red.mine (id int);
CREATE TRIGGER t AFTER INSERT ON red.mine FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('all');
CREATE FUNCTION bastion.user_id(int) RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';
TABLE bastion.user_passwords;
TABLE bastion.signing_keys;
TABLE bastion.data_keys;
TABLE bastion.vault;
TABLE bastion.events;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT :'ann_id', :'bob_tenant', id FROM bastion.roles LIMIT 1;
UPDATE bastion.users SET status = 'active';
ALTER TABLE red.documents DISABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS x ON red.documents;
CREATE POLICY open ON red.documents USING (true);
TRUNCATE red.documents;
SET row_security = off;
SELECT count(*) FROM red.documents;
RESET row_security;
\set VERBOSITY terse
SELECT red.seen();

---------------------------------------------------------------------------------------------------------------------
-- Tokens that are not one's own or not good

BEGIN;
SELECT set_config('bastion.token', :'ann_token', true), set_config('bastion.tenant', :'bob_tenant', true) IS NOT NULL AS chosen;
SELECT test.error('SELECT red.seen()');
SELECT set_config('bastion.tenant', '', true);
SELECT red.seen();
SELECT set_config('bastion.tenant', :'bob_tenant', true) IS NOT NULL AS chosen;
SELECT test.error('SELECT red.seen()');
ROLLBACK;
-- after authenticate() the settings choose nothing
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT set_config('bastion.tenant', :'bob_tenant', true) IS NOT NULL AS chosen;
SELECT red.seen();
SELECT set_config('bastion.token', :'bob_token', true);
SELECT test.error('SELECT red.seen()');
SELECT set_config('bastion.token', '', true);
SELECT red.seen();
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob_token'));
SELECT red.seen();
COMMIT;

-- parts changed, borrowed and left out
RESET ROLE;
CREATE FUNCTION red.part(token text, n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT split_part(token, '.', n) $$;
CREATE FUNCTION red.base64url(data bytea) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT translate(rtrim(encode(data, 'base64'), '='), E'+/\n', '-_') $$;
CREATE FUNCTION red.decode(part text) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT convert_from(decode(rpad(translate(part, '-_', '+/'), (length(part) + 3) / 4 * 4, '='), 'base64'), 'UTF8') $$;
CREATE FUNCTION red.join(header text, claims text, signature text) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT concat_ws('.', red.base64url(convert_to(header, 'UTF8')), red.base64url(convert_to(claims, 'UTF8')), signature) $$;
SELECT red.decode(red.part(:'ann_token', 1)) AS header, red.decode(red.part(:'ann_token', 2)) AS claims,
       red.part(:'ann_token', 3) AS signature,
       (SELECT public_jwk FROM bastion.signing_keys WHERE state = 'active') AS jwk \gset
-- a key of the attacker's own, under the kid of the real one
SELECT k.public_jwk AS foreign_jwk, k.kid AS foreign_kid
FROM bastion_internal.signing_key_make(bastion_internal.data_key('signing'), 'EdDSA') k \gset
CREATE TABLE red.tokens (name text, token text);
GRANT SELECT ON red.tokens TO regress_app;
INSERT INTO red.tokens VALUES
    ('empty', ''), ('spaces', '   '), ('dots', '..'), ('null byte escaped', E'a\\000b'), ('one part', 'x'),
    ('two parts', red.part(:'ann_token', 1) || '.' || red.part(:'ann_token', 2)),
    ('four parts', :'ann_token' || '.x'),
    ('trailing space', :'ann_token' || ' '), ('leading space', ' ' || :'ann_token'),
    ('trailing newline', :'ann_token' || E'\n'), ('padding', :'ann_token' || '='),
    ('Bearer', 'Bearer ' || :'ann_token'),
    ('1 MB', repeat('a', 1048576)), ('1 MB of dots', repeat('.', 1048576)),
    ('1 MB behind a good header', red.part(:'ann_token', 1) || '.' || repeat('a', 1048576) || '.' || :'signature'),
    ('1 MB of nesting', red.join(:'header', repeat('[', 100000), :'signature')),
    ('header changed', red.join(:'header' || ' ', :'claims', :'signature')),
    ('claims changed', red.join(:'header', replace(:'claims', :'ann_id', :'bob_id'), :'signature')),
    ('tenant changed', red.join(:'header', replace(:'claims', :'ann_tenant', :'bob_tenant'), :'signature')),
    ('claims of another', red.part(:'ann_token', 1) || '.' || red.part(:'bob_token', 2) || '.' || :'signature'),
    ('signature of another', red.part(:'ann_token', 1) || '.' || red.part(:'ann_token', 2) || '.' || red.part(:'bob_token', 3)),
    ('signature changed', red.part(:'ann_token', 1) || '.' || red.part(:'ann_token', 2) || '.' || translate(:'signature', 'abcdefghij', 'bcdefghija')),
    ('signature of zeros', red.part(:'ann_token', 1) || '.' || red.part(:'ann_token', 2) || '.' || repeat('A', 86)),
    ('no signature', red.part(:'ann_token', 1) || '.' || red.part(:'ann_token', 2) || '.'),
    ('signature cut', left(:'ann_token', -1)),
    ('case changed', upper(:'ann_token')),
    ('alg none', red.join(jsonb_set(:'header', '{alg}', '"none"')::text, replace(:'claims', :'ann_id', :'bob_id'), '')),
    ('alg nOnE', red.join(jsonb_set(:'header', '{alg}', '"nOnE"')::text, replace(:'claims', :'ann_id', :'bob_id'), '')),
    ('no alg', red.join((:'header'::jsonb - 'alg')::text, :'claims', :'signature')),
    ('no kid', red.join((:'header'::jsonb - 'kid')::text, :'claims', :'signature')),
    ('kid not text', red.join(jsonb_set(:'header', '{kid}', '7')::text, :'claims', :'signature')),
    ('kid long', red.join(jsonb_set(:'header', '{kid}', to_jsonb(repeat('k', 5000)))::text, :'claims', :'signature')),
    ('kid unknown', red.join(jsonb_set(:'header', '{kid}', '"unknown"')::text, :'claims', :'signature')),
    ('kid with SQL', red.join(jsonb_set(:'header', '{kid}', '"'' OR true --"')::text, :'claims', :'signature')),
    ('kid with NUL', red.join(regexp_replace(:'header', '"kid": ?"([^"]*)"', E'"kid":"\\1\\\\u0000"'), :'claims', :'signature')),
    ('crit', red.join((:'header'::jsonb || '{"crit": ["exp"]}')::text, :'claims', :'signature')),
    ('members doubled', red.join(:'header', regexp_replace(:'claims', '^{', '{"sub":"' || :'bob_id' || '",'), :'signature')),
    ('HS256 with the public key', bastion.jwt_sign(:'claims'::jsonb || jsonb_build_object('sub', :'bob_id'),
        jsonb_build_object('kty', 'oct', 'alg', 'HS256', 'k', :'jwk'::jsonb ->> 'x', 'kid', :'jwk'::jsonb ->> 'kid'), '{"typ": "at+jwt"}')),
    ('HS256 with the public key as JSON', bastion.jwt_sign(:'claims'::jsonb || jsonb_build_object('sub', :'bob_id'),
        jsonb_build_object('kty', 'oct', 'alg', 'HS256', 'k', :'jwk'::jsonb ->> 'x', 'kid', :'jwk'::jsonb ->> 'kid'),
        '{"typ": "at+jwt"}')),
    ('key in the header', red.join((:'header'::jsonb || jsonb_build_object('jwk', :'foreign_jwk'::jsonb))::text, :'claims', :'signature')),
    -- the example key of RFC 8037 appendix A, as another database's would be
    ('key of another database', bastion.jwt_sign(:'claims'::jsonb || jsonb_build_object('sub', :'bob_id'),
        '{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"other"}',
        '{"typ": "at+jwt"}')),
    ('key of another database, kid of ours', bastion.jwt_sign(:'claims'::jsonb || jsonb_build_object('sub', :'bob_id'),
        jsonb_build_object('kid', :'jwk'::jsonb ->> 'kid') ||
        '{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
        '{"typ": "at+jwt"}'));
-- signed by the right key, with the wrong claims
CREATE FUNCTION red.sign(changes jsonb, claims jsonb) RETURNS text LANGUAGE sql VOLATILE
AS $$ SELECT bastion_internal.token_sign(jsonb_strip_nulls(claims || changes)) $$;
INSERT INTO red.tokens SELECT name, red.sign(changes, :'claims') FROM (VALUES
    ('expired', jsonb_build_object('exp', extract(epoch FROM now())::int - 61)),
    ('expired long ago', '{"exp": 1}'), ('expires never', '{"exp": null}'),
    ('not yet', jsonb_build_object('nbf', extract(epoch FROM now())::int + 1000)),
    ('another issuer', '{"iss": "https://elsewhere.example"}'), ('no issuer', '{"iss": null}'),
    ('another audience', '{"aud": "elsewhere"}'), ('no audience', '{"aud": null}'), ('audience empty', '{"aud": []}'),
    ('no subject', '{"sub": null}'), ('subject not a uuid', '{"sub": "bob"}'), ('subject with more', jsonb_build_object('sub', :'bob_id' || ' ')),
    ('subject unknown', '{"sub": "00000000-0000-4000-8000-000000000000"}'),
    ('tenant without membership', jsonb_build_object('tenant', :'bob_tenant')),
    ('tenant not a uuid', '{"tenant": "red-b"}'),
    ('unit elsewhere', jsonb_build_object('unit', :'bob_tenant')), ('unit not a uuid', '{"unit": "default"}'),
    ('session not a uuid', '{"sid": "x"}')) c (name, changes);
-- good ones, so that the list above is known to fail for the right reason
INSERT INTO red.tokens VALUES ('as login made it', :'ann_token'), ('signed again', red.sign('{}', :'claims')),
    ('two audiences', red.sign('{"aud": ["x", "pg_bastion"]}', :'claims')),
    ('by a clock that is ahead', red.sign(jsonb_build_object('iat', extract(epoch FROM now())::int + 1000), :'claims'));
-- by a key whose private half is known, the example of RFC 8037: access tokens alone, no other type
INSERT INTO bastion.signing_keys (kid, algorithm, state, public_jwk, private_sealed, verifies_until)
SELECT 'known', 'EdDSA', 'retiring', '{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"known"}',
       k.private_sealed, now() + '1 hour' FROM bastion.signing_keys k WHERE k.state = 'active';
SELECT header, test.error(format('SELECT bastion.authenticate(%L)', bastion.jwt_sign(:'claims',
    '{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"known"}', header)))
FROM (VALUES ('{"typ": "at+jwt"}'::jsonb), ('{"typ": "application/at+jwt"}'), ('{"typ": "JWT"}'), ('{"typ": "logout+jwt"}'), ('{}')) t (header);
DELETE FROM bastion.signing_keys WHERE kid = 'known';
-- and one whose key is no longer good
UPDATE bastion.signing_keys SET state = 'retired' WHERE state = 'active';
INSERT INTO red.tokens SELECT 'key retired', :'ann_token';
SET ROLE regress_app;
SELECT test.error(format('SELECT bastion.authenticate(%L)', token)) FROM red.tokens WHERE name = 'key retired';
RESET ROLE;
UPDATE bastion.signing_keys SET state = 'active' WHERE kid = :'jwk'::jsonb ->> 'kid';
DELETE FROM red.tokens WHERE name = 'key retired';
SET ROLE regress_app;
CREATE FUNCTION red.as_token(token text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('bastion.token', token, true);
    RETURN red.seen();
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT name, test.error(format('SELECT bastion.authenticate(%L)', token)) AS by_argument, red.as_token(token) AS by_setting
FROM red.tokens;
-- not text at all
\set VERBOSITY sqlstate
SELECT bastion.authenticate(E'\xff\xfe');
SELECT set_config('bastion.token', E'a\xc3\x28', true);
SELECT bastion.authenticate(convert_from(E'\\xff', 'UTF8'));
\set VERBOSITY terse
SELECT red.seen();

---------------------------------------------------------------------------------------------------------------------
-- What lies between transactions

-- a token of the session, left by the previous client
SET bastion.token = :'bob_token';
SELECT red.seen(), bastion.whoami() ->> 'reason' AS reason;
BEGIN;
SELECT red.seen();
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT red.seen();
COMMIT;
BEGIN;
SET LOCAL bastion.tenant = :'bob_tenant';
SELECT red.seen();
SAVEPOINT s;
SET LOCAL bastion.token = :'ann_token';
SET LOCAL bastion.tenant = '';
SELECT red.seen();
ROLLBACK TO s;
SELECT red.seen();
COMMIT;
BEGIN;
SELECT set_config('bastion.token', current_setting('bastion.token'), true);
SELECT test.error('SELECT red.seen()');
COMMIT;
-- nor after it was reset
RESET bastion.token;
SELECT red.seen();
SET bastion.token = :'bob_token';
RESET ALL;
SELECT red.seen();
SET bastion.token = :'bob_token';
DISCARD ALL;
SET client_min_messages = warning;
SET ROLE regress_app;
SELECT red.seen();
BEGIN;
SET bastion.token = :'bob_token';
SELECT red.seen();
COMMIT;
SELECT red.seen();
RESET bastion.token;
-- RESET and its like inside
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
RESET bastion.context;
SELECT red.seen();
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob_token'));
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SET LOCAL bastion.context TO DEFAULT;
RESET ALL;
SELECT red.seen();
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob_token'));
SELECT set_config('bastion.token', :'bob_token', true);
SELECT test.error('SELECT red.seen()');
ROLLBACK;
-- roles
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SET LOCAL ROLE NONE;
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT red.seen();
COMMIT;
RESET SESSION AUTHORIZATION;
SET ROLE regress_app;
SELECT red.seen();
-- an aborted transaction leaves nothing
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT 1 / 0;
ROLLBACK;
SELECT red.seen();
-- several statements in one message
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated \; COMMIT \; SELECT red.seen();
BEGIN \; SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS a \; COMMIT \; BEGIN \; SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS b \; SELECT red.seen() \; COMMIT;

---------------------------------------------------------------------------------------------------------------------
-- Cursors and plans that outlive an identity

-- a cursor opened before, a savepoint that takes the identity back, and another one
BEGIN;
SAVEPOINT s;
DECLARE c CURSOR FOR SELECT of FROM red.documents;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
FETCH 1 FROM c;
ROLLBACK TO s;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob_token'));
COMMIT;
BEGIN;
DECLARE c CURSOR FOR SELECT of FROM red.documents;
SAVEPOINT s;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
FETCH 1 FROM c;
ROLLBACK TO s;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'bob_token'));
SELECT set_config('bastion.token', :'bob_token', true);
SELECT test.error('SELECT red.seen()');
-- what was decided for it when it began to run stays: one identity in one transaction
FETCH 1 FROM c;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
DECLARE c CURSOR WITH HOLD FOR SELECT DISTINCT of FROM red.documents;
COMMIT;
-- documented weakness: its rows were copied when the transaction ended
FETCH ALL FROM c;
SELECT red.seen();
CLOSE c;

-- prepared and generic plans
PREPARE whose AS SELECT DISTINCT of FROM red.documents;
PREPARE one (int) AS SELECT of FROM red.documents WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE whose;
EXECUTE one (1);
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
EXECUTE whose;
EXECUTE one (1);
EXECUTE one (2);
COMMIT;
EXECUTE whose;
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true);
EXECUTE whose;
EXECUTE one (1);
EXECUTE one (2);
COMMIT;
EXECUTE whose;
EXECUTE one (1);
-- no identity is in a plan
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
CREATE FUNCTION red.plan(statement text) RETURNS SETOF text LANGUAGE plpgsql
AS $$ DECLARE line text; BEGIN FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE) ' || statement LOOP RETURN NEXT line; END LOOP; END $$;
SELECT count(*) > 0 AS has_plan, count(*) FILTER (WHERE p ~ '[0-9a-f]{8}-[0-9a-f]{4}') AS with_tenant
FROM red.plan('EXECUTE whose') p;
COMMIT;

-- parallel workers
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query'
                       ELSE 'force_parallel_mode' END, 'on', false);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
DEALLOCATE ALL;
PREPARE whose AS SELECT string_agg(DISTINCT of, ' and ') FROM red.documents;
PREPARE asks AS
    SELECT count(*) FROM red.documents WHERE bastion.has_permission('red_documents.read') AND tenant_id = bastion.tenant_id()
                                         AND bastion.user_id() IS NOT NULL AND bastion.claims() ->> 'aud' = 'pg_bastion';
BEGIN;
SELECT set_config('bastion.token', :'ann_token', true);
EXECUTE whose;
EXECUTE asks;
SELECT count(*) > 0 AS gathers FROM red.plan('EXECUTE asks') p WHERE p LIKE '%Gather%';
COMMIT;
BEGIN;
SELECT set_config('bastion.token', :'bob_token', true);
EXECUTE asks;
EXECUTE whose;
SAVEPOINT s;
SELECT set_config('bastion.token', '', true);
EXECUTE asks;
ROLLBACK TO s;
EXECUTE asks;
SELECT bastion.context_drop();
EXECUTE whose;
EXECUTE asks;
COMMIT;
EXECUTE whose;
EXECUTE asks;
SELECT red.seen();
BEGIN;
SELECT set_config('bastion.token', 'no token', true);
SELECT test.error('EXECUTE asks');
SELECT test.error('SELECT count(*) FROM red.documents');
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
EXECUTE asks;
EXECUTE whose;
SELECT red.seen();
COMMIT;
-- a function of the application that reads the context in a worker
CREATE FUNCTION red.user_in_worker() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$ BEGIN RETURN bastion.user_id(); END $$;
BEGIN;
SELECT set_config('bastion.token', :'ann_token', true);
SELECT DISTINCT red.user_in_worker() = :'ann_id' AS ann FROM red.documents;
COMMIT;
-- one that sets it cannot be run there
CREATE FUNCTION red.set_in_worker(token text) RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$ BEGIN PERFORM set_config('bastion.token', token, true); RETURN bastion.user_id(); END $$;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT test.error(format('SELECT DISTINCT red.set_in_worker(%L) FROM red.documents', :'bob_token')) ~ '^25000' AS refused;
SELECT red.seen();
COMMIT;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query'
                       ELSE 'force_parallel_mode' END, 'off', false);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
RESET plan_cache_mode;

---------------------------------------------------------------------------------------------------------------------
-- Statements that might look past the policy

BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
-- writing into, moving to and taking from another tenant
SELECT red.try(format('INSERT INTO red.documents VALUES (5001, %L, ''B'', 5001)', :'bob_tenant'));
SELECT red.try(format('UPDATE red.documents SET tenant_id = %L WHERE id = 2', :'bob_tenant'));
UPDATE red.documents SET title = 'taken' WHERE of = 'B';
DELETE FROM red.documents WHERE id = 1 RETURNING title;
UPDATE red.documents d SET title = o.title FROM red.documents o WHERE o.id = 1 AND d.id = 2 RETURNING d.title;
SELECT of FROM red.documents WHERE id = 1 FOR UPDATE;
-- a row of another tenant in the way: an error, and neither seen nor changed
SELECT red.try(format('INSERT INTO red.documents VALUES (1, %L, ''A'', 5001) ON CONFLICT (id) DO UPDATE SET title = documents.title', :'ann_tenant'));
SELECT red.try(format('INSERT INTO red.documents VALUES (1, %L, ''A'', 5001) ON CONFLICT (id) DO UPDATE SET tenant_id = excluded.tenant_id', :'ann_tenant'));
INSERT INTO red.documents VALUES (1, :'ann_tenant', 'A', 5001) ON CONFLICT DO NOTHING RETURNING title;
SELECT red.try(format('INSERT INTO red.documents VALUES (1, %L, ''A'', 5001)', :'ann_tenant'));
INSERT INTO red.documents VALUES (5002, :'ann_tenant', 'A', 5002) RETURNING of;
INSERT INTO red.documents (id, of, code) VALUES (5003, 'A', 5003) RETURNING tenant_id = :'ann_tenant' AS default_tenant;
MERGE INTO red.documents d USING (VALUES (1), (2), (6001)) s (id) ON d.id = s.id
    WHEN MATCHED THEN UPDATE SET title = 'merged'
    WHEN NOT MATCHED AND s.id > 6000 THEN INSERT (id, of, code) VALUES (s.id, 'A', s.id);
SELECT red.try(format('MERGE INTO red.documents d USING (VALUES (2)) s (id) ON d.id = s.id WHEN MATCHED THEN UPDATE SET tenant_id = %L', :'bob_tenant'));
SELECT DISTINCT of FROM red.documents WHERE title = 'merged';
WITH changed AS (UPDATE red.documents SET title = 'x' RETURNING of) SELECT DISTINCT of FROM changed;
COPY (SELECT DISTINCT of FROM red.documents) TO STDOUT;
SELECT DISTINCT of FROM (TABLE red.documents) d;
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
COPY red.documents FROM STDIN;
\.
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT count(*) FROM red.documents TABLESAMPLE SYSTEM (100) WHERE of = 'B';
SELECT count(*) FROM red.documents a FULL JOIN red.documents b ON a.id = b.id WHERE a.of = 'B' OR b.of = 'B';
SELECT count(*) FROM pg_stats WHERE tablename = 'documents' AND schemaname = 'red';
SELECT red.try('SELECT * FROM pg_statistic');
SELECT red.try('CREATE TRIGGER t BEFORE INSERT ON red.documents FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()');
SELECT red.try('CREATE TABLE red.child () INHERITS (red.documents)');
SELECT red.try('CREATE STATISTICS red.s ON of, title FROM red.documents');
SELECT red.try('ALTER TABLE red.documents ADD CONSTRAINT c CHECK (of <> ''B'')');
SELECT red.try('CREATE TABLE red.refers (id int REFERENCES red.documents)');
SELECT red.try('CREATE MATERIALIZED VIEW red.m AS SELECT DISTINCT of FROM red.documents');
COMMIT;
-- without an identity
SELECT red.try('INSERT INTO red.documents VALUES (7001, gen_random_uuid(), ''B'', 7001)');
SELECT red.try('INSERT INTO red.documents (id) VALUES (7001)');

-- a cheap function of the attacker's own does not see the rows first
CREATE FUNCTION red.leak(title text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
AS $$ BEGIN RAISE WARNING 'saw %', title; RETURN true; END $$;
CREATE FUNCTION red.leak_equal(a int, b int) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
AS $$ BEGIN RAISE WARNING 'compared'; RETURN a = b; END $$;
CREATE OPERATOR red.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = red.leak_equal, RESTRICT = eqsel);
SELECT id FROM red.documents WHERE red.leak(title) AND id < 4;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT id FROM red.documents WHERE red.leak(title) AND id < 4;
SELECT id FROM red.documents WHERE id < 4 AND id OPERATOR(red.===) 1;
SELECT count(*) FROM red.documents WHERE 1 / (id - 1) > 5;
COMMIT;

-- names of the attacker's own in front of everything
CREATE FUNCTION red.uuid_equal(a uuid, b uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR red.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = red.uuid_equal);
CREATE FUNCTION red.text_equal(a text, b text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR red.= (LEFTARG = text, RIGHTARG = text, FUNCTION = red.text_equal);
CREATE FUNCTION red.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT ''SELECT 1''';
CREATE FUNCTION red.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''bob@redteam.example''';
CREATE FUNCTION red.starts_with(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE TEMP TABLE users (id uuid, status text);
CREATE TEMP TABLE memberships (user_id uuid, tenant_id uuid);
CREATE TYPE pg_temp.uuid AS (x int);
SET search_path = red, pg_temp, pg_catalog;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT red.seen();
SELECT bastion.has_permission('tenant.members.invented') AS invented, bastion.has_permission('red_documents.fly') AS fly;
SELECT test.error(pg_catalog.format('SELECT bastion.authenticate(%L, %L)', :'ann_token'::text, :'bob_tenant'::text));
COMMIT;
SELECT test.error(pg_catalog.format('SELECT bastion.authenticate(%L, %L)', :'ann_token'::text, :'bob_tenant'::text));
SELECT bastion_api.login('ann@redteam.example', 'correct horse') OPERATOR(pg_catalog.#>>) '{user,email}' AS logged_in;
SELECT red.seen();
RESET search_path;
DROP TYPE pg_temp.uuid;
DROP TABLE pg_temp.users, pg_temp.memberships;
DROP OPERATOR red.= (uuid, uuid);
DROP OPERATOR red.= (text, text);
-- other settings that bend expressions
SET transform_null_equals = on;
SET array_nulls = off;
SET standard_conforming_strings = off;
SET TimeZone = '<","actor":"x>5';
SET DateStyle = 'German';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -15;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT red.seen(), bastion.whoami() ->> 'actor' AS actor, (bastion.whoami() ->> 'expires_at')::timestamptz > now() AS expires;
COMMIT;
SELECT red.seen();
RESET transform_null_equals;
RESET array_nulls;
RESET standard_conforming_strings;
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
RESET extra_float_digits;

-- views, functions and triggers of the table's owner: the identity is the caller's, and the owner is no exception
RESET ROLE;
SET ROLE regress_red_owner;
CREATE VIEW red.plain_view AS SELECT DISTINCT of FROM red.documents;
CREATE VIEW red.invoker_view WITH (security_invoker) AS SELECT DISTINCT of FROM red.documents;
CREATE VIEW red.barrier_view WITH (security_barrier) AS SELECT DISTINCT of FROM red.documents;
CREATE FUNCTION red.definer() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS 'SELECT DISTINCT of FROM red.documents';
CREATE FUNCTION red.definer_for(token text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS 'BEGIN PERFORM bastion.authenticate(token); RETURN QUERY SELECT DISTINCT of FROM red.documents; END';
RESET ROLE;
SELECT bastion.allow_app_role('regress_red_owner');
SET ROLE regress_red_owner;
GRANT SELECT ON red.plain_view, red.invoker_view, red.barrier_view TO regress_app;
SELECT DISTINCT of FROM red.documents;
SET ROLE regress_app;
TABLE red.plain_view;
TABLE red.invoker_view;
TABLE red.barrier_view;
SELECT * FROM red.definer();
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
TABLE red.plain_view;
TABLE red.invoker_view;
TABLE red.barrier_view;
SELECT * FROM red.definer();
SELECT * FROM red.definer_for(:'ann_token');
SELECT test.error(format('SELECT * FROM red.definer_for(%L)', :'bob_token'));
COMMIT;
RESET ROLE;
CREATE TABLE red.log (of text, seen text);
GRANT INSERT ON red.log TO regress_app;
CREATE FUNCTION red.log_change() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN INSERT INTO red.log VALUES (NEW.of, red.seen()); RETURN NEW; END $$;
CREATE TRIGGER log_change BEFORE UPDATE ON red.documents FOR EACH ROW EXECUTE FUNCTION red.log_change();
CREATE CONSTRAINT TRIGGER log_later AFTER UPDATE ON red.documents DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION red.log_change();
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
UPDATE red.documents SET title = 'changed' WHERE id IN (1, 2);
COMMIT;
RESET ROLE;
SELECT * FROM red.log;
DROP TRIGGER log_change ON red.documents;
DROP TRIGGER log_later ON red.documents;

-- policies that call back into the readers do not recurse, and cannot bend what the extension reads for itself
CREATE POLICY calls_back ON bastion.memberships USING (bastion.user_id() IS NOT NULL AND bastion.has_permission('red_documents.read'));
CREATE POLICY calls_back ON bastion.users AS RESTRICTIVE USING (bastion.has_permission('red_documents.read'));
ALTER TABLE bastion.memberships FORCE ROW LEVEL SECURITY;
ALTER TABLE bastion.users FORCE ROW LEVEL SECURITY;
CREATE POLICY deny ON bastion.tenants AS RESTRICTIVE USING (false);
ALTER TABLE bastion.tenants FORCE ROW LEVEL SECURITY;
UPDATE bastion.users SET display_name = 'Ann' WHERE id = :'ann_id';
UPDATE bastion.users SET status = 'disabled' WHERE id = :'ann_id';
UPDATE bastion.users SET status = 'active' WHERE id = :'ann_id';
UPDATE bastion.sessions SET revoked_at = NULL, revoked_reason = NULL WHERE user_id = :'ann_id';
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT red.seen();
SELECT count(*) > 1 AS all_of_them FROM bastion.memberships;
COMMIT;
SELECT count(*) FROM bastion.memberships;
RESET ROLE;
DROP POLICY calls_back ON bastion.memberships;
DROP POLICY calls_back ON bastion.users;
DROP POLICY deny ON bastion.tenants;
ALTER TABLE bastion.memberships NO FORCE ROW LEVEL SECURITY;
ALTER TABLE bastion.users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE bastion.tenants NO FORCE ROW LEVEL SECURITY;

-- the extension's own tables
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT name FROM bastion.tenants;
SELECT email FROM bastion.users;
SELECT count(*) FROM bastion.memberships;
SELECT slug FROM bastion.units;
COMMIT;
SELECT count(*) FROM bastion.tenants;
SELECT count(*) FROM bastion.users;

---------------------------------------------------------------------------------------------------------------------
-- One statement that changes its mind

-- many requests in one statement do not disturb the decision that the statement runs under
CREATE FUNCTION red.many_requests(token text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    before text;
    refused int := 0;
BEGIN
    before := bastion.has_permission('red_documents.read') || ' ' || bastion.user_id();
    FOR i IN 1..600 LOOP
        BEGIN
            PERFORM bastion.authenticate(token, 'no-such-' || i);
        EXCEPTION WHEN invalid_authorization_specification THEN
            refused := refused + 1;
        END;
    END LOOP;
    RETURN format('%s refused, %s, %s', refused, before = bastion.has_permission('red_documents.read') || ' ' || bastion.user_id(),
                  bastion.has_permission('red_documents.create'));
END
$$;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS authenticated;
SELECT red.many_requests(:'ann_token');
SELECT red.seen();
COMMIT;
-- nor do those that change rights: one user with many tenants, and a decision that outlives its place in the cache
RESET ROLE;
CREATE FUNCTION red.many_tenants(token text, bob uuid) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    refused int := 0;
    tenant uuid;
    before text := bastion.has_permission('red_documents.read') || ' ' || bastion.user_id();
BEGIN
    FOR i IN 1..300 LOOP
        tenant := bastion_internal.tenant_create('Many ' || i, bob);
        BEGIN
            PERFORM bastion.authenticate(token, tenant::text);
        EXCEPTION WHEN invalid_transaction_state THEN
            refused := refused + 1;
        END;
    END LOOP;
    RETURN format('%s refused, %s, %s', refused, before = bastion.has_permission('red_documents.read') || ' ' || bastion.user_id(),
                  bastion.has_permission('red_documents.update'));
END
$$;
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT red.many_tenants(:'bob_token', :'bob_id');
SELECT red.many_tenants(:'bob_token', :'bob_id');
ROLLBACK;
SET ROLE regress_app;
-- the token in the middle of the query that reads
BEGIN;
SELECT count(*) FILTER (WHERE of = 'B') AS of_others FROM (SELECT set_config('bastion.token', :'ann_token', true) OFFSET 0) s, red.documents;
COMMIT;
BEGIN;
SELECT test.error(format('SELECT bastion.authenticate(%L), bastion.authenticate(%L)', :'ann_token', :'bob_token'));
COMMIT;
BEGIN;
SELECT test.error(format($$
    SELECT count(*) FROM red.documents d,
        LATERAL (SELECT bastion.authenticate(CASE WHEN d.of = 'A' THEN %L ELSE %L END), d.id OFFSET 0) s$$, :'ann_token', :'bob_token'));
SELECT red.seen();
COMMIT;
-- unions of two identities
BEGIN;
SELECT test.error(format($$
    WITH a AS MATERIALIZED (SELECT set_config('bastion.token', %L, true), red.seen()),
         b AS MATERIALIZED (SELECT set_config('bastion.token', %L, true), red.seen() FROM a)
    SELECT * FROM a, b$$, :'ann_token', :'bob_token'));
COMMIT;
-- functions that carry the token in their own settings, nested
CREATE FUNCTION red.inner_function() RETURNS text LANGUAGE plpgsql SET work_mem = '4MB' AS $$ BEGIN RETURN red.seen(); END $$;
CREATE FUNCTION red.outer_function(token text) RETURNS text LANGUAGE plpgsql SET work_mem = '8MB'
AS $$
DECLARE
    inside text;
BEGIN
    PERFORM set_config('bastion.token', token, true);
    inside := red.inner_function();
    PERFORM set_config('bastion.token', '', true);
    RETURN inside || ', then ' || red.seen();
END
$$;
BEGIN;
SELECT red.outer_function(:'ann_token');
SELECT test.error(format('SELECT red.outer_function(%L)', :'bob_token'));
SELECT red.seen();
COMMIT;
CREATE PROCEDURE red.commits(a text, b text) LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('bastion.token', a, false);
    RAISE WARNING '%', red.seen();
    COMMIT;
    RAISE WARNING 'after COMMIT %', red.seen();
    PERFORM set_config('bastion.token', b, false);
    RAISE WARNING '%', red.seen();
    ROLLBACK;
    RAISE WARNING 'after ROLLBACK %', red.seen();
END
$$;
CALL red.commits(:'ann_token', :'bob_token');
SELECT red.seen();
RESET bastion.token;

RESET ROLE;
SELECT count(*) > 0 AS unprotected FROM bastion.unprotect('red.documents');
DELETE FROM bastion.permissions WHERE resource = 'red_documents';
DROP SCHEMA red CASCADE;
DROP OWNED BY regress_red_owner;
DROP ROLE regress_red_owner;
