
-- Storing, opening, changing and deleting secrets. Only the user, and API keys of the user whose scopes name own.secrets.read or
-- own.secrets.manage, reach the user's own secrets. Secrets of the tenant need tenant.secrets.open to open and tenant.secrets.manage
-- to change, held in the whole tenant; secrets of a unit need them there. A folder may have permissions of its own instead. Every
-- access is written to the server log before a value is returned, and to secret_access_log.

CREATE FUNCTION bastion_internal.secret_access_write(entry jsonb) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO bastion.secret_access_log (occurred_at, action, secret_id, name, version, tenant_id, user_id, actor_id, delegation_id, session_id,
                                           ip, user_agent, purpose, bound_to)
    SELECT e.occurred_at, e.action, e.secret, e.name, e.version, e.tenant, e."user", e.actor, e.delegation, e.session, e.ip, e.user_agent, e.purpose, e.bound_to
    FROM jsonb_to_record(entry) e (occurred_at timestamptz, action text, secret uuid, name text, version integer, tenant uuid,
                                   "user" uuid, actor uuid, delegation uuid, session uuid, ip inet, user_agent text, purpose text, bound_to text);
    SELECT bastion_internal.event_entry(entry - '{user,action,secret,name,version,purpose,bound_to}'::text[] || jsonb_build_object(
        'kind', 'secret_' || (entry ->> 'action'), 'outcome', 'success', 'subject', entry -> 'user',
        'detail', jsonb_strip_nulls(jsonb_build_object('secret', entry -> 'secret', 'name', entry -> 'name', 'version', entry -> 'version',
                                                       'purpose', entry -> 'purpose', 'bound_to', entry -> 'bound_to'))))
$$;
COMMENT ON FUNCTION bastion_internal.secret_access_write(jsonb) IS
'Adds a row to bastion.secret_access_log, and event_entry().';

CREATE FUNCTION bastion_internal.leader_address() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT host(l.client_addr) FROM pg_stat_activity w JOIN pg_stat_activity l ON l.pid = coalesce(w.leader_pid, w.pid) WHERE w.pid = pg_backend_pid()
$$;
COMMENT ON FUNCTION bastion_internal.leader_address() IS
'The address of the database client while a parallel plan runs, for workers, which have none; NULL on a Unix socket.';

CREATE FUNCTION bastion_internal.secret_record(action text, secret bastion.secrets, version integer, purpose text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_secret_record';
COMMENT ON FUNCTION bastion_internal.secret_record(text, bastion.secrets, integer, text) IS
'Records a change of a secret, with who acts: always a line in the server log, and a row of bastion.secret_access_log, which belongs to the transaction of the change.
SQLSTATE 22004 without an action or a secret, 22023 for another action than that of a change; when bastion.secret_log is strict, 25006 where no row can be written.';

CREATE FUNCTION bastion_internal.opening_record(tenant uuid, purpose text, bound_to text, key_name text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_opening_record';
COMMENT ON FUNCTION bastion_internal.opening_record(uuid, text, text, text) IS
'Records, as secret_get() does, that a key was opened which was wrapped under the managed key of this name. open_text() records in the same way.
When the library is preloaded, the row goes through the queue of events; otherwise it is written if the transaction can write and is in no parallel plan.
SQLSTATE 23514 without a purpose; when bastion.secret_log is strict, 25006 where no row can be written without the queue, 53000 when the queue does not write the row in time.';

CREATE FUNCTION bastion_internal.may_secret(name text, unit_id uuid, action text) RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_may_secret';
COMMENT ON FUNCTION bastion_internal.may_secret(text, uuid, text) IS
'Whether the user of this transaction may do this (read, open or manage) to a secret of this name, of the tenant or of a unit. SQLSTATE 22023 for another use, 28000 for a refused token.';

CREATE FUNCTION bastion_internal.secret_require(name text, unit_id uuid, action text) RETURNS void
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_secret_require';
COMMENT ON FUNCTION bastion_internal.secret_require(text, uuid, text) IS 'Raises SQLSTATE 42501 unless may_secret(); 22023 for another use than read, open or manage, 28000 for a refused token.';

CREATE FUNCTION bastion_internal.secret_location(name text, own boolean, unit text, action text) RETURNS bastion.secrets
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_secret_location';
COMMENT ON FUNCTION bastion_internal.secret_location(text, boolean, text, text) IS
'Where a secret of this name is: tenant, and owner or unit; the rest is NULL. Checks that the user of this transaction may do this (read, open or manage) there.
SQLSTATE 22023 for an own secret of a unit and for another use, 28000 for a refused token, 42501, 42704 for an unknown unit.';

CREATE FUNCTION bastion_internal.secret_find(name text, own boolean, unit text, action text) RETURNS bastion.secrets
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_secret_find';
COMMENT ON FUNCTION bastion_internal.secret_find(text, boolean, text, text) IS
'Finds the secret of this name, of the user, a unit or the tenant, for read, open or manage. Locks nothing. SQLSTATE 22023, 28000, 42501, 42704.';

CREATE FUNCTION bastion_internal.secret_by_id(secret uuid, action text) RETURNS bastion.secrets
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_secret_by_id';
COMMENT ON FUNCTION bastion_internal.secret_by_id(uuid, text) IS
'Finds a secret by its id, for read, open or manage; for manage also the own secret of a user who left. SQLSTATE 22023 for another use, 28000, 42501, 42704.';

-- A concurrent deletion, or another name, since secret_find(): what was found and allowed is not what would change. So every change
-- compares the name and left_at again.
CREATE FUNCTION bastion_internal.secret_gone() RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'secret does not exist' USING ERRCODE = 'undefined_object';
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_gone() IS 'Raises SQLSTATE 42704.';

CREATE FUNCTION bastion_internal.secret_place(secret_id uuid, version integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT secret_id || '/' || version $$;
COMMENT ON FUNCTION bastion_internal.secret_place(uuid, integer) IS 'The text to which the value of a secret is bound.';

CREATE FUNCTION bastion_internal.secret_flaw(name text, provider text, type text, tags text[], metadata jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bastion_internal.is_name(name) IS NOT TRUE THEN 'the name is invalid'
                WHEN NOT bastion_internal.is_label(provider) THEN 'the provider is invalid'
                WHEN NOT bastion_internal.is_label(type) THEN 'the type is invalid'
                WHEN array_ndims(tags) > 1 OR cardinality(tags) > 50 OR array_position(tags, NULL) IS NOT NULL OR octet_length(array_to_string(tags, ',')) > 4000
                    THEN 'the tags are more than 50 words'
                WHEN jsonb_typeof(metadata) <> 'object' OR octet_length(metadata::text) > 16384 THEN 'the metadata is no JSON object of at most 16 KiB' END
$$;
COMMENT ON FUNCTION bastion_internal.secret_flaw(text, text, text, text[], jsonb) IS 'Why these may not describe a secret; NULL if they may.';

CREATE FUNCTION bastion_internal.secret_check(name text, provider text, type text, tags text[], metadata jsonb, has_value boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT has_value OR bastion_internal.secret_flaw(name, provider, type, tags, metadata) IS NOT NULL THEN
        RAISE EXCEPTION 'invalid secret' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name, provider and type have at most 200 characters, the name visible ones in Unicode''s form NFC, tags at most 50 words, metadata is a JSON object of at most 16 KiB; the value must not be NULL.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_check(text, text, text, text[], jsonb, boolean) IS 'Raises SQLSTATE 22023 unless these may describe a secret.';

CREATE FUNCTION bastion_internal.secret_metadata(old jsonb, patch jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    metadata jsonb := old || coalesce(patch, '{}');
BEGIN
    metadata := metadata - ARRAY(SELECT p.key FROM jsonb_each(patch) p WHERE p.value = 'null');
    IF octet_length(metadata::text) > 16384 THEN
        RAISE EXCEPTION 'invalid secret' USING ERRCODE = 'invalid_parameter_value', HINT = 'Metadata is a JSON object of at most 16 KiB.';
    END IF;
    RETURN metadata;
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_metadata(jsonb, jsonb) IS
'The members of old with those of patch in their place; a member that is null in patch goes. SQLSTATE 22023 above 16 KiB.';

CREATE FUNCTION bastion_internal.secret_versions_expire(secret bastion.secrets) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    expired bigint;
BEGIN
    DELETE FROM bastion.secret_versions v
    WHERE v.secret_id = secret.id AND v.version < secret.version
      AND (v.version <= secret.version - secret.max_versions OR v.created_at <= clock_timestamp() - secret.max_version_age);
    GET DIAGNOSTICS expired = ROW_COUNT;
    RETURN expired;
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_versions_expire(bastion.secrets) IS
'Deletes the versions of a secret beyond max_versions and max_version_age, never the newest; returns their number.';

CREATE FUNCTION bastion_internal.secret_store(place bastion.secrets, has_value boolean, provider text, type text, tags text[], expires_at timestamptz,
                                              metadata jsonb, expected_version integer) RETURNS bastion.secrets
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets;
BEGIN
    PERFORM bastion_internal.secret_check(place.name, provider, type, tags, metadata, has_value);
    IF place.owner_id IS NOT NULL THEN
        -- A membership that ends meanwhile closes what is stored here: it waits for this transaction, or this one for it.
        PERFORM FROM bastion.memberships m WHERE m.user_id = place.owner_id AND m.tenant_id = place.tenant_id LIMIT 1 FOR KEY SHARE;
        IF NOT FOUND AND NOT EXISTS (SELECT FROM bastion.platform_roles p WHERE p.user_id = place.owner_id) THEN
            RAISE EXCEPTION 'no tenant in this transaction' USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    PERFORM bastion_internal.data_key('bastion.secrets', place.tenant_id);
    INSERT INTO bastion.secrets AS s (tenant_id, owner_id, unit_id, name, provider, type, tags, metadata, expires_at, created_by)
    VALUES (place.tenant_id, place.owner_id, place.unit_id, place.name, secret_store.provider, secret_store.type, coalesce(secret_store.tags, '{}'),
            bastion_internal.secret_metadata('{}', secret_store.metadata), secret_store.expires_at, bastion.user_id())
    ON CONFLICT ON CONSTRAINT secrets_place_key DO UPDATE
    SET provider = coalesce(secret_store.provider, s.provider), type = coalesce(secret_store.type, s.type), tags = coalesce(secret_store.tags, s.tags),
        metadata = bastion_internal.secret_metadata(s.metadata, secret_store.metadata), expires_at = coalesce(secret_store.expires_at, s.expires_at),
        active = true, version = s.version + 1, updated_at = now()
    RETURNING s.* INTO secret;
    IF secret.version - 1 <> expected_version THEN
        RAISE EXCEPTION 'secret has another version' USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('Version %s was expected.', expected_version), HINT = 'Read it again; expected_version => 0 expects that the secret does not exist.';
    END IF;
    RETURN secret;
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_store(bastion.secrets, boolean, text, text, text[], timestamptz, jsonb, integer) IS
'Adds a version, without a value yet, to the secret in a place, and the secret if there is none.
SQLSTATE 22023 for an invalid description or no value, 55000 when expected_version is not the version, BA001 without a root key.';

CREATE FUNCTION bastion_internal.secret_keep(secret bastion.secrets, value bastion.sealed, format text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO bastion.secret_versions (secret_id, version, value, format, created_by)
    VALUES (secret.id, secret.version, value, format, bastion.user_id());
    PERFORM bastion_internal.secret_versions_expire(secret);
    PERFORM bastion_internal.secret_record('put', secret, secret.version, NULL);
    RETURN secret.version;
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_keep(bastion.secrets, bastion.sealed, text) IS
'Writes the value of the newest version of a secret, and records it; returns the version.';

CREATE FUNCTION bastion_internal.secret_put_text(place bastion.secrets, value text, format text, provider text, type text, tags text[], expires_at timestamptz,
                                                 metadata jsonb, expected_version integer) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets := bastion_internal.secret_store(place, value IS NOT NULL, provider, type, tags, expires_at, metadata, expected_version);
BEGIN
    RETURN bastion_internal.secret_keep(secret, bastion.seal_for(secret.tenant_id, value, 'bastion.secrets',
                                                                 bastion_internal.secret_place(secret.id, secret.version)), format);
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_put_text(bastion.secrets, text, text, text, text, text[], timestamptz, jsonb, integer) IS
'Stores text, or JSON as text, as a new version of the secret in a place; returns the version.
SQLSTATE as secret_store(), 54000 above 1 GB, BA002, BA003.';

CREATE FUNCTION bastion.secret_put(name text, value text, provider text DEFAULT NULL, type text DEFAULT NULL, tags text[] DEFAULT NULL,
                                   expires_at timestamptz DEFAULT NULL, own boolean DEFAULT false, metadata jsonb DEFAULT NULL,
                                   expected_version integer DEFAULT NULL, unit text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.secret_put_text(bastion_internal.secret_location(name, own, unit, 'manage'), value, 'text', provider, type, tags, expires_at, metadata,
                                            expected_version);
END
$$;
COMMENT ON FUNCTION bastion.secret_put(text, text, text, text, text[], timestamptz, boolean, jsonb, integer, text) IS
'Stores a sealed secret under a name, as a new version if the name exists already; returns the version.
It activates the secret. provider, type, tags and expires_at of a secret that exists stay unless they are given; expires_at => infinity means never. metadata is a JSON object: its members replace those of the same name, and null removes one. With expected_version, it fails unless that is the newest version; 0 expects that the secret does not exist. Versions beyond the limits of secret_update() are deleted.
The name means a secret of the tenant, which needs tenant.secrets.manage in the whole tenant. With unit (slug or uuid), it means one of that unit, which needs it there. With own, it means the user''s own: an API key needs own.secrets.manage in its scopes, and impersonators cannot do it. secret_folder_register() may name another permission for a folder. Send the value as a parameter.
SQLSTATE 22023 for invalid arguments, 25006 in a READ ONLY transaction, 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown unit, 54000 above 1 GB, 55000 when expected_version is not the version, BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';
SELECT bastion_internal.callable_by('bastion.secret_put(text, text, text, text, text[], timestamptz, boolean, jsonb, integer, text)', 'application');

CREATE FUNCTION bastion.secret_put(name text, value bytea, provider text DEFAULT NULL, type text DEFAULT NULL, tags text[] DEFAULT NULL,
                                   expires_at timestamptz DEFAULT NULL, own boolean DEFAULT false, metadata jsonb DEFAULT NULL,
                                   expected_version integer DEFAULT NULL, unit text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets := bastion_internal.secret_location(secret_put.name, own, unit, 'manage');
BEGIN
    secret := bastion_internal.secret_store(secret, value IS NOT NULL, provider, type, tags, expires_at, metadata, expected_version);
    RETURN bastion_internal.secret_keep(secret, bastion.seal_for(secret.tenant_id, secret_put.value, 'bastion.secrets',
                                                                 bastion_internal.secret_place(secret.id, secret.version)), 'bytea');
END
$$;
COMMENT ON FUNCTION bastion.secret_put(text, bytea, text, text, text[], timestamptz, boolean, jsonb, integer, text) IS
'Stores binary data as a sealed secret; returns the version. secret_get_bytea() opens it.
Arguments and permissions are those of secret_put() for text.
SQLSTATE 22023 for invalid arguments, 25006 in a READ ONLY transaction, 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown unit, 54000 above 1 GB, 55000 when expected_version is not the version, BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';
SELECT bastion_internal.callable_by('bastion.secret_put(text, bytea, text, text, text[], timestamptz, boolean, jsonb, integer, text)', 'application');

CREATE FUNCTION bastion.secret_put(name text, value jsonb, provider text DEFAULT NULL, type text DEFAULT NULL, tags text[] DEFAULT NULL,
                                   expires_at timestamptz DEFAULT NULL, own boolean DEFAULT false, metadata jsonb DEFAULT NULL,
                                   expected_version integer DEFAULT NULL, unit text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.secret_put_text(bastion_internal.secret_location(name, own, unit, 'manage'), value::text, 'jsonb', provider, type, tags, expires_at, metadata,
                                            expected_version);
END
$$;
COMMENT ON FUNCTION bastion.secret_put(text, jsonb, text, text, text[], timestamptz, boolean, jsonb, integer, text) IS
'Stores a JSON value as a sealed secret; returns the version. secret_get_jsonb() opens it.
Arguments and permissions are those of secret_put() for text.
SQLSTATE 22023 for invalid arguments, 25006 in a READ ONLY transaction, 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown unit, 54000 above 1 GB, 55000 when expected_version is not the version, BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';
SELECT bastion_internal.callable_by('bastion.secret_put(text, jsonb, text, text, text[], timestamptz, boolean, jsonb, integer, text)', 'application');

CREATE FUNCTION bastion.secret_get(name text, purpose text DEFAULT NULL, version integer DEFAULT NULL, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_secret_get';
COMMENT ON FUNCTION bastion.secret_get(text, text, integer, boolean, text) IS
'Opens a secret.
The name means a secret of the tenant, which needs tenant.secrets.open in the whole tenant. With unit (slug or uuid), it means one of that unit, which needs it there. With own, it means the user''s own. An API key reaches the user''s own if its scopes name own.secrets.read; impersonators never reach it. secret_folder_register() may name another permission for a folder. version NULL means the newest.
Every access is recorded before the value is returned: always a line in the server log, and a row in bastion.secret_access_log; purpose says what the value is for. The row survives a rollback if the library is preloaded and the server is not a standby. Otherwise it belongs to the transaction, and a read-only transaction writes none.
When bastion.secret_log is strict, SQLSTATE 53000 if the row is not written within 1 s, 25006 in a transaction that cannot write it.
SQLSTATE 22023 for own with unit, 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown unit, secret or version, 42804 for one that was stored as another type, 55000 for one that is not active, has expired or is deleted, BA001 and BA002 without the right root key, BA003 when it cannot be opened.';
SELECT bastion_internal.callable_by('bastion.secret_get(text, text, integer, boolean, text)', 'application');

CREATE FUNCTION bastion.secret_get(secret uuid, purpose text DEFAULT NULL, version integer DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_secret_get_by_id';
COMMENT ON FUNCTION bastion.secret_get(uuid, text, integer) IS
'Opens a secret by its id, as secret_get() does by its name.
secret_list() shows the id, which stays when the secret is renamed.
SQLSTATE 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown secret or version, 42804 for one that was stored as another type, 55000 for one that is not active, has expired or is deleted, BA001 and BA002 without the right root key, BA003 when it cannot be opened.';
SELECT bastion_internal.callable_by('bastion.secret_get(uuid, text, integer)', 'application');

CREATE FUNCTION bastion.secret_get_bytea(name text, purpose text DEFAULT NULL, version integer DEFAULT NULL, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS bytea
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_secret_get_bytea';
COMMENT ON FUNCTION bastion.secret_get_bytea(text, text, integer, boolean, text) IS
'Opens a secret as bytes; text comes in UTF-8.
Arguments, permissions and records are those of secret_get().
When bastion.secret_log is strict, SQLSTATE 53000 if the row is not written within 1 s, 25006 in a transaction that cannot write it.
SQLSTATE 22023 for own with unit, 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown unit, secret or version, 42804 for one that was stored as another type, 55000 for one that is not active, has expired or is deleted, BA001 and BA002 without the right root key, BA003 when it cannot be opened.';
SELECT bastion_internal.callable_by('bastion.secret_get_bytea(text, text, integer, boolean, text)', 'application');

CREATE FUNCTION bastion.secret_get_bytea(secret uuid, purpose text DEFAULT NULL, version integer DEFAULT NULL) RETURNS bytea
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_secret_get_bytea_by_id';
COMMENT ON FUNCTION bastion.secret_get_bytea(uuid, text, integer) IS
'Opens a secret as bytes by its id, as secret_get_bytea() does by its name.
secret_list() shows the id, which stays when the secret is renamed.
SQLSTATE 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown secret or version, 42804 for one that was stored as another type, 55000 for one that is not active, has expired or is deleted, BA001 and BA002 without the right root key, BA003 when it cannot be opened.';
SELECT bastion_internal.callable_by('bastion.secret_get_bytea(uuid, text, integer)', 'application');

CREATE FUNCTION bastion.secret_get_jsonb(name text, purpose text DEFAULT NULL, version integer DEFAULT NULL, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS jsonb
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_secret_get_jsonb';
COMMENT ON FUNCTION bastion.secret_get_jsonb(text, text, integer, boolean, text) IS
'Opens a secret that was stored as JSON.
Arguments, permissions and records are those of secret_get().
When bastion.secret_log is strict, SQLSTATE 53000 if the row is not written within 1 s, 25006 in a transaction that cannot write it.
SQLSTATE 22023 for own with unit, 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown unit, secret or version, 42804 for one that was stored as another type, 55000 for one that is not active, has expired or is deleted, BA001 and BA002 without the right root key, BA003 when it cannot be opened.';
SELECT bastion_internal.callable_by('bastion.secret_get_jsonb(text, text, integer, boolean, text)', 'application');

CREATE FUNCTION bastion.secret_get_jsonb(secret uuid, purpose text DEFAULT NULL, version integer DEFAULT NULL) RETURNS jsonb
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_secret_get_jsonb_by_id';
COMMENT ON FUNCTION bastion.secret_get_jsonb(uuid, text, integer) IS
'Opens a secret that was stored as JSON by its id, as secret_get_jsonb() does by its name.
secret_list() shows the id, which stays when the secret is renamed.
SQLSTATE 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown secret or version, 42804 for one that was stored as another type, 55000 for one that is not active, has expired or is deleted, BA001 and BA002 without the right root key, BA003 when it cannot be opened.';
SELECT bastion_internal.callable_by('bastion.secret_get_jsonb(uuid, text, integer)', 'application');

CREATE FUNCTION bastion.secret_list() RETURNS TABLE (
    id uuid, name text, own boolean, unit_id uuid, owner_id uuid, left_at timestamptz, provider text, type text, tags text[], metadata jsonb,
    active boolean, expires_at timestamptz, version integer, max_versions integer, max_version_age interval, rotate_every interval,
    rotation_due_at timestamptz, format text, created_at timestamptz, updated_at timestamptz, uses bigint, last_used_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 100
SET enable_seqscan = off  -- the log is that of all tenants
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.id, s.name, s.owner_id IS NOT NULL AND s.left_at IS NULL, s.unit_id, s.owner_id, s.left_at, s.provider, s.type, s.tags, s.metadata,
           s.active, s.expires_at, s.version, s.max_versions, s.max_version_age, s.rotate_every,
           v.created_at + s.rotate_every, CASE WHEN v.deleted_at IS NULL THEN v.format END, s.created_at, s.updated_at, u.uses, u.last_used_at
    FROM bastion.secrets s LEFT JOIN bastion.secret_versions v ON v.secret_id = s.id AND v.version = s.version,
         LATERAL (SELECT count(*) AS uses, max(l.occurred_at) AS last_used_at FROM bastion.secret_access_log l
                  WHERE l.secret_id = s.id AND l.action = 'get') u
    WHERE s.tenant_id = bastion.tenant_id()
      AND CASE WHEN s.left_at IS NOT NULL THEN bastion.tenant_if_allowed('tenant.secrets.read') IS NOT NULL
               WHEN s.owner_id IS NOT NULL THEN s.owner_id = bastion.user_id() AND bastion.has_permission('own.secrets.read')
               ELSE bastion_internal.may_secret(s.name, s.unit_id, 'read') END
    ORDER BY s.name, s.owner_id NULLS LAST, s.unit_id NULLS FIRST, s.left_at
$$;
COMMENT ON FUNCTION bastion.secret_list() IS
'Lists the user''s own secrets, and those of the tenant and of units with tenant.secrets.read there, or the permission of the folder; never a value.
An API key sees the user''s own only if its scopes name own.secrets.read, an impersonator never.
With tenant.secrets.read in the whole tenant, also the former own secrets of users who left (left_at). format is text, bytea or jsonb, NULL when the newest version is deleted; rotation_due_at is rotate_every after it was stored. uses is the number of gets in secret_access_log, last_used_at the newest of them: both forget the rows that are deleted there, and gets that could write no row.
SQLSTATE 28000 for a refused token.';
SELECT bastion_internal.callable_by('bastion.secret_list()', 'application');

CREATE FUNCTION bastion.secret_version_list(name text, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS TABLE (
    version integer, format text, created_at timestamptz, created_by uuid, deleted_at timestamptz, destroyed_at timestamptz)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets := bastion_internal.secret_find(name, own, unit, 'read');
BEGIN
    RETURN QUERY SELECT v.version, v.format, v.created_at, v.created_by, v.deleted_at, v.destroyed_at
    FROM bastion.secret_versions v
    WHERE v.secret_id = secret.id AND (v.version = secret.version OR (v.created_at > now() - secret.max_version_age) IS NOT FALSE)
    ORDER BY v.version;
END
$$;
COMMENT ON FUNCTION bastion.secret_version_list(text, boolean, text) IS
'Lists the versions of a secret: when and by whom each was stored, as text, bytea or jsonb, and whether it was deleted or destroyed.
A secret of the tenant needs tenant.secrets.read in the whole tenant, one of a unit there, an own one what secret_get() says.
SQLSTATE 22023 for own with unit, 28000, 42501, 42704 as secret_get().';
SELECT bastion_internal.callable_by('bastion.secret_version_list(text, boolean, text)', 'application');

CREATE FUNCTION bastion.secret_update(name text, active boolean DEFAULT NULL, expires_at timestamptz DEFAULT NULL, tags text[] DEFAULT NULL, own boolean DEFAULT false,
                                      unit text DEFAULT NULL, provider text DEFAULT NULL, type text DEFAULT NULL, metadata jsonb DEFAULT NULL,
                                      max_versions integer DEFAULT NULL, max_version_age interval DEFAULT NULL, rotate_every interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets := bastion_internal.secret_find(secret_update.name, own, unit, 'manage');
BEGIN
    PERFORM bastion_internal.secret_check(secret_update.name, secret_update.provider, secret_update.type, secret_update.tags, secret_update.metadata, true);
    IF secret_update.max_versions < 0 OR NOT bastion_internal.lasts(secret_update.max_version_age, '0', '100 years')
       OR NOT bastion_internal.lasts(secret_update.rotate_every, '0', '100 years') THEN
        RAISE EXCEPTION 'limits of a secret must be from 0 to 100 years, or versions' USING ERRCODE = 'invalid_parameter_value', HINT = '0 means no limit.';
    END IF;
    UPDATE bastion.secrets s
    SET active = coalesce(secret_update.active, s.active), expires_at = coalesce(secret_update.expires_at, s.expires_at),
        tags = coalesce(secret_update.tags, s.tags), provider = coalesce(secret_update.provider, s.provider),
        type = coalesce(secret_update.type, s.type), metadata = bastion_internal.secret_metadata(s.metadata, secret_update.metadata),
        max_versions = nullif(coalesce(secret_update.max_versions, s.max_versions), 0),
        max_version_age = nullif(coalesce(secret_update.max_version_age, s.max_version_age), interval '0'),
        rotate_every = nullif(coalesce(secret_update.rotate_every, s.rotate_every), interval '0'), updated_at = now()
    WHERE s.id = secret.id AND s.name = secret.name AND s.left_at IS NOT DISTINCT FROM secret.left_at RETURNING s.* INTO secret;
    IF NOT FOUND THEN
        PERFORM bastion_internal.secret_gone();
    END IF;
    PERFORM bastion_internal.secret_versions_expire(secret);
    PERFORM bastion_internal.secret_record('change', secret, NULL, NULL);
END
$$;
COMMENT ON FUNCTION bastion.secret_update(text, boolean, timestamptz, text[], boolean, text, text, text, jsonb, integer, interval, interval) IS
'Changes what describes a secret: activates or deactivates it, sets expires_at (infinity: never), tags, provider, type, metadata, and how many versions are kept, for how long, and how often the value is to be renewed. NULL changes nothing.
metadata as in secret_put(). max_versions and max_version_age delete older versions now and whenever a value is stored, never the newest; rotate_every makes secrets_due() list the secret. 0 ends each of the three.
A secret of the tenant needs tenant.secrets.manage in the whole tenant, with unit one of that unit there, with own the user''s own: with an API key only if its scopes name own.secrets.manage, not under impersonation.
SQLSTATE 22023 for invalid arguments, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get().';
SELECT bastion_internal.callable_by('bastion.secret_update(text, boolean, timestamptz, text[], boolean, text, text, text, jsonb, integer, interval, interval)', 'application');

CREATE FUNCTION bastion.secret_rename(name text, new_name text, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets := bastion_internal.secret_find(secret_rename.name, own, unit, 'manage');
BEGIN
    PERFORM bastion_internal.secret_check(new_name, NULL, NULL, NULL, NULL, true);
    PERFORM bastion_internal.secret_location(new_name, own, unit, 'manage');
    -- Who may not open under the old name must not move it to where they may.
    IF secret.owner_id IS NULL AND bastion_internal.secret_resource(secret_rename.name) <> bastion_internal.secret_resource(new_name) THEN
        PERFORM bastion_internal.secret_require(secret_rename.name, secret.unit_id, 'open');
    END IF;
    UPDATE bastion.secrets s SET name = new_name, updated_at = now()
    WHERE s.id = secret.id AND s.name = secret.name AND s.left_at IS NOT DISTINCT FROM secret.left_at RETURNING s.* INTO secret;
    IF NOT FOUND THEN
        PERFORM bastion_internal.secret_gone();
    END IF;
    PERFORM bastion_internal.secret_record('rename', secret, NULL, 'from ' || secret_rename.name);
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'secret "%" already exists', new_name USING ERRCODE = 'duplicate_object';
END
$$;
COMMENT ON FUNCTION bastion.secret_rename(text, text, boolean, text) IS
'Gives a secret another name; its id and versions stay.
Needs the permission to manage both names, and to open the secret when it moves to a folder with other permissions.
SQLSTATE 22023 for an invalid name, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get(), 42710 for a name that exists.';
SELECT bastion_internal.callable_by('bastion.secret_rename(text, text, boolean, text)', 'application');

CREATE FUNCTION bastion_internal.secret_remove(secret bastion.secrets) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.secrets s WHERE s.id = secret.id AND s.name = secret.name AND s.left_at IS NOT DISTINCT FROM secret.left_at;
    IF NOT FOUND THEN
        PERFORM bastion_internal.secret_gone();
    END IF;
    PERFORM bastion_internal.secret_record('delete', secret, NULL, NULL);
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_remove(bastion.secrets) IS 'Deletes a secret with all its versions, and records it. SQLSTATE 42704 when it is gone.';

CREATE FUNCTION bastion.secret_delete(name text, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.secret_remove(bastion_internal.secret_find(name, own, unit, 'manage'));
END
$$;
COMMENT ON FUNCTION bastion.secret_delete(text, boolean, text) IS
'Deletes a secret with all its versions, for good. secret_version_delete() deletes a version so that it can be restored.
A secret of the tenant needs tenant.secrets.manage in the whole tenant, with unit one of that unit there. With own, it deletes the user''s own: with an API key only if its scopes name own.secrets.manage, not under impersonation. Backups and WAL keep the sealed value.
SQLSTATE 22023 for own with unit, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get().';
SELECT bastion_internal.callable_by('bastion.secret_delete(text, boolean, text)', 'application');

CREATE FUNCTION bastion.secret_delete(secret uuid) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.secret_remove(bastion_internal.secret_by_id(secret, 'manage'));
END
$$;
COMMENT ON FUNCTION bastion.secret_delete(uuid) IS
'Deletes a secret by its id, as secret_delete() does by its name; with tenant.secrets.manage in the whole tenant also the own secret of a user who left.
SQLSTATE 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get().';
SELECT bastion_internal.callable_by('bastion.secret_delete(uuid)', 'application');

CREATE FUNCTION bastion_internal.secret_version_set(secret bastion.secrets, version integer, action text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted integer := coalesce(version, secret.version);
    found_version bastion.secret_versions;
BEGIN
    PERFORM FROM bastion.secrets s WHERE s.id = secret.id AND s.name = secret.name AND s.left_at IS NOT DISTINCT FROM secret.left_at FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM bastion_internal.secret_gone();
    END IF;
    SELECT * INTO found_version FROM bastion.secret_versions v WHERE v.secret_id = secret.id AND v.version = wanted FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'version of the secret does not exist' USING ERRCODE = 'undefined_object';
    ELSIF found_version.destroyed_at IS NOT NULL THEN
        RAISE EXCEPTION 'version of the secret is destroyed' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    UPDATE bastion.secret_versions v
    SET deleted_at = CASE WHEN action <> 'undelete' THEN coalesce(v.deleted_at, clock_timestamp()) END,
        destroyed_at = CASE WHEN action = 'destroy' THEN clock_timestamp() END,
        value = CASE WHEN action <> 'destroy' THEN v.value END
    WHERE v.secret_id = secret.id AND v.version = wanted;
    PERFORM bastion_internal.secret_record(action, secret, wanted, NULL);
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_version_set(bastion.secrets, integer, text) IS
'Deletes, undeletes or destroys a version of a secret, NULL the newest, and records it. SQLSTATE 42704 for an unknown version, 55000 for a destroyed one.';

CREATE FUNCTION bastion.secret_version_delete(name text, version integer DEFAULT NULL, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.secret_version_set(bastion_internal.secret_find(name, own, unit, 'manage'), version, 'delete');
END
$$;
COMMENT ON FUNCTION bastion.secret_version_delete(text, integer, boolean, text) IS
'Deletes a version of a secret, NULL the newest: it opens no longer, until secret_version_undelete() restores it.
Needs what secret_update() needs.
SQLSTATE 22023 for own with unit, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get(), 55000 for a destroyed version.';
SELECT bastion_internal.callable_by('bastion.secret_version_delete(text, integer, boolean, text)', 'application');

CREATE FUNCTION bastion.secret_version_undelete(name text, version integer DEFAULT NULL, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.secret_version_set(bastion_internal.secret_find(name, own, unit, 'manage'), version, 'undelete');
END
$$;
COMMENT ON FUNCTION bastion.secret_version_undelete(text, integer, boolean, text) IS
'Restores a deleted version of a secret, NULL the newest.
Needs what secret_update() needs.
SQLSTATE 22023 for own with unit, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get(), 55000 for a destroyed version.';
SELECT bastion_internal.callable_by('bastion.secret_version_undelete(text, integer, boolean, text)', 'application');

CREATE FUNCTION bastion.secret_version_destroy(name text, version integer, own boolean DEFAULT false, unit text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF version IS NULL THEN
        RAISE EXCEPTION 'version must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    PERFORM bastion_internal.secret_version_set(bastion_internal.secret_find(name, own, unit, 'manage'), version, 'destroy');
END
$$;
COMMENT ON FUNCTION bastion.secret_version_destroy(text, integer, boolean, text) IS
'Destroys the value of a version of a secret for good. The version stays in secret_version_list(). Backups and WAL keep the sealed value.
Needs what secret_update() needs.
SQLSTATE 22004 for no version, 22023 for own with unit, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get(), 55000 for a destroyed version.';
SELECT bastion_internal.callable_by('bastion.secret_version_destroy(text, integer, boolean, text)', 'application');

CREATE FUNCTION bastion_internal.openable_secrets() RETURNS TABLE (
    id uuid, name text, own boolean, unit_id uuid, provider text, type text, tags text[], metadata jsonb, version integer, expires_at timestamptz, opens boolean)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.id, s.name, s.owner_id IS NOT NULL, s.unit_id, s.provider, s.type, s.tags, s.metadata, s.version, s.expires_at,
           (s.expires_at > statement_timestamp()) IS NOT FALSE AND v.deleted_at IS NULL AND v.format <> 'bytea'
           AND (s.owner_id IS NOT NULL OR bastion_internal.may_secret(s.name, s.unit_id, 'open'))
    FROM bastion.secrets s JOIN bastion.secret_versions v ON v.secret_id = s.id AND v.version = s.version
    WHERE s.tenant_id = bastion.tenant_id() AND s.active AND s.left_at IS NULL
      AND CASE WHEN s.owner_id IS NOT NULL THEN s.owner_id = bastion.user_id() AND bastion.has_permission('own.secrets.read')
               ELSE bastion_internal.may_secret(s.name, s.unit_id, 'read') END
$$;
COMMENT ON FUNCTION bastion_internal.openable_secrets() IS 'The active secrets of secret_list(), and whether secret_get() opens each for the user of this transaction. SQLSTATE 28000 for a refused token.';
SELECT bastion_internal.callable_by('bastion_internal.openable_secrets()', 'application');

-- For those who look at the tables by hand: opens what the query returns.
CREATE VIEW bastion.opened_secrets WITH (security_invoker = true) AS
SELECT l.id, l.name, l.own, l.unit_id, l.provider, l.type, l.tags, l.metadata, l.version, l.expires_at,
       CASE WHEN l.opens THEN bastion.secret_get(l.id, 'bastion.opened_secrets') END AS value
FROM bastion_internal.openable_secrets() l;
COMMENT ON VIEW bastion.opened_secrets IS
'The active secrets of secret_list() with their values. Each row that a query returns is opened as by secret_get() and recorded: name the secrets that you want in WHERE. value is NULL without the permission to open, for binary and expired secrets and deleted versions';
COMMENT ON COLUMN bastion.opened_secrets.id IS 'Identifier of the secret';
COMMENT ON COLUMN bastion.opened_secrets.name IS 'Its name';
COMMENT ON COLUMN bastion.opened_secrets.own IS 'Whether it is the user''s own';
COMMENT ON COLUMN bastion.opened_secrets.unit_id IS 'The unit that it belongs to; NULL for none';
COMMENT ON COLUMN bastion.opened_secrets.provider IS 'The service that it is for';
COMMENT ON COLUMN bastion.opened_secrets.type IS 'The kind of secret';
COMMENT ON COLUMN bastion.opened_secrets.tags IS 'Words that the application chose';
COMMENT ON COLUMN bastion.opened_secrets.metadata IS 'What the application noted about it';
COMMENT ON COLUMN bastion.opened_secrets.version IS 'The newest version, which is opened';
COMMENT ON COLUMN bastion.opened_secrets.expires_at IS 'When it can no longer be opened; NULL for never';
COMMENT ON COLUMN bastion.opened_secrets.value IS 'The value, opened for this query';
SELECT bastion_internal.readable_by('bastion.opened_secrets', 'application');
