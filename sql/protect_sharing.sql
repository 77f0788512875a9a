-- bastion.protect(sharing => …): the column for access control lists, its triggers and policies.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
DO $$
BEGIN
    IF to_regrole('regress_migrator') IS NULL THEN
        CREATE ROLE regress_migrator;
    END IF;
END
$$;
SELECT bastion.allow_migration_role('regress_migrator');
CREATE SCHEMA drive AUTHORIZATION regress_migrator;
GRANT USAGE ON SCHEMA drive TO regress_app;
RESET client_min_messages;

-- Runs protect() as a dry run and its script, then for real: both must give the same state, and a second call nothing.
CREATE FUNCTION test.twice(relation regclass, arguments text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    script text;
    line text;
    by_script text;
    by_call text;
BEGIN
    EXECUTE format(E'SELECT string_agg(statement, E''\\n'') FROM bastion.protect(%L, %s, dry_run => true)', relation, arguments) INTO script;
    BEGIN
        EXECUTE coalesce(script, 'SELECT');
        by_script := test.protection_of(relation);
        RAISE EXCEPTION USING ERRCODE = 'XX001';
    EXCEPTION WHEN SQLSTATE 'XX001' THEN
    END;
    EXECUTE format('SELECT bastion.protect(%L, %s)', relation, arguments);
    by_call := test.protection_of(relation);
    IF by_call IS DISTINCT FROM by_script THEN
        RETURN E'the script left\n' || by_script || E'\nand the call\n' || by_call;
    END IF;
    EXECUTE format(E'SELECT string_agg(statement, E''\\n'') FROM bastion.protect(%L, %s, dry_run => true)', relation, arguments) INTO line;
    IF line IS NOT NULL THEN
        RETURN 'would run again: ' || line;
    END IF;
    RETURN (SELECT status FROM bastion.protection p WHERE p.relation = twice.relation);
END
$$;

-- Ann and Ben own a tenant each; Vic reads and Max makes in Ann's; Ann's has a unit.
SET ROLE regress_app;
SELECT bastion_api.signup('ann@drive.example', 'correct horse', 'Drive A') AS ann \gset
SELECT bastion_api.signup('ben@drive.example', 'correct horse', 'Drive B') AS ben \gset
SELECT bastion_api.signup('vic@drive.example', 'correct horse', 'Drive V') AS vic \gset
SELECT bastion_api.signup('max@drive.example', 'correct horse', 'Drive M') AS max \gset
RESET ROLE;
SELECT :'ann'::jsonb ->> 'access_token' AS ann_token, :'ann'::jsonb -> 'tenant' ->> 'id' AS a, :'ann'::jsonb -> 'user' ->> 'id' AS ann,
       :'ben'::jsonb ->> 'access_token' AS ben_token, :'ben'::jsonb -> 'tenant' ->> 'id' AS b, :'ben'::jsonb -> 'user' ->> 'id' AS ben,
       :'vic'::jsonb ->> 'access_token' AS vic_token, :'vic'::jsonb -> 'user' ->> 'id' AS vic,
       :'max'::jsonb ->> 'access_token' AS max_token, :'max'::jsonb -> 'user' ->> 'id' AS max \gset
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT v.u::uuid, :'a', r.id FROM (VALUES (:'vic', 'viewer'), (:'max', 'member')) AS v (u, role)
JOIN bastion.roles r ON r.name = v.role AND r.tenant_id IS NULL;
INSERT INTO bastion.units (tenant_id, kind, name) VALUES (:'a', 'team', 'Sales') RETURNING id AS unit \gset

-- One call on a populated table, by its owner
SET ROLE regress_migrator;
CREATE TABLE drive.files (id integer PRIMARY KEY, tenant_id uuid, created_by uuid, name text);
INSERT INTO drive.files VALUES (1, :'a', :'ann', 'a of Ann'), (2, :'a', :'max', 'a of Max'), (3, :'b', :'ben', 'b of Ben');
GRANT SELECT, INSERT, UPDATE, DELETE ON drive.files TO regress_app;
RESET ROLE;
SELECT test.protection_of('drive.files') AS before \gset
SET ROLE regress_migrator;
SELECT * FROM bastion.protect('drive.files', owner_column => 'created_by', sharing => 'tenant', dry_run => true);
SELECT bastion.protect('drive.files', owner_column => 'created_by', sharing => 'tenant');
SELECT * FROM bastion.protect('drive.files', owner_column => 'created_by', sharing => 'tenant', dry_run => true);
SELECT bastion.protect('drive.files', owner_column => 'created_by', sharing => 'tenant');
\x
SELECT * FROM bastion.protection;
\x
\d drive.files
RESET ROLE;
SELECT f.id, a.kind, a.tenant_id = f.tenant_id AS same FROM drive.files f JOIN bastion.acls a ON a.id = f.acl_id ORDER BY f.id;

-- Members see the rows of their tenant with its permissions, and own what they make
SET ROLE regress_app;
SELECT count(*) FROM drive.files;
BEGIN;
SELECT bastion.authenticate(:'vic_token', :'a') IS NOT NULL AS vic;
SELECT id FROM drive.files ORDER BY id;
UPDATE drive.files SET name = 'defaced';
DELETE FROM drive.files;
SELECT test.error($$INSERT INTO drive.files (id, name) VALUES (4, 'x')$$);
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'max_token', :'a') IS NOT NULL AS max;
INSERT INTO drive.files (id, name) VALUES (4, 'new') RETURNING id, created_by = :'max' AS by_max;
INSERT INTO drive.files (id, name, acl_id) VALUES (5, 'null', NULL) RETURNING id;
UPDATE drive.files SET name = upper(name) RETURNING id;
DELETE FROM drive.files RETURNING id;
COMMIT;
RESET ROLE;
SELECT id AS acl_of_b FROM bastion.acls WHERE tenant_id = :'b' AND kind = 'tenant' \gset
SELECT id AS acl_of_ann FROM bastion.acls WHERE tenant_id = :'a' AND user_id = :'ann' \gset
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
-- no row among those of somebody else, and none moved there
SELECT test.error(format($$INSERT INTO drive.files (id, acl_id) VALUES (9, %s)$$, :'acl_of_b'));
SELECT test.error(format($$INSERT INTO drive.files (id, acl_id) VALUES (9, %s)$$, :'acl_of_ann'));
SELECT test.error(format($$INSERT INTO drive.files (id, tenant_id) VALUES (9, %L)$$, :'b'));
SELECT test.error(format($$UPDATE drive.files SET acl_id = %s$$, :'acl_of_ann'));
SELECT test.error($$UPDATE drive.files SET acl_id = NULL$$);
SELECT test.error(format($$UPDATE drive.files SET tenant_id = %L$$, :'b'));
SELECT test.error(format($$INSERT INTO drive.files (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET acl_id = %s$$, :'acl_of_ann'));
SELECT test.error(format($$MERGE INTO drive.files f USING (VALUES (1)) v (id) ON v.id = f.id
                           WHEN MATCHED THEN UPDATE SET acl_id = %s$$, :'acl_of_ann'));
UPDATE drive.files SET acl_id = acl_id, name = 'kept' WHERE id = 1 RETURNING id;
DELETE FROM drive.files WHERE id = 4 RETURNING id;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS ben;
SELECT id FROM drive.files;
COMMIT;
RESET ROLE;

-- What a list gives decides: a share with Vic to write, and one with Ben, who is not of the tenant
SELECT f.acl_id AS base FROM drive.files f WHERE id = 2 \gset
INSERT INTO bastion.acls (tenant_id, kind, base_acl_id) VALUES (:'a', 'row', :'base') RETURNING id AS row_acl \gset
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level)
VALUES (:'row_acl', 'user', :'vic', 2), (:'row_acl', 'user', :'ben', 2);
SET session_replication_role = replica; -- past the trigger that keeps lists
UPDATE drive.files SET acl_id = :'row_acl' WHERE id = 2;
RESET session_replication_role;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'vic_token', :'a') IS NOT NULL AS vic;
SELECT id FROM drive.files ORDER BY id;
UPDATE drive.files SET name = 'by Vic' RETURNING id;
DELETE FROM drive.files RETURNING id;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS ben;
SELECT id FROM drive.files;
COMMIT;
RESET ROLE;
-- across tenants
SET ROLE regress_migrator;
SELECT * FROM bastion.protect('drive.files', owner_column => 'created_by', sharing => 'cross_tenant', dry_run => true);
SELECT bastion.protect('drive.files', owner_column => 'created_by', sharing => 'cross_tenant');
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS ben;
SELECT id FROM drive.files ORDER BY id;
UPDATE drive.files SET name = 'by Ben' RETURNING id;
DELETE FROM drive.files WHERE id = 2 RETURNING id;
SELECT test.error(format($$UPDATE drive.files SET tenant_id = %L WHERE id = 2$$, :'b'));
SELECT test.error(format($$INSERT INTO drive.files (id, tenant_id, acl_id) VALUES (9, %L, %s)$$, :'a', :'row_acl'));
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
SELECT bastion.share('drive.files', '1', with_user => :'ben', level => 'manage') IS NOT NULL AS shared;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ben_token') IS NOT NULL AS ben;
SELECT id FROM drive.files ORDER BY id;
DELETE FROM drive.files WHERE id = 1 RETURNING id;
ROLLBACK;
BEGIN;
SELECT bastion.context_drop();
SELECT count(*) FROM drive.files;
COMMIT;
RESET ROLE;

-- Without sharing again, and back; the column that protect() made goes, one that was there stays
SET ROLE regress_migrator;
SELECT * FROM bastion.protect('drive.files', owner_column => 'created_by', dry_run => true);
SELECT bastion.protect('drive.files', owner_column => 'created_by');
RESET ROLE;
SELECT count(*) FROM pg_attribute WHERE attrelid = 'drive.files'::regclass AND attname = 'acl_id' AND NOT attisdropped;
SELECT test.twice('drive.files', $$owner_column => 'created_by', sharing => 'tenant', visibility => 'owner'$$);
SELECT f.id, a.kind, a.user_id = f.created_by AS owners FROM drive.files f JOIN bastion.acls a ON a.id = f.acl_id ORDER BY f.id;
SELECT test.twice('drive.files', $$owner_column => 'created_by', sharing => 'tenant', visibility => 'unit',
                                   actions => '{"update": "edit", "delete": "edit"}'$$);
SELECT test.twice('drive.files', $$owner_column => 'created_by', sharing => 'tenant', visibility => 'unit', citus => true$$);
SELECT test.twice('drive.files', $$owner_column => 'created_by'$$);
SELECT count(*) > 0 AS undone FROM bastion.unprotect('drive.files');
SELECT test.protection_of('drive.files') = :'before' AS as_before;

-- Visibility: a new row is seen by its owner, or by who holds the permission in the unit
SELECT test.twice('drive.files', $$owner_column => 'created_by', sharing => 'tenant', visibility => 'owner'$$);
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'max_token', :'a') IS NOT NULL AS max;
INSERT INTO drive.files (id, name) VALUES (6, 'mine') RETURNING id;
SELECT id FROM drive.files ORDER BY id;
DELETE FROM drive.files WHERE id = 6 RETURNING id;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'vic_token', :'a') IS NOT NULL AS vic;
SELECT id FROM drive.files ORDER BY id;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann_manages;
SELECT id FROM drive.files ORDER BY id;
COMMIT;
RESET ROLE;
SELECT test.twice('drive.files', $$owner_column => 'created_by', sharing => 'tenant', visibility => 'unit'$$);
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'max_token', :'a', :'unit') IS NOT NULL AS max;
INSERT INTO drive.files (id, name) VALUES (7, 'of the unit') RETURNING id;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'max_token', :'a') IS NOT NULL AS max;
SELECT test.error($$INSERT INTO drive.files (id, name) VALUES (8, 'of no unit')$$);
COMMIT;
SELECT test.error(format($$INSERT INTO drive.files (id, tenant_id, name) VALUES (8, %L, 'of nobody')$$, :'a'));
RESET ROLE;
SELECT kind, unit_id = :'unit' AS of_the_unit FROM drive.files f JOIN bastion.acls a ON a.id = f.acl_id WHERE f.id = 7;
SELECT count(*) > 0 AS undone FROM bastion.unprotect('drive.files');

-- Operators write without a context: the list is that of the row's tenant or owner
CREATE TABLE drive.numbered (id integer PRIMARY KEY, tenant bigint NOT NULL, owner text, acl bigint DEFAULT 5);
SELECT test.protection_of('drive.numbered') AS before \gset
SELECT test.twice('drive.numbered', $$tenant_column => 'tenant', owner_column => 'owner', resource => 'files', sharing => 'tenant',
                                      visibility => 'owner', acl_column => 'acl'$$);
INSERT INTO drive.numbered SELECT 1, number, :'ann' FROM bastion.tenants WHERE id = :'a';
INSERT INTO drive.numbered SELECT 2, number, 'nobody' FROM bastion.tenants WHERE id = :'a';
SELECT test.error($$INSERT INTO drive.numbered VALUES (3, 0, NULL)$$);
SELECT n.id, a.kind, a.user_id = :'ann' AS of_ann FROM drive.numbered n JOIN bastion.acls a ON a.id = n.acl ORDER BY n.id;
SELECT count(*) > 0 AS undone FROM bastion.unprotect('drive.numbered');
SELECT test.protection_of('drive.numbered') = :'before' AS as_before;

-- Partitions and children
CREATE TABLE drive.parted (id integer, tenant_id text NOT NULL, name text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE drive.parted_1 PARTITION OF drive.parted FOR VALUES FROM (0) TO (10);
CREATE TABLE drive.parted_2 PARTITION OF drive.parted FOR VALUES FROM (10) TO (20);
INSERT INTO drive.parted VALUES (1, :'a', 'one'), (11, :'b', 'two');
SELECT test.protection_of('drive.parted') AS before \gset
SELECT test.twice('drive.parted', $$resource => 'files', sharing => 'cross_tenant'$$);
SELECT p.id, a.kind, a.tenant_id::text = p.tenant_id AS same FROM drive.parted p JOIN bastion.acls a ON a.id = p.acl_id ORDER BY p.id;
GRANT SELECT, INSERT, UPDATE, DELETE ON drive.parted, drive.parted_1, drive.parted_2 TO regress_app;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ann;
SELECT id FROM drive.parted ORDER BY id;
SELECT id FROM drive.parted_1;
UPDATE drive.parted SET id = 12 WHERE id = 1 RETURNING id;
SELECT test.error(format('UPDATE drive.parted SET id = 2, acl_id = %s WHERE id = 12', :'acl_of_ann'));
SELECT test.error(format('UPDATE drive.parted_2 SET acl_id = %s', :'acl_of_ann'));
INSERT INTO drive.parted (id) VALUES (3) RETURNING id;
COMMIT;
RESET ROLE;
CREATE TABLE drive.parted_3 PARTITION OF drive.parted FOR VALUES FROM (20) TO (30);
SELECT status FROM bastion.protection;
SELECT test.twice('drive.parted', $$resource => 'files', sharing => 'cross_tenant'$$);
DROP TABLE drive.parted_3;
SELECT count(*) > 0 AS undone FROM bastion.unprotect('drive.parted');
SELECT test.protection_of('drive.parted') = :'before' AS as_before;
CREATE TABLE drive.parent (id integer, tenant_id uuid NOT NULL);
CREATE TABLE drive.child () INHERITS (drive.parent);
INSERT INTO drive.child VALUES (1, :'a');
SELECT test.protection_of('drive.parent') AS before \gset
SELECT test.twice('drive.parent', $$resource => 'files', sharing => 'tenant'$$);
SELECT test.error($$INSERT INTO drive.child VALUES (2, NULL)$$);
SELECT count(*) > 0 AS undone FROM bastion.unprotect('drive.parent');
SELECT test.protection_of('drive.parent') = :'before' AS as_before;

-- What is no longer as protect() left it, and mended
SELECT test.twice('drive.files', $$owner_column => 'created_by', sharing => 'tenant'$$);
CREATE FUNCTION test.drift(change text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    problem text;
BEGIN
    EXECUTE change;
    SELECT status INTO problem FROM bastion.protection WHERE relation = 'drive.files'::regclass;
    RETURN problem || ' -> ' || test.twice('drive.files', $t$owner_column => 'created_by', sharing => 'tenant'$t$);
END
$$;
SELECT test.drift('ALTER TABLE drive.files ALTER acl_id DROP DEFAULT');
SELECT test.drift('ALTER TABLE drive.files ALTER acl_id DROP NOT NULL');
SELECT test.drift('DROP INDEX drive.files_acl_id_idx');
SELECT test.drift('ALTER TABLE drive.files DISABLE TRIGGER bastion_acl_keep');
SELECT test.drift('DROP TRIGGER bastion_acl_keep ON drive.files');
SELECT test.drift('DROP TRIGGER bastion_acl_fill ON drive.files; CREATE TRIGGER bastion_acl_fill BEFORE INSERT ON drive.files '
                  'FOR EACH ROW EXECUTE FUNCTION bastion_internal.fill_acl()');
SELECT test.drift('DROP POLICY bastion_access_delete ON drive.files');
SELECT test.drift('ALTER POLICY bastion_access_select ON drive.files USING (true)');
SELECT test.drift($$CREATE POLICY bastion_access ON drive.files USING ('bastion'::regnamespace IS NOT NULL)$$);
SET client_min_messages = warning;
SELECT test.drift('SET LOCAL session_replication_role = replica; ALTER TABLE drive.files DROP COLUMN acl_id CASCADE; SET LOCAL session_replication_role = origin');
RESET client_min_messages;

-- In batches, before protect(): each batch is a transaction
CREATE TABLE drive.big (id integer, tenant_id uuid, owner uuid) WITH (fillfactor = 10);
INSERT INTO drive.big SELECT i, CASE WHEN i % 2 = 0 THEN :'a' ELSE :'b' END::uuid, NULL FROM generate_series(1, 1000) i;
CALL bastion.acl_backfill('drive.big', batch => 100);
SELECT count(*), count(acl_id), count(DISTINCT acl_id), count(DISTINCT xmin::text) > 5 AS batches FROM drive.big;
CALL bastion.acl_backfill('drive.big', batch => 100);
SELECT * FROM bastion.protect('drive.big', resource => 'files', sharing => 'tenant', dry_run => true);
SELECT bastion.protect('drive.big', resource => 'files', sharing => 'tenant');
SELECT count(*) > 0 AS undone FROM bastion.unprotect('drive.big');
SELECT count(*) FROM pg_attribute WHERE attrelid = 'drive.big'::regclass AND attname = 'acl_id';
INSERT INTO drive.big VALUES (0, gen_random_uuid(), NULL);
SELECT test.error($$SELECT bastion.protect('drive.big', resource => 'files', sharing => 'tenant')$$);

-- Refused
SELECT a.arguments, test.error(format('SELECT bastion.protect(%s)', a.arguments)) FROM (VALUES
    ($$'drive.files', sharing => 'all'$$),
    ($$'drive.files', sharing => ''$$),
    ($$'drive.files', sharing => 'tenant', visibility => NULL$$),
    ($$'drive.files', sharing => 'tenant', visibility => 'world'$$),
    ($$'drive.files', visibility => 'owner'$$),
    ($$'drive.files', sharing => 'tenant', acl_column => NULL$$),
    ($$'drive.files', sharing => 'tenant', acl_column => 'tenant_id'$$),
    ($$'drive.files', sharing => 'tenant', acl_column => 'name'$$),
    ($$'drive.files', sharing => 'tenant', existing => 'keep'$$)) AS a (arguments);
SELECT test.error($$CALL bastion.acl_backfill(NULL)$$);
SELECT test.error($$CALL bastion.acl_backfill('drive.files', batch => 0)$$);
SELECT test.error($$CALL bastion.acl_backfill('drive.files', visibility => 'all')$$);
SELECT test.error($$CALL bastion.acl_backfill('drive.files', tenant_column => 'missing')$$);
SET ROLE regress_migrator;
SELECT test.error($$CALL bastion.acl_backfill('drive.files')$$);
SELECT test.error($$CALL bastion.acl_backfill('drive.big')$$);
SET ROLE regress_app;
SELECT test.error($$CALL bastion.acl_backfill('drive.big')$$);
SELECT test.error($$SELECT bastion_internal.acl_of_row(NULL, NULL, 'tenant')$$);
RESET ROLE;

SET client_min_messages = warning;
SELECT count(*) > 0 AS undone FROM bastion.unprotect('drive.files');
DROP SCHEMA drive CASCADE;
DROP FUNCTION test.twice(regclass, text), test.drift(text);
DELETE FROM bastion.permissions WHERE resource = 'files';
