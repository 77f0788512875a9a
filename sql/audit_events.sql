-- Events of the extension in the log of changes: who acted, for whom and with what, and no secret.
\set VERBOSITY terse
SET client_min_messages = warning;
SET application_name = 'events test';
CREATE SCHEMA aev;
GRANT USAGE ON SCHEMA aev TO regress_app;
CREATE FUNCTION aev.run(token text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL') FROM test.as_app(token, NULL, NULL, statement) a
$$;
CREATE FUNCTION aev.name(person uuid) RETURNS text LANGUAGE sql AS $$ SELECT p.name FROM test.people p WHERE p.id = person $$;
CREATE TABLE aev.seen (xid xid8, seq bigint);
-- events since the last look
CREATE FUNCTION aev.news() RETURNS TABLE (op text, affected text, actor text, for_whom text, actors text, tenant text, method text, role boolean, application text, outcome text, details jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    a bastion.audit;
BEGIN
    FOR a IN SELECT * FROM bastion.audit x WHERE x.kind = 'event' AND x.op <> 'key_created' AND NOT EXISTS (SELECT FROM aev.seen s WHERE (s.xid, s.seq) = (x.xid, x.seq)) ORDER BY x.xid, x.seq LOOP
        INSERT INTO aev.seen VALUES (a.xid, a.seq);
        op := a.op; method := a.method; role := a.role = session_user; application := a.application; outcome := a.new ->> 'outcome';
        affected := aev.name((a.key ->> 'user')::uuid); actor := aev.name(a.actor_id); for_whom := aev.name(a.user_id);
        actors := (SELECT string_agg(aev.name(u::uuid), ', ' ORDER BY n) FROM jsonb_array_elements_text(a.actors) WITH ORDINALITY x (u, n));
        tenant := (SELECT p.name FROM test.people p WHERE p.tenant = a.tenant_id);
        details := (SELECT jsonb_object_agg(d.key, CASE WHEN d.value::text ~ '[0-9a-f-]{36}' THEN '"id"' WHEN d.value::text ~ '^"[0-9]{4}-' THEN '"time"' ELSE d.value END) FROM jsonb_each((a.new ->> 'details')::jsonb) d);
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT count(*) < 0 AS none FROM aev.news();

-- without a table under audit, the log has none, unless the setting asks for them
SELECT count(*) FROM bastion.audited_tables;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'bot', 'sub']) n, LATERAL bastion_api.signup(n || '@events.example', 'correct horse battery', 'Events of ' || n) a;
SELECT * FROM aev.news();
SET bastion.audit_events = on;
SELECT bastion_api.login('ann@events.example', 'wrong guess') ->> 'error' AS error;
SELECT op, affected, outcome, details FROM aev.news();
RESET bastion.audit_events;
SET ROLE regress_app;
SELECT test.error('SET bastion.audit_events = on');
RESET ROLE;

CREATE TABLE aev.folios (id int PRIMARY KEY, tenant_id uuid, title text);
SELECT count(*) FROM bastion.protect('aev.folios', audit => true);
SELECT token AS ann, tenant AS of_ann FROM test.people WHERE name = 'ann' \gset
SELECT clock_timestamp() AS begun, (SELECT max(id) FROM bastion.events) AS first_event \gset
-- logins and refusals
SELECT bastion_api.login('ann@events.example', 'wrong guess') ->> 'error' AS wrong, bastion_api.login('nobody@events.example', 'wrong guess') ->> 'error' AS nobody,
       bastion_api.login('ann@events.example', 'correct horse battery') ? 'access_token' AS right;
SELECT * FROM aev.news();
-- what a user changes: members, keys, delegations
SELECT count(bastion.membership_force(p.id, :'of_ann', 'member')) FROM test.people p WHERE p.name IN ('bot', 'sub');
SELECT (aev.run(:'ann', 'SELECT bastion_api.api_key_create(''job'', ''{folios.*}'')')::jsonb) ->> 'key' AS key \gset
SELECT aev.run(:'ann', format('SELECT bastion_api.delegate(%L, ''{folios.*}'')', test.id_of('bot')))::jsonb ->> 'access_token' AS hop \gset
SELECT * FROM aev.news();
-- secrets and settings have a history of their own, and are in the log too
SELECT aev.run(:'ann', 'SELECT bastion.secret_put(''mail'', ''attack at dawn'', ''smtp'', ''password'')') IS NOT NULL AS put;
SELECT aev.run(:'ann', 'SELECT bastion.secret_get(''mail'', ''a job'')');
SELECT aev.run(:'ann', 'SELECT bastion.setting_put(''mail.sender'', ''"the value of a setting"'', reason => ''first'')');
SELECT * FROM aev.news();
-- by a delegation: the user for whom, and the chain of actors
SELECT aev.run(:'hop', format('SELECT bastion_api.delegate(%L, ''{folios.*}'')', test.id_of('sub')))::jsonb ->> 'access_token' AS next_hop \gset
SELECT * FROM aev.news();
SELECT x.op, x.delegation_id IS NOT NULL AS delegation, (x.new ->> 'occurred_at')::timestamptz <= x.occurred_at AS before
FROM bastion.audit x WHERE x.kind = 'event' ORDER BY x.xid DESC, x.seq DESC LIMIT 1;
-- rows by an API key, and by two hops
GRANT SELECT, INSERT ON aev.folios TO regress_app;
SELECT aev.run(:'key', 'INSERT INTO aev.folios (id, title) VALUES (1, ''by a key'') RETURNING id'), aev.run(:'next_hop', 'INSERT INTO aev.folios (id, title) VALUES (2, ''by hops'') RETURNING id');
SELECT x.new ->> 'title' AS title, x.method, aev.name(x.user_id) AS for_whom, aev.name(x.actor_id) AS actor, (SELECT string_agg(aev.name(u::uuid), ', ') FROM jsonb_array_elements_text(x.actors) u) AS actors,
       x.api_key_id IS NOT NULL AS api_key, x.delegation_id IS NOT NULL AS delegation, x.session_id IS NOT NULL AS session, x.application
FROM bastion.audit x WHERE x.relation = 'aev.folios' AND x.kind = 'row' ORDER BY x.xid, x.seq;
-- by operators: flags, quotas, impersonation
SELECT bastion.flag_set_for(NULL, 'aev_flag', '{"variants": {"on": true, "off": false}, "defaultVariant": "on"}') IS NOT NULL AS flag;
SELECT bastion.meter_set('aev_folios', 'count'), bastion.plan_limit_set('aev_folios', 'tenant', 'month', 5);
BEGIN;
SELECT bastion.impersonate((SELECT id::text FROM test.people WHERE name = 'ann'), :'of_ann', 'support', false) IS NOT NULL AS impersonated;
INSERT INTO aev.folios (id, title) VALUES (3, 'by support');
COMMIT;
SELECT * FROM aev.news();
-- what is rolled back is on no record, in neither log
BEGIN;
SELECT bastion.meter_set('aev_gone', 'gauge');
ROLLBACK;
SELECT count(*) FROM aev.news();
-- each event since then is in both logs, in that of changes without what is not for its tenant
SELECT count(*) FROM ((SELECT e.kind, e.outcome, e.user_id::text, CASE WHEN e.tenant_id IS NULL THEN e.detail WHEN e.kind = 'impersonation' THEN e.detail - '{role,reason}'::text[] ELSE e.detail - 'by' END::text FROM bastion.events e WHERE e.id > :first_event
                       EXCEPT ALL SELECT a.op, a.new ->> 'outcome', a.key ->> 'user', a.new ->> 'details' FROM bastion.audit a WHERE a.kind = 'event' AND a.op !~ '^(secret|setting)_' AND a.occurred_at > :'begun')
    UNION ALL (SELECT a.op, a.new ->> 'outcome', a.key ->> 'user', a.new ->> 'details' FROM bastion.audit a WHERE a.kind = 'event' AND a.op !~ '^(secret|setting)_' AND a.occurred_at > :'begun'
                       EXCEPT ALL SELECT e.kind, e.outcome, e.user_id::text, CASE WHEN e.tenant_id IS NULL THEN e.detail WHEN e.kind = 'impersonation' THEN e.detail - '{role,reason}'::text[] ELSE e.detail - 'by' END::text FROM bastion.events e WHERE e.id > :first_event)) d;
-- no secret: no password, key or token
SELECT count(*) AS secrets FROM bastion.audit_rows r, unnest(ARRAY['wrong guess', 'correct horse', 'attack at dawn', 'value of a setting', :'key', :'hop', :'next_hop', :'ann']) s
WHERE r.occurred_at > :'begun' AND (position(convert_to(s, 'UTF8') IN r.entry) > 0 OR position(convert_to(substr(s, length(s) - 20), 'UTF8') IN r.entry) > 0);

-- members with tenant.events.read see those of their tenant
SELECT aev.run(:'ann', 'SELECT bool_and(tenant_id = bastion.tenant_id()) AND count(*) > 1 FROM bastion.audit WHERE kind = ''event''');
SELECT aev.run((SELECT token FROM test.people WHERE name = 'bot'), 'SELECT count(*) FROM bastion.audit WHERE tenant_id <> bastion.tenant_id()');
SET ROLE regress_app;
SELECT test.error(s) FROM unnest(ARRAY['SELECT bastion_internal.event_insert(''{}'')',
    'SELECT bastion_internal.audit_event(true, ''login'', ''success'', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)']) s;
RESET ROLE;

SELECT bastion.meter_remove('aev_folios'), bastion.flag_delete_for(NULL, 'aev_flag') IS NOT NULL AS gone;
DROP SCHEMA aev CASCADE;
DELETE FROM bastion.audited_tables a WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = a.relation);
DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
DELETE FROM test.people;
