-- Foreign keys of a migration role to users, tenants and units: reference_add(), which needs no right to these.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_ref_mig;
CREATE ROLE regress_ref_other;
CREATE SCHEMA ref AUTHORIZATION regress_ref_mig;
GRANT USAGE ON SCHEMA ref TO PUBLIC;
SELECT bastion.allow_migration_role('regress_ref_mig'), bastion.allow_migration_role('regress_ref_other');
CREATE TABLE test.hits (place text, as_role text);
GRANT ALL ON test.hits TO PUBLIC;
SELECT answer #>> '{tenant,id}' AS one, answer #>> '{user,id}' AS ann, answer ->> 'access_token' AS token
FROM bastion_api.signup('ann@ref.example', 'correct horse', 'Ref one', 'Ann') answer \gset
SELECT answer #>> '{user,id}' AS bob FROM bastion_api.signup('bob@ref.example', 'correct horse', 'Ref two', 'Bob') answer \gset

-- nobody holds REFERENCES on a table of the extension, and repeating allow_migration_role() takes away what was granted before
SELECT c.oid::regclass, a.grantee::regrole, a.privilege_type
FROM pg_class c, LATERAL (SELECT * FROM aclexplode(c.relacl) UNION ALL SELECT x.* FROM pg_attribute t, aclexplode(t.attacl) x WHERE t.attrelid = c.oid) a
WHERE c.relnamespace IN ('bastion'::regnamespace, 'bastion_api'::regnamespace, 'bastion_internal'::regnamespace, 'bastion_test'::regnamespace) AND a.privilege_type = 'REFERENCES' AND a.grantee <> c.relowner;
GRANT REFERENCES (id, number) ON bastion.tenants TO regress_ref_mig;
SELECT bastion.allow_migration_role('regress_ref_mig');
SELECT has_column_privilege('regress_ref_mig', 'bastion.tenants', 'id', 'REFERENCES') AS may_refer;

-- a type whose cast runs as the owner of the extension
SET SESSION AUTHORIZATION regress_ref_mig;
CREATE TYPE ref.evil AS (id uuid);
CREATE FUNCTION ref.cast(ref.evil) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM ref.seen('cast'); RETURN ($1).id; END $$;
CREATE FUNCTION ref.seen(place text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO test.hits VALUES (place, current_user); END $$;
CREATE CAST (ref.evil AS uuid) WITH FUNCTION ref.cast(ref.evil) AS IMPLICIT;
SELECT test.error('CREATE TABLE ref.fk (t ref.evil REFERENCES bastion.tenants (id))');
CREATE DOMAIN ref.my_uuid AS uuid CHECK (ref.seen('domain') IS NOT NULL);
CREATE TABLE ref.odd (id int, evil ref.evil, mine ref.my_uuid, txt text, big bigint, small integer, u uuid, "Odd ""name""" uuid);
CREATE TEMP TABLE temporary (u uuid);
CREATE VIEW ref.view AS SELECT * FROM ref.odd;
SELECT c.call, test.error('SELECT bastion.reference_add(' || c.call || ')') FROM unnest(ARRAY[
    $$'ref.odd', 'evil', 'tenants'$$, $$'ref.odd', 'mine', 'users'$$, $$'ref.odd', 'txt', 'tenants'$$, $$'ref.odd', 'big', 'users'$$,
    $$'ref.odd', 'small', 'units'$$, $$'ref.odd', 'none', 'users'$$, $$'ref.odd', 'tableoid', 'users'$$, $$'ref.odd', 'u', 'roles'$$, $$'ref.odd', 'u', NULL$$,
    $$'ref.odd', 'u', 'users; DROP TABLE ref.odd'$$, $$'ref.odd', 'u', 'users', 'explode'$$, $$'ref.odd', 'u', 'users', NULL$$,
    $$'ref.odd', NULL, 'users'$$, $$NULL, 'u', 'users'$$, $$0, 'u', 'users'$$, $$'temporary', 'u', 'users'$$, $$'ref.view', 'u', 'users'$$,
    $$'bastion.memberships', 'user_id', 'users'$$, $$'pg_catalog.pg_class', 'oid', 'users'$$]) c (call);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_ref_other;
SELECT test.error($$SELECT bastion.reference_add('ref.odd', 'u', 'users')$$);
SET SESSION AUTHORIZATION regress_app;
SELECT test.error($$SELECT bastion.reference_add('ref.odd', 'u', 'users')$$);
RESET SESSION AUTHORIZATION;

-- what it runs, and that it says nothing twice
SET SESSION AUTHORIZATION regress_ref_mig;
SELECT bastion.reference_add('ref.odd', 'Odd "name"', 'users', 'set null', name => 'Odd "key"'), bastion.reference_add('ref.odd', 'Odd "name"', 'users', 'set null') AS again;
SELECT bastion.reference_add('ref.odd', 'big', 'tenants', 'cascade'), bastion.reference_add('ref.odd', 'small', 'tenants');
SELECT test.error($$SELECT bastion.reference_add('ref.odd', 'big', 'tenants', 'restrict')$$);
SELECT test.error($$SELECT bastion.reference_add('ref.odd', 'u', 'units', name => 'Odd "key"')$$);
SELECT test.error(format('INSERT INTO ref.odd ("Odd ""name""") VALUES (%L)', gen_random_uuid()));
-- the server refuses another type later
DROP VIEW ref.view;
SELECT test.error('ALTER TABLE ref.odd ALTER COLUMN big TYPE ref.my_uuid USING NULL'), test.error('ALTER TABLE ref.odd ALTER COLUMN big TYPE integer');
RESET SESSION AUTHORIZATION;
TABLE test.hits;

-- a table with rows, and code of its own: the key holds for new rows first, and validation runs it as the caller
SET SESSION AUTHORIZATION regress_ref_mig;
CREATE FUNCTION ref.evil(place text, i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM ref.seen(place); RETURN true; END $$;
CREATE TABLE ref.big (id int, u uuid, g boolean GENERATED ALWAYS AS (ref.evil('generated', id)) STORED, CHECK (ref.evil('check', 1)), CHECK (ref.evil('check of rows', id)));
CREATE INDEX ON ref.big (ref.evil('index', 1), u);
CREATE INDEX ON ref.big (u) WHERE ref.evil('predicate', 1);
INSERT INTO ref.big (id, u) VALUES (1, :'ann'), (2, gen_random_uuid());
DELETE FROM test.hits;
SET client_min_messages = notice;
SELECT bastion.reference_add('ref.big', 'u', 'users', 'cascade');
SELECT test.error(format('INSERT INTO ref.big (id, u) VALUES (3, %L)', gen_random_uuid()));
SELECT test.error($$SELECT bastion.reference_add('ref.big', 'u', 'users', 'cascade')$$) LIKE '23503 %' AS refused;
DELETE FROM ref.big WHERE id = 2;
SELECT bastion.reference_add('ref.big', 'u', 'users', 'cascade');
SELECT bastion.reference_add('ref.big', 'u', 'users', 'cascade');
SET client_min_messages = warning;
SELECT DISTINCT as_role FROM test.hits;
DELETE FROM test.hits;
RESET SESSION AUTHORIZATION;
-- by a superuser: as the owner of the table
ALTER TABLE ref.big DROP CONSTRAINT big_u_fkey;
DELETE FROM test.hits;
SELECT bastion.reference_add('ref.big', 'u', 'users', 'cascade');
SELECT bastion.reference_add('ref.big', 'u', 'users', 'cascade');
SELECT DISTINCT as_role, count(*) > 0 AS seen FROM test.hits GROUP BY 1;
DELETE FROM test.hits;
-- partitions, with rows
SET SESSION AUTHORIZATION regress_ref_mig;
CREATE TABLE ref.parts (id int, u uuid) PARTITION BY LIST (id);
CREATE TABLE ref.part_1 PARTITION OF ref.parts FOR VALUES IN (1);
CREATE INDEX ON ref.part_1 (u) WHERE ref.evil('predicate of a partition', 1);
INSERT INTO ref.parts VALUES (1, :'ann');
DELETE FROM test.hits;
SELECT bastion.reference_add('ref.parts', 'u', 'users', 'set null');
SELECT DISTINCT as_role FROM test.hits;
CREATE TABLE ref.part_2 PARTITION OF ref.parts FOR VALUES IN (2);
SELECT test.error(format('INSERT INTO ref.parts VALUES (2, %L)', gen_random_uuid()));
SELECT test.error($$SELECT bastion.reference_add('ref.part_1', 'u', 'users', 'cascade')$$);
RESET SESSION AUTHORIZATION;
ALTER TABLE ref.part_2 OWNER TO regress_ref_other;
SELECT test.error($$SELECT bastion.reference_add('ref.parts', 'u', 'tenants')$$);
DROP TABLE ref.parts, ref.odd CASCADE;

-- protect() makes its foreign key so too
SET SESSION AUTHORIZATION regress_ref_mig;
CREATE TABLE ref.protected (id int, tenant_id uuid);
SELECT statement FROM bastion.protect('ref.protected', resource => 'ref_protected', tenant_fk => true, dry_run => true) WHERE statement LIKE '%reference%';
RESET SESSION AUTHORIZATION;
INSERT INTO ref.protected VALUES (1, :'one');
SET SESSION AUTHORIZATION regress_ref_mig;
SELECT statement FROM bastion.protect('ref.protected', resource => 'ref_protected', tenant_fk => true, dry_run => true) WHERE statement LIKE '%reference%';
SELECT bastion.protect('ref.protected', resource => 'ref_protected', tenant_fk => true);
SELECT conname, convalidated FROM pg_constraint WHERE conrelid = 'ref.protected'::regclass AND contype = 'f';
SELECT statement FROM bastion.protect('ref.protected', resource => 'ref_protected', tenant_fk => true, dry_run => true);
SELECT bastion.protect('ref.protected', resource => 'ref_protected', tenant_fk => true);
SELECT conname, convalidated FROM pg_constraint WHERE conrelid = 'ref.protected'::regclass AND contype = 'f';
SELECT bastion.protect('ref.protected', resource => 'ref_protected', tenant_fk => true);
SELECT statement FROM bastion.unprotect('ref.protected', dry_run => true) WHERE statement LIKE '%fkey%';
SELECT bastion.unprotect('ref.protected');
DROP TABLE ref.protected;

-- each action, for what a unit, a user and a tenant take with them
CREATE TABLE ref.acts (target text, action text, id uuid);
CREATE FUNCTION ref.make(target text, action text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    relation text := format('ref.%s', replace(target || '_' || action, ' ', '_'));
BEGIN
    EXECUTE format('CREATE TABLE %s (id int, r uuid DEFAULT NULL)', relation);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO PUBLIC', relation);
    PERFORM bastion.reference_add(relation, 'r', target, action);
END
$$;
SELECT ref.make(t, a) FROM unnest(ARRAY['users', 'tenants', 'units']) t, unnest(ARRAY['no action', 'restrict', 'cascade', 'set null', 'set default']) a;
RESET SESSION AUTHORIZATION;
SELECT conrelid::regclass, confrelid::regclass, confdeltype, convalidated FROM pg_constraint
WHERE contype = 'f' AND conrelid::regclass::text ~ E'^ref\\.(users|tenants|units)_' ORDER BY conrelid::regclass::text;
CREATE FUNCTION test.left_of(target text) RETURNS TABLE (action text, rows bigint, nulls bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH action IN ARRAY ARRAY['no action', 'restrict', 'cascade', 'set null', 'set default'] LOOP
        EXECUTE format('SELECT count(*), count(*) FILTER (WHERE r IS NULL) FROM ref.%s', replace(target || '_' || action, ' ', '_')) INTO rows, nulls;
        RETURN NEXT;
    END LOOP;
END
$$;
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'token', 'ref-one');
SELECT bastion.unit_create('team', 'A team', 'ref-team') AS unit \gset
SELECT DISTINCT test.error(format('INSERT INTO ref.%s VALUES (1, %L)', replace('units_' || a, ' ', '_'), :'unit')) AS referring FROM unnest(ARRAY['no action', 'restrict', 'cascade', 'set null', 'set default']) a;
SELECT test.error($$SELECT bastion.unit_delete('ref-team')$$) LIKE '23503 %' AS refused;
COMMIT;
RESET ROLE;
DELETE FROM ref.units_no_action; DELETE FROM ref.units_restrict;
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'token', 'ref-one');
SELECT bastion.unit_delete('ref-team');
COMMIT;
RESET ROLE;
SELECT * FROM test.left_of('units');
SELECT DISTINCT test.error(format('INSERT INTO ref.%s VALUES (1, %L)', replace('users_' || a, ' ', '_'), :'bob')) AS referring FROM unnest(ARRAY['no action', 'restrict', 'cascade', 'set null', 'set default']) a;
SELECT count(*) > 0 AS deleted FROM bastion.tenant_delete('ref-two');
SELECT test.error(format('DELETE FROM bastion.users WHERE id = %L', :'bob')) LIKE '23503 %' AS refused;
DELETE FROM ref.users_no_action; DELETE FROM ref.users_restrict;
DELETE FROM bastion.users WHERE id = :'bob';
SELECT * FROM test.left_of('users');
SELECT DISTINCT test.error(format('INSERT INTO ref.%s VALUES (1, %L)', replace('tenants_' || a, ' ', '_'), :'one')) AS referring FROM unnest(ARRAY['no action', 'restrict', 'cascade', 'set null', 'set default']) a;
SELECT test.error($$SELECT * FROM bastion.tenant_delete('ref-one')$$) LIKE '23503 %' AS refused;
DELETE FROM ref.tenants_no_action; DELETE FROM ref.tenants_restrict;
SELECT count(*) AS tables FROM bastion.tenant_delete('ref-one');
SELECT * FROM test.left_of('tenants');
SELECT count(*) FROM bastion.lint() WHERE object LIKE '%ref.%' AND object LIKE 'constraint%';

-- what protect() runs on a table is for its owner alone
SET ROLE regress_ref_other;
SELECT test.error(format('SELECT bastion_internal.%s', call)) FROM unnest(ARRAY[
    $$count_nulls('ref.users_cascade', 'id')$$, $$has_rows_without('ref.users_cascade', 'id')$$,
    $$fill_pages('ref.users_cascade', 'id', NULL, 'tenant', 'id', 0, 1)$$]) call;
RESET ROLE;

-- the end
DROP SCHEMA ref CASCADE;
DROP FUNCTION test.left_of;
DROP TABLE test.hits;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.users WHERE email LIKE '%@ref.example';
DELETE FROM bastion.permissions WHERE resource = 'ref_protected';
DROP OWNED BY regress_ref_mig, regress_ref_other;
DROP ROLE regress_ref_mig, regress_ref_other;
