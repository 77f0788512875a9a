-- Walks over inherited roles and over memberships, of many of them. explain_access() with roles that are inherited in very many ways: it
-- lists each role once below a membership. Exponential in the layers, the first of these would take minutes; a statement_timeout of half
-- a minute ends it.
\set VERBOSITY terse
SET client_min_messages = warning;
SET statement_timeout = '30s';
SELECT bastion.resource_register('sized');
INSERT INTO test.people (name, id, tenant, token)
SELECT 'ann', (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM bastion_api.signup('ann@sized.example', 'correct horse', 'Sized') a;
-- 17 layers of two roles, each of which inherits both of the next layer; the last one holds the permission
INSERT INTO bastion.roles (tenant_id, name) SELECT test.tenant_of('ann'), format('layer %s%s', to_char(l, 'FM00'), s) FROM generate_series(1, 17) l, unnest(ARRAY['a', 'b']) s;
INSERT INTO bastion.role_parents (role_id, parent_id)
SELECT r.id, p.id FROM generate_series(1, 16) l, bastion.roles r, bastion.roles p
WHERE r.name LIKE to_char(l, '"layer "FM00') || '_' AND p.name LIKE to_char(l + 1, '"layer "FM00') || '_';
INSERT INTO bastion.role_permissions (role_id, pattern) SELECT id, 'sized.read' FROM bastion.roles WHERE name = 'layer 17b';
INSERT INTO bastion.users (email) VALUES ('dan@sized.example');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT u.id, test.tenant_of('ann'), test.role_of('layer 01a') FROM bastion.users u WHERE u.email = 'dan@sized.example';
SELECT id AS dan FROM bastion.users WHERE email = 'dan@sized.example' \gset
SELECT kind, count(*), count(DISTINCT subject) AS subjects, count(*) FILTER (WHERE detail = 'as above') AS as_above, min(effect) AS effect, max(effect) AS also
FROM bastion.explain_access(:'dan'::uuid, 'sized.read', tenant => test.tenant_of('ann')::text) GROUP BY kind ORDER BY kind;
SELECT depth, left(subject, 8) AS layer, detail, effect, count(*) FROM bastion.explain_access(:'dan'::uuid, 'sized.read', tenant => test.tenant_of('ann')::text)
WHERE subject ~ 'layer 1[67]' GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4;
-- 1,000 roles in a chain of fans
INSERT INTO bastion.roles (tenant_id, name) SELECT test.tenant_of('ann'), 'fan ' || g FROM generate_series(1, 1000) g;
INSERT INTO bastion.role_parents (role_id, parent_id)
SELECT r.id, p.id FROM generate_series(2, 1000) g JOIN bastion.roles r ON r.name = 'fan ' || (g / 10 + 1) JOIN bastion.roles p ON p.name = 'fan ' || g WHERE g / 10 + 1 < g;
UPDATE bastion.memberships SET role_id = test.role_of('fan 1') WHERE user_id = :'dan';
SELECT count(*) AS steps FROM bastion.explain_access(:'dan'::uuid, 'sized.read', tenant => test.tenant_of('ann')::text);
-- tenant_grants() of a member of 1,000 tenants, with 100 permissions in each. Expanded for each tenant, they would take half a minute.
SELECT count(bastion.resource_register('sized_' || r, ARRAY(SELECT 'action_' || a FROM generate_series(1, 10) a))) AS resources FROM generate_series(1, 10) r;
INSERT INTO bastion.tenants (name, slug) SELECT 'Sized ' || n, 'sized-' || n FROM generate_series(1, 1000) n;
INSERT INTO bastion.roles (name) VALUES ('sized');
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT test.role_of('sized'), format('sized_%s.action_%s', r, a) FROM generate_series(1, 10) r, generate_series(1, 10) a;
DELETE FROM bastion.memberships WHERE user_id = :'dan';
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT :'dan', id, test.role_of('sized') FROM bastion.tenants WHERE slug LIKE 'sized-%';
SET statement_timeout = '5s';
SELECT count(*) AS kinds, sum(cardinality(tenant_ids)) AS tenants, max(cardinality(permissions)) AS permissions FROM bastion_internal.tenant_grants(:'dan');
SET statement_timeout = '30s';
DELETE FROM bastion.tenants WHERE slug LIKE 'sized-%';
DELETE FROM bastion.roles WHERE name = 'sized';
DELETE FROM bastion.permissions WHERE resource ~ '^sized_';
DELETE FROM bastion.users WHERE id = :'dan';
-- Members who are added at once, where the tables were small before: none reads all the others. The foreign key
-- to the ACLs, which PostgreSQL plans, may.
VACUUM ANALYZE bastion.acls, bastion.memberships, bastion.platform_roles;
\c
SET client_min_messages = warning;
BEGIN;
INSERT INTO bastion.users (email) SELECT 'sized' || n || '@sized.example' FROM generate_series(1, 300) n;
CREATE TEMP TABLE read ON COMMIT DROP AS
SELECT t, pg_stat_get_xact_numscans(t) AS scans, most FROM (VALUES ('bastion.memberships'::regclass, 0), ('bastion.platform_roles', 0), ('bastion.acls', 300)) t (t, most);
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT id, test.tenant_of('ann'), test.role_of('viewer') FROM bastion.users WHERE email LIKE 'sized%@sized.example';
SELECT t, pg_stat_get_xact_numscans(t) - scans <= most AS few_scans FROM read ORDER BY t::text;
ROLLBACK;
DELETE FROM bastion.tenants WHERE id = test.tenant_of('ann');
TRUNCATE test.people;
