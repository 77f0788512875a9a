
-- How people and places are shown to others. A member who may see the members of a tenant is shown their addresses and names;
-- everybody else sees the uuid that they had already.

CREATE FUNCTION bastion.may_name(user_id uuid) RETURNS boolean
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
COMMENT ON FUNCTION bastion.may_name(uuid) IS
'Whether the identity of this transaction may see the address and names of a user: its own, and those of the members of its tenant with tenant.members.read or tenant.members.manage; where that is held in the chosen unit alone, those of the members of that unit and of the units below. SQLSTATE 28000 when a token was presented and refused. Internal.';

CREATE FUNCTION bastion.user_label(user_id uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT u.email FROM bastion.users u WHERE u.id = user_label.user_id AND bastion.may_name(u.id)),
                    user_label.user_id::text)
$$;
COMMENT ON FUNCTION bastion.user_label(uuid) IS
'How a user is shown to the identity of this transaction: the e-mail address where may_name() allows it, else the uuid. NULL for NULL. Internal.';

CREATE FUNCTION bastion.shown_user(user_id uuid) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN bastion.may_name(shown_user.user_id) THEN bastion.user_object(shown_user.user_id)
                ELSE jsonb_build_object('id', shown_user.user_id, 'email', NULL, 'username', NULL, 'display_name', NULL) END
$$;
COMMENT ON FUNCTION bastion.shown_user(uuid) IS
'user_object() for the identity of this transaction: without address and names where may_name() does not allow them. Internal.';

CREATE FUNCTION bastion.subject_label(kind text, id uuid) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(CASE subject_label.kind
        WHEN 'user' THEN bastion.user_label(subject_label.id)
        WHEN 'unit' THEN (SELECT u.name FROM bastion.units u WHERE u.id = subject_label.id AND u.tenant_id = bastion.tenant_id())
        WHEN 'role' THEN (SELECT r.name FROM bastion.roles r
                          WHERE r.id = subject_label.id AND (r.tenant_id IS NULL OR r.tenant_id = bastion.tenant_id()))
        WHEN 'tenant' THEN (SELECT t.name FROM bastion.tenants t WHERE t.id = subject_label.id AND t.id = bastion.tenant_id()) END,
        subject_label.id::text)
$$;
COMMENT ON FUNCTION bastion.subject_label(text, uuid) IS
'How somebody with whom a row is shared (kind user, unit, role or tenant) is shown to the identity of this transaction: as user_label(), or by name when of this tenant, else by uuid. Internal.';
