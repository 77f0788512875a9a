
-- The environment of a database, in which settings and flags may have values of their own.

CREATE FUNCTION bastion_internal.is_environment(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT value = '*' OR bastion_internal.is_word(value) $$;
COMMENT ON FUNCTION bastion_internal.is_environment(text) IS
'Whether the value is an environment: a word, or * for all environments. bastion.environment takes the same.';
