-- What members with tenant.events.read see of events: nothing of another tenant, and nothing that is meant for operators.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.audit_events = on;
SET application_name = 'tenants test';
CREATE FUNCTION test.run_here(token text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL') FROM test.as_app(token, NULL, NULL, statement) a
$$;
SELECT a ->> 'access_token' AS ann, a #>> '{tenant,id}' AS of_ann, a #>> '{user,id}' AS ann_id FROM bastion_api.signup('ann@tenants.example', 'correct horse battery', 'Tenants of ann', 'Ann') a \gset
SELECT a ->> 'access_token' AS bob, a #>> '{tenant,id}' AS of_bob, a #>> '{user,id}' AS bob_id, a ->> 'refresh_token' AS bob_refresh
FROM bastion_api.signup('bob@tenants.example', 'correct horse battery', 'Tenants of bob', 'Bob') a \gset
SELECT clock_timestamp() AS begun \gset
-- what Ann reads, without ids of her own
CREATE FUNCTION test.anns(token text, kinds text, begun timestamptz) RETURNS TABLE (op text, agent text, address boolean, session boolean, unit boolean, details jsonb) LANGUAGE sql AS $$
    SELECT r.* FROM jsonb_array_elements(test.run_here(token, format('SELECT jsonb_agg(to_jsonb(a) ORDER BY a.xid, a.seq) FROM bastion.audit a WHERE a.kind = ''event'' AND a.op ~ %L AND a.occurred_at >= %L', kinds, begun))::jsonb) x,
        LATERAL (SELECT x ->> 'op', x ->> 'agent', x ->> 'address' IS NOT NULL, x ->> 'session_id' IS NOT NULL, x ->> 'unit_id' IS NOT NULL,
                        (SELECT jsonb_object_agg(d.key, CASE WHEN d.value::text ~ '[0-9a-f-]{36}|[0-9]{4}-' THEN '"some"' ELSE d.value END) FROM jsonb_each((x #>> '{new,details}')::jsonb) d)) r
$$;

-- Bob, who works in his tenant, answers an invitation of Ann's
SELECT test.run_here(:'ann', 'SELECT bastion.invite(''bob@tenants.example'', ''member'')')::jsonb ->> 'token' AS invitation \gset
BEGIN;
SET LOCAL "request.headers" = '{"user-agent": "the browser of Bob"}';
SELECT bastion.authenticate(:'bob') IS NOT NULL AS identified;
SELECT bastion_api.invitation_accept(:'invitation') ? 'error' AS refused;
COMMIT;
SELECT * FROM test.anns(:'ann', '^invitation_accepted', :'begun');
-- and moves his session there: not from where
SELECT bastion_api.tenant_switch(:'bob_refresh', :'of_ann') ? 'access_token' AS switched;
SELECT op, details FROM test.anns(:'ann', '^tenant_switched', :'begun');
SELECT count(*) AS of_another_tenant FROM bastion.audit_rows r WHERE r.tenant_id = :'of_ann' AND r.occurred_at >= :'begun' AND position(convert_to(:'of_bob', 'UTF8') IN r.entry) > 0;
SELECT e.detail ? 'from' AS in_events FROM bastion.events e WHERE e.kind = 'tenant_switched' ORDER BY e.id DESC LIMIT 1;
-- one who has no tenant any more is at work elsewhere, too
SELECT a ->> 'access_token' AS cem, a #>> '{tenant,id}' AS of_cem FROM bastion_api.signup('cem@tenants.example', 'correct horse battery', 'Tenants of cem', 'Cem') a \gset
DELETE FROM bastion.tenants WHERE id = :'of_cem';
SELECT test.run_here(:'ann', 'SELECT bastion.invite(''cem@tenants.example'', ''member'')')::jsonb ->> 'token' AS invitation \gset
SELECT a ->> 'access_token' AS cem, a -> 'tenant' AS tenant FROM bastion_api.login('cem@tenants.example', 'correct horse battery') a \gset
SELECT clock_timestamp() AS cem_begun \gset
BEGIN;
SET LOCAL "request.headers" = '{"user-agent": "the browser of Cem"}';
SELECT bastion.authenticate(:'cem') IS NOT NULL AS identified;
SELECT bastion_api.invitation_accept(:'invitation') ? 'error' AS refused;
COMMIT;
SELECT * FROM test.anns(:'ann', '^invitation_accepted', :'cem_begun');
DELETE FROM bastion.users WHERE email = 'cem@tenants.example';
-- what operators do: that they did it, and not their reasons and roles
BEGIN;
SELECT bastion.impersonate(:'ann_id', :'of_ann', 'a complaint about Ann', false) IS NOT NULL AS impersonated;
COMMIT;
SELECT bastion.meter_set('tenants_test', 'count'), bastion.limit_override_set('tenants_test', 'month', 5, tenant => :'of_ann', reason => 'they do not pay'), bastion.limit_override_remove('tenants_test', 'month', tenant => :'of_ann');
SELECT bastion.membership_force(:'bob_id', :'of_ann', 'viewer') IS NOT NULL AS forced;
SELECT op, details FROM test.anns(:'ann', '^(impersonation|limit_|membership_)', :'begun');
SELECT count(*) AS of_operators FROM bastion.audit_rows r, unnest(ARRAY['a complaint', 'they do not pay', format('"by": "%s"', session_user), format('"role": "%s"', session_user)]) s
WHERE r.tenant_id = :'of_ann' AND r.occurred_at >= :'begun' AND position(convert_to(s, 'UTF8') IN convert_to(bastion_internal.audit_entry(r.entry) #>> '{new,details}', 'UTF8')) > 0;
-- a kind that nobody has decided about is for operators
BEGIN;
SELECT bastion_internal.event_insert(jsonb_build_object('kind', 'unheard_of', 'outcome', 'success', 'occurred_at', now(), 'tenant', :'of_ann', 'detail', '{"a": "b"}'::jsonb));
SELECT a.op, a.tenant_id, a.new ->> 'details' AS details FROM bastion.audit a WHERE a.op = 'unheard_of';
SELECT e.tenant_id IS NOT NULL AS in_events FROM bastion.events e WHERE e.kind = 'unheard_of';
ROLLBACK;
-- each kind is decided: those for operators alone. A new one that tenants should read needs a list of its details
SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") AS for_operators
FROM regexp_split_to_table((SELECT col_description(a.attrelid, a.attnum) FROM pg_attribute a WHERE a.attrelid = 'bastion.events'::regclass AND a.attname = 'kind'), ', ') k
WHERE bastion_internal.tenant_event_details(k) IS NULL;
SELECT bastion_internal.tenant_event_details(NULL) AS null, bastion_internal.tenant_event_details('') AS empty;

SELECT bastion.meter_remove('tenants_test');
RESET bastion.audit_events;
DROP FUNCTION test.anns(text, text, timestamptz);
DROP FUNCTION test.run_here(text, text);
DELETE FROM bastion.tenants WHERE id IN (:'of_ann', :'of_bob');
DELETE FROM bastion.users WHERE id IN (:'ann_id', :'bob_id');
