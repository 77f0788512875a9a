-- The agent platform of examples/agents at size: organizations with ten teams of a hundred workflows, and ten executions each. What its pages
-- read against the explicit WHERE of the tables' owner (at most 1.2), and what an execution costs, with quota and record apart.
-- ORGANIZATIONS in the environment is their number, else 1,000.
\set organizations 1000
\getenv organizations ORGANIZATIONS
\ir lib/compare.sql
\o /dev/null
\ir ../examples/agents/schema.sql
RESET ROLE;
SELECT bastion.plan_limit_set('executions', 'tenant', 'month', 1000000000), bastion.plan_limit_set('workflows', 'tenant', 'total', 1000000000),
       bastion.rate_limit_set('executions', 'tenant', per_second => 1000000, burst => 1000000000);
SELECT bastion_api.signup('alice@bench.test', 'correct horse battery', 'Organization 1');
INSERT INTO bastion.tenants (name, slug) SELECT 'Organization ' || i, 'organization-' || i FROM generate_series(2, :organizations) i;
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT t.id, 'team', 'Team ' || i, 'team-' || i FROM bastion.tenants t, generate_series(1, 10) i;
\o
\timing on
\echo seeding workflows and executions
ALTER TABLE agents.workflows DISABLE TRIGGER ALL;
ALTER TABLE agents.workflow_versions DISABLE TRIGGER ALL;
ALTER TABLE agents.executions DISABLE TRIGGER ALL;
INSERT INTO agents.workflows (tenant_id, team_id, acl_id, name, created_by, updated_at)
SELECT u.tenant_id, u.id, u.acl_id, 'Workflow ' || i, NULL, now() - random() * interval '90 days' FROM bastion.units u, generate_series(1, 100) i;
INSERT INTO agents.workflow_versions (tenant_id, team_id, acl_id, workflow_id, number, snapshot, author)
SELECT w.tenant_id, w.team_id, w.acl_id, w.id, 1, '{}', NULL FROM agents.workflows w;
INSERT INTO agents.executions (tenant_id, team_id, acl_id, workflow_id, version, started_by, status, tokens, cost, created_at, started_at, finished_at, error)
SELECT w.tenant_id, w.team_id, w.acl_id, w.id, 1, NULL, s.status, 1000, 0.01, m.moment, m.moment, m.moment + interval '10 s', CASE s.status WHEN 'failed' THEN 'out of tokens' END
FROM agents.workflows w, generate_series(1, 10) i, LATERAL (SELECT CASE WHEN (i + w.version) % 5 = 0 THEN 'failed' ELSE 'completed' END) s (status),
     LATERAL (SELECT now() - (i + random()) * interval '7 days') m (moment);
ALTER TABLE agents.workflows ENABLE TRIGGER ALL;
ALTER TABLE agents.workflow_versions ENABLE TRIGGER ALL;
ALTER TABLE agents.executions ENABLE TRIGGER ALL;
VACUUM ANALYZE agents.workflows, agents.workflow_versions, agents.executions;
\timing off
SELECT count(*) AS executions FROM agents.executions;
SELECT t.id AS tenant, u.id AS team FROM bastion.tenants t JOIN bastion.units u ON u.tenant_id = t.id AND u.slug = 'team-5' WHERE t.slug = 'organization-1' \gset
SELECT id AS workflow FROM agents.workflows WHERE team_id = :'team' LIMIT 1 \gset
SELECT m.user_id AS member, bastion.token_issue(m.user_id, m.tenant_id) AS token FROM bastion.memberships m WHERE m.tenant_id = :'tenant' \gset
-- The application's role has the name that the comparisons use.
GRANT agents_app TO app, plain;
GRANT USAGE ON SCHEMA agents TO plain;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA agents TO plain;

BEGIN;
SELECT FROM bastion.authenticate(:'token', unit => 'team-5') \gset _
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT * FROM bench.compare('a team''s newest 50 workflows, 100 times',
    format('DO $d$ BEGIN FOR i IN 1..100 LOOP PERFORM w.id, w.name FROM agents.workflows w WHERE w.team_id = %L ORDER BY w.updated_at DESC LIMIT 50; END LOOP; END $d$', :'team'),
    format('DO $d$ BEGIN FOR i IN 1..100 LOOP PERFORM w.id, w.name FROM agents.workflows w WHERE w.tenant_id = %L AND w.team_id = %L ORDER BY w.updated_at DESC LIMIT 50; END LOOP; END $d$', :'tenant', :'team'),
    21, 1.2);
SELECT * FROM bench.compare('executions of a workflow, 100 times',
    format('DO $d$ BEGIN FOR i IN 1..100 LOOP PERFORM e.id, e.status FROM agents.executions e WHERE e.team_id = %L AND e.workflow_id = %L ORDER BY e.created_at DESC; END LOOP; END $d$', :'team', :'workflow'),
    format('DO $d$ BEGIN FOR i IN 1..100 LOOP PERFORM e.id, e.status FROM agents.executions e WHERE e.tenant_id = %L AND e.team_id = %L AND e.workflow_id = %L ORDER BY e.created_at DESC; END LOOP; END $d$', :'tenant', :'team', :'workflow'),
    21, 1.2);
SELECT * FROM bench.compare('the organization''s newest 50 executions, 100 times',
    'DO $d$ BEGIN FOR i IN 1..100 LOOP PERFORM e.id, e.status FROM agents.executions e ORDER BY e.created_at DESC LIMIT 50; END LOOP; END $d$',
    format('DO $d$ BEGIN FOR i IN 1..100 LOOP PERFORM e.id, e.status FROM agents.executions e WHERE e.tenant_id = %L ORDER BY e.created_at DESC LIMIT 50; END LOOP; END $d$', :'tenant'),
    21, 1.2);
SELECT * FROM bench.compare('counts of the last 30 days, by status',
    'SELECT e.status, count(*), sum(e.tokens) FROM agents.executions e WHERE e.created_at > now() - interval ''30 days'' GROUP BY 1',
    format('SELECT e.status, count(*), sum(e.tokens) FROM agents.executions e WHERE e.tenant_id = %L AND e.created_at > now() - interval ''30 days'' GROUP BY 1', :'tenant'),
    41, 1.2);
SELECT * FROM bench.compare('statistics of a team''s workflows',
    format('SELECT s.* FROM agents.workflow_statistics s WHERE s.team_id = %L', :'team'),
    format('SELECT w.id, count(e.id), count(*) FILTER (WHERE e.status = ''completed''), count(*) FILTER (WHERE e.status = ''failed''), coalesce(sum(e.tokens), 0), coalesce(sum(e.cost), 0), avg(e.duration), max(e.created_at)
            FROM agents.workflows w LEFT JOIN agents.executions e ON e.workflow_id = w.id AND e.tenant_id = w.tenant_id AND e.team_id = w.team_id WHERE w.tenant_id = %L AND w.team_id = %L GROUP BY w.id', :'tenant', :'team'),
    21, 1.2);

-- An execution: its policies, then its quota and its record, each against the same without.
CREATE FUNCTION bench.executions(workflow uuid, count integer) RETURNS text LANGUAGE sql AS
$$ SELECT format('DO $d$ BEGIN FOR i IN 1..%s LOOP INSERT INTO agents.executions (workflow_id, input) VALUES (%L, ''{}''); END LOOP; END $d$', count, workflow) $$;
SELECT acl_id AS acl FROM agents.workflows WHERE id = :'workflow' \gset
ALTER TABLE agents.executions DISABLE TRIGGER bastion_quota_lock, DISABLE TRIGGER bastion_quota_insert, DISABLE TRIGGER bastion_audit;
SELECT * FROM bench.compare('100 executions, without quota and record', bench.executions(:'workflow', 100),
    format('DO $d$ BEGIN FOR i IN 1..100 LOOP INSERT INTO agents.executions (tenant_id, team_id, acl_id, started_by, workflow_id, input) VALUES (%L, %L, %L, %L, %L, ''{}''); END LOOP; END $d$', :'tenant', :'team', :'acl', :'member', :'workflow'),
    11, 1.2);
CREATE FUNCTION bench.execute_with(what text, switches text, statement text) RETURNS TABLE (measurement text, milliseconds numeric) LANGUAGE plpgsql AS $$
DECLARE
    times double precision[] := '{}';
BEGIN
    EXECUTE 'ALTER TABLE agents.executions ' || switches;
    FOR round IN 0 .. 11 LOOP
        times := times || bench.time_of(statement, 'app', NULL);
    END LOOP;
    RETURN QUERY SELECT what, round(bench.median(times[2:])::numeric, 3);
END
$$;
SELECT * FROM bench.execute_with('100 executions, without', 'DISABLE TRIGGER bastion_audit', bench.executions(:'workflow', 100))
UNION ALL SELECT * FROM bench.execute_with('with a quota', 'ENABLE TRIGGER bastion_quota_lock, ENABLE TRIGGER bastion_quota_insert', bench.executions(:'workflow', 100))
UNION ALL SELECT * FROM bench.execute_with('with a record', 'DISABLE TRIGGER bastion_quota_lock, DISABLE TRIGGER bastion_quota_insert, ENABLE ALWAYS TRIGGER bastion_audit', bench.executions(:'workflow', 100))
UNION ALL SELECT * FROM bench.execute_with('with both', 'ENABLE TRIGGER bastion_quota_lock, ENABLE TRIGGER bastion_quota_insert', bench.executions(:'workflow', 100));
ROLLBACK;
