
-- What members of a tenant call to change its settings.

CREATE FUNCTION bastion.setting_put(key text, value jsonb, environment text DEFAULT '*', expected_version integer DEFAULT NULL, reason text DEFAULT NULL,
                                    category text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.setting_write(bastion_internal.setting_place_managed(key, environment, reason), value, expected_version, reason, category, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_put(text, jsonb, text, integer, text, text) IS
'Stores a value of a setting of the tenant as a new version, and makes the setting if there is none; returns the version.
environment is a word, or * for all. With expected_version, it fails unless that is the newest version; 0 expects that the setting does not exist. reason goes into the history. category stays unless it is given. Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023 for invalid arguments and for a value that does not meet the validator, 25006 in a READ ONLY transaction, 28000 for a refused token, 42501 without a tenant or the permission, and for a setting of the installation alone, 42809 for a sensitive setting, 54000 for one too many (bastion.settings_per_tenant), 55000 when it needs an approval, BA005 where a step-up rule withholds the permission, BA008 when expected_version is not the version.';
SELECT bastion_internal.callable_by('bastion.setting_put(text, jsonb, text, integer, text, text)', 'application');

CREATE FUNCTION bastion.setting_seal(key text, value text, environment text DEFAULT '*', expected_version integer DEFAULT NULL, reason text DEFAULT NULL,
                                     category text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.setting_write_sealed(bastion_internal.setting_place_managed(key, environment, reason), value, expected_version, reason, category, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_seal(text, text, text, integer, text, text) IS
'Stores a text sealed, as setting_put() does a value: the setting is sensitive from then on, and setting_open() opens it. Versions from before stay as they were stored. Send the value as a parameter.
Arguments and permissions are those of setting_put().
SQLSTATE 22023, 25006, 28000, 42501, 54000, 55000, BA005 and BA008 as setting_put(), BA001 and BA002 without the right root key, BA003 when the tenant''s keys are disabled.';
SELECT bastion_internal.callable_by('bastion.setting_seal(text, text, text, integer, text, text)', 'application');

CREATE FUNCTION bastion.setting_rollback(key text, version integer, environment text DEFAULT '*', expected_version integer DEFAULT NULL, reason text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.setting_roll_back(bastion_internal.setting_place_managed(key, environment, reason), version, expected_version, reason, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_rollback(text, integer, text, integer, text) IS
'Stores the value of an older version of a setting as a new version; returns that version. A sealed value is opened and sealed again inside: tenant.settings.open is not needed, and no validator is asked.
Arguments and permissions are those of setting_put().
SQLSTATE 22023, 25006, 28000, 42501, BA005 and BA008 as setting_put(), 42704 for an unknown setting or version, 55000 for a deleted version and when it needs an approval, BA001, BA002, BA003.';
SELECT bastion_internal.callable_by('bastion.setting_rollback(text, integer, text, integer, text)', 'application');

CREATE FUNCTION bastion.setting_update(key text, environment text DEFAULT '*', category text DEFAULT NULL, metadata jsonb DEFAULT NULL, validator jsonb DEFAULT NULL,
                                       four_eyes boolean DEFAULT NULL, max_versions integer DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.setting_describe(bastion_internal.setting_place_managed(key, environment, reason),
                                              bastion_internal.setting_changes_of(category, metadata, validator, four_eyes, max_versions), reason, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_update(text, text, text, jsonb, jsonb, boolean, integer, text) IS
'Changes what describes a setting; NULL changes nothing. metadata: the members of a JSON object replace those of the same name, and null removes one. validator: a JSON Schema of the keywords type, enum, const, minimum, maximum, minLength, maxLength, pattern, properties, required, additionalProperties, items and maxItems, which each new value must meet, and so must the newest unless it is sealed; JSON''s null removes it. four_eyes: each change of this key in the tenant needs another person, and so does turning that off. max_versions: how many versions are kept, 0 for all.
Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023 for invalid arguments, an unknown keyword, and a validator that the newest value does not meet, 25006 in a READ ONLY transaction, 28000, 42501, 42704 for no such setting, 55000 when it needs an approval, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_update(text, text, text, jsonb, jsonb, boolean, integer, text)', 'application');

CREATE FUNCTION bastion.setting_version_delete(key text, versions integer[] DEFAULT NULL, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.setting_versions_set(bastion_internal.setting_place_managed(key, environment, reason), versions, 'version_delete', reason, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_version_delete(text, integer[], text, text) IS
'Deletes versions of a setting, NULL the newest, until setting_version_undelete() restores them. A setting whose newest version is deleted counts as if it did not exist.
Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023, 25006 in a READ ONLY transaction, 28000, 42501, 42704 for an unknown setting or version, 55000 for a destroyed version and when it needs an approval, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_version_delete(text, integer[], text, text)', 'application');

CREATE FUNCTION bastion.setting_version_undelete(key text, versions integer[] DEFAULT NULL, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.setting_versions_set(bastion_internal.setting_place_managed(key, environment, reason), versions, 'version_undelete', reason, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_version_undelete(text, integer[], text, text) IS
'Restores deleted versions of a setting, NULL the newest.
Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023, 25006 in a READ ONLY transaction, 28000, 42501, 42704 for an unknown setting or version, 55000 for a destroyed version and when it needs an approval, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_version_undelete(text, integer[], text, text)', 'application');

CREATE FUNCTION bastion.setting_version_destroy(key text, versions integer[], environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.setting_versions_set(bastion_internal.setting_place_managed(key, environment, reason), versions, 'version_destroy', reason, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_version_destroy(text, integer[], text, text) IS
'Destroys the values of versions of a setting for good. The versions stay in setting_version_list(). Backups and WAL keep the values.
Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023 without versions, 25006 in a READ ONLY transaction, 28000, 42501, 42704 for an unknown setting or version, 55000 for a destroyed version and when it needs an approval, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_version_destroy(text, integer[], text, text)', 'application');

CREATE FUNCTION bastion.setting_delete(key text, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.setting_remove(bastion_internal.setting_place_managed(key, environment, reason), reason, NULL);
END
$$;
COMMENT ON FUNCTION bastion.setting_delete(text, text, text) IS
'Deletes a setting with all its versions, for good; setting_history() still tells of it, and the versions of another one in its place are counted on. setting_version_delete() deletes a version so that it can be restored.
Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023, 25006 in a READ ONLY transaction, 28000, 42501, 42704 for no such setting, 55000 when it needs an approval, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_delete(text, text, text)', 'application');
