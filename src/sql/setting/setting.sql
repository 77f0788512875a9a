
-- Storing and changing settings. In a tenant, that needs tenant.settings.manage in the whole tenant. Every change writes the history.

CREATE FUNCTION bastion_internal.setting_place(tenant uuid, key text, environment text, reason text) RETURNS bastion.settings
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place bastion.settings;
BEGIN
    IF bastion_internal.is_resource(key) IS NOT TRUE OR bastion_internal.is_environment(environment) IS NOT TRUE OR bastion_internal.is_label(reason) IS FALSE THEN
        RAISE EXCEPTION 'invalid setting' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'A key is words of lower-case letters, digits and underscores, joined by dots; an environment is a word, or * for all. A reason has at most 200 characters.';
    END IF;
    SELECT * INTO place FROM bastion.settings s
    WHERE s.tenant_id IS NOT DISTINCT FROM setting_place.tenant AND s.environment = setting_place.environment AND s.key = setting_place.key;
    place.tenant_id := setting_place.tenant;
    place.environment := setting_place.environment;
    place.key := setting_place.key;
    RETURN place;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_place(uuid, text, text, text) IS
'The setting of a tenant, NULL for the installation; without an id if there is none. SQLSTATE 22023 for an invalid key, environment or reason.';

CREATE FUNCTION bastion_internal.setting_place_managed(key text, environment text, reason text) RETURNS bastion.settings
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.settings.manage');
    RETURN bastion_internal.setting_place(bastion.tenant_id(), key, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_place_managed(text, text, text) IS
'setting_place() in the tenant of this transaction, whose user may change it. SQLSTATE 22023, 28000, 42501 without a tenant or tenant.settings.manage.';

CREATE FUNCTION bastion_internal.setting_missing() RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'setting does not exist' USING ERRCODE = 'undefined_object';
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_missing() IS 'Raises SQLSTATE 42704.';

CREATE FUNCTION bastion_internal.setting_needs_approval(place bastion.settings) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT place.tenant_id IS NOT NULL
        AND EXISTS (SELECT FROM bastion.settings s WHERE s.key = place.key AND s.four_eyes AND (s.tenant_id = place.tenant_id OR s.tenant_id IS NULL))
$$;
COMMENT ON FUNCTION bastion_internal.setting_needs_approval(bastion.settings) IS
'Whether changes of a key need another person: where a setting of it says so, in any environment, of the tenant or the installation.';

CREATE FUNCTION bastion_internal.setting_guard(place bastion.settings, request uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF request IS NULL AND bastion_internal.setting_needs_approval(place) THEN
        RAISE EXCEPTION 'a change of this setting needs the approval of another person' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'bastion.setting_request() asks for it.';
    ELSIF place.tenant_id IS NOT NULL AND EXISTS (SELECT FROM bastion.settings s WHERE s.key = place.key AND s.tenant_id IS NULL AND NOT s.overridable) THEN
        RAISE EXCEPTION 'this setting belongs to the installation alone' USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_guard(bastion.settings, uuid) IS
'Refuses the change of a setting that needs an approval, unless request names one, and of one that tenants may not have. SQLSTATE 42501, 55000.';

CREATE FUNCTION bastion_internal.setting_record(setting bastion.settings, action text, version integer, from_version integer, reason text, request uuid) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO bastion.setting_changes (tenant_id, setting_id, environment, key, action, version, from_version, reason, request_id, user_id, actor_id, api_key_id, delegation_id)
    VALUES (setting.tenant_id, setting.id, setting.environment, setting.key, setting_record.action, setting_record.version, setting_record.from_version, setting_record.reason,
            setting_record.request, bastion.user_id(), bastion.actor_id(), bastion.api_key_id(), bastion.delegation_id());
    SELECT bastion_internal.event_entry(bastion_internal.event_of(
        format('setting_%s', action), 'success', NULL, setting.tenant_id,
        jsonb_strip_nulls(jsonb_build_object('setting', setting.id, 'environment', setting.environment, 'key', setting.key, 'version', version,
                                             'from_version', from_version, 'reason', reason, 'request', request))))
$$;
COMMENT ON FUNCTION bastion_internal.setting_record(bastion.settings, text, integer, integer, text, uuid) IS
'Adds a row to bastion.setting_changes, and event_entry().';

CREATE FUNCTION bastion_internal.setting_versions_expire(setting bastion.settings) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM bastion.setting_versions v WHERE v.setting_id = setting.id AND v.version <= setting.version - setting.max_versions
$$;
COMMENT ON FUNCTION bastion_internal.setting_versions_expire(bastion.settings) IS 'Deletes the versions of a setting beyond max_versions.';

CREATE FUNCTION bastion_internal.setting_first_version(place bastion.settings) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    -- Two statements, each of which reads an index backward.
    SELECT 1 + coalesce(
        (SELECT c.version FROM bastion.setting_changes c
         WHERE c.tenant_id = place.tenant_id AND c.key = place.key AND c.environment = place.environment AND c.action IN ('put', 'rollback')
         ORDER BY c.id DESC LIMIT 1),
        (SELECT c.version FROM bastion.setting_changes c
         WHERE place.tenant_id IS NULL AND c.tenant_id IS NULL AND c.key = place.key AND c.environment = place.environment AND c.action IN ('put', 'rollback')
         ORDER BY c.id DESC LIMIT 1), 0)
$$;
COMMENT ON FUNCTION bastion_internal.setting_first_version(bastion.settings) IS
'The number of the first version of a new setting: the one after those of a deleted setting in its place, so that expected_version never means another value.';

CREATE FUNCTION bastion_internal.require_room_for_setting(tenant uuid) RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most integer := bastion_internal.setting('bastion.settings_per_tenant')::integer;
BEGIN
    IF tenant IS NOT NULL AND (SELECT count(*) FROM bastion.settings s WHERE s.tenant_id = tenant) > most THEN
        RAISE EXCEPTION 'tenant has too many settings' USING ERRCODE = 'program_limit_exceeded', DETAIL = format('A tenant has at most %s (bastion.settings_per_tenant).', most);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_room_for_setting(uuid) IS
'Raises SQLSTATE 54000 when a tenant has more settings than bastion.settings_per_tenant. The installation, NULL, may have any number.';

CREATE FUNCTION bastion_internal.setting_next(place bastion.settings, expected_version integer, category text, sensitive boolean, request uuid) RETURNS bastion.settings
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting bastion.settings;
    known integer;
BEGIN
    IF bastion_internal.is_label(setting_next.category) IS FALSE THEN
        RAISE EXCEPTION 'invalid setting' USING ERRCODE = 'invalid_parameter_value', HINT = 'A category has at most 200 characters.';
    END IF;
    INSERT INTO bastion.settings AS s (tenant_id, environment, key, category, sensitive, version, created_by)
    VALUES (place.tenant_id, place.environment, place.key, setting_next.category, setting_next.sensitive, bastion_internal.setting_first_version(place), bastion.actor_id())
    ON CONFLICT ON CONSTRAINT settings_place_key DO UPDATE
    SET version = s.version + 1, category = coalesce(setting_next.category, s.category), sensitive = s.sensitive OR setting_next.sensitive, updated_at = clock_timestamp()
    RETURNING s.* INTO setting;
    -- The row is locked: who changed it meanwhile has committed.
    PERFORM bastion_internal.setting_guard(setting, request);
    known := CASE WHEN EXISTS (SELECT FROM bastion.setting_versions v WHERE v.setting_id = setting.id) THEN setting.version - 1 ELSE 0 END;
    IF known <> expected_version THEN
        RAISE EXCEPTION 'setting has another version' USING ERRCODE = 'BA008',
            DETAIL = jsonb_build_object('version', known, 'expected_version', expected_version)::text,
            HINT = 'Read it again; expected_version => 0 expects that the setting does not exist.';
    ELSIF known = 0 THEN
        PERFORM bastion_internal.require_room_for_setting(setting.tenant_id);
    END IF;
    RETURN setting;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_next(bastion.settings, integer, text, boolean, uuid) IS
'Adds a version, without a value yet, to the setting in a place, and the setting if there is none; locks it.
SQLSTATE 22023 for an invalid category, 42501 and 55000 as setting_guard(), 54000 as require_room_for_setting(), BA008 when expected_version is not the version.';

CREATE FUNCTION bastion_internal.setting_keep(setting bastion.settings, value jsonb, sealed bastion.sealed, from_version integer, reason text, request uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO bastion.setting_versions (setting_id, version, value, sealed, from_version, reason, created_by)
    VALUES (setting.id, setting.version, setting_keep.value, setting_keep.sealed, setting_keep.from_version, setting_keep.reason, bastion.actor_id());
    PERFORM bastion_internal.setting_versions_expire(setting);
    PERFORM bastion_internal.setting_record(setting, CASE WHEN from_version IS NULL THEN 'put' ELSE 'rollback' END, setting.version, from_version, reason, request);
    RETURN setting.version;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_keep(bastion.settings, jsonb, bastion.sealed, integer, text, uuid) IS
'Writes the value of the newest version of a setting, and records it; returns the version.';

CREATE FUNCTION bastion_internal.setting_write(place bastion.settings, value jsonb, expected_version integer, reason text, category text, request uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting bastion.settings;
BEGIN
    IF value IS NULL OR octet_length(value::text) > 65536 THEN
        RAISE EXCEPTION 'invalid value of a setting' USING ERRCODE = 'invalid_parameter_value', HINT = 'A value is JSON of at most 64 KiB; JSON has a null of its own.';
    END IF;
    setting := bastion_internal.setting_next(place, expected_version, category, false, request);
    IF setting.sensitive THEN
        RAISE EXCEPTION 'setting is sensitive' USING ERRCODE = 'wrong_object_type', HINT = 'bastion.setting_seal() stores its values.';
    END IF;
    PERFORM bastion_internal.setting_validate(setting, value);
    RETURN bastion_internal.setting_keep(setting, value, NULL, NULL, reason, request);
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_write(bastion.settings, jsonb, integer, text, text, uuid) IS
'Stores a value as a new version of the setting in a place; returns the version.
SQLSTATE 22023 for a value that is invalid or does not meet the validator, 42501, 42809 for a sensitive setting, 55000, BA008.';

CREATE FUNCTION bastion_internal.setting_write_sealed(place bastion.settings, value text, expected_version integer, reason text, category text, request uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting bastion.settings;
BEGIN
    IF value IS NULL OR octet_length(value) > 65536 THEN
        RAISE EXCEPTION 'invalid value of a setting' USING ERRCODE = 'invalid_parameter_value', HINT = 'A sealed value is text of at most 64 KiB.';
    END IF;
    PERFORM bastion_internal.data_key('bastion.settings', place.tenant_id);
    setting := bastion_internal.setting_next(place, expected_version, category, true, request);
    PERFORM bastion_internal.setting_validate(setting, to_jsonb(value));
    RETURN bastion_internal.setting_keep(setting, NULL, bastion.seal_for(setting.tenant_id, value, 'bastion.settings', bastion_internal.secret_place(setting.id, setting.version)),
                                         NULL, reason, request);
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_write_sealed(bastion.settings, text, integer, text, text, uuid) IS
'Seals a text as a new version of the setting in a place, which is sensitive from then on; returns the version.
SQLSTATE as setting_write(), and BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.setting_roll_back(place bastion.settings, version integer, expected_version integer, reason text, request uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting bastion.settings;
    old bastion.setting_versions;
BEGIN
    IF place.id IS NULL THEN
        PERFORM bastion_internal.setting_missing();
    END IF;
    setting := bastion_internal.setting_next(place, expected_version, NULL, false, request);
    SELECT v.* INTO old FROM bastion.setting_versions v WHERE v.setting_id = setting.id AND v.version = setting_roll_back.version;
    IF NOT FOUND OR setting.id <> place.id THEN
        RAISE EXCEPTION 'version of the setting does not exist' USING ERRCODE = 'undefined_object';
    ELSIF old.destroyed_at IS NOT NULL OR old.deleted_at IS NOT NULL THEN
        RAISE EXCEPTION 'version of the setting is deleted' USING ERRCODE = 'object_not_in_prerequisite_state';
    ELSIF NOT setting.sensitive THEN
        PERFORM bastion_internal.setting_validate(setting, old.value);
        RETURN bastion_internal.setting_keep(setting, old.value, NULL, version, reason, request);
    END IF;
    -- The plaintext stays in this expression: the user who rolls back need not have the right to read it, and so it meets no validator.
    RETURN bastion_internal.setting_keep(setting, NULL, bastion.seal_for(setting.tenant_id, bastion_internal.setting_plaintext(setting, old), 'bastion.settings',
                                                                         bastion_internal.secret_place(setting.id, setting.version)), version, reason, request);
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_roll_back(bastion.settings, integer, integer, text, uuid) IS
'Stores the value of an older version of a setting as a new one; returns that version.
SQLSTATE as setting_write(), 42704 for an unknown setting or version, 55000 for a deleted one, BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.setting_plaintext(setting bastion.settings, version bastion.setting_versions) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN version.sealed IS NULL THEN version.value #>> '{}'
                ELSE bastion.open_text_for(setting.tenant_id, version.sealed, bastion_internal.secret_place(setting.id, version.version)) END;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_plaintext(bastion.settings, bastion.setting_versions) IS
'The value of a version of a setting as text, opened if it is sealed. SQLSTATE BA001, BA002, BA003.';

CREATE FUNCTION bastion_internal.setting_locked(place bastion.settings, request uuid) RETURNS bastion.settings
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting bastion.settings;
BEGIN
    SELECT s.* INTO setting FROM bastion.settings s WHERE s.id = place.id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        PERFORM bastion_internal.setting_missing();
    END IF;
    PERFORM bastion_internal.setting_guard(setting, request);
    RETURN setting;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_locked(bastion.settings, uuid) IS
'Locks a setting that is to be changed. SQLSTATE 42704 for none, 42501 and 55000 as setting_guard().';

CREATE FUNCTION bastion_internal.setting_versions_set(place bastion.settings, versions integer[], action text, reason text, request uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting bastion.settings := bastion_internal.setting_locked(place, request);
    wanted integer[] := ARRAY(SELECT DISTINCT v FROM unnest(coalesce(versions, ARRAY[setting.version])) v ORDER BY v);
    number integer;
BEGIN
    IF cardinality(wanted) = 0 OR array_position(wanted, NULL) IS NOT NULL OR (action = 'version_destroy' AND versions IS NULL) THEN
        RAISE EXCEPTION 'versions are needed' USING ERRCODE = 'invalid_parameter_value';
    ELSIF wanted <> ARRAY(SELECT v.version FROM bastion.setting_versions v WHERE v.setting_id = setting.id AND v.version = ANY (wanted) ORDER BY v.version) THEN
        RAISE EXCEPTION 'version of the setting does not exist' USING ERRCODE = 'undefined_object';
    ELSIF EXISTS (SELECT FROM bastion.setting_versions v WHERE v.setting_id = setting.id AND v.version = ANY (wanted) AND v.destroyed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'version of the setting is destroyed' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    UPDATE bastion.setting_versions v
    SET deleted_at = CASE WHEN action <> 'version_undelete' THEN coalesce(v.deleted_at, clock_timestamp()) END,
        destroyed_at = CASE WHEN action = 'version_destroy' THEN clock_timestamp() END,
        value = CASE WHEN action <> 'version_destroy' THEN v.value END, sealed = CASE WHEN action <> 'version_destroy' THEN v.sealed END
    WHERE v.setting_id = setting.id AND v.version = ANY (wanted);
    UPDATE bastion.settings s SET updated_at = clock_timestamp() WHERE s.id = setting.id;
    FOREACH number IN ARRAY wanted LOOP
        PERFORM bastion_internal.setting_record(setting, action, number, NULL, reason, request);
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_versions_set(bastion.settings, integer[], text, text, uuid) IS
'Deletes, undeletes or destroys versions of a setting, NULL the newest, and records it.
SQLSTATE 22023 without versions, 42704 for an unknown setting or version, 42501, 55000 for a destroyed version, or when an approval is needed.';

CREATE FUNCTION bastion_internal.setting_remove(place bastion.settings, reason text, request uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting bastion.settings := bastion_internal.setting_locked(place, request);
BEGIN
    DELETE FROM bastion.settings s WHERE s.id = setting.id;
    PERFORM bastion_internal.setting_record(setting, 'delete', NULL, NULL, reason, request);
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_remove(bastion.settings, text, uuid) IS
'Deletes a setting with all its versions, and records it. SQLSTATE 42704, 42501, 55000.';

CREATE FUNCTION bastion_internal.setting_describe(place bastion.settings, changes jsonb, reason text, request uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting bastion.settings := bastion_internal.setting_locked(place, request);
    flaw text := CASE WHEN jsonb_typeof(changes -> 'validator') <> 'null' THEN bastion_internal.validator_flaw(changes -> 'validator', 1) END;
    newest bastion.setting_versions;
BEGIN
    IF flaw IS NOT NULL THEN
        RAISE EXCEPTION 'invalid validator' USING ERRCODE = 'invalid_parameter_value', DETAIL = flaw,
            HINT = 'Keywords are type, enum, const, minimum, maximum, minLength, maxLength, pattern, properties, required, additionalProperties, items and maxItems.';
    ELSIF bastion_internal.is_label(changes ->> 'category') IS FALSE OR (changes ->> 'max_versions')::integer < 0
          OR jsonb_typeof(changes -> 'metadata') <> 'object' OR octet_length((changes -> 'metadata')::text) > 16384 OR (setting.tenant_id IS NOT NULL AND changes ? 'overridable') THEN
        RAISE EXCEPTION 'invalid setting' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'A category has at most 200 characters, metadata is a JSON object of at most 16 KiB, max_versions is 0 for no limit, and overridable is for the installation.';
    END IF;
    UPDATE bastion.settings s
    SET category = coalesce(changes ->> 'category', s.category), metadata = bastion_internal.secret_metadata(s.metadata, changes -> 'metadata'),
        validator = CASE WHEN changes ? 'validator' THEN nullif(changes -> 'validator', 'null') ELSE s.validator END,
        four_eyes = coalesce((changes ->> 'four_eyes')::boolean, s.four_eyes), overridable = coalesce((changes ->> 'overridable')::boolean, s.overridable),
        max_versions = nullif(coalesce((changes ->> 'max_versions')::integer, s.max_versions), 0), updated_at = clock_timestamp()
    WHERE s.id = setting.id RETURNING s.* INTO setting;
    SELECT v.* INTO newest FROM bastion.setting_versions v WHERE v.setting_id = setting.id AND v.version = setting.version AND v.deleted_at IS NULL;
    -- A sealed value is not compared: whether it meets a validator of the caller's choice would show it to callers who may not open it.
    IF changes ? 'validator' AND newest.value IS NOT NULL THEN
        PERFORM bastion_internal.setting_validate(setting, newest.value);
    END IF;
    PERFORM bastion_internal.setting_versions_expire(setting);
    PERFORM bastion_internal.setting_record(setting, 'update', NULL, NULL, reason, request);
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_describe(bastion.settings, jsonb, text, uuid) IS
'Changes what describes a setting, by the members of changes: category, metadata, validator, four_eyes, overridable and max_versions; records it.
SQLSTATE 22023 for invalid ones, and for a validator that the newest value does not meet, 42704 for no setting, 42501, 55000.';

CREATE FUNCTION bastion_internal.setting_changes_of(category text, metadata jsonb, validator jsonb, four_eyes boolean, max_versions integer, overridable boolean DEFAULT NULL) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('category', category, 'four_eyes', four_eyes, 'max_versions', max_versions, 'overridable', overridable))
        || CASE WHEN metadata IS NULL THEN '{}' ELSE jsonb_build_object('metadata', metadata) END
        || CASE WHEN validator IS NULL THEN '{}' ELSE jsonb_build_object('validator', validator) END
$$;
COMMENT ON FUNCTION bastion_internal.setting_changes_of(text, jsonb, jsonb, boolean, integer, boolean) IS 'The arguments of setting_update() that are given, for setting_describe().';
