
-- Members of a tenant, and what single members may do beside their roles: for those who hold tenant.members.manage where the
-- change takes effect.

CREATE FUNCTION bastion.membership_set(user_id uuid, role text, unit text DEFAULT NULL, valid_from timestamptz DEFAULT NULL,
                                       valid_until timestamptz DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion.require_tenant();
    place uuid := bastion.require_unit(tenant, unit);
    new_role uuid := bastion.require_role(tenant, role);
    changed uuid;
BEGIN
    PERFORM bastion.require_permission('tenant.members.manage', place);
    PERFORM bastion.require_period(valid_from, valid_until);
    IF NOT EXISTS (SELECT FROM bastion.users u WHERE u.id = membership_set.user_id) THEN
        RAISE EXCEPTION 'no such user' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM bastion.require_cover(bastion.role_patterns(new_role), place);
    PERFORM bastion.require_cover(bastion.role_patterns(m.role_id), place) FROM bastion.memberships m
    WHERE m.user_id = membership_set.user_id AND m.tenant_id = tenant AND m.unit_id IS NOT DISTINCT FROM place;
    INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_from, valid_until)
    VALUES (membership_set.user_id, tenant, place, new_role, membership_set.valid_from, membership_set.valid_until)
    ON CONFLICT ON CONSTRAINT memberships_user_id_tenant_id_unit_id_key DO UPDATE
        SET role_id = excluded.role_id, valid_from = excluded.valid_from, valid_until = excluded.valid_until
    RETURNING id INTO changed;
    PERFORM bastion.record_event('membership_changed', 'success', membership_set.user_id, tenant, jsonb_build_object(
        'role', new_role, 'unit', place, 'valid_from', membership_set.valid_from, 'valid_until', membership_set.valid_until));
    RETURN changed;
END
$$;
COMMENT ON FUNCTION bastion.membership_set(uuid, text, text, timestamptz, timestamptz) IS
'Makes a user a member of this tenant, or of one unit, with a role, or changes role and limits in time; role by name or uuid, unit by slug or uuid; returns the id of the membership. Needs tenant.members.manage there, and everything that the new role and the one before hold: nobody assigns above what they hold, nor demotes who holds more. SQLSTATE 22023 when it would end before it begins, 23514 when it takes away the last owner, 42501, 42704 for an unknown user, role or unit, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.membership_remove(user_id uuid, unit text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion.require_tenant();
    place uuid := bastion.require_unit(tenant, unit);
    old_role uuid;
BEGIN
    IF bastion.user_id() IS DISTINCT FROM user_id OR bastion.api_key_id() IS NOT NULL THEN
        PERFORM bastion.require_permission('tenant.members.manage', place);
        PERFORM bastion.require_cover(bastion.role_patterns(m.role_id), place) FROM bastion.memberships m
        WHERE m.user_id = membership_remove.user_id AND m.tenant_id = tenant AND m.unit_id IS NOT DISTINCT FROM place;
    END IF;
    DELETE FROM bastion.memberships m
    WHERE m.user_id = membership_remove.user_id AND m.tenant_id = tenant AND m.unit_id IS NOT DISTINCT FROM place
    RETURNING m.role_id INTO old_role;
    IF old_role IS NULL THEN
        RETURN false;
    END IF;
    -- Grants of a user who left would wait for the return. Denies do.
    DELETE FROM bastion.user_permissions p
    WHERE p.user_id = membership_remove.user_id AND p.tenant_id = tenant AND p.effect = 'grant'
      AND NOT EXISTS (SELECT FROM bastion.memberships m WHERE m.user_id = p.user_id AND m.tenant_id = tenant);
    PERFORM bastion.record_event('membership_removed', 'success', membership_remove.user_id, tenant,
                                 jsonb_build_object('role', old_role, 'unit', place));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.membership_remove(uuid, text) IS
'Ends the membership of a user in this tenant, or in one unit (slug or uuid); memberships in other units stay. With the last one, what was granted to the user goes too. false when there was none. Everybody may leave; to remove others, or anybody by an API key, needs tenant.members.manage there and everything that their role holds. SQLSTATE 23514 for the last owner, 42501, 42704 for an unknown unit, 28000 when a token was presented and refused.';

-- Grants and denies of single users

CREATE FUNCTION bastion.require_member(user_id uuid, unit_id uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion.require_permission('tenant.members.manage', unit_id);
    IF NOT EXISTS (SELECT FROM bastion.memberships m
                   WHERE m.user_id = require_member.user_id AND m.tenant_id = bastion.tenant_id()) THEN
        RAISE EXCEPTION 'no such member' USING ERRCODE = 'undefined_object';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.require_member(uuid, uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction may manage members there, 42704 unless the other user is a member. Internal.';

CREATE FUNCTION bastion.require_rank(user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion.require_cover(bastion.role_patterns(m.role_id), m.unit_id) FROM bastion.memberships m
    WHERE m.user_id = require_rank.user_id AND m.tenant_id = bastion.tenant_id();
END
$$;
COMMENT ON FUNCTION bastion.require_rank(uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction holds everything that the roles of another member hold. Internal.';

CREATE FUNCTION bastion.permission_put(user_id uuid, pattern text, effect text, unit text, valid_until timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion.require_tenant();
    place uuid := bastion.require_unit(tenant, unit);
BEGIN
    PERFORM bastion.require_member(user_id, place);
    PERFORM bastion.require_pattern(pattern);
    PERFORM bastion.require_cover(ARRAY[pattern], place);
    PERFORM bastion.require_rank(user_id) WHERE effect = 'deny';
    INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect, valid_until, granted_by)
    VALUES (permission_put.user_id, tenant, place, permission_put.pattern, permission_put.effect, permission_put.valid_until,
            bastion.actor_id())
    ON CONFLICT ON CONSTRAINT user_permissions_user_id_tenant_id_unit_id_pattern_key DO UPDATE
        SET effect = excluded.effect, valid_from = NULL, valid_until = excluded.valid_until, granted_by = excluded.granted_by,
            created_at = now();
    PERFORM bastion.record_event(CASE effect WHEN 'grant' THEN 'permission_granted' ELSE 'permission_denied_set' END, 'success',
        permission_put.user_id, tenant,
        jsonb_build_object('pattern', permission_put.pattern, 'unit', place, 'valid_until', permission_put.valid_until));
END
$$;
COMMENT ON FUNCTION bastion.permission_put(uuid, text, text, text, timestamptz) IS 'Writes a grant or deny of a member. Internal.';

CREATE FUNCTION bastion.permission_grant(user_id uuid, pattern text, unit text DEFAULT NULL, valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion.permission_put(user_id, pattern, 'grant', unit, valid_until) $$;
COMMENT ON FUNCTION bastion.permission_grant(uuid, text, text, timestamptz) IS
'Gives a member of this tenant a permission or pattern beside the roles, everywhere or in one unit (slug or uuid) and those below, until a time; a deny of the same pattern there is replaced. Needs tenant.members.manage there, and the pattern itself. SQLSTATE 22023 for a malformed pattern, 42501, 42704 for an unknown member, unit or permission, with the nearest names as hint, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.permission_deny(user_id uuid, pattern text, unit text DEFAULT NULL, valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion.permission_put(user_id, pattern, 'deny', unit, valid_until) $$;
COMMENT ON FUNCTION bastion.permission_deny(uuid, text, text, timestamptz) IS
'Denies a member of this tenant a permission or pattern, everywhere or in one unit (slug or uuid) and those below, until a time; it wins over every role, grant and share. Needs tenant.members.manage there, the pattern itself, and everything that the roles of the member hold. SQLSTATE 22023 for a malformed pattern, 42501, 42704 for an unknown member, unit or permission, with the nearest names as hint, 28000 when a token was presented and refused.';

CREATE FUNCTION bastion.permission_reset(user_id uuid, pattern text, unit text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion.require_tenant();
    place uuid := bastion.require_unit(tenant, unit);
    old_effect text;
BEGIN
    PERFORM bastion.require_member(user_id, place);
    PERFORM bastion.require_cover(ARRAY[pattern], place);
    DELETE FROM bastion.user_permissions p
    WHERE p.user_id = permission_reset.user_id AND p.tenant_id = tenant AND p.unit_id IS NOT DISTINCT FROM place
      AND p.pattern = permission_reset.pattern
    RETURNING p.effect INTO old_effect;
    IF old_effect IS NULL THEN
        RETURN false;
    END IF;
    PERFORM bastion.record_event('permission_reset', 'success', permission_reset.user_id, tenant,
        jsonb_build_object('pattern', permission_reset.pattern, 'unit', place, 'effect', old_effect));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.permission_reset(uuid, text, text) IS
'Takes back permission_grant() or permission_deny() of the same pattern and unit; false when there was none. Needs tenant.members.manage there and the pattern itself, so nobody lifts a deny of their own. SQLSTATE 42501, 42704 for an unknown member or unit, 28000 when a token was presented and refused.';
