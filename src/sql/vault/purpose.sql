
-- What operators decide for a purpose of sealed values, in every tenant: whether each opening is recorded, and how old a data key may
-- become. For operators: EXECUTE on everything here is granted to nobody.

CREATE TABLE bastion.purposes (
    purpose text COLLATE "C" NOT NULL,
    record boolean NOT NULL DEFAULT false,
    rotate_every interval,
    CONSTRAINT purposes_pkey PRIMARY KEY (purpose),
    CONSTRAINT purposes_purpose_check CHECK (bastion_internal.is_resource(purpose)),
    CONSTRAINT purposes_rotate_every_check CHECK (bastion_internal.lasts(rotate_every, '1 hour', '100 years'))
);
COMMENT ON TABLE bastion.purposes IS 'What purpose_update() decided for purposes of sealed values; granted to nobody';
COMMENT ON COLUMN bastion.purposes.purpose IS 'The purpose given to seal(); bastion.secrets for secrets, bastion.keys for keys of applications';
COMMENT ON COLUMN bastion.purposes.record IS 'Whether each opening of its values is recorded in bastion.secret_access_log';
COMMENT ON COLUMN bastion.purposes.rotate_every IS 'The age of a data key after which the next seal makes another; NULL: never';
SELECT pg_extension_config_dump('bastion.purposes', '');
ALTER TABLE bastion.purposes ENABLE ROW LEVEL SECURITY;
-- Backends keep both with the data keys.
CREATE TRIGGER purposes_invalidate AFTER INSERT OR UPDATE OR DELETE ON bastion.purposes
FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('keys');
CREATE TRIGGER purposes_invalidate_truncate AFTER TRUNCATE ON bastion.purposes
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('keys');
ALTER TABLE bastion.purposes ENABLE ALWAYS TRIGGER purposes_invalidate;
ALTER TABLE bastion.purposes ENABLE ALWAYS TRIGGER purposes_invalidate_truncate;

CREATE FUNCTION bastion_internal.rotation_check(rotate_every interval) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF rotate_every <> '0' AND NOT bastion_internal.lasts(rotate_every, '1 hour', '100 years') THEN
        RAISE EXCEPTION 'rotate_every must be from 1 hour to 100 years, or 0' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.rotation_check(interval) IS 'Raises SQLSTATE 22023 for a period in which no key can rotate.';

CREATE FUNCTION bastion.purpose_update(purpose text, record boolean DEFAULT NULL, rotate_every interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_extension boolean := purpose IN ('bastion.secrets', 'bastion.keys');
    changed bastion.purposes;
BEGIN
    IF bastion_internal.is_resource(purpose) IS NOT TRUE OR octet_length(purpose) > 100
       OR bastion_internal.is_reserved_resource(purpose) AND NOT of_extension THEN
        RAISE EXCEPTION 'invalid purpose' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name a purpose of seal(), bastion.secrets, or bastion.keys for the versions of keys of applications.';
    ELSIF record AND of_extension THEN
        RAISE EXCEPTION 'only openings of purposes of applications are recorded so' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'secret_get() records each access to a secret.';
    END IF;
    PERFORM bastion_internal.rotation_check(rotate_every);
    INSERT INTO bastion.purposes AS p (purpose, record, rotate_every)
    VALUES (purpose_update.purpose, coalesce(purpose_update.record, false), nullif(purpose_update.rotate_every, '0'))
    ON CONFLICT ON CONSTRAINT purposes_pkey DO UPDATE
    SET record = coalesce(purpose_update.record, p.record),
        rotate_every = CASE WHEN purpose_update.rotate_every IS NULL THEN p.rotate_every ELSE nullif(purpose_update.rotate_every, '0') END
    RETURNING p.* INTO changed;
    PERFORM bastion_internal.record_event('purpose_changed', 'success', NULL, NULL, to_jsonb(changed));
END
$$;
COMMENT ON FUNCTION bastion.purpose_update(text, boolean, interval) IS
'Decides for a purpose of sealed values, in every tenant; NULL changes nothing.
With record, each opening of a value is recorded as that of a secret: a line in the server log before the value leaves, and a row in bastion.secret_access_log (action open). With rotate_every, from 1 hour (0: never), a data key that is older is replaced: the next seal asks for a new version, or makes it where the library is not preloaded. purpose is one of seal(); bastion.secrets and bastion.keys rotate so too.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid purpose or period, and for record with a purpose of the extension.';
SELECT bastion_internal.event_kind('purpose_changed');

CREATE FUNCTION bastion.data_keys_due() RETURNS TABLE (tenant_id uuid, purpose text, version integer, due_since timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.tenant_id, k.purpose, k.version, k.created_at + p.rotate_every
    FROM bastion.data_keys k JOIN bastion.purposes p USING (purpose)
    WHERE k.state = 'active' AND k.created_at + p.rotate_every <= now()
    ORDER BY 4, k.id
$$;
COMMENT ON FUNCTION bastion.data_keys_due() IS
'Lists the active data keys that are older than the rotate_every of their purpose: the next seal replaces each, data_key_rotate() at once.
For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.data_key_replace(key_id integer, event jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_key bastion.data_keys;
BEGIN
    SELECT k.* INTO old_key FROM bastion.data_keys k JOIN bastion.purposes p USING (purpose)
    WHERE k.id = key_id AND k.state = 'active' AND k.created_at + p.rotate_every <= clock_timestamp() FOR UPDATE OF k SKIP LOCKED;
    IF FOUND THEN
        UPDATE bastion.data_keys k SET state = 'decrypt_only' WHERE k.id = key_id;
        PERFORM bastion_internal.data_key_add(old_key.purpose, old_key.tenant_id, event);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.data_key_replace(integer, jsonb) IS
'Makes the next version of a data key that is due, unless another transaction does so, and records it as event, from event_of(). SQLSTATE BA001 without a root key.';

-- Who seals neither waits nor fails for a new key: what cannot be made now is made later, and lint() says that it is due.
CREATE FUNCTION bastion_internal.data_key_renew(key_id integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    request jsonb := (SELECT jsonb_build_object('renews', k.id, 'tenant', k.tenant_id, 'event', bastion_internal.event_of('key_rotated', 'success', NULL, k.tenant_id))
                      FROM bastion.data_keys k WHERE k.id = key_id);
BEGIN
    IF request IS NULL OR bastion_internal.queue_event('d', request::text, false) IS NOT NULL
       OR current_setting('transaction_isolation') <> 'read committed' OR current_setting('transaction_read_only')::boolean THEN
        RETURN;
    END IF;
    PERFORM bastion_internal.data_key_write(request);
END
$$;
COMMENT ON FUNCTION bastion_internal.data_key_renew(integer) IS
'Asks for the next version of a data key that is due. When the library is preloaded, the worker of the queue of events makes it, shortly after; otherwise this transaction does, if it is READ COMMITTED and may write.';
