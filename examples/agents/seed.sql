-- Acme Corporation as the old system had it, imported by an operator, a superuser, with ids and password hashes as they were; and
-- Globex, whose people sign up and work as the application lets them.

BEGIN;
INSERT INTO bastion.tenants (id, name, slug, plan) VALUES ('a0000000-0000-4000-8000-000000000001', 'Acme Corporation', 'acme', 'pro');
INSERT INTO bastion.units (id, tenant_id, kind, name, slug) VALUES
    ('a1000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'team', 'Sales', 'sales'),
    ('a1000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', 'team', 'Engineering', 'engineering'),
    ('a1000000-0000-4000-8000-000000000003', 'a0000000-0000-4000-8000-000000000001', 'team', 'Operations', 'operations');
INSERT INTO bastion.users (id, email, username, display_name, created_at) VALUES
    ('a2000000-0000-4000-8000-000000000001', 'alice@acme.example', 'alice', 'Alice Adams', '2025-03-01 09:00+00'),
    ('a2000000-0000-4000-8000-000000000002', 'bob@acme.example', 'bob', 'Bob Brown', '2025-03-02 09:00+00'),
    ('a2000000-0000-4000-8000-000000000003', 'carol@acme.example', 'carol', 'Carol Clark', '2025-03-03 09:00+00'),
    ('a2000000-0000-4000-8000-000000000004', 'dave@acme.example', 'dave', 'Dave Davis', '2025-03-04 09:00+00');
-- bcrypt, as the old system hashed; the passwords are 'alice of acme' and so on. A login makes a better hash of it.
INSERT INTO bastion.user_passwords (user_id, hash, changed_at) VALUES
    ('a2000000-0000-4000-8000-000000000001', '$2b$12$6eiKr8237Cq7NjGsQhTupO5KGpUEPx7Cs7rOyvC7.kr2yxAVfNkcm', '2025-03-01 09:00+00'),
    ('a2000000-0000-4000-8000-000000000002', '$2b$12$PiYUkgP6OyeyfbD4cmckVOgyeq4sqQ.J0F7D4d2HP9pJlS4/PUfXW', '2025-03-02 09:00+00'),
    ('a2000000-0000-4000-8000-000000000003', '$2b$12$1nXuecNX028pdytMAfQeV.GedaijpgU2u2wpIOcoQKghhDGxCCBDC', '2025-03-03 09:00+00'),
    ('a2000000-0000-4000-8000-000000000004', '$2b$12$N/WiYbapDzNw2wUYJCwvJuOI90NwJeXEF6URlvRF6icvmeJpylbPC', '2025-03-04 09:00+00');
-- Alice administers Acme and Carol operates all of it; Bob develops in Engineering and Dave looks on in Sales.
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT u.id, t.id, n.id, r.id
FROM (VALUES ('alice', NULL, 'admin'), ('bob', NULL, 'colleague'), ('bob', 'engineering', 'developer'), ('carol', NULL, 'operator'),
             ('dave', NULL, 'colleague'), ('dave', 'sales', 'viewer')) AS m (username, team, role)
JOIN bastion.users u ON u.username = m.username
JOIN bastion.tenants t ON t.slug = 'acme'
JOIN bastion.roles r ON r.name = m.role AND r.tenant_id IS NULL
LEFT JOIN bastion.units n ON n.tenant_id = t.id AND n.slug = m.team;

INSERT INTO agents.agents (id, tenant_id, created_by, name, kind, configuration, tags) VALUES
    ('a3000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000001',
     'Researcher', 'llm', '{"model": "large", "temperature": 0.2}', '{research}'),
    ('a3000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000001',
     'Writer', 'llm', '{"model": "small"}', '{text}'),
    ('a3000000-0000-4000-8000-000000000003', 'a0000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000001',
     'Approval', 'human', '{}', '{}');

-- The old versions come as they were, so none is made now. Outside a context, a row says itself whose list it has: here the team's.
ALTER TABLE agents.workflows DISABLE TRIGGER make_version;
INSERT INTO agents.workflows (id, tenant_id, team_id, acl_id, created_by, name, environment, definition, tags, version, message)
SELECT w.id::uuid, n.tenant_id, n.id, n.acl_id, u.id, w.name, w.environment, w.definition::jsonb, w.tags::text[], w.version, w.message
FROM (VALUES
    ('a4000000-0000-4000-8000-000000000001', 'sales', 'alice', 'Lead qualification', 'prod',
     '{"agents": [{"node": 1, "agent": "a3000000-0000-4000-8000-000000000001"}, {"node": 2, "agent": "a3000000-0000-4000-8000-000000000003"}],
       "edges": [[1, 2]]}', '{leads,crm}', 2, 'Ask a human'),
    ('a4000000-0000-4000-8000-000000000002', 'engineering', 'bob', 'Release notes', 'dev',
     '{"agents": [{"node": 1, "agent": "a3000000-0000-4000-8000-000000000002"}], "edges": []}', '{docs}', 1, NULL))
    AS w (id, team, author, name, environment, definition, tags, version, message)
JOIN bastion.units n ON n.tenant_id = 'a0000000-0000-4000-8000-000000000001' AND n.slug = w.team
JOIN bastion.users u ON u.username = w.author;
INSERT INTO agents.workflow_versions (tenant_id, team_id, acl_id, workflow_id, number, parent, snapshot, message, author)
SELECT w.tenant_id, w.team_id, w.acl_id, w.id, v, nullif(v - 1, 0),
       jsonb_build_object('name', w.name, 'environment', CASE v WHEN w.version THEN w.environment ELSE 'dev' END,
                          'definition', w.definition, 'tags', w.tags),
       CASE v WHEN w.version THEN w.message END, w.created_by
FROM agents.workflows w, generate_series(1, w.version) v;
ALTER TABLE agents.workflows ENABLE TRIGGER make_version;
INSERT INTO agents.executions (id, tenant_id, team_id, acl_id, started_by, workflow_id, version, status, input, output, error, agent_results,
                               tokens, cost, created_at, started_at, finished_at)
SELECT e.id::uuid, w.tenant_id, w.team_id, w.acl_id, u.id, w.id, e.version, e.status, e.input::jsonb, e.output::jsonb, e.error,
       e.results::jsonb, e.tokens, e.cost, e.begun::timestamptz, e.begun::timestamptz, e.begun::timestamptz + e.lasted::interval
FROM (VALUES
    ('a5000000-0000-4000-8000-000000000001', 'Lead qualification', 2, 'completed', '{"lead": "Initech"}', '{"score": 0.8}', NULL,
     '[{"node": 1, "tokens": 1200}, {"node": 2, "approved": true}]', 1200, 0.0240, '2026-02-01 10:00+00', '42 s'),
    ('a5000000-0000-4000-8000-000000000002', 'Release notes', 1, 'failed', '{"tag": "v1"}', NULL, 'the repository cannot be reached',
     '[]', 310, 0.0012, '2026-02-02 11:00+00', '3 s'))
    AS e (id, workflow, version, status, input, output, error, results, tokens, cost, begun, lasted)
JOIN agents.workflows w ON w.name = e.workflow
JOIN bastion.users u ON u.username = 'carol';
INSERT INTO agents.scheduled_executions (id, tenant_id, team_id, acl_id, created_by, workflow_id, cron, time_zone)
SELECT 'a6000000-0000-4000-8000-000000000001', w.tenant_id, w.team_id, w.acl_id, w.created_by, w.id, '30 8 * * 1-5', 'Europe/Berlin'
FROM agents.workflows w WHERE w.name = 'Lead qualification';
COMMIT;

-- Globex. What sign-up answers is JSON.
SET ROLE agents_app;
SELECT answer ->> 'access_token' AS gina
FROM bastion_api.signup('gina@globex.example', 'gina of globex', 'Globex', 'Gina Green', 'gina') answer \gset
BEGIN;
SELECT bastion.authenticate(:'gina', unit => 'default');
INSERT INTO agents.agents (name) VALUES ('Watcher');
INSERT INTO agents.workflows (name, definition) VALUES ('Inventory', '{"agents": [{"node": 1}], "edges": []}') RETURNING id AS inventory \gset
INSERT INTO agents.executions (workflow_id) VALUES (:'inventory');
INSERT INTO agents.scheduled_executions (workflow_id, cron) VALUES (:'inventory', '0 6 * * *');
COMMIT;
RESET ROLE;
