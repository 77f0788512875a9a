
-- Computes the permissions of a user in a tenant and a unit. The library calls resolve_identity() and effective_permissions() as the
-- owner, and caches their results until a trigger x_invalidate fires. PL/pgSQL caches the plans.

CREATE FUNCTION bastion_internal.find_tenant(tenant text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT t.id FROM bastion.tenants t WHERE t.id = bastion_internal.uuid_or_null(tenant)
        UNION ALL
        SELECT t.id FROM bastion.tenants t WHERE t.slug = tenant
        LIMIT 1);
END
$$;
COMMENT ON FUNCTION bastion_internal.find_tenant(text) IS
'The tenant with this uuid or slug, active or not; NULL for none.';

CREATE FUNCTION bastion_internal.require_tenant_or_null(tenant text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_tenant uuid := bastion_internal.find_tenant(tenant);
BEGIN
    IF tenant IS NOT NULL AND found_tenant IS NULL THEN
        RAISE EXCEPTION 'tenant does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    RETURN found_tenant;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_tenant_or_null(text) IS
'The tenant with this uuid or slug; NULL for NULL. SQLSTATE 42704 for an unknown tenant.';

CREATE FUNCTION bastion_internal.find_unit(tenant_id uuid, unit text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT u.id FROM bastion.units u WHERE u.tenant_id = find_unit.tenant_id AND u.id = bastion_internal.uuid_or_null(unit)
        UNION ALL
        SELECT u.id FROM bastion.units u WHERE u.tenant_id = find_unit.tenant_id AND u.slug = unit
        LIMIT 1);
END
$$;
COMMENT ON FUNCTION bastion_internal.find_unit(uuid, text) IS
'The unit of the tenant with this uuid or slug; NULL for none.';

CREATE FUNCTION bastion_internal.find_role(tenant_id uuid, role text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT r.id FROM bastion.roles r
        WHERE (r.tenant_id = find_role.tenant_id OR r.tenant_id IS NULL)
          AND (r.name = find_role.role OR r.id = bastion_internal.uuid_or_null(find_role.role))
        ORDER BY r.tenant_id NULLS LAST LIMIT 1);
END
$$;
COMMENT ON FUNCTION bastion_internal.find_role(uuid, text) IS
'The role of the tenant, or else of every tenant, with this uuid or name; NULL for none. tenant_id NULL: of every tenant.';

CREATE FUNCTION bastion_internal.roles_in_force(user_id uuid, tenant_id uuid, unit_id uuid)
RETURNS TABLE (role_id uuid, tenant_wide boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT m.role_id, m.unit_id IS NULL FROM bastion.memberships_in_force m
    WHERE m.user_id = roles_in_force.user_id AND m.tenant_id = roles_in_force.tenant_id
      AND (m.unit_id IS NULL OR m.unit_id IN (
          SELECT c.ancestor_id FROM bastion.unit_closure c WHERE c.descendant_id = roles_in_force.unit_id))
    UNION ALL
    SELECT p.role_id, true FROM bastion_internal.platform_roles_in_force p WHERE p.user_id = roles_in_force.user_id;
END
$$;
COMMENT ON FUNCTION bastion_internal.roles_in_force(uuid, uuid, uuid) IS
'The roles that a user has in a tenant and, if a unit is given, in that unit: platform roles, and roles in the tenant, in the unit and in the units above it. Does not include inherited roles. tenant_wide: held in the whole tenant.';

CREATE FUNCTION bastion_internal.rights_in_force(user_id uuid, tenant_id uuid)
RETURNS TABLE (unit_id uuid, pattern text, effect text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 50
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE held AS (
        (SELECT m.unit_id, m.role_id FROM bastion.memberships_in_force m
         WHERE m.user_id = rights_in_force.user_id AND m.tenant_id = rights_in_force.tenant_id
         UNION
         SELECT NULL::uuid, p.role_id FROM bastion_internal.platform_roles_in_force p WHERE p.user_id = rights_in_force.user_id)
        UNION
        SELECT h.unit_id, rp.parent_id FROM held h JOIN bastion.role_parents rp ON rp.role_id = h.role_id
    )
    SELECT h.unit_id, rp.pattern, 'grant'::text FROM held h JOIN bastion.role_permissions rp ON rp.role_id = h.role_id
    UNION
    SELECT p.unit_id, p.pattern, p.effect FROM bastion_internal.user_permissions_in_force p
    WHERE p.user_id = rights_in_force.user_id AND p.tenant_id = rights_in_force.tenant_id;
END
$$;
COMMENT ON FUNCTION bastion_internal.rights_in_force(uuid, uuid) IS
'Lists every pattern that is granted or denied to a user in a tenant (unit_id NULL) or in one of its units. Sources: memberships with inherited roles, platform roles, and the user''s own grants and denies.';

CREATE FUNCTION bastion_internal.effective_permissions(user_id uuid, tenant_id uuid, unit_id uuid)
RETURNS TABLE (permission text, tenant_wide boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT p.permission, bool_or(r.unit_id IS NULL)
    FROM (SELECT * FROM bastion_internal.rights_in_force(effective_permissions.user_id, effective_permissions.tenant_id)
          UNION ALL SELECT NULL, 'own.*', 'grant') r
    JOIN bastion_internal.permission_patterns p ON p.pattern = r.pattern
    WHERE r.unit_id IS NULL OR r.unit_id IN (
        SELECT c.ancestor_id FROM bastion.unit_closure c WHERE c.descendant_id = effective_permissions.unit_id)
    GROUP BY p.permission
    HAVING bool_and(r.effect = 'grant');
END
$$;
COMMENT ON FUNCTION bastion_internal.effective_permissions(uuid, uuid, uuid) IS
'Lists every registered permission that a user holds in a tenant and unit, with patterns expanded and without what is denied there.
tenant_wide: held in the whole tenant. Only patterns that begin with their first word cover the extension''s own permissions; own.* needs no role. Does not check whether the user and the tenant are active: resolve_identity() does.';

CREATE FUNCTION bastion_internal.resolve_place(user_id uuid, tenant text, unit text,
                                      OUT status text, OUT tenant_id uuid, OUT tenant_number bigint, OUT unit_id uuid)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_tenant bastion.tenants;
    found_unit uuid;
    is_member boolean;
BEGIN
    IF tenant IS NULL THEN
        status := CASE WHEN unit IS NULL THEN 'ok' ELSE 'unit' END;
        RETURN;
    END IF;
    SELECT * INTO found_tenant FROM bastion.tenants t WHERE t.id = bastion_internal.find_tenant(tenant) AND t.status = 'active';
    status := CASE WHEN FOUND THEN 'membership' ELSE 'tenant' END;
    -- The same work where there is no such tenant, or the time would tell which tenants exist.
    is_member := EXISTS (SELECT FROM bastion.memberships_in_force m
                         WHERE m.user_id = resolve_place.user_id AND m.tenant_id = coalesce(found_tenant.id, resolve_place.user_id))
                 OR EXISTS (SELECT FROM bastion_internal.platform_roles_in_force p WHERE p.user_id = resolve_place.user_id);
    IF found_tenant.id IS NULL OR NOT is_member THEN
        RETURN;
    END IF;
    IF unit IS NOT NULL THEN
        found_unit := bastion_internal.find_unit(found_tenant.id, unit);
        IF found_unit IS NULL THEN
            status := 'unit';
            RETURN;
        END IF;
        IF NOT EXISTS (SELECT FROM bastion_internal.roles_in_force(resolve_place.user_id, found_tenant.id, found_unit)) THEN
            RETURN;
        END IF;
    END IF;
    status := 'ok';
    tenant_id := found_tenant.id;
    tenant_number := found_tenant.number;
    unit_id := found_unit;
END
$$;
COMMENT ON FUNCTION bastion_internal.resolve_place(uuid, text, text) IS
'Checks whether an active user may work in a tenant and unit, each a uuid, slug or NULL. The library calls it.
Returns status: ok; tenant (unknown or suspended); membership (none in force in the tenant, or none that holds in the unit; a platform role counts everywhere); unit (not in the tenant). Callers never see which.';

CREATE FUNCTION bastion_internal.resolve_identity(user_id uuid, tenant text, unit text,
                                         OUT status text, OUT tenant_id uuid, OUT tenant_number bigint, OUT unit_id uuid)
RETURNS record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place record;
BEGIN
    status := 'user';
    IF EXISTS (SELECT FROM bastion.users u WHERE u.id = resolve_identity.user_id AND u.status = 'active') THEN
        place := bastion_internal.resolve_place(resolve_identity.user_id, resolve_identity.tenant, resolve_identity.unit);
        status := place.status;
        tenant_id := place.tenant_id;
        tenant_number := place.tenant_number;
        unit_id := place.unit_id;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.resolve_identity(uuid, text, text) IS
'Checks whether a user may work in a tenant and unit, each a uuid, slug or NULL.
Returns the status of resolve_place(), or user (unknown or disabled). Callers never see which.';

CREATE FUNCTION bastion.resource_register(resource text, actions text[] DEFAULT '{create,read,update,delete}')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    action text;
BEGIN
    IF bastion_internal.is_resource(resource) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid resource name' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A resource is words of lower-case letters, digits and underscores, joined by dots.';
    END IF;
    IF bastion_internal.is_reserved_resource(resource) THEN
        RAISE EXCEPTION 'the resource name "%" is reserved', resource USING ERRCODE = 'reserved_name',
            DETAIL = 'Names that begin with tenant, platform, bastion or own belong to pg_bastion.';
    END IF;
    IF coalesce(cardinality(actions), 0) = 0 THEN
        RAISE EXCEPTION 'a resource needs at least one action' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH action IN ARRAY actions LOOP
        IF bastion_internal.is_word(action) IS NOT TRUE THEN
            RAISE EXCEPTION 'invalid action name' USING ERRCODE = 'invalid_parameter_value',
                DETAIL = 'An action is one word of lower-case letters, digits and underscores.';
        END IF;
    END LOOP;
    INSERT INTO bastion.permissions (resource, action)
    SELECT resource_register.resource, unnest(actions)
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION bastion.resource_register(text, text[]) IS
'Registers the permissions resource.action; roles with wildcards hold them immediately, and existing permissions stay. bastion.protect() calls it.
SQLSTATE 22023 for a malformed name, 42939 for a reserved one.';
