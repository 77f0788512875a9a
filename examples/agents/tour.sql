\echo == 1. The operator has imported Acme Corporation: its people by the bcrypt hashes of the old system, three teams, two workflows.
SELECT u.username, coalesce(n.name, '(all of Acme)') AS team, r.name AS role, left(p.hash, 7) AS password
FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id JOIN bastion.roles r ON r.id = m.role_id
JOIN bastion.user_passwords p ON p.user_id = u.id LEFT JOIN bastion.units n ON n.id = m.unit_id
WHERE m.tenant_id = bastion_internal.find_tenant('acme') ORDER BY u.username, n.name NULLS FIRST;
--! :ROW_COUNT = 6

\echo == 2. Each table was protected by one call. From here on everything goes through the application, an ordinary role.
SELECT relation, tenant_column, owner_column, resource, sharing, status FROM bastion.protection;
--! (SELECT bool_and(status = 'ok') FROM bastion.protection)
SET ROLE agents_app;

\echo == 3. Bob logs in by user name, with the password that he had. He develops in Engineering.
SELECT bastion_api.login('bob', 'bob of acme') ->> 'access_token' AS bob \gset
BEGIN;
SELECT bastion.authenticate(:'bob', unit => 'engineering') IS NOT NULL AS bob_works_in_engineering;
SELECT bastion_api.me() -> 'roles' AS roles, bastion_api.me() -> 'unit' ->> 'name' AS team, bastion_api.me() #>> '{tenant,name}' AS organization;
SELECT string_agg(permission, ', ') AS permissions FROM bastion.permissions() permission;
COMMIT;

\echo == 4. He makes a workflow and changes it. Nobody names organization, team or author; each change makes a version.
BEGIN;
SELECT bastion.authenticate(:'bob', unit => 'engineering') IS NOT NULL AS bob_works_in_engineering;
INSERT INTO agents.workflows (name, definition, tags) VALUES ('Triage', '{"agents": [{"node": 1}, {"node": 2}], "edges": [[1, 2]]}', '{bugs}');
UPDATE agents.workflows SET environment = 'staging', message = 'Try it' WHERE name = 'Triage';
SELECT v.number, v.parent, v.snapshot ->> 'environment' AS environment, v.message, v.author = bastion.user_id() AS by_bob
FROM agents.workflow_versions v JOIN agents.workflows w ON w.id = v.workflow_id WHERE w.name = 'Triage' ORDER BY number;
--! :ROW_COUNT = 2
SELECT name, environment, version FROM agents.workflows ORDER BY name;
--! :ROW_COUNT = 2
COMMIT;

\echo == 5. Dave looks on in Sales. He sees its workflow, and none of Engineering.
SELECT bastion_api.login('dave@acme.example', 'dave of acme') ->> 'access_token' AS dave \gset
BEGIN;
SELECT bastion.authenticate(:'dave', unit => 'sales') IS NOT NULL AS dave_works_in_sales;
SELECT name, environment, version FROM agents.workflows;
--! :ROW_COUNT = 1
UPDATE agents.workflows SET name = 'by Dave';
--! :ROW_COUNT = 0
INSERT INTO agents.workflows (name) VALUES ('by Dave');
ROLLBACK;
--! refused 42501

\echo == 6. Carol operates all of Acme: she starts what Bob made, in his team, and changes nothing of it.
SELECT bastion_api.login('carol', 'carol of acme') ->> 'access_token' AS carol \gset
BEGIN;
SELECT bastion.authenticate(:'carol', unit => 'engineering') IS NOT NULL AS carol_works_in_engineering;
INSERT INTO agents.executions (workflow_id, input) SELECT id, '{"issue": 7}' FROM agents.workflows WHERE name = 'Triage' RETURNING id AS run \gset
SELECT status, version, input, team_id = bastion.unit_id() AS of_engineering FROM agents.executions WHERE id = :'run';
UPDATE agents.workflows SET name = 'by Carol';
--! :ROW_COUNT = 0
COMMIT;

\echo == 7. The engine that runs it is a program. Alice, who administers Acme, invites it; its API key does what its scopes say.
SELECT bastion_api.login('alice', 'alice of acme') ->> 'access_token' AS alice \gset
BEGIN;
SELECT bastion.authenticate(:'alice') IS NOT NULL AS alice;
SELECT bastion.invite('engine@acme.example', 'engine') ->> 'token' AS invitation \gset
COMMIT;
SELECT bastion_api.signup_invited(:'invitation', 'engine of acme', 'The engine') ->> 'access_token' AS engine \gset
BEGIN;
SELECT bastion.authenticate(:'engine') IS NOT NULL AS the_engine;
SELECT bastion_api.api_key_create('engine', '{executions.*,workflows.read}') ->> 'key' AS key \gset
COMMIT;
BEGIN;
SELECT left(:'key', 12) || '...' AS key, bastion.authenticate(:'key') IS NOT NULL AS accepted;
UPDATE agents.executions SET status = 'running' WHERE id = :'run';
UPDATE agents.executions SET status = 'completed', output = '{"label": "bug"}', agent_results = '[{"node": 1}, {"node": 2}]', tokens = 900, cost = 0.018 WHERE id = :'run';
SELECT status, output, tokens, cost, duration IS NOT NULL AS took_a_while FROM agents.executions WHERE id = :'run';
--! :ROW_COUNT = 1
SELECT count(*) AS agents_that_its_scopes_leave_out FROM agents.agents;
--! (SELECT count(*) FROM agents.agents) = 0
COMMIT;

\echo == 8. Carol cannot make its result cheaper.
BEGIN;
SELECT bastion.authenticate(:'carol', unit => 'engineering') IS NOT NULL AS carol_works_in_engineering;
UPDATE agents.executions SET cost = 0 WHERE id = :'run';
ROLLBACK;
--! refused 42501

\echo == 9. Somebody signs up: an organization of her own, at once with a token. She knows ids of Acme, and they are worth nothing.
SELECT bastion_api.signup('gwen@umbrella.example', 'gwen of umbrella', 'Umbrella') AS gwen \gset
SELECT :'gwen'::jsonb #>> '{tenant,slug}' AS organization, :'gwen'::jsonb #>> '{tenant,role}' AS role, :'gwen'::jsonb ->> 'expires_in' AS expires_in,
       :'gwen'::jsonb ->> 'access_token' AS gwen_token \gset
SELECT :'organization' AS organization, :'role' AS role, :'expires_in' AS seconds;
BEGIN;
SELECT bastion.authenticate(:'gwen_token', unit => 'default') IS NOT NULL AS gwen;
SELECT count(*) AS workflows FROM agents.workflows WHERE id = 'a4000000-0000-4000-8000-000000000001';
--! (SELECT count(*) FROM agents.workflows) = 0
INSERT INTO agents.scheduled_executions (workflow_id, cron) VALUES ('a4000000-0000-4000-8000-000000000001', '* * * * *');
ROLLBACK;
--! refused 23503

BEGIN;
SELECT bastion.authenticate(:'gwen_token', unit => 'default') IS NOT NULL AS gwen;
INSERT INTO agents.workflows (tenant_id, name) VALUES ('a0000000-0000-4000-8000-000000000001', 'planted');
ROLLBACK;
--! refused 42501

\echo == 10. Alice may know why Dave cannot change what he sees.
BEGIN;
SELECT bastion.authenticate(:'alice') IS NOT NULL AS alice;
SELECT explanation FROM bastion.explain_member_access_text('a2000000-0000-4000-8000-000000000004', 'workflows.update', 'agents.workflows',
                                                         'a4000000-0000-4000-8000-000000000001') AS explanation;
COMMIT;

\echo == 11. Bob logs out, and his token is refused in the next transaction.
BEGIN;
SELECT bastion.authenticate(:'bob') IS NOT NULL AS bob;
SELECT bastion_api.logout();
COMMIT;
SELECT bastion.authenticate(:'bob');
--! refused 28000

\echo == 12. The operator finds passwords of who logged in hashed anew, and everything on record.
RESET ROLE;
SELECT u.username, left(p.hash, 9) AS password FROM bastion.users u JOIN bastion.user_passwords p ON p.user_id = u.id
WHERE u.email LIKE '%@acme.example' ORDER BY 1;
--! (SELECT bool_and(p.hash LIKE '$argon2id$%') FROM bastion.users u JOIN bastion.user_passwords p ON p.user_id = u.id WHERE u.username IN ('alice', 'bob', 'carol', 'dave'))
SELECT kind, outcome, count(*) FROM bastion.events GROUP BY kind, outcome ORDER BY kind;

\echo == 13. Acme leaves. Its rows go from every table, and those of others stay.
SELECT * FROM bastion.tenant_delete('acme');
--! NOT EXISTS (SELECT FROM agents.workflows WHERE tenant_id = 'a0000000-0000-4000-8000-000000000001') AND EXISTS (SELECT FROM agents.workflows)
