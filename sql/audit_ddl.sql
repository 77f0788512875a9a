-- DDL of tables under audit is in the log of changes, and what differs from the record is named.
\set VERBOSITY terse
SET client_min_messages = warning;
SET application_name = 'ddl test';
CREATE SCHEMA aud;
CREATE TABLE aud.seen (xid xid8, seq bigint);
-- entries about tables since the last look
CREATE FUNCTION aud.news() RETURNS TABLE (op text, relation text, role text, application text, old text, new text) LANGUAGE plpgsql AS $$
DECLARE
    a bastion.audit;
BEGIN
    FOR a IN SELECT * FROM bastion.audit x WHERE x.kind = 'table' AND NOT EXISTS (SELECT FROM aud.seen s WHERE (s.xid, s.seq) = (x.xid, x.seq)) ORDER BY x.xid, x.seq LOOP
        INSERT INTO aud.seen VALUES (a.xid, a.seq);
        op := a.op; relation := a.relation; role := CASE a.role WHEN session_user THEN 'session' ELSE a.role END; application := a.application;
        old := a.old ->> 'columns'; new := coalesce(a.new ->> 'columns', concat_ws('; ', a.new ->> 'object', a.new ->> 'changes'));
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT count(*) < 0 AS none FROM aud.news();
CREATE FUNCTION aud.drift() RETURNS TABLE (relation text, problem text, owner name, changed_by text, recent boolean, fix text) LANGUAGE sql AS $$
    SELECT d.relation::text, d.problem, CASE d.owner WHEN session_user THEN 'session' ELSE d.owner END, CASE d.changed_by WHEN session_user THEN 'session' ELSE d.changed_by END,
           d.changed_at > now() - interval '1 hour', d.fix FROM bastion.audit_drift() d WHERE NOT starts_with(d.problem, 'entries ')
$$;
SELECT * FROM aud.drift();

-- the beginning, another choice, the end
CREATE TABLE aud.docs (id int PRIMARY KEY, title text, pin text);
SELECT statement FROM bastion.audit_table('aud.docs');
SELECT * FROM aud.news();
SELECT statement FROM bastion.audit_table('aud.docs', redact => '{pin}');
SELECT * FROM aud.news();
SELECT statement FROM bastion.audit_table('aud.docs', redact => '{pin}');
SELECT count(*) FROM aud.news();
-- DDL, by name alone: no default, no expression
ALTER TABLE aud.docs ADD COLUMN secret text DEFAULT 'a secret default', ADD CONSTRAINT positive CHECK (id > 0);
ALTER TABLE aud.docs ALTER COLUMN title TYPE varchar(100), DROP COLUMN secret;
ALTER TABLE aud.docs RENAME COLUMN title TO name;
ALTER TABLE aud.docs RENAME CONSTRAINT positive TO above_zero;
CREATE INDEX docs_name ON aud.docs (name);
CREATE RULE quiet AS ON DELETE TO aud.docs DO INSTEAD NOTHING;
DROP RULE quiet ON aud.docs;
CREATE POLICY p ON aud.docs USING (true);
ALTER POLICY p ON aud.docs USING (false);
DROP POLICY p ON aud.docs;
TRUNCATE aud.docs;
SELECT * FROM aud.news();
SELECT count(*) AS with_expression FROM bastion.audit_rows WHERE position('a secret default' IN encode(entry, 'escape')) > 0;
-- triggers: disabled and enabled again in one transaction is on record
BEGIN;
ALTER TABLE aud.docs DISABLE TRIGGER _bastion_audit;
INSERT INTO aud.docs (id) VALUES (1);
SELECT * FROM aud.drift();
ALTER TABLE aud.docs ENABLE ALWAYS TRIGGER _bastion_audit;
COMMIT;
SELECT * FROM aud.drift();
ALTER TABLE aud.docs DISABLE TRIGGER ALL;
ALTER TRIGGER _bastion_audit ON aud.docs RENAME TO mine;
DROP TRIGGER bastion_audit_truncate ON aud.docs;
SELECT * FROM aud.news();
SELECT * FROM aud.drift();
SELECT severity, regexp_replace(problem, session_user, 'session', 'g') AS problem, fix FROM bastion.lint() WHERE object = 'aud.docs';
SELECT statement FROM bastion.audit_table('aud.docs', redact => '{pin}');
SELECT * FROM aud.drift();
-- a column that is gone, a key that is gone
ALTER TABLE aud.docs RENAME COLUMN pin TO code;
ALTER TABLE aud.docs DROP CONSTRAINT docs_pkey;
SELECT problem, fix FROM aud.drift();
ALTER TABLE aud.docs ADD PRIMARY KEY (id);
ALTER TABLE aud.docs RENAME COLUMN code TO pin;
-- a rollback leaves none, a savepoint neither
SELECT count(*) > 5 AS many FROM aud.news();
BEGIN;
ALTER TABLE aud.docs ADD COLUMN gone int;
ROLLBACK;
BEGIN;
SAVEPOINT s;
ALTER TABLE aud.docs ADD COLUMN gone int;
ROLLBACK TO s;
ALTER TABLE aud.docs ADD COLUMN stays int;
COMMIT;
SELECT * FROM aud.news();
-- other names and schemas
ALTER TABLE aud.docs RENAME TO files;
ALTER SCHEMA aud RENAME TO aud_2;
ALTER SCHEMA aud_2 RENAME TO aud;
SELECT * FROM aud.news();

-- tables that are not under audit: nothing is written, and no command fails
CREATE TABLE aud.other (id int PRIMARY KEY);
ALTER TABLE aud.other ADD COLUMN a int;
CREATE TRIGGER _bastion_audit AFTER INSERT ON aud.other FOR EACH ROW EXECUTE FUNCTION bastion_internal.audit_change('');
SELECT problem FROM aud.drift();
DROP TABLE aud.other;
CREATE TEMP TABLE passing (id int PRIMARY KEY);
DROP TABLE passing;
CREATE SEQUENCE aud.numbers;
DROP SEQUENCE aud.numbers;
SELECT op, relation, new FROM aud.news();

-- partitions: a new one, one that is attached, detached, dropped
CREATE TABLE aud.parted (id int, part int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE aud.parted_1 PARTITION OF aud.parted FOR VALUES IN (1);
SELECT statement FROM bastion.audit_table('aud.parted');
CREATE TABLE aud.parted_2 PARTITION OF aud.parted FOR VALUES IN (2);
CREATE TABLE aud.parted_3 (id int NOT NULL, part int NOT NULL);
ALTER TABLE aud.parted ATTACH PARTITION aud.parted_3 FOR VALUES IN (3);
SELECT relation, problem, fix FROM aud.drift();
SELECT statement FROM bastion.audit_table('aud.parted');
SELECT * FROM aud.news();
ALTER TABLE aud.parted_1 DISABLE TRIGGER _bastion_audit;
SELECT relation, problem, fix FROM aud.drift();
SELECT statement FROM bastion.audit_table('aud.parted');
ALTER TABLE aud.parted DETACH PARTITION aud.parted_1;
ALTER TABLE aud.parted DETACH PARTITION aud.parted_3 CONCURRENTLY;
DROP TABLE aud.parted_2;
SELECT * FROM aud.news();
SELECT relation, problem, fix FROM aud.drift();
DROP TABLE aud.parted_1, aud.parted_3;

-- a hostile owner: may end the audit, and is named
CREATE ROLE regress_audit_owner;
SELECT bastion.allow_migration_role('regress_audit_owner');
GRANT USAGE, CREATE ON SCHEMA aud TO regress_audit_owner;
GRANT USAGE ON SCHEMA test TO regress_audit_owner;
SET SESSION AUTHORIZATION regress_audit_owner;
SET application_name = 'hostile';
CREATE TABLE aud.mine (id int PRIMARY KEY);
SELECT statement FROM bastion.audit_table('aud.mine');
ALTER TABLE aud.mine DISABLE TRIGGER _bastion_audit;
INSERT INTO aud.mine VALUES (1);
-- functions and types of the owner in the way of the event triggers
CREATE FUNCTION aud.mine_too(name) RETURNS regclass LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'code of the owner ran as %', current_user; END $$;
CREATE TEMP TABLE pg_class (oid oid, relname text);
SET search_path = pg_temp, aud, pg_catalog;
ALTER TABLE aud.mine ADD COLUMN a int DEFAULT 1;
RESET search_path;
DROP TABLE pg_temp.pg_class;
SELECT test.error(s) FROM unnest(ARRAY['ALTER EVENT TRIGGER bastion_audit_ddl DISABLE', 'SET session_replication_role = replica', 'SELECT bastion.audit_drift()',
    'SELECT bastion_internal.audit_table_entry(''aud.mine'', ''FORGED'', NULL, NULL, NULL, NULL)', 'SELECT bastion_internal.audit_ddl_write(''FORGED'')', 'DELETE FROM bastion.audit_rows',
    'SELECT count(*) FROM bastion.audit', 'CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION bastion_internal.audit_ddl()']) s;
-- the record made one of another table, altered, or taken away
CREATE TABLE aud.also_mine (id int PRIMARY KEY);
SELECT test.error('UPDATE bastion.audited_tables SET table_name = ''aud.also_mine'''), test.error('DELETE FROM bastion.audited_tables');
UPDATE bastion.audited_tables SET columns = '{x:id}';
SELECT bastion_internal.audit_forget('aud.mine');
RESET SESSION AUTHORIZATION;
SELECT relation, problem, owner, changed_by FROM aud.drift();
SET SESSION AUTHORIZATION regress_audit_owner;
DROP TABLE aud.mine;
RESET SESSION AUTHORIZATION;
SELECT relation, problem, owner, changed_by FROM aud.drift();
SELECT * FROM aud.news();

-- event triggers that do not fire
ALTER EVENT TRIGGER bastion_audit_ddl DISABLE;
ALTER EVENT TRIGGER bastion_audit_dropped ENABLE REPLICA;
SELECT relation, problem, fix FROM aud.drift();
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ 'bastion_audit';
ALTER EVENT TRIGGER bastion_audit_ddl ENABLE;
ALTER EVENT TRIGGER bastion_audit_dropped ENABLE;
SELECT count(*) FROM aud.drift();
SELECT test.error(s) FROM unnest(ARRAY['SELECT bastion_internal.audit_ddl()', 'SELECT bastion_internal.audit_dropped()', 'SELECT bastion_internal.audit_record_change()', 'SELECT bastion_internal.audit_ddl_write(''x'')']) s;
SET ROLE regress_app;
SELECT test.error(s) FROM unnest(ARRAY['SELECT bastion.audit_drift()', 'SELECT FROM bastion.audited_tables']) s;
RESET ROLE;

-- a child that leaves its parent, changes without a trigger, and comes back
CREATE TABLE aud.parent (id int PRIMARY KEY, n int);
CREATE TABLE aud.child () INHERITS (aud.parent);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('aud.parent');
SELECT count(*) > 0 AS news FROM aud.news();
ALTER TABLE aud.child NO INHERIT aud.parent;
ALTER TABLE aud.child DISABLE TRIGGER _bastion_audit;
UPDATE aud.child SET n = 1;
ALTER TABLE aud.child ENABLE ALWAYS TRIGGER _bastion_audit;
ALTER TABLE aud.child INHERIT aud.parent;
SELECT op, relation, new FROM aud.news();
-- no trigger of a temporary table writes: a READ ONLY transaction may change one
CREATE TEMP TABLE passing (id int);
CREATE TRIGGER _bastion_audit AFTER INSERT ON passing FOR EACH ROW EXECUTE FUNCTION bastion_internal.audit_change('');
BEGIN READ ONLY;
INSERT INTO passing VALUES (1);
ROLLBACK;
DROP TABLE passing;
DROP TABLE aud.child, aud.parent;
-- a child that never had a trigger leaves, too
CREATE TABLE aud.parent (id int PRIMARY KEY, n int);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('aud.parent');
CREATE TABLE aud.elder (id int);
CREATE TABLE aud.child () INHERITS (aud.parent, aud.elder);
SELECT count(*) > 0 AS news FROM aud.news();
ALTER TABLE aud.child NO INHERIT aud.parent, NO INHERIT aud.elder;
ALTER TABLE aud.child ADD COLUMN own int;
SELECT op, relation, new FROM aud.news();
DROP TABLE aud.child, aud.elder, aud.parent;

-- what other commands take from a table under audit; nothing of other tables
CREATE TYPE aud.kind AS ENUM ('a');
CREATE DOMAIN aud.dom AS text;
CREATE TABLE aud.other (id int PRIMARY KEY, n int);
CREATE INDEX other_n ON aud.other (n);
CREATE TABLE aud.taken (id int PRIMARY KEY, n int, k aud.kind, d aud.dom, o int REFERENCES aud.other, CONSTRAINT positive CHECK (n > 0));
CREATE INDEX "taken ""n" ON aud.taken (n);
CREATE INDEX taken_o ON aud.taken (o);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('aud.taken');
SELECT count(*) > 0 AS news FROM aud.news();
DROP INDEX aud."taken ""n", aud.other_n;
DROP INDEX CONCURRENTLY aud.taken_o;
DROP TYPE aud.kind CASCADE;
DROP DOMAIN aud.dom CASCADE;
ALTER TABLE aud.other DROP CONSTRAINT other_pkey CASCADE;
ALTER TABLE aud.taken DROP CONSTRAINT positive, DROP COLUMN n;
SELECT op, relation, new FROM aud.news();
DROP TABLE aud.taken, aud.other;

-- a trigger with our name on a table that nobody audits says nothing; nor does one that goes with its table
CREATE FUNCTION aud.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE aud.fake (id int PRIMARY KEY);
SELECT count(*) > 0 AS news FROM aud.news();
CREATE TRIGGER _bastion_audit AFTER INSERT ON aud.fake FOR EACH ROW EXECUTE FUNCTION aud.nothing();
CREATE TRIGGER bastion_audit_truncate AFTER TRUNCATE ON aud.fake FOR EACH STATEMENT EXECUTE FUNCTION aud.nothing();
DROP TRIGGER _bastion_audit ON aud.fake;
DROP TABLE aud.fake;
SELECT op, relation, new FROM aud.news();

-- partitions of the log that others made
CREATE TABLE aud.rows_1999 (LIKE bastion.audit_rows);
ALTER TABLE bastion.audit_rows ATTACH PARTITION aud.rows_1999 FOR VALUES FROM ('1999-01-01') TO ('1999-02-01');
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ 'rows_1999' AND problem ~ '^entries in it';
SELECT fix FROM bastion.lint() WHERE object ~ 'rows_1999' AND problem ~ '^entries in it' \gexec
SELECT count(*) FROM bastion.lint() WHERE object ~ 'rows_1999' AND problem ~ '^entries in it';
ALTER TABLE aud.rows_1999 ENABLE TRIGGER audit_rows_append_only;
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ 'rows_1999' AND problem ~ '^entries in it';
ALTER TABLE bastion.audit_rows DETACH PARTITION aud.rows_1999;
DROP TABLE aud.rows_1999;

-- DROP of a table under audit, with its schema
SELECT count(*) FROM aud.news();
CREATE TABLE public.aud_news AS SELECT * FROM aud.seen;
DROP SCHEMA aud CASCADE;
SELECT op, relation, new FROM bastion.audit x WHERE x.kind = 'table' AND NOT EXISTS (SELECT FROM public.aud_news s WHERE (s.xid, s.seq) = (x.xid, x.seq)) ORDER BY xid, seq;
DROP TABLE public.aud_news;
SELECT count(*) FROM bastion.audited_tables;
DROP OWNED BY regress_audit_owner;
DROP ROLE regress_audit_owner;
