
-- Witnesses: servers of others that cosign a checkpoint after they have checked that it continues the last one they saw (C2SP tlog-witness).
-- This server opens no connection: a relay carries the request there and the answer back.

CREATE FUNCTION bastion_internal.audit_witness_key(verifier_key text, OUT name text, OUT public_key bytea) RETURNS record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_witness_key';
COMMENT ON FUNCTION bastion_internal.audit_witness_key(text) IS
'The parts of the verifier key of a witness. SQLSTATE 22P02 for another text, 22023 for a key of another type than 0x04.';

CREATE FUNCTION bastion_internal.audit_checkpoint_parts(note text, OUT checkpoint text, OUT size bigint, OUT signatures text) RETURNS record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_checkpoint_parts';
COMMENT ON FUNCTION bastion_internal.audit_checkpoint_parts(text) IS
'The parts of a signed checkpoint; signature lines alone have neither checkpoint nor size. SQLSTATE 22P02 for another text, 54000 for a long one.';

CREATE FUNCTION bastion_internal.audit_cosignature(signatures text, checkpoint text, name text, public_key bytea, OUT line text, OUT seconds bigint) RETURNS record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_audit_cosignature';
COMMENT ON FUNCTION bastion_internal.audit_cosignature(text, text, text, bytea) IS
'The first of these lines in which the witness cosigned the checkpoint, and when, in seconds since 1970; NULL for none. SQLSTATE 22P02 for invalid lines, 54000 for too many or long ones, 22023 for an invalid key.';

CREATE FUNCTION bastion.audit_witness_add(verifier_key text) RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    witness CONSTANT record := bastion_internal.audit_witness_key(verifier_key);
BEGIN
    INSERT INTO bastion.audit_witnesses (name, verifier_key, public_key) VALUES (witness.name, audit_witness_add.verifier_key, witness.public_key)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a witness with this name exists' USING ERRCODE = 'unique_violation';
    END IF;
    PERFORM bastion_internal.record_event('audit_witness_added', 'success', NULL, NULL, jsonb_build_object('witness', witness.name));
    RETURN witness.name;
END
$$;
COMMENT ON FUNCTION bastion.audit_witness_add(text) IS
'Adds a witness by its verifier key (C2SP signed-note, type 0x04 of tlog-cosignature): <name>+<id>+<base64 of the key>; returns its name.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22P02 for another text, 22023 for a key of another type, 23505 when there is a witness of this name.';
SELECT bastion_internal.event_kind('audit_witness_added');

CREATE FUNCTION bastion.audit_witness_remove(name text) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.audit_witnesses w WHERE w.name = audit_witness_remove.name;
    IF FOUND THEN
        PERFORM bastion_internal.record_event('audit_witness_removed', 'success', NULL, NULL, jsonb_build_object('witness', name));
    END IF;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion.audit_witness_remove(text) IS
'Removes a witness; its cosignatures stay. False when there is none of this name.
For operators: EXECUTE is granted to nobody.';
SELECT bastion_internal.event_kind('audit_witness_removed');

CREATE FUNCTION bastion_internal.audit_witness_of(name text) RETURNS bastion.audit_witnesses
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    witness bastion.audit_witnesses;
BEGIN
    SELECT w.* INTO witness FROM bastion.audit_witnesses w WHERE w.name = audit_witness_of.name FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'witness does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN witness;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_witness_of(text) IS 'Locks a witness. SQLSTATE 42704 for an unknown one.';

CREATE FUNCTION bastion.audit_witness_request(name text, old_size bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    witness bastion.audit_witnesses := bastion_internal.audit_witness_of(name);
    log bastion.audit_logs := bastion_internal.audit_log_of(NULL);
    known bigint := coalesce(old_size, CASE WHEN witness.era = log.era THEN witness.size ELSE 0 END);
BEGIN
    IF known > log.size THEN
        RAISE EXCEPTION 'the witness knows more of the audit log than this server' USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('It has cosigned %s leaves; the log has %s.', known, log.size),
            HINT = 'After a restore, bastion.audit_new_era() opens a new log.';
    ELSIF known < 0 THEN
        RAISE EXCEPTION 'invalid size of a tree' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE bastion.audit_witnesses w SET era = log.era, requested_size = log.size, size = CASE WHEN w.era = log.era THEN w.size ELSE 0 END
    WHERE w.name = witness.name;
    RETURN format(E'old %s\n%s\n%s', known, bastion_internal.audit_consistency(log.era, known, log.size), bastion.audit_checkpoint(log.size, log.era));
END
$$;
COMMENT ON FUNCTION bastion.audit_witness_request(text, bigint) IS
'The body of a request add-checkpoint to a witness (C2SP tlog-witness), for the log that grows: the size that the witness knows, a consistency proof from it, and the signed checkpoint.
A relay posts it to <prefix>/add-checkpoint and gives the body of an answer 200 to audit_cosignature_add(). For an answer 409 it asks again with the size in that answer as old_size.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown witness or before the first log, 55000 when the witness knows more of the log than this server, 22023 for a negative size, BA001 and BA002 as audit_checkpoint().';

CREATE FUNCTION bastion.audit_cosignature_add(answer text) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given CONSTANT record := bastion_internal.audit_checkpoint_parts(answer);
    log bastion.audit_logs := bastion_internal.audit_log_of(NULL);
    witness bastion.audit_witnesses;
    made record;
    added integer := 0;
BEGIN
    FOR witness IN SELECT w.* FROM bastion.audit_witnesses w ORDER BY w.name FOR UPDATE LOOP
        CONTINUE WHEN given.size IS NULL AND (witness.era IS DISTINCT FROM log.era OR witness.requested_size IS NULL);
        CONTINUE WHEN coalesce(given.size, witness.requested_size) NOT BETWEEN 1 AND log.size;
        made := bastion_internal.audit_cosignature(given.signatures, bastion_internal.audit_checkpoint_text(log, coalesce(given.size, witness.requested_size)),
                                                   witness.name, witness.public_key);
        CONTINUE WHEN made.line IS NULL;
        INSERT INTO bastion.audit_cosignatures (era, size, witness, line, cosigned_at)
        VALUES (log.era, coalesce(given.size, witness.requested_size), witness.name, made.line, to_timestamp(least(made.seconds, 253402300799)))
        ON CONFLICT ON CONSTRAINT audit_cosignatures_pkey DO NOTHING;
        UPDATE bastion.audit_witnesses w SET era = log.era, cosigned_at = to_timestamp(least(made.seconds, 253402300799)),
            size = greatest(CASE WHEN w.era = log.era THEN w.size ELSE 0 END, coalesce(given.size, witness.requested_size))
        WHERE w.name = witness.name;
        added := added + 1;
    END LOOP;
    IF added = 0 THEN
        RAISE EXCEPTION 'no witness cosigned a checkpoint of the audit log' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'The answer belongs to the last bastion.audit_witness_request() of its witness.';
    END IF;
    RETURN added;
END
$$;
COMMENT ON FUNCTION bastion.audit_cosignature_add(text) IS
'Stores the cosignatures of witnesses, which audit_checkpoint() shows from then on; returns how many of the lines are valid cosignatures of known witnesses.
answer is the body with which a witness answered the last audit_witness_request(): signature lines of type 0x04 (C2SP tlog-cosignature). A whole checkpoint with its signatures is taken, too, for its size. Lines of other keys and of other types, such as ML-DSA, are ignored.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22P02 for another text, 22023 when no line is a valid cosignature, 42704 before the first log, 54000 for more than 100 lines or 256 KiB.';
