
-- What happens to tables under audit themselves is in the log of changes too: DDL, with the role that logged in, and the beginning and
-- the end of an audit. Event triggers see DDL of every table. So they read catalogs and records alone, refuse nothing, run no code of
-- others, and write only about tables under audit. A superuser can disable them; audit_drift() says so.

CREATE FUNCTION bastion_internal.audit_table_entry(relation text, op text, old_names text[], old_values text[], new_names text[], new_values text[]) RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_table_entry';
COMMENT ON FUNCTION bastion_internal.audit_table_entry(text, text, text[], text[], text[], text[]) IS
'Adds an entry about a table, which belongs to no tenant, to the log of changes. Arguments: the table, the command, names and texts of former and of new values. EXECUTE is granted to nobody. SQLSTATE 22004 for a name that is NULL, 25006, 54000, 55000.';

CREATE FUNCTION bastion_internal.audit_table_name(relation regclass) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
$$;
COMMENT ON FUNCTION bastion_internal.audit_table_name(regclass) IS 'The name of a table in entries.';

-- SECURITY DEFINER, because EXECUTE on the step that writes is granted to nobody.
CREATE FUNCTION bastion_internal.audit_record_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    former text := CASE TG_OP WHEN 'INSERT' THEN NULL ELSE bastion_internal.audit_table_name(OLD.relation) END;
    present text := CASE TG_OP WHEN 'DELETE' THEN NULL ELSE bastion_internal.audit_table_name(NEW.relation) END;
BEGIN
    -- A table that is gone has an entry of its own.
    IF former IS NOT NULL AND former IS DISTINCT FROM present THEN
        PERFORM bastion_internal.audit_table_entry(former, 'END AUDIT', '{columns}', ARRAY[OLD.columns::text], NULL, NULL);
    END IF;
    IF present IS NOT NULL AND (former IS DISTINCT FROM present OR (OLD.columns, OLD.column_numbers) IS DISTINCT FROM (NEW.columns, NEW.column_numbers)) THEN
        PERFORM bastion_internal.audit_table_entry(present, 'AUDIT', '{columns}', CASE WHEN former = present THEN ARRAY[OLD.columns::text] END,
                                                   '{columns}', ARRAY[NEW.columns::text]);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_record_change() IS
'Trigger: adds an entry to the log of changes when the audit of a table begins, ends, or records other columns.';

CREATE TRIGGER audited_tables_entry AFTER INSERT OR UPDATE OR DELETE ON bastion.audited_tables
FOR EACH ROW EXECUTE FUNCTION bastion_internal.audit_record_change();
ALTER TABLE bastion.audited_tables ENABLE ALWAYS TRIGGER audited_tables_entry;
COMMENT ON TRIGGER audited_tables_entry ON bastion.audited_tables IS 'Puts the beginning and the end of an audit on record';

CREATE FUNCTION bastion_internal.is_audited(relation regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM bastion_internal.protect_line(is_audited.relation) l JOIN bastion.audited_tables a ON a.relation = l)
$$;
COMMENT ON FUNCTION bastion_internal.is_audited(regclass) IS 'Whether a table, or one of its ancestors, is under audit.';

-- No snapshot sees them, but the catalog still has the rows of what a command dropped.
CREATE FUNCTION bastion_internal.audit_dropped_object(class regclass, object oid) RETURNS oid[]
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_dropped_object';
COMMENT ON FUNCTION bastion_internal.audit_dropped_object(regclass, oid) IS
'What rows said that the running transaction deleted: the table of an index (class pg_index), the function of a trigger (pg_trigger), the parents that a table had (pg_inherits). EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.audit_ddl_write(changes text) RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    done record;
BEGIN
    IF NOT EXISTS (SELECT FROM bastion.audited_tables) THEN
        RETURN;
    END IF;
    FOR done IN
        SELECT d.command_tag, d.object_type, d.object_identity, bastion_internal.audit_table_name(t.relation) AS name
        FROM pg_event_trigger_ddl_commands() d, LATERAL (
            SELECT coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = d.objid), d.objid)::regclass WHERE d.classid = 'pg_class'::regclass
            UNION ALL SELECT g.tgrelid FROM pg_trigger g WHERE d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
            UNION ALL SELECT p.polrelid FROM pg_policy p WHERE d.classid = 'pg_policy'::regclass AND p.oid = d.objid
            UNION ALL SELECT w.ev_class FROM pg_rewrite w WHERE d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
            UNION ALL SELECT k.conrelid FROM pg_constraint k WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
            UNION ALL SELECT a.relation FROM bastion.audited_tables a JOIN pg_class c ON c.oid = a.relation
                      WHERE d.classid = 'pg_namespace'::regclass AND c.relnamespace = d.objid) t (relation)
        -- The trigger without a record: a child that left its parent, to come back later. audit_table() itself enables its triggers. A child
        -- that leaves may have no trigger yet.
        WHERE NOT d.in_extension AND (bastion_internal.is_audited(t.relation)
              OR d.command_tag = 'ALTER TABLE' AND EXISTS (SELECT FROM unnest(bastion_internal.audit_dropped_object('pg_inherits', t.relation)) p WHERE bastion_internal.is_audited(p))
              OR d.command_tag = 'ALTER TABLE' AND changes NOT IN ('ENABLE ALWAYS TRIGGER _bastion_audit', 'ENABLE ALWAYS TRIGGER bastion_audit_truncate')
                 AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.relation AND g.tgfoid = 'bastion_internal.audit_change()'::regprocedure))
        ORDER BY 4, 3
    LOOP
        PERFORM bastion_internal.audit_table_entry(done.name, done.command_tag, NULL, NULL, '{object,type,changes}',
                                                   ARRAY[done.object_identity, done.object_type, changes]);
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_ddl_write(text) IS
'The step of audit_ddl() that adds an entry for each table under audit that the command is about. EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.audit_ddl() RETURNS event_trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_audit_ddl';
COMMENT ON FUNCTION bastion_internal.audit_ddl() IS
'Event trigger: adds an entry to the log of changes for DDL of a table under audit.';

-- A partition that is gone is known by the triggers that went with it. What ALTER TABLE takes from its own table has an entry already.
CREATE FUNCTION bastion_internal.audit_dropped() RETURNS event_trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    gone record;
BEGIN
    IF NOT EXISTS (SELECT FROM bastion.audited_tables) THEN
        RETURN;
    END IF;
    FOR gone IN
        WITH dropped AS MATERIALIZED (
            -- What PostgreSQL calls it has quotes by a setting of the session.
            SELECT d.objid, d.object_type, format('%I.%I', d.address_names[1], d.address_names[2]) AS name, d.address_names[3] AS part, o.relation,
                   d.object_type = 'trigger' AND 'bastion_internal.audit_change()'::regprocedure = ANY (bastion_internal.audit_dropped_object('pg_trigger', d.objid)) AS ours
            FROM pg_event_trigger_dropped_objects() d
            LEFT JOIN LATERAL (
                SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE d.object_type <> 'index' AND n.nspname = d.address_names[1] AND c.relname = d.address_names[2]
                UNION ALL
                SELECT c.oid::regclass FROM unnest(CASE d.object_type WHEN 'index' THEN bastion_internal.audit_dropped_object('pg_index', d.objid) END) i JOIN pg_class c ON c.oid = i
            ) o (relation) ON true
            WHERE NOT d.is_temporary
              -- the triggers of a foreign key, which has an entry itself
              AND NOT (d.object_type = 'trigger' AND EXISTS (SELECT FROM pg_proc p WHERE p.oid = ANY (bastion_internal.audit_dropped_object('pg_trigger', d.objid))
                                                                             AND p.pronamespace = 'pg_catalog'::regnamespace AND starts_with(p.proname, 'RI_FKey_')))
              AND (d.object_type IN ('table', 'trigger', 'policy', 'rule')
                   OR d.object_type IN ('table column', 'table constraint', 'index') AND (TG_TAG <> 'ALTER TABLE' OR d.object_type = 'table constraint' AND NOT d.original))
        )
        SELECT CASE d.object_type WHEN 'index' THEN bastion_internal.audit_table_name(d.relation) ELSE d.name END AS name,
               CASE WHEN d.object_type IN ('table', 'index') THEN d.name ELSE format('%I on %s', d.part, d.name) END AS object_identity, d.object_type
        FROM dropped d
        WHERE CASE d.object_type
                  WHEN 'table' THEN EXISTS (SELECT FROM bastion.audited_tables a WHERE a.relation = d.objid)
                       OR EXISTS (SELECT FROM dropped g WHERE g.ours AND g.name = d.name)
                  ELSE d.relation IS NOT NULL AND (d.ours OR bastion_internal.is_audited(d.relation)) END
        ORDER BY 1, 3, 2
    LOOP
        PERFORM bastion_internal.audit_table_entry(gone.name, TG_TAG, NULL, NULL, '{object,type,changes}', ARRAY[gone.object_identity, gone.object_type, 'DROP']);
    END LOOP;
    DELETE FROM bastion.audited_tables a USING pg_event_trigger_dropped_objects() d
    WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND a.relation = d.objid;
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_dropped() IS
'Event trigger: adds an entry to the log of changes for tables under audit that are dropped, and for triggers, policies, rules, indexes, and columns and constraints that another object takes with it; removes the records of the tables.';

CREATE EVENT TRIGGER bastion_audit_ddl ON ddl_command_end EXECUTE FUNCTION bastion_internal.audit_ddl();
COMMENT ON EVENT TRIGGER bastion_audit_ddl IS 'Puts DDL of tables under audit on record';
CREATE EVENT TRIGGER bastion_audit_dropped ON sql_drop EXECUTE FUNCTION bastion_internal.audit_dropped();
COMMENT ON EVENT TRIGGER bastion_audit_dropped IS 'Puts DROP of tables under audit, and of their triggers, on record';
