-- Rows that are shared across tenants stay where they are: no UPDATE moves a row into another tenant or onto a list of one, not
-- by the owner of the table either, and what a share allows goes on working.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA crossing AUTHORIZATION regress_app;
SELECT bastion.allow_migration_role('regress_app');
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, (a -> 'tenant' ->> 'number')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'bob']) n, LATERAL bastion_api.signup(n || '@crossing.example', 'correct horse', 'Crossing of ' || n) a;
-- the application owns the tables, one for each type of the tenant column
SET ROLE regress_app;
CREATE TABLE crossing.by_uuid (id integer PRIMARY KEY, tenant uuid, owner_id uuid, title text);
CREATE TABLE crossing.by_text (id integer PRIMARY KEY, tenant text, owner_id uuid, title text);
CREATE TABLE crossing.by_number (id integer PRIMARY KEY, tenant bigint, owner_id uuid, title text);
CREATE DOMAIN crossing.place AS character varying(60);
CREATE TABLE crossing.by_domain (id integer PRIMARY KEY, tenant crossing.place, owner_id uuid, title text);
CREATE TABLE crossing.kinds (name regclass, ann text, bob text);
INSERT INTO crossing.kinds
SELECT v.name, CASE v.name::text WHEN 'crossing.by_number' THEN a.number::text ELSE a.tenant::text END,
       CASE v.name::text WHEN 'crossing.by_number' THEN b.number::text ELSE b.tenant::text END
FROM unnest(ARRAY['crossing.by_uuid', 'crossing.by_text', 'crossing.by_number', 'crossing.by_domain']::regclass[]) v (name), test.people a, test.people b
WHERE a.name = 'ann' AND b.name = 'bob';
SELECT count(*) > 0 AS protected FROM crossing.kinds k, bastion.protect(k.name, tenant_column => 'tenant', owner_column => 'owner_id', resource => 'crossing', sharing => 'cross_tenant');
SELECT count(*) AS again FROM crossing.kinds k, bastion.protect(k.name, tenant_column => 'tenant', owner_column => 'owner_id', resource => 'crossing', sharing => 'cross_tenant', dry_run => true);
-- Definitions are read without the quotes that a setting of the caller adds.
BEGIN;
SET LOCAL quote_all_identifiers = on;
SELECT count(*) AS again FROM crossing.kinds k, bastion.protect(k.name, tenant_column => 'tenant', owner_column => 'owner_id', resource => 'crossing', sharing => 'cross_tenant', dry_run => true);
COMMIT;
RESET ROLE;
SELECT relation, status FROM bastion.protection WHERE relation::text LIKE 'crossing.%' ORDER BY relation::text;
-- row 1 is ann's and shared with bob, row 2 is bob's; an attack leaves nothing behind
CREATE FUNCTION crossing.does(who text, statement text, undone boolean DEFAULT false) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    PERFORM set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    BEGIN
        PERFORM bastion.authenticate((SELECT token FROM test.people WHERE name = who));
        EXECUTE statement INTO answer;
        IF undone THEN
            RAISE EXCEPTION USING ERRCODE = 'CR000', MESSAGE = coalesce(answer, 'no row');
        END IF;
    EXCEPTION WHEN SQLSTATE 'CR000' THEN
        answer := SQLERRM;
    WHEN OTHERS THEN
        answer := regexp_replace(SQLSTATE || ' ' || SQLERRM, E'by_\\w+', '#');
    END;
    RESET ROLE;
    RETURN answer;
END
$$;
SELECT count(*) FROM crossing.kinds k, LATERAL crossing.does('ann', format('INSERT INTO %s (id, title) VALUES (1, ''of ann'') RETURNING id', k.name)) a,
     LATERAL crossing.does('bob', format('INSERT INTO %s (id, title) VALUES (2, ''of bob'') RETURNING id', k.name)) b,
     LATERAL crossing.does('ann', format('SELECT bastion.share(%L, ''1'', with_user => %L, level => ''write'')', k.name, (SELECT id FROM test.people WHERE name = 'bob'))) s
WHERE (a, b, s) = ('1', '2', '');
CREATE TABLE crossing.lists AS SELECT 'crossing.by_uuid'::regclass AS name, id, acl_id FROM crossing.by_uuid
UNION ALL SELECT 'crossing.by_text', id, acl_id FROM crossing.by_text UNION ALL SELECT 'crossing.by_number', id, acl_id FROM crossing.by_number
UNION ALL SELECT 'crossing.by_domain', id, acl_id FROM crossing.by_domain;
CREATE TABLE crossing.attacks (n integer, statement text);
-- %1$s is the table, %2$L ann's tenant, %3$L bob's, %4$s the list that is shared with bob, %5$s his own
INSERT INTO crossing.attacks VALUES
    (1, 'UPDATE %1$s SET tenant = %2$L, acl_id = %4$s WHERE id = 2 RETURNING ''planted'''),
    (2, 'UPDATE %1$s SET tenant = %2$L WHERE id = 2 RETURNING ''planted'''),
    (3, 'UPDATE %1$s SET acl_id = %4$s WHERE id = 2 RETURNING ''planted'''),
    (4, 'UPDATE %1$s SET tenant = %3$L, acl_id = %5$s WHERE id = 1 RETURNING ''taken'''),
    (5, 'UPDATE %1$s SET tenant = %3$L WHERE id = 1 RETURNING ''taken'''),
    (6, 'UPDATE %1$s SET acl_id = %5$s WHERE id = 1 RETURNING ''taken'''),
    (7, 'INSERT INTO %1$s (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET tenant = %2$L, acl_id = %4$s RETURNING ''planted'''),
    (8, 'UPDATE %1$s SET tenant = NULL WHERE id = 2 RETURNING ''lost''');
CREATE VIEW crossing.tried AS
SELECT a.n, k.name, crossing.does('bob', format(a.statement, k.name, k.ann, k.bob, s.acl_id, o.acl_id), true) AS answer
FROM crossing.attacks a, crossing.kinds k JOIN crossing.lists s ON s.name = k.name AND s.id = 1 JOIN crossing.lists o ON o.name = k.name AND o.id = 2;
SELECT n, answer, count(*) FROM crossing.tried GROUP BY 1, 2 ORDER BY 1, 2;
-- what the policies alone refuse, with the trigger out of the way
BEGIN;
DO $$ DECLARE k regclass; BEGIN FOR k IN SELECT name FROM crossing.kinds LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER bastion_acl_keep', k); END LOOP; END $$;
SELECT n, answer, count(*) FROM crossing.tried WHERE n NOT IN (1, 4, 7) GROUP BY 1, 2 ORDER BY 1, 2;
ROLLBACK;
-- what the share allows
SELECT k.name, crossing.does('bob', format('UPDATE %s SET title = ''by bob'' WHERE id = 1 RETURNING title', k.name)) AS shared,
       crossing.does('bob', format('UPDATE %s SET title = ''own'' WHERE id = 2 RETURNING title', k.name)) AS own,
       crossing.does('ann', format('SELECT string_agg(id || '' '' || title, '', '' ORDER BY id) FROM %s', k.name)) AS ann_sees,
       crossing.does('bob', format('SELECT string_agg(id || '' '' || title, '', '' ORDER BY id) FROM %s', k.name)) AS bob_sees
FROM crossing.kinds k ORDER BY k.name::text;
-- acl_in_tenant() tells nothing of lists that one does not reach
SELECT who, string_agg(crossing.does(who, format('SELECT bastion.acl_in_tenant(''crossing.update'', %s, %L)', l.acl_id, CASE l.id WHEN 1 THEN k.ann ELSE k.bob END)), ' ' ORDER BY l.id, k.name::text)
FROM unnest(ARRAY['ann', 'bob']) who, crossing.kinds k JOIN crossing.lists l ON l.name = k.name GROUP BY who ORDER BY who;
SELECT crossing.does('bob', format('SELECT bastion.acl_in_tenant(''crossing.update'', %s, %L)', l.acl_id, k.bob)) AS other_tenant,
       crossing.does('bob', format('SELECT bastion.acl_in_tenant(''crossing.delete'', %s, %L)', l.acl_id, k.ann)) AS other_permission,
       crossing.does('bob', format('SELECT bastion.acl_in_tenant(%L, %s, NULL)', 'crossing.update', l.acl_id)) IS NULL AS of_null
FROM crossing.kinds k JOIN crossing.lists l ON l.name = k.name AND l.id = 1 WHERE k.name = 'crossing.by_uuid'::regclass;
-- a share with a role of every tenant reaches its holders in the tenant of the row: bob is an owner too, elsewhere
SELECT count(*) AS made FROM crossing.kinds k, LATERAL crossing.does('ann', format('INSERT INTO %s (id, title) VALUES (3, ''of owners'') RETURNING id', k.name)) r WHERE r = '3';
SELECT count(*) AS shared FROM crossing.kinds k, LATERAL crossing.does('ann', format(
    'SELECT bastion.share(%L, ''3'', with_role => (SELECT r.id FROM bastion.roles r WHERE r.system AND r.name = ''owner''))', k.name)) s WHERE s = '';
SELECT count(*) AS reached FROM crossing.kinds k, LATERAL crossing.does('bob', format('SELECT title FROM %s WHERE id = 3', k.name)) b WHERE b IS NOT NULL;

DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
DROP SCHEMA crossing CASCADE;
TRUNCATE test.people;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.permissions WHERE resource = 'crossing';
SELECT bastion.disallow_app_role('regress_app'), bastion.allow_app_role('regress_app');
