-- Personal values in the log of changes are sealed under a key of the subject, and audit_shred() erases them with the key. What stays:
-- entries, their bytes, their proofs.
\set VERBOSITY terse
SELECT current_database() AS regress_database \gset
CREATE DATABASE regress_audit_shred;
\c regress_audit_shred
SET client_min_messages = warning;
CREATE EXTENSION pg_bastion;
CREATE ROLE regress_shred_app LOGIN;
SELECT count(bastion.allow_app_role('regress_shred_app')) AS allowed;
SELECT bastion_api.signup('ann@shred.example', 'correct horse battery', 'Acme', 'Ann', 'shred_acme') ->> 'access_token' AS ann \gset
SELECT bastion_api.signup('eve@shred.example', 'correct horse battery', 'Evil', 'Eve', 'shred_evil') ->> 'access_token' AS eve \gset
SELECT id AS acme FROM bastion.tenants WHERE name = 'Acme' \gset
SELECT id AS evil FROM bastion.tenants WHERE name = 'Evil' \gset
CREATE SCHEMA sh;
GRANT USAGE ON SCHEMA sh TO PUBLIC;
-- subjects: 1 to 9, each named by its digit
CREATE FUNCTION sh.s(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT (repeat(n::text, 8) || '-0000-4000-8000-' || repeat(n::text, 12))::uuid $$;
CREATE TABLE sh.people (id int PRIMARY KEY, tenant_id uuid, person uuid, name text, mail text, plan text);
SELECT count(*) > 0 AS protected FROM bastion.protect('sh.people');
SELECT statement FROM bastion.audit_table('sh.people', personal => '{name,mail}', subject => 'person');
SELECT statement FROM bastion.audit_table('sh.people', personal => '{name,mail}', subject => 'person');
SELECT columns FROM bastion.audited_tables;
GRANT SELECT, INSERT, UPDATE, DELETE ON sh.people TO regress_shred_app;
CREATE TABLE sh.seen (xid xid8, seq bigint);
-- entries since the last look, and whether the bytes have what is personal: every such value begins with TOP
CREATE FUNCTION sh.news(OUT op text, OUT key jsonb, OUT old jsonb, OUT new jsonb, OUT leak boolean) RETURNS SETOF record LANGUAGE sql AS $$
    WITH found AS (SELECT a.*, position('TOP'::bytea IN r.entry) > 0 AS leak FROM bastion.audit a JOIN bastion.audit_rows r USING (era, xid, seq)
                   WHERE a.kind = 'row' AND NOT EXISTS (SELECT FROM sh.seen s WHERE (s.xid, s.seq) = (a.xid, a.seq))),
         noted AS (INSERT INTO sh.seen SELECT f.xid, f.seq FROM found f)
    SELECT f.op, f.key, f.old - 'tenant_id', f.new - 'tenant_id', f.leak FROM found f ORDER BY f.xid, f.seq
$$;
CREATE FUNCTION sh.keys() RETURNS TABLE (subject text, tenant text, count bigint) LANGUAGE sql AS $$
    SELECT left(k.subject_id::text, 4), t.name, count(*) FROM bastion.audit_subject_keys k LEFT JOIN bastion.tenants t ON t.id = k.tenant_id GROUP BY 1, 2 ORDER BY 1, 2
$$;

-- lists that cannot be
SELECT bastion.audit_table('sh.people', personal => '{name}', subject => 'person', redact => '{nothing}');
SELECT bastion.audit_table('sh.people', personal => '{nothing}', subject => 'person');
SELECT bastion.audit_table('sh.people', personal => '{name}', subject => 'nothing');
SELECT bastion.audit_table('sh.people', personal => '{name}', subject => 'plan');
SELECT bastion.audit_table('sh.people', personal => '{name,person}', subject => 'person');
SELECT bastion.audit_table('sh.people', personal => '{id}', subject => 'person');
SELECT bastion.audit_table('sh.people', subject => 'person');
SELECT bastion.audit_table('sh.people', personal => '{NULL}', subject => 'person');
CREATE TABLE sh.unprotected (id int PRIMARY KEY, name text);
SELECT bastion.audit_table('sh.unprotected', personal => '{name}');
DROP TABLE sh.unprotected;

-- values are sealed when they are written; a member and an operator read them
SET ROLE regress_shred_app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
INSERT INTO sh.people VALUES (1, :'acme', sh.s(1), 'TOP ann', 'TOP 1@x', 'free'), (2, :'acme', sh.s(2), 'TOP bob', NULL, 'free');
UPDATE sh.people SET mail = 'TOP 2@x', plan = 'paid' WHERE id = 2;
UPDATE sh.people SET plan = 'gold' WHERE id = 1;
SELECT op, old - 'tenant_id' AS old, new - 'tenant_id' AS new FROM bastion.audit WHERE kind = 'row' ORDER BY xid, seq;
COMMIT;
RESET ROLE;
SELECT * FROM sh.news();
SELECT * FROM sh.keys();
SELECT count(*) AS sealed FROM bastion.audit_subject_keys k WHERE octet_length(k.sealed) = 112 AND k.data_key_id IS NOT NULL;

-- nobody but an operator has the keys, may shred, or opens values of another tenant, even with the bytes
GRANT USAGE ON SCHEMA bastion_internal TO regress_shred_app;
SELECT r.entry AS bytes FROM bastion.audit_rows r WHERE r.relation = 'sh.people' AND r.op = 'INSERT' ORDER BY r.xid, r.seq LIMIT 1 \gset
SET ROLE regress_shred_app;
BEGIN;
SELECT bastion.authenticate(:'eve') \gset
SELECT count(*) FROM bastion.audit WHERE kind = 'row';
SELECT bastion_internal.audit_entry(:'bytes') #> '{new,name}' AS name;
-- the same with the tenant of the caller written into the entry
SELECT bastion_internal.audit_entry(overlay(:'bytes'::bytea PLACING decode(replace(:'evil', '-', ''), 'hex') FROM position(decode(replace(:'acme', '-', ''), 'hex') IN :'bytes'::bytea))) #> '{new,name}' AS name;
SAVEPOINT s;
SELECT * FROM bastion.audit_subject_keys;
ROLLBACK TO s;
SELECT * FROM bastion.audit_subjects;
ROLLBACK TO s;
SELECT bastion.audit_shred(sh.s(1));
ROLLBACK TO s;
SELECT bastion_internal.audit_subject_key_add(sh.s(1), NULL);
ROLLBACK TO s;
SELECT bastion_internal.audit_subject_key_make(1, 1);
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion_internal.audit_entry(:'bytes') #> '{new,name}' AS name;
-- a value that is moved to another column, or damaged, is not opened
SELECT bastion_internal.audit_entry(decode(replace(encode(:'bytes'::bytea, 'hex'), encode('name', 'hex'), encode('mame', 'hex')), 'hex')) #> '{new,mame}' AS name;
SELECT bastion_internal.audit_entry(set_byte(:'bytes'::bytea, p.at, get_byte(:'bytes'::bytea, p.at) # 1)) -> 'new' ->> 'name' AS name
FROM (SELECT position('name'::bytea IN :'bytes'::bytea) + 60 AS at) p;
COMMIT;
-- nobody is signed in
SELECT bastion_internal.audit_entry(:'bytes') #> '{new,name}' AS name;
RESET ROLE;
-- an auditor without row security reads all, as the log itself
CREATE ROLE regress_shred_auditor BYPASSRLS;
GRANT USAGE ON SCHEMA bastion, bastion_internal TO regress_shred_auditor;
GRANT EXECUTE ON FUNCTION bastion_internal.audit_entry(bytea) TO regress_shred_auditor;
SET ROLE regress_shred_auditor;
SELECT bastion_internal.audit_entry(:'bytes') #> '{new,name}' AS name;
RESET ROLE;
GRANT SELECT ON bastion.audit_rows TO regress_shred_auditor;
SET ROLE regress_shred_auditor;
SELECT bastion_internal.audit_entry(:'bytes') #> '{new,name}' AS name;
RESET ROLE;

-- a subject that changes: the entry has every personal value, each under the key of whom it is about
INSERT INTO sh.people VALUES (3, :'acme', sh.s(3), 'TOP carl', 'TOP 3@x', 'free');
UPDATE sh.people SET person = sh.s(4) WHERE id = 3;
SELECT * FROM sh.news();
-- without a subject, a value is not recorded
INSERT INTO sh.people VALUES (4, :'acme', NULL, 'TOP nobody', NULL, 'free');
UPDATE sh.people SET person = sh.s(5) WHERE id = 4;
SELECT * FROM sh.news();
-- a row that moves to another tenant
UPDATE sh.people SET tenant_id = :'evil' WHERE id = 4;
SELECT * FROM sh.news();
SELECT * FROM sh.keys();
-- one beyond 60 KiB, and many that do not fit together
INSERT INTO sh.people VALUES (5, :'acme', sh.s(5), 'TOP' || repeat('x', 70000), 'TOP 5', 'free'), (6, :'acme', sh.s(5), 'TOP' || repeat('y', 40000), 'TOP' || repeat('z', 40001), 'free');
SELECT op, key, CASE WHEN length(new ->> 'name') > 100 THEN to_jsonb(length(new ->> 'name')) ELSE new -> 'name' END AS name, new -> 'mail' AS mail, leak FROM sh.news();
DELETE FROM sh.people WHERE id IN (5, 6);
SELECT count(*), bool_or(leak) AS leak FROM sh.news();

-- shred
SELECT bastion.audit_seal() > 0 AS sealed;
SELECT bastion.audit_checkpoint() AS checkpoint \gset
SELECT md5(string_agg(md5(r.entry), '' ORDER BY r.xid, r.seq)) AS bytes_before FROM bastion.audit_rows r WHERE r.relation = 'sh.people' \gset
SELECT bastion.audit_shred(NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT bastion.audit_shred(sh.s(1));
ROLLBACK;
-- one that is rolled back changes nothing
BEGIN;
SELECT bastion.audit_shred(sh.s(2));
SELECT column_name, new_value FROM bastion.audit_history('sh.people', '{"id": "2"}') WHERE column_name IN ('name', 'mail');
INSERT INTO sh.people VALUES (9, :'acme', sh.s(2), 'TOP again', NULL, 'free');
SELECT new ->> 'name' AS name FROM sh.news();
ROLLBACK;
SELECT column_name, new_value FROM bastion.audit_history('sh.people', '{"id": "2"}') WHERE column_name IN ('name', 'mail');
UPDATE sh.people SET name = 'TOP bobby' WHERE id = 2;
SELECT * FROM sh.news();
SELECT bastion.audit_shred(sh.s(2));
SELECT bastion.audit_shred(sh.s(2));
SELECT bastion.audit_shred(sh.s(8));
SELECT op, column_name, old_value, new_value FROM bastion.audit_history('sh.people', '{"id": "2"}') WHERE column_name IN ('name', 'mail');
SELECT key, "row" - 'tenant_id' AS "row" FROM bastion.audit_as_of('sh.people', now()) WHERE key = '{"id": "2"}';
SELECT line FROM bastion.audit_picture('sh.people', '{"id": "2"}') line WHERE line LIKE '%mail%';
SELECT count(*) FILTER (WHERE l LIKE '%{""shredded"": true}%') AS csv, count(*) FILTER (WHERE l LIKE '%TOP bob%') AS leaks FROM bastion.audit_csv_lines() l;
SELECT count(*) FILTER (WHERE l LIKE '%{"shredded": true}%') AS json, count(*) FILTER (WHERE l LIKE '%TOP bob%') AS leaks FROM bastion.audit_json_lines() l;
SET ROLE regress_shred_app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT key, new -> 'name' AS name FROM bastion.audit WHERE kind = 'row' AND op = 'INSERT' AND key IN ('{"id": "1"}', '{"id": "2"}', '{"id": "3"}') ORDER BY xid, seq;
COMMIT;
RESET ROLE;
SELECT op, new -> 'details' AS details FROM bastion.audit WHERE op = 'audit_shredded' ORDER BY xid, seq;
SELECT * FROM sh.keys();
-- who comes back stays erased: what deletes the row would bring the values back
UPDATE sh.people SET name = 'TOP back' WHERE id = 2;
DELETE FROM sh.people WHERE id = 2;
INSERT INTO sh.people VALUES (2, :'evil', sh.s(2), 'TOP elsewhere', NULL, 'free');
SELECT * FROM sh.news();
-- the bytes are the same, and so are the proofs
SELECT md5(string_agg(md5(r.entry), '' ORDER BY r.xid, r.seq)) = :'bytes_before' AS same FROM bastion.audit_rows r JOIN bastion.audit_seals s ON s.era IS NOT NULL AND pg_visible_in_snapshot(r.xid, s.after) WHERE r.relation = 'sh.people';
SELECT bastion.audit_checkpoint((SELECT s.first_index + s.count FROM bastion.audit_seals s LIMIT 1)) = :'checkpoint' AS same;
SELECT bastion.audit_seal() > 0 AS sealed;

-- a tenant: all keys of its entries go, those of the same person elsewhere stay
INSERT INTO sh.people VALUES (10, :'evil', sh.s(1), 'TOP ann at evil', NULL, 'free');
SELECT count(*) AS news FROM sh.news();
SELECT bastion.audit_shred(:'evil');
SELECT key, tenant_id = :'evil' AS evil, new -> 'name' AS name FROM bastion.audit WHERE kind = 'row' AND op = 'INSERT' AND key IN ('{"id": "1"}', '{"id": "10"}') ORDER BY xid, seq;
UPDATE sh.people SET name = 'TOP never' WHERE id = 10;
SELECT * FROM sh.news();

-- legal holds
SELECT bastion.audit_hold_place('of a person', user_id => sh.s(1)) AS hold \gset
SELECT bastion.audit_shred(sh.s(1));
SELECT bastion.audit_shred(:'acme');
SELECT bastion.audit_shred(sh.s(9));
SELECT bastion.audit_hold_lift(:'hold', 'closed');
SELECT bastion.audit_hold_place('of a tenant', tenant_id => :'acme') AS hold \gset
SELECT bastion.audit_shred(:'acme');
SELECT bastion.audit_shred(sh.s(1));
SELECT bastion.audit_hold_lift(:'hold', 'closed');
SELECT bastion.audit_shred(sh.s(1));

-- without a column, the subject is the tenant
CREATE TABLE sh.notes (id int PRIMARY KEY, tenant_id uuid, body text);
SELECT count(*) > 0 AS protected FROM bastion.protect('sh.notes', audit => true);
SELECT statement FROM bastion.audit_table('sh.notes', personal => '{body}', dry_run => true);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('sh.notes', personal => '{body}');
INSERT INTO sh.notes VALUES (1, :'acme', 'TOP note'), (2, :'evil', 'TOP evil');
SELECT * FROM sh.news();
SELECT count(*) > 0 AS protected FROM bastion.protect('sh.notes');
SELECT columns FROM bastion.audited_tables WHERE relation = 'sh.notes'::regclass;

-- a renamed column: everything is hidden until the next call, which audit_drift() knows
ALTER TABLE sh.people RENAME COLUMN person TO whose;
INSERT INTO sh.people VALUES (11, :'acme', sh.s(7), 'TOP seven', NULL, 'free');
SELECT * FROM sh.news();
SELECT problem, fix FROM bastion.audit_drift() WHERE relation = 'sh.people'::regclass;
SELECT count(*) > 0 AS audited FROM bastion.audit_table('sh.people', personal => '{name,mail}', subject => 'whose');
UPDATE sh.people SET name = 'TOP seventh' WHERE id = 11;
SELECT * FROM sh.news();
-- a subject that is no uuid any more names nobody; a personal column in the key is redacted
ALTER TABLE sh.people ALTER COLUMN whose TYPE text;
UPDATE sh.people SET name = 'TOP untold' WHERE id = 11;
SELECT old -> 'name' AS old, new -> 'name' AS new, leak FROM sh.news();
ALTER TABLE sh.people ALTER COLUMN whose TYPE uuid USING whose::uuid;
UPDATE sh.people SET mail = 'TOP' || id;
SELECT count(*) AS news FROM sh.news();
ALTER TABLE sh.people DROP CONSTRAINT people_pkey;
ALTER TABLE sh.people ADD PRIMARY KEY (mail);
UPDATE sh.people SET name = 'TOP key' WHERE id = 11;
SELECT key, new -> 'name' AS name, leak FROM sh.news();

-- keys that a transaction made and took back seal nothing
CREATE TABLE sh.plain (id int PRIMARY KEY, person uuid, name text);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('sh.plain', personal => '{name}', subject => 'person');
BEGIN;
INSERT INTO sh.plain VALUES (1, sh.s(6), 'TOP six');
ROLLBACK;
BEGIN;
SAVEPOINT s;
INSERT INTO sh.plain VALUES (1, sh.s(6), 'TOP six');
ROLLBACK TO s;
INSERT INTO sh.plain VALUES (2, sh.s(6), 'TOP six again');
COMMIT;
INSERT INTO sh.plain VALUES (3, sh.s(6), 'TOP six and more');
SELECT * FROM sh.news();
-- a partitioned table, and a column in another place of the partition
CREATE TABLE sh.parts (id int, person uuid, name text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE sh.part (name text, id int NOT NULL, person uuid);
ALTER TABLE sh.parts ATTACH PARTITION sh.part FOR VALUES FROM (0) TO (100);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('sh.parts', personal => '{name}', subject => 'person');
INSERT INTO sh.parts VALUES (1, sh.s(6), 'TOP part');
SELECT * FROM sh.news();
-- keys are sealed again under a newer data key, and stay the same
SELECT bastion.data_key_rotate('audit_subject') AS rotated \gset
CALL bastion.rewrap_all();
SELECT count(DISTINCT k.data_key_id) AS data_keys, bool_and(d.state = 'active') AS active FROM bastion.audit_subject_keys k JOIN bastion.data_keys d ON d.id = k.data_key_id;
\c
SELECT op, key, new -> 'name' AS name FROM bastion.audit WHERE kind = 'row' AND relation = 'sh.parts';
INSERT INTO sh.parts VALUES (2, sh.s(6), 'TOP newer');
SELECT * FROM sh.news();
SELECT count(*) AS drift FROM bastion.audit_drift() WHERE relation = 'sh.parts'::regclass;
SELECT bastion.keys_discard() - 'sessions' AS discarded;
SELECT * FROM sh.keys();
SELECT op, key, new -> 'name' AS name FROM bastion.audit WHERE kind = 'row' AND relation = 'sh.parts' ORDER BY xid, seq;

\c :regress_database
SET client_min_messages = warning;
DROP DATABASE regress_audit_shred (FORCE);
DROP ROLE regress_shred_app, regress_shred_auditor;
