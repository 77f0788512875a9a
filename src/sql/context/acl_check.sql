
-- Checks by ACL and by tenant, for policies: a hashed set per permission, read once, and a support function that turns the check into
-- an index condition. They are LEAKPROOF: no error depends on the row.

CREATE FUNCTION bastion.acl_set(permission text) RETURNS bigint[]
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_acl_set';
COMMENT ON FUNCTION bastion.acl_set(text) IS
'The ACLs of the current tenant on which the current user holds the permission, sorted; empty when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.acl_set(text)', 'application');

CREATE FUNCTION bastion_internal.acl_set_unfolded(permission text) RETURNS bigint[]
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_acl_set';
COMMENT ON FUNCTION bastion_internal.acl_set_unfolded(text) IS
'acl_set(), but VOLATILE, so that the planner does not evaluate it: thousands of ids in an estimate cost more than the query.';
SELECT bastion_internal.callable_by('bastion_internal.acl_set_unfolded(text)', 'application');

CREATE FUNCTION bastion.acl_set_anywhere(permission text) RETURNS bigint[]
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_acl_set_anywhere';
COMMENT ON FUNCTION bastion.acl_set_anywhere(text) IS
'acl_set(), including ACLs of other tenants that are shared with the current user.';
SELECT bastion_internal.callable_by('bastion.acl_set_anywhere(text)', 'application');

CREATE FUNCTION bastion_internal.acl_set_anywhere_unfolded(permission text) RETURNS bigint[]
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_acl_set_anywhere';
COMMENT ON FUNCTION bastion_internal.acl_set_anywhere_unfolded(text) IS
'acl_set_anywhere(), but VOLATILE, so that the planner does not evaluate it.';
SELECT bastion_internal.callable_by('bastion_internal.acl_set_anywhere_unfolded(text)', 'application');

CREATE FUNCTION bastion.tenant_set(permission text) RETURNS uuid[]
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_tenant_set';
COMMENT ON FUNCTION bastion.tenant_set(text) IS
'The tenants in which the current user holds the permission, from all memberships, sorted; empty when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.tenant_set(text)', 'application');

CREATE FUNCTION bastion_internal.tenant_set_unfolded(permission text) RETURNS uuid[]
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_tenant_set';
COMMENT ON FUNCTION bastion_internal.tenant_set_unfolded(text) IS
'tenant_set(), but VOLATILE, so that the planner does not evaluate it.';
SELECT bastion_internal.callable_by('bastion_internal.tenant_set_unfolded(text)', 'application');

CREATE FUNCTION bastion.can_by_acl(permission text, acl bigint) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE LEAKPROOF SUPPORT bastion_internal.can_support
AS 'MODULE_PATHNAME', 'bastion_can_by_acl';
COMMENT ON FUNCTION bastion.can_by_acl(text, bigint) IS
'Whether the current user holds the permission on rows with this ACL of the current tenant: through a role, a unit, a share or as owner. False when anonymous. For policies; an index on the ACL column is used.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.can_by_acl(text, bigint)', 'application', 'migration');

CREATE FUNCTION bastion.can_by_acl_anywhere(permission text, acl bigint) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE LEAKPROOF SUPPORT bastion_internal.can_support
AS 'MODULE_PATHNAME', 'bastion_can_by_acl_anywhere';
COMMENT ON FUNCTION bastion.can_by_acl_anywhere(text, bigint) IS
'can_by_acl(), including rows of other tenants that are shared with the current user. For tables protected with sharing => ''cross_tenant''.';
SELECT bastion_internal.callable_by('bastion.can_by_acl_anywhere(text, bigint)', 'application', 'migration');

CREATE FUNCTION bastion.can_in_tenant(permission text, tenant_id uuid) RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE LEAKPROOF SUPPORT bastion_internal.can_support
AS 'MODULE_PATHNAME', 'bastion_can_in_tenant';
COMMENT ON FUNCTION bastion.can_in_tenant(text, uuid) IS
'Whether the current user holds the permission in this tenant, which need not be the chosen one. False when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.can_in_tenant(text, uuid)', 'application');

-- RESTRICTED: rows get their defaults where they are inserted, in the leader.
CREATE FUNCTION bastion.default_acl(kind text) RETURNS bigint
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'bastion_default_acl';
COMMENT ON FUNCTION bastion.default_acl(text) IS
'The ACL that a new row of this transaction gets by default: kind ''tenant'' (everybody in the tenant), ''unit'' (the chosen unit) or ''user'' (the user''s own).
For column defaults; reads the cached sets. NULL when anonymous, when no unit was chosen, or for another kind.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.default_acl(text)', 'application', 'migration');

CREATE FUNCTION bastion.tenant_acl() RETURNS bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion.default_acl('tenant') $$;
COMMENT ON FUNCTION bastion.tenant_acl() IS
'The default ACL of this transaction''s tenant; NULL when anonymous.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.tenant_acl()', 'application');

CREATE FUNCTION bastion.unit_acl() RETURNS bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$ SELECT bastion.default_acl('unit') $$;
COMMENT ON FUNCTION bastion.unit_acl() IS
'The default ACL of this transaction''s unit; NULL when none was chosen.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.unit_acl()', 'application');

-- Reveals nothing about ACLs that the caller does not reach.
CREATE FUNCTION bastion.acl_in_tenant(permission text, acl bigint, tenant text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN bastion.can_by_acl_anywhere(permission, acl) AND EXISTS (
        SELECT FROM bastion.acls a JOIN bastion.tenants t ON t.id = a.tenant_id
        WHERE a.id = acl AND acl_in_tenant.tenant IN (t.id::text, t.number::text));
END
$$;
COMMENT ON FUNCTION bastion.acl_in_tenant(text, bigint, text) IS
'can_by_acl_anywhere(), and whether the ACL belongs to the tenant (uuid or number) of the row. For the policies of tables protected with sharing => ''cross_tenant''.
SQLSTATE 28000 when a token was presented and refused.';
SELECT bastion_internal.callable_by('bastion.acl_in_tenant(text, bigint, text)', 'application', 'migration');
