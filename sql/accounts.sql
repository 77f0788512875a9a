-- Accounts: what users do with their own, and with the tenants that they belong to, through bastion_api.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben', 'cat']) n, LATERAL bastion_api.signup(n || '@accounts.example', 'correct horse battery', 'Accounts of ' || n) a;
-- what an answer says: the error, or its keys
CREATE FUNCTION test.told(answer jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(answer ->> 'error', (SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(answer) k)) $$;
CREATE FUNCTION test.last_refusal() RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', kind, detail ->> 'reason', (SELECT name FROM test.people WHERE id = user_id)) FROM bastion.events WHERE outcome = 'refused' ORDER BY id DESC LIMIT 1 $$;

-- A login without a tenant: the second step takes a challenge, in place of the password.
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('ben'), test.role_of('viewer');
CREATE FUNCTION test.challenge(unit text DEFAULT NULL, device text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT bastion_api.login('ann@accounts.example', 'correct horse battery', NULL, unit, device) ->> 'challenge' $$;
SELECT test.told(a) AS told, a ->> 'expires_in' AS seconds, a ->> 'challenge' ~ '^bst_ch_[A-Za-z0-9_-]+$' AS challenge, jsonb_path_query_array(a, '$.tenants[*].slug') AS tenants
FROM bastion_api.login('ann@accounts.example', 'correct horse battery') a;
SELECT test.challenge() AS challenge \gset
SELECT test.told(a) AS told, a #>> '{tenant,slug}' AS tenant FROM bastion_api.login_tenant(:'challenge', 'accounts-of-ben') a;
-- once
SELECT test.told(bastion_api.login_tenant(:'challenge', 'accounts-of-ann')) AS told, test.last_refusal() AS recorded;
-- a tenant without membership does not use it up; unit and device are those of the login
SELECT test.challenge('default', 'a phone') AS challenge \gset
SELECT test.told(bastion_api.login_tenant(:'challenge', t)) AS told, test.last_refusal() AS recorded FROM unnest(ARRAY['accounts-of-cat', 'nowhere', NULL, '']) t;
SELECT test.told(a) AS told FROM bastion_api.login_tenant(:'challenge', 'accounts-of-ann') a;
SELECT s.device, u.slug FROM bastion.sessions s JOIN bastion.units u ON u.id = s.unit_id WHERE s.user_id = test.id_of('ann') ORDER BY s.created_at DESC LIMIT 1;
SELECT test.told(bastion_api.login_tenant(test.challenge('nowhere'), 'accounts-of-ann')) AS told, test.last_refusal() AS recorded;
SELECT test.told(bastion_api.login_tenant(test.challenge(repeat('default', 100), repeat('x', 100000)), 'accounts-of-ann')) AS told, test.last_refusal() AS recorded;
-- A ROLLBACK takes the use back, with the session that it made.
SELECT test.challenge() AS challenge \gset
BEGIN;
SELECT test.told(bastion_api.login_tenant(:'challenge', 'accounts-of-ann')) LIKE 'access_token %' AS logged_in;
ROLLBACK;
SELECT test.told(bastion_api.login_tenant(:'challenge', 'accounts-of-ann')) LIKE 'access_token %' AS logged_in, test.told(bastion_api.login_tenant(:'challenge', 'accounts-of-ann')) AS again;
-- It ends with whatever ends sessions, and with the password. Each case is undone.
CREATE FUNCTION test.after(change text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    challenge text := test.challenge();
    told text;
BEGIN
    EXECUTE change;
    told := concat_ws(', ', test.told(bastion_api.login_tenant(challenge, 'accounts-of-ann')), test.last_refusal());
    RAISE EXCEPTION USING MESSAGE = told, ERRCODE = 'TEST1';
EXCEPTION WHEN SQLSTATE 'TEST1' THEN
    RETURN CASE WHEN told LIKE 'access_token%' THEN 'logged in' ELSE told END;
END
$$;
SET bastion.allow_identity_switch = on;
SELECT c.change, test.after(c.statement) FROM (VALUES
    (1, 'nothing', 'SELECT 1'),
    (2, 'a login', 'SELECT bastion_api.login(''ann@accounts.example'', ''correct horse battery'', ''accounts-of-ann'')'),
    (3, 'logout', 'SELECT bastion.authenticate(token), bastion_api.logout() FROM test.people WHERE name = ''ann'''),
    (4, 'logout of others', 'SELECT bastion.authenticate(token), bastion_api.logout(''others'') FROM test.people WHERE name = ''ann'''),
    (5, 'logout of all', 'SELECT bastion.authenticate(token), bastion_api.logout(''all'') FROM test.people WHERE name = ''ann'''),
    (6, 'ended by an operator', 'SELECT bastion.user_sessions_revoke(test.id_of(''ann''))'),
    (7, 'disabled', 'UPDATE bastion.users SET status = ''disabled'' WHERE id = test.id_of(''ann'')'),
    (8, 'disabled and enabled', 'DO $x$ BEGIN UPDATE bastion.users SET status = ''disabled'' WHERE id = test.id_of(''ann''); UPDATE bastion.users SET status = ''active'' WHERE id = test.id_of(''ann''); END $x$'),
    (9, 'another password', 'UPDATE bastion.user_passwords SET hash = bastion.password_hash(''another password'', ''bcrypt'', ''{"cost": 4}'') WHERE user_id = test.id_of(''ann'')'),
    (10, 'no password', 'DELETE FROM bastion.user_passwords WHERE user_id = test.id_of(''ann'')'),
    (11, 'no account', 'DO $x$ BEGIN DELETE FROM bastion.memberships WHERE user_id = test.id_of(''ann'') AND tenant_id = test.tenant_of(''ben''); DELETE FROM bastion.tenants WHERE id = test.tenant_of(''ann''); DELETE FROM bastion.users WHERE id = test.id_of(''ann''); END $x$'),
    (12, 'not a member any more', 'DELETE FROM bastion.tenants WHERE id = test.tenant_of(''ann'')'),
    (13, 'suspended', 'UPDATE bastion.tenants SET status = ''suspended'' WHERE id = test.tenant_of(''ann'')'),
    (14, 'another pepper', 'SELECT bastion.pepper_create()'),
    (15, 'no keys', 'SELECT bastion.keys_discard(), bastion.init()')) c (n, change, statement) ORDER BY n;
RESET bastion.allow_identity_switch;
-- other texts, among them challenges with one character changed, for another purpose, and too old
SELECT count(*) AS tried, count(*) FILTER (WHERE a ->> 'error' = 'invalid_grant') AS refused
FROM (SELECT test.challenge()) c (challenge), generate_series(1, length(c.challenge)) n,
    LATERAL bastion_api.login_tenant(test.mistyped(c.challenge, n), 'accounts-of-ann') a;
SELECT DISTINCT test.told(bastion_api.login_tenant(c, 'accounts-of-ann')) AS told FROM unnest(ARRAY[NULL, '', 'bst_ch_', 'x', 'bst_ch_!', repeat('x', 1000000), 'bst_ch_' || repeat('A', 4000), 'bst_ch_AQ' || repeat('A', 200),
    (SELECT token FROM test.people WHERE name = 'ann'), :'challenge' || 'A',
    bastion_internal.challenge_make('other', jsonb_build_object('user', test.id_of('ann')), bastion_internal.login_state(test.id_of('ann')), 300, bastion_internal.pepper('challenge')),
    bastion_internal.challenge_make('tenant', jsonb_build_object('user', test.id_of('ann')), bastion_internal.login_state(test.id_of('ann')), 0, bastion_internal.pepper('challenge')),
    bastion_internal.challenge_make('tenant', jsonb_build_object('user', test.id_of('ann')), bastion_internal.login_state(test.id_of('ben')), 300, bastion_internal.pepper('challenge')),
    bastion_internal.challenge_make('tenant', '{}', bastion_internal.login_state(test.id_of('ann')), 300, bastion_internal.pepper('challenge'))]) c;
SELECT test.error($$SELECT bastion_internal.challenge_make('tenant', jsonb_build_object('x', repeat('x', 4000)), 'x', 300, bastion_internal.pepper('challenge'))$$);
-- The body can be read by its holder, and the state cannot; two challenges differ.
SELECT bastion_internal.challenge_open(c, 'tenant') ->> 'user' = test.id_of('ann')::text AS body, c <> test.challenge() AS differ FROM test.challenge() c;
-- The used ones stay until sessions are pruned.
SELECT count(*) > 0 AS stored, bool_and(expires_at > now()) AS good_still FROM bastion.spent_tokens;
BEGIN;
UPDATE bastion.spent_tokens SET expires_at = now() - interval '1 hour' WHERE hash = (SELECT min(hash::text)::bytea FROM bastion.spent_tokens);
SELECT count(*) AS before FROM bastion.spent_tokens \gset
SELECT bastion.session_prune('2 hours') AS sessions, count(*) - :before AS pruned FROM bastion.spent_tokens;
SELECT bastion.session_prune('0') AS sessions;
SELECT count(*) - :before AS pruned FROM bastion.spent_tokens;
ROLLBACK;
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.login_tenant('x', 'x')$$);
ROLLBACK;
DELETE FROM bastion.memberships WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');

-- What the application gets as somebody: by a token of one of the people, or by any other.
CREATE FUNCTION test.ask(who text, call text) RETURNS text LANGUAGE sql AS $$ SELECT test.told(test.api(who, call)) $$;
CREATE FUNCTION test.log_in(who text, OUT access_token text, OUT refresh_token text, OUT session uuid) LANGUAGE plpgsql AS
$$
DECLARE
    a jsonb := bastion_api.login(who || '@accounts.example', 'correct horse battery', 'accounts-of-' || who);
BEGIN
    access_token := a ->> 'access_token';
    refresh_token := a ->> 'refresh_token';
    SELECT s.id INTO session FROM bastion.sessions s WHERE s.user_id = test.id_of(who) ORDER BY s.created_at DESC LIMIT 1;
END
$$;
-- a credential that is not the user in person
SELECT test.api('ann', $$api_key_create('a key', '{*,tenant.*,own.*}')$$) ->> 'key' AS key \gset

-- The token endpoint: grant type password
SELECT c.n, test.told(r.a) AS told, r.a #>> '{tenant,slug}' AS tenant, r.status, r.headers
FROM (VALUES (1, $$'password', 'ann@accounts.example', 'correct horse battery'$$), (2, $$'password', 'ANN@accounts.example ', 'correct horse battery', NULL, ''$$),
    (3, $$'password', 'ann@accounts.example', 'correct horse battery', NULL, 'tenant:accounts-of-ann'$$), (4, $$'password', 'ann@accounts.example', 'correct horse battery', NULL, 'unit:default tenant:accounts-of-ann'$$),
    (5, $$'password', 'ann@accounts.example', 'correct horse battery', NULL, 'tenant:accounts-of-ben'$$), (6, $$'password', 'ann@accounts.example', 'correct horse battery', NULL, 'unit:nowhere'$$),
    (7, $$'password', 'ann@accounts.example', 'wrong'$$), (8, $$'password', 'nobody', 'wrong'$$)) c (n, arguments), LATERAL (SELECT a, current_setting('response.status') AS status, current_setting('response.headers') AS headers FROM test.api('', format('token(%s)', c.arguments)) a OFFSET 0) r ORDER BY c.n;
-- what it refuses before it looks at a password
SELECT c.arguments, test.told(a) AS told, current_setting('response.status') AS status, a ->> 'error_description' AS description
FROM unnest(ARRAY['NULL', $$''$$, $$'authorization_code'$$, $$'PASSWORD'$$, $$'password'$$, $$'password', 'ann'$$, $$'password', NULL, 'x'$$, $$'password', 'a', 'b', NULL, 'read'$$, $$'password', 'a', 'b', NULL, 'tenant:'$$,
    $$'password', 'a', 'b', NULL, 'tenant:a tenant:b'$$, $$'password', 'a', 'b', NULL, 'tenant:a  unit:b'$$, $$'password', 'a', 'b', NULL, E'tenant:a\n'$$, $$'password', 'a', 'b', NULL, 'unit:a unit:b'$$,
    $$'password', 'a', 'b', NULL, repeat('tenant:a ', 100000)$$, $$'refresh_token'$$, $$'refresh_token', 'ann', 'x'$$, $$'refresh_token', NULL, NULL, 'x', 'tenant:a'$$, $$'refresh_token', NULL, NULL, 'x'$$]) WITH ORDINALITY c (arguments, place),
    LATERAL test.api('', format('token(%s)', c.arguments)) a ORDER BY c.place;
-- several tenants: the same second step as with login()
BEGIN;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('ben'), test.role_of('viewer');
SELECT test.told(a) AS told, current_setting('response.status') AS status, test.told(bastion_api.login_tenant(a ->> 'challenge', 'accounts-of-ben')) LIKE 'access_token %' AS logged_in
FROM test.api('', $$token('password', 'ann@accounts.example', 'correct horse battery')$$) a;
ROLLBACK;
-- grant type refresh_token: the tokens of refresh(), and its end as invalid_grant
SELECT * FROM test.log_in('ann') \gset first_
SELECT test.api('', format($$token('refresh_token', refresh_token => %L)$$, :'first_refresh_token')) AS answer \gset
SELECT test.told(:'answer') AS told, :'answer'::jsonb ->> 'refresh_token' = bastion_api.refresh(:'first_refresh_token') ->> 'refresh_token' AS same;
UPDATE bastion.sessions SET revoked_at = now(), revoked_reason = 'admin' WHERE id = :'first_session';
SELECT test.told(a) AS told, current_setting('response.status') AS status, current_setting('response.headers') AS headers FROM test.api('', format($$token('refresh_token', refresh_token => %L)$$, :'first_refresh_token')) a;

-- The profile
SELECT p.profile, test.told(a) AS told, (a -> 'user') - 'id' AS answer
FROM unnest(ARRAY['{"display_name": "Ann Acton"}', '{"username": "Ann.Acton"}', '{}', '{"display_name": null}', '{"username": null, "display_name": "Ann"}', '{"display_name": ""}', '{"display_name": 1}', '{"display_name": ["x"]}', '{"username": "!"}',
    '{"username": false}', '{"username": ""}', '{"email": "x@y"}', '{"display_name": "x", "status": "disabled"}', '[]', 'null', '"x"', '1', E'{"display_name": "a\\tb"}', '{"id": "x"}']) WITH ORDINALITY p (profile, place),
    LATERAL test.api('ann', format('profile_update(%L)', p.profile)) a ORDER BY p.place;
SELECT test.ask('ann', 'profile_update(NULL)') AS none, test.ask('ann', format('profile_update(jsonb_build_object(''display_name'', %L))', repeat('x', 201))) AS long,
       test.ask('ben', $$profile_update('{"username": "ann.acton"}')$$) AS free, test.ask('ann', $$profile_update('{"username": "ANN.acton"}')$$) AS taken;
SELECT email, username, display_name, status FROM bastion.users WHERE id IN (test.id_of('ann'), test.id_of('ben')) ORDER BY email;

-- Another password: this session goes on and the others end, with what was begun
SELECT * FROM test.log_in('ann') \gset first_
SELECT * FROM test.log_in('ann') \gset second_
SELECT * FROM test.log_in('ben') \gset ben_
SELECT test.api('ann', $$api_key_create('stays', '{*}')$$) ->> 'key' AS stays \gset
SELECT p.case, test.ask(:'second_access_token', format('password_change(%s)', p.arguments)) AS told
FROM (VALUES (1, 'wrong', $$'wrong horse battery', 'a new horse battery'$$), (2, 'none', $$NULL, 'a new horse battery'$$), (3, 'short', $$'correct horse battery', 'x'$$), (4, 'no new one', $$'correct horse battery', NULL$$),
    (5, 'control characters', $$'correct horse battery', E'a new\nhorse battery'$$), (6, 'long', $$'correct horse battery', repeat('x', 4097)$$), (7, 'another user''s', $$'another horse battery', 'a new horse battery'$$)) p (n, "case", arguments) ORDER BY n;
SELECT hash AS old_hash FROM bastion.user_passwords WHERE user_id = test.id_of('ann') \gset
SELECT (test.api(:'second_access_token', $$password_change('correct horse battery', 'a new horse battery')$$) ->> 'ended')::integer > 1 AS ended;
SELECT test.ask(:'second_access_token', 'me()') LIKE '%user' AS this, test.ask(:'first_access_token', 'me()') AS other, test.told(bastion_api.refresh(:'second_refresh_token')) LIKE 'access_token%' AS this_refresh,
       test.told(bastion_api.refresh(:'first_refresh_token')) AS other_refresh, test.ask(:'stays', 'me()') LIKE '%user' AS api_key, test.ask(:'ben_access_token', 'me()') LIKE '%user' AS another_user;
SELECT test.told(bastion_api.login('ann@accounts.example', 'correct horse battery')) AS old, test.told(bastion_api.login('ann@accounts.example', 'a new horse battery')) LIKE 'access_token%' AS new;
SELECT hash <> :'old_hash' AS changed, changed_at > now() - interval '1 hour' AS lately FROM bastion.user_passwords WHERE user_id = test.id_of('ann');
SELECT kind, outcome, detail ->> 'reason' AS reason, (detail ->> 'sessions')::integer > 1 AS sessions, count(*) FROM bastion.events WHERE kind = 'password_changed' AND user_id = test.id_of('ann') GROUP BY 1, 2, 3, 4 ORDER BY 2, 3;
SELECT count(*) FILTER (WHERE revoked_reason = 'password') > 1 AS ended, count(*) FILTER (WHERE revoked_at IS NULL AND id = :'second_session') AS going_on FROM bastion.sessions WHERE user_id = test.id_of('ann');
-- a token without a session, which is none that goes on, and a user without a password
BEGIN;
SELECT bastion.token_issue(test.id_of('ann'), test.tenant_of('ann')) AS issued \gset
SELECT (test.api(:'issued', $$password_change('a new horse battery', 'correct horse battery')$$) ->> 'ended')::integer > 0 AS ended;
SELECT count(*) AS left FROM bastion.sessions WHERE user_id = test.id_of('ann') AND revoked_at IS NULL;
DELETE FROM bastion.user_passwords WHERE user_id = test.id_of('ann');
SELECT test.ask(:'issued', $$password_change('correct horse battery', 'a new horse battery')$$) AS told;
SELECT test.last_refusal() AS recorded;
ROLLBACK;
SELECT test.api(:'second_access_token', $$password_change('a new horse battery', 'correct horse battery')$$) ->> 'ended' AS ended;
UPDATE test.people SET token = (SELECT access_token FROM test.log_in('ann')) WHERE name = 'ann';

-- Another tenant with the same session
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ann'), test.tenant_of('ben'), test.role_of('viewer');
SELECT * FROM test.log_in('ann') \gset first_
SELECT expires_at FROM bastion.sessions WHERE id = :'first_session' \gset before_
SELECT test.api('', format('tenant_switch(%L, ''accounts-of-ben'')', :'first_refresh_token')) AS switched \gset
SELECT test.told(a) AS told, a #>> '{tenant,slug}' AS tenant, a #>> '{tenant,role}' AS role, test.api(a ->> 'access_token', 'me()') #>> '{tenant,slug}' AS works_in FROM (SELECT :'switched'::jsonb) x (a);
SELECT tenant_id = test.tenant_of('ben') AS moved, unit_id, expires_at = :'before_expires_at' AS same_end FROM bastion.sessions WHERE id = :'first_session';
-- repeated it answers alike, and so does a refresh; a switch elsewhere does not
SELECT a ->> 'refresh_token' = :'switched'::jsonb ->> 'refresh_token' AS same, a ->> 'access_token' = :'switched'::jsonb ->> 'access_token' AS same_token, test.told(r) LIKE 'access_token%' AS refresh, test.told(e) AS elsewhere
FROM bastion_api.tenant_switch(:'first_refresh_token', 'accounts-of-ben') a, bastion_api.refresh(:'first_refresh_token') r, bastion_api.tenant_switch(:'first_refresh_token', 'accounts-of-ann') e;
SELECT test.api(:'first_access_token', 'me()') #>> '{tenant,slug}' AS earlier_token;
-- refusals keep the token; then it goes into a unit
SELECT :'switched'::jsonb ->> 'refresh_token' AS next \gset
CREATE TABLE test.switches AS SELECT t.*, NULL AS told, NULL AS recorded
FROM (VALUES (1, 'accounts-of-cat', NULL), (2, 'nowhere', NULL), (3, NULL, NULL), (4, '', NULL), (5, 'accounts-of-ann', 'nowhere'), (6, NULL, 'default')) t (n, tenant, unit);
UPDATE test.switches SET told = test.told(bastion_api.tenant_switch(:'next', tenant, unit));
SELECT tenant, unit, told FROM test.switches ORDER BY n;
SELECT detail ->> 'reason' AS reason, count(*) FROM bastion.events WHERE kind = 'refresh_refused' AND user_id = test.id_of('ann') AND detail ->> 'session' = :'first_session' GROUP BY 1 ORDER BY 1;
SELECT test.told(a) LIKE 'access_token%' AS switched, test.api(a ->> 'access_token', 'me()') #>> '{unit,slug}' AS unit FROM bastion_api.tenant_switch(:'next', 'accounts-of-ann', 'default') a;
SELECT kind, outcome, tenant_id = test.tenant_of('ben') AS to_ben, (detail ->> 'from')::uuid = test.tenant_of('ann') AS from_ann, detail ->> 'session' = :'first_session' AS session FROM bastion.events WHERE kind = 'tenant_switched' AND user_id = test.id_of('ann') ORDER BY id;
-- the limits of the other tenant count, and a session does not last longer by it
SELECT * FROM test.log_in('ann') \gset first_
INSERT INTO bastion.session_settings (tenant_id, session_lifetime, idle_limit) VALUES (test.tenant_of('ben'), '1 hour', '10 minutes'), (test.tenant_of('ann'), '366 days', NULL);
UPDATE bastion.sessions SET created_at = created_at - interval '50 minutes' WHERE id = :'first_session';
SELECT a ->> 'refresh_token' AS next FROM bastion_api.tenant_switch(:'first_refresh_token', 'accounts-of-ben') a \gset
SELECT expires_at - created_at AS lifetime, idle_limit FROM bastion.sessions WHERE id = :'first_session';
SELECT a ->> 'refresh_token' AS next FROM bastion_api.tenant_switch(:'next', 'accounts-of-ann') a \gset
SELECT expires_at - created_at AS lifetime, idle_limit FROM bastion.sessions WHERE id = :'first_session';
UPDATE bastion.sessions SET created_at = created_at - interval '30 minutes', expires_at = expires_at + interval '1 day' WHERE id = :'first_session';
SELECT test.told(bastion_api.tenant_switch(:'next', 'accounts-of-ben')) AS too_old;
SELECT test.last_refusal() AS recorded, test.told(bastion_api.refresh(:'next')) LIKE 'access_token%' AS good_still;
DELETE FROM bastion.session_settings;
-- a session that has ended, other texts, and other credentials
UPDATE bastion.sessions SET revoked_at = now(), revoked_reason = 'admin' WHERE id = :'first_session';
SELECT t.case, test.told(bastion_api.tenant_switch(t.token, 'accounts-of-ann')) AS told
FROM (VALUES (1, 'ended', :'next'), (2, 'none', NULL), (3, 'an access token', :'second_access_token'), (4, 'an API key', :'key'), (5, 'unknown', 'bsr_' || repeat('A', 43)), (6, 'long', repeat('x', 1000000))) t (n, "case", token) ORDER BY n;
DELETE FROM bastion.memberships WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');

-- Sessions have names and end one by one, those of the user alone
SELECT * FROM test.log_in('ann') \gset first_
SELECT * FROM test.log_in('ben') \gset ben_
SELECT c.case, test.api('ann', c.call) AS answer
FROM (VALUES (1, 'named', format('session_rename(%L, ''the tablet'')', :'first_session')), (2, 'of another user', format('session_rename(%L, ''mine'')', :'ben_session')), (3, 'unknown', $$session_rename(gen_random_uuid(), 'x')$$), (4, 'none', $$session_rename(NULL, 'x')$$),
    (5, 'no label', format('session_rename(%L, %L)', :'first_session', '')), (6, 'long', format('session_rename(%L, %L)', :'first_session', repeat('x', 201)))) c (n, "case", call) ORDER BY n;
SELECT device, user_id = test.id_of('ben') AS of_ben FROM bastion.sessions WHERE id IN (:'first_session', :'ben_session') ORDER BY 2;
SELECT test.api('ann', format('session_rename(%L, NULL)', :'first_session')) AS answer;
SELECT device FROM bastion.sessions WHERE id = :'first_session';
SELECT c.case, test.api('ann', c.call) AS answer
FROM (VALUES (1, 'one', format('session_revoke(%L)', :'first_session')), (2, 'again', format('session_revoke(%L)', :'first_session')), (3, 'of another user', format('session_revoke(%L)', :'ben_session')), (4, 'unknown', 'session_revoke(gen_random_uuid())'),
    (5, 'none', 'session_revoke(NULL)'), (6, 'an ended one', format('session_rename(%L, %L)', :'first_session', 'x'))) c (n, "case", call) ORDER BY n;
SELECT test.ask(:'first_access_token', 'me()') AS ended, test.ask(:'ben_access_token', 'me()') LIKE '%user' AS of_ben;
SELECT s.revoked_reason, (SELECT count(*) FROM bastion.events e WHERE e.kind = 'session_revoked' AND e.detail ->> 'session' = s.id::text) AS events FROM bastion.sessions s WHERE s.id = :'first_session';

-- In person alone: not without a token, with a refused one, with an API key of all scopes, or under impersonation
SELECT c.call, string_agg(test.ask(w.token, c.call), ', ' ORDER BY w.n) AS told
FROM unnest(ARRAY[$$profile_update('{"display_name": "x"}')$$, $$password_change('correct horse battery', 'a new horse battery')$$, $$session_rename(gen_random_uuid(), 'x')$$, 'session_revoke(gen_random_uuid())']) WITH ORDINALITY c (call, place),
    (VALUES (1, ''), (2, 'x'), (3, :'key')) w (n, token) GROUP BY c.place, c.call ORDER BY c.place;
BEGIN;
SELECT bastion.impersonate(test.id_of('ann')::text, 'accounts-of-ann', 'a test', false) IS NOT NULL AS impersonates;
SELECT bastion_api.profile_update('{"display_name": "x"}') ->> 'error' AS profile, bastion_api.password_change('correct horse battery', 'a new horse battery') ->> 'error' AS password,
       bastion_api.session_rename(gen_random_uuid(), 'x') ->> 'error' AS rename, bastion_api.session_revoke(gen_random_uuid()) ->> 'error' AS revoke;
ROLLBACK;
BEGIN READ ONLY;
SELECT set_config('bastion.token', token, true) <> '' AS ann FROM test.people WHERE name = 'ann';
SELECT c.call, test.error('SELECT bastion_api.' || c.call) FROM unnest(ARRAY[$$profile_update('{}')$$, $$password_change('x', 'x')$$, $$session_rename(gen_random_uuid(), 'x')$$, $$session_revoke(gen_random_uuid())$$, $$token('password')$$, $$tenant_switch('x', 'x')$$]) c (call);
ROLLBACK;
DROP TABLE test.switches;

-- Tenants: made, listed, renamed, set
SELECT test.api('ann', $$tenant_create('  Annex of Ann ')$$) AS annex \gset
SELECT (:'annex'::jsonb -> 'tenant') - 'id' - 'number' AS annex, (SELECT string_agg(slug, ' ') FROM bastion.units WHERE tenant_id = (:'annex'::jsonb #>> '{tenant,id}')::uuid) AS units;
SELECT jsonb_path_query_array(test.api('ann', 'tenants()'), '$.tenants[*].slug') AS tenants;
SELECT n.name, test.ask('ann', format('tenant_create(%L)', n.name)) AS told FROM unnest(ARRAY[NULL, '', '   ', E'a\tb']) n (name);
SELECT test.ask('ann', format('tenant_create(%L)', repeat('x', 201))) AS long, test.api('ann', $$tenant_create('Annex of Ann')$$) #>> '{tenant,slug}' ~ '^annex-of-ann-.{6}$' AS same_name;
BEGIN;
SET LOCAL bastion.signup_mode = 'closed';
SELECT test.ask('ann', $$tenant_create('Closed')$$) AS closed, current_setting('response.status') AS status;
ROLLBACK;
SELECT kind, user_id = test.id_of('ann') AS of_ann, count(*) FROM bastion.events WHERE kind = 'tenant_created' GROUP BY 1, 2;
DELETE FROM bastion.tenants WHERE slug ~ '^annex-of-ann-';
-- ben is a viewer of the tenant of ann, cat is none
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ben'), test.tenant_of('ann'), test.role_of('viewer');
SELECT bastion_api.login('ben@accounts.example', 'correct horse battery', 'accounts-of-ann') ->> 'access_token' AS viewer \gset
CREATE FUNCTION test.ids(answer jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT answer #- '{tenant,id}' #- '{tenant,number}' #- '{left,id}' #- '{left,number}' #- '{owner,id}' #- '{unit,id}' $$;
SELECT n.who, n.name, test.ids(test.api(n.who, format('tenant_rename(%L)', n.name))) AS answer FROM (VALUES (1, 'ann', ' Anns Haus '), (2, 'ann', ''), (3, 'ann', NULL), (4, 'ann', E'a\nb')) n (n, who, name) ORDER BY n.n;
SELECT test.ask(:'viewer', $$tenant_rename('Mine')$$) AS viewer, test.ask(:'key', $$tenant_rename('Accounts of ann')$$) AS key;
SELECT s.settings, test.told(a) AS told, a -> 'settings' AS answer
FROM unnest(ARRAY['{"idle_limit": 3600}', '{"access_lifetime": 60, "reuse_window": 0}', '{"idle_limit": null}', '{}', '{"access_lifetime": 9}', '{"idle_limit": -5}', '{"idle_limit": 3600.5}', '{"idle_limit": "3600"}', '{"idle_limit": 1e9}', '{"idle_limit": 99999999999}',
    '{"password_min_length": 20}', '{"password_min_length": 7}', '{"password_min_length": 129}', '{"idle_limit": [3600]}', '{"idle": 3600}', '[]', 'null', '3600', '{"idle_limit": true}']) WITH ORDINALITY s (settings, place), LATERAL test.api('ann', format('tenant_settings_set(%L)', s.settings)) a ORDER BY s.place;
SELECT test.ask('ann', 'tenant_settings_set(NULL)') AS none, test.ask(:'viewer', 'tenant_settings()') AS viewer, test.ask(:'viewer', $$tenant_settings_set('{}')$$) AS viewer_sets, test.api('ann', 'tenant_settings()') AS settings;
SELECT access_lifetime, session_lifetime, idle_limit, reuse_window FROM bastion.session_settings WHERE tenant_id = test.tenant_of('ann');
SELECT test.api('ann', $$password_change('correct horse battery', 'nineteen characters')$$) ->> 'error_description' AS too_short_for_the_tenant;
SELECT test.ask('ann', $$tenant_settings_set('{"password_min_length": null}')$$) AS told;
DELETE FROM bastion.session_settings;

-- Members: who sees the list, pages, and what it finds
CREATE FUNCTION test.listed(answer jsonb) RETURNS text LANGUAGE sql AS
$$
    SELECT coalesce(answer ->> 'error', concat_ws(' ', (SELECT string_agg(concat_ws('=', split_part(m #>> '{user,email}', '@', 1), (SELECT string_agg(concat_ws('/', s ->> 'role', s #>> '{unit,slug}'), '+' ORDER BY o) FROM jsonb_array_elements(m -> 'memberships') WITH ORDINALITY x (s, o))), ' ' ORDER BY p)
        FROM jsonb_array_elements(answer -> 'members') WITH ORDINALITY y (m, p)), CASE WHEN answer -> 'next' <> 'null' THEN '...' END))
$$;
INSERT INTO bastion.users (email, username, display_name) SELECT 'm' || n || '@accounts.example', 'member_' || n, 'Member Number ' || n FROM generate_series(1, 5) n;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT u.id, test.tenant_of('ann'), test.role_of('member') FROM bastion.users u WHERE u.email ~ '^m[1-5]@accounts';
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT test.tenant_of('ann'), 'team', initcap(s), s FROM unnest(ARRAY['north', 'south']) s;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) SELECT s.id, s.tenant_id, n.id FROM bastion.units s, bastion.units n WHERE s.tenant_id = test.tenant_of('ann') AND n.tenant_id = s.tenant_id AND (s.slug, n.slug) = ('south', 'north');
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_until) SELECT u.id, n.tenant_id, n.id, test.role_of('admin'), NULL FROM bastion.users u, bastion.units n WHERE u.email = 'm1@accounts.example' AND n.tenant_id = test.tenant_of('ann') AND n.slug = 'north';
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_until) SELECT u.id, n.tenant_id, n.id, test.role_of('viewer'), now() - interval '1 day' FROM bastion.users u, bastion.units n WHERE u.email = 'm2@accounts.example' AND n.tenant_id = test.tenant_of('ann') AND n.slug = 'south';
SELECT c.call, test.listed(test.api('ann', c.call)) AS listed
FROM unnest(ARRAY['members()', 'members(max => 2)', 'members(max => 0)', 'members(max => -1)', 'members(max => 7)', 'members(max => 8)', $$members('MEMBER NUMBER')$$, $$members('member_3')$$, $$members('ann@')$$, $$members('%')$$, $$members('_')$$, $$members('')$$, $$members('nobody')$$,
    $$members(unit => 'north')$$, $$members(unit => 'south')$$, $$members(unit => 'default')$$, $$members(unit => 'nowhere')$$, $$members(unit => '')$$, 'members(after => gen_random_uuid())', 'members(repeat(''x'', 1000000))']) WITH ORDINALITY c (call, place) ORDER BY c.place;
WITH RECURSIVE pages AS (
    SELECT 1 AS n, test.api('ann', 'members(max => 3)') AS page
    UNION ALL SELECT n + 1, test.api('ann', format('members(max => 3, after => %L)', page ->> 'next')) FROM pages WHERE page ->> 'next' IS NOT NULL
) SELECT n, test.listed(page) AS listed FROM pages ORDER BY n;
SELECT test.ask('ann', format('members(after => %L)', test.id_of('cat'))) AS after_no_member;
-- a member who lost the address to its owner stands on the last page
INSERT INTO bastion.users (username) VALUES ('nameless');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT u.id, test.tenant_of('ann'), test.role_of('member') FROM bastion.users u WHERE u.username = 'nameless';
WITH RECURSIVE pages AS (
    SELECT 1 AS n, test.api('ann', 'members(max => 7)') AS page
    UNION ALL SELECT n + 1, test.api('ann', format('members(max => 7, after => %L)', page ->> 'next')) FROM pages WHERE page ->> 'next' IS NOT NULL
) SELECT n, jsonb_path_query_array(page, '$.members[*].user.username') AS listed FROM pages ORDER BY n;
DELETE FROM bastion.users u WHERE u.username = 'nameless';
SELECT jsonb_path_query_array(test.api('ann', $$members('m1@')$$), '$.members[*].memberships[*].unit.slug') AS units, test.api('ann', $$members('m2@')$$) #>> '{members,0,memberships,1,valid_until}' IS NOT NULL AS ended_too;
-- a viewer sees no list, one who may read members does, and who may do so in one unit sees that one; other tenants see their own
SELECT test.ask(:'viewer', 'members()') AS viewer, test.listed(test.api('cat', 'members()')) AS elsewhere, test.listed(test.api(:'key', 'members(max => 1)')) AS key;
SELECT test.api('ann', $$api_key_create('narrow', '{*}')$$) ->> 'key' AS narrow \gset
SELECT test.ask(:'narrow', 'members()') AS narrow_key;
BEGIN;
UPDATE bastion.memberships SET role_id = test.role_of('member') WHERE user_id = test.id_of('ben') AND tenant_id = test.tenant_of('ann');
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) SELECT test.id_of('ben'), n.tenant_id, n.id, 'tenant.members.read', 'grant' FROM bastion.units n WHERE n.tenant_id = test.tenant_of('ann') AND n.slug = 'north';
SELECT bastion_api.login('ben@accounts.example', 'correct horse battery', 'accounts-of-ann', 'north') ->> 'access_token' AS north \gset
SELECT test.ask(:'viewer', $$members(unit => 'north')$$) AS outside, test.listed(test.api(:'north', 'members()')) AS whole, test.listed(test.api(:'north', $$members(unit => 'north')$$)) AS north, test.listed(test.api(:'north', $$members(unit => 'south')$$)) AS south, test.listed(test.api(:'north', $$members(unit => 'default')$$)) AS other;
ROLLBACK;

-- Members are changed and removed as by the functions of the schema bastion
SELECT c.who, replace(c.call, test.id_of('cat')::text, 'the id of cat') AS call, test.told(test.api(c.token, c.call)) AS told
FROM (VALUES (1, 'owner', 'ann', $$member_set('m3@accounts.example', 'viewer')$$), (2, 'owner', 'ann', $$member_set('m3@accounts.example', 'admin', 'north', NULL, 'infinity')$$), (3, 'owner', 'ann', $$member_set('cat@accounts.example', 'viewer')$$),
    (4, 'owner', 'ann', format('member_set(%L, %L)', test.id_of('cat'), 'viewer')), (5, 'owner', 'ann', $$member_set('m3@accounts.example', 'nothing')$$), (6, 'owner', 'ann', $$member_set('m3@accounts.example', 'viewer', 'nowhere')$$),
    (7, 'owner', 'ann', $$member_set('m3@accounts.example', 'viewer', NULL, now(), now() - interval '1 day')$$), (8, 'owner', 'ann', $$member_set('ann@accounts.example', 'viewer')$$), (9, 'owner', 'ann', $$member_set(NULL, NULL)$$),
    (10, 'viewer', :'viewer', $$member_set('m3@accounts.example', 'viewer')$$), (11, 'viewer', :'viewer', $$member_set('ben@accounts.example', 'admin')$$), (12, 'viewer', :'viewer', $$member_remove('m3@accounts.example')$$),
    (13, 'owner', 'ann', $$member_remove('m3@accounts.example', 'north')$$), (14, 'owner', 'ann', $$member_remove('m3@accounts.example', 'north')$$), (15, 'owner', 'ann', $$member_remove('m3@accounts.example', 'nowhere')$$),
    (16, 'owner', 'ann', $$member_remove('ann@accounts.example')$$), (17, 'owner', 'ann', $$member_remove('nobody')$$), (18, 'owner', 'ann', $$member_remove(NULL)$$), (19, 'owner elsewhere', 'cat', $$member_remove('m3@accounts.example')$$)) c (n, who, token, call) ORDER BY n;
SELECT test.api('ann', $$member_set('m3@accounts.example', 'member')$$) -> 'invitation' AS invitation, test.api('ann', $$member_remove('m3@accounts.example')$$) AS removed, test.api('ann', $$member_remove('m3@accounts.example')$$) AS again;
SELECT test.listed(test.api('ann', $$members('m3@')$$)) AS left;

-- Units
SELECT c.who, c.call, test.told(a) AS told, a -> 'unit' ->> 'name' AS name
FROM (VALUES (1, 'owner', 'ann', $$unit_create('team', 'West', 'west')$$), (2, 'owner', 'ann', $$unit_create('team', 'Far West', NULL, 'west')$$), (3, 'owner', 'ann', $$unit_create('team', 'West', 'west')$$), (4, 'owner', 'ann', $$unit_create('A team', 'West')$$),
    (5, 'owner', 'ann', $$unit_create('team', '')$$), (6, 'owner', 'ann', $$unit_create('team', 'X', 'x', 'nowhere')$$), (7, 'owner', 'ann', $$unit_create(NULL, NULL)$$), (8, 'viewer', :'viewer', $$unit_create('team', 'Mine')$$),
    (9, 'owner', 'ann', $$unit_rename('west', 'Wild West')$$), (10, 'owner', 'ann', $$unit_rename('west', '')$$), (11, 'owner', 'ann', $$unit_rename('west', NULL)$$), (12, 'owner', 'ann', $$unit_rename('nowhere', 'X')$$), (13, 'owner', 'ann', $$unit_rename(NULL, 'X')$$),
    (14, 'viewer', :'viewer', $$unit_rename('west', 'Mine')$$), (15, 'owner elsewhere', 'cat', $$unit_rename('west', 'Mine')$$)) c (n, who, token, call), LATERAL test.api(c.token, c.call) a ORDER BY n;
CREATE FUNCTION test.units(answer jsonb) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(answer ->> 'error', concat_ws(' ', (SELECT string_agg(concat_ws('<', u #>> '{unit,name}', (SELECT p.name FROM bastion.units p WHERE p.id::text = u ->> 'parent')), ', ' ORDER BY o) FROM jsonb_array_elements(answer -> 'units') WITH ORDINALITY x (u, o)), CASE WHEN answer -> 'next' <> 'null' THEN '...' END)) $$;
SELECT c.call, test.units(test.api(:'viewer', c.call)) AS units
FROM unnest(ARRAY['units()', 'units(max => 2)', 'units(max => 5)', $$units('WEST')$$, $$units('west')$$, $$units('%')$$, 'units(after => gen_random_uuid())']) WITH ORDINALITY c (call, place) ORDER BY c.place;
SELECT test.units(test.api(:'viewer', format('units(after => %L, max => 2)', a ->> 'next'))) AS second_page, test.ask('cat', format('units(after => %L)', a ->> 'next')) AS elsewhere FROM test.api(:'viewer', 'units(max => 2)') a;
SELECT kind, detail ->> 'name' AS name, user_id, actor_id = test.id_of('ann') AS ann FROM bastion.events WHERE kind = 'unit_renamed' AND tenant_id = test.tenant_of('ann');

-- An owner hands the tenant over; the last one cannot leave
SELECT c.who, c.call, test.told(test.api(c.token, c.call)) AS told
FROM (VALUES (1, 'owner', 'ann', 'tenant_leave()'), (2, 'viewer', :'viewer', $$tenant_transfer('ben@accounts.example')$$), (3, 'viewer', :'viewer', $$tenant_transfer('ann@accounts.example')$$), (4, 'owner', 'ann', $$tenant_transfer('cat@accounts.example')$$),
    (5, 'owner', 'ann', $$tenant_transfer('ann@accounts.example')$$), (6, 'owner', 'ann', $$tenant_transfer('nobody')$$), (7, 'owner', 'ann', $$tenant_transfer(NULL)$$), (8, 'owner', 'ann', $$tenant_transfer('ben@accounts.example', 'nothing')$$),
    (9, 'owner', 'ann', $$tenant_transfer('ben@accounts.example', NULL)$$), (10, 'a key of the owner', :'key', $$tenant_transfer('ben@accounts.example')$$)) c (n, who, token, call) ORDER BY n;
SELECT u.email, r.name FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id JOIN bastion.roles r ON r.id = m.role_id WHERE m.tenant_id = test.tenant_of('ann') AND m.unit_id IS NULL AND u.email ~ '^(ann|ben)' ORDER BY 1;
-- an owner who lacks a right cannot give it to the next one
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('ann'), test.tenant_of('ann'), 'tenant.roles.manage', 'deny');
SELECT test.ask('ann', $$tenant_transfer('ben@accounts.example')$$) AS denied;
ROLLBACK;
SELECT test.ids(test.api('ann', $$tenant_transfer('ben@accounts.example')$$)) AS transferred;
SELECT u.email, r.name FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id JOIN bastion.roles r ON r.id = m.role_id WHERE m.tenant_id = test.tenant_of('ann') AND m.unit_id IS NULL AND u.email ~ '^(ann|ben)' ORDER BY 1;
SELECT test.ask('ann', $$tenant_transfer('ben@accounts.example')$$) AS again;
-- who leaves loses every membership there, grants and sessions
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id) SELECT test.id_of('ann'), n.tenant_id, n.id, test.role_of('viewer') FROM bastion.units n WHERE n.tenant_id = test.tenant_of('ann') AND n.slug = 'north';
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('ann'), test.tenant_of('ann'), 'tenant.roles.read', 'grant'), (test.id_of('ann'), test.tenant_of('ann'), 'tenant.roles.manage', 'deny');
SELECT test.ask(:'key', 'tenant_leave()') AS key, test.ids(test.api('ann', 'tenant_leave()')) AS left_it;
SELECT test.ask('ann', 'me()') AS session, test.ask(:'key', 'me()') AS key, (SELECT count(*) FROM bastion.memberships WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ann')) AS memberships,
       (SELECT string_agg(effect, ' ') FROM bastion.user_permissions WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ann')) AS permissions,
       (SELECT count(*) FROM bastion.events WHERE kind = 'membership_removed' AND user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ann')) AS events;
SELECT jsonb_path_query_array(bastion_api.login('ann@accounts.example', 'correct horse battery'), '$.tenant.slug') AS logs_in_to;
-- in person, or with the permission and in a tenant
INSERT INTO bastion.users (email) VALUES ('homeless@accounts.example') RETURNING bastion.token_issue(id, NULL) AS homeless \gset
SELECT test.api(:'viewer', $$api_key_create('of an owner', '{*,tenant.*,own.*}')$$) ->> 'key' AS key \gset
SELECT c.call, string_agg(test.ask(w.token, c.call), ', ' ORDER BY w.n) AS nobody_refused_key_homeless
FROM unnest(ARRAY['tenants()', $$tenant_create('X')$$, $$tenant_rename('Accounts of ann')$$, 'tenant_settings()', $$tenant_settings_set('{}')$$, 'tenant_leave()', $$tenant_transfer('x')$$, 'members()', $$member_set('x', 'viewer')$$, $$member_remove('x')$$, 'units()',
    $$unit_create('team', 'X')$$, $$unit_rename('north', 'North')$$]) WITH ORDINALITY c (call, place), (VALUES (1, ''), (2, 'x'), (3, :'key'), (4, :'homeless')) w (n, token) GROUP BY c.place, c.call ORDER BY c.place;
BEGIN;
SELECT bastion.impersonate(test.id_of('ben')::text, 'accounts-of-ann', 'a test', false) IS NOT NULL AS impersonates;
SELECT bastion_api.tenants() ->> 'error' AS tenants, bastion_api.tenant_create('X') ->> 'error' AS tenant_create, bastion_api.tenant_leave() ->> 'error' AS leave, bastion_api.tenant_transfer('x') ->> 'error' AS transfer, bastion_api.members() ? 'members' AS members;
ROLLBACK;
BEGIN READ ONLY;
SELECT set_config('bastion.token', :'viewer', true) <> '' AS owner;
SELECT c.call, test.error('SELECT bastion_api.' || c.call) FROM unnest(ARRAY['tenants()', $$tenant_create('X')$$, $$tenant_rename('X')$$, 'tenant_settings()', $$tenant_settings_set('{}')$$, 'tenant_leave()', $$tenant_transfer('x')$$, 'members()', $$member_set('x', 'viewer')$$,
    $$member_remove('x')$$, 'units()', $$unit_create('team', 'X')$$, $$unit_rename('north', 'North')$$]) c (call);
ROLLBACK;
DELETE FROM bastion.tenants WHERE slug IN ('annex-of-ann', 'x');
DELETE FROM bastion.users WHERE email ~ '^(m[1-5]|homeless)@accounts.example$';
DROP FUNCTION test.ids, test.listed, test.units;

DROP FUNCTION test.told, test.last_refusal, test.challenge, test.after, test.ask, test.log_in;
DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
TRUNCATE test.people;
