-- Guarded schemas. An event trigger, created with the first guard and dropped with the last, gives every new table of a guarded schema
-- row security without a policy. Its rows are invisible until its owner calls protect() or global_table_add().

CREATE TABLE bastion.global_tables (
    table_name bastion_internal.named_table NOT NULL,
    reason text NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now(),
    relation regclass GENERATED ALWAYS AS (bastion_internal.table_of(table_name)) STORED,
    CONSTRAINT global_tables_pkey PRIMARY KEY (table_name),
    CONSTRAINT global_tables_relation_key UNIQUE (relation),
    CONSTRAINT global_tables_reason_check CHECK (btrim(reason) <> '' AND octet_length(reason) <= 1000)
);
COMMENT ON TABLE bastion.global_tables IS 'Tables that all tenants share on purpose; partitions and children follow';
COMMENT ON COLUMN bastion.global_tables.table_name IS 'The table, by name in dumps';
COMMENT ON COLUMN bastion.global_tables.relation IS 'The table; NULL if a dump was restored without it';
COMMENT ON COLUMN bastion.global_tables.reason IS 'Why all tenants share it';
COMMENT ON COLUMN bastion.global_tables.marked_at IS 'When global_table_add() was first called';

ALTER TABLE bastion.global_tables ENABLE ROW LEVEL SECURITY;
CREATE POLICY global_tables_of_owner ON bastion.global_tables
    USING (bastion_internal.owns_relation(relation)) WITH CHECK (bastion_internal.owns_relation(relation));
COMMENT ON POLICY global_tables_of_owner ON bastion.global_tables IS 'The records of tables that the current role owns';

-- Schemas are stored by name, because pg_upgrade refuses columns of type regnamespace. guard_ddl() updates the name when a schema is
-- renamed.
CREATE TABLE bastion.guarded_schemas (
    schema_name name NOT NULL,
    guarded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT guarded_schemas_pkey PRIMARY KEY (schema_name)
);
COMMENT ON TABLE bastion.guarded_schemas IS 'Schemas whose new tables get row security immediately. Granted to nobody';
COMMENT ON COLUMN bastion.guarded_schemas.schema_name IS 'The schema';
COMMENT ON COLUMN bastion.guarded_schemas.guarded_at IS 'When schema_guard() was called';

CREATE TABLE bastion.unguarded_tables (
    table_name bastion_internal.named_table NOT NULL,
    relation regclass GENERATED ALWAYS AS (bastion_internal.table_of(table_name)) STORED,
    CONSTRAINT unguarded_tables_pkey PRIMARY KEY (table_name),
    CONSTRAINT unguarded_tables_relation_key UNIQUE (relation)
);
COMMENT ON TABLE bastion.unguarded_tables IS
'Tables without row security that were in a schema before it was guarded and that stay as they are. Granted to nobody';
COMMENT ON COLUMN bastion.unguarded_tables.table_name IS 'The table, by name in dumps';
COMMENT ON COLUMN bastion.unguarded_tables.relation IS 'The table; NULL if a dump was restored without it';

SELECT pg_extension_config_dump('bastion.global_tables',
    'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
SELECT pg_extension_config_dump('bastion.guarded_schemas',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = schema_name)');
SELECT pg_extension_config_dump('bastion.unguarded_tables',
    'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');

-- Which tables the guard closes. These functions read the records of every owner, and reveal only yes or no about a table.

CREATE FUNCTION bastion_internal.is_global(relation regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM bastion_internal.protect_line(is_global.relation) l JOIN bastion.global_tables g ON g.relation = l)
$$;
COMMENT ON FUNCTION bastion_internal.is_global(regclass) IS
'Whether a table, or one of its ancestors, is marked global.';
SELECT bastion_internal.callable_by('bastion_internal.is_global(regclass)', 'migration');

CREATE FUNCTION bastion_internal.must_be_guarded(relation regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN bastion.guarded_schemas s ON s.schema_name = n.nspname
        WHERE c.oid = must_be_guarded.relation AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
          AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
          AND NOT EXISTS (SELECT FROM bastion.unguarded_tables u WHERE u.relation = c.oid)
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
       AND NOT bastion_internal.is_global(must_be_guarded.relation)
$$;
COMMENT ON FUNCTION bastion_internal.must_be_guarded(regclass) IS
'Whether a table of a guarded schema is newer than the guard, not global, and without forced row security.';
SELECT bastion_internal.callable_by('bastion_internal.must_be_guarded(regclass)', 'migration');

CREATE FUNCTION bastion_internal.guard_table(member regclass) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bastion_internal.must_be_guarded(member) THEN
        RETURN NULL;
    ELSIF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = member) THEN
        RAISE WARNING 'row security of table % stays on and forced: its schema is guarded', member;
    ELSE
        RAISE WARNING 'table % is in a guarded schema and has no protection: nobody sees its rows', member USING HINT =
            format('Call bastion.protect(%L), or bastion.global_table_add(%L, ''reason'') when all tenants share it.',
                   member, member);
    END IF;
    RETURN format('ALTER TABLE ONLY %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', member);
END
$$;
COMMENT ON FUNCTION bastion_internal.guard_table(regclass) IS
'The statement that gives a table of a guarded schema row security, with a warning; NULL if it is not needed.';
SELECT bastion_internal.callable_by('bastion_internal.guard_table(regclass)', 'migration');

-- Global tables

CREATE FUNCTION bastion_internal.open_global(member regclass) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', member)
    FROM pg_class c WHERE c.oid = member AND (c.relrowsecurity OR c.relforcerowsecurity)
                      AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
$$;
COMMENT ON FUNCTION bastion_internal.open_global(regclass) IS
'The statement that disables row security of a table without a policy.';
SELECT bastion_internal.callable_by('bastion_internal.open_global(regclass)', 'migration');

CREATE FUNCTION bastion_internal.global_table_add_statements(relation regclass, reason text) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    IF coalesce(btrim(reason), '') = '' THEN
        RAISE EXCEPTION 'reason must not be empty' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the reason why all tenants share this table.';
    ELSIF octet_length(reason) > 1000 THEN
        RAISE EXCEPTION 'reason is longer than 1000 bytes' USING ERRCODE = 'invalid_parameter_value';
    ELSIF bastion_internal.protect_root(relation) IS NOT NULL THEN
        RAISE EXCEPTION 'table % is protected', relation USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('Call bastion.unprotect(%L) first.', bastion_internal.protect_root(relation));
    END IF;
    INSERT INTO bastion.global_tables (table_name, reason) VALUES (global_table_add_statements.relation, global_table_add_statements.reason)
    ON CONFLICT ON CONSTRAINT global_tables_pkey DO UPDATE SET reason = excluded.reason;
    RETURN ARRAY(SELECT s FROM bastion_internal.protect_tree(relation) t, bastion_internal.open_global(t.member) s WHERE s IS NOT NULL);
END
$$;
COMMENT ON FUNCTION bastion_internal.global_table_add_statements(regclass, text) IS
'Writes the record of global_table_add(); returns its statements.';

CREATE FUNCTION bastion.global_table_add(relation regclass, reason text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_global_table_add';
COMMENT ON FUNCTION bastion.global_table_add(regclass, text) IS
'Marks a table as global: all tenants share it, for this reason.
Row security without any policy, as schema_guard() enables it, is disabled on the table, its partitions and children; a table with policies keeps them. Another call changes the reason.
For the owner of the table.
SQLSTATE 22004, 22023 for a reason that is empty or over 1000 bytes, 42501, 42809, 42P01, 55000 for a protected table.';
SELECT bastion_internal.callable_by('bastion.global_table_add(regclass, text)', 'migration');

CREATE FUNCTION bastion_internal.global_table_remove_statements(relation regclass) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    IF NOT bastion_internal.records_forget(relation, 'global', NULL) THEN
        RAISE NOTICE 'table % is not marked global', relation;
    END IF;
    RETURN ARRAY(SELECT s FROM bastion_internal.protect_tree(relation) t, bastion_internal.guard_table(t.member) s WHERE s IS NOT NULL);
END
$$;
COMMENT ON FUNCTION bastion_internal.global_table_remove_statements(regclass) IS
'Removes the record of global_table_add(); returns the statements of global_table_remove().';

CREATE FUNCTION bastion.global_table_remove(relation regclass) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_global_table_remove';
COMMENT ON FUNCTION bastion.global_table_remove(regclass) IS
'Removes the mark of global_table_add(). In a guarded schema, the table is closed immediately. For the owner of the table.
SQLSTATE 22004, 42501, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion.global_table_remove(regclass)', 'migration');

-- The event trigger

CREATE FUNCTION bastion_internal.run_unseen(statement text) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_run_unseen';
COMMENT ON FUNCTION bastion_internal.run_unseen(text) IS
'Executes DDL as a part of the running command, so that no event trigger fires: foreign ones would run with the rights of the guard. SQLSTATE 42601, and the errors of the statement.';

-- Only members without a policy of ours are new. So this does not interfere with protect(), whose own statements fire the event
-- trigger: it writes policies before any ALTER TABLE, partitions before their root, and the record last.
CREATE FUNCTION bastion_internal.guard_tree(relation regclass) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    spec bastion.protected_tables;
    newcomer regclass;
BEGIN
    SELECT n.* INTO spec FROM bastion.protected_tables p, bastion_internal.protection_now(p) n
    WHERE p.relation = bastion_internal.protect_root(guard_tree.relation);
    IF NOT FOUND OR EXISTS (SELECT FROM unnest(bastion_internal.key_columns(spec)) n
                            WHERE NOT EXISTS (SELECT FROM bastion_internal.column_state(spec.relation, n))) THEN
        RETURN;
    END IF;
    FOR newcomer IN
        SELECT t.member FROM bastion_internal.protect_tree(guard_tree.relation) t
        JOIN pg_class c ON c.oid = t.member AND c.relkind IN ('r', 'p')
        WHERE t.member <> spec.relation
          AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.member AND bastion_internal.is_our_policy(p.polname))
        ORDER BY t.depth DESC, t.member::text
    LOOP
        PERFORM bastion_internal.protect_remember(newcomer, bastion_internal.protect_columns(spec));
        PERFORM bastion_internal.run_unseen(s) FROM unnest(ARRAY(SELECT bastion_internal.plan_member(spec, newcomer))) s;
        RAISE NOTICE 'table % is protected like %', newcomer, spec.relation;
    END LOOP;
    -- Without a newcomer, protect() itself may be about to make an index that is missing.
    IF FOUND THEN
        PERFORM bastion_internal.run_unseen(s) FROM unnest(ARRAY(SELECT bastion_internal.plan_indexes(spec))) s;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.guard_tree(regclass) IS
'Protects the partitions and children of a protected table that have no protection yet.';

CREATE FUNCTION bastion_internal.follow_schemas(renamed oid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Records of dropped schemas are deleted immediately, so a missing schema is the renamed one.
    IF renamed IS NOT NULL THEN
        INSERT INTO bastion.guarded_schemas (schema_name, guarded_at)
        SELECT n.nspname, s.guarded_at FROM pg_namespace n, bastion.guarded_schemas s
        WHERE n.oid = renamed AND NOT EXISTS (SELECT FROM pg_namespace x WHERE x.nspname = s.schema_name)
        ON CONFLICT DO NOTHING;
    END IF;
    DELETE FROM bastion.guarded_schemas s WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = s.schema_name);
END
$$;
COMMENT ON FUNCTION bastion_internal.follow_schemas(oid) IS
'Updates the names of guarded schemas after DROP SCHEMA, or after ALTER SCHEMA of this one.';

-- PostgreSQL fires no event trigger for EXPLAIN ANALYZE CREATE TABLE ... AS. Where the library is loaded, it calls this function then
-- (explain_guard.cpp); elsewhere the next command that the guard sees does, and GRANT is one. Nothing else makes such a table.
CREATE FUNCTION bastion_internal.guard_unseen_tables() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.run_unseen(bastion_internal.guard_table(t.oid))
    FROM (SELECT c.oid FROM bastion.guarded_schemas s JOIN pg_namespace n ON n.nspname = s.schema_name JOIN pg_class c ON c.relnamespace = n.oid
          WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AND c.relpersistence <> 't'
          OFFSET 0) t
    WHERE bastion_internal.must_be_guarded(t.oid)
      AND EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtname = 'bastion_guard' AND e.evtenabled IN ('O', 'A'));
END
$$;
COMMENT ON FUNCTION bastion_internal.guard_unseen_tables() IS
'Closes tables of guarded schemas that were made by a command that fires no event trigger.';

-- SECURITY DEFINER, because a role that creates tables needs no privilege in the extension. It runs only DDL, on tables that the firing
-- command has locked, evaluates no code of their owner, and fires no event trigger.
CREATE FUNCTION bastion_internal.guard_ddl() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed regclass;
BEGIN
    IF TG_TAG IN ('ALTER SCHEMA', 'DROP SCHEMA', 'DROP OWNED') THEN
        PERFORM bastion_internal.follow_schemas((SELECT d.objid FROM pg_event_trigger_ddl_commands() d
                                        WHERE d.classid = 'pg_namespace'::regclass LIMIT 1));
    END IF;
    FOR changed IN
        SELECT DISTINCT d.objid FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
        WHERE d.classid = 'pg_class'::regclass AND NOT d.in_extension AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    LOOP
        PERFORM bastion_internal.guard_tree(changed);
        PERFORM bastion_internal.run_unseen(bastion_internal.guard_table(changed));
    END LOOP;
    PERFORM bastion_internal.guard_unseen_tables();
END
$$;
COMMENT ON FUNCTION bastion_internal.guard_ddl() IS
'Event trigger of schema_guard(): closes new tables of guarded schemas and protects new partitions of protected tables.';

CREATE FUNCTION bastion_internal.check_guardable(schema name) RETURNS regnamespace
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_schema oid := (SELECT n.oid FROM pg_namespace n WHERE n.nspname = schema);
BEGIN
    IF schema IS NULL THEN
        RAISE EXCEPTION 'schema must not be null' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    -- An event trigger, which only a superuser can make.
    PERFORM bastion_internal.require_superuser('guard a schema');
    IF found_schema IS NULL THEN
        RAISE EXCEPTION 'schema "%" does not exist', schema USING ERRCODE = 'invalid_schema_name';
    ELSIF starts_with(schema, 'pg_') OR schema IN ('information_schema', 'bastion', 'bastion_api', 'bastion_internal', 'bastion_test') THEN
        RAISE EXCEPTION 'cannot guard the schema "%"', schema USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name a schema with tables of an application.';
    END IF;
    RETURN found_schema;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_guardable(name) IS
'Returns a schema that can be guarded; refuses other schemas (22023, 3F000) and roles that are not superuser (42501).';

CREATE FUNCTION bastion.schema_guard(schema name) RETURNS TABLE (unprotected regclass)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    guarded regnamespace := bastion_internal.check_guardable(schema);
BEGIN
    INSERT INTO bastion.guarded_schemas (schema_name) VALUES (schema_guard.schema) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO bastion.unguarded_tables (table_name)
        SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = guarded AND bastion_internal.must_be_guarded(c.oid)
        ON CONFLICT DO NOTHING;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtname = 'bastion_guard') THEN
        CREATE EVENT TRIGGER bastion_guard ON ddl_command_end
            WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE SCHEMA', 'ALTER SCHEMA', 'DROP SCHEMA',
                         'DROP OWNED', 'GRANT')
            EXECUTE FUNCTION bastion_internal.guard_ddl();
    END IF;
    RETURN QUERY
        SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace = guarded AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
          AND bastion_internal.protect_root(c.oid) IS NULL AND NOT bastion_internal.is_global(c.oid)
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY c.relname COLLATE "C";
END
$$;
COMMENT ON FUNCTION bastion.schema_guard(name) IS
'Guards a schema: every new table in it immediately gets ENABLE and FORCE ROW LEVEL SECURITY, with a warning. Its rows are invisible until protect() or global_table_add() is called.
While any schema is guarded, new partitions and children of protected tables, in every schema, get the protection of their root. Existing tables stay as they are. Temporary tables and tables of extensions are not changed.
Returns the existing tables that are neither protected nor global; another call only lists them.
For superusers.
SQLSTATE 22004, 22023 for a system schema, 3F000 for an unknown one, 42501.';

CREATE FUNCTION bastion.schema_unguard(schema name) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.check_guardable(schema);
    DELETE FROM bastion.guarded_schemas s WHERE s.schema_name = schema_unguard.schema;
    IF NOT FOUND THEN
        RAISE NOTICE 'schema "%" is not guarded', schema;
    END IF;
    PERFORM bastion_internal.follow_schemas(NULL);
    DELETE FROM bastion.unguarded_tables u
    WHERE u.relation IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      JOIN bastion.guarded_schemas s ON s.schema_name = n.nspname WHERE c.oid = u.relation);
    IF NOT EXISTS (SELECT FROM bastion.guarded_schemas)
       AND EXISTS (SELECT FROM pg_event_trigger e WHERE e.evtname = 'bastion_guard') THEN
        DROP EVENT TRIGGER bastion_guard;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.schema_unguard(name) IS
'Ends schema_guard(): new tables are no longer changed, and existing tables stay as they are. For superusers.
SQLSTATE 22004, 22023, 3F000, 42501.';
