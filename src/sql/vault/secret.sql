
-- Storing, opening, changing and deleting secrets. Only the user, and API keys of the user whose scopes name own.secrets.read or
-- own.secrets.manage, reach the user's own secrets. Secrets of the tenant need tenant.secrets.open to open and tenant.secrets.manage
-- to change, held in the whole tenant. Every access is written to the server log before a value is returned, and to secret_access_log.

CREATE FUNCTION bastion_internal.log_server_only(message text) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_log_server_only';
COMMENT ON FUNCTION bastion_internal.log_server_only(text) IS
'Writes a line to the server log, regardless of log_min_messages, and never to the client.';

CREATE FUNCTION bastion_internal.secret_access_write(entry jsonb) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO bastion.secret_access_log (occurred_at, action, secret_id, name, version, tenant_id, user_id, actor_id, session_id, ip,
                                           user_agent, purpose)
    SELECT e.occurred_at, e.action, e.secret, e.name, e.version, e.tenant, e."user", e.actor, e.session, e.ip, e.user_agent, e.purpose
    FROM jsonb_to_record(entry) e (occurred_at timestamptz, action text, secret uuid, name text, version integer, tenant uuid,
                                   "user" uuid, actor uuid, session uuid, ip inet, user_agent text, purpose text)
$$;
COMMENT ON FUNCTION bastion_internal.secret_access_write(jsonb) IS
'Adds a row to bastion.secret_access_log.';

-- The row of a get is queued, because the value is disclosed even if the transaction rolls back. The row of a change belongs to the
-- same transaction as the change.
CREATE FUNCTION bastion_internal.secret_record(action text, secret_id uuid, name text, version integer, purpose text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_strict boolean := bastion_internal.setting('bastion.secret_log') = 'strict';
    queued boolean;
    entry jsonb := jsonb_build_object(
        'action', action, 'secret', secret_id, 'name', name, 'version', version, 'tenant', bastion.tenant_id(),
        'user', bastion.user_id(), 'actor', bastion_internal.event_actor(bastion.whoami()), 'session', bastion.session_id(),
        'ip', host(inet_client_addr()), 'user_agent', bastion_internal.request_user_agent(),
        'purpose', left(regexp_replace(purpose, '[[:cntrl:]]', ' ', 'g'), 200));
BEGIN
    PERFORM bastion_internal.log_server_only('secret access: ' || entry::text);
    entry := entry || jsonb_build_object('occurred_at', clock_timestamp());
    IF action = 'get' THEN
        queued := bastion_internal.queue_event('s', entry::text, is_strict);
        IF is_strict AND NOT queued THEN
            RAISE EXCEPTION 'could not record access to a secret' USING ERRCODE = 'insufficient_resources',
                DETAIL = 'The queue of events is full, or was not written within 1 s.',
                HINT = 'bastion.secret_log is strict: try again later. bastion.status() shows the queue.';
        END IF;
        IF queued IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;
    IF current_setting('transaction_read_only')::boolean THEN
        IF is_strict THEN
            RAISE EXCEPTION 'could not record access to a secret' USING ERRCODE = 'read_only_sql_transaction',
                HINT = 'bastion.secret_log is strict: open secrets in a transaction that may write.';
        END IF;
        RETURN;
    END IF;
    PERFORM bastion_internal.secret_access_write(entry);
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_record(text, uuid, text, integer, text) IS
'Records an access to a secret: always a line in the server log, and a row.
When the library is preloaded, the row of a get goes through the queue of events; otherwise it is written if the transaction can write.
When bastion.secret_log is strict: SQLSTATE 25006 in a read-only transaction without the queue, 53000 when the queue does not write the row in time.';

CREATE FUNCTION bastion_internal.secret_require(permission text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.tenant_if_allowed(permission) IS NULL THEN
        RAISE EXCEPTION 'permission denied: "%" is needed', permission USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'It must be held in the whole tenant.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_require(text) IS 'Raises SQLSTATE 42501 unless the permission is held in the whole tenant.';

-- A name means the tenant's secret, unless the caller asks for the user's own: a member who stores an own secret under a name that an
-- application uses must not answer in place of the tenant. Locks nothing: the UPDATE or DELETE locks the row.
CREATE FUNCTION bastion_internal.secret_find(name text, own boolean, own_permission text, permission text) RETURNS bastion.secrets
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    found_secret bastion.secrets;
BEGIN
    IF own THEN
        PERFORM bastion_internal.require_person(own_permission, false);
    ELSE
        PERFORM bastion_internal.secret_require(permission);
    END IF;
    SELECT * INTO found_secret FROM bastion.secrets s
    WHERE s.tenant_id = tenant AND s.owner_id IS NOT DISTINCT FROM CASE WHEN own THEN bastion.user_id() END AND s.name = secret_find.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'secret does not exist' USING ERRCODE = 'undefined_object',
            HINT = CASE WHEN own THEN 'With own => false, a name means a secret of the tenant.' ELSE 'With own => true, a name means a secret of the user.' END;
    END IF;
    RETURN found_secret;
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_find(text, boolean, text, text) IS
'Finds the secret of this name: with own the user''s own, which needs own_permission, else the tenant''s, which needs permission. SQLSTATE 42501, 42704.';

-- A concurrent deletion between secret_find() and the change.
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

CREATE FUNCTION bastion.secret_put(name text, value text, provider text DEFAULT NULL, type text DEFAULT NULL, tags text[] DEFAULT NULL,
                                   expires_at timestamptz DEFAULT NULL, own boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    secret bastion.secrets;
BEGIN
    IF own THEN
        PERFORM bastion_internal.require_person('own.secrets.manage', true);
    ELSE
        PERFORM bastion_internal.secret_require('tenant.secrets.manage');
    END IF;
    IF value IS NULL OR bastion_internal.is_label(secret_put.name) IS NOT TRUE OR bastion_internal.is_label(secret_put.provider) IS FALSE
       OR bastion_internal.is_label(secret_put.type) IS FALSE OR array_ndims(tags) > 1 OR cardinality(tags) > 50
       OR array_position(tags, NULL) IS NOT NULL
       OR octet_length(array_to_string(tags, ',')) > 4000 THEN
        RAISE EXCEPTION 'invalid secret' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name, provider and type have at most 200 characters, tags at most 50 words; the value must not be NULL.';
    END IF;
    PERFORM bastion_internal.data_key('bastion.secrets', tenant);
    INSERT INTO bastion.secrets AS s (tenant_id, owner_id, name, provider, type, tags, expires_at, created_by)
    VALUES (tenant, CASE WHEN own THEN bastion.user_id() END, secret_put.name, secret_put.provider, secret_put.type,
            coalesce(secret_put.tags, '{}'), secret_put.expires_at, bastion.user_id())
    ON CONFLICT ON CONSTRAINT secrets_tenant_id_owner_id_name_key DO UPDATE
    SET provider = coalesce(secret_put.provider, s.provider), type = coalesce(secret_put.type, s.type), tags = coalesce(secret_put.tags, s.tags),
        expires_at = coalesce(secret_put.expires_at, s.expires_at), active = true,
        version = s.version + 1, updated_at = now()
    RETURNING s.* INTO secret;
    INSERT INTO bastion.secret_versions (secret_id, version, value, created_by)
    VALUES (secret.id, secret.version,
            bastion.seal_for(tenant, secret_put.value, 'bastion.secrets', bastion_internal.secret_place(secret.id, secret.version)),
            bastion.user_id());
    PERFORM bastion_internal.secret_record('put', secret.id, secret.name, secret.version, NULL);
    RETURN secret.version;
END
$$;
COMMENT ON FUNCTION bastion.secret_put(text, text, text, text, text[], timestamptz, boolean) IS
'Stores a sealed secret under a name, as a new version if the name exists already; returns the version.
It activates the secret. provider, type, tags and expires_at of a secret that exists stay unless they are given; expires_at => infinity means never. Send the value as a parameter. With own, the secret is the user''s own: an API key needs own.secrets.manage in its scopes, and impersonators cannot do it. Otherwise it is the tenant''s, which needs tenant.secrets.manage in the whole tenant.
SQLSTATE 22023 for invalid arguments, 25006 in a READ ONLY transaction, 28000 for a refused token, 42501 without a tenant or the permission, 54000 above 1 GB, BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';
SELECT bastion_internal.callable_by('bastion.secret_put(text, text, text, text, text[], timestamptz, boolean)', 'application');

CREATE FUNCTION bastion.secret_get(name text, purpose text DEFAULT NULL, version integer DEFAULT NULL, own boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets := bastion_internal.secret_find(secret_get.name, own, 'own.secrets.read', 'tenant.secrets.open');
    wanted integer := coalesce(secret_get.version, secret.version);
    sealed bastion.sealed;
BEGIN
    IF NOT secret.active THEN
        RAISE EXCEPTION 'secret is not active' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF secret.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'secret has expired' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT v.value INTO sealed FROM bastion.secret_versions v WHERE v.secret_id = secret.id AND v.version = wanted;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'version of the secret does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM bastion_internal.secret_record('get', secret.id, secret.name, wanted, purpose);
    RETURN bastion.open_text_for(secret.tenant_id, sealed, bastion_internal.secret_place(secret.id, wanted));
END
$$;
COMMENT ON FUNCTION bastion.secret_get(text, text, integer, boolean) IS
'Opens a secret of the tenant, which needs tenant.secrets.open in the whole tenant, or with own the user''s own.
An API key reaches the user''s own if its scopes name own.secrets.read; impersonators never reach it. version NULL means the newest. Every access is recorded before the value is returned: always a line in the server log, and a row in bastion.secret_access_log; purpose says what the value is for. The row survives a rollback if the library is preloaded and the server is not a standby. Otherwise it belongs to the transaction, and a read-only transaction writes none.
When bastion.secret_log is strict, SQLSTATE 53000 if the row is not written within 1 s, 25006 in a transaction that cannot write it.
SQLSTATE 28000 for a refused token, 42501 without a tenant or the permission, 42704 for an unknown secret or version, 55000 for one that is not active or has expired, BA001 and BA002 without the right root key, BA003 when it cannot be opened.';
SELECT bastion_internal.callable_by('bastion.secret_get(text, text, integer, boolean)', 'application');

CREATE FUNCTION bastion.secret_list() RETURNS TABLE (
    name text, own boolean, provider text, type text, tags text[], active boolean, expires_at timestamptz, version integer,
    created_at timestamptz, updated_at timestamptz, uses bigint, last_used_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.name, s.owner_id IS NOT NULL, s.provider, s.type, s.tags, s.active, s.expires_at, s.version, s.created_at, s.updated_at,
           u.uses, u.last_used_at
    FROM bastion.secrets s,
         LATERAL (SELECT count(*) AS uses, max(l.occurred_at) AS last_used_at FROM bastion.secret_access_log l
                  WHERE l.secret_id = s.id AND l.action = 'get') u
    WHERE s.tenant_id = bastion.tenant_id()
      AND (s.owner_id = bastion.user_id() AND bastion.has_permission('own.secrets.read')
           OR s.owner_id IS NULL AND bastion.tenant_if_allowed('tenant.secrets.read') IS NOT NULL)
    ORDER BY s.name, s.owner_id NULLS LAST
$$;
COMMENT ON FUNCTION bastion.secret_list() IS
'Lists the user''s own secrets (with an API key only if its scopes name own.secrets.read, not under impersonation) and, with tenant.secrets.read in the whole tenant, the tenant''s; never a value. uses is the number of recorded gets.
SQLSTATE 28000 for a refused token.';
SELECT bastion_internal.callable_by('bastion.secret_list()', 'application');

CREATE FUNCTION bastion.secret_update(name text, active boolean DEFAULT NULL, expires_at timestamptz DEFAULT NULL, tags text[] DEFAULT NULL, own boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets := bastion_internal.secret_find(secret_update.name, own, 'own.secrets.manage', 'tenant.secrets.manage');
BEGIN
    IF array_ndims(tags) > 1 OR cardinality(tags) > 50 OR array_position(tags, NULL) IS NOT NULL
       OR octet_length(array_to_string(tags, ',')) > 4000 THEN
        RAISE EXCEPTION 'invalid secret' USING ERRCODE = 'invalid_parameter_value', HINT = 'A secret has at most 50 tags.';
    END IF;
    UPDATE bastion.secrets s
    SET active = coalesce(secret_update.active, s.active), expires_at = coalesce(secret_update.expires_at, s.expires_at),
        tags = coalesce(secret_update.tags, s.tags), updated_at = now()
    WHERE s.id = secret.id;
    IF NOT FOUND THEN
        PERFORM bastion_internal.secret_gone();
    END IF;
    PERFORM bastion_internal.secret_record('change', secret.id, secret.name, NULL, NULL);
END
$$;
COMMENT ON FUNCTION bastion.secret_update(text, boolean, timestamptz, text[], boolean) IS
'Activates or deactivates a secret, and changes expires_at (infinity: never) and tags; NULL changes nothing.
It changes a secret of the tenant, which needs tenant.secrets.manage in the whole tenant, or with own the user''s own: with an API key only if its scopes name own.secrets.manage, not under impersonation.
SQLSTATE 22023 for too many tags, 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get().';
SELECT bastion_internal.callable_by('bastion.secret_update(text, boolean, timestamptz, text[], boolean)', 'application');

CREATE FUNCTION bastion.secret_delete(name text, version integer DEFAULT NULL, own boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets := bastion_internal.secret_find(secret_delete.name, own, 'own.secrets.manage', 'tenant.secrets.manage');
BEGIN
    IF version IS NULL THEN
        DELETE FROM bastion.secrets s WHERE s.id = secret.id;
        IF NOT FOUND THEN
            PERFORM bastion_internal.secret_gone();
        END IF;
    ELSIF version = secret.version THEN
        RAISE EXCEPTION 'cannot delete the newest version alone' USING ERRCODE = 'object_in_use',
            HINT = 'Store another value first, or delete the secret.';
    ELSE
        DELETE FROM bastion.secret_versions v WHERE v.secret_id = secret.id AND v.version = secret_delete.version;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'version of the secret does not exist' USING ERRCODE = 'undefined_object';
        END IF;
    END IF;
    PERFORM bastion_internal.secret_record('delete', secret.id, secret.name, version, NULL);
END
$$;
COMMENT ON FUNCTION bastion.secret_delete(text, integer, boolean) IS
'Deletes a secret with all its versions, or only an older version.
It deletes a secret of the tenant, which needs tenant.secrets.manage in the whole tenant, or with own the user''s own: with an API key only if its scopes name own.secrets.manage, not under impersonation. Backups and WAL keep the sealed value.
SQLSTATE 25006 in a READ ONLY transaction, 28000, 42501, 42704 as secret_get(), 55006 for the newest version.';
SELECT bastion_internal.callable_by('bastion.secret_delete(text, integer, boolean)', 'application');
