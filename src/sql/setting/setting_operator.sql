
-- Settings of any tenant and of the installation, for operators: EXECUTE on everything here is granted to nobody.

CREATE FUNCTION bastion_internal.setting_place_of(tenant text, key text, environment text, reason text) RETURNS bastion.settings
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.setting_place(bastion_internal.require_tenant_or_null(setting_place_of.tenant), setting_place_of.key, setting_place_of.environment, setting_place_of.reason)
$$;
COMMENT ON FUNCTION bastion_internal.setting_place_of(text, text, text, text) IS
'setting_place() of a tenant (uuid or slug), or of the installation for NULL. SQLSTATE 22023, 42704 for an unknown tenant.';

CREATE FUNCTION bastion.setting_put_for(tenant text, key text, value jsonb, environment text DEFAULT '*', expected_version integer DEFAULT NULL, reason text DEFAULT NULL,
                                        category text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.setting_write(bastion_internal.setting_place_of(tenant, key, environment, reason), value, expected_version, reason, category, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_put_for(text, text, jsonb, text, integer, text, text) IS
'setting_put() for a tenant (uuid or slug), or for the installation with NULL: every tenant that has no value of its own reads that.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42501 for a setting of the installation alone, 42704 for an unknown tenant, 42809 for a sensitive setting, 54000 for one too many, 55000 when it needs an approval, BA008 when expected_version is not the version.';

CREATE FUNCTION bastion.setting_seal_for(tenant text, key text, value text, environment text DEFAULT '*', expected_version integer DEFAULT NULL, reason text DEFAULT NULL,
                                         category text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.setting_write_sealed(bastion_internal.setting_place_of(tenant, key, environment, reason), value, expected_version, reason, category, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_seal_for(text, text, text, text, integer, text, text) IS
'setting_seal() for a tenant (uuid or slug), or for the installation with NULL.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42501, 42704 for an unknown tenant, 54000, 55000, BA001 and BA002 without the right root key, BA003 when the keys are disabled, BA008.';

CREATE FUNCTION bastion.setting_open_for(tenant text, key text, environment text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.setting_opened(bastion_internal.require_tenant_or_null(tenant), key, coalesce(environment, bastion_internal.setting('bastion.environment')));
END
$$;
COMMENT ON FUNCTION bastion.setting_open_for(text, text, text) IS
'setting_open() for a tenant (uuid or slug), or for the installation with NULL; environment NULL is bastion.environment.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42704 for an unknown tenant or setting, 42809 for one that is not sensitive, BA001, BA002, BA003.';

CREATE FUNCTION bastion.setting_update_for(tenant text, key text, environment text DEFAULT '*', category text DEFAULT NULL, metadata jsonb DEFAULT NULL, validator jsonb DEFAULT NULL,
                                           four_eyes boolean DEFAULT NULL, max_versions integer DEFAULT NULL, overridable boolean DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.setting_describe(bastion_internal.setting_place_of(tenant, key, environment, reason),
                                              bastion_internal.setting_changes_of(category, metadata, validator, four_eyes, max_versions, overridable), reason, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_update_for(text, text, text, text, jsonb, jsonb, boolean, integer, boolean, text) IS
'setting_update() for a tenant (uuid or slug), or for the installation with NULL. Of the installation, validator and four_eyes count for the values of tenants too, and overridable => false ends those: tenants read the installation''s, and cannot store their own.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42501, 42704 for an unknown tenant or setting, 55000 when it needs an approval.';

CREATE FUNCTION bastion.setting_delete_for(tenant text, key text, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.setting_remove(bastion_internal.setting_place_of(tenant, key, environment, reason), reason, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_delete_for(text, text, text, text) IS
'setting_delete() for a tenant (uuid or slug), or for the installation with NULL.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023, 42501, 42704 for an unknown tenant or setting, 55000 when it needs an approval.';
