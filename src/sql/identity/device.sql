
-- Devices that a user has logged in from. An attempt from a known device is counted apart from those of strangers, so that nobody locks the
-- owner out of it. Tokens appear in assignments only, as in session.sql; a row has the hashes of the current one and of the one before.

CREATE TABLE bastion.user_devices (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    previous_hash bytea,
    pepper integer,
    name text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT user_devices_pkey PRIMARY KEY (id),
    CONSTRAINT user_devices_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT user_devices_previous_hash_check CHECK (octet_length(previous_hash) = 32 AND (previous_hash IS NULL) = (pepper IS NULL)),
    CONSTRAINT user_devices_name_check CHECK (bastion_internal.is_label(name)),
    CONSTRAINT user_devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES bastion.users (id) ON DELETE CASCADE,
    CONSTRAINT user_devices_pepper_fkey FOREIGN KEY (pepper) REFERENCES bastion.peppers (version)
);
CREATE INDEX user_devices_user_id_idx ON bastion.user_devices (user_id);
COMMENT ON TABLE bastion.user_devices IS 'Devices that users have logged in from; granted to nobody';
COMMENT ON COLUMN bastion.user_devices.id IS 'Identifier, which is part of the token';
COMMENT ON COLUMN bastion.user_devices.user_id IS 'The user whose device it is';
COMMENT ON COLUMN bastion.user_devices.hash IS 'SHA-256 of the secret in its current token, which itself is not stored';
COMMENT ON COLUMN bastion.user_devices.previous_hash IS 'That of the token before, which is good for bastion.refresh_reuse_window from last_used_at; NULL: there was none';
COMMENT ON COLUMN bastion.user_devices.pepper IS 'The pepper with which the current token was derived from the one before';
COMMENT ON COLUMN bastion.user_devices.name IS 'Its name, as the client gives it';
COMMENT ON COLUMN bastion.user_devices.created_at IS 'The first login';
COMMENT ON COLUMN bastion.user_devices.last_used_at IS 'The last login';
COMMENT ON COLUMN bastion.user_devices.confirmed_at IS 'When the user last presented a second factor on it and had it remembered; NULL: never';
COMMENT ON COLUMN bastion.user_devices.revoked_at IS 'When it ceased to be known';
SELECT pg_extension_config_dump('bastion.user_devices', '');
ALTER TABLE bastion.user_devices ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION bastion_internal.devices_revoke(user_id uuid, device uuid DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_revoked boolean;
BEGIN
    UPDATE bastion.user_devices d SET revoked_at = clock_timestamp()
    WHERE d.user_id = devices_revoke.user_id AND d.revoked_at IS NULL AND (devices_revoke.device IS NULL OR d.id = devices_revoke.device);
    is_revoked := FOUND;
    -- In a statement of its own, which sees the session of a login that held the device.
    UPDATE bastion.sessions s SET remembered_at = '-infinity'
    WHERE (is_revoked OR devices_revoke.device IS NULL) AND s.user_id = devices_revoke.user_id AND s.remembered_at > '-infinity' AND s.revoked_at IS NULL;
    RETURN is_revoked;
END
$$;
COMMENT ON FUNCTION bastion_internal.devices_revoke(uuid, uuid) IS
'Makes a device of a user unknown, or every one; false if there is none. No remembered device stands in for a second factor in the sessions of the user any more.';

CREATE FUNCTION bastion_internal.device_remembered_at(device uuid, user_id uuid, tenant_id uuid) RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.confirmed_at FROM bastion.user_devices d JOIN bastion.tenants t ON t.id = device_remembered_at.tenant_id
    WHERE d.id = device AND d.user_id = device_remembered_at.user_id AND d.revoked_at IS NULL
      AND t.mfa = 'required' AND d.confirmed_at + t.mfa_remember > clock_timestamp()
$$;
COMMENT ON FUNCTION bastion_internal.device_remembered_at(uuid, uuid, uuid) IS
'When the user last presented a second factor on a known device, if it is remembered and stands in for that factor in this tenant (tenants.mfa_remember); else NULL.';

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
    IF found_row.hash = presented OR (found_row.previous_hash = presented
            AND clock_timestamp() <= found_row.last_used_at + bastion_internal.setting_seconds('bastion.refresh_reuse_window')) THEN
        RETURN found_row;
    ELSIF found_row.id IS NOT NULL THEN
        -- A thief has the token of before, or the thief used it and this is the owner.
        PERFORM bastion_internal.devices_revoke(found_row.user_id, found_row.id);
        PERFORM bastion_internal.record_event('device_refused', 'refused', device_find.user_id, NULL, jsonb_build_object('device', found_row.id));
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.device_find(text, uuid) IS
'The known device of a user whose current token this is, or, for bastion.refresh_reuse_window, the one before; NULL for any other text. Any earlier token of a device makes it unknown.';
SELECT bastion_internal.event_kind('device_refused');

CREATE FUNCTION bastion_internal.device_keep(answer jsonb, known bastion.user_devices, token text, user_id uuid, name text,
                                             remember boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    presented text := 'bsr_' || substr(token, 41);
    presented_hash bytea := bastion_internal.refresh_token_hash(presented);
    kept bastion.user_devices;
    evicted bastion.user_devices;
    secret text;
    new_hash bytea;
BEGIN
    IF NOT answer ? 'access_token' THEN
        RETURN answer;
    ELSIF known.id IS NULL THEN
        -- Only here: what a known device proves says nothing about the attempts of strangers.
        PERFORM bastion_internal.attempts_forget_at_commit(device_keep.user_id);
    ELSE
        PERFORM bastion_internal.throttle_clear_at_commit('device', known.id::text);
    END IF;
    IF token IS NULL THEN
        RETURN answer;
    END IF;
    -- The user is locked, so this shows a token that another login with the same one got meanwhile.
    SELECT * INTO kept FROM bastion.user_devices d
    WHERE d.id = known.id AND d.revoked_at IS NULL AND presented_hash IN (d.hash, d.previous_hash) FOR NO KEY UPDATE;
    IF kept.hash = presented_hash THEN
        kept.pepper := bastion_internal.pepper();
        secret := bastion_internal.refresh_token_next(presented, kept.pepper);
        new_hash := bastion_internal.refresh_token_hash(secret);
        UPDATE bastion.user_devices d SET hash = new_hash, previous_hash = presented_hash, pepper = kept.pepper, last_used_at = clock_timestamp(),
            name = coalesce(device_keep.name, d.name)
        WHERE d.id = kept.id;
    ELSIF kept.id IS NOT NULL THEN
        secret := bastion_internal.refresh_token_next(presented, kept.pepper);
    ELSE
        secret := bastion_internal.refresh_token_make();
        new_hash := bastion_internal.refresh_token_hash(secret);
        DELETE FROM bastion.user_devices d WHERE d.user_id = device_keep.user_id AND d.revoked_at IS NOT NULL;
        FOR evicted IN SELECT * FROM bastion.user_devices o WHERE o.user_id = device_keep.user_id ORDER BY o.last_used_at DESC, o.id OFFSET 19 LOOP
            -- One that is remembered must not stand in for a second factor when nobody can revoke it any more.
            IF evicted.confirmed_at IS NOT NULL THEN
                PERFORM bastion_internal.devices_revoke(device_keep.user_id, evicted.id);
            END IF;
            DELETE FROM bastion.user_devices d WHERE d.id = evicted.id;
        END LOOP;
        INSERT INTO bastion.user_devices (user_id, hash, name) VALUES (device_keep.user_id, new_hash, device_keep.name) RETURNING * INTO kept;
    END IF;
    IF remember THEN
        UPDATE bastion.user_devices d SET confirmed_at = clock_timestamp() WHERE d.id = kept.id;
    END IF;
    secret := 'bst_dv_' || replace(kept.id::text, '-', '') || '_' || substr(secret, 5);
    RETURN answer || jsonb_build_object('device_token', secret);
END
$$;
COMMENT ON FUNCTION bastion_internal.device_keep(jsonb, bastion.user_devices, text, uuid, text, boolean) IS
'Adds device_token to the answer of a login that began a session: the next token of a known device, or that of a new one, if the client presented any text. The same token always has the same next one. remember: a second factor was presented in this login, and the user wants none on this device for a while. A user has at most 20 devices; the one that was used longest ago goes, and if it was remembered, it ends as by device_revoke(). When the transaction commits, failed attempts from this known device are forgotten, and after a login from no known device those to log in to the account.
SQLSTATE BA001 without a root key.';

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
            'id', d.id, 'name', d.name, 'created_at', d.created_at, 'last_used_at', d.last_used_at, 'confirmed_at', d.confirmed_at) ORDER BY d.last_used_at DESC, d.id), '[]'))
        FROM bastion.user_devices d WHERE d.user_id = owner AND d.revoked_at IS NULL));
END
$$;
COMMENT ON FUNCTION bastion_api.devices() IS
'Lists the known devices of the user of this transaction, the one used last first: {"devices": [{id, name, created_at, last_used_at, confirmed_at: when a second factor was last presented there and the device remembered, else null}]}.
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
    is_revoked := device_revoke.id IS NOT NULL AND bastion_internal.devices_revoke(owner, device_revoke.id);
    IF is_revoked THEN
        PERFORM bastion_internal.record_event('device_revoked', 'success', owner, bastion.tenant_id(), jsonb_build_object('device', device_revoke.id));
    END IF;
    RETURN bastion_internal.answer(jsonb_build_object('revoked', is_revoked));
END
$$;
COMMENT ON FUNCTION bastion_api.device_revoke(uuid) IS
'Makes a device of the user of this transaction unknown: its token counts for nothing. Sessions that it began go on; session_revoke() ends them. Those that began without a second factor, because a device was remembered, need it from then on.
Returns {"revoked": whether this did}. Refusals: unauthenticated, invalid_token, insufficient_scope with an API key and under impersonation.
SQLSTATE 25006 in a READ ONLY transaction, 25000 when it has another identity already.';
SELECT bastion_internal.callable_by('bastion_api.device_revoke(uuid)', 'application');
SELECT bastion_internal.event_kind('device_revoked');
