-- schema_guard(): new tables are closed until they are protected or marked global.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
DO $$
BEGIN
    IF to_regrole('regress_builder') IS NULL THEN
        CREATE ROLE regress_builder;
    END IF;
    IF to_regrole('regress_keeper') IS NULL THEN
        CREATE ROLE regress_keeper;
    END IF;
END
$$;
SELECT bastion.allow_migration_role('regress_keeper');
-- The builder has no right in the extension at all.
CREATE SCHEMA "Guarded Place";
CREATE SCHEMA elsewhere;
GRANT USAGE, CREATE ON SCHEMA "Guarded Place", elsewhere TO regress_builder, regress_keeper;
GRANT regress_builder TO regress_keeper;
CREATE FUNCTION test.security(relation regclass) RETURNS text
LANGUAGE sql
AS $$
    SELECT concat_ws(', ', CASE WHEN relrowsecurity THEN 'enabled' ELSE 'off' END, CASE WHEN relforcerowsecurity THEN 'forced' END,
                     (SELECT count(*) || ' policies' FROM pg_policy WHERE polrelid = pg_class.oid))
    FROM pg_class WHERE oid = relation
$$;
RESET client_min_messages;

-- Refusals
SELECT test.error($$SELECT bastion.schema_guard(NULL)$$);
SELECT test.error($$SELECT bastion.schema_guard('')$$);
SELECT test.error($$SELECT bastion.schema_guard('nowhere')$$);
SELECT test.error($$SELECT bastion.schema_guard('pg_catalog')$$);
SELECT test.error($$SELECT bastion.schema_guard('pg_temp')$$);
SELECT test.error($$SELECT bastion.schema_guard('information_schema')$$);
SELECT test.error($$SELECT bastion.schema_guard('bastion')$$);
SELECT test.error($$SELECT bastion.schema_unguard('nowhere')$$);
GRANT EXECUTE ON FUNCTION bastion.schema_guard(name), bastion_internal.check_guardable(name), bastion_internal.require_superuser(text)
TO regress_keeper;
SET ROLE regress_keeper;
SELECT bastion.schema_guard('Guarded Place');
SELECT test.error($$SELECT bastion.schema_unguard('Guarded Place')$$);
RESET ROLE;
REVOKE EXECUTE ON FUNCTION bastion.schema_guard(name), bastion_internal.check_guardable(name), bastion_internal.require_superuser(text)
FROM regress_keeper;
SELECT evtname FROM pg_event_trigger WHERE evtname = 'bastion_guard';
SELECT bastion.schema_unguard('Guarded Place');

-- A guard leaves existing tables, and lists them
SET ROLE regress_builder;
CREATE TABLE "Guarded Place".earlier (tenant_id uuid);
INSERT INTO "Guarded Place".earlier VALUES (gen_random_uuid());
RESET ROLE;
SELECT * FROM bastion.schema_guard('Guarded Place');
SELECT * FROM bastion.schema_guard('Guarded Place');
SELECT evtname, evtevent, evtenabled, evttags FROM pg_event_trigger WHERE evtname = 'bastion_guard';
SET ROLE regress_builder;
SELECT test.security('"Guarded Place".earlier');
ALTER TABLE "Guarded Place".earlier ADD COLUMN note text;
SELECT count(*) FROM "Guarded Place".earlier;

-- Every way to a new table
CREATE TABLE "Guarded Place"."New Table" (id integer);
CREATE TABLE "Guarded Place".by_as AS SELECT 1 AS id;
SELECT 1 AS id INTO "Guarded Place".by_into;
CREATE TABLE "Guarded Place".by_like (LIKE "Guarded Place".earlier INCLUDING ALL);
CREATE UNLOGGED TABLE "Guarded Place".unlogged (id integer);
CREATE TABLE elsewhere.moves (id integer);
INSERT INTO elsewhere.moves VALUES (1);
SELECT test.security('elsewhere.moves');
ALTER TABLE elsewhere.moves SET SCHEMA "Guarded Place";
DO $$ BEGIN EXECUTE 'CREATE TABLE "Guarded Place".by_do (id integer)'; END $$;
CREATE TABLE "Guarded Place".parts (id integer) PARTITION BY LIST (id);
CREATE TABLE "Guarded Place".parts_1 PARTITION OF "Guarded Place".parts FOR VALUES IN (1);
SELECT oid::regclass AS relation, test.security(oid) FROM pg_class
WHERE relnamespace = '"Guarded Place"'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname;
SELECT count(*) FROM "Guarded Place".by_as;
SELECT count(*) FROM "Guarded Place".moves;
SELECT test.error('INSERT INTO "Guarded Place".by_as VALUES (2)');
-- and not to be opened behind its back
ALTER TABLE "Guarded Place".by_as DISABLE ROW LEVEL SECURITY;
ALTER TABLE "Guarded Place".by_as NO FORCE ROW LEVEL SECURITY;
SELECT test.security('"Guarded Place".by_as');
ALTER TABLE "Guarded Place".by_as ADD COLUMN more text;
-- what is none of its business
CREATE TEMPORARY TABLE temporary_one (id integer);
CREATE TABLE IF NOT EXISTS "Guarded Place".by_as (id integer);
CREATE TABLE elsewhere.free (id integer);
CREATE VIEW "Guarded Place".a_view AS SELECT 1 AS id;
ALTER VIEW "Guarded Place".a_view RENAME TO the_view;
CREATE SEQUENCE "Guarded Place".a_sequence;
SELECT test.security('temporary_one'), test.security('elsewhere.free');
RESET ROLE;
-- a restricted role got no right by the way
SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'bastion'::regnamespace AND a.grantee = 'regress_builder'::regrole;

-- Marked global: open again, with a reason
SET ROLE regress_keeper;
SELECT bastion.global_table_add('"Guarded Place".by_as', 'countries of the world');
SELECT test.security('"Guarded Place".by_as');
SELECT count(*) FROM "Guarded Place".by_as;
SELECT bastion.global_table_add('"Guarded Place".by_as', 'countries');
SELECT relation, reason FROM bastion.global_tables;
SELECT test.error($$SELECT bastion.protect('"Guarded Place".by_as', 'id')$$);
SELECT bastion.global_table_add('"Guarded Place".parts', 'shared');
SELECT test.security('"Guarded Place".parts'), test.security('"Guarded Place".parts_1');
CREATE TABLE "Guarded Place".parts_2 PARTITION OF "Guarded Place".parts FOR VALUES IN (2);
SELECT test.security('"Guarded Place".parts_2');
SELECT bastion.global_table_remove('"Guarded Place".by_as');
SELECT test.security('"Guarded Place".by_as');
SELECT bastion.global_table_remove('"Guarded Place".by_as');
-- a table with policies of its own keeps them
CREATE POLICY mine ON "Guarded Place".by_as USING (true);
SELECT bastion.global_table_add('"Guarded Place".by_as', 'countries');
SELECT test.security('"Guarded Place".by_as');
SELECT bastion.global_table_remove('"Guarded Place".by_as');
RESET ROLE;
SET client_min_messages = error;
CREATE TABLE "Guarded Place".of_superuser (id integer);
RESET client_min_messages;
SET ROLE regress_keeper;
SELECT test.error(format('SELECT bastion.global_table_add(%s)', arguments)) FROM (VALUES
    ($$NULL, 'why'$$),
    ($$'"Guarded Place".by_into', NULL$$),
    ($$'"Guarded Place".by_into', '  '$$),
    ($$'"Guarded Place".by_into', repeat('x', 1000000)$$),
    ($$'"Guarded Place".the_view', 'why'$$),
    ($$'"Guarded Place".of_superuser', 'why'$$),
    ($$'bastion.users', 'why'$$)) AS r (arguments);
SELECT test.error($$SELECT bastion.global_table_remove(NULL)$$);
SELECT test.error($$SELECT bastion.global_table_remove('"Guarded Place".of_superuser')$$);
SELECT test.error($$INSERT INTO bastion.global_tables (table_name, reason) VALUES ('"Guarded Place".of_superuser', 'x')$$);
SELECT test.error($$SELECT * FROM bastion.guarded_schemas$$);
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.global_table_add('"Guarded Place".by_into', 'why')$$);
SELECT test.error($$SELECT bastion.schema_guard('elsewhere')$$);
RESET ROLE;

-- Protected: partitions that come later get the same, in every schema, made by any role
SET ROLE regress_keeper;
CREATE TABLE "Guarded Place".sales (id integer, tenant_id uuid, region integer) PARTITION BY LIST (region);
SELECT bastion.protect('"Guarded Place".sales', resource => 'guarded');
SELECT test.security('"Guarded Place".sales');
CREATE TABLE "Guarded Place".sales_1 PARTITION OF "Guarded Place".sales FOR VALUES IN (1);
CREATE TABLE elsewhere.sales_2 PARTITION OF "Guarded Place".sales FOR VALUES IN (2) PARTITION BY LIST (id);
CREATE TABLE elsewhere.sales_2_1 PARTITION OF elsewhere.sales_2 FOR VALUES IN (1);
CREATE TABLE elsewhere.sales_3 (region integer, id integer, tenant_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000001')
    PARTITION BY LIST (id);
CREATE TABLE elsewhere.sales_3_1 PARTITION OF elsewhere.sales_3 FOR VALUES IN (1);
ALTER TABLE "Guarded Place".sales ATTACH PARTITION elsewhere.sales_3 FOR VALUES IN (3);
SELECT partitions, status FROM bastion.protection WHERE relation = '"Guarded Place".sales'::regclass;
SELECT member, test.security(member) FROM bastion_internal.protect_tree('"Guarded Place".sales') ORDER BY member::text;
SELECT bastion.protect('"Guarded Place".sales', resource => 'guarded');
-- protect() itself is not disturbed by the guard, whatever it mends
ALTER TABLE ONLY "Guarded Place".sales NO FORCE ROW LEVEL SECURITY;
DROP POLICY bastion_tenant_select ON elsewhere.sales_2_1;
DROP POLICY bastion_tenant_select ON "Guarded Place".sales;
SELECT bastion.protect('"Guarded Place".sales', resource => 'others', citus => true);
SELECT partitions, status FROM bastion.protection WHERE relation = '"Guarded Place".sales'::regclass;
ALTER TABLE "Guarded Place".sales DETACH PARTITION elsewhere.sales_3;
SELECT test.security('elsewhere.sales_3');
SELECT test.error($$SELECT bastion.global_table_add('"Guarded Place".sales_1', 'why')$$);
-- unprotected, it is closed and not open
SELECT bastion.unprotect('"Guarded Place".sales');
SELECT member, test.security(member) FROM bastion_internal.protect_tree('"Guarded Place".sales') ORDER BY member::text;
-- inheritance
CREATE TABLE elsewhere.base (id integer, tenant_id uuid);
SELECT bastion.protect('elsewhere.base', resource => 'guarded');
CREATE TABLE elsewhere.derived (extra text) INHERITS (elsewhere.base);
CREATE TABLE elsewhere.joins_later (id integer, tenant_id uuid NOT NULL);
ALTER TABLE elsewhere.joins_later INHERIT elsewhere.base;
SELECT status FROM bastion.protection WHERE relation = 'elsewhere.base'::regclass;
-- a temporary child is its session's own
CREATE TEMPORARY TABLE temporary_child () INHERITS (elsewhere.base);
SELECT test.security('temporary_child');
DROP TABLE temporary_child;
RESET ROLE;

-- Several guards share the trigger; the last one takes it along
SELECT * FROM bastion.schema_guard('elsewhere');
SELECT bastion.schema_unguard('Guarded Place');
SELECT count(*) FROM pg_event_trigger WHERE evtname = 'bastion_guard';
CREATE TABLE "Guarded Place".free_again (id integer);
CREATE TABLE elsewhere.closed (id integer);
SELECT test.security('"Guarded Place".free_again'), test.security('elsewhere.closed');
SET client_min_messages = warning;
DROP SCHEMA "Guarded Place" CASCADE;
RESET client_min_messages;
SELECT bastion.schema_unguard('elsewhere');
SELECT count(*) FROM pg_event_trigger WHERE evtname = 'bastion_guard';
SELECT count(*) FROM bastion.guarded_schemas;
SELECT count(*) FROM bastion.unguarded_tables;
-- a guard follows its schema, and goes with it
CREATE SCHEMA named;
CREATE SCHEMA beside;
SELECT * FROM bastion.schema_guard('named');
ALTER SCHEMA beside RENAME TO "Beside";
ALTER SCHEMA named RENAME TO "Named Anew";
ALTER SCHEMA "Named Anew" OWNER TO CURRENT_USER;
SELECT schema_name FROM bastion.guarded_schemas;
CREATE TABLE "Named Anew".closed (id integer);
CREATE TABLE "Beside".open (id integer);
SELECT test.security('"Named Anew".closed'), test.security('"Beside".open');
SET client_min_messages = warning;
DROP SCHEMA "Named Anew" CASCADE;
RESET client_min_messages;
SELECT schema_name FROM bastion.guarded_schemas;
ALTER SCHEMA "Beside" RENAME TO beside;
SELECT schema_name FROM bastion.guarded_schemas;
SET client_min_messages = warning;
DROP SCHEMA beside CASCADE;
RESET client_min_messages;
CREATE SCHEMA named;
SELECT bastion.schema_unguard('named');
DROP SCHEMA named;
SELECT count(*) FROM pg_event_trigger WHERE evtname = 'bastion_guard';
CREATE TABLE elsewhere.open (id integer);
SELECT test.security('elsewhere.open');

-- a command with another tag, and one for which no event trigger fires
CREATE SCHEMA seen;
SELECT * FROM bastion.schema_guard('seen');
CREATE TABLE seen.parent (id integer, tenant_id uuid) PARTITION BY LIST (id);
SELECT count(*) > 0 AS protected FROM bastion.protect('seen.parent', resource => 'sales');
CREATE SCHEMA seen_too CREATE TABLE part PARTITION OF seen.parent FOR VALUES IN (1);
SELECT test.security('seen_too.part'), count(*) AS policies FROM pg_policy WHERE polrelid = 'seen_too.part'::regclass;
DO $$ BEGIN EXECUTE 'EXPLAIN (ANALYZE) CREATE TABLE seen.explained AS SELECT 1 AS id'; END $$;
DO $$ BEGIN EXECUTE 'EXPLAIN CREATE TABLE seen.planned AS SELECT 1 AS id'; EXECUTE 'EXPLAIN (ANALYZE) SELECT 1'; END $$;
SELECT test.security('seen.explained'), to_regclass('seen.planned');
-- where the library is not loaded, the next command sees it, the latest the one that opens the table to the application
\c -
DO $$ BEGIN EXECUTE 'EXPLAIN ANALYZE CREATE TABLE seen.unseen AS SELECT 1 AS id'; END $$;
GRANT SELECT ON seen.unseen TO regress_app;
SELECT test.security('seen.unseen');
SET client_min_messages = warning;
DROP SCHEMA seen, seen_too CASCADE;
RESET client_min_messages;

SET client_min_messages = warning;
DROP SCHEMA elsewhere CASCADE;
DROP FUNCTION test.security(regclass);
DELETE FROM bastion.global_tables;
