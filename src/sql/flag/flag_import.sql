
-- The files of flagd.

CREATE FUNCTION bastion_internal.flags_in_file(file jsonb) RETURNS TABLE (key text, definition jsonb)
LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    text_of_flags text := (file -> 'flags')::text;
    evaluator record;
    reference text;
    uses bigint;
BEGIN
    IF jsonb_typeof(file -> 'flags') IS DISTINCT FROM 'object' OR coalesce(jsonb_typeof(file -> '$evaluators'), 'object') <> 'object' THEN
        RAISE EXCEPTION 'invalid file of flags' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'The file is an object with the member flags, and perhaps $evaluators.';
    END IF;
    -- A reference is an object of its own, so that its text cannot stand inside another one.
    FOR evaluator IN SELECT e.key, e.value FROM jsonb_each(file -> '$evaluators') e LOOP
        reference := jsonb_build_object('$ref', evaluator.key)::text;
        -- Before it is made: a file of a few MiB may refer a hundred thousand times to a rule of a MiB.
        uses := (octet_length(text_of_flags) - octet_length(replace(text_of_flags, reference, ''))) / octet_length(reference);
        IF octet_length(text_of_flags) + uses * (octet_length(evaluator.value::text) - octet_length(reference)) > 64 * 1024 * 1024 THEN
            RAISE EXCEPTION 'file of flags is too large' USING ERRCODE = 'program_limit_exceeded', DETAIL = 'With its evaluators it may have 64 MiB.';
        END IF;
        text_of_flags := replace(text_of_flags, reference, evaluator.value::text);
    END LOOP;
    RETURN QUERY SELECT f.key, f.value FROM jsonb_each(text_of_flags::jsonb) f ORDER BY f.key;
END
$$;
COMMENT ON FUNCTION bastion_internal.flags_in_file(jsonb) IS
'The flags of a file of flagd, with the rules of $evaluators in the places that refer to them. SQLSTATE 22023 for another form, 54000 for one that is too large.';

CREATE FUNCTION bastion_internal.flag_import_store(tenant_id uuid, file jsonb, environment text, reason text)
RETURNS TABLE (key text, version integer)
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given record;
    flag bastion.flags;
BEGIN
    FOR given IN SELECT f.key, f.definition FROM bastion_internal.flags_in_file(file) f LOOP
        flag := bastion_internal.flag_locked(flag_import_store.tenant_id, given.key, flag_import_store.environment);
        CONTINUE WHEN given.definition = (bastion_internal.version_in_force(flag.id)).definition;
        key := given.key;
        version := bastion_internal.flag_store(flag_import_store.tenant_id, given.key, given.definition, flag_import_store.environment, NULL, NULL, reason);
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.flag_import_store(uuid, jsonb, text, text) IS
'Stores the flags of a file that differ from those that hold; returns these with their new versions. SQLSTATE 22023 for an invalid file or flag, 22P02 for numbers beyond a double, 54000 for one that is too large, 23503 for an unknown tenant.';

CREATE FUNCTION bastion_internal.flag_file(tenant_id uuid, environment text) RETURNS jsonb
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('$schema', 'https://flagd.dev/schema/v0/flags.json', 'flags', coalesce(jsonb_object_agg(f.key, '{"state": "ENABLED"}' || f.definition), '{}'))
    FROM bastion_internal.flags_of(flag_file.tenant_id, flag_file.environment) f
$$;
COMMENT ON FUNCTION bastion_internal.flag_file(uuid, text) IS 'The flags that hold for a tenant in an environment as a file of flagd.';


CREATE FUNCTION bastion.flag_import(file jsonb, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS TABLE (key text, version integer)
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.manage');
    RETURN QUERY SELECT * FROM bastion_internal.flag_import_store(bastion.tenant_id(), file, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_import(jsonb, text, text) IS
'Stores the flags of a file of flagd: {"flags": {key: definition}, "$evaluators": {name: rule}}. Those that hold already in this form are left alone; the result lists the others with their new versions. Flags that the file does not name stay.
Needs tenant.flags.manage in the whole tenant.
SQLSTATE 22023 for an invalid file, 22P02 for numbers beyond a double, 54000 for one that is too large; 55000 when a flag needs an approval, 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_import(jsonb, text, text)', 'application');

CREATE FUNCTION bastion.flag_import_for(tenant text, file jsonb, environment text DEFAULT '*', reason text DEFAULT NULL) RETURNS TABLE (key text, version integer)
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM bastion_internal.flag_import_store(bastion_internal.require_tenant_or_null(tenant), file, environment, reason);
END
$$;
COMMENT ON FUNCTION bastion.flag_import_for(text, jsonb, text, text) IS
'flag_import() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 for an invalid file, 22P02 for numbers beyond a double, 54000 for one that is too large; 42704 for an unknown tenant, 55000 when a flag needs an approval.';

CREATE FUNCTION bastion.flag_export(environment text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_in_tenant('tenant.flags.read');
    RETURN bastion_internal.flag_file(bastion.tenant_id(), environment);
END
$$;
COMMENT ON FUNCTION bastion.flag_export(text) IS
'Returns the flags of flag_list() as a file of flagd, {"flags": {key: definition}}, which flagd and flag_import() take. Rules with $bastion work with this extension alone.
Needs tenant.flags.read in the whole tenant.
SQLSTATE F0000 when bastion.environment is stored with an invalid value; 42501 without the permission, BA005 where a step-up rule withholds it, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_export(text)', 'application');

CREATE FUNCTION bastion.flag_export_for(tenant text, environment text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.flag_file(bastion_internal.require_tenant_or_null(tenant), environment);
END
$$;
COMMENT ON FUNCTION bastion.flag_export_for(text, text) IS
'flag_export() for a tenant (uuid or slug), or with NULL for the installation, whose flags hold where a tenant has none. For operators: EXECUTE is granted to nobody.
SQLSTATE F0000 when bastion.environment is stored with an invalid value; 42704 for an unknown tenant.';
