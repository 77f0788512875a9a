-- Delegation: what an actor may do for a user, hop by hop, what each hop may pass on, and what ends it.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion.resource_register('dele_docs', '{create,read,update}'), bastion.resource_register('dele_mail', '{read,send}');
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'bot', 'sub', 'max', 'eve']) n,
     LATERAL bastion_api.signup(n || '@delegation.example', 'correct horse', 'Delegation of ' || n, initcap(n)) a;
SELECT count(bastion.membership_force(test.id_of(n), test.tenant_of('ann')::text, 'viewer')) FROM unnest(ARRAY['bot', 'sub', 'max']) n;
UPDATE test.people SET token = bastion_api.login('max@delegation.example', 'correct horse', test.tenant_of('ann')::text) ->> 'access_token' WHERE name = 'max';
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT test.tenant_of('ann'), 'team', initcap(u), u FROM unnest(ARRAY['west', 'coast', 'east']) u;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id)
SELECT c.id, c.tenant_id, w.id FROM bastion.units c JOIN bastion.units w USING (tenant_id) WHERE c.slug = 'coast' AND w.slug = 'west' AND tenant_id = test.tenant_of('ann');
CREATE SCHEMA dele;
GRANT USAGE ON SCHEMA dele TO regress_app;
-- One statement with a token; in it, {name} is the id of a person. A refusal in place of an answer.
CREATE FUNCTION dele.ask(token text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    person text;
BEGIN
    FOR person IN SELECT name FROM test.people LOOP
        statement := replace(statement, '{' || person || '}', test.id_of(person)::text);
    END LOOP;
    r := test.as_app(token, NULL, NULL, statement);
    RETURN coalesce(r.error, CASE WHEN r.answer LIKE '{"error": %' THEN concat_ws(': ', r.answer::jsonb ->> 'error', r.answer::jsonb ->> 'error_description') ELSE r.answer END);
END
$$;
CREATE TABLE dele.hops (name text PRIMARY KEY, id uuid, token text);
GRANT SELECT ON dele.hops TO regress_app;
CREATE FUNCTION dele.token(name text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT coalesce((SELECT h.token FROM dele.hops h WHERE h.name = $1), (SELECT p.token FROM test.people p WHERE p.name = $1)) $$;
CREATE FUNCTION dele.id(name text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT h.id FROM dele.hops h WHERE h.name = $1 $$;
-- A hop of a person, or of the holder of another hop.
CREATE FUNCTION dele.hop(name text, by text, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text := dele.ask(dele.token(by), format('SELECT bastion_api.delegate(%s)', arguments));
BEGIN
    IF answer NOT LIKE '{%' THEN
        RETURN answer;
    END IF;
    INSERT INTO dele.hops VALUES (name, (answer::jsonb ->> 'delegation')::uuid, answer::jsonb ->> 'access_token')
    ON CONFLICT ON CONSTRAINT hops_pkey DO UPDATE SET id = excluded.id, token = excluded.token;
    RETURN 'ok';
END
$$;
CREATE FUNCTION dele.state(name text) RETURNS text LANGUAGE sql AS $$ SELECT dele.ask(dele.token(name), 'SELECT test.state()') $$;

-- the answer of RFC 8693 section 2.2.1, and a token whose outermost act is the current actor
SELECT a - 'access_token' - 'delegation' - 'expires_in' AS answer, (a ->> 'expires_in')::int BETWEEN 3500 AND 3600 AS an_hour, a ? 'delegation' AS id
FROM (SELECT dele.ask(dele.token('ann'), 'SELECT bastion_api.delegate(''{bot}'', ''{dele_docs.*,dele_mail.read}'')')::jsonb) x (a);
SELECT dele.hop('bot', 'ann', '''{bot}'', ''{dele_docs.*,dele_mail.read}'''), dele.hop('sub', 'bot', '''{sub}'', ''{dele_docs.read}''');
SELECT c ->> 'sub' = test.id_of('ann')::text AS subject, c #>> '{act,sub}' = test.id_of('sub')::text AS actor, c #>> '{act,act,sub}' = test.id_of('bot')::text AS before,
       c #> '{act,act,act}' AS more, c ->> 'dlg' = dele.id('sub')::text AS dlg, c ->> 'acr' AS acr, c ? 'amr' AS amr, c ->> 'sid' IS NOT NULL AS sid, c ? 'auth_time' AS auth_time
FROM test.claims(dele.token('sub')) c;
SELECT kind, detail -> 'scopes' AS scopes, actor_id = test.id_of('bot') AS actor, subject_id = test.id_of('ann') AS subject, actors = ARRAY[test.id_of('bot')] AS actors, delegation_id = dele.id('bot') AS delegation
FROM bastion.events WHERE user_id = test.id_of('ann') AND kind = 'delegated' ORDER BY id;

-- the user is the subject; the actors are known
SELECT dele.ask(dele.token('sub'), $$SELECT concat_ws(' ', bastion.user_id() = '{ann}', bastion.actor_id() = '{sub}', bastion.actors() = '{ {bot},{sub} }'::uuid[], bastion.delegation_id() = dele_id.id, bastion.auth_level(),
    bastion.session_id() IS NOT NULL, bastion.api_key_id() IS NULL, ARRAY(SELECT bastion.permissions())) FROM (SELECT id FROM dele.hops WHERE name = 'sub') dele_id$$);
SELECT dele.ask(dele.token('ann'), $$SELECT concat_ws(' ', bastion.actors(), bastion.delegation_id() IS NULL, bastion.whoami() ->> 'delegation', bastion.whoami() -> 'actors', bastion.whoami() ->> 'auth_time' IS NOT NULL)$$);
SELECT dele.ask(NULL, $$SELECT concat_ws(' ', bastion.actors() IS NULL, bastion.delegation_id() IS NULL)$$);
SELECT dele.state('bot'), dele.state('sub');
-- bastion.token, too; and what ended is explained
BEGIN;
SELECT test.present(dele.token('sub'));
SELECT bastion.whoami() - '{user,actor,actors,tenant,session,delegation,auth_time,expires_at}'::text[] AS others;
UPDATE bastion.delegations SET revoked_at = now(), revoked_reason = 'revoked' WHERE id = dele.id('bot');
SELECT test.state();
ROLLBACK;

-- the policies of the subject, the defaults of the row, and its events
CREATE TABLE dele.docs (id integer PRIMARY KEY, tenant_id uuid, owner_id uuid DEFAULT bastion.user_id(), created_by uuid DEFAULT bastion.actor_id(), through uuid[] DEFAULT bastion.actors(), delegation uuid DEFAULT bastion.delegation_id());
SELECT count(*) > 0 AS protected FROM bastion.protect('dele.docs', resource => 'dele_docs');
GRANT SELECT, INSERT, UPDATE, DELETE ON dele.docs TO regress_app;
SELECT dele.ask(dele.token('bot'), $$INSERT INTO dele.docs (id) VALUES (1) RETURNING concat_ws(' ', owner_id = '{ann}', created_by = '{bot}', through = '{ {bot} }'::uuid[], delegation IS NOT NULL)$$);
SELECT dele.ask(dele.token('sub'), 'INSERT INTO dele.docs (id) VALUES (2)'), dele.ask(dele.token('sub'), 'SELECT count(*) FROM dele.docs'),
       dele.ask(dele.token('bot'), 'DELETE FROM dele.docs RETURNING id'), dele.ask(dele.token('eve'), 'SELECT count(*) FROM dele.docs');

-- a parallel worker knows the whole identity
BEGIN;
SELECT test.present(dele.token('sub'));
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
DO $$ BEGIN PERFORM set_config(CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'on', true); END $$;
SELECT bastion.user_id() = test.id_of('ann') AS "user", bastion.actors() = ARRAY[test.id_of('bot'), test.id_of('sub')] AS actors, bastion.delegation_id() = dele.id('sub') AS delegation, bastion.has_permission('dele_docs.read') AS reads, bastion.has_permission('dele_docs.update') AS updates;
COMMIT;

-- what belongs to the person stays there, unless a scope names it; nothing is passed on that the scopes do not cover
SELECT dele.hop('all', 'ann', '''{bot}'', ''{*,tenant.*,own.*}''');
SELECT call, dele.ask(dele.token('all'), 'SELECT ' || call) FROM unnest(ARRAY['bastion_api.sessions()', 'bastion_api.logout(''all'')', 'bastion_api.api_key_create(''k'', ''{*}'')',
    'bastion_api.password_change(''correct horse'', ''correct horses'')', 'bastion_api.factors()', 'bastion_api.step_up(NULL, ''{}'')', 'bastion_api.profile_update(''{}'')', 'bastion.session_revoke(gen_random_uuid())',
    'bastion.has_permission(''own.secrets.read'')']) call;
SELECT dele.ask(dele.token('bot'), 'SELECT bastion.has_permission(''own.secrets.read'')');
SELECT dele.hop('manager', 'ann', '''{bot}'', ''{tenant.members.manage,dele_docs.read}''');
SELECT dele.ask(dele.token('manager'), $$SELECT bastion.permission_grant('{max}'::uuid, 'dele_docs.update')$$), dele.ask(dele.token('manager'), $$SELECT bastion.permission_grant('{max}'::uuid, 'dele_docs.read')$$) ~ 'rights that you do not hold' AS not_beyond_its_end;
SELECT (test.as_app(dele.token('manager'), NULL, NULL, format('SELECT bastion.permission_grant(%L::uuid, ''dele_docs.update'')', test.id_of('max')))).detail;
-- nor is more given back than the subject has: a viewer's * is little
SELECT dele.hop('of max', 'max', '''{bot}'', ''{*}''');
SELECT dele.ask(dele.token('of max'), 'SELECT ARRAY(SELECT p FROM bastion.permissions() p WHERE p LIKE ''dele%'' ORDER BY p)');

-- each hop is covered by the one before
SELECT a, dele.hop('x', 'bot', '''{sub}'', ' || a) FROM unnest(ARRAY['''{*}''', '''{dele_docs.*,dele_mail.*}''', '''{*.read}''', '''{dele_mail.send}''', '''{own.secrets.read}''', '''{tenant.*}''', '''{}''', 'NULL', '''{dele_docs}''', '''{nothing.here}''',
    'array_fill(''dele_docs.read''::text, ARRAY[101])', 'ARRAY[NULL]::text[]', '''{{dele_docs.read}}''']) a;
SELECT a, dele.hop('x', 'ann', a) FROM unnest(ARRAY['''{bot}'', ''{*}'', valid_for => ''0 s''', '''{bot}'', ''{*}'', valid_for => ''31 days''', '''{bot}'', ''{*}'', valid_for => NULL', '''{bot}'', ''{*}'', valid_for => ''-1 h''',
    '''{bot}'', ''{*}'', unit => ''nowhere''', '''{bot}'', ''{*}'', offline => NULL', '''{eve}'', ''{*}''', 'NULL, ''{*}''', '''nobody'', ''{*}''', 'gen_random_uuid()::text, ''{*}''', '''eve@delegation.example'', ''{*}''']) a;
SELECT dele.hop('by address', 'ann', '''bot@delegation.example'', ''{*}''');
SELECT dele.hop('west', 'ann', '''{bot}'', ''{*}'', unit => ''west'''), dele.hop('coast', 'west', '''{sub}'', ''{*}'', unit => ''coast'''), dele.hop('inherited', 'west', '''{sub}'', ''{*}'''), dele.hop('x', 'west', '''{sub}'', ''{*}'', unit => ''east'''), dele.hop('x', 'coast', '''{bot}'', ''{*}'', unit => ''west''');
SELECT h.name, u.slug FROM dele.hops h JOIN bastion.delegations d USING (id) JOIN bastion.units u ON u.id = d.unit_id ORDER BY 1;
SELECT n, (test.as_app(dele.token('coast'), NULL, n, 'SELECT bastion.unit_id() IS NOT NULL')).* FROM unnest(ARRAY['coast', 'west', 'east']) n;
-- a unit that moves away takes the hop with it, and brings it back
BEGIN;
SELECT dele.state('coast');
UPDATE bastion.unit_parents p SET parent_id = e.id FROM bastion.units e WHERE e.slug = 'east' AND e.tenant_id = p.tenant_id AND p.tenant_id = test.tenant_of('ann');
SELECT dele.state('coast'), dele.state('west');
ROLLBACK;
SELECT dele.state('coast');
-- not longer than the hop before, nor than the session
SELECT dele.hop('short', 'ann', '''{bot}'', ''{*}'', valid_for => ''10 minutes'''), dele.hop('longer', 'short', '''{sub}'', ''{*}'', valid_for => ''30 days'''), dele.hop('month', 'ann', '''{bot}'', ''{*}'', valid_for => ''30 days''');
SELECT (SELECT expires_at FROM bastion.delegations WHERE id = dele.id('longer')) = (SELECT expires_at FROM bastion.delegations WHERE id = dele.id('short')) AS as_long,
       (SELECT d.expires_at <= bastion_internal.session_deadline(s) FROM bastion.delegations d JOIN bastion.sessions s ON s.id = d.session_id WHERE d.id = dele.id('month')) AS within_session;
-- eight hops
SELECT dele.hop('hop 1', 'ann', '''{bot}'', ''{*}''');
SELECT n, dele.hop('hop ' || n, 'hop ' || n - 1, format('''{%s}'', ''{*}''', CASE WHEN n % 2 = 0 THEN 'sub' ELSE 'bot' END)) FROM generate_series(2, 9) n;
SELECT dele.ask(dele.token('hop 8'), 'SELECT cardinality(bastion.actors())');
INSERT INTO bastion.delegations (parent_id, root_id, depth, subject_id, actor_id, actors, tenant_id, scopes, expires_at)
SELECT id, root_id, 9, subject_id, actor_id, actors || actor_id, tenant_id, scopes, expires_at FROM bastion.delegations WHERE id = dele.id('hop 8');

-- who may not: an API key, an impersonator, a token without a session, nobody; a login in another tenant has other members
SELECT dele.ask(dele.token('ann'), 'SELECT bastion_api.api_key_create(''k'', ''{*,tenant.*,own.*}'') ->> ''key''') AS key \gset
SELECT dele.ask(token, 'SELECT bastion_api.delegate(''{bot}'', ''{*}'')'), dele.ask(token, 'SELECT bastion_api.delegations()'), dele.ask(token, 'SELECT bastion_api.delegation_revoke(gen_random_uuid())')
FROM unnest(ARRAY[:'key', NULL]) token;
SELECT dele.ask(bastion.token_issue(test.id_of('ann'), test.tenant_of('ann')), 'SELECT bastion_api.delegate(''{bot}'', ''{*}'')');
BEGIN;
SELECT bastion.impersonate(test.id_of('ann')::text, test.tenant_of('ann')::text, 'a test', false) IS NOT NULL AS impersonating;
SELECT test.refusal('SELECT bastion_api.delegate(''x'', ''{*}'')'), test.refusal('SELECT bastion_api.delegations()');
ROLLBACK;
-- an actor cannot impersonate, and a token of a delegation does not stand beside the actor's own identity
GRANT EXECUTE ON FUNCTION bastion.impersonate(text, text, text, boolean) TO regress_app;
BEGIN;
SELECT test.present(dele.token('bot'));
SELECT test.error(format('SELECT bastion.impersonate(%L, %L, ''a test'')', test.id_of('max'), test.tenant_of('ann')));
ROLLBACK;
REVOKE EXECUTE ON FUNCTION bastion.impersonate(text, text, text, boolean) FROM regress_app;
BEGIN;
SELECT bastion.authenticate(dele.token('bot')) = test.id_of('ann') AS first;
SELECT test.error(format('SELECT bastion.authenticate(%L)', token)) FROM unnest(ARRAY[dele.token('ann'), dele.token('sub'), dele.token('by address')]) token;
ROLLBACK;
SELECT bastion_api.login('bot@delegation.example', 'correct horse', test.tenant_of('ann')::text) ->> 'access_token' AS bot \gset
BEGIN;
SELECT bastion.authenticate(:'bot') = test.id_of('bot') AS first;
SELECT test.error(format('SELECT bastion.authenticate(%L)', dele.token('bot')));
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(dele.token('bot')) = test.id_of('ann') AS first;
SELECT test.present(dele.token('sub'));
ROLLBACK;

-- forged tokens: signed by the extension's own key, with other claims
CREATE FUNCTION dele.forge(change jsonb) RETURNS text LANGUAGE sql AS $$ SELECT bastion_internal.token_sign(jsonb_strip_nulls(test.claims(dele.token('sub')) || change)) $$;
SELECT (c - 'dlg')::text LIKE '%act%' AS with_act, (test.as_app(dele.forge(c), NULL, NULL, 'SELECT 1')).error FROM (VALUES ('{}'::jsonb), ('{"act": null}'), ('{"dlg": null}'), ('{"act": {"sub": "x"}}'), ('{"act": 1}'),
    ('{"dlg": "x"}'), ('{"dlg": 1}'), ('{"sid": null}'),
    (jsonb_build_object('act', jsonb_build_object('sub', test.id_of('bot')))), (jsonb_build_object('act', jsonb_build_object('sub', test.id_of('bot'), 'act', jsonb_build_object('sub', test.id_of('sub'))))),
    (jsonb_build_object('sub', test.id_of('eve'))), (jsonb_build_object('dlg', dele.id('bot'))), (jsonb_build_object('dlg', gen_random_uuid())), (jsonb_build_object('tenant', test.tenant_of('bot'))),
    (jsonb_build_object('tenant', test.tenant_of('eve')))) v (c);
-- an act of nine
SELECT (test.as_app(dele.forge(jsonb_build_object('act', (SELECT format(repeat('{"sub": "%1$s", "act": ', 8) || '{"sub": "%1$s"}' || repeat('}', 8), test.id_of('bot'))::jsonb))), NULL, NULL, 'SELECT 1')).error;
-- a token of a delegation works in its tenant alone
SELECT (test.as_app(dele.token('bot'), t::text, NULL, 'SELECT 1')).error FROM unnest(ARRAY[test.tenant_of('bot'), test.tenant_of('eve')]) t;
-- the level of a step up does not reach an actor
UPDATE bastion.sessions SET level = 'aal2' WHERE user_id = test.id_of('ann');
SELECT dele.ask(dele.forge('{"acr": "aal2"}'), 'SELECT bastion.auth_level()');
UPDATE bastion.sessions SET level = 'aal1' WHERE user_id = test.id_of('ann');

-- a hop is revoked by the user, by an actor, or by one who acts further up; and everything below it, at once
SELECT dele.ask(dele.token(w), format('SELECT bastion_api.delegation_revoke(%L)', dele.id('hop 3'))) AS stranger FROM unnest(ARRAY['eve', 'max', 'hop 4', 'bot']) w;
BEGIN;
SELECT dele.state('hop 8'), test.loads('delegations') AS loads \gset
SELECT dele.state('hop 8'), test.loads('delegations') - :loads AS loads;
SELECT dele.ask(dele.token('hop 2'), format('SELECT bastion_api.delegation_revoke(%L)', dele.id('hop 3')));
SELECT string_agg(dele.state('hop ' || n), E'\n' ORDER BY n) FROM generate_series(1, 8) n;
ROLLBACK;
SELECT dele.state('hop 3'), dele.state('hop 8');
SELECT dele.ask(dele.token('ann'), format('SELECT bastion_api.delegation_revoke(%L)', dele.id('hop 3'))), dele.ask(dele.token('ann'), format('SELECT bastion_api.delegation_revoke(%L)', dele.id('hop 3')));
SELECT dele.state('hop 2'), dele.state('hop 3'), dele.state('hop 8'), dele.hop('x', 'hop 8', '''{sub}'', ''{*}'''), dele.hop('x', 'hop 3', '''{sub}'', ''{*}''');
SELECT h.name, d.revoked_reason FROM dele.hops h JOIN bastion.delegations d USING (id) WHERE h.name LIKE 'hop%' ORDER BY 1;
SELECT outcome, detail - 'delegation' AS detail, actor_id = test.id_of('ann') AS actor FROM bastion.events WHERE kind = 'delegation_revoked' AND user_id = test.id_of('ann') ORDER BY id;
-- a hop whose row alone says so ends what is below it, whatever the revocation could see; so does one that is gone
SELECT dele.hop('top', 'ann', '''{bot}'', ''{*}'''), dele.hop('below', 'top', '''{sub}'', ''{*}''');
BEGIN;
SELECT dele.state('below');
UPDATE bastion.delegations SET revoked_at = now(), revoked_reason = 'revoked' WHERE id = dele.id('top');
SELECT dele.state('below');
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM bastion.delegations WHERE id = dele.id('top');
SET LOCAL session_replication_role = origin;
SELECT dele.state('below');
ROLLBACK;
BEGIN;
DELETE FROM bastion.delegations WHERE id = dele.id('top');
SELECT count(*) FROM bastion.delegations WHERE id IN (dele.id('top'), dele.id('below'));
ROLLBACK;
-- the time of a hop above counts
BEGIN;
UPDATE bastion.delegations SET expires_at = now() - interval '1 s' WHERE id = dele.id('top');
SELECT dele.state('top'), dele.state('below');
ROLLBACK;
-- possession of the token ends the delegation, and not the session of the user
SELECT bastion_api.token_revoke(dele.token('below'));
SELECT dele.state('below'), dele.state('top'), dele.state('ann');

-- the lists: given, held, and those of a hop
SELECT dele.hop('again', 'top', '''{sub}'', ''{dele_docs.read}''');
SELECT w, k.key, count(*) FROM unnest(ARRAY['ann', 'top', 'again']) w, LATERAL jsonb_each(dele.ask(dele.token(w), 'SELECT bastion_api.delegations()')::jsonb) k, LATERAL jsonb_array_elements(k.value) e
WHERE (e ->> 'id')::uuid IN (dele.id('top'), dele.id('again'), dele.id('below')) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT e -> 'actors' = jsonb_build_array(test.id_of('bot'), test.id_of('sub')) AS actors, e -> 'scopes' AS scopes, e ->> 'parent' = dele.id('top')::text AS parent, e #>> '{user,email}' AS "user", e #>> '{actor,email}' AS actor, e ->> 'offline' AS offline
FROM jsonb_array_elements(dele.ask(dele.token('ann'), 'SELECT bastion_api.delegations()')::jsonb -> 'given') e WHERE e ->> 'id' = dele.id('again')::text;
SELECT count(*) FILTER (WHERE e ->> 'id' = dele.id('top')::text) AS held, count(*) FILTER (WHERE e ->> 'id' = dele.id('again')::text) AS held_by_others
FROM jsonb_array_elements(dele.ask(:'bot', 'SELECT bastion_api.delegations()')::jsonb -> 'held') e;
SELECT dele.ask(dele.token('eve'), 'SELECT bastion_api.delegations()');
-- an actor gives it back, or ends what another made of it, and is on record
SELECT dele.ask(:'bot', format('SELECT bastion_api.delegation_revoke(%L)', dele.id('again'))), dele.state('again'), dele.state('top');
SELECT dele.hop('given', 'top', '''{sub}'', ''{dele_docs.read}''');
SELECT dele.ask(dele.token('given'), format('SELECT bastion_api.delegation_revoke(%L)', dele.id('given')));
SELECT e.actor_id = test.id_of('sub') AS actor, e.subject_id = test.id_of('ann') AS subject, e.delegation_id = dele.id('given') AS delegation FROM bastion.events e WHERE e.kind = 'delegation_revoked' ORDER BY e.id DESC LIMIT 1;

-- the account of any actor
SELECT dele.hop('again', 'top', '''{sub}'', ''{dele_docs.read}''');
BEGIN;
SELECT dele.state('again');
UPDATE bastion.users SET status = 'disabled' WHERE id = test.id_of('bot');
SELECT dele.state('again'), (SELECT revoked_reason FROM bastion.delegations WHERE id = dele.id('again')), dele.hop('x', 'ann', '''{bot}'', ''{*}''');
UPDATE bastion.users SET status = 'active' WHERE id = test.id_of('bot');
SELECT dele.state('again');
ROLLBACK;
BEGIN;
SELECT dele.state('again');
SET LOCAL session_replication_role = replica;
UPDATE bastion.users SET status = 'disabled' WHERE id = test.id_of('bot');
SET LOCAL session_replication_role = origin;
SELECT dele.state('again'), dele.state('top');
ROLLBACK;
BEGIN;
DELETE FROM bastion.tenants WHERE id = test.tenant_of('bot');
DELETE FROM bastion.users WHERE id = test.id_of('bot');
SELECT dele.state('again'), count(*) FROM bastion.delegations WHERE id = dele.id('again');
ROLLBACK;
-- a membership of an actor in the tenant
BEGIN;
DELETE FROM bastion.memberships WHERE user_id = test.id_of('sub') AND tenant_id = test.tenant_of('ann');
SELECT dele.state('again'), dele.state('top'), (SELECT revoked_reason FROM bastion.delegations WHERE id = dele.id('again')), dele.hop('x', 'ann', '''{sub}'', ''{*}''');
ROLLBACK;
-- the subject's rights
BEGIN;
SELECT dele.hop('reader', 'max', '''{bot}'', ''{dele_docs.*}'''), dele.ask(dele.token('reader'), 'SELECT bastion.has_permission(''dele_docs.read'')');
DELETE FROM bastion.memberships WHERE user_id = test.id_of('max') AND tenant_id = test.tenant_of('ann');
SELECT dele.state('reader');
ROLLBACK;

-- the session; of a logout that is rolled back nothing stays
SELECT dele.state('again');
BEGIN;
SELECT dele.ask(dele.token('ann'), 'SELECT bastion_api.logout()'), dele.state('again'), (SELECT revoked_reason FROM bastion.delegations WHERE id = dele.id('again'));
ROLLBACK;
SELECT dele.state('again');
-- with a second factor, one that outlives the session
SELECT dele.hop('offline', 'ann', '''{bot}'', ''{dele_docs.*}'', offline => true'), dele.hop('x', 'top', '''{sub}'', ''{*}'', offline => true');
UPDATE bastion.sessions SET level = 'aal2' WHERE user_id = test.id_of('ann');
SELECT dele.hop('offline', 'ann', '''{bot}'', ''{dele_docs.*}'', offline => true') AS older_token;
SELECT bastion_internal.access_token(s.user_id, s.tenant_id, s.unit_id, s.id, floor(extract(epoch FROM now()))::bigint, floor(extract(epoch FROM now()))::bigint + 900, gen_random_uuid(), s.amr, s.level, s.authenticated_at) AS strong
FROM bastion.sessions s WHERE s.user_id = test.id_of('ann') \gset
UPDATE test.people SET token = :'strong' WHERE name = 'ann';
SELECT dele.hop('offline', 'ann', '''{bot}'', ''{dele_docs.*}'', offline => true, valid_for => ''30 days'''), dele.hop('offline below', 'offline', '''{sub}'', ''{dele_docs.read}''');
SELECT dele.ask(dele.token('ann'), 'SELECT bastion_api.logout()');
SELECT h.name, dele.state(h.name), d.revoked_reason FROM dele.hops h JOIN bastion.delegations d USING (id) WHERE h.name IN ('again', 'top', 'offline', 'offline below') ORDER BY 1;
-- its token outlives a rotation of the signing key
BEGIN;
SELECT bastion.signing_key_rotate() IS NOT NULL AS rotated;
UPDATE bastion.signing_keys SET verifies_until = verifies_until - interval '1 day' WHERE state = 'retiring'; -- other tokens have expired by then
SELECT bastion.signing_key_rotate() IS NOT NULL AS rotated;
SELECT dele.state('offline');
ROLLBACK;
-- a delegation inside one that is rolled back
BEGIN;
SAVEPOINT s;
SELECT dele.hop('gone', 'offline', '''{sub}'', ''{dele_docs.read}''');
SELECT dele.token('gone') AS gone \gset
SELECT dele.state('gone');
ROLLBACK TO s;
SELECT dele.ask(:'gone', 'SELECT 1'), dele.ask(:'gone', 'SELECT bastion_api.delegate(''{sub}'', ''{dele_docs.read}'')');
COMMIT;
-- READ ONLY; pruning; the last subject
BEGIN READ ONLY;
SELECT test.present(dele.token('offline'));
SELECT test.refusal('SELECT bastion_api.delegate(''x'', ''{*}'')'), test.refusal('SELECT bastion_api.delegation_revoke(gen_random_uuid())');
COMMIT;
BEGIN;
UPDATE bastion.delegations SET created_at = created_at - interval '90 days', expires_at = expires_at - interval '90 days' WHERE id = dele.id('offline');
SELECT bastion.session_prune() >= 0 AS pruned;
SELECT count(*) FROM bastion.delegations WHERE id IN (dele.id('offline'), dele.id('offline below'));
ROLLBACK;
BEGIN;
UPDATE bastion.users SET status = 'disabled' WHERE id = test.id_of('ann');
UPDATE bastion.users SET status = 'active' WHERE id = test.id_of('ann');
SELECT dele.state('offline'), dele.state('offline below');
ROLLBACK;

-- random chains, each hop of random scopes and units: one that is made is no wider than the hop before
SELECT bastion_api.login('ann@delegation.example', 'correct horse', test.tenant_of('ann')::text) ->> 'access_token' AS ann \gset
CREATE TABLE dele.words AS SELECT row_number() OVER () - 1 AS n, w FROM unnest(ARRAY['*', '*.read', '*.send', 'dele_docs.*', 'dele_mail.*', 'dele_docs.read', 'dele_docs.update', 'dele_mail.send', 'tenant.*', 'tenant.members.*', 'tenant.members.read', 'own.*', 'own.secrets.read']) w;
CREATE FUNCTION dele.draw(INOUT seed bigint, below integer, OUT n integer) LANGUAGE sql IMMUTABLE AS $$ SELECT s, ((s >> 16) % below)::integer FROM (VALUES ((seed * 1103515245 + 12345) % 2147483648)) v (s) $$;
-- Makes chains, and returns how many hops were made, refused, and wider than the hop before, by what their tokens may do.
CREATE FUNCTION dele.chains(seed bigint, chains integer, made OUT bigint, refused OUT bigint, wider OUT bigint) LANGUAGE plpgsql AS $$
DECLARE
    r record;
    d record;
    token text;
    scopes text[];
    place text;
    above text[];
    held text[];
    unit_above uuid;
BEGIN
    made := 0; refused := 0; wider := 0;
    FOR link IN 1 .. chains LOOP
        token := (SELECT p.token FROM test.people p WHERE p.name = 'ann');
        above := NULL; unit_above := NULL;
        FOR hop IN 1 .. 4 LOOP
            scopes := '{}';
            FOR i IN 1 .. 2 LOOP
                SELECT * INTO d FROM dele.draw(seed, CASE hop WHEN 1 THEN 5 ELSE 13 END);
                seed := d.seed;
                scopes := scopes || (SELECT w FROM dele.words WHERE n = d.n);
            END LOOP;
            SELECT * INTO d FROM dele.draw(seed, 6);
            seed := d.seed;
            place := (ARRAY['west', 'coast', 'east'])[d.n];
            r := test.as_app(token, NULL, NULL, format('SELECT bastion_api.delegate(%L, %L, %L)', test.id_of(CASE WHEN hop % 2 = 1 THEN 'bot' ELSE 'sub' END), scopes, place));
            IF r.answer::jsonb ? 'error' THEN
                refused := refused + 1;
                CONTINUE;
            END IF;
            made := made + 1;
            token := r.answer::jsonb ->> 'access_token';
            r := test.as_app(token, NULL, NULL, 'SELECT jsonb_build_object(''held'', ARRAY(SELECT bastion.permissions()), ''unit'', bastion.unit_id())');
            held := ARRAY(SELECT jsonb_array_elements_text(r.answer::jsonb -> 'held'));
            IF NOT held <@ coalesce(above, held) OR unit_above IS NOT NULL AND NOT EXISTS (
                SELECT FROM bastion.unit_closure c WHERE c.ancestor_id = unit_above AND c.descendant_id = (r.answer::jsonb ->> 'unit')::uuid) THEN
                wider := wider + 1;
            END IF;
            above := held; unit_above := (r.answer::jsonb ->> 'unit')::uuid;
        END LOOP;
    END LOOP;
END
$$;
UPDATE test.people SET token = :'ann' WHERE name = 'ann';
SELECT made > 100 AS made, refused > 100 AS refused, wider FROM dele.chains(7, 100);
SELECT bool_and(bastion_internal.scopes_cover(p.scopes, d.scopes) AND bastion_internal.unit_is_inside(d.unit_id, p.unit_id) AND d.expires_at <= p.expires_at AND d.depth = p.depth + 1 AND d.root_id = p.root_id
    AND d.subject_id = p.subject_id AND d.tenant_id = p.tenant_id AND d.actors = p.actors || d.actor_id AND d.session_id IS NOT DISTINCT FROM p.session_id) AS covered
FROM bastion.delegations d JOIN bastion.delegations p ON p.id = d.parent_id;

-- the end
DROP TABLE dele.docs;
DROP SCHEMA dele CASCADE;
DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
SELECT count(*) FROM bastion.delegations;
TRUNCATE test.people;
DELETE FROM bastion.permissions WHERE resource IN ('dele_docs', 'dele_mail');
