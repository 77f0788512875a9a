
-- Statements on tables that are not the extension's, run as their owner: for operators' functions, whose own rights must not
-- reach the triggers and expressions of such a table. Names in a statement are qualified. Who writes makes constraints immediate
-- before, as the operator.

CREATE FUNCTION bastion_internal.as_table_owner(relation regclass, statement text, p1 text DEFAULT NULL, p2 text DEFAULT NULL,
                                       p3 text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_as_table_owner';
COMMENT ON FUNCTION bastion_internal.as_table_owner(regclass, text, text, text, text) IS
'Runs a statement on a table as the owner of the table and past its row-level security, in a security-restricted operation with the table''s schema and pg_temp as search_path, with up to three parameters of type text; the first column of the first row as text. SQLSTATE 42P01 for no table, else that of the statement, 42501 for a deferred trigger, 42601 and 42809 among them.';
