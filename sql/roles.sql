-- The functions that change rights, called by members of a tenant: what each needs, that nobody gives more than they hold,
-- what is recorded.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion.resource_register('roles_docs', '{read,update,publish}');
INSERT INTO test.people (name, id, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'zoe', 'ben', 'cem', 'dot', 'eve']) n, LATERAL bastion_api.signup(n || '@roles.example', 'correct horse', 'Roles of ' || n) a;
-- ann's tenant: ben is its admin, cem leads the unit west, dot is a member, eve a stranger; zoe owns another tenant
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT t.id, 'team', s, s FROM bastion.tenants t, unnest(ARRAY['west', 'west-1', 'east']) s WHERE t.slug = 'roles-of-ann';
INSERT INTO bastion.unit_parents SELECT c.id, c.tenant_id, p.id FROM bastion.units c JOIN bastion.units p ON p.tenant_id = c.tenant_id WHERE (c.slug, p.slug) = ('west-1', 'west');
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT p.id, t.id, bastion_internal.find_unit(t.id, v.unit), r.id
FROM (VALUES ('ben', 'admin', NULL), ('cem', 'admin', 'west'), ('dot', 'member', NULL)) v (name, role, unit)
JOIN test.people p USING (name) JOIN bastion.roles r ON r.name = v.role, bastion.tenants t WHERE t.slug = 'roles-of-ann';
SELECT max(id) AS before FROM bastion.events \gset
-- one statement, as a member of the tenant; the answer is its error or what it returned
CREATE FUNCTION test.does(who text, statement text, unit text DEFAULT NULL) RETURNS text LANGUAGE sql
AS $$
    SELECT CASE WHEN r.error IS NOT NULL THEN concat_ws(' / ', r.error, CASE WHEN r.error !~ '^23505' THEN r.detail END, r.hint)
                WHEN r.answer ~ '^[0-9a-f]{8}-' THEN 'an id' WHEN r.answer ~ '^{"membership": "[^"]*"}$' THEN 'a membership'
                WHEN r.answer ~ '"invitation": "' THEN 'an invitation' ELSE coalesce(nullif(r.answer, ''), 'done') END
    FROM test.as_app((SELECT token FROM test.people WHERE name = who), CASE who WHEN 'zoe' THEN 'roles-of-zoe' ELSE 'roles-of-ann' END, unit, statement) r
$$;
-- what a pattern includes
SELECT held, array_agg(wanted ORDER BY wanted COLLATE "C") FILTER (WHERE bastion_internal.pattern_covers(held, wanted)) AS includes
FROM unnest(ARRAY['*', '*.manage', 'docs.*', 'docs.manage', 'tenant.*', 'tenant.members.*']) held,
     unnest(ARRAY['*', '*.manage', '*.read', 'docs.*', 'docs.manage', 'docs.lines.read', 'docsets.read', 'tenant.*', 'tenant.members.manage', 'tenant.members.*', 'tenant.roles.manage']) wanted
GROUP BY held ORDER BY held COLLATE "C";
-- roles
SELECT who, statement, test.does(who, statement)
FROM (VALUES ('ben', $$SELECT bastion.role_create('auditor', 'Reads')$$), ('ben', $$SELECT bastion.role_create('auditor')$$),
    ('ben', $$SELECT bastion.role_create('owner')$$), ('ben', $$SELECT bastion.role_create(' ')$$), ('ben', $$SELECT bastion.role_create(NULL)$$),
    ('dot', $$SELECT bastion.role_create('mine')$$), ('cem', $$SELECT bastion.role_create('mine')$$), (NULL, $$SELECT bastion.role_create('mine')$$),
    ('zoe', $$SELECT bastion.role_permission_add('auditor', '*.read')$$), ('ben', $$SELECT bastion.role_permission_add('auditor', '*.read')$$),
    ('ben', $$SELECT bastion.role_permission_add('auditor', '*.read')$$), ('ben', $$SELECT bastion.role_permission_add('auditor', 'tenant.delete')$$),
    ('ben', $$SELECT bastion.role_permission_add('auditor', 'tenant.*')$$), ('ann', $$SELECT bastion.role_permission_add('auditor', 'tenant.delete')$$),
    ('ben', $$SELECT bastion.role_permission_remove('auditor', 'tenant.delete')$$), ('ann', $$SELECT bastion.role_permission_remove('auditor', 'tenant.delete')$$),
    ('ann', $$SELECT bastion.role_permission_remove('auditor', 'tenant.delete')$$),
    ('ann', $$SELECT bastion.role_permission_add('auditor', 'roles_doc.read')$$), ('ann', $$SELECT bastion.role_permission_add('auditor', 'roles_docs.publis')$$),
    ('ann', $$SELECT bastion.role_permission_add('auditor', 'xyzzy.*')$$), ('ann', $$SELECT bastion.role_permission_add('auditor', 'a b')$$),
    ('ann', $$SELECT bastion.role_permission_add('auditor', NULL)$$), ('ann', $$SELECT bastion.role_permission_add('auditor', repeat('x', 100000) || '.read')$$),
    ('ann', $$SELECT bastion.role_permission_add('viewer', '*.update')$$), ('ann', $$SELECT bastion.role_permission_add('nobody', '*')$$),
    ('ann', $$SELECT bastion.role_create('chief')$$), ('ann', $$SELECT bastion.role_parent_add('chief', 'owner')$$),
    ('ben', $$SELECT bastion.role_parent_add('auditor', 'chief')$$), ('ben', $$SELECT bastion.role_delete('chief')$$),
    ('ben', $$SELECT bastion.role_parent_remove('chief', 'owner')$$), ('dot', $$SELECT bastion.role_permission_add('auditor', 'roles_docs.read')$$),
    ('ann', $$SELECT bastion.role_parent_add('auditor', 'viewer')$$), ('ann', $$SELECT bastion.role_parent_add('viewer', 'auditor')$$),
    ('ann', $$SELECT bastion.role_parent_add('chief', 'auditor')$$), ('ann', $$SELECT bastion.role_parent_add('auditor', 'chief')$$),
    ('ann', $$SELECT bastion.role_delete('auditor')$$), ('ann', $$SELECT bastion.role_parent_remove('chief', 'auditor')$$),
    ('ann', $$SELECT bastion.role_parent_remove('chief', 'auditor')$$), ('ann', $$SELECT bastion.role_delete('owner')$$)) v (who, statement);
-- memberships; a user who is not a member is invited, operators do without asking
SELECT test.does('ben', format('SELECT bastion.membership_set(%L, ''viewer'')', test.id_of('eve')));
SELECT bastion.membership_force(test.id_of('eve'), 'roles-of-ann', 'member') IS NOT NULL AS forced;
SELECT who, replace(statement, id::text, 'ID'), test.does(who, statement, unit)
FROM (VALUES ('ben', NULL, 'eve', 'membership_set(%L, ''viewer'')'), ('ben', NULL, 'eve', 'membership_set(%L, ''auditor'', ''west'')'),
    ('ben', NULL, 'eve', 'membership_set(%L, ''owner'')'), ('ben', NULL, 'eve', 'membership_set(%L, ''chief'')'),
    ('ben', NULL, 'ann', 'membership_set(%L, ''viewer'')'), ('ben', NULL, 'ann', 'membership_remove(%L)'),
    ('ann', NULL, 'ann', 'membership_remove(%L)'), ('ann', NULL, 'ann', 'membership_set(%L, ''admin'')'),
    ('ann', NULL, 'ann', 'membership_set(%L, ''owner'', NULL, NULL, now() + interval ''1 day'')'),
    ('ben', NULL, 'ben', 'membership_set(%L, ''owner'')'), ('dot', NULL, 'eve', 'membership_set(%L, ''viewer'')'), ('dot', NULL, 'eve', 'membership_remove(%L)'),
    ('zoe', NULL, 'dot', 'membership_set(%L, ''auditor'')'), ('zoe', NULL, 'dot', 'membership_remove(%L)'),
    (NULL, NULL, 'dot', 'membership_remove(%L)'), ('ben', NULL, 'eve', 'membership_set(%L, ''viewer'', ''nowhere'')'),
    ('ben', NULL, 'nobody', 'membership_set(%L, ''viewer'')'), ('ben', NULL, 'eve', 'membership_set(%L, NULL)'),
    ('ben', NULL, 'eve', 'membership_set(%L, ''viewer'', NULL, now(), now())'),
    ('cem', NULL, 'eve', 'membership_set(%L, ''member'', ''west-1'')'), ('cem', 'west', 'eve', 'membership_set(%L, ''member'', ''west-1'')'),
    ('cem', 'west', 'eve', 'membership_set(%L, ''member'')'), ('cem', 'west', 'eve', 'membership_set(%L, ''member'', ''east'')'),
    ('cem', 'west', 'eve', 'membership_remove(%L, ''west-1'')'), ('cem', 'west', 'eve', 'membership_remove(%L, ''west-1'')'),
    ('eve', NULL, 'eve', 'membership_remove(%L, ''west'')')) v (who, unit, whom, call),
    LATERAL (SELECT coalesce(test.id_of(whom), '00000000-0000-4000-8000-000000000000') AS id) i,
    LATERAL (SELECT 'SELECT bastion.' || format(call, id) AS statement) s;
-- grants and denies
SELECT who, replace(statement, id::text, 'ID'), test.does(who, statement, unit)
FROM (VALUES ('ben', NULL, 'dot', 'permission_grant(%L, ''roles_docs.publish'')'), ('ben', NULL, 'dot', 'permission_grant(%L, ''tenant.delete'')'),
    ('dot', NULL, 'dot', 'permission_remove(%L, ''roles_docs.publish'')'),
    ('ben', NULL, 'zoe', 'permission_grant(%L, ''*'')'), ('dot', NULL, 'dot', 'permission_grant(%L, ''roles_docs.read'')'),
    ('ben', NULL, 'dot', 'permission_grant(%L, ''roles_docs.reed'')'), ('ben', NULL, 'dot', 'permission_deny(%L, ''*.update'', ''west'')'),
    ('ben', NULL, 'dot', 'permission_deny(%L, NULL)'), ('ben', NULL, 'ann', 'permission_deny(%L, ''*'')'),
    ('ann', NULL, 'ben', 'permission_deny(%L, ''roles_docs.publish'', ''west'', now() + interval ''1 h'')'),
    ('ben', NULL, 'eve', 'permission_grant(%L, ''roles_docs.publish'', ''west'')'), ('ben', NULL, 'eve', 'permission_grant(%L, ''roles_docs.publish'')'),
    ('ben', NULL, 'eve', 'permission_grant(%L, ''*'')'), ('ben', NULL, 'eve', 'permission_grant(%L, ''roles_docs.publish'', ''east'')'),
    ('ben', NULL, 'ben', 'permission_remove(%L, ''roles_docs.publish'', ''west'')'),
    ('ann', NULL, 'ben', 'permission_remove(%L, ''roles_docs.publish'', ''west'')'), ('ann', NULL, 'ben', 'permission_remove(%L, ''roles_docs.publish'', ''west'')'),
    ('ann', NULL, 'ben', 'permission_deny(%L, ''roles_docs.publish'', ''west-1'')'), ('ben', NULL, 'eve', 'permission_grant(%L, ''roles_docs.publish'', ''west'')'),
    ('ann', NULL, 'ben', 'permission_remove(%L, ''roles_docs.publish'', ''west-1'')'), ('ann', NULL, 'cem', 'permission_grant(%L, ''tenant.members.manage'', ''east'')'),
    ('cem', 'west', 'eve', 'permission_grant(%L, ''roles_docs.publish'', ''east'')'), ('ann', NULL, 'cem', 'permission_remove(%L, ''tenant.members.manage'', ''east'')'),
    ('cem', 'west', 'eve', 'permission_grant(%L, ''*'', ''west-1'')'), ('cem', 'west', 'eve', 'permission_grant(%L, ''*'', ''east'')'),
    ('cem', 'west', 'eve', 'permission_remove(%L, ''*'', ''west-1'')'), (NULL, NULL, 'eve', 'permission_remove(%L, ''*'')')) v (who, unit, whom, call),
    LATERAL (SELECT test.id_of(whom) AS id) i, LATERAL (SELECT 'SELECT bastion.' || format(call, id) AS statement) s;
SELECT p.name, u.slug, x.pattern, x.effect, g.name AS granted_by FROM bastion.user_permissions x JOIN test.people p ON p.id = x.user_id
JOIN test.people g ON g.id = x.granted_by LEFT JOIN bastion.units u ON u.id = x.unit_id ORDER BY 1, 2, 3;
-- who leaves takes grants along
SELECT test.does('ben', format('SELECT bastion.membership_remove(%L)', test.id_of('eve')));
SELECT count(*) FROM bastion.user_permissions WHERE user_id = test.id_of('eve');
-- units; eve leads one below west and one elsewhere
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT test.id_of('eve'), u.tenant_id, u.id, r.id FROM bastion.units u JOIN bastion.tenants t ON t.id = u.tenant_id, bastion.roles r
WHERE t.slug = 'roles-of-ann' AND u.slug IN ('west-1', 'east') AND r.name = 'admin' AND r.system;
SELECT who, statement, test.does(who, statement, unit)
FROM (VALUES ('eve', 'west-1', $$SELECT bastion.unit_move('west-1', 'east')$$), ('ben', NULL, $$SELECT bastion.unit_create('team', 'North', 'north')$$), ('ben', NULL, $$SELECT bastion.unit_create('team', 'North', 'north')$$),
    ('ben', NULL, $$SELECT bastion.unit_create('Team', 'North')$$), ('ben', NULL, $$SELECT bastion.unit_create(NULL, 'North')$$),
    ('ben', NULL, $$SELECT bastion.unit_create('team', 'North', 'No Slug')$$), ('ben', NULL, $$SELECT bastion.unit_create('team', 'x', NULL, 'nowhere')$$),
    ('dot', NULL, $$SELECT bastion.unit_create('team', 'x')$$), ('cem', 'west', $$SELECT bastion.unit_create('team', 'x')$$),
    ('cem', 'west', $$SELECT bastion.unit_create('team', 'x', 'west-2', 'west')$$), ('cem', 'west', $$SELECT bastion.unit_move('west-2', 'west-1')$$),
    ('cem', 'west', $$SELECT bastion.unit_move('west', 'west-2')$$), ('ben', NULL, $$SELECT bastion.unit_move('west', 'west-2')$$),
    ('cem', 'west', $$SELECT bastion.unit_move('west-2', 'east')$$), ('cem', 'west', $$SELECT bastion.unit_move('east', 'west')$$),
    ('cem', 'west', $$SELECT bastion.unit_move('west-2')$$), ('ben', NULL, $$SELECT bastion.unit_move('west', 'north')$$),
    ('ben', NULL, $$SELECT bastion.unit_move(NULL, 'north')$$), ('ben', NULL, $$SELECT bastion.unit_move('nowhere', 'north')$$),
    ('ben', NULL, $$SELECT bastion.unit_delete('north')$$), ('cem', 'west', $$SELECT bastion.unit_delete('west-2')$$),
    ('cem', 'west', $$SELECT bastion.unit_delete('east')$$), ('zoe', NULL, $$SELECT bastion.unit_delete('east')$$),
    ('ben', NULL, $$SELECT bastion.unit_delete('east')$$), ('ben', NULL, $$SELECT bastion.unit_delete(NULL)$$),
    ('ann', NULL, $$SELECT bastion.unit_move('west')$$), (NULL, NULL, $$SELECT bastion.unit_delete('west')$$)) v (who, unit, statement);
DELETE FROM bastion.memberships m USING bastion.tenants t WHERE t.id = m.tenant_id AND t.slug = 'roles-of-ann' AND m.user_id = test.id_of('eve');
-- several roles in one place, each with a validity of its own: a member holds what any of them holds
SELECT who, whom, call, test.does(who, 'SELECT bastion.' || format(call, test.id_of(whom)))
FROM (VALUES ('ben', 'dot', 'membership_add(%L, ''auditor'')'), ('ben', 'dot', 'membership_add(%L, ''auditor'', NULL, NULL, ''2099-01-01Z'')'),
    ('ben', 'dot', 'membership_add(%L, ''owner'')'), ('dot', 'dot', 'membership_add(%L, ''admin'')'), ('cem', 'dot', 'membership_add(%L, ''viewer'')'),
    ('ben', 'dot', 'membership_add(%L, ''nothing'')'), ('ben', 'dot', 'membership_add(%L, ''viewer'', ''nowhere'')'),
    ('ben', 'dot', 'membership_add(%L, ''viewer'', ''west'')'), ('ben', 'dot', 'membership_add(%L, ''member'', ''west'')')) v (who, whom, call);
CREATE FUNCTION test.roles_of(who text) RETURNS TABLE (unit text, role text, valid_until timestamptz, assigned_by text) LANGUAGE sql AS $$
    SELECT u.slug, r.name, m.valid_until, b.name FROM bastion.memberships m JOIN bastion.roles r ON r.id = m.role_id JOIN bastion.tenants t ON t.id = m.tenant_id
    LEFT JOIN bastion.units u ON u.id = m.unit_id LEFT JOIN test.people b ON b.id = m.assigned_by WHERE m.user_id = test.id_of(who) AND t.slug = 'roles-of-ann' ORDER BY 1, 2
$$;
SELECT unit, role, to_char(valid_until AT TIME ZONE 'UTC', 'YYYY') AS until, assigned_by FROM test.roles_of('dot');
SELECT test.does('dot', $$SELECT bastion.has_permission('roles_docs.read')::text || bastion.has_permission('roles_docs.update')$$) AS of_both,
       test.does('dot', $$SELECT bastion_api.me() #>> '{tenant,role}'$$) AS first, test.does('dot', $$SELECT bastion_api.me() ->> 'roles'$$) AS all;
-- one role ends, and the others stay
SELECT who, whom, call, test.does(who, 'SELECT bastion.' || format(call, test.id_of(whom)))
FROM (VALUES ('ben', 'dot', 'membership_remove(%L, ''west'', ''viewer'')'), ('ben', 'dot', 'membership_remove(%L, ''west'', ''viewer'')'), ('ben', 'dot', 'membership_remove(%L, NULL, ''nothing'')'),
    ('ben', 'dot', 'membership_remove(%L, NULL, ''owner'')'), ('dot', 'dot', 'membership_remove(%L, NULL, ''member'')')) v (who, whom, call);
SELECT unit, role FROM test.roles_of('dot');
SELECT test.does('dot', $$SELECT bastion.has_permission('roles_docs.read')::text || bastion.has_permission('roles_docs.update')$$) AS of_one;
-- membership_set() leaves one, and all end together
SELECT test.does('ben', format('SELECT bastion.membership_set(%L, ''member'')', test.id_of('dot'))), test.does('ben', format('SELECT bastion.membership_add(%L, ''viewer'')', test.id_of('dot')));
SELECT test.does('ben', format('SELECT bastion.membership_set(%L, ''auditor'')', test.id_of('dot')));
SELECT unit, role FROM test.roles_of('dot');
SELECT test.does('ben', format('SELECT bastion.membership_set(%L, ''member'')', test.id_of('dot'))), test.does('ben', format('SELECT bastion.membership_remove(%L, ''west'')', test.id_of('dot')));
-- an owner with another role: only owners take the role of an owner, and the last one keeps it
SELECT who, whom, call, test.does(who, 'SELECT bastion.' || format(call, test.id_of(whom)))
FROM (VALUES ('ben', 'ann', 'membership_add(%L, ''viewer'')'), ('ben', 'ann', 'membership_set(%L, ''viewer'')'), ('ben', 'ann', 'membership_remove(%L)'), ('ben', 'ann', 'membership_remove(%L, NULL, ''owner'')'),
    ('ann', 'ann', 'membership_remove(%L, NULL, ''owner'')'), ('ann', 'ann', 'membership_set(%L, ''viewer'')'), ('ann', 'ann', 'membership_remove(%L)'), ('ben', 'ann', 'membership_remove(%L, NULL, ''viewer'')')) v (who, whom, call);
SELECT unit, role FROM test.roles_of('ann');
SELECT test.error(format('INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id) SELECT m.user_id, m.tenant_id, m.unit_id, m.role_id FROM bastion.memberships m WHERE m.user_id = %L', test.id_of('dot'))) AS twice;
DROP FUNCTION test.roles_of;
-- an impersonation that only reads changes nothing
BEGIN;
SELECT bastion.impersonate(test.id_of('ann')::text, 'roles-of-ann', 'a test') IS NOT NULL AS impersonated;
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.role_create('by support')$$);
ROLLBACK;
-- and nobody leaves a tenant under impersonation, or by an API key
BEGIN;
SELECT bastion.impersonate(test.id_of('dot')::text, 'roles-of-ann', 'a test', false) IS NOT NULL AS impersonated;
SET ROLE regress_app;
SELECT test.error(format('SELECT bastion.membership_remove(%L)', test.id_of('dot')));
ROLLBACK;
-- operators: roles in every tenant
SELECT test.does('ann', format('SELECT bastion.platform_role_set(%L, ''viewer'')', test.id_of('ann')));
SELECT test.error(format('SELECT bastion.platform_role_set(%L, %L)', id, role))
FROM (VALUES (test.id_of('eve'), 'viewer'), (test.id_of('eve'), 'auditor'), (test.id_of('eve'), NULL), (NULL, 'viewer')) v (id, role);
SELECT test.does('eve', $$SELECT bastion.has_permission('roles_docs.read')::text || bastion.has_permission('roles_docs.update')$$);
SELECT bastion.platform_role_remove(test.id_of('eve'), 'viewer'), bastion.platform_role_remove(test.id_of('eve'), 'viewer');
-- what was recorded
SELECT e.kind, count(*), count(e.actor_id) AS with_actor, count(e.user_id) AS with_user, count(e.tenant_id) AS with_tenant
FROM bastion.events e WHERE e.id > :before AND e.kind <> 'impersonation' GROUP BY 1 ORDER BY 1;
SELECT e.kind, p.name AS actor, u.name AS "user", e.detail - 'role' - 'unit' - 'valid_until' AS detail
FROM bastion.events e JOIN test.people p ON p.id = e.actor_id LEFT JOIN test.people u ON u.id = e.user_id
WHERE e.id > :before AND e.kind IN ('role_changed', 'permission_denied_set') AND NOT e.detail::text ~ 'inherits' ORDER BY e.id;
-- owners exchange in one transaction of an application; the check at its end has the rights of the extension
SELECT token AS ann FROM test.people WHERE name = 'ann' \gset
SELECT test.id_of('ann') AS ann_id, test.id_of('ben') AS ben_id \gset
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann', 'roles-of-ann') IS NOT NULL AS ann;
SET CONSTRAINTS bastion.memberships_keep_last_owner DEFERRED;
SELECT bastion.membership_set(:'ann_id'::uuid, 'admin') IS NOT NULL AS demoted;
SELECT test.error('SET CONSTRAINTS bastion.memberships_keep_last_owner IMMEDIATE');
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann', 'roles-of-ann') IS NOT NULL AS ann;
SET CONSTRAINTS bastion.memberships_keep_last_owner DEFERRED;
SELECT bastion.membership_set(:'ben_id'::uuid, 'owner') IS NOT NULL AS promoted, bastion.membership_set(:'ann_id'::uuid, 'admin') IS NOT NULL AS demoted;
COMMIT;
RESET ROLE;
-- the end of a tenant: rows of every protected table, whatever keeps the tenant
CREATE TABLE test.folders (id int PRIMARY KEY, tenant_id uuid);
CREATE TABLE test.files (id int PRIMARY KEY, folder int REFERENCES test.folders, tenant bigint);
CREATE TABLE test.tags (id int, tenant text);
INSERT INTO test.folders SELECT n, t.id FROM bastion.tenants t, generate_series(1, 3) n WHERE t.slug = 'roles-of-ann';
INSERT INTO test.folders SELECT 9, t.id FROM bastion.tenants t WHERE t.slug = 'roles-of-zoe';
INSERT INTO test.files SELECT n, n, t.number FROM bastion.tenants t, generate_series(1, 2) n WHERE t.slug = 'roles-of-ann';
INSERT INTO test.tags SELECT 1, t.id::text FROM bastion.tenants t WHERE t.slug = 'roles-of-ann';
SELECT count(*) > 0 AS protected FROM bastion.protect('test.folders') a, bastion.protect('test.files', 'tenant') b, bastion.protect('test.tags', 'tenant') c;
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.tenant_delete('roles-of-ann')$$);
RESET ROLE;
SELECT test.error($$SELECT bastion.tenant_delete('nowhere')$$), test.error($$SELECT bastion.tenant_delete(NULL)$$);
SELECT * FROM bastion.tenant_delete('roles-of-ann') ORDER BY relation::text;
SELECT (SELECT count(*) FROM test.folders), (SELECT count(*) FROM test.files), (SELECT count(*) FROM test.tags),
       (SELECT count(*) FROM bastion.tenants WHERE slug = 'roles-of-ann');
SELECT outcome, detail - 'by' AS detail FROM bastion.events WHERE kind = 'tenant_deleted' AND id > :before;
DROP TABLE test.files, test.folders, test.tags;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.tenants WHERE slug LIKE 'roles-of-%';
DELETE FROM bastion.users WHERE email LIKE '%@roles.example';
DELETE FROM bastion.permissions WHERE resource IN ('roles_docs', 'folders', 'files', 'tags');
TRUNCATE test.people;
DROP FUNCTION test.does;
