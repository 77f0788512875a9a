-- explain_access() decides as the policies do: users, rows and permissions of every kind against real reads and writes in the
-- context of each user; and what it tells fits its verdict. permission_matrix() against what holders of each role hold.
\set VERBOSITY terse
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0; -- later versions would start workers for many small statements
SET bastion.allow_identity_switch = on;
INSERT INTO test.people (name, id, token, tenant)
SELECT n AS name, (a -> 'user' ->> 'id')::uuid AS id, a ->> 'access_token' AS token, (a -> 'tenant' ->> 'id')::uuid AS tenant
FROM unnest(ARRAY['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal', 'kim', 'pat']) n,
     LATERAL bastion_api.signup(n || '@explain.example', 'correct horse', 'Explain ' || n) a;
SELECT test.tenant_of('ann') AS tenant, test.tenant_of('bob') AS other \gset
INSERT INTO bastion.units (id, tenant_id, kind, name) VALUES ('00000000-0000-4000-8000-00000000e001', :'tenant', 'team', 'Upper'),
    ('00000000-0000-4000-8000-00000000e002', :'tenant', 'team', 'Lower'),
    ('00000000-0000-4000-8000-00000000e003', :'tenant', 'team', 'Gone');
INSERT INTO bastion.unit_parents VALUES ('00000000-0000-4000-8000-00000000e002', :'tenant', '00000000-0000-4000-8000-00000000e001');
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'tenant', 'explain leaf'), (:'tenant', 'explain base');
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'other', 'elsewhere');
INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (test.role_of('explain base'), '*.read'), (test.role_of('explain leaf'), 'ex_x.manage');
INSERT INTO bastion.role_parents (role_id, parent_id) VALUES (test.role_of('explain leaf'), test.role_of('explain base'));
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_from, valid_until)
SELECT test.id_of(w), test.tenant_of('ann'), u::uuid, test.role_of(r), f::timestamptz, t::timestamptz FROM (VALUES
    ('cat', NULL, 'viewer', NULL, NULL), ('dan', '00000000-0000-4000-8000-00000000e001', 'member', NULL, NULL), ('eve', NULL, 'explain leaf', NULL, NULL),
    ('fay', NULL, 'developer', NULL, NULL), ('gil', NULL, 'developer', '2000-01-01', '2001-01-01'),
    ('gil', '00000000-0000-4000-8000-00000000e002', 'viewer', NULL, NULL), ('hal', NULL, 'member', NULL, NULL), ('kim', NULL, 'member', NULL, NULL)) v (w, u, r, f, t);
INSERT INTO bastion.platform_roles (user_id, role_id, valid_from) VALUES (test.id_of('pat'), test.role_of('viewer'), NULL),
    (test.id_of('gil'), test.role_of('developer'), '2100-01-01');
CREATE TABLE test.ex_plain (id int PRIMARY KEY, tenant_id uuid, note text);
CREATE TABLE test.ex_t (id int PRIMARY KEY, tenant_id uuid, owner_id uuid, acl_id bigint, note text);
CREATE TABLE test.ex_x (id int PRIMARY KEY, tenant_id uuid, owner_id uuid, acl_id bigint, note text);
GRANT SELECT, UPDATE, DELETE ON test.ex_plain, test.ex_t, test.ex_x TO regress_app;
SELECT count(*) > 0 AS plain FROM bastion.protect('test.ex_plain');
SELECT count(*) > 0 AS within FROM bastion.protect('test.ex_t', owner_column => 'owner_id', sharing => 'tenant');
SELECT count(*) > 0 AS across FROM bastion.protect('test.ex_x', owner_column => 'owner_id', sharing => 'cross_tenant', visibility => 'owner');
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect, valid_until)
SELECT test.id_of(w), test.tenant_of('ann'), u::uuid, p, e, t::timestamptz FROM (VALUES
    ('fay', NULL, '*.read', 'deny', NULL), ('kim', '00000000-0000-4000-8000-00000000e001', 'ex_t.*', 'deny', NULL),
    ('cat', NULL, 'ex_plain.update', 'grant', NULL), ('cat', NULL, 'ex_plain.delete', 'grant', '2001-01-01'), ('kim', NULL, 'ex_x.update', 'deny', NULL),
    ('fay', NULL, 'ex_t.read', 'grant', NULL), ('cat', NULL, 'ex_t.read', 'deny', '2001-01-01'), ('cat', NULL, 'ex_x.delete', 'deny', NULL),
    ('eve', NULL, 'ex_x.manage', 'deny', NULL), ('eve', NULL, 'ex_t.manage', 'grant', NULL), ('bob', NULL, 'ex_x.update', 'deny', NULL),
    ('dan', '00000000-0000-4000-8000-00000000e001', 'tenant.members.manage', 'grant', NULL)) v (w, u, p, e, t);
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('pat'), :'other', 'ex_x.update', 'deny');
-- a row on each kind of list: the tenant's, a unit's, its owner's, and lists of rows that were each of these
INSERT INTO test.ex_plain VALUES (1, :'tenant'), (2, :'other');
CREATE FUNCTION test.row_list(base bigint) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO bastion.acls (tenant_id, kind, base_acl_id) SELECT tenant_id, 'row', id FROM bastion.acls WHERE id = base RETURNING id
$$;
CREATE FUNCTION test.fill(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    home uuid := test.tenant_of('ann');
    lists bigint[] := ARRAY[(SELECT acl_id FROM bastion.tenants WHERE id = home), (SELECT acl_id FROM bastion.units WHERE id = '00000000-0000-4000-8000-00000000e002'),
        bastion_internal.member_acl(test.id_of('cat'), home), bastion_internal.member_acl(test.id_of('pat'), home)];
BEGIN
    lists := lists || test.row_list(lists[1]) || test.row_list(lists[2]) || test.row_list(lists[3]) || test.row_list(lists[3])
        || (SELECT acl_id FROM bastion.units WHERE id = '00000000-0000-4000-8000-00000000e003');
    EXECUTE format('INSERT INTO %s (id, tenant_id, owner_id, acl_id) SELECT n, %L, %L, l FROM unnest($1) WITH ORDINALITY u (l, n)', target, home, test.id_of('cat'))
    USING lists;
    EXECUTE format('INSERT INTO %s (id, tenant_id, owner_id, acl_id) SELECT 20, id, %L, acl_id FROM bastion.tenants WHERE id = %L', target, test.id_of('bob'), test.tenant_of('bob'));
    INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until) VALUES
        (lists[5], 'user', test.id_of('fay'), 4, NULL), (lists[5], 'user', test.id_of('dan'), 2, NULL), (lists[5], 'tenant', test.tenant_of('bob'), 2, NULL),
        (lists[6], 'unit', '00000000-0000-4000-8000-00000000e001', 4, NULL), (lists[6], 'role', test.role_of('viewer'), 2, NULL),
        (lists[7], 'user', test.id_of('bob'), 1, NULL), (lists[7], 'user', test.id_of('kim'), 4, NULL), (lists[7], 'user', test.id_of('dan'), 4, '2001-01-01'),
        (lists[8], 'role', test.role_of('explain base'), 2, NULL), (lists[8], 'user', test.id_of('hal'), 4, NULL);
END
$$;
SELECT test.fill('test.ex_t'), test.fill('test.ex_x') \g /dev/null
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) VALUES (bastion_internal.member_acl(test.id_of('cat'), :'tenant'), 'user', test.id_of('gil'), 1);
UPDATE bastion.users SET status = 'disabled' WHERE id = test.id_of('hal');
DELETE FROM bastion.units WHERE name = 'Gone' AND tenant_id = :'tenant';

-- What really happens: the rows that a user reads, updates or deletes.
CREATE FUNCTION test.really(who text, tenant uuid, unit text, target regclass, command text) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    ids int[] := '{}';
BEGIN
    PERFORM set_config('role', 'regress_app', true);
    PERFORM bastion.authenticate((SELECT token FROM test.people WHERE name = who), tenant::text, unit);
    EXECUTE CASE command WHEN 'read' THEN format('SELECT array_agg(id) FROM %s', target)
                         WHEN 'update' THEN format('WITH u AS (UPDATE %s SET note = note RETURNING id) SELECT array_agg(id) FROM u', target)
                         ELSE format('WITH d AS (DELETE FROM %s RETURNING id) SELECT array_agg(id) FROM d', target) END INTO ids;
    RAISE EXCEPTION 'undo' USING ERRCODE = 'P0099', DETAIL = coalesce(ids, '{}')::text;
EXCEPTION WHEN SQLSTATE 'P0099' THEN
    GET STACKED DIAGNOSTICS command = PG_EXCEPTION_DETAIL;
    RETURN command::int[];
WHEN invalid_authorization_specification THEN
    RETURN '{}';
END
$$;
CREATE TABLE test.told AS
SELECT p.name AS who, w.tenant, w.unit, t.target, a.action, r.id, x.verdict, x.fits
FROM test.people p,
     (VALUES (:'tenant'::uuid, NULL), (:'tenant', '00000000-0000-4000-8000-00000000e002'), (:'other', NULL)) w (tenant, unit),
     (VALUES ('test.ex_plain'::regclass), ('test.ex_t'), ('test.ex_x')) t (target), unnest(ARRAY['read', 'update', 'delete']) a (action),
     LATERAL (SELECT id FROM test.ex_t WHERE t.target <> 'test.ex_plain'::regclass UNION ALL SELECT id FROM test.ex_plain WHERE t.target = 'test.ex_plain'::regclass) r,
     LATERAL (SELECT bool_or(s.kind = 'verdict' AND s.subject = 'granted') AS verdict,
                     -- granted by something, and nothing denies; denied, by something or because nothing grants, and what would is overruled
                     CASE WHEN bool_or(s.kind = 'verdict' AND s.subject = 'granted')
                          THEN bool_or(s.kind <> 'verdict' AND s.decisive AND s.effect = 'grants') AND NOT bool_or(s.effect = 'denies')
                          ELSE NOT bool_or(s.effect = 'grants') OR bool_or(s.effect = 'denies' AND s.kind IN ('user', 'tenant', 'unit', 'membership', 'row')) END AS fits
              FROM bastion.explain_access(p.id, replace(t.target::text, 'test.', '') || '.' || a.action, t.target, r.id::text, w.tenant::text, w.unit) s) x
WHERE w.unit IS NULL OR r.id <= 2;
SELECT count(*) AS answers, count(*) FILTER (WHERE verdict) BETWEEN 150 AND 900 AS some_granted FROM test.told;
SELECT who, tenant = :'tenant' AS at_home, unit IS NOT NULL AS in_unit, target, action, id, verdict FROM test.told WHERE NOT fits;
SELECT t.who, t.tenant = :'tenant' AS at_home, t.unit IS NOT NULL AS in_unit, t.target, t.action, t.id, t.verdict AND r.verdict AS told
FROM test.told t JOIN test.told r ON (r.who, r.tenant, r.target, r.id, r.action) = (t.who, t.tenant, t.target, t.id, 'read') AND r.unit IS NOT DISTINCT FROM t.unit
JOIN (SELECT DISTINCT ON (who, tenant, unit, target, action) who, tenant, unit, target, action, test.really(who, tenant, unit, target, action) AS ids
      FROM test.told) x ON (x.who, x.tenant, x.target, x.action) = (t.who, t.tenant, t.target, t.action) AND x.unit IS NOT DISTINCT FROM t.unit
WHERE (t.verdict AND r.verdict) IS DISTINCT FROM (t.id = ANY (x.ids)) ORDER BY 1, 2, 3, 4, 5, 6;
-- without a table: has_permission(), for every permission
CREATE FUNCTION test.holds(who text, tenant uuid, unit text) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bastion.authenticate((SELECT token FROM test.people WHERE name = who), tenant::text, unit);
    RETURN ARRAY(SELECT p FROM bastion.permissions() p ORDER BY 1);
EXCEPTION WHEN invalid_authorization_specification THEN
    RETURN '{}';
END
$$;
SELECT p.name, w.tenant = :'tenant' AS at_home, w.unit IS NOT NULL AS in_unit, x.told, test.holds(p.name, w.tenant, w.unit) AS holds
FROM test.people p, (VALUES (:'tenant'::uuid, NULL), (:'tenant', '00000000-0000-4000-8000-00000000e002'), (:'other', NULL)) w (tenant, unit),
     LATERAL (SELECT ARRAY(SELECT m.name FROM (SELECT * FROM bastion.permissions WHERE resource LIKE E'ex\\_%' OR resource = 'tenant.roles' OFFSET 0) m, bastion.explain_access(p.id, m.name, NULL, NULL, w.tenant::text, w.unit) s
                           WHERE s.kind = 'verdict' AND s.subject = 'granted' ORDER BY 1) AS told) x
WHERE x.told <> ARRAY(SELECT h FROM unnest(test.holds(p.name, w.tenant, w.unit)) h WHERE h ~ '^(ex_|tenant.roles)' ORDER BY 1);

-- A table without lists, where a null in an array is a text.
BEGIN;
SET LOCAL array_nulls = off;
SELECT s.subject FROM bastion.explain_access(test.id_of('eve'), 'ex_plain.read', 'test.ex_plain', '1', 'explain-ann') s WHERE s.kind = 'verdict';
COMMIT;

-- Pictures
CREATE FUNCTION test.picture(who text, permission text, target regclass, key text, place uuid DEFAULT test.tenant_of('ann')) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT regexp_replace(t, E'list \\d+', 'list N', 'g') FROM bastion.explain_access_text(test.id_of(who), permission, target, key, place::text) t
$$;
\pset format unaligned
\pset footer off
SELECT test.picture('eve', 'ex_plain.read', 'test.ex_plain', '1');
SELECT test.picture('fay', 'ex_t.read', 'test.ex_t', '5');
SELECT test.picture('dan', 'ex_x.update', 'test.ex_x', '7');
SELECT test.picture('cat', 'ex_t.update', 'test.ex_t', '6');
SELECT test.picture('bob', 'ex_x.read', 'test.ex_x', '7', test.tenant_of('bob'));
SELECT test.picture('bob', 'ex_t.read', 'test.ex_t', '5', test.tenant_of('bob'));
SELECT test.picture('gil', 'ex_plain.delete', NULL, NULL);
SELECT test.picture('hal', 'ex_plain.raed', 'test.ex_plain', '99');
SELECT test.picture('pat', 'ex_t.read', 'test.ex_t', NULL);
SELECT test.picture('gil', 'ex_t.create', 'test.ex_t', '6');
SELECT test.picture('cat', 'ex_t.create', 'test.ex_t', '3');
SELECT test.picture('kim', 'ex_t.read', 'test.ex_t', '1');
SELECT test.picture('cat', 'ex_t.delete', 'test.ex_t', '6');
-- on a row without a list, what is given in the chosen unit does not count, and what is denied there does
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect)
SELECT test.id_of(w), :'tenant', '00000000-0000-4000-8000-00000000e001', p, e
FROM (VALUES ('dan', 'ex_plain.update', 'grant'), ('kim', 'ex_plain.update', 'deny')) v (w, p, e);
SELECT bastion.explain_access_text(test.id_of(w), 'ex_plain.update', 'test.ex_plain', '1', 'explain-ann', '00000000-0000-4000-8000-00000000e002')
FROM unnest(ARRAY['dan', 'kim']) w;
-- the rows of who is gone
DELETE FROM bastion.tenants WHERE id = test.tenant_of('pat');
DELETE FROM bastion.users WHERE id = test.id_of('pat');
SELECT test.picture('ann', 'ex_t.read', 'test.ex_t', '4');
ROLLBACK;
SELECT kind, subject, detail, effect, decisive FROM bastion.explain_access(test.id_of('gil'), 'ex_plain.read', NULL, NULL, 'explain-ann', '00000000-0000-4000-8000-00000000e001') WHERE depth = 0;
BEGIN;
UPDATE bastion.tenants SET status = 'suspended' WHERE id = :'other';
SELECT test.picture('bob', 'ex_x.read', NULL, NULL, test.tenant_of('bob'));
UPDATE bastion.memberships SET valid_from = '2001-01-01', valid_until = '2002-01-01' WHERE user_id = test.id_of('cat') AND tenant_id = :'tenant';
SELECT test.picture('cat', 'ex_x.read', NULL, NULL);
ROLLBACK;

-- Who may ask. Members are explained to who manages them, and nothing of other tenants.
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.explain_access(NULL, 'x.read')$$), test.error($$SELECT bastion.explain_member_access(NULL, 'x.read')$$),
       test.error($$SELECT bastion_internal.access_steps(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)$$);
RESET ROLE;
CREATE FUNCTION test.asks(who text, call text, unit text DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', 'regress_app', true);
    PERFORM bastion.authenticate((SELECT token FROM test.people WHERE name = who), CASE WHEN who <> 'bob' THEN 'explain-ann' END, unit);
    RETURN QUERY EXECUTE E'SELECT regexp_replace(x, ''list \\d+'', ''list N'', ''g'') FROM bastion.' || call || ' x';
    PERFORM set_config('role', 'none', true);
EXCEPTION WHEN OTHERS THEN
    RETURN NEXT SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT test.asks('ann', format('explain_member_access_text(%L, ''ex_x.read'', ''test.ex_x'', ''7'')', test.id_of('kim')));
SELECT test.asks('ann', format('explain_member_access_text(%L, ''ex_x.read'', ''test.ex_x'', ''20'')', test.id_of('cat')));
SELECT test.asks('cat', format('explain_member_access_text(%L, ''ex_x.read'')', test.id_of('cat')));
SELECT test.asks('dan', format('explain_member_access_text(%L, ''ex_x.read'')', test.id_of('cat')), '00000000-0000-4000-8000-00000000e001');
SELECT test.asks('ann', format('explain_member_access_text(%L, ''ex_x.read'')', test.id_of('bob')));
SELECT test.asks('bob', format('explain_member_access_text(%L, ''ex_x.read'')', test.id_of('cat')));
SELECT test.asks('ann', format('explain_member_access_text(%L, ''ex_x.read'', ''test.people'', ''1'')', test.id_of('cat')));
SELECT test.asks('ann', format('explain_member_access_text(%L, ''ex_x.read'', ''test.ex_x'', ''x'')', test.id_of('cat')));
SELECT test.asks('ann', format('explain_member_access_text(%L, ''ex_x.read'', NULL, NULL, ''nowhere'')', test.id_of('cat')));
SELECT subject FROM bastion.explain_access(test.id_of('cat'), 'ex_x.read', NULL, NULL, 'nowhere') WHERE decisive;
SELECT test.error($$SELECT * FROM bastion.explain_access(test.id_of('cat'), 'ex_x.read')$$);

-- The matrix: who holds the role and nothing else
CREATE FUNCTION test.wrong_cells() RETURNS TABLE (role text, permission text, held boolean) LANGUAGE plpgsql AS $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN SELECT DISTINCT m.role_id FROM bastion.permission_matrix('explain-ann') m LOOP
        UPDATE bastion.memberships m SET role_id = wanted.role_id WHERE m.user_id = test.id_of('bob') AND m.tenant_id = test.tenant_of('ann');
        IF NOT FOUND THEN
            INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (test.id_of('bob'), test.tenant_of('ann'), wanted.role_id);
        END IF;
        RETURN QUERY SELECT m.role, m.permission, m.held FROM bastion.permission_matrix('explain-ann') m
            WHERE m.role_id = wanted.role_id AND m.held <> EXISTS (
                SELECT FROM bastion_internal.effective_permissions(test.id_of('bob'), test.tenant_of('ann'), NULL) e WHERE e.permission = m.permission);
    END LOOP;
END
$$;
DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('bob');
SELECT * FROM test.wrong_cells();
SELECT role, count(*) FILTER (WHERE held AND (permission ~ '^ex_')) AS held FROM bastion.permission_matrix('explain-ann') WHERE system OR role ~ '^explain' GROUP BY role ORDER BY role;
SELECT count(*) AS of_nobody FROM bastion.permission_matrix('nowhere');
SELECT count(*) FILTER (WHERE role ~ '^explain') > 0 AS own, count(*) FILTER (WHERE role = 'elsewhere') AS of_another
FROM bastion.permission_matrix(upper(:'tenant'));
SELECT t FROM bastion.permission_matrix_text('explain-ann') t WHERE t ~ E'^(ex_plain|tenant\\.members| .*owner)';
SELECT test.asks('cat', 'permission_matrix_text()') ~ '^ +admin' AS own LIMIT 1;
SELECT count(*) AS of_another FROM test.asks('cat', 'permission_matrix_text(''explain-bob'')') x WHERE x IS NOT NULL;
\pset format aligned

SELECT count(*) > 0 AS unprotected FROM bastion.unprotect('test.ex_plain');
DROP TABLE test.ex_plain, test.ex_t, test.ex_x, test.told;
SELECT bastion_internal.forget_dropped_tables();
DROP FUNCTION test.wrong_cells, test.asks, test.picture, test.holds, test.really, test.fill, test.row_list;
UPDATE bastion.users SET status = 'active' WHERE id = test.id_of('hal');
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM bastion.permissions WHERE resource LIKE E'ex\\_%';
TRUNCATE test.people;
RESET bastion.allow_identity_switch;
