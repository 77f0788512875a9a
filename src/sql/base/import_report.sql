
-- What imports from other systems share: they take an array of objects, or a relation, and report on each line. They run with the
-- rights of their caller, except the reading of a relation, which is its owner's.

CREATE FUNCTION bastion_internal.time_or_null(value text) RETURNS timestamptz
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN value::timestamptz;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_parameter_value THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.time_or_null(text) IS 'The value as a time, or NULL for text that is none.';

CREATE FUNCTION bastion_internal.field_problem(given jsonb, fields text[], typed text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof(given) IS DISTINCT FROM 'object' THEN 'it is no object'
                ELSE (SELECT CASE WHEN f.key = ANY (typed) THEN NULL
                                  WHEN f.key <> ALL (fields) THEN format('unknown field "%s"', left(f.key, 63))
                                  WHEN jsonb_typeof(f.value) NOT IN ('string', 'null') THEN format('the field "%s" is no text', f.key) END AS problem
                      FROM jsonb_each(CASE jsonb_typeof(given) WHEN 'object' THEN given ELSE '{}' END) f
                      ORDER BY 1 NULLS LAST LIMIT 1) END
$$;
COMMENT ON FUNCTION bastion_internal.field_problem(jsonb, text[], text[]) IS
'Why a value is no object with these fields, each a text or null, and typed ones, which may hold anything. NULL if it is one.';

CREATE FUNCTION bastion_internal.texts_or_null(value jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof(value) = 'array' THEN (
        SELECT CASE WHEN bool_and(jsonb_typeof(e) = 'string') IS NOT FALSE THEN coalesce(array_agg(e #>> '{}'), '{}') END
        FROM jsonb_array_elements(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END) e) END
$$;
COMMENT ON FUNCTION bastion_internal.texts_or_null(jsonb) IS 'A JSON array of texts as an array; NULL for any other value.';

CREATE FUNCTION bastion_internal.bytes_or_null(value text) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN value COLLATE "C" ~ '^(.x)?([0-9A-Fa-f]{2})*$' THEN decode(CASE substr(value, 2, 1) WHEN 'x' THEN substr(value, 3) ELSE value END, 'hex') END
$$;
COMMENT ON FUNCTION bastion_internal.bytes_or_null(text) IS 'The bytes that the value writes in hexadecimal, also after 0x, or as bytea is written; NULL for other text.';

CREATE FUNCTION bastion_internal.import_require(given text, dry_run boolean, what text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given IS NULL OR dry_run IS NULL THEN
        RAISE EXCEPTION '% and dry_run must not be null', what USING ERRCODE = 'null_value_not_allowed';
    ELSIF given <> 'array' THEN
        RAISE EXCEPTION '% must be a JSON array', what USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.import_require(text, boolean, text) IS 'Raises SQLSTATE 22004 or 22023 unless these are arguments of an import: the type of its JSON, whether it is tried, and the name of the argument.';

CREATE FUNCTION bastion_internal.import_stop(checked jsonb, what text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused record;
BEGIN
    SELECT min(c.line) AS line, count(*) AS count INTO refused FROM jsonb_to_recordset(checked) c (line bigint, problem text) WHERE c.problem IS NOT NULL;
    IF refused.count > 0 THEN
        RAISE EXCEPTION 'nothing is imported: % of % % are refused', refused.count, jsonb_array_length(checked), what USING ERRCODE = 'invalid_parameter_value',
            DETAIL = (SELECT format('Line %s: %s.', c.line, c.problem) FROM jsonb_to_recordset(checked) c (line bigint, problem text) WHERE c.line = refused.line),
            HINT = 'With dry_run => true, the result names all of them.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.import_stop(jsonb, text) IS 'Raises SQLSTATE 22023 when a line of an import is refused; checked has line and problem of each.';

CREATE FUNCTION bastion_internal.import_rows(relation regclass) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF relation IS NULL THEN
        RAISE EXCEPTION 'relation must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = import_rows.relation) THEN
        RAISE EXCEPTION 'relation does not exist' USING ERRCODE = 'undefined_table';
    ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = import_rows.relation AND c.relkind IN ('r', 'p', 'v', 'm')) THEN
        RAISE EXCEPTION '% is no table or view', relation USING ERRCODE = 'wrong_object_type';
    END IF;
    -- The owner of the relation reads it, so that code of a view or a cast does not run with the operator's rights.
    IF NOT has_table_privilege(relation, 'SELECT') OR row_security_active(relation) THEN
        RAISE EXCEPTION 'permission denied for %', relation USING ERRCODE = 'insufficient_privilege', DETAIL = 'The caller must be able to read all of its rows.';
    END IF;
    RETURN bastion_internal.as_table_owner(relation, format('SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)), ''[]'')::text FROM %s r', relation));
END
$$;
COMMENT ON FUNCTION bastion_internal.import_rows(regclass) IS
'The rows of a table or view as an array, which its owner reads. SQLSTATE 22004 for NULL, 42P01 for an unknown relation, 42809 for one that is no table or view, 42501 unless the caller can read all rows.';
