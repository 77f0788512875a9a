
-- audit_drift(): tables under audit whose changes are not recorded as the record says, and who changed that.

-- A column of exclude or redact may be renamed, and another one have its name: then both are named.
CREATE FUNCTION bastion_internal.audit_table_call(relation regclass, columns text[]) RETURNS text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT concat(format('SELECT bastion.audit_table(%L', audit_table_call.relation), string_agg(format(', %s => %L', l.name, l.names), '' ORDER BY l.kind), ');')
    FROM (SELECT k.name, k.kind, array_agg(DISTINCT n.name ORDER BY n.name)::text AS names
          FROM (VALUES ('include', 'i:'), ('exclude', 'x:'), ('redact', 'r:'), ('personal', 'p:')) k (name, kind)
          JOIN bastion_internal.audit_columns_now(audit_table_call.relation, columns) c ON c.kind = k.kind,
               LATERAL (SELECT c.present WHERE c.present IS NOT NULL
                        UNION SELECT c.name WHERE (c.kind <> 'i:' OR c.present IS NULL)
                                              AND bastion_internal.column_number(audit_table_call.relation, c.name) IS NOT NULL) n (name)
          GROUP BY k.name, k.kind
          UNION ALL
          SELECT 'subject', c.kind, c.present FROM bastion_internal.audit_columns_now(audit_table_call.relation, columns) c
          WHERE c.kind = 's:' AND c.present IS NOT NULL) l
$$;
COMMENT ON FUNCTION bastion_internal.audit_table_call(regclass, text[]) IS 'The call of audit_table() that repeats an audit, with the present names of columns and without those that are gone.';

CREATE FUNCTION bastion_internal.audit_problems(relation regclass, columns text[]) RETURNS TABLE (member regclass, problem text)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT t.member, format('trigger %s is %s', t.name, t.state)
    FROM bastion_internal.audit_triggers(audit_problems.relation, bastion_internal.audit_tenant_column(audit_problems.relation), columns) t WHERE t.state <> 'ok'
    UNION ALL
    SELECT t.member, format('trigger %I records changes a second time', g.tgname)
    FROM bastion_internal.protect_tree(audit_problems.relation) t JOIN pg_trigger g ON g.tgrelid = t.member
    WHERE g.tgfoid = 'bastion_internal.audit_change()'::regprocedure AND g.tgname NOT IN ('_bastion_audit', 'bastion_audit_truncate')
    UNION ALL
    SELECT t.member, format('trigger %I fires before _bastion_audit: what it changes comes before the change that fired it', g.tgname)
    FROM bastion_internal.protect_tree(audit_problems.relation) t JOIN pg_trigger g ON g.tgrelid = t.member
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype & 67 = 1 AND g.tgname::text < '_bastion_audit' COLLATE "C"
      AND g.tgfoid <> 'bastion_internal.audit_change()'::regprocedure
    UNION ALL
    SELECT t.member, 'a foreign table has no trigger that records changes made elsewhere' FROM bastion_internal.protect_tree(audit_problems.relation) t
    JOIN pg_class c ON c.oid = t.member WHERE c.relkind = 'f'
    UNION ALL
    SELECT audit_problems.relation, format(CASE WHEN bastion_internal.column_number(audit_problems.relation, c.name) IS NULL
                                                THEN 'column "%s" does not exist: all values are redacted'
                                                ELSE 'column "%s" is another one than audit_table() was told: all values are redacted' END, c.name)
    FROM bastion_internal.audit_columns_now(audit_problems.relation, columns) c WHERE NOT c.same
    UNION ALL
    SELECT audit_problems.relation, 'no primary key: entries do not name the row'
    WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = audit_problems.relation AND i.indisprimary)
$$;
COMMENT ON FUNCTION bastion_internal.audit_problems(regclass, text[]) IS 'The differences between a table under audit and its record.';

CREATE FUNCTION bastion_internal.audit_event_triggers() RETURNS TABLE (name name, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT w.name, CASE WHEN e.oid IS NULL THEN 'missing' ELSE 'disabled' END,
           CASE WHEN e.oid IS NULL THEN format('CREATE EVENT TRIGGER %s ON %s EXECUTE FUNCTION bastion_internal.%s();', w.name, w.event, w.function)
                ELSE format('ALTER EVENT TRIGGER %s ENABLE;', w.name) END
    FROM (VALUES ('bastion_audit_ddl'::name, 'ddl_command_end', 'audit_ddl'), ('bastion_audit_dropped', 'sql_drop', 'audit_dropped')) w (name, event, function)
    LEFT JOIN pg_event_trigger e ON e.evtname = w.name AND e.evtfoid = ('bastion_internal.' || w.function || '()')::regprocedure
    WHERE e.oid IS NULL OR e.evtenabled NOT IN ('O', 'A')
$$;
COMMENT ON FUNCTION bastion_internal.audit_event_triggers() IS 'The event triggers of tables under audit that do not fire.';

-- Who changed the table last, as the log says.
CREATE FUNCTION bastion_internal.audit_last_ddl(relation regclass, OUT role text, OUT moment timestamptz) RETURNS record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.audit_entry(r.entry) ->> 'role', r.occurred_at FROM bastion.audit_rows r
    WHERE r.op IN ('ALTER TABLE', 'ALTER TRIGGER', 'CREATE TABLE', 'CREATE TRIGGER', 'DROP TRIGGER')
      AND r.relation = bastion_internal.audit_table_name(audit_last_ddl.relation)
    ORDER BY r.occurred_at DESC, r.xid DESC, r.seq DESC LIMIT 1
$$;
COMMENT ON FUNCTION bastion_internal.audit_last_ddl(regclass) IS 'The role that logged in for the last DDL about this table that is on record, and when.';

CREATE FUNCTION bastion.audit_drift() RETURNS TABLE (relation regclass, problem text, owner name, changed_by text, changed_at timestamptz, fix text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    WITH found AS (
        SELECT p.member, p.problem, bastion_internal.audit_table_call(a.relation, a.columns) AS fix
        FROM bastion.audited_tables a JOIN pg_class c ON c.oid = a.relation, bastion_internal.audit_problems(a.relation, a.columns) p
        UNION ALL
        SELECT c.oid::regclass, 'it has triggers of audit_table(), and no record says so', bastion_internal.audit_table_call(c.oid, '{}')
        FROM pg_class c WHERE NOT c.relispartition AND NOT bastion_internal.is_audited(c.oid)
          AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgfoid = 'bastion_internal.audit_change()'::regprocedure)
        UNION ALL
        SELECT p.partition, p.problem, p.fix FROM bastion_internal.audit_partition_problems() p
    )
    SELECT f.member, f.problem, pg_get_userbyid(c.relowner), d.role, d.moment, f.fix
    FROM found f JOIN pg_class c ON c.oid = f.member, bastion_internal.audit_last_ddl(f.member) d
    UNION ALL
    SELECT NULL, format('event trigger %s is %s: DDL of tables under audit is not recorded', e.name, e.problem), NULL, NULL, NULL, e.fix
    FROM bastion_internal.audit_event_triggers() e
    UNION ALL
    SELECT NULL, p.problem, NULL, NULL, p.since, p.fix FROM bastion_internal.audit_seal_problems() p
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION bastion.audit_drift() IS
'Lists where changes of tables under audit are not recorded as audit_table() was told: triggers of a table, partition or child that are missing, disabled, altered or double; triggers of others that fire before them; partitions without the trigger for TRUNCATE; columns that are gone; a primary key that is gone; triggers without a record; event triggers that do not fire; partitions of the log of changes without the trigger that keeps entries, or without row security; once the log has partitions of months, this and the next month without one. Without a table: entries that another server wrote and that no log has; sealing that is behind by more than bastion.audit_seal_limit; a witness that has not cosigned for longer than bastion.audit_witness_limit.
Returns the table, the problem, its owner, the role that logged in for the last DDL of the table that is on record, when that was or since when sealing is behind, and the SQL that fixes it. No row: nothing differs. What an owner changed and changed back shows in bastion.audit alone.
For superusers, the owner of the extension and monitoring roles.';
SELECT bastion_internal.callable_by('bastion.audit_drift()', 'monitoring');

-- Policies and triggers for statements are not those of the root.
CREATE FUNCTION bastion_internal.audit_open_partitions() RETURNS TABLE (member regclass, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT c.oid::regclass, 'entries in it can be read without a policy', format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', c.oid::regclass)
    FROM pg_partition_tree('bastion.audit_rows') t JOIN pg_class c ON c.oid = t.relid WHERE NOT c.relrowsecurity
    UNION ALL
    SELECT c.oid::regclass, 'entries in it can be changed: the trigger audit_rows_append_only is ' || CASE WHEN g.oid IS NULL THEN 'missing' ELSE 'disabled' END,
           coalesce(CASE WHEN g.oid IS NULL THEN 'CREATE TRIGGER audit_rows_append_only ' || format('BEFORE UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_events(); ', c.oid::regclass) END, '')
           || format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_rows_append_only;', c.oid::regclass)
    FROM pg_partition_tree('bastion.audit_rows') t JOIN pg_class c ON c.oid = t.relid
    LEFT JOIN pg_trigger g ON g.tgrelid = c.oid AND g.tgname = 'audit_rows_append_only' AND g.tgfoid = 'bastion_internal.keep_events()'::regprocedure
    WHERE g.oid IS NULL OR g.tgenabled <> 'A'
$$;
COMMENT ON FUNCTION bastion_internal.audit_open_partitions() IS 'Partitions of the log of changes without row security, or without the trigger that keeps entries.';

CREATE FUNCTION bastion_internal.lint_audit() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'error', d.relation::text, concat('changes are not on record as audit_table() was told: ', string_agg(d.problem, '; ' ORDER BY d.problem),
                                             '; owner ' || min(d.owner), ', last DDL by ' || min(d.changed_by)), min(d.fix)
    FROM bastion.audit_drift() d WHERE d.relation NOT IN (SELECT t.relid FROM pg_partition_tree('bastion.audit_rows') t) GROUP BY d.relation
    UNION ALL
    SELECT 'error', 'event trigger ' || e.name, 'DDL of tables under audit is not on record: it is ' || e.problem, e.fix
    FROM bastion_internal.audit_event_triggers() e
    WHERE EXISTS (SELECT FROM bastion.audited_tables)
    UNION ALL
    SELECT 'error', p.member::text, p.problem, p.fix FROM bastion_internal.audit_open_partitions() p
$$;
COMMENT ON FUNCTION bastion_internal.lint_audit() IS 'Findings about tables under audit whose changes are not on record, and about partitions of the log.';

CREATE FUNCTION bastion_internal.lint_sealing() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', 'audit log', concat(p.problem, ': since ' || to_char(p.since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'), p.fix
    FROM bastion_internal.audit_seal_problems() p
    UNION ALL
    SELECT p.severity, p.partition::text, p.problem, p.fix FROM bastion_internal.audit_partition_problems() p WHERE p.severity = 'warning'
$$;
COMMENT ON FUNCTION bastion_internal.lint_sealing() IS
'Findings about the log of changes: entries that should be sealed or cosigned and are not, and months without a partition.';
