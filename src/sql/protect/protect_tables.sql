-- The records of bastion.protect(): which tables it protects, and what it found on their columns. protect() is SECURITY INVOKER,
-- because only the owner of a table may change it. So its callers can write these tables, but only rows for their own tables. A
-- trigger reads from the catalog what unprotect() will execute; it is never taken from the caller.

CREATE TABLE bastion.protected_tables (
    table_name bastion_internal.named_table NOT NULL,
    tenant_column name NOT NULL,
    owner_column name,
    resource text COLLATE "C" NOT NULL,
    options jsonb NOT NULL,
    protected_at timestamptz NOT NULL DEFAULT now(),
    column_numbers smallint[],
    relation regclass GENERATED ALWAYS AS (bastion_internal.table_of(table_name)) STORED,
    meter text COLLATE "C" GENERATED ALWAYS AS (options ->> 'quota') STORED,
    CONSTRAINT protected_tables_pkey PRIMARY KEY (table_name),
    CONSTRAINT protected_tables_relation_key UNIQUE (relation),
    CONSTRAINT protected_tables_resource_check CHECK (bastion_internal.is_resource(resource)),
    CONSTRAINT protected_tables_options_check CHECK (
        (jsonb_typeof(options -> 'actions') = 'object' AND options ->> 'existing' IN ('refuse', 'drop', 'keep')
         AND jsonb_typeof(options -> 'tenant_fk') = 'boolean' AND jsonb_typeof(options -> 'citus') = 'boolean'
         AND coalesce(jsonb_typeof(options -> 'quota'), 'string') = 'string'
         AND coalesce(jsonb_typeof(options -> 'audit'), 'boolean') = 'boolean') IS TRUE),
    CONSTRAINT protected_tables_sharing_check CHECK (
        NOT (options ? 'sharing')
        OR (options ->> 'sharing' IN ('tenant', 'cross_tenant') AND options ->> 'visibility' IN ('tenant', 'unit', 'owner')
            AND jsonb_typeof(options -> 'acl_column') = 'string') IS TRUE),
    CONSTRAINT protected_tables_owner_rights_check CHECK (
        NOT (options ? 'owner_rights') OR (options ->> 'owner_rights' = 'role' AND options ->> 'visibility' = 'owner') IS TRUE)
);
COMMENT ON TABLE bastion.protected_tables IS
'The tables that bastion.protect() protects; partitions and inheritance children follow their root and have no row';
COMMENT ON COLUMN bastion.protected_tables.table_name IS 'The protected table, by name in dumps';
COMMENT ON COLUMN bastion.protected_tables.relation IS 'The protected table; NULL if a dump was restored without it';
COMMENT ON COLUMN bastion.protected_tables.tenant_column IS 'The column that holds the tenant';
COMMENT ON COLUMN bastion.protected_tables.owner_column IS 'The column that holds the user who created the row, if any';
COMMENT ON COLUMN bastion.protected_tables.resource IS 'First part of the permissions that the policies check';
COMMENT ON COLUMN bastion.protected_tables.options IS
'The other arguments of protect(): actions, existing, tenant_fk, citus; with sharing also sharing, visibility, acl_column; with owner_rights role, owner_rights; with a quota, quota; with audit, audit';
COMMENT ON COLUMN bastion.protected_tables.meter IS 'The meter that counts its rows, from options';
COMMENT ON COLUMN bastion.protected_tables.protected_at IS 'When protect() last changed this row';
COMMENT ON COLUMN bastion.protected_tables.column_numbers IS
'The numbers in the catalog of the columns of tenant, owner and ACL, which a renamed column keeps; filled in by a trigger';

CREATE TABLE bastion.protected_columns (
    table_name bastion_internal.named_table NOT NULL,
    column_name name NOT NULL,
    old_default text,
    old_not_null boolean NOT NULL,
    column_number smallint,
    relation regclass GENERATED ALWAYS AS (bastion_internal.table_of(table_name)) STORED,
    CONSTRAINT protected_columns_pkey PRIMARY KEY (table_name, column_name),
    CONSTRAINT protected_columns_relation_key UNIQUE (relation, column_name)
);
COMMENT ON TABLE bastion.protected_columns IS
'The former state of columns that protect() changes, so that unprotect() can restore it; also for partitions and children';
COMMENT ON COLUMN bastion.protected_columns.table_name IS 'The protected table, or a partition or child of it, by name in dumps';
COMMENT ON COLUMN bastion.protected_columns.relation IS 'The same table; NULL if a dump was restored without it';
COMMENT ON COLUMN bastion.protected_columns.column_name IS 'The column of the tenant, the owner or the ACL';
COMMENT ON COLUMN bastion.protected_columns.old_default IS 'The default expression before protect(), NULL for none';
COMMENT ON COLUMN bastion.protected_columns.old_not_null IS 'Whether the column was NOT NULL before protect()';
COMMENT ON COLUMN bastion.protected_columns.column_number IS
'The number of the column in the catalog, which a renamed column keeps; filled in by a trigger';

CREATE FUNCTION bastion_internal.owns_relation(relation regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND pg_has_role(current_user, c.relowner, 'USAGE'))
$$;
COMMENT ON FUNCTION bastion_internal.owns_relation(regclass) IS
'Whether the current role has the rights of the owner of this table; false for an unknown table.';
SELECT bastion_internal.callable_by('bastion_internal.owns_relation(regclass)', 'migration');

ALTER TABLE bastion.protected_tables ENABLE ROW LEVEL SECURITY;
CREATE POLICY protected_tables_of_owner ON bastion.protected_tables
    USING (bastion_internal.owns_relation(relation)) WITH CHECK (bastion_internal.owns_relation(relation));
COMMENT ON POLICY protected_tables_of_owner ON bastion.protected_tables IS 'The records of tables that the current role owns';

ALTER TABLE bastion.protected_columns ENABLE ROW LEVEL SECURITY;
CREATE POLICY protected_columns_of_owner ON bastion.protected_columns
    USING (bastion_internal.owns_relation(relation)) WITH CHECK (bastion_internal.owns_relation(relation));
COMMENT ON POLICY protected_columns_of_owner ON bastion.protected_columns IS 'The records of tables that the current role owns';

SELECT pg_extension_config_dump('bastion.protected_tables',
    'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
SELECT pg_extension_config_dump('bastion.protected_columns',
    'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');

-- A change of the rights of owners affects every holder of a list of their own.
CREATE TRIGGER protected_tables_invalidate_insert AFTER INSERT ON bastion.protected_tables
FOR EACH ROW WHEN (NEW.options ? 'owner_rights') EXECUTE FUNCTION bastion_internal.invalidate('all');
CREATE TRIGGER protected_tables_invalidate_update AFTER UPDATE ON bastion.protected_tables
FOR EACH ROW WHEN (OLD.options ? 'owner_rights' OR NEW.options ? 'owner_rights') EXECUTE FUNCTION bastion_internal.invalidate('all');
CREATE TRIGGER protected_tables_invalidate_delete AFTER DELETE ON bastion.protected_tables
FOR EACH ROW WHEN (OLD.options ? 'owner_rights') EXECUTE FUNCTION bastion_internal.invalidate('all');
CREATE TRIGGER protected_tables_invalidate_truncate AFTER TRUNCATE ON bastion.protected_tables
FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.invalidate('all');
ALTER TABLE bastion.protected_tables ENABLE ALWAYS TRIGGER protected_tables_invalidate_insert;
ALTER TABLE bastion.protected_tables ENABLE ALWAYS TRIGGER protected_tables_invalidate_update;
ALTER TABLE bastion.protected_tables ENABLE ALWAYS TRIGGER protected_tables_invalidate_delete;
ALTER TABLE bastion.protected_tables ENABLE ALWAYS TRIGGER protected_tables_invalidate_truncate;

-- The tables that share a protection

CREATE FUNCTION bastion_internal.protect_tree(relation regclass) RETURNS TABLE (member regclass, depth integer, inherits boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE tree AS (
        SELECT protect_tree.relation::oid AS oid, 0 AS depth
        UNION
        SELECT i.inhrelid, t.depth + 1 FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid
    )
    SELECT c.oid::regclass, max(t.depth), max(t.depth) > 0 AND NOT c.relispartition
    FROM tree t JOIN pg_class c ON c.oid = t.oid
    WHERE c.relpersistence <> 't'
    GROUP BY c.oid, c.relispartition
$$;
COMMENT ON FUNCTION bastion_internal.protect_tree(regclass) IS
'A table (depth 0), its partitions and its inheritance children (inherits), except temporary ones.';
SELECT bastion_internal.callable_by('bastion_internal.protect_tree(regclass)', 'migration');

CREATE FUNCTION bastion_internal.protect_line(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE line AS (
        SELECT protect_line.relation::oid AS oid
        UNION
        SELECT i.inhparent FROM line JOIN pg_inherits i ON i.inhrelid = line.oid
    )
    SELECT oid::regclass FROM line
$$;
COMMENT ON FUNCTION bastion_internal.protect_line(regclass) IS
'A table and its ancestors: the tables that it is a partition or child of.';
SELECT bastion_internal.callable_by('bastion_internal.protect_line(regclass)', 'migration');

CREATE FUNCTION bastion_internal.protect_root(relation regclass) RETURNS regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.relation FROM bastion_internal.protect_line(protect_root.relation) l JOIN bastion.protected_tables p ON p.relation = l LIMIT 1
$$;
COMMENT ON FUNCTION bastion_internal.protect_root(regclass) IS
'The protected table that this table is, or is a partition or child of; NULL for none.';
SELECT bastion_internal.callable_by('bastion_internal.protect_root(regclass)', 'migration');

-- The state of a column, and the part of it that is saved

-- PL/pgSQL here and in protect_state.sql caches its plans: a table with a thousand partitions calls these functions thousands of times.
CREATE FUNCTION bastion_internal.column_state(relation regclass, column_name name)
RETURNS TABLE (base_type regtype, type_modifier integer, default_value text, is_not_null boolean, generated boolean)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    domain record;
BEGIN
    SELECT a.atttypid, a.atttypmod, CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           a.attnotnull, a.attgenerated <> '' OR a.attidentity <> ''
    INTO base_type, type_modifier, default_value, is_not_null, generated
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = relation AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    LOOP
        SELECT t.typbasetype, t.typtypmod INTO domain FROM pg_type t WHERE t.oid = base_type AND t.typtype = 'd';
        EXIT WHEN NOT FOUND;
        base_type := domain.typbasetype;
        type_modifier := domain.typtypmod;
    END LOOP;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION bastion_internal.column_state(regclass, name) IS
'The type (below its domains), default and constraints of a column; no row for an unknown column.';
SELECT bastion_internal.callable_by('bastion_internal.column_state(regclass, name)', 'migration');

-- pg_get_expr() adds aliases, casts and parentheses, which differ between server versions. Without them, the expression that protect()
-- wrote equals the one in the catalog, and any other operator, function, column or literal still makes a difference.
CREATE FUNCTION bastion_internal.protect_normal(expression text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN regexp_replace(expression,
        E'\\s+AS (tenant_(number_)?if_allowed|tenant_id|tenant_number|default_acl)\\M'
        '|::(text|character varying|uuid|integer|bigint)\\M|[()\\s]', '', 'g');
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_normal(text) IS 'Normalizes an expression: removes what the catalog adds.';
SELECT bastion_internal.callable_by('bastion_internal.protect_normal(text)', 'migration');

CREATE FUNCTION bastion_internal.is_context_default(expression text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(bastion_internal.protect_normal(expression)
                    IN ('bastion.tenant_id', 'bastion.tenant_number', 'bastion.user_id', 'bastion.default_acl''tenant''',
                        'bastion.default_acl''unit''', 'bastion.default_acl''user'''), false)
$$;
COMMENT ON FUNCTION bastion_internal.is_context_default(text) IS 'Whether a default is one that protect() gives.';
SELECT bastion_internal.callable_by('bastion_internal.is_context_default(text)', 'migration');

CREATE FUNCTION bastion_internal.column_number(relation regclass, column_name name) RETURNS smallint
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.attnum FROM pg_attribute a
    WHERE a.attrelid = column_number.relation AND a.attname = column_number.column_name AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION bastion_internal.column_number(regclass, name) IS 'The number of a column in the catalog; NULL for an unknown one.';
SELECT bastion_internal.callable_by('bastion_internal.column_number(regclass, name)', 'migration');

-- A partition created after protect() inherits our default from its root; its former default is that of the root. A table whose record
-- is lost has our default too; its former default is unknown, and none.
CREATE FUNCTION bastion_internal.column_memory(relation regclass, column_name name)
RETURNS TABLE (old_default text, old_not_null boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN o.relation IS NOT NULL THEN o.old_default
                WHEN NOT bastion_internal.is_context_default(c.default_value) THEN c.default_value END,
           coalesce(o.old_not_null, c.is_not_null)
    FROM bastion_internal.column_state(column_memory.relation, column_memory.column_name) c
    LEFT JOIN bastion.protected_columns o
        ON o.relation = bastion_internal.protect_root(column_memory.relation) AND o.relation <> column_memory.relation
       AND o.column_name = column_memory.column_name AND bastion_internal.is_context_default(c.default_value)
$$;
COMMENT ON FUNCTION bastion_internal.column_memory(regclass, name) IS
'The current state of a column that unprotect() should restore.';
SELECT bastion_internal.callable_by('bastion_internal.column_memory(regclass, name)', 'migration');

-- unprotect() executes old_default, perhaps called by a superuser. So the owner of a table must not be able to store anything there
-- but an expression from the catalog. The owner of this table, who restores a dump, is trusted.
CREATE FUNCTION bastion_internal.read_column_memory() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A generated column has no value yet.
    NEW.relation := bastion_internal.table_of(NEW.table_name);
    IF NOT bastion_internal.owns_relation(TG_RELID) THEN
        SELECT m.old_default, m.old_not_null INTO NEW.old_default, NEW.old_not_null
        FROM bastion_internal.column_memory(NEW.relation, NEW.column_name) m;
    END IF;
    NEW.column_number := bastion_internal.column_number(NEW.relation, NEW.column_name);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.read_column_memory() IS
'Trigger: replaces an inserted default with the one in the catalog, and fills in the number of the column.';

CREATE TRIGGER protected_columns_read BEFORE INSERT OR UPDATE ON bastion.protected_columns
FOR EACH ROW EXECUTE FUNCTION bastion_internal.read_column_memory();
COMMENT ON TRIGGER protected_columns_read ON bastion.protected_columns IS 'Reads the former default from the catalog';

-- A dump holds names, and numbers of another table: both tables' triggers look the numbers up again.
CREATE FUNCTION bastion_internal.read_column_numbers() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.relation := bastion_internal.table_of(NEW.table_name);
    NEW.column_numbers := ARRAY[bastion_internal.column_number(NEW.relation, NEW.tenant_column),
                                bastion_internal.column_number(NEW.relation, NEW.owner_column),
                                bastion_internal.column_number(NEW.relation, (NEW.options ->> 'acl_column')::name)];
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION bastion_internal.read_column_numbers() IS 'Trigger: fills in the numbers of the columns of a protected table.';

CREATE TRIGGER protected_tables_read BEFORE INSERT OR UPDATE OF table_name, tenant_column, owner_column, options, column_numbers
ON bastion.protected_tables FOR EACH ROW EXECUTE FUNCTION bastion_internal.read_column_numbers();
COMMENT ON TRIGGER protected_tables_read ON bastion.protected_tables IS 'Reads the numbers of the columns from the catalog';

-- Columns are known by their numbers. Whatever renames one while event triggers are off, the record still means the same column.

CREATE FUNCTION bastion_internal.protection_now(spec bastion.protected_tables) RETURNS bastion.protected_tables
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    names name[] := ARRAY(SELECT a.attname FROM unnest(spec.column_numbers) WITH ORDINALITY AS n (number, place)
                          LEFT JOIN pg_attribute a ON a.attrelid = spec.relation AND a.attnum = n.number AND NOT a.attisdropped
                          ORDER BY n.place);
BEGIN
    spec.tenant_column := coalesce(names[1], spec.tenant_column);
    spec.owner_column := coalesce(names[2], spec.owner_column);
    IF names[3] IS NOT NULL THEN
        spec.options := jsonb_set(spec.options, '{acl_column}', to_jsonb(names[3]));
    END IF;
    RETURN spec;
END
$$;
COMMENT ON FUNCTION bastion_internal.protection_now(bastion.protected_tables) IS
'The record of a protection with the present names of its columns; a column that is gone keeps the name that it had.';
SELECT bastion_internal.callable_by('bastion_internal.protection_now(bastion.protected_tables)', 'migration');

-- SECURITY DEFINER, because the owner of a table may not change what unprotect() will execute. It writes only what the catalog says.
CREATE FUNCTION bastion_internal.protect_follow(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM bastion.protected_tables p, bastion_internal.protection_now(p) n
                   WHERE p.relation = protect_follow.relation
                     AND bastion_internal.protect_columns(p) <> bastion_internal.protect_columns(n)) THEN
        RETURN;
    END IF;
    UPDATE bastion.protected_columns c SET column_name = a.attname
    FROM bastion_internal.protect_tree(protect_follow.relation) t JOIN pg_attribute a ON a.attrelid = t.member AND NOT a.attisdropped
    WHERE c.relation = t.member AND c.column_number = a.attnum AND c.column_name <> a.attname;
    UPDATE bastion.protected_tables p
    SET tenant_column = n.tenant_column, owner_column = n.owner_column, options = n.options
    FROM bastion.protected_tables r, bastion_internal.protection_now(r) n
    WHERE p.relation = protect_follow.relation AND r.relation = p.relation;
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_follow(regclass) IS
'Writes the present names of the columns of a protected table into its records.';
SELECT bastion_internal.callable_by('bastion_internal.protect_follow(regclass)', 'migration');

-- Writing the records: separate statements, so that a dry run can show them

CREATE FUNCTION bastion_internal.protect_remember(relation regclass, columns name[]) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO bastion.protected_columns (table_name, column_name, old_default, old_not_null)
    SELECT t.member, n, m.old_default, m.old_not_null
    FROM bastion_internal.protect_tree(protect_remember.relation) t, unnest(columns) n, bastion_internal.column_memory(t.member, n) m
    ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION bastion_internal.protect_remember(regclass, name[]) IS
'Saves the current defaults of columns of a table for unprotect(). protect(dry_run => true) returns this call. Only for the owner of the table.';
SELECT bastion_internal.callable_by('bastion_internal.protect_remember(regclass, name[])', 'migration');

CREATE FUNCTION bastion_internal.protect_record(relation regclass, tenant name, owner name, resource text, options jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO bastion.protected_tables AS p (table_name, tenant_column, owner_column, resource, options)
    VALUES (relation, tenant, owner, resource, options)
    ON CONFLICT ON CONSTRAINT protected_tables_pkey DO UPDATE SET
        tenant_column = excluded.tenant_column, owner_column = excluded.owner_column, resource = excluded.resource,
        options = excluded.options, protected_at = now();
    PERFORM bastion_internal.records_forget(relation, 'columns', array_remove(ARRAY[tenant, owner, (options ->> 'acl_column')::name], NULL));
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_record(regclass, name, name, text, jsonb) IS
'Records a protection whose statements were executed. protect(dry_run => true) returns this call. Only for the owner of the table. SQLSTATE 23502 and 23514 for an invalid record.';
SELECT bastion_internal.callable_by('bastion_internal.protect_record(regclass, name, name, text, jsonb)', 'migration');

CREATE FUNCTION bastion_internal.protect_forget(relation regclass) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.records_forget(protect_forget.relation, 'columns', '{}'), bastion_internal.records_forget(protect_forget.relation, 'protected', NULL)
$$;
COMMENT ON FUNCTION bastion_internal.protect_forget(regclass) IS
'Removes the record of a protection. unprotect(dry_run => true) returns this call. Only for the owner of the table.';
SELECT bastion_internal.callable_by('bastion_internal.protect_forget(regclass)', 'migration');

-- A role that may DELETE from a table, or write all of its columns, may also lock the whole of it, and stop everybody whose statement reads
-- it. So migration roles have INSERT and UPDATE of columns, which allow no LOCK TABLE, and these two functions.
CREATE FUNCTION bastion_internal.records_delete(relation regclass, records text, keep name[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF records = 'columns' THEN
        DELETE FROM bastion.protected_columns c
        WHERE c.relation IN (SELECT t.member FROM bastion_internal.protect_tree(records_delete.relation) t) AND c.column_name <> ALL (keep);
    ELSIF records = 'protected' THEN
        DELETE FROM bastion.protected_tables p WHERE p.relation = records_delete.relation;
    ELSIF records = 'global' THEN
        DELETE FROM bastion.global_tables g WHERE g.relation = records_delete.relation;
    ELSIF records = 'audited' THEN
        DELETE FROM bastion.audited_tables a WHERE a.relation = records_delete.relation;
    ELSE
        RETURN false;
    END IF;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION bastion_internal.records_delete(regclass, text, name[]) IS
'The step of records_forget() that deletes. EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.records_forget(relation regclass, records text, keep name[]) RETURNS boolean
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_records_forget';
COMMENT ON FUNCTION bastion_internal.records_forget(regclass, text, name[]) IS
'Removes records of a table: protected, columns (of its partitions and children too, except those in keep), global or audited. Returns whether there was one. It does nothing for a caller without the rights of the owner of the table.';
SELECT bastion_internal.callable_by('bastion_internal.records_forget(regclass, text, name[])', 'migration');

CREATE FUNCTION bastion_internal.forget_dropped_tables() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM bastion.protected_columns r WHERE r.relation IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation);
    DELETE FROM bastion.protected_tables r WHERE r.relation IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation);
    DELETE FROM bastion.audited_tables r WHERE r.relation IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation)
$$;
COMMENT ON FUNCTION bastion_internal.forget_dropped_tables() IS
'Removes the records of dropped tables, which have no owner any more. protect() calls it.';
SELECT bastion_internal.callable_by('bastion_internal.forget_dropped_tables()', 'migration');

-- Of the permission model, a role that owns tables may only register resources.
CREATE FUNCTION bastion_internal.protect_resource(resource text, actions text[]) RETURNS void
LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion.resource_register(resource, actions)
$$;
COMMENT ON FUNCTION bastion_internal.protect_resource(text, text[]) IS
'resource_register() for a role that bastion.allow_migration_role() admitted. protect(dry_run => true) returns this call. SQLSTATE 22023 and 42939 as resource_register().';
SELECT bastion_internal.callable_by('bastion_internal.protect_resource(text, text[])', 'migration');
