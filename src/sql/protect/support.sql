
-- Planner support of checks by ACL and tenant.

CREATE FUNCTION bastion_internal.can_support(internal) RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_can_support';
COMMENT ON FUNCTION bastion_internal.can_support(internal) IS
'Planner support of the checks by ACL and tenant: index condition, selectivity and cost.';
