-- Rows whose tenant does not exist: protect() refuses them, lint() and unknown_tenants() count them.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
DO $$
BEGIN
    IF to_regrole('regress_unknown_owner') IS NULL THEN
        CREATE ROLE regress_unknown_owner;
    END IF;
END
$$;
SELECT bastion.allow_migration_role('regress_unknown_owner');
CREATE SCHEMA unk AUTHORIZATION regress_unknown_owner;
SELECT bastion_api.signup('ann@unknown.example', 'correct horse', 'Unknown') #>> '{tenant,id}' AS tenant \gset
SELECT number FROM bastion.tenants WHERE id = :'tenant' \gset

SET ROLE regress_unknown_owner;
CREATE TABLE unk.slugs (id int, tenant_id text, name text);
INSERT INTO unk.slugs VALUES (1, 'unknown', 'a'), (2, 'unknown', 'b');
CREATE TABLE unk.mixed (id int, tenant_id text);
INSERT INTO unk.mixed VALUES (1, :'tenant'), (2, 'unknown'), (3, 'x'), (4, 'x'), (5, 'y'), (6, 'z');
CREATE TABLE unk.uuids (id int, tenant_id uuid);
INSERT INTO unk.uuids VALUES (1, '00000000-0000-0000-0000-000000000000'), (2, :'tenant');
CREATE TABLE unk.numbers (id int, tenant_id bigint) PARTITION BY LIST (id);
CREATE TABLE unk.numbers_1 PARTITION OF unk.numbers DEFAULT;
INSERT INTO unk.numbers VALUES (1, 42000000000), (2, :'number'), (3, -1);
CREATE TABLE unk.empty (id int, tenant_id uuid);
SELECT bastion.protect('unk.slugs');
SELECT bastion.protect('unk.mixed');
SELECT bastion.protect('unk.uuids');
SELECT bastion.protect('unk.uuids', dry_run => true);
SELECT bastion.protect('unk.numbers');
SELECT bastion.protect('unk.uuids', unknown => 'no');
SELECT bastion.protect('unk.uuids', unknown => NULL);
SELECT count(*) FROM bastion.protection WHERE relation::text LIKE 'unk.%';
INSERT INTO unk.mixed VALUES (7, upper(:'tenant')), (8, :'number');
SELECT bastion.protect(t::regclass, unknown => 'keep') FROM unnest(ARRAY['unk.slugs', 'unk.mixed', 'unk.uuids', 'unk.numbers', 'unk.empty']) t;
-- a protected table is not counted again; another column is, past the row security that hides its rows from its owner
SELECT bastion.protect('unk.slugs');
SELECT bastion.protect('unk.slugs', tenant_column => 'name');
SELECT * FROM bastion.unknown_tenants('unk.slugs');
SELECT replace(value, upper(:'tenant'), 'upper case') AS value, rows FROM (SELECT * FROM bastion.unknown_tenants('unk.mixed', exact => true)) u WHERE value <> :'number';
SELECT * FROM bastion.unknown_tenants('unk.uuids', NULL);
SELECT * FROM bastion.unknown_tenants('unk.numbers');
SELECT * FROM bastion.unknown_tenants('unk.empty');
SELECT test.error('SELECT bastion.unknown_tenants(''pg_class'')'), test.error('SELECT bastion.unknown_tenants(NULL)');
RESET ROLE;
CREATE TABLE unk.other (tenant_id uuid);
SELECT bastion.protect('unk.other', resource => 'uuids');
SET ROLE regress_unknown_owner;
SELECT test.error('SELECT bastion.unknown_tenants(''unk.other'')');
SELECT test.error($$SELECT bastion_internal.column_values('unk.other', 'tenant_id', 1000000)$$), test.error($$SELECT bastion_internal.column_values('unk.uuids', 'gone', 1000000)$$),
       test.error($$SELECT bastion_internal.column_values('unk.uuids', 'tenant_id', -1)$$);
RESET ROLE;
-- in lint(), for all; a sample answers for a large table
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object LIKE 'unk.%' AND problem LIKE 'rows%' AND object NOT LIKE '%mixed';
UPDATE pg_class SET reltuples = 100000000 WHERE oid = 'unk.uuids'::regclass;
SELECT count(*) <= 1 AS estimated FROM bastion.unknown_tenants('unk.uuids');
SELECT * FROM bastion.unknown_tenants('unk.uuids', exact => true);
SELECT bastion.lint_accept('unk.slugs', (SELECT problem FROM bastion.lint() WHERE object = 'unk.slugs'), 'before the migration');
SELECT severity, object, problem FROM bastion.lint() WHERE object = 'unk.slugs';
SET ROLE regress_unknown_owner;
INSERT INTO unk.slugs VALUES (3, 'more', 'c');
RESET ROLE;
INSERT INTO unk.slugs VALUES (3, 'more', 'c');
SELECT severity, object, problem FROM bastion.lint() WHERE object = 'unk.slugs';
SELECT bastion.lint_accept('unk.slugs', 'rows whose tenant does not exist, so nobody sees them', NULL);
SELECT severity FROM bastion.lint() WHERE object = 'unk.slugs';
SELECT test.error($$SELECT bastion.lint_accept(NULL, 'a', 'b')$$), test.error($$SELECT bastion.lint_accept('a', 'b', ' ')$$);
DROP SCHEMA unk CASCADE;
DELETE FROM bastion.tenants WHERE slug = 'unknown';
DELETE FROM bastion.users WHERE email = 'ann@unknown.example';
DELETE FROM bastion.permissions WHERE resource IN ('slugs', 'mixed', 'uuids', 'numbers', 'empty');
DROP OWNED BY regress_unknown_owner;
