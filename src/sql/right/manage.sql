
-- Helpers of the functions that change rights: the caller, the permission checks, and the lookup of names. pass_on.sql limits what a
-- caller may give.

CREATE FUNCTION bastion_internal.require_tenant() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.user_id() IS NULL OR bastion.tenant_id() IS NULL THEN
        RAISE EXCEPTION 'no tenant in this transaction' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Present a token of a member of the tenant first; SELECT bastion.whoami(); explains.';
    END IF;
    RETURN bastion.tenant_id();
END
$$;
COMMENT ON FUNCTION bastion_internal.require_tenant() IS
'The tenant of this transaction. SQLSTATE 42501 without one.';

CREATE FUNCTION bastion_internal.may_in(permission text, unit_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The first test includes the restrictions of this transaction; the others check user and credential where the change takes effect.
    RETURN bastion_internal.person_obstacle(permission) IS NULL AND bastion_internal.lent_in(unit_id) AND EXISTS (
        SELECT FROM bastion_internal.effective_permissions(bastion.user_id(), bastion_internal.require_tenant(), may_in.unit_id) p
        WHERE p.permission = may_in.permission);
END
$$;
COMMENT ON FUNCTION bastion_internal.may_in(text, uuid) IS
'Whether the user of this transaction, with its credential, holds a permission in a unit, or in the whole tenant.';

CREATE FUNCTION bastion_internal.require_permission(permission text, unit_id uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bastion_internal.may_in(permission, unit_id) THEN
        PERFORM bastion_internal.require_step_up(permission, unit_id);
        RAISE EXCEPTION 'permission denied: "%" is needed', permission USING ERRCODE = 'insufficient_privilege',
            DETAIL = CASE WHEN unit_id IS NULL THEN 'It must be held in the whole tenant.' ELSE 'It must be held in the unit.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_permission(text, uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction may_in(), BA005 where a step-up rule withholds the permission.';

CREATE FUNCTION bastion_internal.require_in_tenant(permission text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.tenant_if_allowed(permission) IS NULL THEN
        PERFORM bastion_internal.require_step_up(permission, NULL);
        RAISE EXCEPTION 'permission denied: "%" is needed', permission USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'It must be held in the whole tenant.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_in_tenant(text) IS 'Raises SQLSTATE 42501 unless the permission is held in the whole tenant, BA005 where a step-up rule withholds it.';

CREATE FUNCTION bastion_internal.role_patterns(role_id uuid) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE line AS (
        SELECT role_patterns.role_id AS id
        UNION
        SELECT p.parent_id FROM line JOIN bastion.role_parents p ON p.role_id = line.id
    )
    SELECT coalesce(array_agg(DISTINCT rp.pattern), '{}') FROM line JOIN bastion.role_permissions rp ON rp.role_id = line.id
$$;
COMMENT ON FUNCTION bastion_internal.role_patterns(uuid) IS 'The patterns of a role and of the roles that it inherits.';

CREATE FUNCTION bastion_internal.require_role(tenant_id uuid, role text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_role uuid := bastion_internal.find_role(tenant_id, role);
BEGIN
    IF found_role IS NULL THEN
        RAISE EXCEPTION 'role does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found_role;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_role(uuid, text) IS
'The role of a tenant, or of every tenant, with this name or uuid. SQLSTATE 42704 for an unknown role.';

CREATE FUNCTION bastion_internal.require_unit(tenant_id uuid, unit text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_unit uuid := bastion_internal.find_unit(tenant_id, unit);
BEGIN
    IF unit IS NOT NULL AND found_unit IS NULL THEN
        RAISE EXCEPTION 'unit does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found_unit;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_unit(uuid, text) IS
'The unit of a tenant with this slug or uuid; NULL for NULL. SQLSTATE 42704 for an unknown unit.';

CREATE FUNCTION bastion_internal.require_period(valid_from timestamptz, valid_until timestamptz) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF valid_until <= valid_from THEN
        RAISE EXCEPTION 'valid_until must be later than valid_from' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_period(timestamptz, timestamptz) IS
'Raises SQLSTATE 22023 for a period that ends before it begins.';

-- Names of permissions

CREATE FUNCTION bastion_internal.similarity(a text, b text) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH pairs AS (
        SELECT DISTINCT 1 AS side, substr(' ' || left(a, 200) || ' ', n, 2) AS pair FROM generate_series(1, least(length(a), 200) + 1) n
        UNION ALL
        SELECT DISTINCT 2, substr(' ' || left(b, 200) || ' ', n, 2) FROM generate_series(1, least(length(b), 200) + 1) n
    ), counted AS (
        SELECT count(*) AS sides FROM pairs GROUP BY pair
    )
    SELECT 2.0 * count(*) FILTER (WHERE sides = 2) / nullif(sum(sides), 0) FROM counted
$$;
COMMENT ON FUNCTION bastion_internal.similarity(text, text) IS
'The similarity of two words, from 0 to 1: the Dice coefficient over pairs of letters.';

CREATE FUNCTION bastion_internal.covers_permission(pattern text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pattern = '*' OR EXISTS (SELECT FROM bastion_internal.permission_patterns p WHERE p.pattern = covers_permission.pattern)
$$;
COMMENT ON FUNCTION bastion_internal.covers_permission(text) IS 'Whether a pattern covers a permission that is registered.';

CREATE FUNCTION bastion_internal.nearest_permissions(pattern text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(n.name, ', ' ORDER BY n.likeness DESC, n.name)
    FROM (SELECT p.name, bastion_internal.similarity(p.name, nearest_permissions.pattern) AS likeness FROM bastion.permissions p
          ORDER BY likeness DESC, p.name LIMIT 3) n
    WHERE n.likeness >= 0.5
$$;
COMMENT ON FUNCTION bastion_internal.nearest_permissions(text) IS
'Up to three names of permissions that a misspelled one may mean, separated by commas; NULL for none.';

CREATE FUNCTION bastion_internal.require_pattern(pattern text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.is_permission_pattern(pattern) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid permission pattern' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A pattern is a permission such as documents.read, or *, *.read or documents.*.';
    ELSIF NOT bastion_internal.covers_permission(pattern) THEN
        RAISE EXCEPTION 'permission "%" does not exist', pattern USING ERRCODE = 'undefined_object',
            HINT = coalesce('The nearest names are: ' || bastion_internal.nearest_permissions(pattern) || '.', 'SELECT name FROM bastion.permissions lists them.');
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_pattern(text) IS
'Raises SQLSTATE 22023 for a malformed pattern and 42704, with the nearest names as hint, for one that covers no permission.';
