
-- The record of audit_table(): which tables are under audit, and what their triggers should say. A table whose triggers say something
-- else is found by audit_drift(). As with the records of protect(), the owner of a table may write the one of its table. The log of
-- changes says so. A column is known by its name and its number. When the two mean different columns, one was renamed or dropped, and the
-- triggers record no values: the name may be that of a new column, and the values those of the former one.

CREATE TABLE bastion.audited_tables (
    table_name bastion_internal.named_table NOT NULL,
    columns text[] NOT NULL,
    audited_at timestamptz NOT NULL DEFAULT now(),
    column_numbers smallint[],
    last_number smallint,
    relation regclass GENERATED ALWAYS AS (bastion_internal.table_of(table_name)) STORED,
    CONSTRAINT audited_tables_pkey PRIMARY KEY (table_name),
    CONSTRAINT audited_tables_relation_key UNIQUE (relation),
    CONSTRAINT audited_tables_columns_check CHECK (array_position(columns, NULL) IS NULL)
);
COMMENT ON TABLE bastion.audited_tables IS
'The tables under audit; partitions and inheritance children follow their root and have no row';
COMMENT ON COLUMN bastion.audited_tables.table_name IS 'The table, by name in dumps';
COMMENT ON COLUMN bastion.audited_tables.columns IS
'What audit_table() was told about columns: i:NAME records no others, x:NAME leaves it out, r:NAME redacts its values. p:NAME seals them for the subject, and s:NAME is the column that names the subject';
COMMENT ON COLUMN bastion.audited_tables.audited_at IS 'When audit_table() last changed this row';
COMMENT ON COLUMN bastion.audited_tables.column_numbers IS
'The numbers in the catalog of the columns in columns, which a renamed column keeps; filled in by a trigger';
COMMENT ON COLUMN bastion.audited_tables.last_number IS 'The highest number of a column then; filled in by a trigger';
COMMENT ON COLUMN bastion.audited_tables.relation IS 'The table; NULL if a dump was restored without it';

ALTER TABLE bastion.audited_tables ENABLE ROW LEVEL SECURITY;
CREATE POLICY audited_tables_of_owner ON bastion.audited_tables
    USING (bastion_internal.owns_relation(relation)) WITH CHECK (bastion_internal.owns_relation(relation));
COMMENT ON POLICY audited_tables_of_owner ON bastion.audited_tables IS 'The records of tables that the current role owns';

SELECT pg_extension_config_dump('bastion.audited_tables',
    'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');

CREATE FUNCTION bastion_internal.read_audited_columns() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.relation := bastion_internal.table_of(NEW.table_name);
    NEW.column_numbers := ARRAY(SELECT bastion_internal.column_number(NEW.relation, substr(c, 3)::name) FROM unnest(NEW.columns) WITH ORDINALITY u (c, n) ORDER BY n);
    NEW.last_number := (SELECT max(a.attnum) FROM pg_attribute a WHERE a.attrelid = NEW.relation);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.read_audited_columns() IS 'Trigger: fills in the numbers of the columns of a table under audit.';

CREATE TRIGGER audited_tables_read BEFORE INSERT OR UPDATE OF table_name, columns, column_numbers, last_number
ON bastion.audited_tables FOR EACH ROW EXECUTE FUNCTION bastion_internal.read_audited_columns();
COMMENT ON TRIGGER audited_tables_read ON bastion.audited_tables IS 'Reads the numbers of the columns from the catalog';

CREATE FUNCTION bastion_internal.audit_columns_now(relation regclass, columns text[])
RETURNS TABLE (kind text, name name, present name, same boolean)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT left(u.c, 2), substr(u.c, 3)::name, p.attname, (p.attname = substr(u.c, 3)::name) IS TRUE
    FROM unnest(columns) WITH ORDINALITY u (c, n)
    LEFT JOIN bastion.audited_tables a ON a.relation = audit_columns_now.relation
    LEFT JOIN pg_attribute p ON p.attrelid = a.relation AND p.attnum = a.column_numbers[array_position(a.columns, u.c)] AND NOT p.attisdropped
$$;
COMMENT ON FUNCTION bastion_internal.audit_columns_now(regclass, text[]) IS
'What audit_table() was told about columns: i:, x:, r:, p: or s:, the name then, the name that the column has now (NULL: dropped), and whether both are the same.';
SELECT bastion_internal.callable_by('bastion_internal.audit_columns_now(regclass, text[])', 'migration');

CREATE FUNCTION bastion_internal.audit_record(relation regclass, columns text[]) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO bastion.audited_tables AS a (table_name, columns) VALUES (relation, audit_record.columns)
    ON CONFLICT ON CONSTRAINT audited_tables_pkey DO UPDATE SET columns = excluded.columns, audited_at = now()
$$;
COMMENT ON FUNCTION bastion_internal.audit_record(regclass, text[]) IS
'Records that a table is under audit. audit_table(dry_run => true) returns this call. Only for the owner of the table. SQLSTATE 0A000 and 23514 for columns that are no list.';
SELECT bastion_internal.callable_by('bastion_internal.audit_record(regclass, text[])', 'migration');

CREATE FUNCTION bastion_internal.audit_forget(relation regclass) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.records_forget(audit_forget.relation, 'audited', NULL)
$$;
COMMENT ON FUNCTION bastion_internal.audit_forget(regclass) IS
'Removes the record that a table is under audit. audit_untable(dry_run => true) returns this call. Only for the owner of the table.';
SELECT bastion_internal.callable_by('bastion_internal.audit_forget(regclass)', 'migration');
