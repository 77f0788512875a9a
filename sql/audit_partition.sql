-- Partitions of the log of changes: of months, with what keeps their entries, and what audit_drift() and lint() say about those without it.
\set VERBOSITY sqlstate
SELECT current_database() AS regress_database \gset
CREATE DATABASE regress_audit_partition;
\c regress_audit_partition
SET client_min_messages = warning;
SET TimeZone = 'Pacific/Auckland';
CREATE EXTENSION pg_bastion;
CREATE SCHEMA ap;
CREATE TABLE ap.items (id int PRIMARY KEY, note text);
SELECT count(*) > 0 AS audited FROM bastion.audit_table('ap.items');
CREATE FUNCTION ap.put(at timestamptz, number bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry) VALUES (1, '1', number, at, 'INSERT', 'an entry')
$$;
-- The beginning of a month in UTC, so many months from now.
CREATE FUNCTION ap.month(n integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n)) AT TIME ZONE 'UTC'
$$;
CREATE FUNCTION ap.name(n integer) RETURNS text LANGUAGE sql STABLE AS $$ SELECT to_char(ap.month(n) AT TIME ZONE 'UTC', '"audit_rows_"YYYYMM') $$;
CREATE VIEW ap.partitions AS
SELECT c.relname::text AS name, c.relrowsecurity AS row_security, g.tgenabled AS append_only,
       (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes, obj_description(c.oid) IS NOT NULL AS comment
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid LEFT JOIN pg_trigger g ON g.tgrelid = c.oid AND g.tgname = 'audit_rows_append_only'
WHERE h.inhparent = 'bastion.audit_rows'::regclass;

-- Without partitions of months, none is missing.
SELECT count(*) AS drift FROM bastion.audit_drift();

-- The default partition has entries of this month, and keeps the month.
INSERT INTO ap.items VALUES (1, 'in the default partition');
SELECT bastion.audit_partitions_create(months => 2);
SELECT p.name = ap.name(n) AS named, p.row_security, p.append_only, p.indexes, p.comment
FROM generate_series(0, 3) n JOIN ap.partitions p ON p.name = ap.name(n) ORDER BY n;
SELECT count(*) AS partitions FROM ap.partitions;
SELECT bastion.audit_partitions_create(2);
SELECT bastion.audit_partitions_create();
SELECT count(*) AS drift FROM bastion.audit_drift();

-- Each entry goes to its month, by UTC.
SELECT ap.put(ap.month(1), 1), ap.put(ap.month(1) - interval '1 us', 2), ap.put(ap.month(2) - interval '1 us', 3), ap.put(ap.month(2), 4), ap.put(ap.month(9), 5);
SELECT r.seq, CASE (SELECT c.relname FROM pg_class c WHERE c.oid = r.tableoid) WHEN 'audit_rows_default' THEN 'default' WHEN ap.name(1) THEN 'next month' ELSE 'later' END AS partition
FROM bastion.audit_rows r WHERE r.era = 1 ORDER BY 1;
SELECT bastion.audit_seal() > 0 AS sealed;
-- Nobody changes them there, and a role of an application reads none, even with a grant by mistake.
SELECT format('UPDATE bastion.%I SET op = %L', ap.name(1), 'x') AS change, format('DELETE FROM bastion.%I', ap.name(1)) AS remove, format('TRUNCATE bastion.%I', ap.name(1)) AS empty,
       format('bastion.%I', ap.name(1)) AS partition \gset
:change;
:remove;
:empty;
CREATE ROLE regress_partition;
GRANT USAGE ON SCHEMA bastion TO regress_partition;
SET ROLE regress_partition;
SELECT count(*) FROM :partition;
SELECT bastion.audit_partitions_create();
RESET ROLE;
GRANT SELECT ON :partition TO regress_partition;
SET ROLE regress_partition;
SELECT count(*) FROM :partition;
RESET ROLE;
REVOKE ALL ON :partition FROM regress_partition;

-- A partition that an operator attached lacks all that; the function adds it. So it does where a trigger is another one, or disabled.
CREATE TABLE ap.old (LIKE bastion.audit_rows);
ALTER TABLE bastion.audit_rows ATTACH PARTITION ap.old FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2002-01-01 00:00+00');
SELECT d.relation, d.problem, d.fix FROM bastion.audit_drift() d;
SELECT l.severity, l.object, l.problem FROM bastion.lint() l WHERE l.object ~ 'ap.old|audit_rows';
SELECT bastion.audit_partitions_create(0);
SELECT count(*) AS drift FROM bastion.audit_drift();
DELETE FROM ap.old;
ALTER TABLE ap.old DISABLE TRIGGER audit_rows_append_only;
SELECT d.relation, d.problem FROM bastion.audit_drift() d;
ALTER TABLE ap.old ENABLE TRIGGER audit_rows_append_only;
SELECT d.relation, d.problem FROM bastion.audit_drift() d;
CREATE OR REPLACE TRIGGER audit_rows_append_only BEFORE UPDATE OR DELETE ON ap.old FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_events();
SELECT d.relation, d.problem FROM bastion.audit_drift() d;
DROP TRIGGER audit_rows_append_only ON ap.old;
CREATE FUNCTION ap.pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER audit_rows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ap.old FOR EACH STATEMENT EXECUTE FUNCTION ap.pass();
SELECT d.relation, d.problem FROM bastion.audit_drift() d;
SELECT bastion.audit_partitions_create(0);
DELETE FROM ap.old;
ALTER TABLE ap.old DISABLE ROW LEVEL SECURITY;
SELECT d.relation, d.problem FROM bastion.audit_drift() d;
SELECT bastion.audit_partitions_create(0);
SELECT count(*) AS drift FROM bastion.audit_drift();

-- The month after this one must have a partition, of whatever name and size. A month that comes without one stays in the default partition.
ALTER TABLE bastion.audit_rows DETACH PARTITION :partition;
SELECT d.relation, regexp_replace(d.problem, '[0-9]{4}-[0-9]{2}$', 'MONTH') AS problem, d.problem ~ to_char(ap.month(1) AT TIME ZONE 'UTC', 'YYYY-MM') AS next, d.fix
FROM bastion.audit_drift() d;
SELECT l.severity, l.object, regexp_replace(l.problem, '[0-9]{4}-[0-9]{2}$', 'MONTH') AS problem, l.fix FROM bastion.lint() l WHERE l.object = 'bastion.audit_rows';
-- The table of the name is another one now.
SELECT bastion.audit_partitions_create();
ALTER TABLE :partition RENAME TO detached;
SELECT bastion.audit_partitions_create();
SELECT count(*) AS drift FROM bastion.audit_drift();
ALTER TABLE bastion.audit_rows DETACH PARTITION :partition;
ALTER TABLE :partition RENAME TO detached_again;
CREATE TABLE ap.all_time (LIKE bastion.audit_rows);
SELECT format('ALTER TABLE bastion.audit_rows ATTACH PARTITION ap.all_time FOR VALUES FROM (%L) TO (MAXVALUE)', ap.month(20)) AS attach \gset
:attach;
SELECT bastion.audit_partitions_create(25), bastion.audit_partitions_create(25);
SELECT count(*) FILTER (WHERE p.name ~ '^audit_rows_[0-9]{6}$') AS months FROM ap.partitions p;

SELECT bastion.audit_partitions_create(NULL);
SELECT bastion.audit_partitions_create(-1);
SELECT bastion.audit_partitions_create(121);

-- No event trigger of others runs in it, and audited writes go on.
CREATE FUNCTION ap.spy() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
SELECT format('DROP TABLE bastion.%I', ap.name(3)) AS drop \gset
:drop;
CREATE EVENT TRIGGER spy ON ddl_command_start EXECUTE FUNCTION ap.spy();
SELECT bastion.audit_partitions_create();
DROP EVENT TRIGGER spy;
INSERT INTO ap.items VALUES (2, 'afterwards');
SELECT count(*) FROM bastion.audit a WHERE a.relation = 'ap.items' AND a.op = 'INSERT';
-- Sealing sees all partitions.
SELECT bastion.audit_seal() > 0 AS sealed;
DROP SCHEMA ap CASCADE;
REVOKE ALL ON SCHEMA bastion FROM regress_partition;
DROP ROLE regress_partition;
\c :regress_database
DROP DATABASE regress_audit_partition;
