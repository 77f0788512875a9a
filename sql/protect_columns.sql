-- The columns that protection needs: refused changes, protect_rename(), and columns that were renamed all the same.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
DO $$
BEGIN
    IF to_regrole('regress_columns_owner') IS NULL THEN
        CREATE ROLE regress_columns_owner;
    END IF;
END
$$;
SELECT bastion.allow_migration_role('regress_columns_owner');
CREATE SCHEMA cols AUTHORIZATION regress_columns_owner;
GRANT USAGE ON SCHEMA cols TO regress_app;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben']) n, LATERAL bastion_api.signup(n || '@columns.example', 'correct horse', 'Columns ' || n) a;
GRANT SELECT ON test.people TO regress_columns_owner;
RESET client_min_messages;

-- A table under sharing with a partition whose columns have other numbers, and a plain one with a column of a domain
SET ROLE regress_columns_owner;
CREATE DOMAIN cols.org AS uuid;
CREATE TABLE cols.notes (id int, gone int, tenant_id uuid, owner_id uuid, title text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
ALTER TABLE cols.notes DROP COLUMN gone;
CREATE TABLE cols.notes_1 PARTITION OF cols.notes FOR VALUES FROM (0) TO (1000);
CREATE TABLE cols.plain (id int PRIMARY KEY, tenant_id cols.org, title text);
INSERT INTO cols.notes SELECT n, p.tenant, p.id, p.name || n FROM test.people p, generate_series(1, 1) m, LATERAL (SELECT m + length(p.name) * (CASE p.name WHEN 'ann' THEN 1 ELSE 2 END) AS n) x;
INSERT INTO cols.plain SELECT row_number() OVER (ORDER BY name), tenant, name FROM test.people WHERE name IN ('ann', 'ben');
GRANT SELECT, INSERT, UPDATE, DELETE ON cols.notes, cols.plain TO regress_app;
SELECT test.protection_of('cols.plain') AS plain_before \gset
SELECT bastion.protect('cols.notes', resource => 'cols_notes', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
SELECT bastion.protect('cols.plain', resource => 'cols_plain');

-- Refused, by name and by what takes the column along
ALTER TABLE cols.notes RENAME tenant_id TO org_id;
ALTER TABLE cols.notes RENAME COLUMN owner_id TO author;
ALTER TABLE cols.notes RENAME COLUMN acl_id TO list;
ALTER TABLE cols.notes DROP COLUMN tenant_id;
ALTER TABLE cols.notes DROP COLUMN tenant_id CASCADE;
ALTER TABLE cols.notes ADD COLUMN x int, DROP COLUMN IF EXISTS acl_id CASCADE;
ALTER TABLE cols.notes ALTER COLUMN owner_id TYPE text;
ALTER TABLE cols.plain ALTER tenant_id TYPE text;
DROP DOMAIN cols.org CASCADE;
SELECT relation, status FROM bastion.protection WHERE relation::text LIKE 'cols.%';
-- everything else works
ALTER TABLE cols.notes RENAME title TO name;
ALTER TABLE cols.notes ALTER COLUMN name TYPE varchar(80), ADD COLUMN more int;
ALTER TABLE cols.notes DROP COLUMN more;
ALTER TABLE cols.notes RENAME TO memos;
ALTER TABLE IF EXISTS cols.missing DROP COLUMN tenant_id;
SELECT status FROM bastion.protection WHERE relation = 'cols.memos'::regclass;

-- protect_rename()
SELECT bastion.protect_rename('cols.memos', 'tenant_id', 'org_id');
SELECT bastion.protect_rename('cols.memos', 'owner_id', 'author');
SELECT bastion.protect_rename('cols.memos', 'acl_id', 'list');
SELECT tenant_column, owner_column, sharing, status FROM bastion.protection WHERE relation = 'cols.memos'::regclass;
SELECT * FROM bastion.protect('cols.memos', tenant_column => 'org_id', owner_column => 'author', acl_column => 'list', resource => 'cols_notes', sharing => 'tenant', visibility => 'owner', dry_run => true);
SELECT DISTINCT column_name FROM bastion.protected_columns WHERE relation::text LIKE 'cols.memos%' OR relation = 'cols.notes_1'::regclass ORDER BY 1;
ALTER TABLE cols.memos RENAME org_id TO tenant_id;
SELECT bastion.protect_rename('cols.memos', 'name', 'title');
SELECT bastion.protect_rename('cols.memos', 'org_id', 'author');
SELECT bastion.protect_rename('cols.memos', NULL, 'author');
SELECT bastion.protect_rename('cols.missing', 'a', 'b');
CREATE TABLE cols.open (tenant_id uuid);
SELECT bastion.protect_rename('cols.open', 'tenant_id', 'b');
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.protect_rename('cols.memos', 'org_id', 'b')$$);
RESET ROLE;
SELECT answer, error FROM test.as_app((SELECT token FROM test.people WHERE name = 'ann'), NULL, NULL,
    $$INSERT INTO cols.memos (id, name) VALUES (100, 'made later') RETURNING org_id = bastion.tenant_id() AND author = bastion.user_id() AND list = bastion.own_acl()$$);
SELECT answer, error FROM test.as_app((SELECT token FROM test.people WHERE name = 'ann'), NULL, NULL,
    $$SELECT bastion.share('cols.memos', '100', with_tenant => bastion.tenant_id())$$);

-- A column without event triggers of ours: by the owner of the extension alone
ALTER EVENT TRIGGER bastion_keep_columns DISABLE;
ALTER TABLE cols.plain RENAME tenant_id TO org;
ALTER TABLE cols.plain ADD COLUMN tenant_id text;
ALTER TABLE cols.memos RENAME org_id TO org;
ALTER EVENT TRIGGER bastion_keep_columns ENABLE;
SELECT tenant_column, status FROM bastion.protection WHERE relation::text LIKE 'cols.%' ORDER BY relation::text;
SELECT t.relation, t.deleted FROM bastion.tenant_delete('columns-ben') t WHERE t.relation::text LIKE 'cols.%' ORDER BY 1;
SELECT id, title FROM cols.plain;
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object LIKE 'cols.%';
SELECT fix FROM bastion.lint() WHERE object = 'cols.memos' AND severity = 'error' \gset
SET ROLE regress_columns_owner;
:fix
SELECT * FROM bastion.unprotect('cols.plain', dry_run => true);
SELECT bastion.unprotect('cols.plain');
SELECT status FROM bastion.protection WHERE relation::text LIKE 'cols.%';
ALTER TABLE cols.plain DROP COLUMN tenant_id;
ALTER TABLE cols.plain RENAME org TO tenant_id;
SELECT test.protection_of('cols.plain') = :'plain_before' AS as_before;

-- The way for another type: in one transaction
BEGIN;
SELECT bastion.unprotect('cols.memos');
ALTER TABLE cols.memos ALTER COLUMN author TYPE text;
SELECT bastion.protect('cols.memos', tenant_column => 'org', resource => 'cols_notes', owner_column => 'author', acl_column => 'list', sharing => 'tenant', visibility => 'owner');
COMMIT;
-- protect() itself may drop the column that it made
SELECT bastion.protect('cols.memos', tenant_column => 'org', resource => 'cols_notes', owner_column => 'author');
SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'cols.memos'::regclass AND attnum > 0 AND NOT attisdropped;

-- What drops the table drops its columns
SELECT bastion.protect('cols.plain', resource => 'cols_plain');
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA cols CASCADE;
SELECT count(*) FROM bastion.protection WHERE relation::text LIKE 'cols.%';
DELETE FROM bastion.permissions WHERE resource IN ('cols_notes', 'cols_plain');
TRUNCATE test.people;
DROP OWNED BY regress_columns_owner;
