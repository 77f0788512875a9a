\set large studio
\ir example_tenants.sql
CREATE EXTENSION IF NOT EXISTS pg_trgm;
INSERT INTO workflow_builder.workflows (id, tenant_id, acl_id, name, tags, updated_at)
    SELECT md5(i::text)::uuid, tenant_id, acl_id, 'Workflow of thing' || hashint4(i) % 1000, ARRAY['tag' || hashint4(i) % 1000], '2026-01-01'::timestamptz + i * interval '1 minute'
    FROM generate_series(0, 49999) i JOIN bench.places ON place = i % 10000;
INSERT INTO workflow_builder.usage_logs (tenant_id, acl_id, workflow_id, action, tokens, cost, created_at)
    SELECT tenant_id, acl_id, md5((i % 50000)::text)::uuid, 'query', i % 1000, 0.01, '2026-01-01'::timestamptz + i * interval '12 seconds'
    FROM generate_series(0, 999999) i JOIN bench.places ON place = i % 10000;
CREATE INDEX ON workflow_builder.workflows (tenant_id, updated_at);
CREATE INDEX ON workflow_builder.workflows USING gin (tags);
CREATE INDEX ON workflow_builder.workflows USING gin (name public.gin_trgm_ops);
INSERT INTO bench.queries (section, label, permission, query) VALUES
('workflow_builder', 'list: newest workflows', 'workflows.read', 'SELECT w.id, w.name FROM workflow_builder.workflows w WHERE {{w}} ORDER BY updated_at DESC LIMIT 20'),
('workflow_builder', 'dashboard: usage by day', 'usage_logs.read', $q$SELECT date_trunc('day', created_at), sum(tokens), sum(cost) FROM workflow_builder.usage_logs u
    WHERE {{u}} AND created_at > '2026-03-01' GROUP BY 1$q$),
('workflow_builder', 'dashboard: by workflow', 'workflows.read', $q$SELECT w.id, w.name, sum(u.cost) FROM workflow_builder.workflows w
    JOIN workflow_builder.usage_logs u ON u.workflow_id = w.id WHERE {{w}} AND {{u}} GROUP BY w.id ORDER BY 3 DESC LIMIT 10$q$),
('workflow_builder', 'search: tag', 'workflows.read', $q$SELECT w.id FROM workflow_builder.workflows w WHERE {{w}} AND tags && '{tag777}'$q$),
('workflow_builder', 'search: name', 'workflows.read', $q$SELECT w.id FROM workflow_builder.workflows w WHERE {{w}} AND name ILIKE '%thing777%'$q$);
