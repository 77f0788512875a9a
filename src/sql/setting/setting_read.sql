
-- Reading settings. The typed getters answer from a cache, and need no permission: what only some may read is sealed.

CREATE FUNCTION bastion.setting_text(key text, fallback text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_setting_text';
COMMENT ON FUNCTION bastion.setting_text(text, text) IS
'The value of a setting as text, or fallback where there is none.
The first of these counts: the tenant''s for bastion.environment, the tenant''s for all environments, the installation''s for that environment, the installation''s for all. A setting whose newest version is deleted does not count. Without a tenant, the installation''s alone. A statement sees one value from its first call to its end. JSON''s null is NULL.
SQLSTATE 28000 when a token was presented and refused, 42809 for a sensitive setting: setting_open().';
SELECT bastion_internal.callable_by('bastion.setting_text(text, text)', 'application');

CREATE FUNCTION bastion.setting_integer(key text, fallback bigint DEFAULT NULL) RETURNS bigint
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_setting_integer';
COMMENT ON FUNCTION bastion.setting_integer(text, bigint) IS
'The value of a setting that is an integer; otherwise as setting_text().
SQLSTATE 28000, 42804 for a value of another type, 42809.';
SELECT bastion_internal.callable_by('bastion.setting_integer(text, bigint)', 'application');

CREATE FUNCTION bastion.setting_numeric(key text, fallback numeric DEFAULT NULL) RETURNS numeric
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_setting_numeric';
COMMENT ON FUNCTION bastion.setting_numeric(text, numeric) IS
'The value of a setting that is a number; otherwise as setting_text().
SQLSTATE 28000, 42804 for a value of another type, 42809.';
SELECT bastion_internal.callable_by('bastion.setting_numeric(text, numeric)', 'application');

CREATE FUNCTION bastion.setting_boolean(key text, fallback boolean DEFAULT NULL) RETURNS boolean
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_setting_boolean';
COMMENT ON FUNCTION bastion.setting_boolean(text, boolean) IS
'The value of a setting that is true or false; otherwise as setting_text().
SQLSTATE 28000, 42804 for a value of another type, 42809.';
SELECT bastion_internal.callable_by('bastion.setting_boolean(text, boolean)', 'application');

CREATE FUNCTION bastion.setting_json(key text, fallback jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_setting_json';
COMMENT ON FUNCTION bastion.setting_json(text, jsonb) IS
'The value of a setting as JSON; otherwise as setting_text().
SQLSTATE 28000, 42809.';
SELECT bastion_internal.callable_by('bastion.setting_json(text, jsonb)', 'application');

CREATE FUNCTION bastion_internal.setting_opened(tenant uuid, key text, environment text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place bastion.settings := bastion_internal.setting_place(tenant, key, environment, NULL);
    setting bastion.settings;
    newest bastion.setting_versions;
BEGIN
    SELECT s.* INTO setting FROM bastion.settings s JOIN bastion.setting_versions v ON v.setting_id = s.id AND v.version = s.version AND v.deleted_at IS NULL
    WHERE s.tenant_id IS NOT DISTINCT FROM place.tenant_id AND s.environment IN ('*', place.environment) AND s.key = place.key
    ORDER BY s.environment = '*' LIMIT 1;
    IF NOT FOUND THEN
        PERFORM bastion_internal.setting_missing();
    END IF;
    SELECT v.* INTO newest FROM bastion.setting_versions v WHERE v.setting_id = setting.id AND v.version = setting.version;
    IF newest.sealed IS NULL THEN
        RAISE EXCEPTION 'setting is not sensitive' USING ERRCODE = 'wrong_object_type', HINT = 'bastion.setting_text() reads it.';
    END IF;
    PERFORM bastion_internal.opening_record(setting.tenant_id, 'bastion.settings', format('%s of %s/%s', newest.version, setting.environment, setting.key));
    RETURN bastion_internal.setting_plaintext(setting, newest);
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_opened(uuid, text, text) IS
'Opens a sensitive setting of a tenant, NULL for the installation, and records it. SQLSTATE 22023, 42704 for none, 42809 for one that is not sensitive, BA001, BA002, BA003.';

CREATE FUNCTION bastion.setting_open(key text) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.settings.open');
    RETURN bastion_internal.setting_opened(bastion.tenant_id(), key, bastion_internal.setting('bastion.environment'));
END
$$;
COMMENT ON FUNCTION bastion.setting_open(text) IS
'Opens a sensitive setting of the tenant, for bastion.environment or else for all environments. Those of the installation open for operators alone: setting_open_for().
Needs tenant.settings.open in the whole tenant. Every opening is recorded as that of a secret, in the server log and in bastion.secret_access_log (action open, purpose bastion.settings).
SQLSTATE 22023 for an invalid key, 28000 for a refused token, 42501 without a tenant or the permission, 42704 for no such setting, 42809 for one that is not sensitive, BA001 and BA002 without the right root key, BA003 when it cannot be opened, BA005 where a step-up rule withholds the permission; as secret_get() when bastion.secret_log is strict.';
SELECT bastion_internal.callable_by('bastion.setting_open(text)', 'application');

CREATE FUNCTION bastion_internal.setting_table(tenant uuid, in_category text, for_environment text) RETURNS TABLE (
    key text, environment text, of_installation boolean, category text, version integer, value jsonb, sensitive boolean, four_eyes boolean, overridable boolean,
    validator jsonb, metadata jsonb, max_versions integer, updated_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.key, s.environment, s.tenant_id IS NULL, s.category, s.version, v.value, s.sensitive, s.four_eyes, s.overridable, s.validator, s.metadata, s.max_versions, s.updated_at
    FROM bastion.settings s LEFT JOIN bastion.setting_versions v ON v.setting_id = s.id AND v.version = s.version AND v.deleted_at IS NULL
    WHERE (s.tenant_id = setting_table.tenant OR s.tenant_id IS NULL) AND (s.category = setting_table.in_category) IS NOT FALSE
      AND CASE WHEN setting_table.for_environment IS NULL THEN true ELSE s.environment IN ('*', setting_table.for_environment) END
      AND (setting_table.in_category IS NULL OR s.category IS NOT NULL)
    ORDER BY s.key, s.tenant_id IS NULL, s.environment = '*', s.environment
$$;
COMMENT ON FUNCTION bastion_internal.setting_table(uuid, text, text) IS 'The settings of a tenant and of the installation, of a category and for an environment; NULL for all.';

CREATE FUNCTION bastion.setting_list(in_category text DEFAULT NULL, for_environment text DEFAULT NULL) RETURNS TABLE (
    key text, environment text, of_installation boolean, category text, version integer, value jsonb, sensitive boolean, four_eyes boolean, overridable boolean,
    validator jsonb, metadata jsonb, max_versions integer, updated_at timestamptz)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.settings.read');
    RETURN QUERY SELECT * FROM bastion_internal.setting_table(bastion.tenant_id(), setting_list.in_category, setting_list.for_environment);
END
$$;
COMMENT ON FUNCTION bastion.setting_list(text, text) IS
'Lists the settings of the tenant and of the installation, the one that counts first: all, those of a category, those for an environment. value is NULL for a sensitive setting, and when the newest version is deleted.
Needs tenant.settings.read in the whole tenant.
SQLSTATE 28000 for a refused token, 42501 without a tenant or the permission, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_list(text, text)', 'application');

CREATE FUNCTION bastion.setting_version_list(key text, environment text DEFAULT '*') RETURNS TABLE (
    version integer, value jsonb, sealed boolean, from_version integer, reason text, created_by uuid, created_at timestamptz, deleted_at timestamptz, destroyed_at timestamptz)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place bastion.settings;
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.settings.read');
    place := bastion_internal.setting_place(bastion.tenant_id(), key, environment, NULL);
    IF place.id IS NULL THEN
        PERFORM bastion_internal.setting_missing();
    END IF;
    RETURN QUERY SELECT v.version, CASE WHEN v.deleted_at IS NULL THEN v.value END, v.sealed IS NOT NULL, v.from_version, v.reason, v.created_by, v.created_at, v.deleted_at, v.destroyed_at
    FROM bastion.setting_versions v WHERE v.setting_id = place.id ORDER BY v.version;
END
$$;
COMMENT ON FUNCTION bastion.setting_version_list(text, text) IS
'Lists the versions of a setting of the tenant: the value unless it is sealed or deleted, when, by whom and why it was stored, and whether it was deleted or destroyed.
Needs tenant.settings.read in the whole tenant.
SQLSTATE 22023, 28000, 42501, 42704 for no such setting, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_version_list(text, text)', 'application');

CREATE FUNCTION bastion.setting_history(of_key text DEFAULT NULL) RETURNS TABLE (
    occurred_at timestamptz, key text, environment text, action text, version integer, from_version integer, reason text, request_id uuid, user_id uuid, actor_id uuid,
    api_key_id uuid, delegation_id uuid, role_name text)
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.settings.read');
    RETURN QUERY SELECT c.occurred_at, c.key, c.environment, c.action, c.version, c.from_version, c.reason, c.request_id, c.user_id, c.actor_id, c.api_key_id, c.delegation_id, c.role_name
    FROM bastion.setting_changes c WHERE c.tenant_id = bastion.tenant_id() AND (c.key = setting_history.of_key) IS NOT FALSE ORDER BY c.id;
END
$$;
COMMENT ON FUNCTION bastion.setting_history(text) IS
'What was done to the settings of the tenant, or to those of a key, in order: when, by whom and why, also to those that are deleted.
Needs tenant.settings.read in the whole tenant.
SQLSTATE 28000, 42501 without a tenant or the permission, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_history(text)', 'application');
