
-- Sealing by the difference of two snapshots: what the last seal did not see and this one sees. So a row is sealed once, whatever the order
-- in which transactions commit, and a long transaction delays no other.

CREATE FUNCTION bastion_internal.audit_leaf_hash(entry bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_leaf_hash';
COMMENT ON FUNCTION bastion_internal.audit_leaf_hash(bytea) IS 'The hash of a leaf: SHA-256 of a zero byte and the entry (RFC 9162 section 2.1.1).';

CREATE FUNCTION bastion_internal.audit_tile_hash(hashes bytea) RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_tile_hash';
COMMENT ON FUNCTION bastion_internal.audit_tile_hash(bytea) IS
'The hash of a full tile: the root over its 256 hashes. SQLSTATE 22023 for another number of hashes.';

CREATE FUNCTION bastion_internal.audit_root(era bigint, size bigint) RETURNS bytea
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_root';
COMMENT ON FUNCTION bastion_internal.audit_root(bigint, bigint) IS
'The root over the first leaves of a log, from its tiles. SQLSTATE 22023 for a negative size, and when a hash is missing.';

CREATE FUNCTION bastion_internal.audit_seal_begin() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_seal_begin';
COMMENT ON FUNCTION bastion_internal.audit_seal_begin() IS
'Checks that the transaction has just begun, and lets it commit with synchronous_commit = local. SQLSTATE 25001 in a transaction block, after a change or with another isolation than READ COMMITTED, 25006 on a standby or in a READ ONLY transaction.';

CREATE FUNCTION bastion_internal.audit_place(OUT place bigint, OUT era bigint, OUT eras bigint[]) RETURNS record
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_place';
COMMENT ON FUNCTION bastion_internal.audit_place() IS
'Where transactions are numbered now: system and database; the era of rows, which the timeline is part of; and the eras of this timeline and the earlier ones. SQLSTATE 25006 on a standby.';

CREATE FUNCTION bastion_internal.audit_key_make(data_key integer, id integer, OUT public_key bytea, OUT private_sealed bytea) RETURNS record
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_key_make';
COMMENT ON FUNCTION bastion_internal.audit_key_make(integer, integer) IS
'Generates an Ed25519 key, its private half sealed under the data encryption key. SQLSTATE BA001 without a root key, BA002 when the data key needs another one, BA003 for an unknown data key.';

CREATE FUNCTION bastion_internal.audit_key_here(fresh boolean) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last_key integer := (SELECT max(k.id) FROM bastion.audit_keys k WHERE k.private_sealed IS NOT NULL);
BEGIN
    IF last_key IS NULL OR fresh THEN
        last_key := nextval('bastion.audit_keys_id_seq');
        INSERT INTO bastion.audit_keys (id, public_key, private_sealed)
        SELECT last_key, m.public_key, m.private_sealed FROM bastion_internal.audit_key_make(bastion_internal.data_key_here('audit'), last_key) m;
        PERFORM bastion_internal.record_event('key_created', 'success', NULL, NULL, jsonb_build_object('key', 'audit', 'id', last_key));
    END IF;
    RETURN last_key;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_key_here(boolean) IS
'The key that signs checkpoints, created lazily, or another one. The caller has locked bastion.audit_logs. SQLSTATE BA001 without a root key.';

CREATE FUNCTION bastion_internal.audit_last_log() RETURNS bastion.audit_logs
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT l FROM bastion.audit_logs l ORDER BY l.number DESC LIMIT 1 $$;
COMMENT ON FUNCTION bastion_internal.audit_last_log() IS 'The log that grows; NULL before the first one.';

-- The origin has a random part: two servers that go on from one backup get different logs, though their eras may be equal.
CREATE FUNCTION bastion_internal.audit_log_opened(previous bastion.audit_logs, reason text) RETURNS bastion.audit_logs
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    here CONSTANT record := bastion_internal.audit_place();
    log bastion.audit_logs;
BEGIN
    log.era := here.era;
    IF EXISTS (SELECT FROM bastion.audit_logs l WHERE l.era = here.era) THEN
        log.era := hashtextextended(gen_random_uuid()::text, 0) & 9223372036854775807;
    END IF;
    log.number := coalesce(previous.number, 0) + 1;
    log.place := here.place;
    log.row_era := here.era;
    log.row_eras := here.eras;
    log.restored_eras := ARRAY(SELECT e FROM bastion_internal.audit_eras_unsealed() e ORDER BY e);
    log.origin := format('pg-bastion/%s/%s', lpad(to_hex(log.era), 16, '0'), gen_random_uuid());
    log.predecessor := previous.era;
    log.size := 0;
    log.opened_at := clock_timestamp();
    log.opening := convert_to((jsonb_build_object('pg_bastion', 'audit log', 'version', 1, 'origin', log.origin, 'era', log.era::text,
                                                  'row_eras', to_jsonb(log.row_eras::text[]), 'reason', reason,
                                                  'opened_at', floor(extract(epoch FROM log.opened_at)))
                               || CASE WHEN log.restored_eras = '{}' THEN '{}' ELSE jsonb_build_object('restored_eras', to_jsonb(log.restored_eras::text[])) END
                               || CASE WHEN previous.era IS NULL THEN '{}'
                                       ELSE jsonb_build_object('predecessor', jsonb_build_object('origin', previous.origin, 'size', previous.size,
                                                                                                'root', encode(previous.root, 'base64'))) END)::text, 'UTF8');
    RETURN log;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_log_opened(bastion.audit_logs, text) IS
'A new log after this one, which may be NULL, as it is before its first leaf; writes nothing.';

CREATE FUNCTION bastion_internal.audit_levels_add(log_era bigint, old_size bigint, new_size bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_count bigint := old_size;
    new_count bigint := new_size;
BEGIN
    FOR above IN 1 .. 7 LOOP
        old_count := old_count / 256;
        new_count := new_count / 256;
        EXIT WHEN old_count = new_count;
        INSERT INTO bastion.audit_tiles AS t (era, level, index, data)
        SELECT log_era, above, b.index / 256, string_agg(bastion_internal.audit_tile_hash(b.data), '' ORDER BY b.index)
        FROM bastion.audit_tiles b WHERE b.era = log_era AND b.level = above - 1 AND b.index >= old_count AND b.index < new_count
        GROUP BY b.index / 256
        ON CONFLICT ON CONSTRAINT audit_tiles_pkey DO UPDATE SET data = t.data || EXCLUDED.data;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_levels_add(bigint, bigint, bigint) IS
'Writes the hashes of the tiles of level 0 that have become full into the levels above.';

CREATE FUNCTION bastion_internal.audit_seal_write(reason text, new_key boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    previous bastion.audit_logs;
    log bastion.audit_logs;
    here record;
    opens boolean;
    counts_on boolean;
    known pg_snapshot := '1:1:';
    edge bytea;
    seen pg_snapshot;
    leaves bigint;
    eras bigint[];
    left_over bigint;
    left_past numeric;
    restored jsonb;
BEGIN
    PERFORM bastion_internal.audit_seal_begin();
    -- One at a time. No row is written before the snapshot is taken: a transaction without a number is in no snapshot.
    LOCK TABLE bastion.audit_logs IN SHARE ROW EXCLUSIVE MODE;
    previous := bastion_internal.audit_last_log();
    here := bastion_internal.audit_place();
    IF EXISTS (SELECT FROM bastion.audit_keys k WHERE k.id = previous.key_id AND k.private_sealed IS NULL) THEN
        reason := coalesce(reason, 'the key was discarded');
    END IF;
    opens := previous.era IS NULL OR previous.row_era <> here.era OR reason IS NOT NULL;
    counts_on := previous.place IS NOT DISTINCT FROM here.place;
    IF opens THEN
        log := bastion_internal.audit_log_opened(previous, coalesce(reason, CASE WHEN previous.era IS NULL THEN 'the first log'
            WHEN counts_on THEN 'another timeline' ELSE 'another server or database' END));
    ELSE
        log := previous;
    END IF;
    IF counts_on THEN
        known := previous.snapshot;
    END IF;
    edge := coalesce((SELECT t.data FROM bastion.audit_tiles t WHERE t.era = log.era AND t.level = 0 AND t.index = log.size / 256), '');
    WITH fresh AS MATERIALIZED (
        -- What the log before left, where transactions were numbered elsewhere.
        SELECT 1 AS part, r.era, r.xid, r.seq, bastion_internal.audit_leaf_hash(r.entry) AS leaf FROM bastion.audit_rows r
        WHERE NOT counts_on AND r.era = ANY (previous.row_eras) AND NOT pg_visible_in_snapshot(r.xid, previous.snapshot)
        UNION ALL
        SELECT 2, r.era, r.xid, r.seq, bastion_internal.audit_leaf_hash(r.entry)
        FROM (SELECT e AS era, coalesce(bastion_internal.audit_sealed_past(e), '0') AS past FROM unnest(log.restored_eras) e OFFSET 0) k
        JOIN bastion.audit_rows r ON r.era = k.era AND r.xid >= k.past WHERE opens
        UNION ALL
        SELECT 3, r.era, r.xid, r.seq, bastion_internal.audit_leaf_hash(r.entry) FROM bastion.audit_rows r
        WHERE r.era = ANY (here.eras) AND r.xid >= pg_snapshot_xmax(known)
        UNION ALL
        -- OFFSET 0: by the index, once for each transaction that was open.
        SELECT 3, o.era, o.xid, o.seq, o.leaf
        FROM pg_snapshot_xip(known) x (xid), LATERAL (
            SELECT r.era, r.xid, r.seq, bastion_internal.audit_leaf_hash(r.entry) AS leaf FROM bastion.audit_rows r
            WHERE r.era = ANY (here.eras) AND r.xid = x.xid OFFSET 0) o
    ), numbered AS (
        SELECT n.part, n.xid, n.seq, n.leaf, log.size - 1 + row_number() OVER (ORDER BY n.part, n.restored_era, n.xid, n.seq) AS index
        FROM (SELECT f.part, CASE f.part WHEN 2 THEN f.era END AS restored_era, f.xid, f.seq, f.leaf FROM fresh f
              UNION ALL
              SELECT 0, NULL, NULL, NULL, bastion_internal.audit_leaf_hash(log.opening)
              WHERE opens AND (previous.era IS NOT NULL OR EXISTS (SELECT FROM fresh))) n
    ), stored AS (
        INSERT INTO bastion.audit_tiles (era, level, index, data, first_xid, first_seq)
        SELECT log.era, 0, n.index / 256, CASE WHEN n.index / 256 = log.size / 256 THEN edge ELSE '' END || string_agg(n.leaf, '' ORDER BY n.index),
               (array_agg(n.xid) FILTER (WHERE n.index % 256 = 0))[1], min(n.seq) FILTER (WHERE n.index % 256 = 0)
        FROM numbered n GROUP BY n.index / 256
        ON CONFLICT ON CONSTRAINT audit_tiles_pkey DO UPDATE SET data = EXCLUDED.data
    )
    SELECT pg_current_snapshot(), count(*), count(*) FILTER (WHERE n.part = 1), max(n.xid) FILTER (WHERE n.part = 1)::text::numeric + 1, ARRAY(SELECT DISTINCT f.era FROM fresh f WHERE f.part = 3),
           (SELECT jsonb_agg(g ORDER BY g.era)
            FROM (SELECT f.era, count(*) AS count, max(f.xid)::text::numeric + 1 AS past, bastion_internal.audit_sealed_past(f.era) AS since
                  FROM fresh f WHERE f.part = 2 GROUP BY f.era) g)
    INTO seen, leaves, left_over, left_past, eras, restored FROM numbered n;
    IF leaves = 0 THEN
        RETURN 0;
    ELSIF pg_current_xact_id() < pg_snapshot_xmax(seen) THEN
        RAISE EXCEPTION 'the sealing transaction had a number before its snapshot' USING ERRCODE = 'internal_error';
    END IF;
    PERFORM bastion_internal.audit_levels_add(log.era, log.size, log.size + leaves);
    IF opens THEN
        log.key_id := bastion_internal.audit_key_here(new_key);
        log.root := bastion_internal.audit_root(log.era, leaves);
        INSERT INTO bastion.audit_logs (era, number, place, row_era, row_eras, restored_eras, origin, key_id, opening, predecessor, size, root, snapshot, opened_at, sealed_at)
        VALUES (log.era, log.number, log.place, log.row_era, log.row_eras, log.restored_eras, log.origin, log.key_id, log.opening, log.predecessor,
                leaves, log.root, seen, log.opened_at, clock_timestamp());
        PERFORM bastion_internal.record_event('audit_log_opened', 'success', NULL, NULL,
            jsonb_build_object('origin', log.origin, 'predecessor', previous.origin, 'reason', reason));
        log.size := 1;
        leaves := leaves - 1;
    ELSE
        UPDATE bastion.audit_logs l SET size = log.size + leaves, root = bastion_internal.audit_root(log.era, log.size + leaves),
            snapshot = seen, sealed_at = clock_timestamp()
        WHERE l.era = log.era;
    END IF;
    INSERT INTO bastion.audit_seals (era, first_index, count, row_eras, before, after, next_xid, sealed_at)
    SELECT log.era, s.first_index, s.count, s.row_eras, s.before, s.after, coalesce(pg_snapshot_xmax(s.after), '18446744073709551615'), clock_timestamp()
    FROM (SELECT log.size + sum(p.count) OVER (ORDER BY p.part, p.place) - p.count AS first_index, p.count, p.row_eras, p.before, p.after
          FROM (SELECT 1 AS part, 0 AS place, left_over AS count, previous.row_eras AS row_eras, previous.snapshot AS before, format('%1$s:%1$s:', left_past)::pg_snapshot AS after
                WHERE left_past IS NOT NULL
                UNION ALL
                SELECT 2, g.n, (g.restored ->> 'count')::bigint, ARRAY[(g.restored ->> 'era')::bigint], (nullif(format('%1$s:%1$s:', g.restored ->> 'since'), '::'))::pg_snapshot,
                       format('%1$s:%1$s:', g.restored ->> 'past')::pg_snapshot
                FROM jsonb_array_elements(restored) WITH ORDINALITY g (restored, n)
                UNION ALL
                SELECT 3, 0, leaves - left_over - coalesce((SELECT sum((g ->> 'count')::bigint) FROM jsonb_array_elements(restored) g), 0), eras, known, seen) p) s
    WHERE s.count > 0;
    RETURN leaves;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_seal_write(text, boolean) IS
'Seals what is not sealed yet; opens a log first if there is a reason, or rows have another era. new_key: it gets a key of its own. Returns the number of entries. SQLSTATE 25001, 25006 and BA001 as audit_seal().';
SELECT bastion_internal.event_kind('audit_log_opened');

CREATE FUNCTION bastion.audit_seal() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN bastion_internal.audit_seal_write(NULL); END $$;
COMMENT ON FUNCTION bastion.audit_seal() IS
'Seals the committed entries of the audit log that are not sealed yet, as leaves of a Merkle tree (RFC 9162); returns their number.
Each committed entry is sealed once, and no other. Calls wait for each other. The transaction commits with synchronous_commit = local, whatever the setting is, so that audit_checkpoint() never shows what a crash takes back. The first entry opens a log. A promotion, a recovery to an earlier time, a restored dump or an upgrade opens another one. Its leaf 0 has the origin, size and root of the log before it. It also seals entries that other servers wrote and never sealed, except where a subscription brings them.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 25001 in a transaction block, after a change in the same transaction, or if this is not READ COMMITTED, 25006 on a standby or in a READ ONLY transaction, BA001 without a root key when a log is opened.';

CREATE FUNCTION bastion.audit_new_era(reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(btrim(reason), '') = '' OR length(reason) > 1000 THEN
        RAISE EXCEPTION 'a new era needs a reason of 1 to 1000 characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN bastion_internal.audit_seal_write(reason);
END
$$;
COMMENT ON FUNCTION bastion.audit_new_era(text) IS
'Opens a new audit log and seals into it what is not sealed yet; returns the number of these entries.
For a copy of the data directory that was put back, which looks as if nothing had happened: where a witness or a reader holds a larger tree than this server, the old log cannot go on. Its leaf 0 has the reason, and origin, size and root of the log before it as this server knows it.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 without a reason, 25001, 25006 and BA001 as audit_seal().';

CREATE FUNCTION bastion.audit_key_rotate() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion_internal.audit_last_log() IS NULL THEN
        RAISE EXCEPTION 'audit log does not exist' USING ERRCODE = 'undefined_object',
            HINT = 'bastion.audit_seal() opens the first one when there is an entry, with a key of its own.';
    END IF;
    RETURN bastion_internal.audit_seal_write('another signing key', true);
END
$$;
COMMENT ON FUNCTION bastion.audit_key_rotate() IS
'Opens a new audit log with a new signing key, and seals into it what is not sealed yet; returns the number of these entries.
A key signs the checkpoints of its logs, those of older sizes too, and stays. Leaf 0 of the new log has origin, size and root of the log before it. Keep audit_verifier_key() of the new log beside the older keys, outside this server. Let a witness cosign the old log before and the new one after: no signature of the old key says that the new one follows it.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 before the first log, 25001, 25006 and BA001 as audit_seal().';
