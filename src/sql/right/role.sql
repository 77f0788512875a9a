
-- Roles of a tenant. Members who hold tenant.roles.manage in the whole tenant create, change and delete them.

CREATE FUNCTION bastion_internal.require_own_role(role text) RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_role uuid := bastion_internal.require_role(bastion_internal.require_tenant(), role);
BEGIN
    PERFORM bastion_internal.require_permission('tenant.roles.manage', NULL);
    IF NOT EXISTS (SELECT FROM bastion.roles r WHERE r.id = found_role AND r.tenant_id = bastion.tenant_id()) THEN
        RAISE EXCEPTION 'the role belongs to every tenant' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Create a role that inherits from it.';
    END IF;
    RETURN found_role;
END
$$;
COMMENT ON FUNCTION bastion_internal.require_own_role(text) IS
'Finds a role that the user of this transaction may change. SQLSTATE 42501 or 42704 otherwise.';

CREATE FUNCTION bastion_internal.record_role_event(kind text, role_id uuid, detail jsonb DEFAULT '{}') RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.record_event(kind, 'success', NULL, bastion.tenant_id(),
                                jsonb_build_object('role', role_id, 'name', (SELECT r.name FROM bastion.roles r WHERE r.id = role_id))
                                || detail)
$$;
COMMENT ON FUNCTION bastion_internal.record_role_event(text, uuid, jsonb) IS 'Records a change of a role.';

CREATE FUNCTION bastion.role_create(name text, description text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenant uuid := bastion_internal.require_tenant();
    new_role uuid;
BEGIN
    PERFORM bastion_internal.require_permission('tenant.roles.manage', NULL);
    IF bastion_internal.is_label(name) IS NOT TRUE OR bastion_internal.uuid_or_null(name) IS NOT NULL OR octet_length(description) > 2000 THEN
        RAISE EXCEPTION 'invalid role name or description' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = 'A name has 1 to 200 printable characters and is not a uuid, a description has at most 2000 bytes.';
    END IF;
    INSERT INTO bastion.roles (tenant_id, name, description)
    SELECT tenant, role_create.name, role_create.description
    WHERE NOT EXISTS (SELECT FROM bastion.roles r WHERE r.tenant_id IS NULL AND r.name = role_create.name)
    ON CONFLICT ON CONSTRAINT roles_scope_name_key DO NOTHING RETURNING id INTO new_role;
    IF new_role IS NULL THEN
        RAISE EXCEPTION 'role "%" already exists', role_create.name USING ERRCODE = 'unique_violation';
    END IF;
    PERFORM bastion_internal.record_role_event('role_created', new_role);
    RETURN new_role;
END
$$;
COMMENT ON FUNCTION bastion.role_create(text, text) IS
'Creates a role of this tenant, without permissions; returns its id.
Needs tenant.roles.manage in the whole tenant.
SQLSTATE 22023 for a malformed name, 23505 for the name of a role of this tenant or of every tenant, 42501, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.role_create(text, text)', 'application');
SELECT bastion_internal.event_kind('role_created');

CREATE FUNCTION bastion.role_delete(role text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_role uuid := bastion_internal.require_own_role(role);
BEGIN
    PERFORM bastion_internal.require_held(bastion_internal.role_patterns(old_role), NULL);
    IF EXISTS (SELECT FROM bastion.memberships m WHERE m.role_id = old_role)
       OR EXISTS (SELECT FROM bastion.role_parents p WHERE p.parent_id = old_role) THEN
        RAISE EXCEPTION 'cannot delete a role that is in use' USING ERRCODE = 'foreign_key_violation',
            DETAIL = 'Members hold it, or other roles inherit from it.';
    END IF;
    PERFORM bastion_internal.record_role_event('role_deleted', old_role);
    DELETE FROM bastion.roles r WHERE r.id = old_role;
END
$$;
COMMENT ON FUNCTION bastion.role_delete(text) IS
'Deletes a role (name or uuid) of this tenant, and the shares with it.
Needs tenant.roles.manage in the whole tenant and everything that the role holds.
SQLSTATE 23503 while members hold it or roles inherit from it, 42501, 42704, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.role_delete(text)', 'application');
SELECT bastion_internal.event_kind('role_deleted');

CREATE FUNCTION bastion.role_permission_add(role text, pattern text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed_role uuid := bastion_internal.require_own_role(role);
BEGIN
    PERFORM bastion_internal.require_pattern(pattern);
    PERFORM bastion_internal.require_cover(ARRAY[pattern], NULL, NULL);
    INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (changed_role, role_permission_add.pattern) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM bastion_internal.record_role_event('role_changed', changed_role, jsonb_build_object('granted', pattern));
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.role_permission_add(text, text) IS
'Adds a permission or a pattern of permissions to a role of this tenant.
Needs tenant.roles.manage in the whole tenant, and the pattern itself without an end, because a role has no end.
SQLSTATE 22023 for a malformed pattern, 42704 for an unknown role or permission, with the nearest names as hint, 42501, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.role_permission_add(text, text)', 'application');
SELECT bastion_internal.event_kind('role_changed');

CREATE FUNCTION bastion.role_permission_remove(role text, pattern text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed_role uuid := bastion_internal.require_own_role(role);
BEGIN
    PERFORM bastion_internal.require_held(ARRAY[pattern], NULL);
    DELETE FROM bastion.role_permissions p WHERE p.role_id = changed_role AND p.pattern = role_permission_remove.pattern;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_role_event('role_changed', changed_role, jsonb_build_object('revoked', pattern));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.role_permission_remove(text, text) IS
'Removes exactly this pattern from a role of this tenant; false if the role did not have it.
Needs tenant.roles.manage in the whole tenant, and the pattern itself.
SQLSTATE 42501, 42704, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.role_permission_remove(text, text)', 'application');

CREATE FUNCTION bastion.role_parent_add(role text, parent text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed_role uuid := bastion_internal.require_own_role(role);
    parent_role uuid := bastion_internal.require_role(bastion.tenant_id(), parent);
BEGIN
    PERFORM bastion_internal.require_cover(bastion_internal.role_patterns(parent_role), NULL, NULL);
    INSERT INTO bastion.role_parents (role_id, parent_id) VALUES (changed_role, parent_role) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        PERFORM bastion_internal.record_role_event('role_changed', changed_role, jsonb_build_object('inherits', parent_role));
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.role_parent_add(text, text) IS
'Makes a role of this tenant inherit from another role, of this tenant or of every tenant.
Needs tenant.roles.manage in the whole tenant and everything that the parent holds, without an end.
SQLSTATE 23514 for a cycle, 42501, 42704, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.role_parent_add(text, text)', 'application');

CREATE FUNCTION bastion.role_parent_remove(role text, parent text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed_role uuid := bastion_internal.require_own_role(role);
    parent_role uuid := bastion_internal.require_role(bastion.tenant_id(), parent);
BEGIN
    PERFORM bastion_internal.require_held(bastion_internal.role_patterns(parent_role), NULL);
    DELETE FROM bastion.role_parents p WHERE p.role_id = changed_role AND p.parent_id = parent_role;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_role_event('role_changed', changed_role, jsonb_build_object('no_longer_inherits', parent_role));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.role_parent_remove(text, text) IS
'Ends the inheritance of role_parent_add(); false if there was none.
Needs tenant.roles.manage in the whole tenant and everything that the parent holds.
SQLSTATE 42501, 42704, 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.role_parent_remove(text, text)', 'application');

-- Roles in every tenant. For operators, whose privileges in the database count, not rights in a tenant.

CREATE FUNCTION bastion.platform_role_set(user_id uuid, role text, valid_from timestamptz DEFAULT NULL,
                                          valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given_role uuid := bastion_internal.require_role(NULL, role);
BEGIN
    PERFORM bastion_internal.require_period(valid_from, valid_until);
    IF NOT EXISTS (SELECT FROM bastion.users u WHERE u.id = platform_role_set.user_id) THEN
        RAISE EXCEPTION 'user does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    INSERT INTO bastion.platform_roles (user_id, role_id, valid_from, valid_until)
    VALUES (platform_role_set.user_id, given_role, platform_role_set.valid_from, platform_role_set.valid_until)
    ON CONFLICT ON CONSTRAINT platform_roles_pkey DO UPDATE
        SET valid_from = excluded.valid_from, valid_until = excluded.valid_until;
    PERFORM bastion_internal.record_event('platform_role_changed', 'success', platform_role_set.user_id, NULL, jsonb_build_object(
        'role', given_role, 'valid_from', platform_role_set.valid_from, 'valid_until', platform_role_set.valid_until,
        'by', session_user));
END
$$;
COMMENT ON FUNCTION bastion.platform_role_set(uuid, text, timestamptz, timestamptz) IS
'Gives a user a role in every tenant, or changes its valid_from and valid_until.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 when it would end before it begins, 42704 for an unknown user, or a role that is not of every tenant.';
SELECT bastion_internal.event_kind('platform_role_changed');

CREATE FUNCTION bastion.platform_role_set(for_user text, role text, valid_from timestamptz DEFAULT NULL,
                                          valid_until timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.platform_role_set(bastion_internal.any_user_named(for_user), role, valid_from, valid_until);
END;
COMMENT ON FUNCTION bastion.platform_role_set(text, text, timestamptz, timestamptz) IS
'platform_role_set() for a user who is named by uuid, e-mail address or user name.
For operators: EXECUTE is granted to nobody.
SQLSTATE 22023 when it would end before it begins, 42704 for an unknown user, or a role that is not of every tenant.';

CREATE FUNCTION bastion.platform_role_remove(user_id uuid, role text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given_role uuid := bastion_internal.require_role(NULL, role);
BEGIN
    DELETE FROM bastion.platform_roles p WHERE p.user_id = platform_role_remove.user_id AND p.role_id = given_role;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM bastion_internal.record_event('platform_role_changed', 'success', platform_role_remove.user_id, NULL,
                                 jsonb_build_object('role', given_role, 'removed', true, 'by', session_user));
    RETURN true;
END
$$;
COMMENT ON FUNCTION bastion.platform_role_remove(uuid, text) IS
'Removes a role in every tenant from a user; false if there was none.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704.';

CREATE FUNCTION bastion.platform_role_remove(for_user text, role text)
RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT bastion.platform_role_remove(bastion_internal.any_user_named(for_user), role);
END;
COMMENT ON FUNCTION bastion.platform_role_remove(text, text) IS
'platform_role_remove() for a user who is named by uuid, e-mail address or user name.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42704.';
