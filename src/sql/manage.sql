
-- What the functions that change rights have in common: who calls, whether they may, and that nobody gives more than they
-- hold. Checks read the tables, not the sets of the statement, so that a statement of several changes sees each of them.

CREATE FUNCTION bastion.require_tenant() RETURNS uuid
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
COMMENT ON FUNCTION bastion.require_tenant() IS
'The tenant of this transaction, SQLSTATE 42501 without one. Internal.';

CREATE FUNCTION bastion.require_permission(permission text, unit_id uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The first also knows what narrows this transaction; the second, what is held where the change is to be made.
    IF bastion.has_permission(permission) IS NOT TRUE OR NOT EXISTS (
        SELECT FROM bastion.effective_permissions(bastion.user_id(), bastion.require_tenant(), require_permission.unit_id) p
        WHERE p.permission = require_permission.permission
    ) THEN
        RAISE EXCEPTION 'permission "%" is needed', permission USING ERRCODE = 'insufficient_privilege',
            DETAIL = CASE WHEN unit_id IS NULL THEN 'It must be held in the whole tenant.' ELSE 'It must be held in the unit.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.require_permission(text, uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction holds a permission in a unit, or in the whole tenant. Internal.';

CREATE FUNCTION bastion.pattern_covers(held text, wanted text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT held = wanted
        OR held = '*' AND NOT bastion.is_reserved_resource(wanted)
        OR starts_with(held, '*.') AND wanted <> '*' AND NOT bastion.is_reserved_resource(wanted)
           AND regexp_replace(wanted, '^.*\.', '') = substr(held, 3)
        OR right(held, 2) = '.*' AND starts_with(wanted, rtrim(held, '*'))
$$;
COMMENT ON FUNCTION bastion.pattern_covers(text, text) IS
'Whether everything that one pattern ever grants, another grants too. Internal.';

CREATE FUNCTION bastion.uncovered(patterns text[], unit_id uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH held AS MATERIALIZED (
        SELECT r.* FROM bastion.rights_in_force(bastion.user_id(), bastion.tenant_id()) r
    ), above AS (
        SELECT c.ancestor_id AS id FROM bastion.unit_closure c WHERE c.descendant_id = uncovered.unit_id
    ), below AS (
        SELECT c.descendant_id AS id FROM bastion.unit_closure c WHERE c.ancestor_id = uncovered.unit_id
    ), denied AS MATERIALIZED (
        SELECT p.permission FROM held h JOIN bastion.permission_patterns p ON p.pattern = h.pattern
        WHERE h.effect = 'deny' AND (h.unit_id IS NULL OR uncovered.unit_id IS NULL OR h.unit_id IN (SELECT id FROM above)
                                     OR h.unit_id IN (SELECT id FROM below))
    )
    SELECT min(wanted) FROM unnest(patterns) wanted
    WHERE NOT EXISTS (SELECT FROM held h WHERE h.effect = 'grant' AND bastion.pattern_covers(h.pattern, wanted)
                      AND (h.unit_id IS NULL OR h.unit_id IN (SELECT id FROM above)))
       OR EXISTS (SELECT FROM bastion.permission_patterns p
                  WHERE p.pattern = wanted AND (p.permission IN (SELECT d.permission FROM denied d)
                        OR bastion.api_key_id() IS NOT NULL AND bastion.has_permission(p.permission) IS NOT TRUE))
$$;
COMMENT ON FUNCTION bastion.uncovered(text[], uuid) IS
'The first of these patterns that the user of this transaction does not hold entirely in a unit and below, or in the whole tenant; NULL when all are held. Internal.';

CREATE FUNCTION bastion.require_cover(patterns text[], unit_id uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing text := bastion.uncovered(patterns, unit_id);
BEGIN
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'nobody gives or takes what they do not hold' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('You do not hold "%s" there.', missing);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.require_cover(text[], uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction holds all these patterns in a unit, or in the whole tenant. Internal.';

CREATE FUNCTION bastion.role_patterns(role_id uuid) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE line AS (
        SELECT role_patterns.role_id AS id
        UNION
        SELECT p.parent_id FROM line JOIN bastion.role_parents p ON p.role_id = line.id
    )
    SELECT coalesce(array_agg(DISTINCT rp.pattern), '{}') FROM line JOIN bastion.role_permissions rp ON rp.role_id = line.id
$$;
COMMENT ON FUNCTION bastion.role_patterns(uuid) IS 'The patterns of a role and of what it inherits. Internal.';

CREATE FUNCTION bastion.require_role(tenant_id uuid, role text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_role uuid;
BEGIN
    SELECT r.id INTO found_role FROM bastion.roles r
    WHERE (r.tenant_id = require_role.tenant_id OR r.tenant_id IS NULL)
      AND (r.name = require_role.role OR r.id = bastion.uuid_or_null(require_role.role))
    ORDER BY r.tenant_id NULLS LAST LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such role' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found_role;
END
$$;
COMMENT ON FUNCTION bastion.require_role(uuid, text) IS
'The role of a tenant, or of every tenant, with this name or uuid; SQLSTATE 42704 without one. Internal.';

CREATE FUNCTION bastion.require_unit(tenant_id uuid, unit text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_unit uuid := bastion.find_unit(tenant_id, unit);
BEGIN
    IF unit IS NOT NULL AND found_unit IS NULL THEN
        RAISE EXCEPTION 'no such unit' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found_unit;
END
$$;
COMMENT ON FUNCTION bastion.require_unit(uuid, text) IS
'The unit of a tenant with this slug or uuid, NULL for NULL; SQLSTATE 42704 without one. Internal.';

CREATE FUNCTION bastion.require_period(valid_from timestamptz, valid_until timestamptz) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF valid_until <= valid_from THEN
        RAISE EXCEPTION 'valid_until must be later than valid_from' USING ERRCODE = 'invalid_parameter_value';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.require_period(timestamptz, timestamptz) IS
'Raises SQLSTATE 22023 for a period that ends before it begins. Internal.';

-- Names of permissions

CREATE FUNCTION bastion.similarity(a text, b text) RETURNS double precision
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
COMMENT ON FUNCTION bastion.similarity(text, text) IS
'How alike two words are, from 0 to 1: the coefficient of Dice over pairs of letters. Internal.';

CREATE FUNCTION bastion.require_pattern(pattern text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    nearest text;
BEGIN
    IF bastion.is_permission_pattern(pattern) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid permission pattern' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A pattern is a permission such as documents.read, or *, *.read or documents.*.';
    ELSIF pattern <> '*' AND NOT EXISTS (SELECT FROM bastion.permission_patterns p WHERE p.pattern = require_pattern.pattern) THEN
        SELECT string_agg(n.name, ', ' ORDER BY n.likeness DESC, n.name) INTO nearest
        FROM (SELECT p.name, bastion.similarity(p.name, require_pattern.pattern) AS likeness FROM bastion.permissions p
              ORDER BY likeness DESC, p.name LIMIT 3) n
        WHERE n.likeness >= 0.5;
        RAISE EXCEPTION 'permission "%" does not exist', pattern USING ERRCODE = 'undefined_object',
            HINT = coalesce('The nearest names are: ' || nearest || '.', 'SELECT name FROM bastion.permissions lists them.');
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.require_pattern(text) IS
'Raises SQLSTATE 22023 for a malformed pattern and 42704, with the nearest names as hint, for one that covers no permission. Internal.';
