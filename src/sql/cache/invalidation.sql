
-- Invalidates cached values in every backend. The triggers are ENABLE ALWAYS, so that rows applied by logical replication
-- invalidate too. They have no condition that would read other tables: what it reads may change before the transaction commits. The
-- comment beside each table says why its scope suffices.

CREATE FUNCTION bastion_internal.invalidate() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_invalidate';
COMMENT ON FUNCTION bastion_internal.invalidate() IS
'Trigger: when the transaction commits, drops the cached values that depend on the row in every backend.
Arguments: a scope and the columns that hold its ids, then the next scope. NULL in a column names nothing.
The file that caches what a scope names registers it with the number of its columns (MessageScope in src/pg). rights_dependencies() describes the scopes of rights.';
