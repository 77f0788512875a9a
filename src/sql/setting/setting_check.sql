
-- Validators of settings: a subset of JSON Schema (draft 2020-12) that has no references. A keyword that is not known is refused where
-- the validator is set: one that is passed over would seem to hold.

CREATE FUNCTION bastion_internal.validator_keyword_flaw(keyword text, argument jsonb, depth integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text := jsonb_typeof(argument);
BEGIN
    CASE keyword
    WHEN 'type' THEN
        IF kind IN ('string', 'array') AND argument <> '[]'
           AND jsonb_build_array('string', 'number', 'integer', 'boolean', 'object', 'array', 'null') @> (CASE kind WHEN 'string' THEN jsonb_build_array(argument) ELSE argument END) THEN
            RETURN NULL;
        END IF;
    WHEN 'enum' THEN
        IF kind = 'array' AND argument <> '[]' THEN
            RETURN NULL;
        END IF;
    WHEN 'const' THEN
        RETURN NULL;
    WHEN 'minimum', 'maximum' THEN
        IF kind = 'number' THEN
            RETURN NULL;
        END IF;
    WHEN 'minLength', 'maxLength', 'maxItems' THEN
        IF kind = 'number' AND argument #>> '{}' ~ '^[0-9]{1,9}$' THEN
            RETURN NULL;
        END IF;
    WHEN 'pattern' THEN
        -- Without back-references and directors, matching is not exponential, and every engine means the same.
        IF kind = 'string' AND length(argument #>> '{}') <= 200 AND argument #>> '{}' !~ E'^([*]{3}|[(][?][a-z])' AND argument #>> '{}' !~ E'(^|[^\\\\])(\\\\\\\\)*\\\\[1-9]' THEN
            PERFORM '' ~ ((argument #>> '{}') COLLATE "C");
            RETURN NULL;
        END IF;
    WHEN 'properties' THEN
        IF kind = 'object' THEN
            RETURN (SELECT min(bastion_internal.validator_flaw(p.value, depth + 1)) FROM jsonb_each(argument) p);
        END IF;
    WHEN 'required' THEN
        IF kind = 'array' AND NOT jsonb_path_exists(argument, '$[*] ? (@.type() != "string")') THEN
            RETURN NULL;
        END IF;
    WHEN 'additionalProperties' THEN
        IF kind IN ('boolean', 'object') THEN
            RETURN CASE kind WHEN 'object' THEN bastion_internal.validator_flaw(argument, depth + 1) END;
        END IF;
    WHEN 'items' THEN
        RETURN bastion_internal.validator_flaw(argument, depth + 1);
    ELSE
        RETURN format('unknown keyword "%s"', left(keyword, 60));
    END CASE;
    RETURN format('invalid argument of "%s"', keyword);
EXCEPTION WHEN invalid_regular_expression THEN
    RETURN 'invalid argument of "pattern"';
END
$$;
COMMENT ON FUNCTION bastion_internal.validator_keyword_flaw(text, jsonb, integer) IS 'Why a keyword may not be in a validator with this argument; NULL if it may.';

CREATE FUNCTION bastion_internal.validator_flaw(validator jsonb, depth integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(validator) <> 'object' THEN
        RETURN 'a validator is a JSON object';
    ELSIF depth > 8 OR octet_length(validator::text) > 16384 THEN
        RETURN 'a validator has at most 8 levels and 16 KiB';
    END IF;
    RETURN (SELECT min(bastion_internal.validator_keyword_flaw(k.key, k.value, depth)) FROM jsonb_each(validator) k);
END
$$;
COMMENT ON FUNCTION bastion_internal.validator_flaw(jsonb, integer) IS 'Why this may not be a validator of settings; NULL if it may.';

CREATE FUNCTION bastion_internal.value_flaw(validator jsonb, value jsonb, path text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text := jsonb_typeof(value);
    content text := value #>> '{}';
    part record;
    flaw text;
BEGIN
    IF NOT (CASE jsonb_typeof(validator -> 'type') WHEN 'string' THEN jsonb_build_array(validator -> 'type') ELSE coalesce(validator -> 'type', jsonb_build_array(kind)) END
            ?| ARRAY[kind, CASE WHEN kind = 'number' AND trunc(value::numeric) = value::numeric THEN 'integer' END]) THEN
        RETURN format('%s: type', path);
    ELSIF validator ? 'enum' AND value <> ALL (ARRAY(SELECT jsonb_array_elements(validator -> 'enum'))) OR value <> coalesce(validator -> 'const', value) THEN
        RETURN format('%s: %s', path, CASE WHEN validator ? 'const' THEN 'const' ELSE 'enum' END);
    ELSIF kind = 'number' AND NOT value::numeric BETWEEN coalesce((validator -> 'minimum')::numeric, '-Infinity') AND coalesce((validator -> 'maximum')::numeric, 'Infinity') THEN
        RETURN format('%s: minimum or maximum', path);
    ELSIF kind = 'string' AND NOT length(content) BETWEEN coalesce((validator -> 'minLength')::integer, 0) AND coalesce((validator -> 'maxLength')::integer, length(content)) THEN
        RETURN format('%s: minLength or maxLength', path);
    ELSIF kind = 'string' AND content !~ ((validator ->> 'pattern') COLLATE "C") THEN
        RETURN format('%s: pattern', path);
    ELSIF kind = 'array' THEN
        IF jsonb_array_length(value) > (validator -> 'maxItems')::integer THEN
            RETURN format('%s: maxItems', path);
        END IF;
        RETURN (SELECT min(bastion_internal.value_flaw(validator -> 'items', i.value, format('%s/%s', path, i.n - 1)))
                FROM jsonb_array_elements(value) WITH ORDINALITY i (value, n) WHERE validator ? 'items');
    ELSIF kind = 'object' THEN
        IF NOT value ?& ARRAY(SELECT jsonb_array_elements_text(validator -> 'required')) THEN
            RETURN format('%s: required', path);
        END IF;
        FOR part IN SELECT p.key, p.value, coalesce(validator #> ARRAY['properties', p.key], validator -> 'additionalProperties') AS rule FROM jsonb_each(value) p LOOP
            flaw := CASE WHEN part.rule = 'false' THEN format('%s: additionalProperties', path)
                         WHEN jsonb_typeof(part.rule) = 'object' THEN bastion_internal.value_flaw(part.rule, part.value, format('%s/%s', path, left(part.key, 60))) END;
            IF flaw IS NOT NULL THEN
                RETURN flaw;
            END IF;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.value_flaw(jsonb, jsonb, text) IS
'What of a value does not meet a validator, as the path and the keyword, without the value; NULL if it does.';

CREATE FUNCTION bastion_internal.setting_validate(place bastion.settings, value jsonb) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    flaw text;
BEGIN
    SELECT min(bastion_internal.value_flaw(s.validator, setting_validate.value, '')) INTO flaw FROM bastion.settings s
    WHERE s.key = place.key AND s.validator IS NOT NULL AND s.environment IN ('*', place.environment) AND (s.tenant_id = place.tenant_id OR s.tenant_id IS NULL);
    IF flaw IS NOT NULL THEN
        RAISE EXCEPTION 'value does not meet the validator of the setting' USING ERRCODE = 'invalid_parameter_value', DETAIL = flaw;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.setting_validate(bastion.settings, jsonb) IS
'Raises SQLSTATE 22023 unless a value meets every validator of its key: those of its environment and of all, of its tenant and of the installation.';
