-- Dropping old entries of the log of changes, while every proof holds; and legal holds. test/tap/t/audit_seal.pl verifies what is left with
-- tools/audit-verify.
\set VERBOSITY sqlstate
SELECT current_database() AS regress_database \gset
CREATE DATABASE regress_audit_retention;
\c regress_audit_retention
SET client_min_messages = warning;
CREATE EXTENSION pg_bastion;
CREATE SCHEMA ar;
CREATE FUNCTION ar.put(count integer, at timestamptz DEFAULT clock_timestamp()) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry)
    SELECT p.era, pg_current_xact_id(), i, at, 'PUT', convert_to('entry ' || i, 'UTF8') FROM bastion_internal.audit_place() p, generate_series(1, count) i
$$;
CREATE TABLE ar.note (checkpoint text, consistency text, inclusion text);
CREATE FUNCTION ar.proofs() RETURNS ar.note LANGUAGE sql AS $$
    SELECT bastion.audit_checkpoint(500, l.era), bastion.audit_consistency_proof(100, 500, l.era), bastion.audit_inclusion_proof(7, 500, l.era)
    FROM bastion.audit_logs l WHERE l.number = 1
$$;
-- A log that opened long ago: the times of its seals are moved back.
CREATE FUNCTION ar.seal(at timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE bastion.audit_seals SET sealed_at = at WHERE sealed_at > now() - interval '1 hour'
$$;

-- Nothing is there to be dropped.
SELECT bastion.audit_drop_before(now());
SELECT bastion.audit_drop_before(NULL);
SELECT bastion.audit_drop_before(now() + interval '1 minute');
SELECT bastion.audit_drop_before('infinity');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT bastion.audit_drop_before('2001-01-01');
ROLLBACK;

-- Three seals, the second in a partition of its own.
CREATE TABLE bastion.audit_rows_2001 (LIKE bastion.audit_rows_default INCLUDING INDEXES);
ALTER TABLE bastion.audit_rows ATTACH PARTITION bastion.audit_rows_2001 FOR VALUES FROM ('2001-01-01 00:00+00') TO ('2002-01-01 00:00+00');
SELECT bastion.audit_partitions_create(1) > 0 AS mended;
SELECT ar.put(300, '2000-06-01');
SELECT bastion.audit_seal();
SELECT ar.seal('2000-06-02');
SELECT ar.put(300, '2001-06-01');
SELECT bastion.audit_seal();
SELECT ar.seal('2001-06-02');
SELECT ar.put(200, '2002-06-01');
-- What is not sealed is not dropped, and keeps what is.
SELECT bastion.audit_drop_before('2002-07-01');
SELECT bastion.audit_seal();
SELECT ar.seal('2002-06-02');
INSERT INTO ar.note SELECT * FROM ar.proofs();

-- Legal holds.
SELECT bastion.audit_hold_place(NULL, tenant_id => gen_random_uuid());
SELECT bastion.audit_hold_place(' ', tenant_id => gen_random_uuid());
SELECT bastion.audit_hold_place(repeat('x', 1001), tenant_id => gen_random_uuid());
SELECT bastion.audit_hold_place('about nobody');
SELECT bastion.audit_hold_place('about two', gen_random_uuid(), gen_random_uuid());
SELECT bastion.audit_hold_place('case 7', tenant_id => '11111111-1111-4111-8111-111111111111') AS tenant_hold \gset
SELECT bastion.audit_hold_place('case 8', user_id => '22222222-2222-4222-8222-222222222222') AS user_hold \gset
SELECT bastion.audit_drop_before('2001-01-01');
SELECT bastion.audit_hold_lift(:'tenant_hold', NULL);
SELECT bastion.audit_hold_lift(:'tenant_hold', repeat('x', 1001));
SELECT bastion.audit_hold_lift(gen_random_uuid(), 'unknown'), bastion.audit_hold_lift(NULL, 'null');
SELECT bastion.audit_hold_lift(:'tenant_hold', 'closed'), bastion.audit_hold_lift(:'tenant_hold', 'again');
SELECT bastion.audit_drop_before('2001-01-01');
SELECT bastion.audit_hold_lift(:'user_hold', 'closed');
SELECT h.reason, h.tenant_id IS NOT NULL AS tenant, h.user_id IS NOT NULL AS "user", h.placed_by = session_user AS by_me, h.lift_reason FROM bastion.audit_holds h ORDER BY 1;
-- They are in the log, without a table under audit.
SELECT a.op, a.key ->> 'user' AS "user", (a.new ->> 'details')::jsonb - 'hold' - 'role' AS details FROM bastion.audit a WHERE a.kind = 'event' ORDER BY a.xid, a.seq;

-- No code of others runs with the rights of the extension.
CREATE FUNCTION ar.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'ran as %', current_user; RETURN OLD; END $$;
CREATE TRIGGER spy BEFORE DELETE ON bastion.audit_rows_2001 FOR EACH ROW EXECUTE FUNCTION ar.spy();
SELECT bastion.audit_drop_before('2001-01-01');
DROP TRIGGER spy ON bastion.audit_rows_2001;
CREATE RULE spy AS ON DELETE TO bastion.audit_rows_2001 DO ALSO SELECT 1;
SELECT bastion.audit_drop_before('2001-01-01');
DROP RULE spy ON bastion.audit_rows_2001;
CREATE ROLE regress_retention;
ALTER TABLE bastion.audit_rows_2001 OWNER TO regress_retention;
SELECT bastion.audit_drop_before('2001-01-01');
ALTER TABLE bastion.audit_rows_2001 OWNER TO CURRENT_USER;

-- In steps of 256: the first seal has 300 entries and leaf 0.
SELECT bastion.audit_drop_before('2000-06-01') AS before_the_first_seal;
SELECT bastion.audit_drop_before('2001-01-01');
SELECT bastion.audit_drop_before('2001-01-01') AS again;
SELECT l.dropped FROM bastion.audit_logs l;
SELECT count(*) AS left, min(r.seq) AS first FROM bastion.audit_rows r WHERE r.occurred_at = '2000-06-01';
SELECT bastion.audit_tile('tile/entries/000') IS NULL AS dropped, octet_length(bastion.audit_tile('tile/entries/001')) > 0 AS kept, octet_length(bastion.audit_tile('tile/0/000')) AS hashes;
SELECT n = ar.proofs() AS same_proofs FROM ar.note n;
-- What is left is found, each leaf once.
SELECT count(*) AS entries, min(i.index), max(i.index), count(DISTINCT i.index)
FROM bastion.audit_rows r, bastion.audit_entry_index(r.era, r.xid, r.seq) i WHERE r.op = 'PUT';
-- The trigger is there again.
DELETE FROM bastion.audit_rows_default;
SELECT count(*) AS drift FROM bastion.audit_drift() d WHERE d.relation IS NOT NULL;

-- Of the partition some leaves are left; later it goes as a whole.
SELECT bastion.audit_drop_before('2002-01-01');
SELECT r.tableoid::regclass, count(*), min(r.seq) FROM bastion.audit_rows r WHERE r.op = 'PUT' GROUP BY 1 ORDER BY 1;
SELECT bastion.audit_drop_before('2003-01-01');
SELECT r.tableoid::regclass, count(*), min(r.seq) FROM bastion.audit_rows r WHERE r.op = 'PUT' GROUP BY 1 ORDER BY 1;
SELECT to_regclass('bastion.audit_rows_2001') IS NULL AS dropped;
SELECT n = ar.proofs() AS same_proofs FROM ar.note n;
SELECT d ->> 'before' AS before, d ->> 'entries' AS entries, (d ->> 'origin') = l.origin AS origin,
       decode(d ->> 'root', 'base64') = bastion_internal.audit_root(l.era, (d ->> 'before')::bigint) AS root
FROM bastion.audit a, LATERAL (SELECT (a.new ->> 'details')::jsonb AS d) e, bastion.audit_logs l WHERE a.op = 'audit_dropped' ORDER BY a.xid, a.seq;

-- A log that was continued goes whole, with its last part of a tile.
SELECT bastion.audit_new_era('another log') > 0 AS sealed;
SELECT bastion.audit_drop_before('2003-01-01') AS the_rest_of_this_time;
-- The entry about it is not sealed.
SELECT bastion.audit_drop_before(now());
SELECT bastion.audit_seal() > 0 AS sealed;
SELECT bastion.audit_drop_before(now()) AS less_than_a_tile;
SELECT l.number, l.dropped = l.size AS whole, l.dropped FROM bastion.audit_logs l ORDER BY 1;
SELECT n = ar.proofs() AS same_proofs FROM ar.note n;
SELECT count(*) AS left FROM bastion.audit_rows r WHERE r.op = 'PUT';
-- Partitions of this month and later stay, though they have no entry.
SELECT count(*) FILTER (WHERE p.ends > now()) > 1 AS later FROM bastion_internal.audit_partitions() p WHERE NOT p.is_default;
SELECT bastion.audit_tile('tile/entries/003.p/1', l.era) IS NULL AS dropped FROM bastion.audit_logs l WHERE l.number = 1;
SELECT bastion.audit_seal() > 0 AS sealed;
-- Entries of servers before, and a log that begins with theirs, go with the log before it.
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry) SELECT 8, '3', i, '2004-01-01', 'PUT', 'foreign' FROM generate_series(1, 300) i;
SELECT bastion.audit_drop_before('2005-01-01') AS unsealed_of_another_server;
SELECT bastion.audit_new_era('entries of another server') AS sealed;
SELECT bastion.audit_drop_before(now()) > 0 AS dropped;
SELECT l.number, l.dropped = l.size AS whole, l.dropped FROM bastion.audit_logs l ORDER BY 1;
SELECT count(*) AS left FROM bastion.audit_rows r WHERE r.era = 8;
SELECT ar.put(600);
SELECT bastion.audit_seal() > 600 AS sealed;
SELECT bastion.audit_drop_before(now()) > 600 AS dropped;
SELECT count(*) AS left FROM bastion.audit_rows r WHERE r.era = 8;
SELECT count(DISTINCT i.index) = count(*) AND min(i.index) = max(l.dropped) AS found
FROM bastion.audit_rows r, bastion.audit_entry_index(r.era, r.xid, r.seq) i JOIN bastion.audit_logs l USING (era) WHERE l.number = 3;

-- For operators.
GRANT USAGE ON SCHEMA bastion TO regress_retention;
SET ROLE regress_retention;
SELECT bastion.audit_drop_before('2001-01-01');
SELECT bastion.audit_hold_place('x', tenant_id => gen_random_uuid());
SELECT bastion.audit_hold_lift(gen_random_uuid(), 'x');
SELECT FROM bastion.audit_holds;
RESET ROLE;
REVOKE ALL ON SCHEMA bastion FROM regress_retention;
DROP ROLE regress_retention;
\c :regress_database
DROP DATABASE regress_audit_retention;
