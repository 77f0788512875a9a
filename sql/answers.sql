-- The answers of bastion_api: one shape for success and refusal, the HTTP status and headers that PostgREST takes from response.*,
-- and a schema for each function. test/frontdoor/api.py compares every answer with its schema.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben']) n, LATERAL bastion_api.signup(n || '@answers.example', 'correct horse', 'Answers of ' || n) a;

-- a function without a schema, and a schema without a function
CREATE VIEW test.without_schema AS
SELECT coalesce(p.proname, s.name) AS name FROM (SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'bastion_api'::regnamespace) p
FULL JOIN jsonb_object_keys(bastion_api.schema()) s (name) ON s.name = p.proname WHERE p.proname IS NULL OR s.name IS NULL;
TABLE test.without_schema;
SELECT count(*) FILTER (WHERE prorettype <> 'jsonb'::regtype) AS other_types, bool_and(proparallel = 'u') AS none_in_parallel FROM pg_proc WHERE pronamespace = 'bastion_api'::regnamespace;
-- the check bites
BEGIN;
CREATE FUNCTION bastion_api.planted() RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$;
TABLE test.without_schema;
ROLLBACK;

-- What the application gets and what the front door makes of it. The caller's own response.* come before.
CREATE FUNCTION test.responds(token text, call text, OUT answer jsonb, OUT told text, OUT status text, OUT headers text) LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('response.status', '302', true), set_config('response.headers', '[{"Location": "https://evil.example"}]', true);
    PERFORM set_config('bastion.token', token, true), set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    EXECUTE 'SELECT ' || call INTO answer;
    RESET ROLE;
    told := coalesce(answer ->> 'error', (SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(answer) k));
    status := current_setting('response.status');
    headers := current_setting('response.headers');
END
$$;
-- without a token, with one that is refused, and with an API key
BEGIN;
SELECT bastion.authenticate(token) IS NOT NULL AS ann FROM test.people WHERE name = 'ann';
SELECT bastion_api.api_key_create('a key', '{*}') ->> 'key' AS key \gset
COMMIT;
SELECT c.call, p.who, r.told, r.status, r.headers
FROM unnest(ARRAY['me()', 'logout()', 'sessions()', $$api_key_create('x', '{*}')$$, 'api_keys()', 'api_key_rotate(gen_random_uuid())',
    'api_key_revoke(gen_random_uuid())', 'api_key_disable(gen_random_uuid())', 'invitations()', 'my_invitations()', $$invitation_accept('x')$$,
    'invitation_accept(gen_random_uuid())', 'invitation_decline(gen_random_uuid())', 'factors()', 'totp_add()', $$totp_confirm(gen_random_uuid(), 'x')$$, 'passkey_add()', $$passkey_confirm('x', '{}')$$, 'passkey_options()', 'passkey_login_options()', $$passkey_login('x', '{}')$$, $$identity_link('x')$$, 'identity_links()', $$identity_unlink('x', 'x')$$,
    $$factor_rename(gen_random_uuid(), 'x')$$, 'factor_remove(gen_random_uuid())', 'recovery_codes_renew()', $$step_up(NULL, '{}')$$,
    $$profile_update('{}')$$, $$password_change('x', 'correct horse')$$, 'session_rename(gen_random_uuid(), NULL)',
    'session_revoke(gen_random_uuid())', 'tenants()', $$tenant_create('X')$$, $$tenant_rename('X')$$, 'tenant_settings()', $$tenant_settings_set('{}')$$, 'tenant_leave()', $$tenant_transfer('x')$$, 'members()', $$member_set('x', 'viewer')$$, $$member_add('x', 'viewer')$$,
    $$member_remove('x')$$, 'units()', $$unit_create('team', 'X')$$, $$unit_rename('x', 'X')$$, $$unit_delete('x')$$, 'step_up_rules()', $$tenant_delete('x')$$, $$tenant_delete_cancel('x')$$]) WITH ORDINALITY c (call, place),
    (VALUES (1, 'nobody', ''), (2, 'a refused token', 'x'), (3, 'an API key', :'key')) p (n, who, token), LATERAL test.responds(p.token, 'bastion_api.' || c.call) r
ORDER BY c.place, p.n;
-- those that need no identity ignore a refused token
BEGIN;
SELECT c.call, r.told, r.status, r.headers
FROM unnest(ARRAY[$$login('ann@answers.example', 'wrong horse')$$, $$login('nobody', 'wrong horse')$$, $$login('ann@answers.example', 'correct horse')$$, 'login(NULL, NULL)',
    $$login_mfa('x', NULL, '{}')$$, $$login_tenant('x', 'x')$$, $$token('password', 'nobody', 'wrong horse')$$, $$token('x')$$, $$tenant_switch('x', 'x')$$, $$refresh('x')$$, $$token_revoke('x')$$, $$signup('x', 'correct horse', 'X')$$, $$signup('x@answers.example', 'x', 'X')$$, $$signup('x@answers.example', 'correct horse', '')$$,
    $$signup('x@answers.example', 'correct horse', 'X', '')$$, $$signup('x@answers.example', 'correct horse', 'X', NULL, '!')$$, $$signup('ann@answers.example', 'correct horse', 'X')$$,
    $$signup_invited('x', 'correct horse')$$, $$signup_anonymous('X')$$, $$account_convert('x@answers.example', 'correct horse')$$, $$account_recovery_finish('x')$$, $$account_recovery_cancel('x')$$, 'account_recovery_cancel()', 'schema()']) WITH ORDINALITY c (call, place), LATERAL test.responds('x', 'bastion_api.' || c.call) r ORDER BY c.place;
SET LOCAL bastion.signup_mode = 'closed';
SELECT told, status, headers FROM test.responds('', $$bastion_api.signup('x@answers.example', 'correct horse', 'X')$$);
ROLLBACK;
-- a user of two tenants, and one of none
BEGIN;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('ben'), test.role_of('viewer');
SELECT r.told, r.status, r.headers, jsonb_path_query_array(r.answer, '$.tenants[*].role') AS roles FROM test.responds('', $$bastion_api.login('ann@answers.example', 'correct horse')$$) r;
INSERT INTO bastion.users (email) VALUES ('homeless@answers.example') RETURNING bastion.token_issue(id, NULL) AS homeless \gset
SELECT c.call, r.told, r.status FROM unnest(ARRAY['me()', 'sessions()', 'my_invitations()', 'api_keys()', 'invitations()', $$api_key_create('x', '{*}')$$]) c (call),
    LATERAL test.responds(:'homeless', 'bastion_api.' || c.call) r;
ROLLBACK;

BEGIN;
-- who does not exist cannot be distinguished from who does: status, headers and answer are the same
SELECT count(DISTINCT r) AS answers FROM unnest(ARRAY['ann@answers.example', 'ANN@answers.example', 'nobody@answers.example', 'ann', '', E'a\r\nSet-Cookie: x', '"', repeat('x', 100000)]) n,
    LATERAL test.responds('', format('bastion_api.login(%L, ''wrong horse'')', n)) r;
-- nothing that a caller sends comes back in a refusal or a header
SELECT c.argument, r.told, r.status, strpos(concat(r.answer, r.headers), 'Sesame') AS echoed, r.headers ~ E'[\\r\\n]' AS torn
FROM (VALUES (1, 'identifier', 'login(%L, ''x'')'), (2, 'password', 'login(''ann@answers.example'', %L)'), (3, 'tenant', 'login(''ann@answers.example'', ''correct horse'', %L)'),
    (4, 'unit', 'login(''ann@answers.example'', ''correct horse'', NULL, %L)'), (5, 'token', 'refresh(%L)'), (6, 'email', 'signup(%L, ''correct horse'', ''X'')'),
    (7, 'username', 'signup(''x@answers.example'', ''correct horse'', ''X'', NULL, %L)'), (8, 'invitation', 'signup_invited(%L, ''correct horse'')'), (9, 'scope', 'logout(%L)'),
    (10, 'scopes', 'api_key_create(''x'', ARRAY[%L])'), (11, 'name', 'api_key_create(%L, ''{*}'')'), (12, 'cidrs', 'api_key_create(''x'', ''{*}'', NULL, ARRAY[%L])'),
    (13, 'unit', 'api_key_create(''x'', ''{*}'', NULL, ''{}'', %L)'), (14, 'invitation', 'invitation_accept(%L::text)'), (15, 'challenge', 'login_tenant(%L, ''x'')'),
    (16, 'grant_type', 'token(%L)'), (17, 'scope', 'token(''password'', ''x'', ''x'', NULL, %L)'), (18, 'display_name', 'profile_update(jsonb_build_object(''display_name'', %L))'), (19, 'member', 'profile_update(jsonb_build_object(%L, 1))'),
    (20, 'old_password', 'password_change(%L, ''correct horse'')'), (21, 'new_password', 'password_change(''correct horse'', %L)'), (22, 'device', 'session_rename(gen_random_uuid(), %L)'), (23, 'name', 'tenant_create(%L)'), (24, 'name', 'tenant_rename(%L)'),
    (25, 'member', 'tenant_settings_set(jsonb_build_object(%L, 1))'), (26, 'to_user', 'tenant_transfer(%L)'), (27, 'unit', 'members(unit => %L)'), (28, 'for_user', 'member_set(%L, ''viewer'')'), (29, 'role', 'member_set(''ann@answers.example'', %L)'),
    (30, 'unit', 'member_remove(''ann@answers.example'', %L)'), (31, 'kind', 'unit_create(%L, ''X'')'), (32, 'slug', 'unit_create(''team'', ''X'', %L)'), (33, 'unit', 'unit_rename(%L, ''X'')'), (34, 'unit', 'unit_delete(%L)'), (35, 'slug', 'tenant_delete(%L)'), (36, 'tenant', 'tenant_delete_cancel(%L)'), (37, 'tenant_name', 'signup_anonymous(%L)'), (38, 'email', 'account_convert(%L, ''correct horse'')'), (39, 'token', 'account_recovery_finish(%L)'), (40, 'token', 'account_recovery_cancel(%L)'),
    (51, 'name', 'totp_add(%L)'), (52, 'code', 'totp_confirm(gen_random_uuid(), %L)'), (53, 'name', 'factor_rename(gen_random_uuid(), %L)'), (54, 'code', 'step_up(NULL, jsonb_build_object(''code'', %L))'), (55, 'issuer', 'identity_unlink(%L, ''x'')'), (56, 'subject', 'identity_unlink(''x'', %L)')) c (n, argument, call),
    LATERAL test.responds((SELECT token FROM test.people WHERE name = 'ann'), 'bastion_api.' || format(c.call, E'open.Sesame\r\nSet-Cookie: "x"')) r ORDER BY c.n;
SELECT r.answer FROM test.responds((SELECT token FROM test.people WHERE name = 'ann'), $$bastion_api.api_key_create('x', '{tenant.member.read}')$$) r;
ROLLBACK;

-- the settings outlast the function, end with the savepoint and the transaction, and the last answer counts
BEGIN;
SELECT bastion_api.login('ann@answers.example', 'wrong horse') ->> 'error' AS error;
SELECT current_setting('response.status') AS status, current_setting('response.headers') AS headers;
SELECT bastion_api.login('ann@answers.example', 'correct horse') ->> 'token_type' AS token_type;
SELECT current_setting('response.status') AS status, current_setting('response.headers') AS headers;
SAVEPOINT s;
SELECT bastion_api.logout('x') ->> 'error' AS error, current_setting('response.status') AS status;
ROLLBACK TO s;
SELECT current_setting('response.status') AS status;
SET LOCAL search_path = pg_temp;
SELECT bastion_api.me() OPERATOR(pg_catalog.->>) 'error' AS error, pg_catalog.current_setting('response.status') AS status;
COMMIT;
SELECT current_setting('response.status') AS status, current_setting('response.headers') AS headers;
-- inside a function that keeps settings of its own, and where nothing can be written
CREATE FUNCTION test.wrapped() RETURNS jsonb LANGUAGE sql SET search_path = pg_catalog SET work_mem = '1MB' AS $$ SELECT bastion_api.me() $$;
BEGIN READ ONLY;
SELECT test.wrapped() ->> 'error' AS error;
SELECT current_setting('response.status') AS status, current_setting('response.headers') AS headers;
SELECT test.error($$SELECT bastion_api.login('ann@answers.example', 'correct horse')$$);
COMMIT;
-- a refusal keeps its transaction: it is on record
SELECT outcome, detail ->> 'reason' AS reason, count(*) FROM bastion.events WHERE kind = 'login_refused' AND user_id = test.id_of('ann') GROUP BY 1, 2;
-- a second identity is a mistake of the program, and raises
BEGIN;
SELECT bastion.authenticate(token) IS NOT NULL AS ann FROM test.people WHERE name = 'ann';
SELECT set_config('bastion.token', token, true) IS NOT NULL AS ben FROM test.people WHERE name = 'ben';
SELECT test.error('SELECT bastion_api.me()');
ROLLBACK;

-- the same user and tenant wherever they appear
BEGIN;
SELECT bastion.authenticate(token) IS NOT NULL AS ann FROM test.people WHERE name = 'ann';
SELECT bastion_api.login('ann@answers.example', 'correct horse') AS login \gset
SELECT bastion_api.me() -> 'user' = l -> 'user' AND bastion_api.sessions() #> '{sessions,0,tenant}' = l -> 'tenant' AND bastion_api.me() -> 'tenant' = l -> 'tenant'
       AND bastion_api.api_keys() #> '{api_keys,0,user}' = l -> 'user' AND bastion_api.api_keys() #> '{api_keys,0,created_by}' = l -> 'user' AS same,
       l -> 'tenant' ->> 'role' AS role, (l ->> 'expires_at')::timestamptz - make_interval(secs => (l ->> 'expires_in')::integer) BETWEEN now() - interval '1 min' AND clock_timestamp() AS expires_at
FROM (SELECT :'login'::jsonb) x (l);
ROLLBACK;

DROP FUNCTION test.responds, test.wrapped;
DROP VIEW test.without_schema;
DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
TRUNCATE test.people;
