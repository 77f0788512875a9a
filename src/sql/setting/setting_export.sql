
-- Settings as JSON, for another database or a review: without versions, and without sealed values.

CREATE FUNCTION bastion_internal.settings_document(tenant uuid, for_environment text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('format', 'pg_bastion.settings/1', 'settings', coalesce(jsonb_agg(
        jsonb_strip_nulls(jsonb_build_object('key', s.key, 'environment', s.environment, 'category', s.category, 'max_versions', s.max_versions,
                                             'four_eyes', nullif(s.four_eyes, false), 'sensitive', nullif(s.sensitive, false)))
        || CASE WHEN s.metadata = '{}' THEN '{}' ELSE jsonb_build_object('metadata', s.metadata) END
        || CASE WHEN s.validator IS NULL THEN '{}' ELSE jsonb_build_object('validator', s.validator) END
        || CASE WHEN v.value IS NULL THEN '{}' ELSE jsonb_build_object('value', v.value) END ORDER BY s.key, s.environment), '[]'))
    FROM bastion.settings s LEFT JOIN bastion.setting_versions v ON v.setting_id = s.id AND v.version = s.version AND v.deleted_at IS NULL
    WHERE s.tenant_id IS NOT DISTINCT FROM tenant AND (s.environment = for_environment) IS NOT FALSE
$$;
COMMENT ON FUNCTION bastion_internal.settings_document(uuid, text) IS 'The settings of a tenant, NULL for the installation, as setting_export() returns them.';

CREATE FUNCTION bastion_internal.setting_import_one(tenant uuid, given jsonb, reason text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place bastion.settings;
    newest bastion.setting_versions;
    described jsonb := CASE WHEN jsonb_typeof(given) = 'object' THEN given - '{key,environment,value,sensitive}'::text[] END;
    done text := 'unchanged';
BEGIN
    IF described IS NULL OR given - '{key,environment,category,max_versions,four_eyes,sensitive,metadata,validator,value}'::text[] <> '{}' OR NOT given ? 'key'
       OR jsonb_typeof(given -> 'sensitive') <> 'boolean' OR (given ->> 'sensitive')::boolean AND jsonb_typeof(given -> 'value') <> 'string' THEN
        RAISE EXCEPTION 'invalid setting in the document' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Members are key, environment, category, max_versions, four_eyes, sensitive, metadata, validator and value, which is a string where sensitive is true.';
    END IF;
    PERFORM bastion_internal.change_payload_check('update', described);
    place := bastion_internal.setting_place(tenant, given ->> 'key', coalesce(given ->> 'environment', '*'), reason);
    SELECT v.* INTO newest FROM bastion.setting_versions v WHERE v.setting_id = place.id AND v.version = place.version AND v.deleted_at IS NULL;
    -- NULL of a sealed value, which is not compared: the answer would confirm a guess.
    IF given ? 'value' AND newest.value IS DISTINCT FROM given -> 'value' THEN
        IF (given ->> 'sensitive')::boolean THEN
            PERFORM bastion_internal.setting_write_sealed(place, given ->> 'value', NULL, reason, NULL, NULL);
        ELSE
            PERFORM bastion_internal.setting_write(place, given -> 'value', NULL, reason, NULL, NULL);
        END IF;
        place := bastion_internal.setting_place(tenant, given ->> 'key', coalesce(given ->> 'environment', '*'), reason);
        done := 'stored';
    END IF;
    IF place.id IS NULL THEN
        RETURN 'skipped';
    ELSIF NOT jsonb_build_object('category', place.category, 'max_versions', place.max_versions, 'four_eyes', place.four_eyes, 'metadata', place.metadata, 'validator', place.validator) @> described THEN
        PERFORM bastion_internal.setting_describe(place, described, reason, NULL);
        RETURN 'stored';
    END IF;
    RETURN done;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_import_one(uuid, jsonb, text) IS
'Stores one setting of a document; returns stored, unchanged, or skipped for one without a value that does not exist. SQLSTATE as setting_put() and setting_update().';

CREATE FUNCTION bastion_internal.settings_import(tenant uuid, document jsonb, reason text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb := '{"stored": 0, "unchanged": 0, "skipped": 0}';
    given jsonb;
    done text;
BEGIN
    IF document ->> 'format' IS DISTINCT FROM 'pg_bastion.settings/1' OR jsonb_typeof(document -> 'settings') IS DISTINCT FROM 'array' OR document - '{format,settings}'::text[] <> '{}' THEN
        RAISE EXCEPTION 'invalid document of settings' USING ERRCODE = 'invalid_parameter_value', HINT = 'It is what setting_export() returns: {"format": "pg_bastion.settings/1", "settings": [...]}.';
    END IF;
    -- In one order, so that two imports are in no deadlock.
    FOR given IN SELECT e.value FROM jsonb_array_elements(document -> 'settings') e (value) ORDER BY e.value ->> 'key', e.value ->> 'environment' LOOP
        done := bastion_internal.setting_import_one(tenant, given, reason);
        answer := jsonb_set(answer, ARRAY[done], to_jsonb((answer ->> done)::integer + 1));
    END LOOP;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION bastion_internal.settings_import(uuid, jsonb, text) IS 'Stores the settings of a document for a tenant, NULL for the installation: all or none. SQLSTATE as setting_import().';

CREATE FUNCTION bastion.setting_export(for_environment text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.settings.read');
    RETURN bastion_internal.settings_document(bastion.tenant_id(), for_environment);
END
$$;
COMMENT ON FUNCTION bastion.setting_export(text) IS
'The settings of the tenant, or those of one environment, as a JSON document for setting_import(): newest values, and what describes them. Sensitive settings come without their values.
Needs tenant.settings.read in the whole tenant.
SQLSTATE 28000, 42501 without a tenant or the permission, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_export(text)', 'application');

CREATE FUNCTION bastion.setting_import(document jsonb, reason text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.settings.manage');
    RETURN bastion_internal.settings_import(bastion.tenant_id(), document, reason);
END
$$;
COMMENT ON FUNCTION bastion.setting_import(jsonb, text) IS
'Stores the settings of a document of setting_export() in the tenant, all or none; other settings stay. A value that is the newest already makes no version, so an import can be repeated. A sensitive setting with a value is sealed as a new version in each import. One without keeps its value, or is skipped where there is none.
Returns {"stored", "unchanged", "skipped"}. Needs tenant.settings.manage in the whole tenant.
SQLSTATE 22023 for an invalid document, 25006 in a READ ONLY transaction, 28000, 42501 without a tenant or the permission, 42809 for a sensitive setting that would be stored plain, 55000 when a setting needs an approval, BA001, BA002, BA003, BA005.';
SELECT bastion_internal.callable_by('bastion.setting_import(jsonb, text)', 'application');

CREATE FUNCTION bastion.setting_export_for(tenant text, for_environment text DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.settings_document(bastion_internal.require_tenant_or_null(setting_export_for.tenant), for_environment) $$;
COMMENT ON FUNCTION bastion.setting_export_for(text, text) IS
'setting_export() for a tenant (uuid or slug), or for the installation with NULL.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704 for an unknown tenant.';

CREATE FUNCTION bastion.setting_import_for(tenant text, document jsonb, reason text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.settings_import(bastion_internal.require_tenant_or_null(tenant), document, reason);
END
$$;
COMMENT ON FUNCTION bastion.setting_import_for(text, jsonb, text) IS
'setting_import() for a tenant (uuid or slug), or for the installation with NULL.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid document, 42704 for an unknown tenant, and those of setting_put_for(), setting_seal_for() and setting_update_for().';
