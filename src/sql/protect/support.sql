
-- Planner support of checks by ACL and tenant.

CREATE FUNCTION bastion_internal.can_support(internal) RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_can_support';
COMMENT ON FUNCTION bastion_internal.can_support(internal) IS
'Planner support of the checks by ACL and tenant: index condition, selectivity and cost.';
-- Planning a policy loads the library before the conditions of its table are put in order.
ALTER FUNCTION bastion.tenant_if_allowed(text) SUPPORT bastion_internal.can_support;
ALTER FUNCTION bastion.tenant_number_if_allowed(text) SUPPORT bastion_internal.can_support;
