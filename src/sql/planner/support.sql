
-- Planner support of the readers of the context, and of checks by ACL and tenant.

CREATE FUNCTION bastion_internal.can_support(internal) RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_can_support';
COMMENT ON FUNCTION bastion_internal.can_support(internal) IS
'Planner support of the checks by ACL and tenant: index condition, selectivity and cost.';

-- The readers in policies bring the library into the planner of the first statement of a connection, where it holds back clauses
-- that call functions.
CREATE FUNCTION bastion_internal.reader_support(internal) RETURNS internal
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'bastion_reader_support';
COMMENT ON FUNCTION bastion_internal.reader_support(internal) IS
'Planner support of the readers in policies: no answer, but the planner loads the library to ask.';
