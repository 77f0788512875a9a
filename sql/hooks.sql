-- Hooks of sign-ups and logins: what can be one, as whom it runs, what it decides, and what comes of one that fails, loops or reaches
-- for the identity.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DO $$ BEGIN IF to_regrole('regress_hooks') IS NULL THEN CREATE ROLE regress_hooks; END IF; END $$;
CREATE SCHEMA hooks AUTHORIZATION regress_hooks;
GRANT USAGE ON SCHEMA hooks TO regress_app;
GRANT USAGE ON SCHEMA bastion, bastion_api TO regress_hooks;
GRANT EXECUTE ON FUNCTION bastion.user_id(), bastion.authenticate(text, text, text), bastion.context_drop(), bastion_api.login(text, text, text, text, text, text) TO regress_hooks;
SET ROLE regress_hooks;
CREATE TABLE hooks.seen (id int GENERATED ALWAYS AS IDENTITY, event text, argument jsonb);
CREATE FUNCTION hooks.one(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT NULL::jsonb $$;
CREATE FUNCTION hooks.of_text(argument text) RETURNS jsonb LANGUAGE sql AS $$ SELECT NULL::jsonb $$;
CREATE FUNCTION hooks.to_text(argument jsonb) RETURNS text LANGUAGE sql AS $$ SELECT NULL::text $$;
CREATE FUNCTION hooks.set_of(argument jsonb) RETURNS SETOF jsonb LANGUAGE sql AS $$ SELECT NULL::jsonb $$;
CREATE FUNCTION hooks.definer(argument jsonb) RETURNS jsonb LANGUAGE sql SECURITY DEFINER AS $$ SELECT NULL::jsonb $$;
CREATE FUNCTION hooks."Quoted one"(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT NULL::jsonb $$;
RESET ROLE;
CREATE FUNCTION test.of_superuser(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT NULL::jsonb $$;

-- what can be one
SELECT a AS arguments, test.error(format('SELECT bastion.hook_set(%s)', a)) AS error FROM unnest(ARRAY[
    'NULL, ''hooks.one(jsonb)'', ''regress_hooks''', '''sometimes'', ''hooks.one(jsonb)'', ''regress_hooks''', '''claims'', NULL, ''regress_hooks''', '''claims'', ''hooks.one(jsonb)'', NULL', '''claims'', 5, ''regress_hooks''',
    '''claims'', ''hooks.of_text(text)'', ''regress_hooks''', '''claims'', ''hooks.to_text(jsonb)'', ''regress_hooks''', '''claims'', ''hooks.set_of(jsonb)'', ''regress_hooks''', '''claims'', ''hooks.definer(jsonb)'', ''regress_hooks''',
    '''claims'', ''hooks.one(jsonb)'', ''regress_app''', '''claims'', ''test.of_superuser(jsonb)'', current_user::regrole', '''claims'', ''hooks."Quoted one"(jsonb)'', ''regress_hooks''', '''claims'', ''test.of_superuser(jsonb)'', ''regress_hooks''']) a;
SELECT event, function, runs_as FROM bastion.hooks;
SELECT bastion.hook_remove('claims'), bastion.hook_remove('claims') AS again, bastion.hook_remove(NULL) AS nothing;
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.hook_set('claims', 'hooks.one(jsonb)', 'regress_hooks')$$), test.error($$SELECT bastion.hook_remove('claims')$$), test.error('TABLE bastion.hooks');
RESET ROLE;

-- what they are told, as whom they run, and what they decide
SET ROLE regress_hooks;
CREATE FUNCTION hooks.before_signup(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$
    INSERT INTO hooks.seen (event, argument) VALUES ('before_signup', argument);
    SELECT jsonb_build_object('refuse', argument ->> 'email' LIKE 'bad%') $$;
CREATE FUNCTION hooks.before_login(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$
    INSERT INTO hooks.seen (event, argument) VALUES ('before_login', argument || jsonb_build_object('as', current_user, 'path', current_setting('search_path'), 'user_id', bastion.user_id()));
    SELECT NULL::jsonb $$;
CREATE FUNCTION hooks.after_login(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$
    INSERT INTO hooks.seen (event, argument) VALUES ('after_login', argument); SELECT 'null'::jsonb $$;
CREATE FUNCTION hooks.claims(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('team', 'red', 'sub', gen_random_uuid(), 'tenant', 'x', 'exp', 4000000000, 'acr', 'aal2', 'unit', gen_random_uuid(), 'dlg', gen_random_uuid(), 'act', '{}'::jsonb, 'nbf', 4000000000, 'told', (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(argument) k)) $$;
RESET ROLE;
SELECT bastion.hook_set(e, ('hooks.' || e || '(jsonb)')::regprocedure, 'regress_hooks') FROM unnest(ARRAY['before_signup', 'before_login', 'after_login', 'claims']) e;
SET ROLE regress_app;
SELECT bastion_api.signup('bad@hooks.example', 'correct horse', 'Hooks') AS refused, bastion_api.signup('ann@hooks.example', 'correct horse', 'Hooks', 'Ann', 'hooks.ann') ->> 'token_type' AS signed_up;
SELECT bastion_api.login('hooks.ann', 'correct horse') AS ann \gset
SELECT bastion_api.login('hooks.ann', 'wrong horse') ->> 'error' AS wrong;
SELECT c -> 'team' AS team, c -> 'told' AS told, c ->> 'sub' = :'ann'::jsonb #>> '{user,id}' AS own_sub, c ->> 'tenant' = :'ann'::jsonb #>> '{tenant,id}' AS own_tenant, c -> 'acr' AS acr, (c ->> 'exp')::numeric < 4000000000 AS own_exp,
       c ?| '{unit,dlg,act,nbf}' AS more
FROM test.claims(:'ann'::jsonb ->> 'access_token') c;
BEGIN;
SELECT bastion.authenticate(:'ann'::jsonb ->> 'access_token') IS NOT NULL AS ok;
SELECT bastion.claims() ->> 'team' AS team;
COMMIT;
SELECT test.claims(bastion_api.refresh(:'ann'::jsonb ->> 'refresh_token') ->> 'access_token') ->> 'team' AS refreshed;
RESET ROLE;
SELECT event, argument - '{user,tenant}'::text[] AS argument, argument -> 'user' = :'ann'::jsonb #> '{user,id}' AS ann FROM hooks.seen ORDER BY id;

-- anonymous users pass the same hook, at the sign-up, and with their address at the conversion
SET bastion.anonymous_signup = on;
BEGIN;
SELECT bastion_api.signup_anonymous('Hooks of a guest', 'Guest') ->> 'access_token' AS guest \gset
SELECT set_config('bastion.token', :'guest', true) <> '' AS guest;
SELECT bastion_api.account_convert('bad@hooks.example', 'correct horse battery') ->> 'error' AS refused;
SELECT argument FROM (SELECT s.id, s.argument FROM hooks.seen s WHERE s.event = 'before_signup' ORDER BY s.id DESC LIMIT 2) s ORDER BY s.id;
ROLLBACK;
RESET bastion.anonymous_signup;

-- what a hook may be like: each in turn before and after a login, and for claims
SET ROLE regress_hooks;
CREATE FUNCTION hooks.bad(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TABLE hooks.token (token text);
RESET ROLE;
INSERT INTO hooks.token SELECT :'ann'::jsonb ->> 'access_token';
CREATE FUNCTION test.becomes(body text, event text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SET LOCAL ROLE regress_hooks; CREATE OR REPLACE FUNCTION hooks.bad(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS %L', format('BEGIN INSERT INTO hooks.seen (event) VALUES (''tried''); %s END', body));
    RESET ROLE;
    PERFORM bastion.hook_remove(e) FROM unnest(ARRAY['before_signup', 'before_login', 'after_login', 'claims']) e;
    PERFORM bastion.hook_set(becomes.event, 'hooks.bad(jsonb)', 'regress_hooks'), set_config('bastion.hook_timeout', CASE WHEN body ~ 'LOOP|pg_sleep' THEN '20ms' ELSE '60s' END, true);
    BEGIN
        answer := bastion_api.login('hooks.ann', 'correct horse');
        answer := coalesce(answer::jsonb ->> 'error', answer::jsonb ->> 'token_type');
    EXCEPTION WHEN OTHERS THEN
        answer := SQLSTATE;
    END;
    RETURN concat_ws(', ', answer, (SELECT 'failed ' || (e.detail ->> 'sqlstate') FROM bastion.events e WHERE e.kind = 'hook_failed' AND e.detail ->> 'event' = becomes.event AND e.id > coalesce(current_setting('hooks.last', true), '0')::bigint ORDER BY e.id DESC LIMIT 1),
                     'wrote ' || (SELECT count(*) FROM hooks.seen s WHERE s.event = 'tried'), nullif(current_user, session_user), nullif(current_setting('hooks.left', true), ''), nullif(bastion.whoami() ->> 'state', 'anonymous'));
END
$$;
SELECT set_config('hooks.last', (SELECT max(id)::text FROM bastion.events), false) IS NOT NULL AS set;
\t on
SELECT format('BEGIN; SELECT %2$L AS event, %1$L AS hook, test.becomes(%1$L, %2$L); ROLLBACK', b, e) FROM unnest(ARRAY[
    'RETURN NULL;', 'RETURN ''{"refuse": true}'';', 'RETURN ''{"refuse": "yes"}'';', 'RETURN ''[]'';', 'RETURN ''"x"'';', 'RETURN jsonb_build_object(''x'', repeat(''x'', 5000));', 'RAISE EXCEPTION ''no'' USING ERRCODE = ''P1234'';', 'RAISE division_by_zero;',
    'LOOP NULL; END LOOP;', 'PERFORM pg_sleep(60);', 'FOR i IN 1..3 LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; RETURN NULL;',
    'SET LOCAL ROLE NONE; RETURN NULL;', 'SET SESSION AUTHORIZATION DEFAULT; RETURN NULL;', 'PERFORM set_config(''hooks.left'', ''left'', false); RETURN NULL;', 'PERFORM count(*) FROM bastion.users; RETURN NULL;',
    'PERFORM bastion.authenticate(t.token) FROM hooks.token t; RETURN NULL;', 'PERFORM set_config(''bastion.token'', t.token, true) FROM hooks.token t; RETURN jsonb_build_object(''refuse'', bastion.user_id() IS NOT NULL);',
    'PERFORM set_config(''bastion.token'', t.token, true) FROM hooks.token t; RETURN NULL;', 'PERFORM bastion.context_drop(); RETURN NULL;', 'PERFORM bastion_api.login(''hooks.ann'', ''correct horse''); RETURN NULL;', 'CREATE TEMPORARY TABLE of_hook (); RETURN NULL;',
    'COMMIT; RETURN NULL;', 'RETURN (SELECT NULL::jsonb FROM "hooks"."nowhere");']) WITH ORDINALITY b (b, n), unnest(ARRAY['before_login', 'after_login', 'claims']) WITH ORDINALITY e (e, m) ORDER BY n, m
\gexec
\t off
-- a cancellation of somebody else is none of the hook's
BEGIN;
SELECT test.becomes('RETURN NULL;', 'after_login');
SET LOCAL ROLE regress_hooks;
CREATE OR REPLACE FUNCTION hooks.bad(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
RESET ROLE;
SET LOCAL bastion.hook_timeout = '60s';
SET LOCAL statement_timeout = '2s';
SELECT bastion_api.login('hooks.ann', 'correct horse') ->> 'token_type' AS logged_in;
ROLLBACK;

-- what changed since it was set: the function is gone, belongs to somebody else, or the role lost it
SELECT bastion.hook_set('before_login', 'hooks.one(jsonb)', 'regress_hooks');
SELECT bastion_api.login('hooks.ann', 'correct horse') ->> 'token_type' AS works;
REVOKE EXECUTE ON FUNCTION hooks.one(jsonb) FROM PUBLIC, regress_hooks;
SELECT bastion_api.login('hooks.ann', 'correct horse') ->> 'error' AS revoked;
GRANT EXECUTE ON FUNCTION hooks.one(jsonb) TO PUBLIC;
ALTER FUNCTION hooks.one(jsonb) OWNER TO regress_app;
SELECT bastion_api.login('hooks.ann', 'correct horse') ->> 'error' AS of_another_owner;
SELECT * FROM bastion.lint() WHERE object ~ '^hook ';
ALTER FUNCTION hooks.one(jsonb) OWNER TO regress_hooks;
ALTER FUNCTION hooks.one(jsonb) SECURITY DEFINER;
SELECT bastion_api.login('hooks.ann', 'correct horse') ->> 'error' AS definer;
DROP FUNCTION hooks.one(jsonb);
SELECT bastion_api.login('hooks.ann', 'correct horse') ->> 'error' AS dropped;
SELECT object, problem FROM bastion.lint() WHERE object ~ '^hook ';
BEGIN;
UPDATE bastion.hooks SET runs_as = 'regress_nobody', function = 'hooks.seen' WHERE event = 'before_login';
SELECT object, problem, fix FROM bastion.lint() WHERE object ~ '^hook ' \gset
SELECT :'object' AS object, :'problem' AS problem;
:fix
SELECT count(*) AS left FROM bastion.lint() WHERE object ~ '^hook ';
ROLLBACK;
SELECT detail, count(*) FROM bastion.events WHERE kind = 'hook_failed' AND detail ->> 'sqlstate' = '42883' GROUP BY 1;
SELECT bastion.hook_remove('before_login');
SELECT bastion_api.login('hooks.ann', 'correct horse') ->> 'token_type' AS removed;
SELECT kind, detail - 'by' AS detail FROM bastion.events WHERE kind IN ('hook_set', 'hook_removed') ORDER BY id LIMIT 3;

SELECT count(bastion.hook_remove(e)) AS removed FROM unnest(ARRAY['before_signup', 'after_login', 'claims']) e;
SELECT count(*) FROM bastion.tenant_delete('hooks');
DELETE FROM bastion.users WHERE email LIKE '%@hooks.example';
DROP SCHEMA hooks CASCADE;
DROP FUNCTION test.of_superuser, test.becomes;
REVOKE ALL ON SCHEMA bastion, bastion_api FROM regress_hooks;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bastion, bastion_api FROM regress_hooks;
DROP ROLE regress_hooks;
