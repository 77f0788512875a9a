-- The sealed log of changes: what is sealed, once, and what leaves the database of it. test/tap/t/audit_seal.pl has the races, the crash and
-- the witness, and verifies with tools/audit-verify.
\set VERBOSITY sqlstate
SELECT current_database() AS regress_database \gset
CREATE DATABASE regress_audit_seal;
\c regress_audit_seal
SET client_min_messages = warning;
CREATE EXTENSION pg_bastion;
CREATE SCHEMA test_seal;
CREATE FUNCTION test_seal.put(count integer, what text DEFAULT 'entry') RETURNS void LANGUAGE sql AS $$
    INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry)
    SELECT p.era, pg_current_xact_id(), i, clock_timestamp(), 'INSERT', convert_to(what || ' ' || i, 'UTF8')
    FROM bastion_internal.audit_place() p, generate_series(1, count) i
$$;
-- What is random or a time is left out.
CREATE FUNCTION test_seal.shown(note text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(note, 'pg-bastion/[0-9a-f]{16}/[0-9a-f-]{36}', 'ORIGIN', 'g'), '[A-Za-z0-9+/]{43,}=*', 'BASE64', 'g')
$$;
-- The root over leaves by the words of RFC 9162, apart from the code of the extension.
CREATE FUNCTION test_seal.root(leaves bytea[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    n integer := cardinality(leaves);
    k integer := 1;
BEGIN
    IF n = 1 THEN
        RETURN leaves[1];
    END IF;
    WHILE k * 2 < n LOOP
        k := k * 2;
    END LOOP;
    RETURN sha256(decode('01', 'hex') || test_seal.root(leaves[:k]) || test_seal.root(leaves[k + 1:]));
END
$$;

-- Before the first entry there is no log.
SELECT bastion.audit_seal();
SELECT bastion.audit_checkpoint();
SELECT bastion.audit_tile('tile/0/000');

SELECT bastion.audit_key_rotate();

-- Leaf 0 opens the log; each entry follows once.
SELECT test_seal.put(3);
SELECT bastion.audit_seal();
SELECT bastion.audit_seal();
SELECT test_seal.shown(bastion.audit_checkpoint());
SELECT bastion.audit_verifier_key() ~ '^pg-bastion/[0-9a-f]{16}/[0-9a-f-]{36}[+][0-9a-f]{8}[+]A[A-Za-z0-9+/]{43}$' AS key;
SELECT l.number, l.size, l.predecessor, o - 'origin' - 'era' - 'row_eras' - 'opened_at' AS opening, o ->> 'origin' = l.origin AS origin
FROM bastion.audit_logs l, LATERAL (SELECT convert_from(l.opening, 'UTF8')::jsonb AS o) o;
SHOW synchronous_commit;

-- Sealing that is behind: an entry of a transaction after the last seal, or of one that was open then.
BEGIN;
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry)
SELECT p.era, pg_current_xact_id(), 1, now() - interval '2 hours', 'INSERT', 'an old entry' FROM bastion_internal.audit_place() p;
SELECT count(*) AS sealed_since FROM bastion.audit_drift();
UPDATE bastion.audit_logs SET sealed_at = now() - interval '90 minutes';
SELECT d.relation, d.problem, now() - d.changed_at AS age, d.fix FROM bastion.audit_drift() d;
SELECT severity, object, regexp_replace(problem, ': since [-0-9: ]+', ': since TIME ') AS problem, fix FROM bastion.lint() WHERE object = 'audit log';
SET LOCAL bastion.audit_seal_limit = '3h';
SELECT count(*) AS within_the_limit FROM bastion.audit_drift();
SET LOCAL bastion.audit_seal_limit = 0;
SELECT count(*) AS not_wanted FROM bastion.audit_drift();
RESET bastion.audit_seal_limit;
UPDATE bastion.audit_logs SET snapshot = format('%s:%s:%1$s', pg_current_xact_id(), pg_current_xact_id()::text::bigint + 1)::pg_snapshot;
SELECT d.problem FROM bastion.audit_drift() d;
UPDATE bastion.audit_logs SET snapshot = format('%s:%1$s:', pg_current_xact_id()::text::bigint + 1)::pg_snapshot;
SELECT d.problem FROM bastion.audit_drift() d;
ROLLBACK;
BEGIN;
DELETE FROM bastion.audit_seals;
DELETE FROM bastion.audit_logs;
SELECT d.problem FROM bastion.audit_drift() d;
SET LOCAL bastion.audit_seal_limit = 1;
SELECT pg_sleep(1.1);
SELECT d.problem AS never_sealed FROM bastion.audit_drift() d;
ROLLBACK;

-- What rolls back is no leaf.
BEGIN;
SELECT test_seal.put(2, 'gone');
ROLLBACK;
SELECT bastion.audit_seal();

-- Only at the beginning of a transaction.
BEGIN;
SELECT bastion.audit_seal();
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT bastion.audit_seal();
ROLLBACK;
BEGIN READ ONLY;
SELECT bastion.audit_seal();
ROLLBACK;
SET default_transaction_isolation = 'serializable';
SELECT bastion.audit_seal();
RESET default_transaction_isolation;
DO $$ BEGIN PERFORM test_seal.put(1); PERFORM bastion.audit_seal(); END $$;
SELECT test_seal.put(1);
SELECT bastion.audit_seal(), bastion.audit_seal();
-- Rows of the sealing transaction that follow are sealed by the next call.
DO $$ BEGIN PERFORM bastion.audit_seal(); PERFORM test_seal.put(2, 'after'); END $$;
SELECT bastion.audit_seal();

-- Several tiles: the tree is that of RFC 9162.
SELECT test_seal.put(250);
SELECT bastion.audit_seal();
SELECT test_seal.put(400);
SELECT bastion.audit_seal();
SELECT t.level, t.index, octet_length(t.data) / 32 AS hashes FROM bastion.audit_tiles t ORDER BY 1, 2;
CREATE VIEW test_seal.leaves AS
SELECT array_agg(sha256(decode('00', 'hex') || e.entry) ORDER BY e.index) AS leaves, count(*) AS count
FROM bastion_internal.audit_last_log() l, bastion_internal.audit_entries(l, 0, l.size) e;
SELECT l.size, v.count, l.root = test_seal.root(v.leaves) AS root FROM bastion.audit_logs l, test_seal.leaves v;
SELECT bool_and(bastion_internal.audit_root(l.era, s) = test_seal.root(v.leaves[:s])) AS older_roots
FROM bastion.audit_logs l, test_seal.leaves v, unnest(ARRAY[1, 2, 255, 256, 257, 511, 512, 513, 600]) s;
-- The entries are those of the rows, in the order of transactions.
SELECT count(*) AS entries, bool_and(i.index = n.number) AS in_order
FROM (SELECT r.*, row_number() OVER (ORDER BY r.xid, r.seq) AS number FROM bastion.audit_rows r) n, bastion.audit_entry_index(n.era, n.xid, n.seq) i;
SELECT * FROM bastion.audit_entry_index(1, '1', 1);

-- Tiles: whole, partial, of older sizes, and none.
SELECT path, octet_length(bastion.audit_tile(path)) - CASE WHEN path ~ 'entries/000' THEN octet_length(l.opening) ELSE 0 END AS bytes
FROM bastion.audit_logs l, unnest('{tile/0/000,tile/0/001,tile/0/002,tile/0/002.p/145,tile/0/002.p/146,tile/0/001.p/5,tile/0/003,tile/1/000,tile/1/000.p/2,tile/1/000.p/3,tile/2/000.p/1,
              tile/entries/000,tile/entries/000.p/4,tile/entries/002,tile/entries/002.p/145,tile/entries/002.p/146,tile/entries/x999/x999/x999/x999/000}'::text[]) path;
SELECT bastion.audit_tile('tile/0/000.p/2') = substr(bastion.audit_tile('tile/0/000'), 1, 64) AS prefix;
SELECT substr(bastion.audit_tile('tile/entries/000.p/4'), 3 + octet_length(l.opening)) AS entries FROM bastion.audit_logs l;
SELECT bastion.audit_tile('tile/0/0');
SELECT bastion.audit_tile('../checkpoint');
SELECT bastion.audit_tile('tile/0/000', 7);

-- Proofs.
SELECT test_seal.shown(bastion.audit_inclusion_proof(2, 4));
SELECT test_seal.shown(bastion.audit_inclusion_proof(0, 1));
SELECT test_seal.shown(bastion.audit_consistency_proof(3, 4));
SELECT bastion.audit_consistency_proof(4, 4) = '' AS equal, bastion.audit_consistency_proof(0) = '' AS from_nothing, bastion.audit_consistency_proof(NULL) IS NULL AS of_null;
SELECT bastion.audit_inclusion_proof(4, 4);
SELECT bastion.audit_inclusion_proof(-1);
SELECT bastion.audit_inclusion_proof(1, 0);
SELECT bastion.audit_inclusion_proof(1, 100000);
SELECT bastion.audit_consistency_proof(5, 4);
SELECT bastion.audit_consistency_proof(-5);
SELECT bastion.audit_checkpoint(0);
SELECT bastion.audit_checkpoint(era => 7);

-- Witnesses.
SELECT bastion.audit_witness_add('witness.example/w1+00000000+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
SELECT bastion.audit_witness_add('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
SELECT bastion.audit_witness_add(NULL) IS NULL AS nothing;
SELECT bastion.audit_witness_add('witness.example/w1+' || left(encode(sha256(convert_to(E'witness.example/w1\n', 'UTF8') || k), 'hex'), 8) || '+' || encode(k, 'base64')) AS witness
FROM (SELECT decode('04', 'hex') || decode('Glzf0HFDw4TEHoMMW84SqogX7FZJqqvywxOIs1stdE0=', 'base64') AS k) k;
SELECT bastion.audit_witness_add(w.verifier_key) FROM bastion.audit_witnesses w;
SELECT test_seal.shown(bastion.audit_witness_request('witness.example/w1'));
SELECT test_seal.shown(bastion.audit_witness_request('witness.example/w1', 657));
SELECT bastion.audit_witness_request('witness.example/w1', 658);
SELECT bastion.audit_witness_request('witness.example/w1', -1);
SELECT bastion.audit_witness_request('nobody');
SELECT bastion.audit_witness_request(NULL);
-- A witness that is behind: for what was sealed long ago, since it is a witness.
BEGIN;
UPDATE bastion.audit_seals SET sealed_at = now() - interval '2 days';
SELECT count(*) AS new_witness FROM bastion.audit_drift();
UPDATE bastion.audit_witnesses SET created_at = now() - interval '3 days';
SELECT d.relation, d.problem, now() - d.changed_at AS age, d.fix FROM bastion.audit_drift() d;
SET LOCAL bastion.audit_witness_limit = '3d';
SELECT count(*) AS within_the_limit FROM bastion.audit_drift();
SET LOCAL bastion.audit_witness_limit = 0;
SELECT count(*) AS not_wanted FROM bastion.audit_drift();
RESET bastion.audit_witness_limit;
UPDATE bastion.audit_witnesses SET size = (SELECT l.size - 1 FROM bastion.audit_logs l);
SELECT count(*) AS one_leaf_is_missing FROM bastion.audit_drift();
UPDATE bastion.audit_witnesses SET size = (SELECT l.size FROM bastion.audit_logs l);
SELECT count(*) AS cosigned FROM bastion.audit_drift();
UPDATE bastion.audit_witnesses SET era = 7;
SELECT count(*) AS another_log FROM bastion.audit_drift();
ROLLBACK;
SELECT bastion.audit_cosignature_add('hello');
SELECT bastion.audit_cosignature_add(chr(8212) || E' witness.example/w1 AAAAAAAAAAA=\n');
SELECT bastion.audit_cosignature_add(bastion.audit_checkpoint());
SELECT bastion.audit_cosignature_add(repeat(chr(8212) || E' x AAAAAAAAAAA=\n', 101));
SELECT bastion.audit_witness_remove('witness.example/w1'), bastion.audit_witness_remove('witness.example/w1');

-- A new era goes on where the last one ended, and says so.
SELECT test_seal.put(2, 'between');
SELECT bastion.audit_new_era(NULL);
SELECT bastion.audit_new_era(' ');
SELECT bastion.audit_new_era(repeat('x', 1001));
SELECT bastion.audit_new_era('a copy of the disk was put back');
SELECT test_seal.put(1, 'later');
SELECT bastion.audit_seal();
SELECT l.number, l.size, o ->> 'reason' AS reason, o #>> '{predecessor,origin}' = b.origin AS origin, (o #>> '{predecessor,size}')::bigint = b.size AS size,
       decode(o #>> '{predecessor,root}', 'base64') = b.root AS root
FROM bastion.audit_logs l JOIN bastion.audit_logs b ON b.era = l.predecessor, LATERAL (SELECT convert_from(l.opening, 'UTF8')::jsonb AS o) o;
SELECT e.index, convert_from(e.entry, 'UTF8') FROM bastion_internal.audit_last_log() l, bastion_internal.audit_entries(l, 0, l.size) e WHERE e.index > 0;
SELECT octet_length(bastion.audit_tile('tile/entries/002.p/145', l.era)) > 0 AS older_log FROM bastion.audit_logs l WHERE l.number = 1;

-- Another key signs another log; the one before it keeps its own.
SELECT bastion.audit_verifier_key() AS old_key \gset
SELECT test_seal.put(1, 'before another key');
BEGIN;
SELECT bastion.audit_key_rotate();
ROLLBACK;
SELECT bastion.audit_key_rotate();
SELECT l.number, l.size, l.key_id, o ->> 'reason' AS reason, o #>> '{predecessor,origin}' = b.origin AS origin
FROM bastion.audit_logs l JOIN bastion.audit_logs b ON b.era = l.predecessor, LATERAL (SELECT convert_from(l.opening, 'UTF8')::jsonb AS o) o
ORDER BY l.number DESC LIMIT 1;
SELECT bastion.audit_verifier_key(l.era) = :'old_key' AS same, split_part(bastion.audit_verifier_key(), '+', 3) <> split_part(:'old_key', '+', 3) AS other
FROM bastion.audit_logs l WHERE l.number = 2;
SELECT bastion.audit_seal();
-- The key that seals them may be another one.
SELECT bastion.audit_checkpoint() AS before \gset
SELECT bastion.data_key_rotate('audit');
CALL bastion.rewrap_all();
SELECT count(*) AS keys, bool_and(k.data_key_id = d.id) AS under_the_newest FROM bastion.audit_keys k, (SELECT max(d.id) AS id FROM bastion.data_keys d WHERE d.purpose = 'audit') d;
SELECT bastion.audit_checkpoint() = :'before' AS same_signature;

-- Rows of other servers are in no log: an era of another place, as a subscriber gets them.
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry) VALUES (7, '5', 1, now(), 'INSERT', 'foreign');
SELECT bastion.audit_seal();
BEGIN;
CREATE SUBSCRIPTION regress_copy CONNECTION 'dbname=none' PUBLICATION none WITH (connect = false, slot_name = NONE);
SELECT problem, fix FROM bastion.audit_drift();
SET LOCAL allow_system_table_mods = on;
INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) SELECT s.oid, 'bastion.audit_rows_default'::regclass, 'r' FROM pg_subscription s WHERE s.subname = 'regress_copy';
SELECT count(*) AS of_a_subscriber FROM bastion.audit_drift();
ROLLBACK;

-- The log before it counted elsewhere, as after a restored dump: what it had not sealed comes first, once.
BEGIN;
UPDATE bastion.audit_logs SET place = 7, row_era = 7, row_eras = '{7}', snapshot = '4:4:' WHERE number = 3;
COMMIT;
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry) VALUES (7, '3', 1, now(), 'INSERT', 'sealed there');
-- What other servers had not sealed follows, server by server, up to the last entry that came along.
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry)
VALUES (9, '9', 1, now(), 'INSERT', 'of 9'), (8, '9', 2, now(), 'INSERT', 'of 8, second'), (8, '9', 1, now(), 'INSERT', 'of 8');
SELECT bastion.audit_seal() AS everything_of_this_server;
SELECT s.first_index, s.count, s.row_eras = '{7}' AS foreign, s.before IS NULL AS from_the_first, s.after IS NULL AS unbounded FROM bastion.audit_seals s
JOIN bastion.audit_logs l USING (era) WHERE l.number = 4 ORDER BY 1;
SELECT e.index, convert_from(e.entry, 'UTF8') FROM bastion_internal.audit_last_log() l, bastion_internal.audit_entries(l, 0, l.size) e WHERE e.index BETWEEN 1 AND 5;
SELECT i.index FROM bastion.audit_entry_index(7, '5', 1) i;
SELECT r.era, r.xid, r.seq, i.index FROM bastion.audit_rows r, bastion.audit_entry_index(r.era, r.xid, r.seq) i WHERE r.era IN (8, 9) ORDER BY 4;
SELECT convert_from(l.opening, 'UTF8')::jsonb ->> 'restored_eras' AS restored FROM bastion.audit_logs l WHERE l.number = 4;
SELECT bastion.audit_seal();
SELECT count(*) AS drift FROM bastion.audit_drift();
-- Entries that came later than the first log here need a new one.
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry) VALUES (10, '9', 1, now(), 'INSERT', 'of 10');
SELECT bastion.audit_seal();
SELECT d.problem, d.fix FROM bastion.audit_drift() d;
SELECT bastion.audit_new_era('entries of another server');
SELECT count(*) AS drift FROM bastion.audit_drift();
SELECT i.index FROM bastion.audit_entry_index(10, '9', 1) i;
-- A restore that another seal came in between of: later entries of eras that are in a log already, those of the log before it too.
CREATE FUNCTION public.as_sealed() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(md5(e.entry), ' ' ORDER BY e.index) FROM bastion.audit_logs l, bastion_internal.audit_entries(l, 0, l.size) e WHERE l.number = 4 $$;
SELECT public.as_sealed() AS before \gset
INSERT INTO bastion.audit_rows (era, xid, seq, occurred_at, op, entry)
VALUES (8, '12', 1, now(), 'INSERT', 'of 8, late'), (7, '8', 1, now(), 'INSERT', 'of 7, late'), (10, '10', 1, now(), 'INSERT', 'of 10, late');
SELECT bastion.audit_seal();
SELECT d.problem, d.fix FROM bastion.audit_drift() d;
SELECT bastion.audit_new_era('entries of another server');
SELECT count(*) AS drift FROM bastion.audit_drift();
SELECT bastion.audit_seal(), bastion.audit_new_era('nothing is left');
SELECT public.as_sealed() = :'before' AS the_older_log_is_the_same;
SELECT r.era, r.xid, r.seq, i.index FROM bastion.audit_rows r, bastion.audit_entry_index(r.era, r.xid, r.seq) i WHERE r.entry LIKE '%late' ORDER BY 4;
SELECT l.number, e.index, convert_from(e.entry, 'UTF8') FROM bastion.audit_logs l, bastion_internal.audit_entries(l, 0, l.size) e WHERE l.number > 4 AND e.index > 0 ORDER BY 1, 2;
DROP FUNCTION public.as_sealed();

-- A missing row is an error, not a shorter bundle.
SET session_replication_role = replica;
ALTER TABLE bastion.audit_rows_default DISABLE TRIGGER audit_rows_append_only;
ALTER TABLE bastion.audit_rows DISABLE TRIGGER audit_rows_append_only;
DELETE FROM bastion.audit_rows WHERE era = 7;
SELECT bastion.audit_tile('tile/entries/000', l.era) FROM bastion.audit_logs l WHERE l.number = 4;
ALTER TABLE bastion.audit_rows ENABLE ALWAYS TRIGGER audit_rows_append_only;
ALTER TABLE bastion.audit_rows_default ENABLE ALWAYS TRIGGER audit_rows_append_only;
RESET session_replication_role;

-- Nobody but an operator, or a role that got EXECUTE.
CREATE ROLE regress_sealer;
GRANT USAGE ON SCHEMA bastion TO regress_sealer;
SET ROLE regress_sealer;
SELECT bastion.audit_seal();
SELECT bastion.audit_checkpoint();
RESET ROLE;
GRANT EXECUTE ON FUNCTION bastion.audit_seal(), bastion.audit_checkpoint(bigint, bigint) TO regress_sealer;
SET ROLE regress_sealer;
SELECT bastion.audit_seal();
SELECT bastion.audit_checkpoint() <> '' AS checkpoint;
RESET ROLE;
REVOKE ALL ON FUNCTION bastion.audit_seal(), bastion.audit_checkpoint(bigint, bigint) FROM regress_sealer;
REVOKE ALL ON SCHEMA bastion FROM regress_sealer;
DROP ROLE regress_sealer;

-- a lost root key: what was signed is still verified, and another log goes on
SELECT bastion.audit_verifier_key() AS verifier \gset
SELECT bastion.keys_discard() IS NOT NULL AS discarded;
SELECT bastion.audit_verifier_key() = :'verifier' AS same;
SELECT bastion.audit_checkpoint();
SELECT bastion.audit_seal() > 0 AS sealed;
SELECT bastion.audit_seal() > 0 AS sealed;
SELECT convert_from(l.opening, 'UTF8')::jsonb ->> 'reason' AS reason, l.predecessor IS NOT NULL AS goes_on, k.private_sealed IS NOT NULL AS signs
FROM bastion.audit_logs l JOIN bastion.audit_keys k ON k.id = l.key_id ORDER BY l.number DESC LIMIT 2;
SELECT bastion.audit_checkpoint() <> '' AS checkpoint, bastion.audit_verifier_key() <> :'verifier' AS another;
\c :regress_database
DROP DATABASE regress_audit_seal;
