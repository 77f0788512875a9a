
-- What leaves the database of a sealed log: checkpoints, tiles and proofs in the formats of C2SP (tlog-checkpoint, tlog-tiles, tlog-proof).

CREATE FUNCTION bastion_internal.audit_note_sign(note text, name text, id integer, public_key bytea, private_sealed bytea) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_note_sign';
COMMENT ON FUNCTION bastion_internal.audit_note_sign(text, text, integer, bytea, bytea) IS
'The signature line of a note under a key of bastion.audit_keys (C2SP signed-note). SQLSTATE 22023 for an invalid name, BA001 without a root key, BA002 when the key needs another one, BA003 when it cannot be opened.';

CREATE FUNCTION bastion_internal.audit_verifier_key(name text, public_key bytea) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_verifier_key';
COMMENT ON FUNCTION bastion_internal.audit_verifier_key(text, bytea) IS
'The verifier key of this name (C2SP signed-note). SQLSTATE 22023 for an invalid name or key.';

CREATE FUNCTION bastion_internal.audit_tile_path(path text, OUT is_entries boolean, OUT level integer, OUT index bigint, OUT width integer) RETURNS record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_tile_path';
COMMENT ON FUNCTION bastion_internal.audit_tile_path(text) IS 'The parts of a path of C2SP tlog-tiles; width 256 for a full tile. SQLSTATE 22P02 for another text.';

CREATE FUNCTION bastion_internal.audit_inclusion(era bigint, index bigint, size bigint) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_inclusion';
COMMENT ON FUNCTION bastion_internal.audit_inclusion(bigint, bigint, bigint) IS
'The inclusion proof of a leaf (RFC 9162 section 2.1.3), a hash on each line. SQLSTATE 22023 for a leaf beyond the size, and when a hash is missing.';

CREATE FUNCTION bastion_internal.audit_consistency(era bigint, old_size bigint, size bigint) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_consistency';
COMMENT ON FUNCTION bastion_internal.audit_consistency(bigint, bigint, bigint) IS
'The consistency proof of two sizes (RFC 9162 section 2.1.4), a hash on each line. SQLSTATE 22023 for sizes in the wrong order, and when a hash is missing.';

CREATE FUNCTION bastion_internal.audit_log_of(era bigint) RETURNS bastion.audit_logs
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    log bastion.audit_logs := bastion_internal.audit_last_log();
BEGIN
    IF era IS NOT NULL THEN
        SELECT l.* INTO log FROM bastion.audit_logs l WHERE l.era = audit_log_of.era;
    END IF;
    IF log.era IS NULL THEN
        RAISE EXCEPTION 'audit log does not exist' USING ERRCODE = 'undefined_object',
            HINT = 'bastion.audit_seal() opens the first one when there is an entry.';
    END IF;
    RETURN log;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_log_of(bigint) IS 'The log of this era, or the one that grows. SQLSTATE 42704 for an unknown one.';

CREATE FUNCTION bastion_internal.audit_size_of(log bastion.audit_logs, size bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF size NOT BETWEEN 1 AND log.size THEN
        RAISE EXCEPTION 'the audit log has no such size' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('It has %s leaves.', log.size);
    END IF;
    RETURN coalesce(size, log.size);
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_size_of(bastion.audit_logs, bigint) IS 'The size, or that of the log. SQLSTATE 22023 unless it is from 1 to that of the log.';

CREATE FUNCTION bastion_internal.audit_checkpoint_text(log bastion.audit_logs, size bigint) RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format(E'%s\n%s\n%s\n', log.origin, size,
                  encode(CASE WHEN size = log.size THEN log.root ELSE bastion_internal.audit_root(log.era, size) END, 'base64'))
$$;
COMMENT ON FUNCTION bastion_internal.audit_checkpoint_text(bastion.audit_logs, bigint) IS 'The text of a checkpoint (C2SP tlog-checkpoint), without signatures.';

CREATE FUNCTION bastion.audit_checkpoint(size bigint DEFAULT NULL, era bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    log bastion.audit_logs := bastion_internal.audit_log_of(era);
    wanted bigint := bastion_internal.audit_size_of(log, size);
    note text := bastion_internal.audit_checkpoint_text(log, wanted);
    key bastion.audit_keys := (SELECT k FROM bastion.audit_keys k WHERE k.id = log.key_id);
BEGIN
    IF key.private_sealed IS NULL THEN
        RAISE EXCEPTION 'the key of this log was discarded' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'The next audit_seal() opens another log.';
    END IF;
    RETURN note || E'\n'
        || bastion_internal.audit_note_sign(note, log.origin, key.id, key.public_key, key.private_sealed)
        || coalesce((SELECT string_agg(c.line, '' ORDER BY c.witness) FROM bastion.audit_cosignatures c WHERE c.era = log.era AND c.size = wanted), '');
END
$$;
COMMENT ON FUNCTION bastion.audit_checkpoint(bigint, bigint) IS
'The signed checkpoint of an audit log (C2SP tlog-checkpoint): origin, size and root, the signature of this server, and the cosignatures of witnesses for that size.
size is from 1 to that of the log, which is the default; era is the log, by default the one that grows. audit_verifier_key() has the key.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 42704 for an unknown log, 22023 for another size, 55000 when keys_discard() took its key, BA001 without a root key, BA002 when the key needs another one.';

CREATE FUNCTION bastion.audit_verifier_key(era bigint DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.audit_verifier_key(l.origin, k.public_key)
    FROM bastion_internal.audit_log_of(era) l JOIN bastion.audit_keys k ON k.id = l.key_id
$$;
COMMENT ON FUNCTION bastion.audit_verifier_key(bigint) IS
'The key that verifies checkpoints of an audit log, as C2SP signed-note writes it: name, key id and public key. Keep it outside this server.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 42704 for an unknown log.';

CREATE FUNCTION bastion_internal.audit_entries(log bastion.audit_logs, first bigint, past bigint) RETURNS TABLE (index bigint, entry bytea)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 256
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seal bastion.audit_seals;
    start_xid xid8;
    start_seq bigint;
    reached bigint := first;
BEGIN
    IF reached = 0 THEN
        RETURN QUERY SELECT 0::bigint, log.opening;
        reached := 1;
    END IF;
    FOR seal IN
        SELECT s.* FROM bastion.audit_seals s
        WHERE s.era = log.era AND s.first_index < past
          AND s.first_index >= (SELECT max(b.first_index) FROM bastion.audit_seals b WHERE b.era = log.era AND b.first_index <= reached)
        ORDER BY s.first_index
    LOOP
        start_xid := coalesce(pg_snapshot_xmin(seal.before), '0');
        start_seq := 0;
        IF reached > seal.first_index THEN
            SELECT t.first_xid, t.first_seq INTO start_xid, start_seq FROM bastion.audit_tiles t WHERE t.era = log.era AND t.level = 0 AND t.index = reached / 256;
        END IF;
        RETURN QUERY
        SELECT reached - 1 + row_number() OVER (ORDER BY n.xid, n.seq), n.entry
        FROM (SELECT r.xid, r.seq, r.entry
              FROM unnest(seal.row_eras) e (era), LATERAL (
                  SELECT r.xid, r.seq, r.entry FROM bastion.audit_rows r
                  WHERE r.era = e.era AND (r.xid, r.seq) >= (start_xid, start_seq) AND r.xid < seal.next_xid
                    AND pg_visible_in_snapshot(r.xid, seal.before) IS NOT TRUE AND pg_visible_in_snapshot(r.xid, seal.after) IS NOT FALSE
                  ORDER BY r.xid, r.seq LIMIT least(past, seal.first_index + seal.count) - reached) r
              ORDER BY r.xid, r.seq LIMIT least(past, seal.first_index + seal.count) - reached) n;
        reached := least(past, seal.first_index + seal.count);
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_entries(bastion.audit_logs, bigint, bigint) IS
'The entries of the leaves first, a multiple of 256, to past - 1.';

CREATE FUNCTION bastion.audit_tile(path text, era bigint DEFAULT NULL) RETURNS bytea
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    log bastion.audit_logs := bastion_internal.audit_log_of(era);
    tile record;
    entries bigint;
    bytes bytea;
BEGIN
    IF path IS NULL THEN
        RETURN NULL;
    END IF;
    tile := bastion_internal.audit_tile_path(path);
    IF NOT tile.is_entries THEN
        RETURN (SELECT substr(t.data, 1, tile.width * 32) FROM bastion.audit_tiles t
                WHERE t.era = log.era AND t.level = tile.level AND t.index = tile.index AND octet_length(t.data) >= tile.width * 32);
    ELSIF tile.index * 256 + tile.width > log.size OR tile.index * 256 < log.dropped THEN
        RETURN NULL;
    END IF;
    SELECT count(*), string_agg(substr(int4send(octet_length(e.entry)), 3) || e.entry, '' ORDER BY e.index) INTO entries, bytes
    FROM bastion_internal.audit_entries(log, tile.index * 256, tile.index * 256 + tile.width) e;
    IF entries <> tile.width THEN
        RAISE EXCEPTION 'entries of the audit log are missing' USING ERRCODE = 'data_corrupted',
            DETAIL = format('Of %s entries, %s exist.', tile.width, entries);
    END IF;
    RETURN bytes;
END
$$;
COMMENT ON FUNCTION bastion.audit_tile(text, bigint) IS
'A tile of an audit log by its path (C2SP tlog-tiles): hashes for tile/0/x001/234 or tile/1/000.p/17, entries for tile/entries/000.
A partial tile is that of any size that the log had. NULL for a tile that the log does not have, and for entries that audit_drop_before() dropped. tools/audit-export writes all of them into a folder.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job, which then reads the entries of all tenants.
SQLSTATE 22P02 for another path, 42704 for an unknown log, XX001 when entries are missing.';

CREATE FUNCTION bastion.audit_inclusion_proof(index bigint, size bigint DEFAULT NULL, era bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    log bastion.audit_logs := bastion_internal.audit_log_of(era);
    wanted bigint := bastion_internal.audit_size_of(log, size);
BEGIN
    RETURN format(E'c2sp.org/tlog-proof@v1\nindex %s\n%s\n%s', index,
                  bastion_internal.audit_inclusion(log.era, index, wanted), bastion.audit_checkpoint(wanted, log.era));
END
$$;
COMMENT ON FUNCTION bastion.audit_inclusion_proof(bigint, bigint, bigint) IS
'Proves that an entry is in an audit log: index, inclusion proof (RFC 9162 section 2.1.3) and signed checkpoint in one text (C2SP tlog-proof).
index is from audit_entry_index(); size and era are as in audit_checkpoint(). It is verified with the entry and the key of audit_verifier_key(), without this server.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 22023 for an index or size that the log does not have, 42704, BA001 and BA002 as audit_checkpoint().';

CREATE FUNCTION bastion.audit_consistency_proof(old_size bigint, size bigint DEFAULT NULL, era bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    log bastion.audit_logs := bastion_internal.audit_log_of(era);
BEGIN
    RETURN bastion_internal.audit_consistency(log.era, old_size, bastion_internal.audit_size_of(log, size));
END
$$;
COMMENT ON FUNCTION bastion.audit_consistency_proof(bigint, bigint, bigint) IS
'Proves that an audit log of one size continues that of a smaller size (RFC 9162 section 2.1.4): a hash in base64 on each line, none for equal sizes.
size and era are as in audit_checkpoint(). NULL for NULL in place of the old size.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 22023 for a size that the log does not have, 42704 for an unknown log.';

CREATE FUNCTION bastion.audit_entry_index(row_era bigint, xid xid8, seq bigint) RETURNS TABLE (era bigint, index bigint)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seal bastion.audit_seals;
    start_index bigint;
    start_xid xid8;
    start_seq bigint;
BEGIN
    SELECT f.* INTO seal
    FROM bastion.audit_logs l, LATERAL (
        SELECT s.* FROM bastion.audit_seals s
        WHERE s.era = l.era AND s.next_xid > audit_entry_index.xid AND audit_entry_index.row_era = ANY (s.row_eras)
          AND pg_visible_in_snapshot(audit_entry_index.xid, s.before) IS NOT TRUE AND pg_visible_in_snapshot(audit_entry_index.xid, s.after) IS NOT FALSE
        ORDER BY s.next_xid, s.first_index LIMIT 1) f
    ORDER BY l.number LIMIT 1;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM bastion.audit_rows r WHERE r.era = audit_entry_index.row_era AND r.xid = audit_entry_index.xid AND r.seq = audit_entry_index.seq) THEN
        RETURN;
    END IF;
    SELECT t.index * 256, t.first_xid, t.first_seq INTO start_index, start_xid, start_seq FROM bastion.audit_tiles t
    WHERE t.era = seal.era AND t.level = 0 AND t.index * 256 > seal.first_index AND t.index * 256 < seal.first_index + seal.count
      AND (t.first_xid, t.first_seq) <= (audit_entry_index.xid, audit_entry_index.seq)
    ORDER BY t.index DESC LIMIT 1;
    RETURN QUERY
    SELECT seal.era, coalesce(start_index, seal.first_index) + count(*)
    FROM bastion.audit_rows r
    WHERE r.era = ANY (seal.row_eras)
      AND (r.xid, r.seq) >= (coalesce(start_xid, pg_snapshot_xmin(seal.before), '0'), coalesce(start_seq, 0))
      AND (r.xid, r.seq) < (audit_entry_index.xid, audit_entry_index.seq)
      AND pg_visible_in_snapshot(r.xid, seal.before) IS NOT TRUE AND pg_visible_in_snapshot(r.xid, seal.after) IS NOT FALSE;
END
$$;
COMMENT ON FUNCTION bastion.audit_entry_index(bigint, xid8, bigint) IS
'The log, and the index of its leaf, of an entry of the audit log, by era, xid and seq of its row; no row before it is sealed.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.';
