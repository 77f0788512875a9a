-- How records keep the table that they are about. A column of type regclass fails to restore in whole when one of its tables was left
-- out of the dump; and a name alone does not follow a table that is renamed.

CREATE TYPE bastion_internal.named_table;

CREATE FUNCTION bastion_internal.named_table_in(cstring) RETURNS bastion_internal.named_table
LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_named_table_in';
COMMENT ON FUNCTION bastion_internal.named_table_in(cstring) IS
'Input of named_table: the name of a table, which is kept when no such table exists. SQLSTATE 42501 for a schema without privileges, 42601 and 42602 for what is no name, 42622 for over 1000 bytes, 0A000 for another database.';
CREATE FUNCTION bastion_internal.named_table_out(bastion_internal.named_table) RETURNS cstring
LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_named_table_out';
COMMENT ON FUNCTION bastion_internal.named_table_out(bastion_internal.named_table) IS
'Output of named_table: the present name of the table, as that of regclass, or the name that its input kept.';

CREATE TYPE bastion_internal.named_table (
    INPUT = bastion_internal.named_table_in, OUTPUT = bastion_internal.named_table_out,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = plain
);
REVOKE USAGE ON TYPE bastion_internal.named_table FROM PUBLIC;
COMMENT ON TYPE bastion_internal.named_table IS
'A table that a dump writes by name. It stays the same table when this is renamed; a name without a table is kept';

CREATE FUNCTION bastion_internal.named_table(relation regclass) RETURNS bastion_internal.named_table
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_named_table';
COMMENT ON FUNCTION bastion_internal.named_table(regclass) IS 'A table as named_table.';
CREATE FUNCTION bastion_internal.table_of(table_name bastion_internal.named_table) RETURNS regclass
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'bastion_table_of_name';
COMMENT ON FUNCTION bastion_internal.table_of(bastion_internal.named_table) IS
'The table; NULL if none had the name when it was stored. records_bind() looks again.';

CREATE CAST (regclass AS bastion_internal.named_table) WITH FUNCTION bastion_internal.named_table(regclass) AS ASSIGNMENT;
COMMENT ON CAST (regclass AS bastion_internal.named_table) IS 'The table as named_table';
-- With the operators of bytea, primary keys compare values of the type.
CREATE CAST (bastion_internal.named_table AS bytea) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (bastion_internal.named_table AS bytea) IS 'The value as it is stored: the oid of the table, or zero and a name';

SELECT bastion_internal.callable_by('bastion_internal.named_table_in(cstring)', 'migration');
SELECT bastion_internal.callable_by('bastion_internal.named_table_out(bastion_internal.named_table)', 'migration');
SELECT bastion_internal.callable_by('bastion_internal.named_table(regclass)', 'migration');
SELECT bastion_internal.callable_by('bastion_internal.table_of(bastion_internal.named_table)', 'migration');
