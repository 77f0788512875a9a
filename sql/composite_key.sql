-- Keys that reach across tenants: protect() says so, composite_keys_create() makes them begin with the tenant.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA keyed;
CREATE TABLE keyed.owners (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, email text UNIQUE, secret uuid UNIQUE);
CREATE TABLE keyed.things (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, owner bigint REFERENCES keyed.owners (id) ON DELETE CASCADE, code text);
CREATE UNIQUE INDEX "Odd code" ON keyed.things (lower(code)) WHERE code <> '';
RESET client_min_messages;
\set VERBOSITY default
SELECT count(*) > 0 AS protected FROM bastion.protect('keyed.owners', resource => 'keyed_owners');
SELECT count(*) > 0 AS protected FROM bastion.protect('keyed.things', resource => 'keyed_things');
\set VERBOSITY terse
SELECT bastion.composite_keys_create('keyed.things', dry_run => true);
SELECT bastion.composite_keys_create('keyed.owners', dry_run => true);
SELECT object FROM bastion.lint() WHERE object ~ 'keyed|Odd' AND problem ~ 'tenant' ORDER BY 1;
SELECT bastion.composite_keys_create('keyed.things');
SELECT bastion.composite_keys_create('keyed.owners');
SELECT bastion.composite_keys_create('keyed.things');
SELECT object FROM bastion.lint() WHERE object ~ 'keyed|Odd' AND problem ~ 'tenant' ORDER BY 1;
SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('keyed.owners'::regclass, 'keyed.things'::regclass) AND contype <> 'n' ORDER BY 1, 2;
-- what one tenant has, the other may have, and cannot find out about
SELECT bastion_api.signup('kay@keyed.example', 'correct horse', 'Keyed kay') #>> '{tenant,id}' AS kay,
       bastion_api.signup('kim@keyed.example', 'correct horse', 'Keyed kim') #>> '{tenant,id}' AS kim \gset
INSERT INTO keyed.owners VALUES (1, :'kay', 'a@b', NULL), (2, :'kim', 'a@b', NULL);
INSERT INTO keyed.things VALUES (1, :'kay', 1, 'x'), (2, :'kim', 2, 'X');
INSERT INTO keyed.things VALUES (3, :'kim', 1, 'y');
INSERT INTO keyed.things VALUES (4, :'kim', 2, 'x');
DELETE FROM keyed.owners WHERE id = 1;
SELECT id FROM keyed.things;
-- protected again, nothing is left to say; refusals
SELECT bastion.protect('keyed.things', resource => 'keyed_things');
CREATE TABLE keyed.plain (id bigint);
SELECT bastion.composite_keys_create('keyed.plain');
SELECT bastion.composite_keys_create(NULL);
-- its owner may, others may not
CREATE ROLE regress_keyed; SELECT bastion.allow_migration_role('regress_keyed');
GRANT ALL ON SCHEMA keyed TO regress_keyed;
SET ROLE regress_keyed;
CREATE TABLE keyed.mine (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, name text UNIQUE);
SELECT count(*) > 0 AS protected FROM bastion.protect('keyed.mine', resource => 'keyed_things');
SELECT bastion.composite_keys_create('keyed.mine');
RESET ROLE;
-- the table of the tenants themselves: its other keys name tenants, and a key over the tenant stays
CREATE TABLE keyed.organizations (id uuid PRIMARY KEY, slug text UNIQUE, parent uuid REFERENCES keyed.organizations (id));
CREATE TABLE keyed.members (id bigint PRIMARY KEY, tenant_id uuid, org_slug text REFERENCES keyed.organizations (slug), org uuid REFERENCES keyed.organizations (id),
                            email text CONSTRAINT members_email UNIQUE, phone text UNIQUE);
CREATE TABLE keyed.notes (id bigint PRIMARY KEY, tenant_id text, member bigint REFERENCES keyed.members (id));
INSERT INTO keyed.organizations VALUES (:'kay', 'kay'), (:'kim', 'kim');
INSERT INTO keyed.members VALUES (1, :'kay', 'kay', :'kay', 'a@b');
\set VERBOSITY default
SELECT bastion.protect('keyed.organizations', tenant_column => 'id', resource => 'keyed_things');
SELECT bastion.protect('keyed.members', resource => 'keyed_things', global_keys => '{members_email}');
SELECT bastion.protect('keyed.notes', resource => 'keyed_things');
\set VERBOSITY terse
SELECT bastion.composite_keys_create('keyed.organizations', dry_run => true);
SELECT bastion.composite_keys_create('keyed.members', dry_run => true);
SELECT bastion.composite_keys_create('keyed.notes', dry_run => true);
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ 'keyed.(org|mem|not)';
SELECT bastion.composite_keys_create('keyed.members');
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('keyed.organizations'::regclass, 'keyed.members'::regclass) AND contype <> 'n' ORDER BY 1;
INSERT INTO keyed.members VALUES (2, :'kim', 'kim', :'kim', 'a@b');
INSERT INTO keyed.members VALUES (2, :'kim', 'kay', :'kim', 'c@b');
-- what the record says is repeated by the fix of lint(), and checked
ALTER TABLE keyed.members NO FORCE ROW LEVEL SECURITY;
SELECT fix FROM bastion.lint() WHERE object = 'keyed.members';
SELECT test.error($$SELECT bastion.protect('keyed.members', resource => 'keyed_things', global_keys => '{gone}')$$),
       test.error($$SELECT bastion.protect('keyed.members', resource => 'keyed_things', global_keys => ARRAY[NULL])$$);
SELECT bastion.protect('keyed.members', resource => 'keyed_things');
SELECT object FROM bastion.lint() WHERE object ~ 'members' AND problem ~ 'unique';
DROP SCHEMA keyed CASCADE;
DROP OWNED BY regress_keyed; DROP ROLE regress_keyed;
DELETE FROM bastion.tenants WHERE slug IN ('keyed-kay', 'keyed-kim');
DELETE FROM bastion.users WHERE email LIKE '%@keyed.example';
