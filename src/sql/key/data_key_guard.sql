
-- Guards of data keys: while one covers a key, nothing disables, shreds or deletes it. For operators: EXECUTE on everything here is
-- granted to nobody.

CREATE TABLE bastion.data_key_guards (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    tenant_id uuid,
    purpose text COLLATE "C",
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT data_key_guards_pkey PRIMARY KEY (id),
    CONSTRAINT data_key_guards_tenant_id_purpose_key UNIQUE NULLS NOT DISTINCT (tenant_id, purpose),
    CONSTRAINT data_key_guards_reason_check CHECK (bastion_internal.is_label(reason)),
    CONSTRAINT data_key_guards_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES bastion.tenants (id)
);
COMMENT ON TABLE bastion.data_key_guards IS 'The data keys that nothing destroys, such as those of evidence; granted to nobody';
COMMENT ON COLUMN bastion.data_key_guards.id IS 'Identifier';
COMMENT ON COLUMN bastion.data_key_guards.tenant_id IS 'The tenant whose keys are guarded; NULL for all';
COMMENT ON COLUMN bastion.data_key_guards.purpose IS 'The purpose whose keys are guarded; NULL for all';
COMMENT ON COLUMN bastion.data_key_guards.reason IS 'Why they are kept';
COMMENT ON COLUMN bastion.data_key_guards.created_at IS 'Since when';
SELECT pg_extension_config_dump('bastion.data_key_guards', '');
ALTER TABLE bastion.data_key_guards ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.data_key_guard(tenant uuid, purpose text) RETURNS text
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_data_key_guard';
COMMENT ON FUNCTION bastion_internal.data_key_guard(uuid, text) IS
'The reason of a guard over the data keys of a tenant (NULL: the extension itself) and purpose, NULL for all keys; NULL without one. Read under a fresh snapshot: a transaction that began before the guard obeys it.';

CREATE FUNCTION bastion_internal.keep_guarded_key() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    why text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF bastion_internal.data_key_guard(NULL, NULL) IS NOT NULL THEN
            RAISE EXCEPTION 'data keys are guarded' USING ERRCODE = 'object_in_use', HINT = 'TABLE bastion.data_key_guards;';
        END IF;
        RETURN NULL;
    ELSIF TG_OP = 'UPDATE' AND NEW.state IN ('active', 'decrypt_only') AND NEW.wrapped IS NOT NULL
       AND (NEW.tenant_id, NEW.purpose) IS NOT DISTINCT FROM (OLD.tenant_id, OLD.purpose) THEN
        RETURN NEW;
    END IF;
    -- The statement holds the table: data_key_guard_set() waits for this transaction, or this one sees its guard.
    why := bastion_internal.data_key_guard(OLD.tenant_id, OLD.purpose);
    IF why IS NOT NULL THEN
        RAISE EXCEPTION 'data key is guarded: %', why USING ERRCODE = 'object_in_use',
            DETAIL = format('Purpose %s, version %s, of tenant %s.', OLD.purpose, OLD.version, coalesce(OLD.tenant_id::text, 'none')),
            HINT = 'TABLE bastion.data_key_guards; bastion.data_key_guard_remove() ends a guard.';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_guarded_key() IS 'Trigger: refuses to disable, shred or delete a data key that a guard covers. SQLSTATE 55006.';
CREATE TRIGGER data_keys_keep_guarded BEFORE UPDATE OF state, wrapped, tenant_id, purpose OR DELETE ON bastion.data_keys
FOR EACH ROW EXECUTE FUNCTION bastion_internal.keep_guarded_key();
ALTER TABLE bastion.data_keys ENABLE ALWAYS TRIGGER data_keys_keep_guarded;
CREATE TRIGGER data_keys_keep_guarded_truncate BEFORE TRUNCATE ON bastion.data_keys
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_guarded_key();
ALTER TABLE bastion.data_keys ENABLE ALWAYS TRIGGER data_keys_keep_guarded_truncate;
COMMENT ON TRIGGER data_keys_keep_guarded_truncate ON bastion.data_keys IS 'Nothing empties the table while a guard stands';
COMMENT ON TRIGGER data_keys_keep_guarded ON bastion.data_keys IS 'Keys under a guard of data_key_guard_set() are not destroyed';

CREATE FUNCTION bastion.data_key_guard_set(reason text, purpose text DEFAULT NULL, tenant text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    only_tenant uuid := bastion_internal.require_tenant_or_null(tenant);
BEGIN
    IF bastion_internal.is_label(reason) IS NOT TRUE OR bastion_internal.is_resource(purpose) IS FALSE THEN
        RAISE EXCEPTION 'invalid guard' USING ERRCODE = 'invalid_parameter_value', HINT = 'Say why in at most 200 characters, and name a purpose of seal().';
    END IF;
    -- Waits for transactions that destroy keys: they have not seen the guard.
    LOCK TABLE bastion.data_keys IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO bastion.data_key_guards AS g (tenant_id, purpose, reason) VALUES (only_tenant, data_key_guard_set.purpose, data_key_guard_set.reason)
    ON CONFLICT ON CONSTRAINT data_key_guards_tenant_id_purpose_key DO UPDATE SET reason = EXCLUDED.reason;
END
$$;
COMMENT ON FUNCTION bastion.data_key_guard_set(text, text, text) IS
'Guards the data keys of a purpose, of a tenant (uuid or slug), or of both; NULL means all. tenant_shred(), tenant_delete(), keys_discard() and min_decryption_version_set() then fail with SQLSTATE 55006, and a DELETE too; the tenant itself cannot be deleted. Keys still rotate. Waits for the transactions that change data keys.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for a malformed reason or purpose, 42704 for an unknown tenant.';

CREATE FUNCTION bastion.data_key_guard_remove(purpose text DEFAULT NULL, tenant text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    only_tenant uuid := bastion_internal.require_tenant_or_null(tenant);
BEGIN
    DELETE FROM bastion.data_key_guards g
    WHERE g.tenant_id IS NOT DISTINCT FROM only_tenant AND g.purpose IS NOT DISTINCT FROM data_key_guard_remove.purpose;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion.data_key_guard_remove(text, text) IS
'Ends the guard that data_key_guard_set() made with the same purpose and tenant; returns whether there was one.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown tenant.';
