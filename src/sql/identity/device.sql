
-- Devices that a user has logged in from. An attempt from a known device is counted apart from those of strangers, so that nobody locks the
-- owner out of it. Tokens appear in assignments only, as in session.sql; a row has the hash of the current one.

CREATE TABLE bastion.user_devices (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    name text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz,
    CONSTRAINT user_devices_pkey PRIMARY KEY (id),
    CONSTRAINT user_devices_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT user_devices_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT user_devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE
);
CREATE INDEX user_devices_user_id_idx ON bastion.user_devices (user_id);
COMMENT ON TABLE bastion.user_devices IS 'Devices that users have logged in from; granted to nobody';
COMMENT ON COLUMN bastion.user_devices.id IS 'Identifier, which is part of the token';
COMMENT ON COLUMN bastion.user_devices.user_id IS 'The user whose device it is';
COMMENT ON COLUMN bastion.user_devices.hash IS 'SHA-256 of the secret in its current token, which itself is not stored';
COMMENT ON COLUMN bastion.user_devices.name IS 'Its name, as the client gives it';
COMMENT ON COLUMN bastion.user_devices.created_at IS 'The first login';
COMMENT ON COLUMN bastion.user_devices.last_used_at IS 'The last login';
COMMENT ON COLUMN bastion.user_devices.revoked_at IS 'When it ceased to be known';
SELECT pg_extension_config_dump('bastion.user_devices', '');
ALTER TABLE bastion.user_devices ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.devices_revoke(user_id uuid) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE bastion.user_devices d SET revoked_at = clock_timestamp() WHERE d.user_id = devices_revoke.user_id AND d.revoked_at IS NULL
$$;
COMMENT ON FUNCTION bastion_internal.devices_revoke(uuid) IS 'Makes every device of a user unknown.';

CREATE FUNCTION bastion_internal.device_find(token text, user_id uuid) RETURNS bastion.user_devices
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named uuid := CASE WHEN token ~ '^bst_dv_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$' THEN substr(token, 8, 32)::uuid END;
    presented bytea := bastion_internal.refresh_token_hash('bsr_' || substr(token, 41));
    found_row bastion.user_devices;
BEGIN
    SELECT * INTO found_row FROM bastion.user_devices d
    WHERE d.id = named AND d.user_id = device_find.user_id AND d.revoked_at IS NULL;
    IF found_row.hash = presented THEN
        RETURN found_row;
    ELSIF found_row.id IS NOT NULL THEN
        -- A thief has the token of before, or the thief used it and this is the owner.
        UPDATE bastion.user_devices d SET revoked_at = clock_timestamp() WHERE d.id = found_row.id;
        PERFORM bastion_internal.record_event('device_refused', 'refused', device_find.user_id, NULL, jsonb_build_object('device', found_row.id));
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.device_find(text, uuid) IS
'The known device of a user whose current token this is; NULL for any other text. An earlier token of a device makes it unknown.';
SELECT bastion_internal.event_kind('device_refused');

CREATE FUNCTION bastion_internal.device_keep(answer jsonb, known bastion.user_devices, wanted boolean, user_id uuid, name text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret text;
    made text;
    new_hash bytea;
    kept uuid;
BEGIN
    IF NOT answer ? 'access_token' THEN
        RETURN answer;
    ELSIF known.id IS NULL THEN
        -- Only here: what a known device proves says nothing about the attempts of strangers.
        PERFORM bastion_internal.attempts_forget_at_commit(device_keep.user_id);
    END IF;
    IF NOT wanted THEN
        RETURN answer;
    END IF;
    secret := bastion_internal.refresh_token_make();
    new_hash := bastion_internal.refresh_token_hash(secret);
    IF known.id IS NOT NULL THEN
        UPDATE bastion.user_devices d SET hash = new_hash, last_used_at = clock_timestamp(), name = coalesce(device_keep.name, d.name)
        WHERE d.id = known.id AND d.revoked_at IS NULL RETURNING d.id INTO kept;
    END IF;
    IF kept IS NULL THEN
        DELETE FROM bastion.user_devices d WHERE d.user_id = device_keep.user_id AND d.revoked_at IS NOT NULL;
        DELETE FROM bastion.user_devices d WHERE d.id IN (
            SELECT o.id FROM bastion.user_devices o WHERE o.user_id = device_keep.user_id ORDER BY o.last_used_at DESC, o.id OFFSET 19);
        INSERT INTO bastion.user_devices (user_id, hash, name) VALUES (device_keep.user_id, new_hash, device_keep.name) RETURNING id INTO kept;
    END IF;
    made := 'bst_dv_' || replace(kept::text, '-', '') || '_' || substr(secret, 5);
    RETURN answer || jsonb_build_object('device_token', made);
END
$$;
COMMENT ON FUNCTION bastion_internal.device_keep(jsonb, bastion.user_devices, boolean, uuid, text) IS
'Adds device_token to the answer of a login that began a session: the next token of a known device, or that of a new one, if the client wants one. A user has at most 20; the one that was used longest ago goes. After a login from no known device, the attempts to log in are forgotten.';

-- The user's own devices

CREATE FUNCTION bastion_api.devices() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    owner := bastion.user_id();
    RETURN bastion_internal.answer((SELECT jsonb_build_object('devices', coalesce(jsonb_agg(jsonb_build_object(
            'id', d.id, 'name', d.name, 'created_at', d.created_at, 'last_used_at', d.last_used_at) ORDER BY d.last_used_at DESC, d.id), '[]'))
        FROM bastion.user_devices d WHERE d.user_id = owner AND d.revoked_at IS NULL));
END
$$;
COMMENT ON FUNCTION bastion_api.devices() IS
'Lists the known devices of the user of this transaction, the one used last first: {"devices": [{id, name, created_at, last_used_at}]}.
Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25000 when the transaction has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.devices()', 'application');

CREATE FUNCTION bastion_api.device_rename(id uuid, device text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of a device');
    IF NOT bastion_internal.is_label(device) THEN
        RETURN bastion_internal.refusal('invalid_request', 'the name of a device has 1 to 200 printable characters');
    END IF;
    owner := bastion.user_id();
    UPDATE bastion.user_devices d SET name = device_rename.device
    WHERE d.id = device_rename.id AND d.user_id = owner AND d.revoked_at IS NULL;
    RETURN bastion_internal.answer(jsonb_build_object('changed', FOUND));
END
$$;
COMMENT ON FUNCTION bastion_api.device_rename(uuid, text) IS
'Names a known device of the user of this transaction, as devices() shows it; NULL removes the name.
Returns {"changed": whether there is such a device}. Refusals: invalid_request for a name that is no label, unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.device_rename(uuid, text)', 'application');

CREATE FUNCTION bastion_api.device_revoke(id uuid) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused jsonb := bastion_internal.caller_refusal(in_person => true);
    owner uuid;
    is_revoked boolean;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    PERFORM bastion_internal.require_writable('a change of a device');
    owner := bastion.user_id();
    UPDATE bastion.user_devices d SET revoked_at = clock_timestamp()
    WHERE d.id = device_revoke.id AND d.user_id = owner AND d.revoked_at IS NULL;
    is_revoked := FOUND;
    IF is_revoked THEN
        PERFORM bastion_internal.record_event('device_revoked', 'success', owner, bastion.tenant_id(), jsonb_build_object('device', device_revoke.id));
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('revoked', is_revoked));
END
$$;
COMMENT ON FUNCTION bastion_api.device_revoke(uuid) IS
'Makes a device of the user of this transaction unknown: its token counts for nothing. Sessions that it began go on; session_revoke() ends them.
Returns {"revoked": whether this did}. Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.device_revoke(uuid)', 'application');
SELECT bastion_internal.event_kind('device_revoked');
