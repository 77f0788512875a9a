-- The permission model as the owner of the database writes it: the tree of units, inheritance, grants and denies, roles in
-- every tenant, limits in time, the last owner.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO bastion.tenants (name, slug) VALUES ('Model', 'model'), ('Elsewhere', 'elsewhere');
SELECT id AS tenant FROM bastion.tenants WHERE slug = 'model' \gset
SELECT id AS elsewhere FROM bastion.tenants WHERE slug = 'elsewhere' \gset
INSERT INTO bastion.users (email) SELECT n || '@model.example' FROM unnest(ARRAY['ann', 'ben', 'cem']) n;
CREATE FUNCTION test.user_of(name text) RETURNS uuid LANGUAGE sql
AS $$ SELECT id FROM bastion.users WHERE email = name || '@model.example' $$;

-- the closure follows the tree
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT :'tenant', 'team', n, n FROM unnest(ARRAY['a', 'b', 'c', 'd', 'e']) n;
CREATE FUNCTION test.unit_of(slug text) RETURNS uuid LANGUAGE sql
AS $$ SELECT u.id FROM bastion.units u JOIN bastion.tenants t ON t.id = u.tenant_id WHERE u.slug = unit_of.slug AND t.slug = 'model' $$;
CREATE FUNCTION test.put(unit text, parent text) RETURNS void LANGUAGE sql
AS $$
    INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id)
    SELECT test.unit_of(unit), t.id, test.unit_of(parent) FROM bastion.tenants t WHERE t.slug = 'model'
    ON CONFLICT (unit_id) DO UPDATE SET parent_id = excluded.parent_id
$$;
CREATE FUNCTION test.tree() RETURNS text LANGUAGE sql
AS $$
    SELECT string_agg(d.slug || ':' || line, ' ' ORDER BY d.slug)
    FROM bastion.units d, LATERAL (SELECT string_agg(a.slug, '' ORDER BY c.depth) AS line FROM bastion.unit_closure c
                                   JOIN bastion.units a ON a.id = c.ancestor_id WHERE c.descendant_id = d.id) l
    WHERE d.slug = ANY ('{a,b,c,d,e}')
$$;
SELECT test.tree();
SELECT test.put('d', 'c'), test.put('b', 'a'), test.put('c', 'b');
SELECT test.tree();
SELECT test.put('c', 'e');
SELECT test.tree();
SELECT test.error($$SELECT test.put('e', 'd')$$), test.error($$SELECT test.put('e', 'e')$$);
SELECT test.tree();
DELETE FROM bastion.unit_parents WHERE unit_id = test.unit_of('c');
SELECT test.put('c', 'b');
SELECT test.tree();
-- an exchange that is a cycle half-way: b over a instead of a over b, both below e
BEGIN;
SELECT test.put('a', 'e');
UPDATE bastion.unit_parents SET parent_id = CASE unit_id WHEN test.unit_of('a') THEN test.unit_of('b') ELSE test.unit_of('e') END
WHERE unit_id IN (test.unit_of('a'), test.unit_of('b'));
SELECT test.tree();
SAVEPOINT before_rebuild;
CREATE TEMPORARY TABLE kept AS SELECT * FROM bastion.unit_closure;
SELECT bastion_internal.unit_closure_rebuild(:'tenant');
(TABLE kept EXCEPT TABLE bastion.unit_closure) UNION ALL (TABLE bastion.unit_closure EXCEPT TABLE kept);
ROLLBACK TO before_rebuild;
SET LOCAL session_replication_role = replica;
DELETE FROM bastion.unit_parents WHERE unit_id = test.unit_of('b');
SELECT test.tree();
INSERT INTO bastion.unit_closure SELECT * FROM bastion.unit_closure;
ROLLBACK;
SELECT test.tree();
DELETE FROM bastion.units WHERE slug = 'd' AND tenant_id = :'tenant';
SELECT test.tree();

-- what a user holds, per place
SELECT bastion.resource_register('model_notes', '{read,update,delete}');
SELECT bastion.resource_register('model_notes.lines', '{read}');
CREATE FUNCTION test.holds(who text, unit text DEFAULT NULL, tenant text DEFAULT 'model') RETURNS text LANGUAGE sql
AS $$
    SELECT string_agg(replace(p.permission, 'model_notes.', '') || CASE WHEN p.tenant_wide THEN '' ELSE '*' END, ' ' ORDER BY p.permission)
    FROM bastion.tenants t, bastion_internal.effective_permissions(test.user_of(who), t.id, bastion_internal.find_unit(t.id, unit)) p
    WHERE t.slug = tenant AND p.permission ~ '^(model_notes|tenant.units)'
$$;
SELECT name, patterns FROM bastion.permissions WHERE resource IN ('model_notes.lines', 'tenant.units') ORDER BY name;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (test.user_of('ann'), :'tenant', test.role_of('owner'));
-- inheritance
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'tenant', 'model_lead'), (:'tenant', 'model_editor'), (:'elsewhere', 'model_other');
INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (test.role_of('model_lead'), 'tenant.units.*'), (test.role_of('model_editor'), 'model_notes.update');
INSERT INTO bastion.role_parents (role_id, parent_id) VALUES
    (test.role_of('model_lead'), test.role_of('model_editor')), (test.role_of('model_editor'), test.role_of('viewer'));
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
VALUES (test.user_of('ben'), :'tenant', test.unit_of('b'), test.role_of('model_lead'));
SELECT unit, test.holds('ben', unit) FROM unnest(ARRAY[NULL, 'a', 'b', 'c', 'e']) unit;
SELECT test.error(format('INSERT INTO bastion.role_parents VALUES (%L, %L)', test.role_of(child), test.role_of(parent)))
FROM (VALUES ('model_editor', 'model_lead'), ('model_lead', 'model_lead'), ('model_lead', 'model_other'), ('viewer', 'member'),
             ('model_lead', 'nobody'), ('model_lead', 'model_editor')) v (child, parent);
SELECT test.error($$DELETE FROM bastion.roles WHERE name = 'model_editor'$$);
-- further grants, and denies, which win; in a unit they hold below it
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES
    (test.user_of('ben'), :'tenant', NULL, 'model_notes.lines.read', 'grant'),
    (test.user_of('ben'), :'tenant', test.unit_of('c'), 'model_notes.delete', 'grant'),
    (test.user_of('ben'), :'tenant', test.unit_of('c'), '*.read', 'deny');
SELECT unit, test.holds('ben', unit) FROM unnest(ARRAY[NULL, 'a', 'b', 'c']) unit;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect)
SELECT test.user_of('ben'), :'tenant', unnest(ARRAY['*', 'tenant.units.read']), 'deny';
SELECT unit, test.holds('ben', unit) FROM unnest(ARRAY[NULL, 'b', 'c']) unit;
DELETE FROM bastion.user_permissions WHERE tenant_id = :'tenant';
-- roles in every tenant
SELECT (bastion_internal.resolve_identity(test.user_of('cem'), 'model', NULL)).status, test.holds('cem');
INSERT INTO bastion.platform_roles (user_id, role_id) VALUES (test.user_of('cem'), test.role_of('viewer'));
SELECT (bastion_internal.resolve_identity(test.user_of('cem'), 'model', u)).status, test.holds('cem', u), test.holds('cem', u, 'elsewhere')
FROM unnest(ARRAY[NULL, 'c']) u;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.user_of('cem'), :'tenant', 'model_notes.*', 'deny');
SELECT test.holds('cem'), test.holds('cem', NULL, 'elsewhere');
SELECT test.error(format('INSERT INTO bastion.platform_roles VALUES (%L, %L)', test.user_of('ann'), test.role_of('model_lead')));
DELETE FROM bastion.platform_roles;
-- limits in time: each table
BEGIN;
CREATE FUNCTION test.limited(valid_from interval, valid_until interval) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    begins timestamptz := statement_timestamp() + valid_from;
    ends timestamptz := statement_timestamp() + valid_until;
    tenant uuid := (SELECT id FROM bastion.tenants WHERE slug = 'model');
    answer text;
BEGIN
    DELETE FROM bastion.user_permissions WHERE user_id = test.user_of('cem');
    INSERT INTO bastion.memberships (user_id, tenant_id, role_id, valid_from, valid_until)
    VALUES (test.user_of('cem'), tenant, test.role_of('viewer'), begins, ends);
    answer := format('membership %s (%s)', test.holds('cem'), (bastion_internal.resolve_identity(test.user_of('cem'), 'model', NULL)).status);
    DELETE FROM bastion.memberships WHERE user_id = test.user_of('cem');
    INSERT INTO bastion.platform_roles VALUES (test.user_of('cem'), test.role_of('viewer'), begins, ends);
    answer := format('%s, platform %s (%s)', answer, test.holds('cem'), (bastion_internal.resolve_identity(test.user_of('cem'), 'model', NULL)).status);
    UPDATE bastion.platform_roles SET valid_from = NULL, valid_until = NULL;
    INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect, valid_from, valid_until)
    VALUES (test.user_of('cem'), tenant, '*', 'deny', begins, ends);
    answer := format('%s, denied %s', answer, test.holds('cem') IS NULL);
    DELETE FROM bastion.platform_roles;
    RETURN answer;
END
$$;
SELECT "from", until, test.limited("from"::interval, until::interval)
FROM (VALUES (NULL, NULL), ('-1 h', NULL), ('1 h', NULL), (NULL, '1 h'), (NULL, '-1 h'), ('0', '1 s'), ('-1 s', '0')) v ("from", until);
ROLLBACK;
SELECT test.error(format('UPDATE bastion.memberships SET valid_from = now(), valid_until = now() WHERE user_id = %L', test.user_of('ben'))),
       test.error(format('INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (%L, %L, ''*'', ''maybe'')', test.user_of('ben'), :'tenant')),
       test.error(format('INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (%L, %L, ''x'', ''deny'')', test.user_of('ben'), :'tenant'));

-- the last owner stays
SELECT test.error(statement)
FROM unnest(ARRAY[
    format('DELETE FROM bastion.memberships WHERE user_id = %L', test.user_of('ann')),
    format('DELETE FROM bastion.users WHERE id = %L', test.user_of('ann')),
    format('UPDATE bastion.memberships SET role_id = %L WHERE user_id = %L', test.role_of('admin'), test.user_of('ann')),
    format('UPDATE bastion.memberships SET unit_id = %L WHERE user_id = %L', test.unit_of('a'), test.user_of('ann')),
    format('UPDATE bastion.memberships SET valid_until = ''infinity'' WHERE user_id = %L', test.user_of('ann')),
    format('UPDATE bastion.memberships SET valid_from = now() + interval ''1 day'' WHERE user_id = %L', test.user_of('ann')),
    format('UPDATE bastion.memberships SET tenant_id = %L WHERE user_id = %L', :'elsewhere', test.user_of('ann')),
    format('UPDATE bastion.memberships SET valid_from = now() WHERE user_id = %L', test.user_of('ann'))]) statement;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id, valid_until)
VALUES (test.user_of('cem'), :'tenant', test.role_of('owner'), now() + interval '1 day');
SELECT test.error(format('DELETE FROM bastion.memberships WHERE user_id = %L', test.user_of('ann'))) AS beside_a_temporary_owner;
UPDATE bastion.memberships SET valid_until = NULL WHERE user_id = test.user_of('cem');
UPDATE bastion.users SET status = 'disabled' WHERE id = test.user_of('cem');
SELECT test.error(format('DELETE FROM bastion.memberships WHERE user_id = %L', test.user_of('ann'))) AS beside_a_disabled_owner;
UPDATE bastion.users SET status = 'active' WHERE id = test.user_of('cem');
SELECT test.error(format('DELETE FROM bastion.memberships WHERE user_id = %L', test.user_of('ann')));
SELECT test.error(format('DELETE FROM bastion.memberships WHERE tenant_id = %L', :'tenant')) AS both_at_once;
-- an exchange within a transaction
BEGIN;
SELECT test.error(format('UPDATE bastion.memberships SET role_id = %L WHERE user_id = %L', test.role_of('admin'), test.user_of('cem')));
SET CONSTRAINTS bastion.memberships_keep_last_owner DEFERRED;
UPDATE bastion.memberships SET role_id = test.role_of('admin') WHERE user_id = test.user_of('cem');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (test.user_of('ann'), :'tenant', test.role_of('owner'));
COMMIT;

-- a tenant that has no owner: who is none may go, and the owner of a unit
INSERT INTO bastion.units (tenant_id, kind, name) VALUES (:'elsewhere', 'team', 'One');
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT test.user_of('ben'), :'elsewhere', v.unit, test.role_of(v.role)
FROM (SELECT id, 'owner' FROM bastion.units WHERE tenant_id = :'elsewhere' UNION ALL SELECT NULL, 'viewer') v (unit, role);
SELECT test.error(format('DELETE FROM bastion.memberships WHERE tenant_id = %L AND unit_id IS %s', :'elsewhere', n)) FROM unnest(ARRAY['NULL', 'NOT NULL']) n;

-- nothing dangles
DELETE FROM bastion.tenants WHERE slug IN ('model', 'elsewhere');
SELECT count(*) FROM bastion.unit_closure WHERE tenant_id IN (:'tenant', :'elsewhere');
SELECT count(*) FROM bastion.role_parents p LEFT JOIN bastion.roles r ON r.id = p.role_id WHERE r.id IS NULL;
DELETE FROM bastion.users WHERE email LIKE '%@model.example';
DELETE FROM bastion.permissions WHERE resource LIKE 'model_notes%';
DROP FUNCTION test.user_of, test.unit_of, test.put, test.tree, test.holds;
