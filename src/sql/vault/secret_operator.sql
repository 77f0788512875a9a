
-- Secrets for operators: folders, secrets of any tenant and of the installation, reminders and the end of old versions. EXECUTE on
-- everything here is granted to nobody.

CREATE FUNCTION bastion.secret_folder_register(folder text, resource text) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (bastion_internal.is_name(folder) AND right(folder, 1) = '/' AND length(folder) > 1) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid folder' USING ERRCODE = 'invalid_parameter_value', HINT = 'A folder is how names begin, with a slash at its end: payments/';
    END IF;
    PERFORM bastion.resource_register(resource, '{read,open,manage}');
    INSERT INTO bastion.secret_folders AS f (folder, resource) VALUES (secret_folder_register.folder, secret_folder_register.resource)
    ON CONFLICT ON CONSTRAINT secret_folders_pkey DO UPDATE SET resource = EXCLUDED.resource;
END
$$;
COMMENT ON FUNCTION bastion.secret_folder_register(text, text) IS
'Gives the secrets whose names begin with folder, which ends with a slash, permissions of their own: read, open and manage of the resource, in place of those of tenant.secrets. Of folders inside each other the longest decides.
Registers the resource too. Roles with wildcards hold it at once, of the system roles owner and admin. It holds in every tenant; own secrets are not affected.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for a malformed folder or resource, 42939 for a reserved one.';

CREATE FUNCTION bastion.secret_folder_remove(folder text) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bastion.secret_folders f WHERE f.folder = secret_folder_remove.folder;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion.secret_folder_remove(text) IS
'Ends secret_folder_register(): the secrets need the permissions of the folder around it again, or those of tenant.secrets. Returns whether it was registered. The resource stays.
For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.secret_of(tenant text, name text) RETURNS bastion.secrets
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place bastion.secrets;
    found_secret bastion.secrets;
BEGIN
    place.tenant_id := bastion_internal.require_tenant_or_null(tenant);
    place.name := secret_of.name;
    SELECT * INTO found_secret FROM bastion.secrets s
    WHERE s.tenant_id IS NOT DISTINCT FROM place.tenant_id AND s.owner_id IS NULL AND s.unit_id IS NULL AND s.name = place.name;
    RETURN CASE WHEN found_secret.id IS NOT NULL THEN found_secret ELSE place END;
END
$$;
COMMENT ON FUNCTION bastion_internal.secret_of(text, text) IS
'The secret of this name of a tenant (uuid or slug), or of the installation for NULL; without an id if there is none. SQLSTATE 42704 for an unknown tenant.';

CREATE FUNCTION bastion.secret_put_for(tenant text, name text, value text, provider text DEFAULT NULL, type text DEFAULT NULL, tags text[] DEFAULT NULL,
                                       expires_at timestamptz DEFAULT NULL, metadata jsonb DEFAULT NULL, expected_version integer DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.secret_put_text(bastion_internal.secret_of(tenant, name), value, 'text', provider, type, tags, expires_at, metadata, expected_version);
END
$$;
COMMENT ON FUNCTION bastion.secret_put_for(text, text, text, text, text, text[], timestamptz, jsonb, integer) IS
'secret_put() for a tenant (uuid or slug), or for the installation with NULL, whose secrets no identity opens.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for invalid arguments, 42704 for an unknown tenant, 54000 above 1 GB, 55000 when expected_version is not the version, BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';

CREATE FUNCTION bastion.secret_get_for(tenant text, name text, purpose text DEFAULT NULL, version integer DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
AS 'MODULE_PATHNAME', 'bastion_secret_get_for';
COMMENT ON FUNCTION bastion.secret_get_for(text, text, text, integer) IS
'secret_get() for a tenant (uuid or slug), or for the installation with NULL; recorded too.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown tenant, secret or version, 42804 for a binary secret, 55000 for one that is not active, has expired or is deleted, BA001 and BA002 without the right root key, BA003 when it cannot be opened.';

CREATE FUNCTION bastion.secrets_due() RETURNS TABLE (secret_id uuid, tenant_id uuid, owner_id uuid, name text, version integer, due_since timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.id, s.tenant_id, s.owner_id, s.name, s.version, v.created_at + s.rotate_every
    FROM bastion.secrets s JOIN bastion.secret_versions v ON v.secret_id = s.id AND v.version = s.version
    WHERE v.created_at + s.rotate_every <= now() AND s.active AND s.left_at IS NULL
    ORDER BY 6, s.id
$$;
COMMENT ON FUNCTION bastion.secrets_due() IS
'Lists the active secrets whose newest value is older than their rotate_every.
For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion.secrets_remind() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    due record;
    reminded bigint := 0;
BEGIN
    FOR due IN SELECT d.* FROM bastion.secrets_due() d LOOP
        UPDATE bastion.secrets s SET reminded_version = s.version
        WHERE s.id = due.secret_id AND s.version = due.version AND s.reminded_version IS DISTINCT FROM s.version;
        IF FOUND THEN
            PERFORM bastion_internal.record_event('secret_rotation_due', 'success', due.owner_id, due.tenant_id,
                jsonb_build_object('secret', due.secret_id, 'name', due.name, 'version', due.version, 'due_since', due.due_since));
            reminded := reminded + 1;
        END IF;
    END LOOP;
    RETURN reminded;
END
$$;
COMMENT ON FUNCTION bastion.secrets_remind() IS
'Writes an event secret_rotation_due for each secret of secrets_due(), once for each version; returns their number. For a scheduler, daily.
For operators: EXECUTE is granted to nobody.';
SELECT bastion_internal.event_kind('secret_rotation_due');

CREATE FUNCTION bastion.secrets_prune() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secret bastion.secrets;
    pruned bigint := 0;
BEGIN
    FOR secret IN SELECT * FROM bastion.secrets s WHERE s.max_version_age IS NOT NULL OR s.max_versions IS NOT NULL LOOP
        pruned := pruned + bastion_internal.secret_versions_expire(secret);
    END LOOP;
    UPDATE bastion.change_requests c SET sealed = NULL WHERE c.sealed IS NOT NULL AND c.expires_at <= clock_timestamp();
    RETURN pruned;
END
$$;
COMMENT ON FUNCTION bastion.secrets_prune() IS
'Deletes the versions of secrets beyond their max_versions and max_version_age; returns their number. They open no longer in any case; this removes what is stored. It also removes the sealed values of requests for changes of settings that have expired. For a scheduler.
For operators: EXECUTE is granted to nobody.';
