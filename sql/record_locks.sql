-- Records that everybody's DDL, and every login with a table under audit, reads: a role that may write those of its own tables can neither
-- lock the whole table, which would stop the others, nor change more than the record may say.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA reclock;
CREATE ROLE regress_locker;
SELECT bastion.allow_app_role('regress_locker'), bastion.allow_migration_role('regress_locker'), bastion.allow_monitoring_role('regress_locker'), bastion.allow_mailer_role('regress_locker');
GRANT USAGE, CREATE ON SCHEMA reclock TO regress_locker;
GRANT USAGE ON SCHEMA test TO regress_locker;
-- what LOCK TABLE accepts for more than ACCESS SHARE
SELECT c.oid::regclass AS lockable, p AS privilege FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p
WHERE c.relnamespace::regnamespace::text IN ('bastion', 'bastion_internal', 'bastion_api') AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND has_table_privilege('regress_locker', c.oid, p) ORDER BY 1, 2;
SET SESSION AUTHORIZATION regress_locker;
SELECT r, m, test.error(format('LOCK TABLE bastion.%I IN %s MODE', r, m)) FROM unnest(ARRAY['protected_tables', 'protected_columns', 'global_tables', 'audited_tables']) r, unnest(ARRAY['ROW EXCLUSIVE', 'ACCESS EXCLUSIVE']) m;
-- the functions that write records still do
CREATE TABLE reclock.mine (id int PRIMARY KEY, tenant_id uuid, owner_id uuid);
CREATE TABLE reclock.free (id int PRIMARY KEY);
SELECT count(*) > 0 AS protected FROM bastion.protect('reclock.mine', owner_column => 'owner_id', audit => true);
SELECT statement FROM bastion.protect('reclock.mine', owner_column => NULL);
SELECT statement FROM bastion.audit_table('reclock.mine', exclude => '{owner_id}');
SELECT bastion.global_table_add('reclock.free', 'a list'), bastion.global_table_add('reclock.free', 'another list');
SELECT p.relation, p.owner_column, (SELECT string_agg(c.column_name, ',') FROM bastion.protected_columns c WHERE c.relation = p.relation) AS columns,
       (SELECT a.columns FROM bastion.audited_tables a WHERE a.relation = p.relation) AS audited, (SELECT g.reason FROM bastion.global_tables g) AS global
FROM bastion.protected_tables p;
-- and nothing else does: no record of another table, no DELETE
SELECT test.error(s) FROM unnest(ARRAY['DELETE FROM bastion.audited_tables', 'DELETE FROM bastion.protected_tables', 'DELETE FROM bastion.protected_columns', 'DELETE FROM bastion.global_tables',
    'UPDATE bastion.audited_tables SET table_name = ''reclock.free''', 'UPDATE bastion.audited_tables SET column_numbers = ''{1}''', 'UPDATE bastion.protected_tables SET column_numbers = ''{1}''',
    'INSERT INTO bastion.audited_tables (table_name, columns) VALUES (''bastion.users'', ''{}'')', 'SELECT bastion_internal.audit_record(''bastion.users'', ''{}'')',
    'SELECT bastion_internal.records_delete(''reclock.mine'', ''audited'', NULL)']) s;
RESET SESSION AUTHORIZATION;
-- forgetting is for the owner of the table
CREATE TABLE reclock.other (id int PRIMARY KEY, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('reclock.other', audit => true);
CREATE TABLE reclock.shared (id int);
SELECT bastion.global_table_add('reclock.shared', 'of another role');
SET SESSION AUTHORIZATION regress_locker;
SELECT bastion_internal.audit_forget('reclock.other'), bastion_internal.protect_forget('reclock.other'), r.*, bastion_internal.records_forget('reclock.other', r.*, '{}')
FROM unnest(ARRAY['audited', 'protected', 'columns']) r;
SELECT bastion_internal.records_forget('reclock.shared', 'global', NULL) AS other, bastion_internal.records_forget(NULL, 'global', NULL) AS null, bastion_internal.records_forget(0, 'global', NULL) AS none,
       bastion_internal.records_forget('reclock.free', 'unknown', NULL) AS unknown, bastion_internal.records_forget('reclock.free', NULL, NULL) AS no_kind, bastion_internal.records_forget('pg_class', 'global', NULL) AS catalog;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS still_three FROM (SELECT relation FROM bastion.audited_tables UNION ALL SELECT relation FROM bastion.protected_tables UNION ALL SELECT relation FROM bastion.global_tables) r
WHERE r.relation IN ('reclock.other'::regclass, 'reclock.shared'::regclass);
SET SESSION AUTHORIZATION regress_locker;
SELECT count(*) > 0 AS unprotected FROM bastion.unprotect('reclock.mine');
SELECT bastion.global_table_remove('reclock.free');
SELECT count(*) FROM bastion.audited_tables UNION ALL SELECT count(*) FROM bastion.protected_tables UNION ALL SELECT count(*) FROM bastion.global_tables UNION ALL SELECT count(*) FROM bastion.protected_columns;
RESET SESSION AUTHORIZATION;
-- a role that had the privileges on whole tables loses them with the next call
GRANT INSERT, UPDATE, DELETE ON bastion.protected_tables, bastion.protected_columns, bastion.global_tables, bastion.audited_tables TO regress_locker;
SELECT bastion.allow_migration_role('regress_locker');
SELECT count(*) AS lockable FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind IN ('r', 'p') AND has_table_privilege('regress_locker', c.oid, p);
DROP SCHEMA reclock CASCADE;
DROP OWNED BY regress_locker;
DROP ROLE regress_locker;
