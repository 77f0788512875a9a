-- Access control lists: the default ones, and which permissions a user holds on which lists.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO bastion.tenants (name, slug) VALUES ('Lists', 'lists'), ('Guests', 'guests');
SELECT id AS tenant, acl_id AS tenant_acl FROM bastion.tenants WHERE slug = 'lists' \gset
SELECT id AS guests FROM bastion.tenants WHERE slug = 'guests' \gset
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT :'tenant', 'team', n, n FROM unnest(ARRAY['top', 'mid', 'low', 'side']) n;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id)
SELECT c.id, :'tenant', p.id FROM bastion.units c JOIN bastion.units p ON (c.slug, p.slug) IN (('mid', 'top'), ('low', 'mid'))
WHERE c.tenant_id = :'tenant' AND p.tenant_id = :'tenant';
INSERT INTO bastion.users (email) SELECT n || '@acl.example' FROM unnest(ARRAY['ann', 'ben', 'cem', 'dot', 'eve']) n;
CREATE FUNCTION test.user_of(name text) RETURNS uuid LANGUAGE sql
AS $$ SELECT id FROM bastion.users WHERE email = name || '@acl.example' $$;
CREATE FUNCTION test.tenant_called(slug text) RETURNS uuid LANGUAGE sql AS $$ SELECT id FROM bastion.tenants t WHERE t.slug = tenant_called.slug $$;
CREATE FUNCTION test.unit_of(slug text) RETURNS uuid LANGUAGE sql
AS $$ SELECT u.id FROM bastion.units u WHERE u.slug = unit_of.slug AND u.tenant_id = test.tenant_called('lists') $$;
SELECT bastion.resource_register('acl_docs', '{create,read,update,execute,delete,manage}');
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'tenant', 'acl_none'), (:'guests', 'acl_guest');
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id) VALUES
    (test.user_of('ann'), :'tenant', NULL, test.role_of('owner')),
    (test.user_of('ben'), :'tenant', NULL, test.role_of('viewer')),
    (test.user_of('cem'), :'tenant', test.unit_of('mid'), test.role_of('member')),
    (test.user_of('cem'), :'tenant', test.unit_of('side'), test.role_of('viewer')),
    (test.user_of('dot'), :'tenant', NULL, test.role_of('acl_none')),
    (test.user_of('eve'), :'guests', NULL, test.role_of('acl_guest'));
-- default lists
SELECT a.kind, coalesce(u.slug, p.email, t.slug) AS of, a.id = coalesce(u.acl_id, m.acl_id, t.acl_id) AS known
FROM bastion.acls a JOIN bastion.tenants t ON t.id = a.tenant_id AND t.slug = 'lists'
LEFT JOIN bastion.units u ON u.id = a.unit_id LEFT JOIN bastion.users p ON p.id = a.user_id
LEFT JOIN LATERAL (SELECT DISTINCT m.acl_id FROM bastion.memberships m WHERE m.user_id = a.user_id AND m.tenant_id = a.tenant_id) m ON true
ORDER BY a.kind, 2;
SELECT test.error(statement)
FROM unnest(ARRAY[
    'UPDATE bastion.tenants SET acl_id = 0 WHERE slug = ''lists''', 'UPDATE bastion.units SET acl_id = acl_id + 1000000 WHERE slug = ''low''',
    'UPDATE bastion.level_actions SET level = 1 WHERE action = ''delete''', 'INSERT INTO bastion.level_actions VALUES (''approve'', 5)',
    format('INSERT INTO bastion.acls (tenant_id, kind) VALUES (%L, ''tenant'')', :'tenant'),
    format('INSERT INTO bastion.acls (tenant_id, kind, base_acl_id) VALUES (%L, ''unit'', 1)', :'tenant'),
    format('INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) VALUES (%s, ''group'', gen_random_uuid(), 1)', :'tenant_acl'),
    format('INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) VALUES (%s, ''user'', gen_random_uuid(), 0)', :'tenant_acl'),
    'INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) VALUES (-1, ''user'', gen_random_uuid(), 1)']) statement;
SELECT l.action, bastion_internal.level_name(bastion_internal.action_level(l.action)) FROM unnest(ARRAY['read', 'update', 'publish', 'delete', 'approve', NULL]) l (action);
-- names of lists, and what a user may do with each
CREATE TABLE test.lists AS
SELECT a.id, coalesce(u.slug, 'own ' || split_part(p.email, '@', 1), 'tenant') AS name
FROM bastion.acls a LEFT JOIN bastion.units u ON u.id = a.unit_id LEFT JOIN bastion.users p ON p.id = a.user_id
WHERE a.tenant_id = :'tenant';
CREATE FUNCTION test.may(who text, tenant text DEFAULT 'lists') RETURNS TABLE (list text, actions text, elsewhere boolean) LANGUAGE sql
AS $$
    SELECT l.name, string_agg(DISTINCT split_part(p, '.', 2), ' ' ORDER BY split_part(p, '.', 2)), g.cross_tenant
    FROM bastion_internal.acl_grants(test.user_of(who), test.tenant_called(tenant)) g, unnest(g.acl_ids) a, unnest(g.permissions) p, test.lists l
    WHERE l.id = a AND p LIKE E'acl\\_docs.%' GROUP BY 1, 3 ORDER BY 1
$$;
SELECT * FROM test.may('ann');
SELECT * FROM test.may('ben');
SELECT * FROM test.may('cem');
SELECT * FROM test.may('dot');
SELECT * FROM test.may('eve', 'guests');
-- a row with a list of its own: who saw it still does
INSERT INTO bastion.acls (tenant_id, kind, base_acl_id, relation, row_key)
SELECT :'tenant', 'row', l.id, 'public.acl_docs', l.name FROM test.lists l WHERE l.name IN ('low', 'own cem', 'tenant');
INSERT INTO test.lists SELECT id, 'row in ' || row_key FROM bastion.acls WHERE kind = 'row' AND tenant_id = :'tenant';
SELECT u, string_agg(m.list || ': ' || m.actions, ', ' ORDER BY m.list) FROM unnest(ARRAY['ann', 'ben', 'cem', 'dot']) u, test.may(u) m WHERE m.list LIKE 'row%' GROUP BY u ORDER BY u;
-- shares, at each level, with each kind of subject
CREATE FUNCTION test.share(list text, kind text, subject uuid, level text, valid_until timestamptz DEFAULT NULL) RETURNS void LANGUAGE sql
AS $$
    INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until)
    SELECT id, kind, subject, bastion_internal.level_number(level), valid_until FROM test.lists WHERE name = list
$$;
BEGIN;
SELECT test.share('row in own cem', 'user', test.user_of('dot'), level), (SELECT actions FROM test.may('dot') m WHERE m.list = 'row in own cem')
FROM unnest(ARRAY['read']) level;
UPDATE bastion.acl_entries SET level = 2; SELECT actions FROM test.may('dot') m WHERE m.list = 'row in own cem';
UPDATE bastion.acl_entries SET level = 3; SELECT actions FROM test.may('dot') m WHERE m.list = 'row in own cem';
UPDATE bastion.acl_entries SET level = 4; SELECT actions FROM test.may('dot') m WHERE m.list = 'row in own cem';
UPDATE bastion.acl_entries SET valid_until = statement_timestamp() + interval '1 h';
SELECT actions FROM test.may('dot') m WHERE m.list = 'row in own cem';
SELECT bastion_internal.rights_valid_until(test.user_of('dot'), :'tenant') = valid_until AS ends FROM bastion.acl_entries;
UPDATE bastion.acl_entries SET valid_until = statement_timestamp();
SELECT count(*) FROM test.may('dot') m WHERE m.list = 'row in own cem';
SELECT bastion_internal.rights_valid_until(test.user_of('dot'), :'tenant') AS ends;
ROLLBACK;
BEGIN;
-- a unit: its members and those of the units below, not those above
SELECT test.share('row in own cem', 'unit', test.unit_of('top'), 'read');
SELECT test.share('own ann', 'unit', test.unit_of('low'), 'read');
SELECT list, actions FROM test.may('cem') m WHERE m.list IN ('row in own cem', 'own ann');
UPDATE bastion.memberships SET unit_id = test.unit_of('low') WHERE user_id = test.user_of('cem') AND unit_id = test.unit_of('mid');
SELECT list, actions FROM test.may('cem') m WHERE m.list = 'own ann';
-- a role held in the whole tenant, a tenant
SELECT test.share('own ann', 'role', test.role_of('viewer'), 'write'), test.share('own cem', 'tenant', :'tenant', 'read');
SELECT u, m.list, m.actions FROM unnest(ARRAY['ben', 'cem', 'dot']) u, test.may(u) m WHERE m.list IN ('own ann', 'own cem', 'row in own cem') ORDER BY u, m.list;
ROLLBACK;
-- other tenants: user, unit, own role and tenant; not a role that every tenant has
BEGIN;
SELECT test.share('tenant', 'user', test.user_of('eve'), 'read'), test.share('low', 'role', test.role_of('acl_guest'), 'write'),
       test.share('mid', 'tenant', :'guests', 'deploy'), test.share('side', 'role', test.role_of('viewer'), 'manage');
UPDATE bastion.memberships SET role_id = test.role_of('viewer') WHERE user_id = test.user_of('eve');
SELECT * FROM test.may('eve', 'guests');
UPDATE bastion.memberships SET role_id = test.role_of('acl_guest') WHERE user_id = test.user_of('eve');
SELECT * FROM test.may('eve', 'guests');
-- who works in one tenant meets no share with a unit of another one, though a member of it
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id) VALUES (test.user_of('eve'), :'tenant', test.unit_of('low'), test.role_of('acl_none'));
SELECT test.share('side', 'unit', test.unit_of('low'), 'read');
SELECT list FROM test.may('eve', 'guests') m WHERE m.list = 'side';
SELECT list FROM test.may('eve') m WHERE m.list = 'side';
DELETE FROM bastion.memberships WHERE user_id = test.user_of('eve') AND tenant_id = :'tenant';
-- a deny in the whole of either tenant removes it; one in a unit is of what is held there, not of what is shared
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect)
VALUES (test.user_of('eve'), :'tenant', test.unit_of('side'), '*.read', 'deny');
SELECT * FROM test.may('eve', 'guests');
DELETE FROM bastion.user_permissions WHERE user_id = test.user_of('eve');
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.user_of('eve'), :'tenant', '*.read', 'deny'),
    (test.user_of('eve'), :'guests', '*.update', 'deny');
SELECT * FROM test.may('eve', 'guests');
ROLLBACK;
-- denies: in a unit for its default list and those below; in the tenant for everything
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect)
SELECT test.user_of(u), :'tenant', test.unit_of(unit), '*.read', 'deny' FROM (VALUES ('ben', 'mid'), ('cem', 'low')) v (u, unit);
SELECT u, m.list, m.actions FROM unnest(ARRAY['ben', 'cem']) u, test.may(u) m ORDER BY u, m.list;
UPDATE bastion.user_permissions SET unit_id = NULL WHERE tenant_id = :'tenant';
SELECT u, m.list, m.actions FROM unnest(ARRAY['ben', 'cem']) u, test.may(u) m ORDER BY u, m.list;
ROLLBACK;
-- who manages everybody's rows has on those of the tenant and of units what is held there, with or without a list of their own
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (test.user_of('ben'), :'tenant', NULL, 'acl_docs.manage', 'grant'),
    (test.user_of('ben'), :'tenant', test.unit_of('low'), 'acl_docs.read', 'deny');
SELECT list, actions FROM test.may('ben') m WHERE m.list IN ('tenant', 'row in tenant', 'low', 'row in low', 'own cem', 'row in own cem');
ROLLBACK;
-- who manages the rows of a unit manages nobody's own
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (test.user_of('cem'), :'tenant', test.unit_of('mid'), 'acl_docs.manage', 'grant');
SELECT list, actions FROM test.may('cem') m;
ROLLBACK;
-- inherited and platform roles, grants; where whole tenants are held
BEGIN;
INSERT INTO bastion.role_parents (role_id, parent_id) VALUES (test.role_of('acl_guest'), test.role_of('viewer'));
INSERT INTO bastion.platform_roles VALUES (test.user_of('dot'), test.role_of('operator'));
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES
    (test.user_of('eve'), :'guests', 'acl_docs.update', 'grant'), (test.user_of('dot'), :'tenant', '*.read', 'deny'),
    (test.user_of('cem'), :'guests', '*', 'grant');
SELECT * FROM test.may('dot');
SELECT u, t.slug, (SELECT string_agg(p, ' ' ORDER BY p) FROM unnest(g.permissions) p WHERE p LIKE E'acl\\_docs.%') AS permissions
FROM unnest(ARRAY['ann', 'cem', 'dot', 'eve']) u, bastion_internal.tenant_grants(test.user_of(u)) g, unnest(g.tenant_ids) i
JOIN bastion.tenants t ON t.id = i WHERE t.slug IN ('lists', 'guests') ORDER BY u, t.slug;
UPDATE bastion.tenants SET status = 'suspended' WHERE slug = 'guests';
SELECT count(*) FROM bastion_internal.tenant_grants(test.user_of('eve'));
-- nor for who holds a role everywhere; and what is granted in a unit is not held in its tenant
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (test.user_of('cem'), :'tenant', test.unit_of('mid'), '*', 'grant');
SELECT u, string_agg(t.slug, ' ' ORDER BY t.slug) AS tenants
FROM unnest(ARRAY['cem', 'dot']) u LEFT JOIN LATERAL (
    SELECT t.slug FROM bastion_internal.tenant_grants(test.user_of(u)) g, unnest(g.tenant_ids) i JOIN bastion.tenants t ON t.id = i
    WHERE t.slug IN ('lists', 'guests')) t ON true GROUP BY u ORDER BY u;
ROLLBACK;
SELECT count(*) FROM bastion_internal.acl_grants(NULL, NULL), bastion_internal.tenant_grants(NULL);
SELECT bastion_internal.rights_valid_until(NULL, NULL);
-- what is deleted leaves nothing behind; rows of a unit or user that is gone are the managers' alone
SELECT test.share('tenant', 'unit', test.unit_of('low'), 'read'), test.share('tenant', 'user', test.user_of('eve'), 'read'),
       test.share('tenant', 'tenant', :'guests', 'read'), test.share('tenant', 'role', test.role_of('acl_guest'), 'read');
DELETE FROM bastion.units WHERE slug = 'low' AND tenant_id = :'tenant';
DELETE FROM bastion.users WHERE id IN (test.user_of('eve'), test.user_of('cem'));
SELECT a.kind, l.name FROM bastion.acls a JOIN test.lists l ON l.id = a.id WHERE a.kind IN ('unit', 'user') AND a.unit_id IS NULL AND a.user_id IS NULL ORDER BY a.kind;
SELECT u, m.list FROM unnest(ARRAY['ann', 'ben']) u, test.may(u) m WHERE m.list IN ('low', 'own cem', 'row in low', 'row in own cem') ORDER BY u, m.list;
DELETE FROM bastion.tenants WHERE slug = 'guests';
SELECT count(*) FROM bastion.acl_entries;
DELETE FROM bastion.tenants WHERE slug = 'lists';
SELECT count(*) FROM bastion.acls WHERE id IN (SELECT id FROM test.lists);
-- the readers of the context
SET ROLE regress_app;
SELECT bastion.tenant_acl(), bastion.unit_acl(), bastion.own_acl();
SELECT bastion_api.signup('own@acl.example', 'correct horse', 'Own') ->> 'access_token' AS token \gset
BEGIN;
SELECT bastion.authenticate(:'token', unit => 'default') IS NOT NULL AS authenticated;
SELECT bastion.tenant_acl() = (SELECT acl_id FROM bastion.tenants) AS tenant, bastion.unit_acl() = (SELECT acl_id FROM bastion.units) AS unit,
       bastion.own_acl() = (SELECT acl_id FROM bastion.memberships) AS own;
ROLLBACK;
SELECT test.error(statement) FROM unnest(ARRAY['SELECT * FROM bastion.acls', 'SELECT * FROM bastion.acl_entries', 'SELECT * FROM bastion.level_actions',
    'SELECT * FROM bastion_internal.acl_grants(NULL, NULL)', 'SELECT bastion_internal.member_acl(NULL, NULL)', 'SELECT * FROM bastion.platform_roles']) statement;
RESET ROLE;
DELETE FROM bastion.tenants WHERE slug = 'own';
DELETE FROM bastion.users WHERE email LIKE '%@acl.example';
DELETE FROM bastion.permissions WHERE resource = 'acl_docs';
DROP TABLE test.lists;
DROP FUNCTION test.user_of, test.tenant_called, test.unit_of, test.may, test.share;
