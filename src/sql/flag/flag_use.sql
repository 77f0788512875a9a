
-- What flags are for a caller.

CREATE FUNCTION bastion_internal.version_in_force(flag_id uuid) RETURNS bastion.flag_versions
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v FROM bastion.flag_versions v
    WHERE v.flag_id = version_in_force.flag_id AND v.cancelled_at IS NULL AND v.effective_at <= statement_timestamp()
    ORDER BY v.effective_at DESC, v.version DESC LIMIT 1
$$;
COMMENT ON FUNCTION bastion_internal.version_in_force(uuid) IS
'The version of a flag that holds now: of those whose time has come, the one with the last time, and of these the newest. NULL before the first.';

CREATE FUNCTION bastion_internal.flag_candidates(key text, tenant_id uuid, environment text)
RETURNS TABLE (key text, tenant_id uuid, environment text, version integer, definition jsonb, effective_at timestamptz, rank bigint)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f.key, f.tenant_id, f.environment, v.version, v.definition, v.effective_at,
           row_number() OVER (PARTITION BY f.key ORDER BY f.tenant_id NULLS LAST, f.environment = '*')
    FROM bastion.flags f CROSS JOIN LATERAL bastion_internal.version_in_force(f.id) v
    WHERE (flag_candidates.key IS NULL OR f.key = flag_candidates.key)
      AND (f.tenant_id = flag_candidates.tenant_id OR f.tenant_id IS NULL)
      AND f.environment IN (flag_candidates.environment, '*') AND v.definition IS NOT NULL
$$;
COMMENT ON FUNCTION bastion_internal.flag_candidates(text, uuid, text) IS
'The flags of this key (NULL: of each) that hold now for a tenant, which may be NULL, in an environment. The one of rank 1 counts: that of the tenant before that of the installation, and of both the one of the environment before the one of every environment.';

CREATE FUNCTION bastion_internal.flag_in_force(key text, tenant_id uuid, environment text, OUT definition jsonb, OUT until timestamptz)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT (SELECT c.definition FROM bastion_internal.flag_candidates(flag_in_force.key, flag_in_force.tenant_id, flag_in_force.environment) c
            WHERE c.rank = 1),
           (SELECT min(v.effective_at) FROM bastion.flags f JOIN bastion.flag_versions v ON v.flag_id = f.id
            WHERE f.key = flag_in_force.key AND (f.tenant_id = flag_in_force.tenant_id OR f.tenant_id IS NULL)
              AND f.environment IN (flag_in_force.environment, '*') AND v.cancelled_at IS NULL AND v.effective_at > statement_timestamp())
$$;
COMMENT ON FUNCTION bastion_internal.flag_in_force(text, uuid, text) IS
'The definition of a flag for a tenant in an environment, NULL without one, and when a scheduled version may change it, NULL for never.';

CREATE FUNCTION bastion_internal.role_names_of(user_id uuid, tenant_id uuid, unit_id uuid) RETURNS TABLE (name text)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 5
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE held AS (
        (SELECT m.role_id FROM bastion.memberships_in_force m
         WHERE m.user_id = role_names_of.user_id AND m.tenant_id = role_names_of.tenant_id
           AND (m.unit_id IS NULL OR m.unit_id IN (SELECT c.ancestor_id FROM bastion.unit_closure c WHERE c.descendant_id = role_names_of.unit_id))
         UNION
         SELECT p.role_id FROM bastion_internal.platform_roles_in_force p WHERE p.user_id = role_names_of.user_id)
        UNION
        SELECT rp.parent_id FROM held h JOIN bastion.role_parents rp ON rp.role_id = h.role_id
    )
    SELECT r.name FROM held h JOIN bastion.roles r ON r.id = h.role_id ORDER BY r.name
$$;
COMMENT ON FUNCTION bastion_internal.role_names_of(uuid, uuid, uuid) IS
'The names of the roles that a user has in a tenant, in a unit (NULL for none) and those above it, and on the platform, with the roles that these inherit.';

CREATE FUNCTION bastion.flag_boolean(key text, default_value boolean, context jsonb DEFAULT NULL) RETURNS boolean
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_flag_boolean';
COMMENT ON FUNCTION bastion.flag_boolean(text, boolean, jsonb) IS
'Evaluates a feature flag whose variants are booleans for the caller.
The tenant of the transaction decides which flag counts, else the installation; so does bastion.environment. context is an object with what the targeting rule may ask for; its targetingKey, unless given the user, is what a percentage is computed from.
The default value is the answer without such a flag, and when it is disabled, chooses no variant, has another type or fails. flag_evaluate() says which.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_boolean(text, boolean, jsonb)', 'application');

CREATE FUNCTION bastion.flag_text(key text, default_value text, context jsonb DEFAULT NULL) RETURNS text
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_flag_text';
COMMENT ON FUNCTION bastion.flag_text(text, text, jsonb) IS
'Evaluates a feature flag whose variants are texts for the caller.
The arguments and the rest are those of flag_boolean().
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_text(text, text, jsonb)', 'application');

CREATE FUNCTION bastion.flag_numeric(key text, default_value numeric, context jsonb DEFAULT NULL) RETURNS numeric
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_flag_numeric';
COMMENT ON FUNCTION bastion.flag_numeric(text, numeric, jsonb) IS
'Evaluates a feature flag whose variants are numbers for the caller.
The arguments and the rest are those of flag_boolean().
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_numeric(text, numeric, jsonb)', 'application');

CREATE FUNCTION bastion.flag_json(key text, default_value jsonb, context jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_flag_json';
COMMENT ON FUNCTION bastion.flag_json(text, jsonb, jsonb) IS
'Evaluates a feature flag whose variants are objects or arrays for the caller.
The arguments and the rest are those of flag_boolean().
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_json(text, jsonb, jsonb)', 'application');

CREATE FUNCTION bastion.flag_evaluate(key text, default_value jsonb DEFAULT NULL, context jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_flag_evaluate';
COMMENT ON FUNCTION bastion.flag_evaluate(text, jsonb, jsonb) IS
'Evaluates a feature flag as flag_boolean() and its like do, and says why, in the form of OpenFeature: {"value", "variant", "reason", "errorCode", "flagMetadata"}.
reason is STATIC (no rule), TARGETING_MATCH, DEFAULT (the rule chose none), DISABLED or ERROR. errorCode is FLAG_NOT_FOUND, TYPE_MISMATCH (the default value has another type), TARGETING_KEY_MISSING (a percentage, and neither a user nor a targetingKey), INVALID_CONTEXT (context is no object, or above 64 KiB) or GENERAL (the rule failed).
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.flag_evaluate(text, jsonb, jsonb)', 'application');
