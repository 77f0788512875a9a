\set large acme
\ir example_tenants.sql
INSERT INTO agents.workflows (id, tenant_id, team_id, acl_id, name, tags)
    SELECT id, tenant_id, unit_id, acl_id, 'Workflow ' || place, ARRAY['tag' || hashint4(place) % 100] FROM bench.places;
INSERT INTO agents.executions (tenant_id, team_id, acl_id, workflow_id, version, status, input, tokens, created_at, finished_at, error)
    SELECT tenant_id, unit_id, acl_id, id, 1, status, jsonb_build_object('lead', hashint4(i) % 1000), i % 1000, '2026-01-01'::timestamptz + i * interval '12 seconds',
           CASE status WHEN 'running' THEN NULL ELSE '2026-12-01'::timestamptz END, CASE status WHEN 'failed' THEN 'no answer' END
    FROM generate_series(0, 999999) i JOIN bench.places ON place = i % 10000, LATERAL (SELECT (ARRAY['completed', 'failed', 'running'])[1 + i / 10000 % 3] AS status) x;
CREATE INDEX ON agents.executions USING gin (input);
INSERT INTO bench.queries (section, label, permission, query) VALUES
('agents', 'list: newest executions', 'workflows.read', $q$SELECT e.id, e.status, w.name FROM agents.executions e JOIN agents.workflows w ON w.id = e.workflow_id
    WHERE {{e}} AND {{w}} ORDER BY e.created_at DESC LIMIT 20$q$),
('agents', 'dashboard: by workflow', 'workflows.read', $q$SELECT w.id, count(e.id), count(*) FILTER (WHERE e.status = 'failed'), sum(e.tokens)
    FROM agents.workflows w LEFT JOIN agents.executions e ON e.workflow_id = w.id AND {{e}} WHERE {{w}} GROUP BY w.id$q$),
('agents', 'search: tag', 'workflows.read', $q$SELECT w.id, w.name FROM agents.workflows w WHERE {{w}} AND tags @> '{tag77}'$q$),
('agents', 'search: input', 'workflows.read', $q$SELECT e.id FROM agents.executions e WHERE {{e}} AND input @> '{"lead": 777}'$q$);
