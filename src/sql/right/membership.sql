
-- Members of a tenant, and grants and denies of single members beside their roles. Callers need tenant.members.manage where the change
-- takes effect.

CREATE FUNCTION bastion_internal.lock_user(user_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM bastion.users u WHERE u.id = lock_user.user_id FOR NO KEY UPDATE;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion_internal.lock_user(uuid) IS
'Locks a user, so that transactions that change the rights of one user run one after the other and each sees what the previous one did; false for an unknown user.';

CREATE FUNCTION bastion_internal.membership_assign(user_id uuid, role text, unit text, valid_from timestamptz, valid_until timestamptz,
                                                   alone boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    place uuid := bastion_internal.require_unit(tenant, unit);
    new_role uuid := bastion_internal.require_role(tenant, role);
BEGIN
    PERFORM bastion_internal.require_permission('tenant.members.manage', place);
    PERFORM bastion_internal.require_period(valid_from, valid_until);
    IF NOT bastion_internal.lock_user(user_id) THEN
        RAISE EXCEPTION 'user does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM bastion_internal.require_cover(bastion_internal.role_patterns(new_role), place, valid_until);
    PERFORM bastion_internal.require_held(bastion_internal.role_patterns(m.role_id), place) FROM bastion.memberships m
    WHERE m.user_id = membership_assign.user_id AND m.tenant_id = tenant AND m.unit_id IS NOT DISTINCT FROM place
      AND (alone OR m.role_id = new_role);
    -- Locks the rows, so that a user who leaves meanwhile is not made a member again without consent.
    PERFORM bastion_internal.await_logins(m.user_id) FROM bastion.memberships m
    WHERE m.user_id = membership_assign.user_id AND m.tenant_id = tenant LIMIT 1;
    PERFORM FROM bastion.memberships m WHERE m.user_id = membership_assign.user_id AND m.tenant_id = tenant FOR KEY SHARE;
    IF NOT FOUND THEN
        IF bastion_internal.is_anonymous(user_id) THEN
            RAISE EXCEPTION 'user does not exist' USING ERRCODE = 'undefined_object';
        END IF;
        RETURN bastion_internal.invite_person(membership_assign.user_id, tenant, place, new_role, membership_assign.valid_from,
                                              membership_assign.valid_until);
    END IF;
    RETURN jsonb_build_object('membership', bastion_internal.membership_put(membership_assign.user_id, tenant, place, new_role,
        membership_assign.valid_from, membership_assign.valid_until, alone));
END
$$;
COMMENT ON FUNCTION bastion_internal.membership_assign(uuid, text, text, timestamptz, timestamptz, boolean) IS
'membership_set() (alone) or membership_add().';

CREATE FUNCTION bastion.membership_set(user_id uuid, role text, unit text DEFAULT NULL, valid_from timestamptz DEFAULT NULL,
                                       valid_until timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.membership_assign(user_id, role, unit, valid_from, valid_until, true);
END
$$;
COMMENT ON FUNCTION bastion.membership_set(uuid, text, text, timestamptz, timestamptz) IS
'Gives a member of this tenant a role in it, or in one unit, in place of all roles there, or changes valid_from and valid_until.
role is a name or uuid, unit a slug or uuid. membership_add() gives a further role.
Returns {"membership": id}. A user who is not a member is invited for 7 days and becomes one by accepting (bastion_api.my_invitations()); the result then is {"invitation": id, "expires_at"}. An invitation reveals nothing of the user and changes nothing for the user; it replaces an open one of the same user to the same place. An anonymous user is not invited, and counts as unknown.
Needs tenant.members.manage there, everything that the new role holds, until the membership ends, and everything that the previous roles hold: callers assign neither more than they hold nor for longer, and cannot demote a member who holds more.
SQLSTATE 22023 when it would end before it begins, or before it is accepted, 23514 when it would remove the last owner, 42501, 42704 for an unknown user, role or unit, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.membership_set(uuid, text, text, timestamptz, timestamptz)', 'application');

CREATE FUNCTION bastion.membership_set(for_user text, role text, unit text DEFAULT NULL, valid_from timestamptz DEFAULT NULL,
                                       valid_until timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.membership_set(bastion_internal.user_named(for_user), role, unit, valid_from, valid_until);
END;
COMMENT ON FUNCTION bastion.membership_set(text, text, text, timestamptz, timestamptz) IS
'membership_set() for a user who is named by uuid, e-mail address or user name.
An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 22023 when it would end before it begins, or before it is accepted, 23514 when it would remove the last owner, 42501, 42704 for an unknown user, role or unit, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.membership_set(text, text, text, timestamptz, timestamptz)', 'application');

CREATE FUNCTION bastion.membership_add(user_id uuid, role text, unit text DEFAULT NULL, valid_from timestamptz DEFAULT NULL,
                                       valid_until timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion_internal.membership_assign(user_id, role, unit, valid_from, valid_until, false);
END
$$;
COMMENT ON FUNCTION bastion.membership_add(uuid, text, text, timestamptz, timestamptz) IS
'Gives a member of this tenant a further role in it, or in one unit, with a validity of its own; of a role that the member has there it changes valid_from and valid_until. The member holds what any of the roles holds.
Arguments, result and what it needs are those of membership_set(), but for the other roles there, which stay. A user who is not a member is invited.
SQLSTATE 22023 when it would end before it begins, or before it is accepted, 23514 when it would remove the last owner, 42501, 42704 for an unknown user, role or unit, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.membership_add(uuid, text, text, timestamptz, timestamptz)', 'application');

CREATE FUNCTION bastion.membership_add(for_user text, role text, unit text DEFAULT NULL, valid_from timestamptz DEFAULT NULL,
                                       valid_until timestamptz DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.membership_add(bastion_internal.user_named(for_user), role, unit, valid_from, valid_until);
END;
COMMENT ON FUNCTION bastion.membership_add(text, text, text, timestamptz, timestamptz) IS
'membership_add() for a user who is named by uuid, e-mail address or user name.
An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 22023 when it would end before it begins, or before it is accepted, 23514 when it would remove the last owner, 42501, 42704 for an unknown user, role or unit, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.membership_add(text, text, text, timestamptz, timestamptz)', 'application');

CREATE FUNCTION bastion_internal.membership_put(user_id uuid, tenant_id uuid, unit_id uuid, role_id uuid, valid_from timestamptz,
                                       valid_until timestamptz, alone boolean, detail jsonb DEFAULT '{}')
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept uuid;
    changed uuid;
BEGIN
    PERFORM bastion_internal.lock_user(membership_put.user_id);
    IF alone THEN
        -- One row changes its role, and keeps its id and ACL.
        kept := (SELECT m.id FROM bastion.memberships m
                 WHERE m.user_id = membership_put.user_id AND m.tenant_id = membership_put.tenant_id AND m.unit_id IS NOT DISTINCT FROM membership_put.unit_id
                 ORDER BY m.role_id = membership_put.role_id DESC, m.created_at, m.id LIMIT 1);
        DELETE FROM bastion.memberships m
        WHERE m.user_id = membership_put.user_id AND m.tenant_id = membership_put.tenant_id AND m.unit_id IS NOT DISTINCT FROM membership_put.unit_id
          AND m.id <> kept;
        UPDATE bastion.memberships m
        SET role_id = membership_put.role_id, valid_from = membership_put.valid_from, valid_until = membership_put.valid_until,
            assigned_by = bastion.actor_id()
        WHERE m.id = kept RETURNING m.id INTO changed;
    END IF;
    IF changed IS NULL THEN
        INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_from, valid_until, assigned_by)
        VALUES (membership_put.user_id, membership_put.tenant_id, membership_put.unit_id, membership_put.role_id,
                membership_put.valid_from, membership_put.valid_until, bastion.actor_id())
        ON CONFLICT ON CONSTRAINT memberships_user_id_tenant_id_unit_id_role_id_key DO UPDATE
            SET valid_from = excluded.valid_from, valid_until = excluded.valid_until, assigned_by = excluded.assigned_by
        RETURNING id INTO changed;
    END IF;
    PERFORM bastion_internal.record_event('membership_changed', 'success', membership_put.user_id, membership_put.tenant_id,
        jsonb_build_object('role', membership_put.role_id, 'unit', membership_put.unit_id, 'valid_from', membership_put.valid_from,
                           'valid_until', membership_put.valid_until) || detail);
    RETURN changed;
END
$$;
COMMENT ON FUNCTION bastion_internal.membership_put(uuid, uuid, uuid, uuid, timestamptz, timestamptz, boolean, jsonb) IS
'Writes a membership and records it: in place of all others there (alone), or beside them. Checks no permission.';
SELECT bastion_internal.event_kind('membership_changed');

CREATE FUNCTION bastion.membership_force(user_id uuid, tenant text, role text, unit text DEFAULT NULL,
                                         valid_from timestamptz DEFAULT NULL, valid_until timestamptz DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_tenant uuid := bastion_internal.find_tenant(tenant);
BEGIN
    IF found_tenant IS NULL THEN
        RAISE EXCEPTION 'tenant does not exist' USING ERRCODE = 'undefined_object';
    ELSIF NOT EXISTS (SELECT FROM bastion.users u WHERE u.id = membership_force.user_id) THEN
        RAISE EXCEPTION 'user does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM bastion_internal.require_period(valid_from, valid_until);
    RETURN bastion_internal.membership_put(user_id, found_tenant, bastion_internal.require_unit(found_tenant, unit), bastion_internal.require_role(found_tenant, role),
                                  valid_from, valid_until, true, jsonb_build_object('by', session_user));
END
$$;
COMMENT ON FUNCTION bastion.membership_force(uuid, text, text, text, timestamptz, timestamptz) IS
'Makes a user a member of a tenant (uuid or slug), or of one unit, with a role and without the user''s consent. A member gets it in place of all roles there, or another valid_from and valid_until.
Returns the id of the membership.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 when it would end before it begins, 23514 when it would remove the last owner, 42704 for an unknown user, tenant, role or unit.';

CREATE FUNCTION bastion.membership_force(for_user text, tenant text, role text, unit text DEFAULT NULL,
                                         valid_from timestamptz DEFAULT NULL, valid_until timestamptz DEFAULT NULL)
RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.membership_force(bastion_internal.any_user_named(for_user), tenant, role, unit, valid_from, valid_until);
END;
COMMENT ON FUNCTION bastion.membership_force(text, text, text, text, timestamptz, timestamptz) IS
'membership_force() for a user who is named by uuid, e-mail address or user name.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 when it would end before it begins, 23514 when it would remove the last owner, 42704 for an unknown user, tenant, role or unit.';

CREATE FUNCTION bastion_internal.membership_end(user_id uuid, tenant_id uuid, unit_id uuid, role_id uuid DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_roles uuid[];
BEGIN
    WITH ended AS (
        DELETE FROM bastion.memberships m
        WHERE m.user_id = membership_end.user_id AND m.tenant_id = membership_end.tenant_id AND m.unit_id IS NOT DISTINCT FROM membership_end.unit_id
          AND m.role_id = coalesce(membership_end.role_id, m.role_id)
        RETURNING m.role_id
    ) SELECT coalesce(array_agg(e.role_id ORDER BY e.role_id), '{}') INTO old_roles FROM ended e;
    IF old_roles = '{}' THEN
        RETURN false;
    END IF;
    -- Otherwise grants would take effect again when the user returns. Denies stay and do so.
    DELETE FROM bastion.user_permissions p
    WHERE p.user_id = membership_end.user_id AND p.tenant_id = membership_end.tenant_id AND p.effect = 'grant'
      AND NOT EXISTS (SELECT FROM bastion.memberships m WHERE m.user_id = p.user_id AND m.tenant_id = p.tenant_id);
    PERFORM bastion_internal.record_event('membership_removed', 'success', membership_end.user_id, membership_end.tenant_id,
                                 jsonb_build_object('role', r, 'unit', membership_end.unit_id)) FROM unnest(old_roles) r;
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion_internal.membership_end(uuid, uuid, uuid, uuid) IS
'Ends a membership, with one role or with all roles there, and records it; false if there was none. The end of the last one in the tenant also removes the user''s own grants. Checks no permission.
SQLSTATE 23514 for the last owner.';
SELECT bastion_internal.event_kind('membership_removed');

CREATE FUNCTION bastion.membership_remove(user_id uuid, unit text DEFAULT NULL, role text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    place uuid := bastion_internal.require_unit(tenant, unit);
    old_role uuid := CASE WHEN role IS NOT NULL THEN bastion_internal.require_role(tenant, role) END;
BEGIN
    IF user_id IS NULL OR user_id IS DISTINCT FROM bastion_internal.session_owner() THEN
        PERFORM bastion_internal.require_permission('tenant.members.manage', place);
        PERFORM bastion_internal.lock_user(user_id);
        PERFORM bastion_internal.require_held(bastion_internal.role_patterns(m.role_id), place) FROM bastion.memberships m
        WHERE m.user_id = membership_remove.user_id AND m.tenant_id = tenant AND m.unit_id IS NOT DISTINCT FROM place
          AND m.role_id = coalesce(old_role, m.role_id);
    END IF;
    PERFORM bastion_internal.await_logins(membership_remove.user_id);
    RETURN bastion_internal.membership_end(membership_remove.user_id, tenant, place, old_role);
END
$$;
COMMENT ON FUNCTION bastion.membership_remove(uuid, text, text) IS
'Ends the membership of a user in this tenant, or in one unit (slug or uuid); false if there was none. All roles there end, or one (name or uuid).
Memberships in other units stay. The end of the last one also removes the user''s own grants. Every member may leave, with a login of their own. To remove another member needs tenant.members.manage there, and everything that the roles which end hold. So does an API key or an impersonator.
SQLSTATE 23514 for the last owner, 42501, 42704 for an unknown unit or role, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.membership_remove(uuid, text, text)', 'application');

CREATE FUNCTION bastion.membership_remove(for_user text, unit text DEFAULT NULL, role text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.membership_remove(bastion_internal.user_named(for_user), unit, role);
END;
COMMENT ON FUNCTION bastion.membership_remove(text, text, text) IS
'membership_remove() for a user who is named by uuid, e-mail address or user name.
An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 23514 for the last owner, 42501, 42704 for an unknown unit or role, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.membership_remove(text, text, text)', 'application');

-- Grants and denies of single users

CREATE FUNCTION bastion_internal.require_member(user_id uuid, unit_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_permission('tenant.members.manage', unit_id);
    PERFORM bastion_internal.lock_user(user_id);
    IF NOT EXISTS (SELECT FROM bastion.memberships m
                   WHERE m.user_id = require_member.user_id AND m.tenant_id = bastion.tenant_id()) THEN
        RAISE EXCEPTION 'member does not exist' USING ERRCODE = 'undefined_object';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_member(uuid, uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction may manage members there, 42704 unless the other user is a member; locks that user.';

CREATE FUNCTION bastion_internal.require_rank(user_id uuid) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.require_held(bastion_internal.role_patterns(m.role_id), m.unit_id) FROM bastion.memberships m
    WHERE m.user_id = require_rank.user_id AND m.tenant_id = bastion.tenant_id();
END
$$;
COMMENT ON FUNCTION bastion_internal.require_rank(uuid) IS
'Raises SQLSTATE 42501 unless the user of this transaction holds everything that the roles of another member hold.';

CREATE FUNCTION bastion_internal.own_right(user_id uuid, pattern text, unit_id uuid) RETURNS bastion.user_permissions
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p FROM bastion.user_permissions p
    WHERE p.user_id = own_right.user_id AND p.tenant_id = bastion.tenant_id() AND p.pattern = own_right.pattern
      AND p.unit_id IS NOT DISTINCT FROM own_right.unit_id
$$;
COMMENT ON FUNCTION bastion_internal.own_right(uuid, text, uuid) IS
'The grant or deny of a pattern that a member of this tenant has in a unit, or in the whole tenant; NULL for none.';

CREATE FUNCTION bastion_internal.permission_put(user_id uuid, pattern text, effect text, unit text, valid_until timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    place uuid := bastion_internal.require_unit(tenant, unit);
    old bastion.user_permissions;
BEGIN
    PERFORM bastion_internal.require_member(user_id, place);
    PERFORM bastion_internal.require_pattern(pattern);
    PERFORM bastion_internal.require_cover(ARRAY[pattern], place, CASE effect WHEN 'grant' THEN valid_until ELSE '-infinity' END);
    PERFORM bastion_internal.require_rank(user_id) WHERE effect = 'deny';
    old := bastion_internal.own_right(user_id, pattern, place);
    IF old.effect = 'deny' AND (effect = 'grant' OR coalesce(valid_until, 'infinity') < coalesce(old.valid_until, 'infinity')) THEN
        PERFORM bastion_internal.require_lift(old);
    END IF;
    INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect, valid_until, granted_by)
    VALUES (permission_put.user_id, tenant, place, permission_put.pattern, permission_put.effect, permission_put.valid_until,
            bastion.actor_id())
    ON CONFLICT ON CONSTRAINT user_permissions_user_id_tenant_id_unit_id_pattern_key DO UPDATE
        SET effect = excluded.effect, valid_from = NULL, valid_until = excluded.valid_until, granted_by = excluded.granted_by,
            created_at = now();
    PERFORM bastion_internal.record_event(CASE effect WHEN 'grant' THEN 'permission_granted' ELSE 'permission_denied_set' END, 'success',
        permission_put.user_id, tenant,
        jsonb_build_object('pattern', permission_put.pattern, 'unit', place, 'valid_until', permission_put.valid_until));
END
$$;
COMMENT ON FUNCTION bastion_internal.permission_put(uuid, text, text, text, timestamptz) IS 'Writes a grant or deny of a member.';
SELECT bastion_internal.event_kind('permission_granted', 'permission_denied_set');

CREATE FUNCTION bastion.permission_grant(user_id uuid, pattern text, unit text DEFAULT NULL, valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.permission_put(user_id, pattern, 'grant', unit, valid_until) $$;
COMMENT ON FUNCTION bastion.permission_grant(uuid, text, text, timestamptz) IS
'Grants a member of this tenant a permission or pattern in addition to the roles, until valid_until. It counts everywhere, or in one unit (slug or uuid) and those below.
It replaces a deny of the same pattern there.
Needs tenant.members.manage there, and the pattern itself until the grant, and a replaced deny, end.
SQLSTATE 22023 for a malformed pattern, 42501, 42704 for an unknown member, unit or permission, with the nearest names as hint, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permission_grant(uuid, text, text, timestamptz)', 'application');

CREATE FUNCTION bastion.permission_grant(for_user text, pattern text, unit text DEFAULT NULL, valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.permission_grant(bastion_internal.user_named(for_user), pattern, unit, valid_until);
END;
COMMENT ON FUNCTION bastion.permission_grant(text, text, text, timestamptz) IS
'permission_grant() for a user who is named by uuid, e-mail address or user name.
An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 22023 for a malformed pattern, 42501, 42704 for an unknown member, unit or permission, with the nearest names as hint, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permission_grant(text, text, text, timestamptz)', 'application');

CREATE FUNCTION bastion.permission_deny(user_id uuid, pattern text, unit text DEFAULT NULL, valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion_internal.permission_put(user_id, pattern, 'deny', unit, valid_until) $$;
COMMENT ON FUNCTION bastion.permission_deny(uuid, text, text, timestamptz) IS
'Denies a member of this tenant a permission or pattern, everywhere or in one unit (slug or uuid) and those below, until valid_until.
A deny wins over every role and grant, and in the whole tenant over every share too. A deny in a unit applies to rights held there, not to shared rows.
Needs tenant.members.manage there, the pattern itself, and everything that the roles of the member hold; to end an existing deny earlier, also what permission_remove() needs.
SQLSTATE 22023 for a malformed pattern, 42501, 42704 for an unknown member, unit or permission, with the nearest names as hint, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permission_deny(uuid, text, text, timestamptz)', 'application');

CREATE FUNCTION bastion.permission_deny(for_user text, pattern text, unit text DEFAULT NULL, valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.permission_deny(bastion_internal.user_named(for_user), pattern, unit, valid_until);
END;
COMMENT ON FUNCTION bastion.permission_deny(text, text, text, timestamptz) IS
'permission_deny() for a user who is named by uuid, e-mail address or user name.
An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 22023 for a malformed pattern, 42501, 42704 for an unknown member, unit or permission, with the nearest names as hint, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permission_deny(text, text, text, timestamptz)', 'application');

CREATE FUNCTION bastion.permission_remove(user_id uuid, pattern text, unit text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    place uuid := bastion_internal.require_unit(tenant, unit);
    old bastion.user_permissions;
BEGIN
    PERFORM bastion_internal.require_member(user_id, place);
    PERFORM bastion_internal.require_held(ARRAY[pattern], place);
    old := bastion_internal.own_right(user_id, pattern, place);
    IF old.effect = 'deny' THEN
        PERFORM bastion_internal.require_lift(old);
    END IF;
    DELETE FROM bastion.user_permissions p WHERE p.id = old.id;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('permission_removed', 'success', permission_remove.user_id, tenant,
        jsonb_build_object('pattern', permission_remove.pattern, 'unit', place, 'effect', old.effect));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.permission_remove(uuid, text, text) IS
'Removes the grant or deny of the same pattern and unit; false if there was none.
Needs tenant.members.manage there and the pattern itself, for a deny until it ends, so that users cannot lift their own denies.
SQLSTATE 42501, 42704 for an unknown member or unit, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permission_remove(uuid, text, text)', 'application');
SELECT bastion_internal.event_kind('permission_removed');

CREATE FUNCTION bastion.permission_remove(for_user text, pattern text, unit text DEFAULT NULL)
RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.permission_remove(bastion_internal.user_named(for_user), pattern, unit);
END;
COMMENT ON FUNCTION bastion.permission_remove(text, text, text) IS
'permission_remove() for a user who is named by uuid, e-mail address or user name. An address or user name finds only users whom the caller may see; all others are unknown, whether they exist or not.
SQLSTATE 42501, 42704 for an unknown member or unit, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.permission_remove(text, text, text)', 'application');
