\set large bakery
\ir example_tenants.sql
CREATE EXTENSION IF NOT EXISTS pg_trgm;
INSERT INTO marketing.campaigns (id, workspace_id, name, status, budget) SELECT id, tenant_id, 'Campaign ' || place, 'active', place % 100 FROM bench.places;
INSERT INTO marketing.moves (workspace_id, campaign_id, name, category, status, created_at)
    SELECT tenant_id, id, 'Move ' || i, 'ignite', (ARRAY['planned', 'running', 'done'])[1 + i / 10000 % 3], '2026-01-01'::timestamptz + i * interval '1 minute'
    FROM generate_series(0, 99999) i JOIN bench.places ON place = i % 10000;
INSERT INTO marketing.muse_assets (workspace_id, asset_type, title, content)
    SELECT tenant_id, 'post', 'Title ' || i, 'About thing' || hashint4(i) % 1000 || ' of ' || md5(i::text) FROM generate_series(0, 99999) i JOIN bench.places ON place = i % 10000;
INSERT INTO marketing.agent_executions (workspace_id, agent_name, tokens_used, cost, started_at)
    SELECT tenant_id, 'Agent ' || i / 10000, i % 1000, 0.01, '2026-01-01'::timestamptz + i * interval '12 seconds' FROM generate_series(0, 999999) i JOIN bench.places ON place = i % 10000;
CREATE INDEX ON marketing.moves (workspace_id, created_at);
CREATE INDEX ON marketing.muse_assets USING gin (content public.gin_trgm_ops);
INSERT INTO bench.queries (section, label, tenant_column, query) VALUES
('marketing', 'list: newest moves', 'workspace_id', $q$SELECT m.id, m.name, c.name FROM marketing.moves m JOIN marketing.campaigns c ON c.id = m.campaign_id
    WHERE {m} AND {c} ORDER BY m.created_at DESC LIMIT 20$q$),
('marketing', 'dashboard: by campaign', 'workspace_id', $q$SELECT c.id, c.budget, count(m.id), count(*) FILTER (WHERE m.status = 'done') FROM marketing.campaigns c
    LEFT JOIN marketing.moves m ON m.campaign_id = c.id AND {m} WHERE {c} AND c.status = 'active' GROUP BY c.id$q$),
('marketing', 'dashboard: cost by agent', 'workspace_id', 'SELECT agent_name, sum(tokens_used), sum(cost) FROM marketing.agent_executions e WHERE {e} GROUP BY agent_name'),
('marketing', 'search: content', 'workspace_id', $q$SELECT a.id, a.title FROM marketing.muse_assets a WHERE {a} AND content ILIKE '%thing777 %'$q$);
