
-- Entries that should be sealed or cosigned and are not, for audit_drift() and lint().

-- One step of the index for each era.
CREATE FUNCTION bastion_internal.audit_eras() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
    WITH RECURSIVE found (era) AS (
        SELECT min(r.era) FROM bastion.audit_rows r
        UNION ALL
        SELECT (SELECT min(r.era) FROM bastion.audit_rows r WHERE r.era > f.era) FROM found f WHERE f.era IS NOT NULL
    )
    SELECT f.era FROM found f WHERE f.era IS NOT NULL
$$;
COMMENT ON FUNCTION bastion_internal.audit_eras() IS 'The eras of the entries of the log of changes.';

CREATE FUNCTION bastion_internal.audit_sealed_past(row_era bigint) RETURNS xid8
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT max(x.next_xid)
    FROM bastion.audit_logs l LEFT JOIN bastion.audit_logs p ON p.era = l.predecessor, LATERAL (
        (SELECT s.next_xid FROM bastion.audit_seals s
         WHERE audit_sealed_past.row_era = ANY (l.row_eras) AND s.era = l.era AND audit_sealed_past.row_era = ANY (s.row_eras) ORDER BY s.next_xid DESC LIMIT 1)
        UNION ALL
        -- What a log took over comes first in it.
        (SELECT s.next_xid FROM bastion.audit_seals s
         WHERE audit_sealed_past.row_era = ANY (l.restored_eras) AND s.era = l.era AND audit_sealed_past.row_era = ANY (s.row_eras) ORDER BY s.first_index LIMIT 1)
        UNION ALL
        (SELECT s.next_xid FROM bastion.audit_seals s
         WHERE audit_sealed_past.row_era = ANY (p.row_eras) AND s.era = l.era AND s.first_index = 1 AND audit_sealed_past.row_era = ANY (s.row_eras))) x
$$;
COMMENT ON FUNCTION bastion_internal.audit_sealed_past(bigint) IS
'Up to which transaction, without it, entries of this era are in a log; NULL when none is.';

-- Entries of a server whose dump was restored before it sealed them, also where a part of them came after the others were sealed. A subscriber gets entries while its publisher goes on sealing them.
CREATE FUNCTION bastion_internal.audit_eras_unsealed() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e FROM bastion_internal.audit_eras() e
    WHERE e <> ALL (CASE WHEN pg_is_in_recovery() THEN NULL ELSE (bastion_internal.audit_place()).eras END)
      -- The next log begins with what the last one left.
      AND e <> ALL (coalesce((bastion_internal.audit_last_log()).row_eras, '{}'))
      AND EXISTS (SELECT FROM bastion.audit_rows r WHERE r.era = e AND r.xid >= coalesce(bastion_internal.audit_sealed_past(e), '0'))
      AND NOT EXISTS (SELECT FROM pg_subscription_rel s JOIN pg_partition_tree('bastion.audit_rows') t ON t.relid = s.srrelid)
$$;
COMMENT ON FUNCTION bastion_internal.audit_eras_unsealed() IS
'The eras of entries that came from another server and are in no log; none on a standby, and where a subscription writes the log of changes.';

-- Of each era the entry of the oldest transaction, by the index. A standby seals nothing; there the last log says which eras count.
CREATE FUNCTION bastion_internal.audit_unsealed_since(log bastion.audit_logs) RETURNS timestamptz
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT min(o.occurred_at)
    FROM (SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE (bastion_internal.audit_place()).place END AS place,
                 CASE WHEN pg_is_in_recovery() THEN NULL ELSE (bastion_internal.audit_place()).eras END AS eras OFFSET 0) here,
         LATERAL (SELECT e.era, CASE WHEN log.place = here.place OR e.era = ANY (log.row_eras) THEN log.snapshot ELSE '1:1:' END AS known
                  FROM (SELECT DISTINCT unnest(here.eras || log.row_eras) AS era) e) k,
         LATERAL ((SELECT r.occurred_at FROM bastion.audit_rows r WHERE r.era = k.era AND r.xid >= pg_snapshot_xmax(k.known) ORDER BY r.xid, r.seq LIMIT 1)
                  UNION ALL
                  SELECT (SELECT min(r.occurred_at) FROM bastion.audit_rows r WHERE r.era = k.era AND r.xid = x.xid)
                  FROM pg_snapshot_xip(k.known) x (xid)) o
$$;
COMMENT ON FUNCTION bastion_internal.audit_unsealed_since(bastion.audit_logs) IS
'When the oldest transaction began whose entries this log, the last one, has not sealed; NULL when all are sealed.';

CREATE FUNCTION bastion_internal.audit_uncosigned_since(log bastion.audit_logs, size bigint) RETURNS timestamptz
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.sealed_at FROM bastion.audit_seals s
    WHERE s.era = log.era AND s.first_index + s.count > audit_uncosigned_since.size
      AND s.first_index >= coalesce((SELECT max(b.first_index) FROM bastion.audit_seals b WHERE b.era = log.era AND b.first_index <= audit_uncosigned_since.size), 0)
    ORDER BY s.first_index LIMIT 1
$$;
COMMENT ON FUNCTION bastion_internal.audit_uncosigned_since(bastion.audit_logs, bigint) IS
'When the first leaf after so many was sealed; NULL without one.';

CREATE FUNCTION bastion_internal.audit_seal_problems() RETURNS TABLE (problem text, since timestamptz, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    WITH state AS MATERIALIZED (
        SELECT bastion_internal.audit_last_log() AS log, bastion_internal.setting_seconds('bastion.audit_seal_limit') AS seal_limit,
               bastion_internal.setting_seconds('bastion.audit_witness_limit') AS witness_limit
    )
    SELECT 'entries that another server wrote are in no log', NULL::timestamptz, 'SELECT bastion.audit_new_era(''entries of another server'');'
    WHERE EXISTS (SELECT FROM bastion_internal.audit_eras_unsealed())
    UNION ALL
    SELECT 'sealing is behind: entries are older than bastion.audit_seal_limit, and in no log', u.since, 'SELECT bastion.audit_seal();'
    FROM state s, bastion_internal.audit_unsealed_since(s.log) u (since)
    WHERE s.seal_limit <> interval '0' AND u.since < statement_timestamp() - s.seal_limit
      AND ((s.log).sealed_at < statement_timestamp() - s.seal_limit OR s.log IS NULL)
    UNION ALL
    SELECT format('witness %s has not cosigned what was sealed before bastion.audit_witness_limit', w.name), u.since,
           format('SELECT bastion.audit_witness_request(%L);', w.name)
    FROM state s, bastion.audit_witnesses w,
         bastion_internal.audit_uncosigned_since(s.log, CASE WHEN w.era = (s.log).era THEN w.size ELSE 0 END) u (since)
    WHERE s.witness_limit <> interval '0' AND u.since IS NOT NULL AND greatest(u.since, w.created_at) < statement_timestamp() - s.witness_limit
$$;
COMMENT ON FUNCTION bastion_internal.audit_seal_problems() IS
'Entries of another server that no log has, sealing that is behind, and witnesses that are; since when, and what mends it.';
