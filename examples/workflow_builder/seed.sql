-- A studio: Ada is admin, Uma and Ben are users, Vic is a viewer who was a user before. Oscar owns another tenant.
-- Everybody's password is "correct horse battery".

INSERT INTO bastion.tenants (id, name, slug) VALUES
    ('3b000000-0000-4000-8000-00000000000a', 'Studio', 'studio'), ('3b000000-0000-4000-8000-00000000000b', 'Outside', 'outside');

-- Admin and viewer are the extension's roles: an admin manages everybody's rows, and a viewer reads. "user" of the old system does
-- everything with what is their own, and sees the names of the colleagues to share with.
INSERT INTO bastion.roles (id, name, description) VALUES ('3b000000-0000-4000-8000-000000000001', 'user', 'Everything with what is one''s own');
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT '3b000000-0000-4000-8000-000000000001', p.resource || '.' || a.action
FROM (VALUES ('profiles', '{create,read,update,delete,manage_own}'::text[]), ('workflows', '{create,read,update,delete,execute,deploy,manage_own}'),
             ('knowledge_bases', '{create,read,update,delete,manage_own}'), ('webhooks', '{create,read,update,delete,open,manage_own}'),
             ('usage_logs', '{read}'), ('deployments', '{read}'), ('api_keys', '{*}'), ('before', '{*}'), ('tenant.members', '{read}')) AS p (resource, actions),
     unnest(p.actions) AS a (action);

INSERT INTO bastion.users (id, email, username, display_name) VALUES
    ('3b000000-0000-4000-8000-0000000000a1', 'ada@studio.example', 'ada', 'Ada'),
    ('3b000000-0000-4000-8000-0000000000a2', 'uma@studio.example', 'uma', 'Uma'),
    ('3b000000-0000-4000-8000-0000000000a3', 'ben@studio.example', 'ben', 'Ben'),
    ('3b000000-0000-4000-8000-0000000000a4', 'vic@studio.example', 'vic', 'Vic'),
    ('3b000000-0000-4000-8000-0000000000b1', 'oscar@outside.example', 'oscar', 'Oscar');
INSERT INTO bastion.user_passwords (user_id, hash)
SELECT u.id, bastion.password_hash('correct horse battery') FROM bastion.users u WHERE u.username IN ('ada', 'uma', 'ben', 'vic', 'oscar');

INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT u.id, t.id, r.id
FROM (VALUES ('ada', 'studio', 'admin'), ('uma', 'studio', 'user'), ('ben', 'studio', 'user'), ('vic', 'studio', 'viewer'), ('oscar', 'outside', 'owner')) AS m (username, slug, role)
JOIN bastion.users u USING (username) JOIN bastion.tenants t USING (slug) JOIN bastion.roles r ON r.name = m.role AND r.tenant_id IS NULL;

-- Two workflows for everybody, one for Oscar. Loaded without an identity, a row gets the list of the owner whom it names.
SET search_path = workflow_builder;
CREATE FUNCTION row_of(username text, kind text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT md5(username || '/' || kind)::uuid $$;
CREATE TEMPORARY TABLE people AS
SELECT u.id AS user_id, u.username, m.tenant_id FROM bastion.users u JOIN bastion.memberships m ON m.user_id = u.id;

INSERT INTO profiles (tenant_id, user_id, name)
SELECT p.tenant_id, p.user_id, initcap(p.username) FROM people p;
INSERT INTO workflows (id, tenant_id, user_id, name, nodes, edges)
SELECT row_of(p.username, 'workflow ' || n), p.tenant_id, p.user_id, format('%s''s workflow %s', initcap(p.username), n),
       '[{"id": "start"}, {"id": "agent", "model": "small"}]', '[{"from": "start", "to": "agent"}]'
FROM people p, generate_series(1, 2) n WHERE p.username <> 'oscar' OR n = 1;
INSERT INTO deployments (id, tenant_id, workflow_id, user_id, version, snapshot)
SELECT row_of(p.username, 'deployment'), w.tenant_id, w.id, w.user_id, 1, jsonb_build_object('name', w.name, 'nodes', w.nodes, 'edges', w.edges)
FROM people p JOIN workflows w ON w.id = row_of(p.username, 'workflow 1');
INSERT INTO knowledge_bases (id, tenant_id, user_id, name)
SELECT row_of(p.username, 'knowledge'), p.tenant_id, p.user_id, 'What we know' FROM people p;
INSERT INTO webhooks (id, tenant_id, user_id, workflow_id, name, secret)
SELECT x.id, p.tenant_id, p.user_id, row_of(p.username, 'workflow 1'), 'On push',
       bastion.seal_for(p.tenant_id, 'the secret of ' || p.username || '''s webhook', 'webhooks', x.id::text)
FROM people p, LATERAL (SELECT row_of(p.username, 'webhook')) AS x (id);
INSERT INTO usage_logs (tenant_id, user_id, workflow_id, action, tokens, cost, duration_ms)
SELECT p.tenant_id, p.user_id, row_of(p.username, 'workflow 1'), 'query', 100, 0.01, 250 FROM people p;
INSERT INTO system_settings (tenant_id, key, value)
SELECT t.id, 'models.allowed', '["small", "large"]' FROM bastion.tenants t;
SELECT bastion.sealed_column_add('webhooks', 'secret', 'id::text');

-- The same people in the tables as they were, with two shares.
SET search_path = workflow_builder_before;
INSERT INTO profiles (id, email, role, tenant_id)
SELECT u.id, u.email, CASE u.username WHEN 'ada' THEN 'admin' WHEN 'vic' THEN 'viewer' ELSE 'user' END, p.tenant_id
FROM people p JOIN bastion.users u ON u.id = p.user_id;
INSERT INTO workflows (id, user_id, name, nodes, tenant_id) SELECT w.id, w.user_id, w.name, w.nodes, w.tenant_id FROM workflow_builder.workflows w;
INSERT INTO workflow_shares (workflow_id, shared_with_user_id, permission, tenant_id)
SELECT workflow_builder.row_of('uma', 'workflow ' || s.n), p.user_id, s.permission, p.tenant_id
FROM (VALUES ('ben', 1, 'write'), ('vic', 2, 'read')) AS s (username, n, permission) JOIN people p USING (username);
DROP TABLE people;
RESET search_path;
