-- pre_request(), as a front door calls it: the identity that a request gets from its headers, cookies, path and host, and the response
-- to what is refused. test/frontdoor/postgrest.py does the same over HTTP.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA door;
GRANT USAGE ON SCHEMA door TO regress_app;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'bob']) n, LATERAL bastion_api.signup(n || '@door.example', 'correct horse battery', 'Door of ' || n) a;
CREATE TABLE door.tokens AS SELECT name, token FROM test.people;
GRANT SELECT ON door.tokens TO regress_app;
SELECT token AS ann FROM test.people WHERE name = 'ann' \gset
SELECT bastion.membership_force((SELECT id FROM test.people WHERE name = 'ann'), 'door-of-bob', 'member') IS NULL AS also_there;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
SELECT bastion.unit_create('project', 'Web', 'web') IS NOT NULL AS web, bastion.unit_create('project', 'App', 'app') IS NOT NULL AS app;
INSERT INTO door.tokens VALUES ('key', bastion_api.api_key_create('door', '{*}') ->> 'key'),
    ('limited', bastion_api.api_key_create('once', '{*}', limits => '{"rate": {"per_second": 0.001, "burst": 1}}') ->> 'key');
COMMIT;
CREATE TABLE door.tenant_of_ann AS SELECT tenant FROM test.people WHERE name = 'ann';
GRANT SELECT ON door.tenant_of_ann TO regress_app;
CREATE FUNCTION door.named(id uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT coalesce((SELECT split_part(u.email, '@', 1) FROM bastion.users u WHERE u.id = named.id), (SELECT t.slug FROM bastion.tenants t WHERE t.id = named.id),
                    (SELECT u.slug FROM bastion.units u WHERE u.id = named.id), '-')
$$;
-- who a request is, or its response; a transaction has one identity, so each request has a statement of its own
CREATE FUNCTION door.request(headers text DEFAULT '{}', path text DEFAULT '/documents', method text DEFAULT 'GET', cookies text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    response text;
BEGIN
    PERFORM set_config('request.headers', headers, true), set_config('request.cookies', cookies, true), set_config('request.method', method, true), set_config('request.path', path, true);
    PERFORM bastion.pre_request();
    RETURN concat_ws(' ', door.named(bastion.user_id()), door.named(bastion.tenant_id()), door.named(bastion.unit_id()));
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS response := PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, response);
END
$$;
CREATE FUNCTION door.token(name text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT coalesce((SELECT t.token FROM door.tokens t WHERE t.name = token.name), token.name) $$;
CREATE FUNCTION door.bearer(name text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql STABLE AS $$ SELECT (jsonb_build_object('authorization', 'Bearer ' || door.token(name)) || more)::text $$;
CREATE FUNCTION door.key(name text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql STABLE AS $$ SELECT (jsonb_build_object('x-api-key', door.token(name)) || more)::text $$;
CREATE FUNCTION door.cookie(name text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT jsonb_build_object('session', door.token(name))::text $$;
SET ROLE regress_app;

-- tokens
SELECT door.request() AS anonymous;
SELECT door.request('') AS without_headers;
SELECT door.request(door.bearer('ann')) AS valid;
SELECT door.request(door.key('key')) AS api_key;
SELECT door.request(door.bearer('key')) AS api_key_as_bearer;
SELECT door.request(door.bearer(test.mistyped(door.token('ann'), length(door.token('ann')) - 20))) AS forged;
SELECT door.request(door.bearer('ann', door.key('key')::jsonb)) AS two_tokens;
SELECT door.request(door.bearer('ann', door.key('ann')::jsonb)) AS the_same_twice;
SELECT door.request('{"authorization": "Bearer"}') AS no_token, door.request('{"authorization": "Basic YTpi"}') AS another_scheme;
SELECT h, door.request(h) FROM unnest(ARRAY['[]', 'x', '{"authorization": 1}', '{"authorization": "Bearer a", "authorization": "Bearer b"}']) WITH ORDINALITY u (h, n) ORDER BY n;
SELECT door.request(door.bearer(repeat('a', 65536))) AS long;
SELECT door.request(door.key('limited')) AS once;
SELECT regexp_replace(door.request(door.key('limited')), '[0-9]{3,4}"', 'N"') AS too_often;

-- code of the application runs after it, and reads the request without the credentials, on an open path too
CREATE FUNCTION pg_temp.request() RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', current_setting('request.headers', true), current_setting('request.cookies', true)) $$;
BEGIN;
SELECT door.request(door.bearer('ann', door.key('ann', E'{"accept": "a, b", "cookie": "session=x", "more": [1, {"x-api-key": "} , \\""}]}'::jsonb)::jsonb), cookies => '{"session": "x", "theme": "dark"}') AS valid;
SELECT pg_temp.request();
COMMIT;
BEGIN;
SELECT door.request(E'{ "AUTHORIZATION" : "Basic YTpi" , "coo\\u006bie" : "x", "host": "a" }', cookies => '{"theme": "dark"}') AS without;
SELECT pg_temp.request();
COMMIT;
RESET ROLE;
SET bastion.token_from = 'header:x-api-key, cookie:session';
SET bastion.open_paths = '/rpc/login';
SET ROLE regress_app;
BEGIN;
SELECT door.request('{"x-api-key": "x y", "host": "a"}', '/rpc/login', 'POST', '{"theme": "dark", "session": "x"}') AS open;
SELECT pg_temp.request();
COMMIT;
RESET ROLE;
RESET bastion.token_from;
RESET bastion.open_paths;
SET ROLE regress_app;

-- what an earlier client of a pooled connection has left is no request, and no code reads it
SELECT set_config('request.headers', door.bearer('ann', '{"x-forwarded-for": "192.0.2.1", "user-agent": "left"}'), false) IS NOT NULL AS headers, set_config('request.path', '/left', false), set_config('request.method', 'POST', false);
RESET ROLE;
SET bastion.trusted_hops = 1;
SET ROLE regress_app;
SELECT bastion.client_address() IS NULL AS not_known;
BEGIN;
SELECT bastion.pre_request();
SELECT bastion.user_id() IS NULL AS anonymous, pg_temp.request() AS headers, current_setting('request.path') AS path, current_setting('request.method') AS method;
COMMIT;
RESET ROLE;
SET bastion.allow_session_token = on;
SET ROLE regress_app;
BEGIN;
SELECT bastion.pre_request();
SELECT door.named(bastion.user_id()) AS a_connection_of_one_client;
COMMIT;
RESET ROLE;
RESET bastion.allow_session_token;
RESET bastion.trusted_hops;
RESET request.headers;
RESET request.path;
RESET request.method;
SET ROLE regress_app;

-- a second identity, and the same once more
BEGIN;
SELECT door.request(door.bearer('ann')) AS ann;
SELECT door.request(door.bearer('ann')) AS again;
SELECT door.request(door.bearer('bob')) AS bob;
SELECT door.request('{}') AS no_token;
COMMIT;
-- the identity of something else than the request
BEGIN;
SELECT set_config('bastion.token', door.token('ann'), true) IS NOT NULL AS token;
SELECT door.request('{}') AS no_token;
SELECT door.request(door.bearer('bob')) AS bob;
COMMIT;

-- cookies, which other sites send too
RESET ROLE;
SET bastion.token_from = 'bearer, cookie:session';
SET ROLE regress_app;
SELECT door.request('{}', cookies => door.cookie('ann')) AS cookie, door.request(jsonb_build_object('cookie', 'a=b; session=' || door.token('ann'))::text) AS header_of_cookies;
SELECT door.request(door.key('key')) AS no_key_by_this_setting;
SELECT door.request('{}', cookies => jsonb_build_object('session', door.cookie('ann'))::text) AS json;
SELECT door.request(door.bearer('ann'), cookies => door.cookie('bob')) AS beside_another;
SELECT site, door.request(jsonb_build_object('sec-fetch-site', site)::text, method => 'POST', cookies => door.cookie('ann')) FROM unnest(ARRAY['cross-site', 'same-origin']) WITH ORDINALITY u (site, n) ORDER BY n;
SELECT door.request('{"sec-fetch-site": "cross-site"}', cookies => door.cookie('ann')) AS reading;
RESET ROLE;
SET bastion.open_paths = '/rpc/login';
SET ROLE regress_app;
SELECT door.request('{}', '/rpc/login', 'POST', '{"session": "x"}') AS open, door.request('{}', '/rpc/login', 'POST', door.cookie('ann')) AS open_with_token,
       door.request('{}', '/rpc/logout', 'POST', '{"session": "x"}') AS closed;
RESET ROLE;
RESET bastion.token_from;
RESET bastion.open_paths;

-- tenant and unit: another one of the user's, the one of a stranger, and two at once
SET bastion.tenant_from = 'header:x-organization, path:/organizations/{tenant}/projects/{unit}, host:{tenant}.example.com';
SET ROLE regress_app;
SELECT format('SELECT door.request(door.bearer(''ann'', %L)) AS %I', jsonb_build_object('x-organization', t), t || ' ') FROM unnest(ARRAY['door-of-ann', 'door-of-bob', 'no-such', '', 'door-of-ann, door-of-bob']) WITH ORDINALITY u (t, n) ORDER BY n
\gexec
SELECT door.request(door.bearer('bob', '{"x-organization": "door-of-ann"}')) AS stranger;
SELECT door.request('{"x-organization": "door-of-ann"}') AS anonymous;
SELECT door.request(door.bearer('ann', jsonb_build_object('x-organization', upper((SELECT tenant::text FROM door.tenant_of_ann)))), '/organizations/door-of-ann') AS id_and_slug;
SELECT format('SELECT door.request(door.bearer(''ann''), %L) AS %I', p, left(p, 60)) FROM unnest(ARRAY['/organizations/door-of-bob', '/organizations/door-of-ann/projects/web/documents?id=eq.1', '/organizations/door-of-ann/projects/none',
    '/organizations/door-of-bob/projects/web', '/organizations/door-of-ann/../door-of-bob', '/organizations/door-of-ann%2Fprojects%2Fweb', '/organizations/door-of-ann/projects/%77eb', '/other']) WITH ORDINALITY u (p, n) ORDER BY n
\gexec
SELECT door.request(door.bearer('ann', '{"x-organization": "door-of-ann"}'), '/organizations/door-of-bob') AS contradiction,
       door.request(door.bearer('ann', '{"host": "door-of-bob.example.com"}'), '/organizations/door-of-ann') AS of_the_host;
SELECT door.request(door.bearer('ann', '{"host": "Door-of-Bob.example.com:8443"}')) AS host;
SELECT door.request(door.bearer('ann', '{"host": "www.example.org"}')) AS other_host;
SELECT door.request(door.key('key', '{"x-organization": "door-of-bob"}')) AS key_elsewhere;
-- headers of a proxy count behind one
SELECT door.request(door.bearer('ann', '{"x-original-uri": "/organizations/door-of-bob", "x-forwarded-host": "door-of-bob.example.com"}')) AS not_believed;
RESET ROLE;
SET bastion.trusted_hops = 1;
SET ROLE regress_app;
SELECT door.request(door.bearer('ann', '{"x-original-uri": "/organizations/door-of-bob"}'), '/documents') AS path_of_proxy;
SELECT door.request(door.bearer('ann', '{"x-forwarded-host": "door-of-bob.example.com"}')) AS host_of_proxy;
RESET ROLE;
RESET bastion.trusted_hops;
SET bastion.tenant_from = 'claim, header:x-organization, header:x-project={unit}';
SET ROLE regress_app;
SELECT door.request(door.bearer('ann', '{"x-organization": "door-of-ann"}')) AS as_the_token;
SELECT door.request(door.bearer('ann', '{"x-organization": "door-of-bob"}')) AS another;
SELECT door.request(door.bearer('ann', '{"x-project": "app"}')) AS unit;

-- a member who left
RESET ROLE;
DELETE FROM bastion.memberships WHERE user_id = (SELECT id FROM test.people WHERE name = 'ann') AND tenant_id = (SELECT tenant FROM test.people WHERE name = 'bob');
SET bastion.tenant_from = 'header:x-organization';
SET ROLE regress_app;
SELECT door.request(door.bearer('ann', '{"x-organization": "door-of-bob"}')) AS left_a_second_ago;

-- the limits of requests: those by address count before the token is looked at
RESET ROLE;
INSERT INTO bastion.rate_limits (name, scope, per_second, burst) VALUES ('door_address', 'address', 0.001, 3), ('door_user', 'user', 0.001, 2), ('door_key', 'api_key', 0.001, 2);
SET bastion.request_limits = 'door_address, door_user, door_key';
SET ROLE regress_app;
SELECT n, regexp_replace(door.request(CASE WHEN n < 3 THEN door.bearer('x') ELSE '{}' END), '[0-9]{3,4}"', 'N"') FROM generate_series(1, 4) n;
RESET ROLE;
SET bastion.request_limits = 'door_user';
SET ROLE regress_app;
SELECT door.request() AS anonymous, door.request() AS as_often_as_it_likes, door.request() AS third;
SELECT door.request(door.bearer('bob')) AS first;
SELECT door.request(door.bearer('bob')) AS second;
SELECT regexp_replace(door.request(door.bearer('bob')), '[0-9]{3,4}"', 'N"') AS third;
RESET ROLE;
SET bastion.request_limits = 'no_such_limit';
SET ROLE regress_app;
SELECT door.request() AS unknown_limit;
RESET ROLE;
RESET bastion.request_limits;

-- refused places are charged to the user and the key: trying out tenants has an end
INSERT INTO bastion.rate_limits (name, scope, per_second, burst) VALUES ('door_places', 'user', 0.001, 2);
SET bastion.request_limits = 'door_places';
SET bastion.tenant_from = 'header:x-organization';
SET ROLE regress_app;
SELECT door.request(door.bearer('bob', '{"x-organization": "door-of-ann"}')) AS first;
SELECT door.request(door.bearer('bob', '{"x-organization": "no-such"}')) AS second;
SELECT regexp_replace(door.request(door.bearer('bob', '{"x-organization": "no-such"}')), '[0-9]{3,4}"', 'N"') AS third;
RESET ROLE;
RESET bastion.request_limits;
BEGIN;
SELECT bastion.authenticate(door.token('ann')) IS NOT NULL AS ann;
INSERT INTO door.tokens VALUES ('guessing', bastion_api.api_key_create('guesses', '{*}', limits => '{"rate": {"per_second": 0.001, "burst": 1}}') ->> 'key');
COMMIT;
SET ROLE regress_app;
SELECT door.request(door.key('guessing', '{"x-organization": "door-of-bob"}')) AS first;
SELECT regexp_replace(door.request(door.key('guessing', '{"x-organization": "door-of-bob"}')), '[0-9]{3,4}"', 'N"') AS second;
-- and take the same steps, whether there is such a tenant or not
RESET ROLE;
CREATE FUNCTION door.scans() RETURNS bigint LANGUAGE sql AS $$
    SELECT sum(pg_stat_get_xact_numscans(c.oid))::bigint FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE coalesce(i.indrelid, c.oid) IN ('bastion.memberships'::regclass, 'bastion.platform_roles'::regclass)
$$;
CREATE FUNCTION door.steps(tenant text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := door.scans();
BEGIN
    PERFORM bastion_internal.resolve_identity((SELECT p.id FROM test.people p WHERE p.name = 'bob'), tenant, NULL);
    RETURN door.scans() - before;
END
$$;
SELECT door.steps('door-of-ann') > 0 AS some, door.steps('no-such') = door.steps('door-of-ann') AS as_many;
-- on an open path, such a token counts as none too
SET bastion.open_paths = '/rpc/login';
SET bastion.tenant_from = 'header:x-organization, path:/{tenant}, claim';
SET ROLE regress_app;
SELECT door.request(door.bearer('bob', '{"x-organization": "door-of-ann"}'), '/rpc/login', 'POST') AS contradiction;
RESET ROLE;
SET bastion.tenant_from = 'header:x-organization, claim';
SET ROLE regress_app;
SELECT door.request(door.bearer('bob', '{"x-organization": "door-of-ann"}'), '/rpc/login', 'POST') AS of_the_token_and_another;
RESET ROLE;
SET bastion.tenant_from = 'header:x-organization';
SET ROLE regress_app;
SELECT door.request(door.bearer('bob', '{"x-organization": "door-of-ann"}'), '/rpc/login', 'POST') AS no_access;
RESET ROLE;
RESET bastion.tenant_from;
BEGIN;
SELECT bastion.membership_force(a.id, 'door-of-bob', 'member') IS NULL AS member, bastion.token_issue(a.id, b.tenant) AS of_bobs_tenant FROM test.people a, test.people b WHERE a.name = 'ann' AND b.name = 'bob' \gset
DELETE FROM bastion.memberships m USING test.people a, test.people b WHERE a.name = 'ann' AND b.name = 'bob' AND m.user_id = a.id AND m.tenant_id = b.tenant;
SET ROLE regress_app;
SELECT door.request(door.bearer(:'of_bobs_tenant'), '/rpc/login', 'POST') AS tenant_of_the_token, door.request(door.bearer(:'of_bobs_tenant'), '/rpc/logout', 'POST') AS closed;
ROLLBACK;
RESET bastion.open_paths;

-- limits that differ by plan: the row of every plan says when they count
SET bastion.request_limits = 'door_plan';
INSERT INTO bastion.rate_limits (name, plan, scope, per_second, burst) VALUES ('door_plan', 'pro', 'user', 0.001, 1);
SET ROLE regress_app;
SELECT door.request() AS anonymous, door.request() AS again;
RESET ROLE;
UPDATE bastion.tenants SET plan = 'pro' WHERE slug = 'door-of-bob';
SET ROLE regress_app;
SELECT door.request(door.bearer('bob')) AS first;
SELECT regexp_replace(door.request(door.bearer('bob')), '[0-9]{3,4}"', 'N"') AS second;
SELECT door.request(door.bearer('ann')) AS in_no_plan_of_the_limit;
RESET ROLE;
SELECT test.error('SELECT bastion.rate_limit_set(''door_plan'', ''address'', 1)') AS another_scope;
-- rows with another scope, as a dump of an older version has them
INSERT INTO bastion.rate_limits (name, plan, scope, per_second, burst) VALUES ('door_mixed', '', 'user', 0.001, 1), ('door_mixed', 'pro', 'address', 0.001, 1), ('door_unmixed', '', 'address', 0.001, 2), ('door_unmixed', 'pro', 'user', 0.001, 1);
SET bastion.request_limits = 'door_mixed';
SET ROLE regress_app;
SELECT door.request(door.bearer('bob')) AS first;
SELECT regexp_replace(door.request(door.bearer('bob')), '[0-9]{3,4}"', 'N"') AS second;
RESET ROLE;
SET bastion.request_limits = 'door_unmixed';
SET ROLE regress_app;
SELECT door.request(door.bearer('bob')) AS first;
SELECT door.request(door.bearer('bob')) AS second;
SELECT regexp_replace(door.request(door.bearer('bob')), '[0-9]{3,4}"', 'N"') AS third;
RESET ROLE;
UPDATE bastion.tenants SET plan = DEFAULT WHERE slug = 'door-of-bob';
RESET bastion.request_limits;

-- the form of PostgREST 12
SET bastion.request_errors = 'pgrst';
SET ROLE regress_app;
SELECT door.request(door.bearer('x')) AS refused;
RESET ROLE;
RESET bastion.request_errors;

-- records: all requests, without what an unknown user typed
SET bastion.request_audit = 'all';
SET ROLE regress_app;
SELECT door.request(door.bearer('bob'), '/documents?secret=1', 'POST') AS recorded;
SELECT door.request('{}', '/typed-by-nobody') AS anonymous;
BEGIN READ ONLY;
SELECT door.request(door.bearer('bob')) IN ('bob door-of-bob -', '55000 the request cannot be recorded ') AS by_the_queue_or_not_at_all;
COMMIT;
RESET ROLE;
RESET bastion.request_audit;
-- a worker writes them where the library is preloaded
DO $$ BEGIN FOR n IN 1 .. 200 LOOP EXIT WHEN (SELECT count(*) >= 2 FROM bastion.events WHERE kind = 'request'); PERFORM pg_sleep(0.05); END LOOP; END $$;
SELECT outcome, door.named(actor_id) AS actor, door.named(tenant_id) AS tenant, detail FROM bastion.events WHERE kind = 'request' ORDER BY id LIMIT 2;

-- the settings say what they take, and are the operator's
SELECT s, test.error(format('SELECT set_config(%L, %L, false)', 'bastion.' || split_part(s, ' ', 1), substr(s, strpos(s, ' ') + 1)))
FROM unnest(ARRAY['token_from basic', 'token_from header:authorization', 'tenant_from path:{tenant}', 'tenant_from host:example.com', 'open_paths login', 'request_errors html', 'request_audit some']) WITH ORDINALITY u (s, n) ORDER BY n;
SET ROLE regress_app;
SELECT test.error(format('SELECT set_config(%L, %L, true)', 'bastion.' || s, v)) FROM (VALUES (1, 'token_from', ''), (2, 'tenant_from', ''), (3, 'open_paths', '/a'), (4, 'request_limits', ''), (5, 'request_errors', 'pt'), (6, 'request_audit', 'off'), (7, 'authenticated_role', '')) u (n, s, v) ORDER BY n;
RESET ROLE;

-- the roles of PostgREST
SELECT arguments, test.error(format('SELECT bastion.setup_roles(%s)', arguments)) FROM unnest(ARRAY['NULL', '''regress_app'', ''regress_app''', '''regress_app'', ''regress_stranger'', ''regress_app''']) WITH ORDINALITY u (arguments, n) ORDER BY n;
CREATE ROLE regress_door_login LOGIN;
CREATE ROLE regress_door_bypass BYPASSRLS;
SELECT test.error('SELECT bastion.setup_roles(''regress_door_anon'', ''regress_door_bypass'', ''regress_door'')') AS bypasses, test.error('SELECT bastion.setup_roles(''regress_door_anon'', ''regress_door_user'', ''regress_door_login'')') AS inherits,
       to_regrole('regress_door_anon') AS made;
-- a role that may become another one has its rights: directly, through a third one, and without inheriting
CREATE ROLE regress_door_user NOINHERIT;
CREATE ROLE regress_door_between NOINHERIT;
GRANT regress_door_between TO regress_door_user;
CREATE ROLE regress_door_creator CREATEROLE;
CREATE ROLE regress_door_operator;
SELECT bastion.operator_role_declare('regress_door_operator');
CREATE ROLE regress_door_migration;
SELECT bastion.allow_migration_role('regress_door_migration');
CREATE FUNCTION pg_temp.may_become(power name, OUT error text, OUT finding text, OUT fix text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT %I TO regress_door_between', power);
    error := test.error('SELECT bastion.setup_roles(''regress_door_anon'', ''regress_door_user'', ''regress_door'')');
    SELECT l.problem, l.fix INTO finding, fix FROM bastion.lint() l WHERE l.severity = 'error' AND l.object = 'role regress_door_user';
    EXECUTE format('REVOKE %I FROM regress_door_between', power);
END
$$;
BEGIN;
SELECT bastion.allow_app_role('regress_door_user');
SELECT p, r.* FROM unnest(ARRAY['regress_door_bypass', 'regress_door_creator', 'regress_door_operator', 'regress_door_migration', 'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_read_all_data', 'pg_write_all_data']) WITH ORDINALITY u (p, n),
    LATERAL pg_temp.may_become(p) r ORDER BY n;
ROLLBACK;
DROP OWNED BY regress_door_user, regress_door_between, regress_door_operator, regress_door_migration;
DELETE FROM bastion.operator_roles WHERE role_name = 'regress_door_operator';
DROP ROLE regress_door_user, regress_door_between, regress_door_creator, regress_door_operator, regress_door_migration;
SELECT bastion.setup_roles('regress_door_anon', 'regress_door "user"', 'regress_door');
SELECT bastion.setup_roles('regress_door_anon', 'regress_door "user"', 'regress_door');
SELECT r.rolname, r.rolcanlogin, r.rolinherit, ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid ORDER BY m.roleid::regrole::text COLLATE "C") AS may_become,
       has_function_privilege(r.oid, 'bastion.pre_request()', 'EXECUTE') AS may_call, (SELECT s.setconfig FROM pg_db_role_setting s WHERE s.setrole = r.oid) AS settings
FROM pg_roles r WHERE starts_with(r.rolname, 'regress_door') AND r.rolname NOT IN ('regress_door_login', 'regress_door_bypass') ORDER BY r.rolname COLLATE "C";
-- what PostgREST sends, as the role that it logs in as
SELECT set_config('door.headers', door.bearer('bob'), false) IS NOT NULL AS headers;
SET bastion.authenticated_role = 'regress_door "user"';
SET SESSION AUTHORIZATION regress_door;
BEGIN READ ONLY;
SELECT set_config('search_path', 'public', true), set_config('role', 'regress_door_anon', true), set_config('request.headers', '{}', true);
SELECT bastion.pre_request();
SELECT current_user, bastion.user_id() IS NULL AS anonymous;
COMMIT;
BEGIN READ ONLY;
SELECT set_config('role', 'regress_door_anon', true), set_config('request.headers', current_setting('door.headers'), true) IS NOT NULL AS headers;
SELECT bastion.pre_request();
SELECT current_user, bastion.user_id() IS NULL AS anonymous;
COMMIT;
SELECT current_user;
RESET SESSION AUTHORIZATION;
-- a role that the front door may not have
SET bastion.authenticated_role = 'regress_stranger';
SET SESSION AUTHORIZATION regress_door;
BEGIN;
SELECT set_config('role', 'regress_door_anon', true), set_config('request.headers', current_setting('door.headers'), true) IS NOT NULL AS headers;
SELECT bastion.pre_request();
ROLLBACK;
RESET SESSION AUTHORIZATION;
RESET bastion.authenticated_role;
DROP OWNED BY regress_door, regress_door_anon, "regress_door ""user""";
DROP ROLE regress_door, regress_door_anon, "regress_door ""user""", regress_door_login, regress_door_bypass;
DELETE FROM bastion.rate_limits;
TRUNCATE test.people;
DROP SCHEMA door CASCADE;
