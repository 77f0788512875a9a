
-- Dropping old entries of the log of changes: what is sealed, from its beginning, as far as a tile of entries. The hashes stay, so every
-- proof still holds; an entry of the log says what was dropped.

CREATE FUNCTION bastion.audit_hold_place(reason text, tenant_id uuid DEFAULT NULL, user_id uuid DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made uuid;
BEGIN
    IF coalesce(btrim(reason), '') = '' OR length(reason) > 1000 THEN
        RAISE EXCEPTION 'a hold needs a reason of 1 to 1000 characters' USING ERRCODE = 'invalid_parameter_value';
    ELSIF num_nonnulls(tenant_id, user_id) <> 1 THEN
        RAISE EXCEPTION 'a hold is about a tenant or a user' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO bastion.audit_holds (tenant_id, user_id, reason)
    VALUES (audit_hold_place.tenant_id, audit_hold_place.user_id, audit_hold_place.reason) RETURNING id INTO made;
    PERFORM bastion_internal.record_event('audit_hold_placed', 'success', user_id, NULL,
        jsonb_build_object('hold', made, 'tenant', tenant_id, 'reason', reason, 'role', session_user));
    RETURN made;
END
$$;
COMMENT ON FUNCTION bastion.audit_hold_place(text, uuid, uuid) IS
'Places a legal hold about a tenant or a user; returns its id. While any hold stands, audit_drop_before() drops nothing. The log of changes has an entry about it.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 without a reason, for a long one, and unless exactly one of tenant_id and user_id is given.';

CREATE FUNCTION bastion.audit_hold_lift(id uuid, reason text) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hold bastion.audit_holds;
BEGIN
    IF coalesce(btrim(reason), '') = '' OR length(reason) > 1000 THEN
        RAISE EXCEPTION 'the end of a hold needs a reason of 1 to 1000 characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE bastion.audit_holds h SET lifted_at = now(), lifted_by = session_user, lift_reason = audit_hold_lift.reason
    WHERE h.id = audit_hold_lift.id AND h.lifted_at IS NULL RETURNING h.* INTO hold;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('audit_hold_lifted', 'success', hold.user_id, NULL,
        jsonb_build_object('hold', hold.id, 'tenant', hold.tenant_id, 'reason', reason, 'role', session_user));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.audit_hold_lift(uuid, text) IS
'Lifts a legal hold, which stays on record with the reason; false when none of this id stands. The log of changes has an entry about it.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 without a reason and for a long one.';
SELECT bastion_internal.event_kind('audit_hold_placed', 'audit_hold_lifted', 'audit_dropped');

-- Up to a whole tile of entries, because a bundle is served whole or not at all. The part of a log that came from other servers goes with
-- the log before it, or with what follows.
CREATE FUNCTION bastion_internal.audit_drop_point(moment timestamptz, OUT log bastion.audit_logs, OUT leaf bigint, OUT before pg_snapshot,
                                                  OUT after pg_snapshot, OUT first_xid xid8, OUT first_seq bigint) RETURNS record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seal bastion.audit_seals;
    past bigint;
BEGIN
    SELECT s.* INTO seal FROM bastion.audit_seals s JOIN bastion.audit_logs l USING (era)
    WHERE s.sealed_at < moment ORDER BY l.number DESC, s.first_index DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    log := (SELECT l FROM bastion.audit_logs l WHERE l.era = seal.era);
    past := seal.first_index + seal.count;
    leaf := past / 256 * 256;
    IF past = log.size AND log.number < (SELECT max(l.number) FROM bastion.audit_logs l) THEN
        leaf := past;
        before := log.snapshot;
        RETURN;
    END IF;
    SELECT s.* INTO seal FROM bastion.audit_seals s
    WHERE s.era = log.era AND s.first_index <= leaf ORDER BY s.first_index DESC LIMIT 1;
    -- What the log before left, where transactions were numbered elsewhere.
    IF leaf = 0 OR NOT seal.row_eras <@ log.row_eras
       OR seal.first_index = 1 AND EXISTS (SELECT FROM bastion.audit_logs p WHERE p.era = log.predecessor AND p.place IS DISTINCT FROM log.place
                                                                              AND p.snapshot::text = seal.before::text) THEN
        log := (SELECT l FROM bastion.audit_logs l WHERE l.era = log.predecessor);
        leaf := log.size;
        before := log.snapshot;
    ELSIF seal.first_index + seal.count = leaf THEN
        before := seal.after;
    ELSE
        SELECT t.first_xid, t.first_seq INTO first_xid, first_seq FROM bastion.audit_tiles t WHERE t.era = log.era AND t.level = 0 AND t.index = leaf / 256;
        before := seal.before;
        after := seal.after;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_drop_point(timestamptz) IS
'The log and the first leaf whose entry stays when entries until then are dropped; NULL when none are. Before it are rows of transactions that the snapshot before sees, and of those that only after sees the rows before first_xid and first_seq.';

CREATE FUNCTION bastion_internal.audit_drop_rows(moment timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    point CONSTANT record := bastion_internal.audit_drop_point(moment);
    older CONSTANT bigint[] := ARRAY(SELECT DISTINCT e FROM bastion.audit_seals s JOIN bastion.audit_logs l USING (era), unnest(s.row_eras) e
                                     WHERE l.number <= (point.log).number AND e <> ALL ((point.log).row_eras));
    goes CONSTANT text := 'r.occurred_at < $1 AND CASE WHEN r.era = ANY ($2) THEN pg_visible_in_snapshot(r.xid, $3) OR pg_visible_in_snapshot(r.xid, $4) '
        'AND (r.xid, r.seq) < ($5, $6) ELSE r.era = ANY ($7) END IS TRUE';
    part record;
    stays boolean;
    gone bigint;
    dropped bigint := 0;
BEGIN
    -- Before any partition, as writers do.
    LOCK TABLE ONLY bastion.audit_rows IN ACCESS EXCLUSIVE MODE;
    -- Code of others would run with the rights of the extension.
    IF EXISTS (SELECT FROM bastion_internal.audit_partitions() p JOIN pg_class c ON c.oid = p.partition
               WHERE c.relowner <> (SELECT r.relowner FROM pg_class r WHERE r.oid = 'bastion.audit_rows'::regclass) OR EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid)
                  OR EXISTS (SELECT FROM pg_trigger g JOIN pg_proc f ON f.oid = g.tgfoid WHERE g.tgrelid = c.oid AND f.pronamespace <> 'bastion_internal'::regnamespace)) THEN
        RAISE EXCEPTION 'a partition of the log of changes has another owner, rules or triggers' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    FOR part IN SELECT p.* FROM bastion_internal.audit_partitions() p WHERE p.starts < moment ORDER BY p.starts LOOP
        stays := part.is_default OR part.ends > moment;
        IF NOT stays THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %s r WHERE NOT (%s))', part.partition, goes) INTO stays
            USING moment, (point.log).row_eras, point.before, point.after, point.first_xid, point.first_seq, older;
        END IF;
        IF stays THEN
            PERFORM bastion_internal.run_unseen(format('ALTER TABLE %s DISABLE TRIGGER audit_rows_append_only', part.partition));
            EXECUTE format('DELETE FROM %s r WHERE %s', part.partition, goes)
            USING moment, (point.log).row_eras, point.before, point.after, point.first_xid, point.first_seq, older;
            GET DIAGNOSTICS gone = ROW_COUNT;
            PERFORM bastion_internal.run_unseen(format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_rows_append_only', part.partition));
        ELSE
            EXECUTE format('SELECT count(*) FROM %s', part.partition) INTO gone;
            PERFORM bastion_internal.run_unseen(format('DROP TABLE %s', part.partition));
        END IF;
        dropped := dropped + gone;
    END LOOP;
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_drop_rows(timestamptz) IS
'Deletes the rows before audit_drop_point(), and drops partitions without other rows; returns how many rows went. SQLSTATE 55000 when a partition has another owner, rules or triggers.';

CREATE FUNCTION bastion.audit_drop_before(moment timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    point record;
    dropped bigint;
BEGIN
    IF (moment <= statement_timestamp()) IS NOT TRUE THEN
        RAISE EXCEPTION 'entries are dropped until a moment in the past' USING ERRCODE = 'invalid_parameter_value';
    ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
        -- An older snapshot would not show entries that committed before the lock, and their partition would go.
        RAISE EXCEPTION 'entries are dropped in a READ COMMITTED transaction' USING ERRCODE = 'active_sql_transaction';
    END IF;
    LOCK TABLE bastion.audit_logs IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE bastion.audit_holds IN SHARE MODE;
    IF EXISTS (SELECT FROM bastion.audit_holds h WHERE h.lifted_at IS NULL) THEN
        RAISE EXCEPTION 'a legal hold keeps the log of changes' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'bastion.audit_holds has it, and bastion.audit_hold_lift() lifts it.';
    ELSIF bastion_internal.audit_unsealed_since(bastion_internal.audit_last_log()) < moment OR EXISTS (SELECT FROM bastion_internal.audit_eras_unsealed()) THEN
        RAISE EXCEPTION 'entries before this moment are not sealed' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Seal them with bastion.audit_seal(); bastion.audit_drift() names entries of other servers.';
    END IF;
    point := bastion_internal.audit_drop_point(moment);
    IF point.leaf IS NULL OR point.leaf <= (point.log).dropped THEN
        RETURN 0;
    END IF;
    dropped := bastion_internal.audit_drop_rows(moment);
    UPDATE bastion.audit_logs l SET dropped = CASE WHEN l.number < (point.log).number THEN l.size ELSE point.leaf END WHERE l.number <= (point.log).number;
    PERFORM bastion_internal.record_event('audit_dropped', 'success', NULL, NULL,
        jsonb_build_object('origin', (point.log).origin, 'before', point.leaf, 'entries', dropped, 'role', session_user,
                           'root', encode(bastion_internal.audit_root((point.log).era, point.leaf), 'base64')));
    RETURN dropped;
END
$$;
COMMENT ON FUNCTION bastion.audit_drop_before(timestamptz) IS
'Drops entries of the log of changes that were sealed before this moment, from the first one on, in steps of 256; returns how many. Partitions without other entries are dropped, of others the rows are deleted. While it runs, audited writes wait.
The hashes of all leaves stay, so checkpoints, consistency proofs and inclusion proofs of kept copies still verify. An entry about it, with log, first leaf that stays and root, is written to the log of changes; until it is sealed, tools/audit-verify does not accept an export. Let a witness cosign before.
audit_history() and audit_as_of() know nothing of dropped entries.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 22023 for a moment that is not in the past, 25001 unless this is READ COMMITTED, 55000 while a legal hold stands, when older entries are not sealed, and when a partition has another owner, rules or triggers.';
