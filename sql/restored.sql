-- Records about tables in a dump that was restored without them: they keep the name, change nothing, and bind later.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA kept;
CREATE TABLE kept.here (id int PRIMARY KEY, tenant_id uuid NOT NULL, note bastion.sealed);
SELECT a -> 'tenant' ->> 'id' AS tenant FROM bastion_api.signup('ann@kept.example', 'correct horse', 'Kept') a \gset

-- the type: a name of a table is that table, however it is called later; another name is kept
SELECT 'kept.here'::bastion_internal.named_table, 'kept.gone'::bastion_internal.named_table, '"Kept" . "a ""b"'::bastion_internal.named_table;
SELECT bastion_internal.table_of('kept.here') = 'kept.here'::regclass AS found, bastion_internal.table_of('kept.gone') IS NULL AS kept;
SELECT 'kept.gone'::bastion_internal.named_table = 'kept.gone'::bastion_internal.named_table AS same,
       'kept.gone'::bastion_internal.named_table = 'kept.here'::bastion_internal.named_table AS another,
       'kept.here'::bastion_internal.named_table = 'kept.here'::regclass::bastion_internal.named_table AS of_table;
SELECT v, test.error(format('SELECT %L::bastion_internal.named_table', v)) FROM unnest(ARRAY['', '.', 'a.b.c.d', 'other.kept.here', '"kept', 'kept.', repeat('x', 200)]) v;
SELECT test.error(format('SELECT %L::bastion_internal.named_table', repeat('x', 1001)));
BEGIN;
CREATE TABLE kept.list (t bastion_internal.named_table PRIMARY KEY);
INSERT INTO kept.list VALUES ('kept.here'), ('kept.gone');
SELECT test.error($$INSERT INTO kept.list VALUES ('kept.here')$$), test.error($$INSERT INTO kept.list VALUES ('kept.gone')$$);
ALTER TABLE kept.here RENAME TO renamed;
SELECT t FROM kept.list ORDER BY t::text;
DROP TABLE kept.renamed;
SELECT count(*) FROM kept.list WHERE t::text ~ E'^\\d+$';
ROLLBACK;

-- what a dump without kept.gone leaves, beside a record of a table that is there
INSERT INTO bastion.protected_tables (table_name, tenant_column, resource, options)
VALUES ('kept.gone', 'tenant_id', 'gone', '{"actions": {}, "existing": "refuse", "tenant_fk": false, "citus": false}');
INSERT INTO bastion.protected_columns (table_name, column_name, old_default, old_not_null) VALUES ('kept.gone', 'tenant_id', '''x''::text', true);
INSERT INTO bastion.global_tables (table_name, reason) VALUES ('kept.world', 'countries');
INSERT INTO bastion.unguarded_tables (table_name) VALUES ('kept.world');
INSERT INTO bastion.sealed_columns (table_name, column_name) VALUES ('kept.gone', 'note'), ('kept.here', 'note');
INSERT INTO bastion.operator_roles (role_name, reason) VALUES ('regress_kept', 'dumps');
SELECT table_name, relation FROM bastion.protected_tables WHERE table_name::text ~ '^kept';
SELECT bastion.protect('kept.here') \g /dev/null
SELECT relation, status FROM bastion.protection WHERE relation::text ~ '^kept';
SELECT relation, column_name FROM bastion_internal.sealed_places() WHERE relation::text ~ '^kept';
SELECT table_name, relation FROM bastion.protected_columns WHERE table_name::text ~ '^kept' ORDER BY table_name::text;

-- lint() names them
SELECT * FROM bastion.lint() WHERE object ~ 'kept' AND problem ~ 'restored|does not exist';
CREATE ROLE regress_kept BYPASSRLS;
SELECT count(*) FROM bastion.lint() WHERE object = 'role regress_kept';
SELECT * FROM bastion.records_bind();

-- the table comes later, and had been protected again meanwhile
CREATE TABLE kept.gone (id int, tenant_id uuid DEFAULT gen_random_uuid(), note bastion.sealed);
CREATE TABLE kept.world (id int);
SELECT * FROM bastion.lint() WHERE object ~ 'kept' AND problem ~ 'restored';
BEGIN;
SELECT bastion.protect('kept.gone') \g /dev/null
SELECT * FROM bastion.records_bind();
SELECT relation, old_default FROM bastion.protected_columns WHERE relation = 'kept.gone'::regclass;
ROLLBACK;
SELECT * FROM bastion.records_bind();
SELECT * FROM bastion.records_bind();
SELECT relation, tenant_column, column_numbers FROM bastion.protected_tables WHERE relation = 'kept.gone'::regclass;
SELECT relation, old_default, old_not_null, column_number FROM bastion.protected_columns WHERE relation = 'kept.gone'::regclass;
SELECT bastion_internal.is_global('kept.world'), (SELECT count(*) FROM bastion.unguarded_tables WHERE relation = 'kept.world'::regclass);
SELECT relation, column_name FROM bastion_internal.sealed_places() WHERE relation::text ~ '^kept' ORDER BY 1;
SELECT count(*) FROM bastion.lint() WHERE object ~ 'kept' AND problem ~ 'restored';
-- the record says what the table lost; protect() writes it, also under a guard
SELECT bastion.schema_guard('kept') \g /dev/null
SELECT bastion.protect('kept.gone') \g /dev/null
SELECT bastion.schema_unguard('kept');
SELECT relation, status FROM bastion.protection WHERE relation::text ~ '^kept' ORDER BY 1;

-- dropped for good: the fix of lint() ends the finding
UPDATE bastion.sealed_columns SET table_name = 'kept.never' WHERE relation = 'kept.gone'::regclass;
SELECT fix AS fix FROM bastion.lint() WHERE object = 'kept.never' \gset
:fix
SELECT count(*) FROM bastion.lint() WHERE object = 'kept.never';
DROP ROLE regress_kept;
SELECT fix AS fix FROM bastion.lint() WHERE object = 'role regress_kept' \gset
:fix
SELECT count(*) FROM bastion.lint() WHERE object = 'role regress_kept';

-- tenant_delete() does not leave the rows of a table behind whose record is lost
INSERT INTO kept.here VALUES (1, :'tenant');
BEGIN;
DELETE FROM bastion.protected_tables WHERE relation = 'kept.here'::regclass;
SELECT test.error(format('SELECT * FROM bastion.tenant_delete(%L)', :'tenant'));
SELECT fix AS fix FROM bastion.lint() WHERE object = 'kept.here' AND problem ~ 'no record' \gset
:fix
SELECT relation, deleted FROM bastion.tenant_delete(:'tenant') WHERE deleted > 0;
ROLLBACK;

-- the owner of a table writes records of this table alone
CREATE ROLE regress_kept_owner;
SELECT bastion.allow_migration_role('regress_kept_owner');
GRANT USAGE, CREATE ON SCHEMA kept TO regress_kept_owner;
SET ROLE regress_kept_owner;
CREATE TABLE kept.lists (id int, tenant_id uuid);
SELECT bastion.protect('kept.lists') \g /dev/null
SELECT table_name, relation FROM bastion.protected_tables;
SELECT test.error($$INSERT INTO bastion.protected_tables (table_name, tenant_column, resource, options) SELECT 'kept.never', tenant_column, resource, options FROM bastion.protected_tables$$),
       test.error($$UPDATE bastion.protected_tables SET table_name = 'kept.never'$$), test.error($$UPDATE bastion.protected_tables SET table_name = 'kept.here'$$),
       test.error($$INSERT INTO bastion.global_tables (table_name, reason) VALUES ('kept.never', 'x')$$),
       test.error($$SELECT bastion.records_bind()$$);
RESET ROLE;
SELECT bastion.unprotect('kept.lists') \g /dev/null
DROP SCHEMA kept CASCADE;
SELECT bastion_internal.forget_dropped_tables() \g /dev/null
DELETE FROM bastion.sealed_columns WHERE table_name::text ~ E'^\\d+$';
DELETE FROM bastion.global_tables WHERE table_name::text ~ E'^\\d+$';
DELETE FROM bastion.unguarded_tables WHERE table_name::text ~ E'^\\d+$';
DROP OWNED BY regress_kept_owner;
DROP ROLE regress_kept_owner;
SELECT * FROM bastion.tenant_delete(:'tenant');
DELETE FROM bastion.users WHERE email = 'ann@kept.example';
