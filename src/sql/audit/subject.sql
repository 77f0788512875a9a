
-- Erasing what the log of changes says about a person or a tenant.

CREATE FUNCTION bastion_internal.audit_subject_key_make(data_key integer, id integer) RETURNS bytea
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_subject_key_make';
COMMENT ON FUNCTION bastion_internal.audit_subject_key_make(integer, integer) IS
'Makes a random key for personal values, sealed under the data key and bound to this id of bastion.audit_subject_keys. EXECUTE is granted to nobody. SQLSTATE BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.audit_subject_key_add(subject uuid, tenant uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made integer := nextval('bastion.audit_subject_keys_id_seq');
BEGIN
    INSERT INTO bastion.audit_subject_keys (id, subject_id, tenant_id, sealed)
    VALUES (made, subject, tenant, bastion_internal.audit_subject_key_make(bastion_internal.data_key('audit_subject'), made));
    RETURN made;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_subject_key_add(uuid, uuid) IS
'Makes the key of a subject for entries of a tenant; returns its id. For the trigger of audited tables, which has locked bastion.audit_subject_keys and found no key: EXECUTE is granted to nobody. SQLSTATE BA001 without a root key.';

-- The lock waits for transactions that have made a key, which this one would not see.
CREATE FUNCTION bastion.audit_shred(subject uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    added boolean;
    gone bigint;
BEGIN
    IF subject IS NULL THEN
        RAISE EXCEPTION 'subject must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
        -- An older snapshot would not show keys and holds that committed before the locks.
        RAISE EXCEPTION 'a subject is shredded in a READ COMMITTED transaction' USING ERRCODE = 'active_sql_transaction';
    END IF;
    LOCK TABLE bastion.audit_holds IN SHARE MODE;
    LOCK TABLE bastion.audit_subject_keys IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM bastion.audit_holds h
               WHERE h.lifted_at IS NULL
                 AND (subject = h.user_id OR subject = h.tenant_id
                      OR EXISTS (SELECT FROM bastion.audit_subject_keys k WHERE k.subject_id = subject AND k.tenant_id = h.tenant_id)
                      OR EXISTS (SELECT FROM bastion.audit_subject_keys k WHERE k.tenant_id = subject AND k.subject_id = h.user_id))) THEN
        RAISE EXCEPTION 'a legal hold keeps what the log of changes says about this subject' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'bastion.audit_holds has it, and bastion.audit_hold_lift() lifts it.';
    END IF;
    INSERT INTO bastion.audit_subjects (subject_id) VALUES (subject) ON CONFLICT DO NOTHING;
    added := FOUND;
    DELETE FROM bastion.audit_subject_keys k WHERE k.subject_id = subject OR k.tenant_id = subject;
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF added OR gone > 0 THEN
        PERFORM bastion_internal.record_event('audit_shredded', 'success', NULL, NULL, jsonb_build_object('subject', subject, 'keys', gone, 'role', session_user));
    END IF;
    RETURN added OR gone > 0;
END
$$;
COMMENT ON FUNCTION bastion.audit_shred(uuid) IS
'Erases a person or a tenant from the log of changes: destroys the keys under which entries hold personal values about this subject (audit_table(personal => ...)), and of a tenant those of everybody in its entries. bastion.audit then shows {"shredded": true} in their place. Entries, hashes and proofs stay as they are.
Later values about the subject are redacted, for good: the statement that deletes the rows of a person would bring them back.
Returns false when the subject was shredded before and has no key. Waits for transactions that have sealed the first values about a subject; these wait for it. An entry about it, without the values, is written to the log of changes.
It does not reach the audited tables, exports, backups and WAL: docs/AUDIT.md names what stays.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 22004, 25001 unless this is READ COMMITTED, 55000 while a legal hold stands on the subject, on a tenant in whose entries it is, or for a tenant on a person in its entries.';
SELECT bastion_internal.event_kind('audit_shredded');
