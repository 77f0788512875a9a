
-- Runs statements on tables of other roles as their owner. Functions for operators use it, so that triggers and expressions of such a
-- table do not run with the operator's rights. Names in a statement are qualified. A caller that writes first makes constraints
-- immediate, as the operator.

CREATE FUNCTION bastion_internal.as_table_owner(relation regclass, statement text, p1 text DEFAULT NULL, p2 text DEFAULT NULL,
                                       p3 text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_as_table_owner';
CREATE FUNCTION bastion_internal.bytes_as_table_owner(relation regclass, statement text, bytes bytea DEFAULT NULL, type oid DEFAULT 'bytea'::regtype) RETURNS bytea
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_bytes_as_table_owner';
COMMENT ON FUNCTION bastion_internal.bytes_as_table_owner(regclass, text, bytea, oid) IS
'as_table_owner() for large values: the statement has one parameter of this type, which is bytea or bastion.sealed, and its first column is bytea.
SQLSTATE 42P01 for an unknown table, and the errors of the statement, among them 42601 and 42809, 0A000 for a type of fixed size.';
COMMENT ON FUNCTION bastion_internal.as_table_owner(regclass, text, text, text, text) IS
'Runs a statement on a table or view as its owner, bypassing its row-level security, in a security-restricted operation with its schema and pg_temp as search_path.
The statement has up to three parameters of type text.
Returns the first column of the first row as text.
SQLSTATE 42P01 for an unknown table, and the errors of the statement, among them 42501 for a deferred trigger, 42601 and 42809.';
