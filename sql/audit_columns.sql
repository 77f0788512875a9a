-- Columns that audit_table() hides stay hidden, whatever happens to their names: a column is known by name and number.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA acol;
CREATE TABLE acol.seen (xid xid8, seq bigint);
-- entries since the last look, and whether one of them shows what nobody may read: every such value begins with TOP
CREATE FUNCTION acol.news(OUT relation text, OUT op text, OUT key jsonb, OUT old jsonb, OUT new jsonb, OUT leak boolean) RETURNS SETOF record LANGUAGE sql AS $$
    WITH found AS (SELECT a.*, position('TOP'::bytea IN r.entry) > 0 AS leak FROM bastion.audit a JOIN bastion.audit_rows r USING (era, xid, seq)
                   WHERE a.kind = 'row' AND NOT EXISTS (SELECT FROM acol.seen s WHERE (s.xid, s.seq) = (a.xid, a.seq))),
         noted AS (INSERT INTO acol.seen SELECT f.xid, f.seq FROM found f)
    SELECT f.relation, f.op, f.key, f.old, f.new, f.leak FROM found f ORDER BY f.xid, f.seq
$$;
CREATE FUNCTION acol.drift() RETURNS TABLE (problem text, fix text) LANGUAGE sql AS $$ SELECT d.problem, d.fix FROM bastion.audit_drift() d WHERE NOT starts_with(d.problem, 'entries ') ORDER BY 1, 2 $$;
SELECT count(*) < 0 AS none FROM acol.news();

-- the name goes to a new column: neither is shown, and the fix of the drift names both
CREATE TABLE acol.cards (id int PRIMARY KEY, title text, pin text);
SELECT statement FROM bastion.audit_table('acol.cards', redact => '{pin}');
INSERT INTO acol.cards VALUES (1, 'a', 'TOP 1');
ALTER TABLE acol.cards RENAME COLUMN pin TO pin_old;
ALTER TABLE acol.cards ADD COLUMN pin text;
UPDATE acol.cards SET pin_old = 'TOP 2', pin = 'TOP 3', title = 'b';
SELECT * FROM acol.news();
SELECT * FROM acol.drift();
SELECT a.columns, a.column_numbers, a.last_number FROM bastion.audited_tables a WHERE a.relation = 'acol.cards'::regclass;
-- protect() repeats the audit, and does not take the new column for the former one
ALTER TABLE acol.cards ADD COLUMN tenant_id uuid NOT NULL DEFAULT '00000000-0000-4000-8000-000000000001';
SELECT count(*) > 0 AS protected FROM bastion.protect('acol.cards', "unknown" => 'keep');
UPDATE acol.cards SET pin_old = 'TOP 4';
SELECT * FROM acol.news();
SELECT count(*) > 0 AS unprotected FROM bastion.unprotect('acol.cards');
-- audit_table() names columns as they are now
SELECT statement FROM bastion.audit_table('acol.cards', redact => '{pin}', dry_run => true);
SELECT statement FROM bastion.audit_table('acol.cards', redact => '{pin,pin_old}');
SELECT statement FROM bastion.audit_table('acol.cards', redact => '{pin,pin_old}');
UPDATE acol.cards SET pin_old = 'TOP 5', pin = 'TOP 6', title = 'c';
SELECT * FROM acol.news();
SELECT * FROM acol.drift();
-- two names change places: the same call again means other columns, and says so
ALTER TABLE acol.cards RENAME COLUMN pin TO x;
ALTER TABLE acol.cards RENAME COLUMN title TO pin;
ALTER TABLE acol.cards RENAME COLUMN x TO title;
UPDATE acol.cards SET title = 'TOP 7', pin = 'd';
SELECT * FROM acol.news();
SELECT * FROM acol.drift();
SELECT statement FROM bastion.audit_table('acol.cards', redact => '{pin,pin_old}', dry_run => true);
SELECT statement FROM bastion.audit_table('acol.cards', redact => '{pin,pin_old}');
UPDATE acol.cards SET pin = 'TOP 8', title = 'e';
SELECT * FROM acol.news();
SELECT a.op, a.old, a.new FROM bastion.audit a WHERE a.op = 'AUDIT' ORDER BY a.xid DESC, a.seq DESC LIMIT 1;
-- an include list means the columns of then
SELECT statement FROM bastion.audit_table('acol.cards', include => '{title}');
ALTER TABLE acol.cards RENAME COLUMN title TO x;
ALTER TABLE acol.cards RENAME COLUMN pin TO title;
UPDATE acol.cards SET title = 'TOP 9', x = 'TOP 10';
SELECT * FROM acol.news();
SELECT * FROM acol.drift();
DROP TABLE acol.cards;

-- the key: a hidden column that gets into it later is no part of an entry
CREATE TABLE acol.keys (id int NOT NULL, pin text NOT NULL, note text NOT NULL, PRIMARY KEY (id));
SELECT statement FROM bastion.audit_table('acol.keys', exclude => '{note}', redact => '{pin}');
ALTER TABLE acol.keys DROP CONSTRAINT keys_pkey, ADD PRIMARY KEY (pin, note, id);
INSERT INTO acol.keys VALUES (1, 'TOP 1', 'TOP 2');
UPDATE acol.keys SET pin = 'TOP 3', note = 'TOP 4';
DELETE FROM acol.keys;
SELECT * FROM acol.news();
-- nor after it was renamed, nor a column that came in its place
ALTER TABLE acol.keys RENAME COLUMN pin TO code;
INSERT INTO acol.keys VALUES (2, 'TOP 5', 'TOP 6');
SELECT * FROM acol.news();
ALTER TABLE acol.keys ADD COLUMN copy text NOT NULL DEFAULT '';
UPDATE acol.keys SET copy = code;
ALTER TABLE acol.keys DROP COLUMN code;
ALTER TABLE acol.keys ADD PRIMARY KEY (copy, id);
DELETE FROM acol.keys;
SELECT * FROM acol.news();
SELECT * FROM acol.drift();
DROP TABLE acol.keys;

-- partitions and children have their columns in an order of their own
CREATE TABLE acol.parted (id int, part int, gone int, pin text, note text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
ALTER TABLE acol.parted DROP COLUMN gone;
SELECT count(*) > 0 AS audited FROM bastion.audit_table('acol.parted', redact => '{pin}');
CREATE TABLE acol.parted_1 (note text, pin text, part int NOT NULL, id int NOT NULL);
ALTER TABLE acol.parted ATTACH PARTITION acol.parted_1 FOR VALUES IN (1);
CREATE TABLE acol.parted_2 PARTITION OF acol.parted FOR VALUES IN (2) PARTITION BY LIST (id);
CREATE TABLE acol.parted_2_1 (pin text, id int NOT NULL, note text, part int NOT NULL);
ALTER TABLE acol.parted_2 ATTACH PARTITION acol.parted_2_1 DEFAULT;
INSERT INTO acol.parted (id, part, pin, note) VALUES (1, 1, 'TOP 1', 'a'), (2, 2, 'TOP 2', 'b');
SELECT * FROM acol.news();
ALTER TABLE acol.parted RENAME COLUMN pin TO x;
ALTER TABLE acol.parted RENAME COLUMN note TO pin;
ALTER TABLE acol.parted RENAME COLUMN x TO note;
UPDATE acol.parted SET pin = 'TOP 3', note = 'TOP 4';
SELECT * FROM acol.news();
DROP TABLE acol.parted;
CREATE TABLE acol.parent (id int PRIMARY KEY, pin text, note text);
CREATE TABLE acol.child (note text, id int PRIMARY KEY, pin text, own text);
ALTER TABLE acol.child INHERIT acol.parent;
CREATE TABLE acol.grandchild () INHERITS (acol.child);
ALTER TABLE acol.grandchild ADD PRIMARY KEY (id);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('acol.parent', redact => '{pin}');
INSERT INTO acol.child VALUES ('a', 1, 'TOP 1', 'b');
INSERT INTO acol.grandchild VALUES ('a', 1, 'TOP 1', 'b');
SELECT * FROM acol.news();
ALTER TABLE acol.parent RENAME COLUMN pin TO x;
ALTER TABLE acol.parent RENAME COLUMN note TO pin;
ALTER TABLE acol.parent RENAME COLUMN x TO note;
UPDATE acol.parent SET pin = 'TOP 2', note = 'TOP 3';
SELECT * FROM acol.news();
-- a child that left is under no audit: no values, until it is or has no trigger
ALTER TABLE acol.child NO INHERIT acol.parent;
UPDATE acol.child SET pin = 'TOP 4', note = 'TOP 5';
SELECT * FROM acol.news();
DROP TABLE acol.grandchild, acol.child, acol.parent;

-- a child of two tables under audit: what either hides is hidden, and where they differ all is
CREATE TABLE acol.first (id int PRIMARY KEY, note text);
CREATE TABLE acol.second (id int PRIMARY KEY, secret text);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('acol.first');
SELECT count(*) > 0 AS audited FROM bastion.audit_table('acol.second', redact => '{secret}');
CREATE TABLE acol.both (cid int PRIMARY KEY) INHERITS (acol.first, acol.second);
SELECT count(*) >= 0 AS audited FROM bastion.audit_table('acol.first');
SELECT count(*) >= 0 AS audited FROM bastion.audit_table('acol.second', redact => '{secret}');
INSERT INTO acol.both (id, note, secret, cid) VALUES (1, 'n', 'TOP 6', 9);
CREATE TABLE acol.later (id int PRIMARY KEY, note text, secret text, cid int);
ALTER TABLE acol.later INHERIT acol.first;
ALTER TABLE acol.later INHERIT acol.second;
SELECT count(*) >= 0 AS audited FROM bastion.audit_table('acol.first');
INSERT INTO acol.later VALUES (1, 'n', 'TOP 7', 9);
SELECT * FROM acol.news();
DROP TABLE acol.later, acol.both, acol.first, acol.second;

-- a trigger that audit_table() did not make puts nothing into the log of another tenant
CREATE TABLE acol.own (id int PRIMARY KEY, tenant_id uuid, note text);
CREATE TRIGGER forged AFTER INSERT ON acol.own FOR EACH ROW EXECUTE FUNCTION bastion_internal.audit_change('tenant_id');
INSERT INTO acol.own VALUES (1, '00000000-0000-4000-8000-000000000001', 'forged');
SELECT a.relation, a.op, a.tenant_id, a.key, a.new FROM bastion.audit a WHERE a.relation = 'acol.own';
SELECT count(*) < 0 AS none FROM acol.news();
-- neither does one on a table that is under audit and has no tenant
SELECT count(*) > 0 AS audited FROM bastion.audit_table('acol.own');
INSERT INTO acol.own VALUES (2, '00000000-0000-4000-8000-000000000001', 'forged');
SELECT a.relation, a.op, a.tenant_id, a.key FROM bastion.audit a WHERE a.relation = 'acol.own' AND a.key ->> 'id' = '2';
SELECT count(*) < 0 AS none FROM acol.news();
DROP TABLE acol.own;

-- the numbers are those of the catalog, whatever is written
CREATE TABLE acol.told (id int PRIMARY KEY, pin text);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('acol.told', redact => '{pin}');
UPDATE bastion.audited_tables SET column_numbers = '{1}', last_number = 0 WHERE relation = 'acol.told'::regclass;
SELECT columns, column_numbers, last_number FROM bastion.audited_tables WHERE relation = 'acol.told'::regclass;
SELECT test.error('SELECT bastion_internal.read_audited_columns()');
DROP SCHEMA acol CASCADE;
