
-- How callers name users, and how users and places are shown to callers. A member who may see the members of a tenant sees their
-- addresses and names; other callers see the uuid, which they had already.

CREATE FUNCTION bastion_internal.may_name(user_id uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(may_name.user_id = bastion.user_id(), false) OR EXISTS (
        SELECT FROM bastion.memberships m
        WHERE m.user_id = may_name.user_id AND m.tenant_id = bastion.tenant_id()
          AND CASE WHEN bastion.tenant_if_allowed('tenant.members.read') IS NOT NULL
                     OR bastion.tenant_if_allowed('tenant.members.manage') IS NOT NULL THEN true
                   WHEN bastion.has_permission('tenant.members.read') OR bastion.has_permission('tenant.members.manage')
                   THEN m.unit_id IN (SELECT c.descendant_id FROM bastion.unit_closure c WHERE c.ancestor_id = bastion.unit_id())
                   ELSE false END)
$$;
COMMENT ON FUNCTION bastion_internal.may_name(uuid) IS
'Whether the identity of this transaction may see the address and names of a user.
It sees its own, and with tenant.members.read or tenant.members.manage those of the members of its tenant. If that permission is held in the chosen unit only, it sees the members of that unit and of the units below.
SQLSTATE 28000 when a token was presented and refused.';

CREATE FUNCTION bastion_internal.find_user(identifier text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET plan_cache_mode = force_generic_plan  -- a plan with the name in it, which may be a password, would reach the log by auto_explain
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text := lower(btrim(identifier) COLLATE "C");
    found_user uuid;
BEGIN
    SELECT u.id INTO found_user FROM bastion.users u WHERE u.email = name;
    IF found_user IS NULL THEN
        SELECT u.id INTO found_user FROM bastion.users u WHERE u.username = name;
    END IF;
    RETURN found_user;
END
$$;
COMMENT ON FUNCTION bastion_internal.find_user(text) IS
'The user with this e-mail address or user name, in upper or lower case and whatever the status; NULL for none.';

CREATE FUNCTION bastion_internal.any_user_named(name text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(bastion_internal.uuid_or_null(name), bastion_internal.find_user(name), '00000000-0000-0000-0000-000000000000')
    WHERE name IS NOT NULL
$$;
COMMENT ON FUNCTION bastion_internal.any_user_named(text) IS
'The user whom an operator names by uuid, e-mail address or user name; the zero uuid, which no user has, for an unknown one. NULL for NULL.';

CREATE FUNCTION bastion_internal.user_named(name text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bastion_internal.uuid_or_null(name) IS NOT NULL OR bastion_internal.may_name(f.id) THEN f.id
                ELSE '00000000-0000-0000-0000-000000000000' END
    FROM (SELECT bastion_internal.any_user_named(name)) f (id)
    WHERE name IS NOT NULL
$$;
COMMENT ON FUNCTION bastion_internal.user_named(text) IS
'The user whom the caller names by uuid, e-mail address or user name.
An address or name finds only users whom may_name() allows; for all others the result is the zero uuid. NULL for NULL. SECURITY DEFINER, because applications cannot read the tables of users.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion_internal.user_named(text)', 'application');

CREATE FUNCTION bastion_internal.user_label(user_id uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT u.email FROM bastion.users u WHERE u.id = user_label.user_id AND bastion_internal.may_name(u.id)),
                    user_label.user_id::text)
$$;
COMMENT ON FUNCTION bastion_internal.user_label(uuid) IS
'The text that shows a user to the caller: the e-mail address if may_name() allows it, else the uuid. NULL for NULL.';

CREATE FUNCTION bastion_internal.shown_user(user_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bastion_internal.may_name(shown_user.user_id) THEN bastion_internal.user_object(shown_user.user_id)
                ELSE jsonb_build_object('id', shown_user.user_id, 'email', NULL, 'username', NULL, 'display_name', NULL) END
$$;
COMMENT ON FUNCTION bastion_internal.shown_user(uuid) IS
'user_object() for the caller: without address and names unless may_name() allows them.';

CREATE FUNCTION bastion_internal.subject_label(kind text, id uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(CASE subject_label.kind
        WHEN 'user' THEN bastion_internal.user_label(subject_label.id)
        WHEN 'unit' THEN (SELECT u.name FROM bastion.units u WHERE u.id = subject_label.id AND u.tenant_id = bastion.tenant_id())
        WHEN 'role' THEN (SELECT r.name FROM bastion.roles r
                          WHERE r.id = subject_label.id AND (r.tenant_id IS NULL OR r.tenant_id = bastion.tenant_id()))
        WHEN 'tenant' THEN (SELECT t.name FROM bastion.tenants t WHERE t.id = subject_label.id AND t.id = bastion.tenant_id()) END,
        subject_label.id::text)
$$;
COMMENT ON FUNCTION bastion_internal.subject_label(text, uuid) IS
'The text that shows the subject of a share (kind user, unit, role or tenant) to the caller: user_label() for a user, the name for a subject in this tenant, else the uuid.';
