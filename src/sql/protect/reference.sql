
-- Foreign keys of an application's tables to users, tenants and units. REFERENCES on these is granted to nobody: with it, a column of
-- a hostile type would run its casts as the owner of the extension. reference_add() requires ownership of the referencing table only,
-- and exactly the type of the key.

CREATE FUNCTION bastion_internal.reference_key(relation regclass, column_name name, target text) RETURNS name
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_type regtype := (SELECT a.atttypid FROM pg_attribute a
                           WHERE a.attrelid = relation AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped);
BEGIN
    IF target IS NULL OR target NOT IN ('users', 'tenants', 'units') THEN
        RAISE EXCEPTION 'target must be ''users'', ''tenants'' or ''units''' USING ERRCODE = 'invalid_parameter_value';
    ELSIF column_name IS NULL THEN
        RAISE EXCEPTION 'column_name must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF found_type IS NULL THEN
        RAISE EXCEPTION 'column "%" of relation "%" does not exist', column_name, relation USING ERRCODE = 'undefined_column';
    ELSIF found_type = 'uuid'::regtype THEN
        RETURN 'id';
    ELSIF target = 'tenants' AND found_type IN ('bigint'::regtype, 'integer'::regtype) THEN
        RETURN 'number';
    END IF;
    RAISE EXCEPTION 'cannot refer to % from column "%" of table %: its type is %', target, column_name, relation, found_type
        USING ERRCODE = 'datatype_mismatch', DETAIL = 'The type must be that of the key itself, not a domain over it.',
              HINT = CASE target WHEN 'tenants' THEN 'Use a uuid, bigint or integer column.' ELSE 'Use a uuid column.' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.reference_key(regclass, name, text) IS
'Returns the column of users, tenants or units to which a column can refer; refuses other columns: 22004, 22023, 42703, 42804.';
SELECT bastion_internal.callable_by('bastion_internal.reference_key(regclass, name, text)', 'migration');

CREATE FUNCTION bastion_internal.references_of(relation regclass, column_name name, target text)
RETURNS TABLE (name name, action "char", validated boolean)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.conname, k.confdeltype, k.convalidated
    FROM pg_constraint k
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    JOIN pg_attribute t ON t.attrelid = k.confrelid AND t.attnum = k.confkey[1]
    WHERE k.contype = 'f' AND k.conrelid = references_of.relation AND cardinality(k.conkey) = 1
      AND a.attname = references_of.column_name AND k.confrelid = to_regclass('bastion.' || quote_ident(references_of.target))
      AND t.attname = bastion_internal.reference_key(references_of.relation, references_of.column_name, references_of.target)
    ORDER BY k.conname
$$;
COMMENT ON FUNCTION bastion_internal.references_of(regclass, name, text) IS
'The foreign keys of a column to users, tenants or units.';
SELECT bastion_internal.callable_by('bastion_internal.references_of(regclass, name, text)', 'migration');

-- A partitioned table cannot have a foreign key that is not valid, and an empty table has nothing to validate.
CREATE FUNCTION bastion_internal.reference_add_statement(relation regclass, column_name name, target text, on_delete text, name name)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actions text[] := ARRAY['no action', 'restrict', 'cascade', 'set null', 'set default'];
    action "char" := (ARRAY['a', 'r', 'c', 'n', 'd'])[array_position(actions, on_delete)];
    old_key record;
    at_once boolean;
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    PERFORM bastion_internal.check_one_owner(relation);
    PERFORM bastion_internal.reference_key(relation, column_name, target);
    IF action IS NULL THEN
        RAISE EXCEPTION 'on_delete must be one of %', array_to_string(actions, ', ') USING ERRCODE = 'invalid_parameter_value';
    ELSIF name = '' THEN
        RAISE EXCEPTION 'name must not be empty' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO old_key FROM bastion_internal.references_of(relation, column_name, target) r LIMIT 1;
    IF old_key.action <> action THEN
        RAISE EXCEPTION 'column "%" of table % refers to % already, with another action', column_name, relation, target
            USING ERRCODE = 'duplicate_object', HINT = format('ALTER TABLE %s DROP CONSTRAINT %I;', relation, old_key.name);
    ELSIF old_key.validated THEN
        RETURN NULL;
    ELSIF NOT old_key.validated THEN
        RETURN format('ALTER TABLE %s VALIDATE CONSTRAINT %I;', relation, old_key.name);
    END IF;
    at_once := (SELECT c.relkind = 'p' OR pg_relation_size(c.oid) = 0 FROM pg_class c WHERE c.oid = relation);
    IF NOT at_once THEN
        RAISE NOTICE 'the foreign key of column "%" of table % holds for new rows', column_name, relation
            USING HINT = 'Call it again in a later transaction to validate existing rows.';
    END IF;
    RETURN format('ALTER TABLE %s ADD %sFOREIGN KEY (%I) REFERENCES bastion.%I (%I) ON DELETE %s%s;', relation,
                  'CONSTRAINT ' || quote_ident(name) || ' ', column_name, target,
                  bastion_internal.reference_key(relation, column_name, target), upper(on_delete), CASE WHEN at_once THEN '' ELSE ' NOT VALID' END);
END
$$;
COMMENT ON FUNCTION bastion_internal.reference_add_statement(regclass, name, text, text, name) IS
'Checks the arguments of reference_add(); returns its statement, NULL if there is nothing to do.';

-- The statement contains the name of the table, which another table may have by now.
CREATE FUNCTION bastion_internal.check_reference(relation regclass, column_name name, target text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM bastion_internal.references_of(relation, column_name, target)) THEN
        RAISE EXCEPTION 'table % was changed at the same time', relation USING ERRCODE = 'object_in_use';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_reference(regclass, name, text) IS
'Refuses if the statement of reference_add() changed another table: 55006.';
SELECT bastion_internal.callable_by('bastion_internal.check_reference(regclass, name, text)', 'migration');

CREATE FUNCTION bastion.reference_add(relation regclass, column_name name, target text, on_delete text DEFAULT 'no action',
                                      name name DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_reference_add';
COMMENT ON FUNCTION bastion.reference_add(regclass, name, text, text, name) IS
'Makes a column of a permanent table a foreign key to ''users'', ''tenants'' or ''units''.
on_delete is its action: ''no action'', ''restrict'', ''cascade'', ''set null'' or ''set default''; name is the name of the constraint. The type of the column must be that of the key: uuid, for tenants also bigint or integer, which refer to their number. REFERENCES on these tables is granted to nobody, so ALTER TABLE cannot do it. If the table has rows, the first call adds the key for new rows; another call in a later transaction validates all rows, without blocking bastion.users, tenants or units.
Returns the statement that it ran, NULL if there was nothing to do. The code in the table that the deletion of a unit fires runs as the role that deletes the unit; in tenant_delete(), it runs as the owner of the table.
For the owner of the table.
SQLSTATE 22004, 22023 for target, action and name, 23503 for rows without a referenced row, 42501 for another role''s table, 42703, 42710 for an existing key with another action, 42804 for another type or a domain, 42809 for a relation that is not a permanent table, 42P01, 55000 for partitions of several owners, or when another library prevents pg_bastion from supervising foreign keys.';
SELECT bastion_internal.callable_by('bastion.reference_add(regclass, name, text, text, name)', 'migration');
