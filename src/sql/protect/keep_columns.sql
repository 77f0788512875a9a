-- The columns that protection needs stay as they are. Policies follow a renamed column, but scripts, triggers and the application that
-- name it do not; without the column, no row is visible. So two event triggers refuse such changes and name the way. They refuse
-- mistakes, not attacks: the owner of a table may call unprotect().

CREATE FUNCTION bastion_internal.check_column_change(relation regclass, column_name name, change text, new_name name) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    guarded record;
    name regclass;
BEGIN
    -- of the table, or of the tables that are made of a composite type
    FOR guarded IN
        SELECT n AS spec, c.reloftype <> 0 AS typed FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation, bastion_internal.protection_now(p) n
        WHERE p.relation = bastion_internal.protect_root(check_column_change.relation)
           OR c.reloftype = (SELECT x.reltype FROM pg_class x WHERE x.oid = check_column_change.relation AND x.relkind = 'c')
    LOOP
        name := (guarded.spec).relation;
        -- a new column with the name of one that is gone is none of them
        IF column_name = ANY (bastion_internal.protect_columns(guarded.spec))
           AND coalesce(bastion_internal.column_number(name, column_name) = ANY ((guarded.spec).column_numbers), true) THEN
            RAISE EXCEPTION 'cannot % column "%" of protected table %', change, column_name, name USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = CASE WHEN new_name IS NULL OR guarded.typed
                            THEN format('Call bastion.unprotect(%L) before and bastion.protect(%1$L) after the change, in one transaction.', name)
                            ELSE format('SELECT bastion.protect_rename(%L, %L, %L);', name, column_name, new_name) END;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_column_change(regclass, name, text, name) IS
'Refuses a change of a column that the protection of a table needs, or of the attribute that it comes from: 55000.';

CREATE FUNCTION bastion_internal.keep_columns() RETURNS event_trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_keep_columns';
COMMENT ON FUNCTION bastion_internal.keep_columns() IS
'Event trigger: refuses to rename, to drop, or to give another type to the columns of tenant, owner and ACL of a protected table. SQLSTATE 55000.';

-- SECURITY DEFINER, because a role that drops columns needs no privilege in the extension. It reads catalogs and records alone.
CREATE FUNCTION bastion_internal.keep_dropped_columns() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.check_column_change(c.oid, d.address_names[3]::name, 'drop', NULL)
    FROM pg_event_trigger_dropped_objects() d JOIN pg_class c ON c.oid = d.objid
    WHERE d.classid = 'pg_class'::regclass AND d.object_type = 'table column';
END
$$;
COMMENT ON FUNCTION bastion_internal.keep_dropped_columns() IS
'Event trigger: the same for columns that another command drops, for example with their type. SQLSTATE 55000.';

CREATE EVENT TRIGGER bastion_keep_columns ON ddl_command_start WHEN TAG IN ('ALTER TABLE', 'ALTER TYPE')
EXECUTE FUNCTION bastion_internal.keep_columns();
COMMENT ON EVENT TRIGGER bastion_keep_columns IS 'Refuses changes of the columns that protection needs';
CREATE EVENT TRIGGER bastion_keep_dropped_columns ON sql_drop EXECUTE FUNCTION bastion_internal.keep_dropped_columns();
COMMENT ON EVENT TRIGGER bastion_keep_dropped_columns IS 'Refuses to drop the columns that protection needs';

-- protect_rename()

CREATE FUNCTION bastion_internal.protect_rename_statements(relation regclass, column_name name, new_name name) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    spec bastion.protected_tables;
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    IF column_name IS NULL OR new_name IS NULL THEN
        RAISE EXCEPTION 'column_name and new_name must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
    PERFORM bastion_internal.protect_follow(relation);
    SELECT * INTO spec FROM bastion.protected_tables p WHERE p.relation = protect_rename_statements.relation;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'table % is not protected', relation USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Use ALTER TABLE ... RENAME COLUMN.';
    ELSIF column_name <> ALL (bastion_internal.protect_columns(spec)) THEN
        RAISE EXCEPTION 'column "%" of table % does not hold its tenant, owner or access control list', column_name, relation
            USING ERRCODE = 'undefined_column', HINT = 'Use ALTER TABLE ... RENAME COLUMN.';
    END IF;
    spec.tenant_column := CASE spec.tenant_column WHEN column_name THEN new_name ELSE spec.tenant_column END;
    spec.owner_column := CASE spec.owner_column WHEN column_name THEN new_name ELSE spec.owner_column END;
    IF bastion_internal.acl_column(spec) = column_name THEN
        spec.options := jsonb_set(spec.options, '{acl_column}', to_jsonb(new_name));
    END IF;
    RETURN ARRAY[format('ALTER TABLE %s RENAME COLUMN %I TO %I', relation, column_name, new_name),
                 format('SELECT bastion_internal.protect_follow(%L)', relation)]
           || ARRAY(SELECT s.statement FROM bastion_internal.protect_tree(relation) t,
                           bastion_internal.plan_triggers(spec, t.member) WITH ORDINALITY AS s (statement, place)
                    ORDER BY t.depth, t.member::text, s.place)
           || ARRAY(SELECT bastion_internal.plan_audit_of(spec, NULL));
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_rename_statements(regclass, name, name) IS
'Checks the arguments of protect_rename(), locks the table, and returns the statements.';

CREATE FUNCTION bastion.protect_rename(relation regclass, column_name name, new_name name) RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_protect_rename';
COMMENT ON FUNCTION bastion.protect_rename(regclass, name, name) IS
'Renames the column of a protected table that holds its tenant, owner or access control list, in its partitions and children too.
ALTER TABLE refuses to rename, to drop, or to give another type to such a column; for the other changes, call unprotect() before and protect() after them in one transaction.
For the owner of the table.
SQLSTATE 22004, 42501, 42701 for a name in use, 42703 for a column that protection does not need, 42809, 42P01, 55000 for a table that is not protected.';
SELECT bastion_internal.callable_by('bastion.protect_rename(regclass, name, name)', 'migration');
