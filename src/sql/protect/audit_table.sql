
-- audit_table(): the triggers that record the changes of a table. What they record is in their arguments, which only the owner of the
-- table can change; a partition gets the trigger for rows from its root. protect(audit => true) does the same. Triggers fire in the order of
-- their names: what a trigger of the application changes comes after the change that fired it, so ours begins with an underscore.

CREATE FUNCTION bastion_internal.check_audit_columns(relation regclass, include name[], exclude name[], redact name[], personal name[], subject name) RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key name[] := ARRAY(SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                        WHERE i.indrelid = relation AND i.indisprimary);
    listed name[] := include || exclude || redact || personal || CASE WHEN subject IS NOT NULL THEN ARRAY[subject] END;
    wrong name;
BEGIN
    IF key = '{}' THEN
        RAISE EXCEPTION 'table % has no primary key', relation USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Add one: an entry names the row that changed by its primary key.';
    ELSIF include = '{}' THEN
        RAISE EXCEPTION 'include must name a column' USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL records every column.';
    ELSIF include IS NOT NULL AND exclude <> '{}' THEN
        RAISE EXCEPTION 'include and exclude cannot be used together' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT n INTO wrong FROM unnest(listed) n
    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = n AND a.attnum > 0 AND NOT a.attisdropped) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'column "%" of table % does not exist', coalesce(wrong, 'NULL'), relation USING ERRCODE = 'undefined_column';
    END IF;
    SELECT n INTO wrong FROM unnest(exclude || redact || personal) n WHERE n = ANY (key) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'column "%" is in the primary key of table %', wrong, relation USING ERRCODE = 'invalid_parameter_value',
            HINT = 'An entry names the row that changed by its primary key.';
    ELSIF subject IS NOT NULL AND personal = '{}' OR subject = ANY (personal) THEN
        RAISE EXCEPTION 'subject names the column with the person whom personal columns are about' USING ERRCODE = 'invalid_parameter_value';
    ELSIF subject IS NOT NULL AND (SELECT c.base_type FROM bastion_internal.column_state(relation, subject) c) IS DISTINCT FROM 'uuid'::regtype THEN
        RAISE EXCEPTION 'column "%" of table % is no uuid', subject, relation USING ERRCODE = 'datatype_mismatch',
            HINT = 'Subjects of all tables are one set, so their numbers would be those of others.';
    ELSIF personal <> '{}' AND subject IS NULL AND bastion_internal.audit_tenant_column(relation) = '' THEN
        RAISE EXCEPTION 'personal columns of table % are about nobody', relation USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name the column with the uuid of the person as subject, or protect the table, whose tenant is the subject then.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_audit_columns(regclass, name[], name[], name[], name[], name) IS
'Refuses lists of columns that audit_table() cannot use: 22023, 42703, 42804 for a subject that is no uuid, 55000 without a primary key.';
SELECT bastion_internal.callable_by('bastion_internal.check_audit_columns(regclass, name[], name[], name[], name[], name)', 'migration');

CREATE FUNCTION bastion_internal.audit_triggers(relation regclass, tenant_column text, columns text[])
RETURNS TABLE (member regclass, depth integer, is_clone boolean, name name, definition text, state text)
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT t.member, t.depth, w.is_clone, w.name,
           format('CREATE TRIGGER %s %s EXECUTE FUNCTION bastion_internal.audit_change(%s)', w.name, w.fires,
                  (SELECT string_agg(quote_literal(a), ', ' ORDER BY n) FROM unnest(w.arguments) WITH ORDINALITY u (a, n))),
           CASE WHEN g.oid IS NULL THEN 'missing'
                WHEN g.tgfoid <> 'bastion_internal.audit_change()'::regprocedure OR g.tgtype <> w.type OR g.tgqual IS NOT NULL OR cardinality(g.tgattr::smallint[]) > 0
                     OR g.tgdeferrable OR g.tgargs <> (SELECT string_agg(convert_to(a, getdatabaseencoding()) || decode('00', 'hex'), '' ORDER BY n)
                                                       FROM unnest(w.arguments) WITH ORDINALITY u (a, n))
                     OR (g.tgparentid <> 0) <> w.is_clone THEN 'altered'
                WHEN g.tgenabled = 'D' THEN 'disabled'
                WHEN g.tgenabled <> 'A' THEN 'not enabled always'
                ELSE 'ok' END
    FROM bastion_internal.protect_tree(audit_triggers.relation) t JOIN pg_class c ON c.oid = t.member AND c.relkind IN ('r', 'p')
    CROSS JOIN LATERAL (VALUES
            (1, '_bastion_audit'::name, t.depth > 0 AND NOT t.inherits, 29,
             format('AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW', t.member), tenant_column || audit_triggers.columns),
            (2, 'bastion_audit_truncate', false, 32, format('AFTER TRUNCATE ON %s FOR EACH STATEMENT', t.member), ARRAY[tenant_column])
         ) w (place, name, is_clone, type, fires, arguments)
    LEFT JOIN pg_trigger g ON g.tgrelid = t.member AND g.tgname = w.name
    ORDER BY t.depth, t.member::text, w.place
$$;
COMMENT ON FUNCTION bastion_internal.audit_triggers(regclass, text, text[]) IS
'The triggers that a table under audit, its partitions and children need, and the state of each: ok, missing, altered, disabled, or not enabled always. is_clone: the server makes it from that of the root. SQLSTATE 22000 for columns in two dimensions.';
SELECT bastion_internal.callable_by('bastion_internal.audit_triggers(regclass, text, text[])', 'migration');

-- Without a change there is no statement. A statement of a partition comes after that of the root, whose trigger it gets.
CREATE FUNCTION bastion_internal.plan_audit(relation regclass, tenant_column text, columns text[]) RETURNS SETOF text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    WITH triggers AS (
        SELECT t.*, row_number() OVER () AS place FROM bastion_internal.audit_triggers(plan_audit.relation, tenant_column, columns) t
    )
    SELECT s.statement FROM (
        SELECT 1, t.depth, 0, t.member::text, format('DROP TRIGGER %I ON %s;', g.tgname, t.member)
        FROM bastion_internal.protect_tree(plan_audit.relation) t JOIN pg_trigger g ON g.tgrelid = t.member AND g.tgparentid = 0
        LEFT JOIN triggers w ON w.member = t.member AND w.name = g.tgname
        WHERE CASE WHEN w.state IS NULL THEN g.tgfoid = 'bastion_internal.audit_change()'::regprocedure ELSE w.state = 'altered' END
        UNION ALL
        SELECT 2, t.depth, 2 * t.place, t.member::text, t.definition || ';' FROM triggers t WHERE t.state IN ('missing', 'altered') AND NOT t.is_clone
        UNION ALL
        SELECT 2, t.depth, 2 * t.place + 1, t.member::text, format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I;', t.member, t.name)
        FROM triggers t WHERE t.state <> 'ok' AND (NOT t.is_clone OR t.state IN ('disabled', 'not enabled always'))
        UNION ALL
        SELECT 3, 0, 0, '', format('SELECT bastion_internal.audit_record(%L, %L);', plan_audit.relation, columns)
        WHERE NOT EXISTS (SELECT FROM bastion.audited_tables a WHERE a.relation = plan_audit.relation AND a.columns = plan_audit.columns)
    ) s (step, depth, place, member, statement)
    ORDER BY s.step, s.depth, s.place, s.member, s.statement
$$;
COMMENT ON FUNCTION bastion_internal.plan_audit(regclass, text, text[]) IS
'The statements that are still needed to put a table under audit. SQLSTATE 22000 for columns in two dimensions.';
SELECT bastion_internal.callable_by('bastion_internal.plan_audit(regclass, text, text[])', 'migration');

CREATE FUNCTION bastion_internal.plan_unaudit(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    (SELECT format('SELECT bastion_internal.audit_forget(%L);', a.relation) FROM bastion.audited_tables a WHERE a.relation = plan_unaudit.relation)
    UNION ALL
    (SELECT format('DROP TRIGGER %I ON %s;', g.tgname, t.member)
     FROM bastion_internal.protect_tree(plan_unaudit.relation) t JOIN pg_trigger g ON g.tgrelid = t.member
     WHERE g.tgfoid = 'bastion_internal.audit_change()'::regprocedure AND g.tgparentid = 0
     ORDER BY t.depth, t.member::text, g.tgname)
$$;
COMMENT ON FUNCTION bastion_internal.plan_unaudit(regclass) IS 'The statements that end the audit of a table.';
SELECT bastion_internal.callable_by('bastion_internal.plan_unaudit(regclass)', 'migration');

CREATE FUNCTION bastion_internal.audit_untable_statements(relation regclass, dry_run boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    IF dry_run IS NOT TRUE THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
    END IF;
    RETURN ARRAY(SELECT bastion_internal.plan_unaudit(relation));
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_untable_statements(regclass, boolean) IS
'Checks the arguments of audit_untable(), locks the table unless dry_run, and returns the statements. SQLSTATE 22004, 42501, 42809, 42P01.';

CREATE FUNCTION bastion_internal.audit_tenant_column(relation regclass) RETURNS text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT n.tenant_column::text FROM bastion.protected_tables p, bastion_internal.protection_now(p) n
                     WHERE p.relation = bastion_internal.protect_root(audit_tenant_column.relation)), '')
$$;
COMMENT ON FUNCTION bastion_internal.audit_tenant_column(regclass) IS 'The column whose tenant an entry about the table gets; empty for that of the context.';
SELECT bastion_internal.callable_by('bastion_internal.audit_tenant_column(regclass)', 'migration');

CREATE FUNCTION bastion_internal.audit_table_statements(relation regclass, include name[], exclude name[], redact name[], personal name[], subject name, dry_run boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    wanted text[];
    above regclass := (SELECT a.relation FROM bastion_internal.protect_line(relation) l JOIN bastion.audited_tables a ON a.relation = l
                       WHERE l <> audit_table_statements.relation LIMIT 1);
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    PERFORM bastion_internal.check_one_owner(relation);
    IF above IS NOT NULL THEN
        RAISE EXCEPTION 'table % is under audit with %', relation, above USING ERRCODE = 'wrong_object_type',
            HINT = format('SELECT bastion.audit_table(%L) covers its partitions and children.', above);
    END IF;
    IF dry_run IS NOT TRUE THEN
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
    END IF;
    exclude := coalesce(exclude, '{}');
    redact := coalesce(redact, '{}');
    personal := coalesce(personal, '{}');
    PERFORM bastion_internal.check_audit_columns(relation, include, exclude, redact, personal, subject);
    wanted := ARRAY(SELECT l.kind || n FROM (VALUES ('i:', include), ('x:', exclude), ('r:', redact), ('p:', personal),
                           ('s:', CASE WHEN subject IS NOT NULL THEN ARRAY[subject] END)) l (kind, names), unnest(l.names) n
                    GROUP BY l.kind, n ORDER BY l.kind, n);
    -- The names may be those of other columns than at the last call. Only this call, which names them, means these.
    RETURN ARRAY(SELECT bastion_internal.plan_audit(relation, bastion_internal.audit_tenant_column(relation), wanted))
        || ARRAY(SELECT format('SELECT bastion_internal.audit_record(%L, %L);', a.relation, a.columns) FROM bastion.audited_tables a
                 WHERE a.relation = audit_table_statements.relation AND a.columns = wanted
                   AND EXISTS (SELECT FROM bastion_internal.audit_columns_now(a.relation, a.columns) c WHERE NOT c.same));
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_table_statements(regclass, name[], name[], name[], name[], name, boolean) IS
'Checks the arguments of audit_table(), locks the table unless dry_run, and returns the statements. SQLSTATE 22004, 22023, 42501, 42703, 42804, 42809, 42P01, 55000.';

-- protect() keeps the choice of columns of audit_table(), and unprotect() ends the audit that protect() began.
CREATE FUNCTION bastion_internal.plan_audit_of(spec bastion.protected_tables, audit boolean) RETURNS SETOF text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.statement
    FROM (SELECT (SELECT a.columns FROM bastion.audited_tables a WHERE a.relation = spec.relation) AS columns) r,
         LATERAL (SELECT p FROM bastion_internal.plan_unaudit(spec.relation) p WHERE audit IS FALSE
                  UNION ALL
                  SELECT p FROM bastion_internal.plan_audit(spec.relation, coalesce(spec.tenant_column::text, ''), coalesce(r.columns, '{}')) p
                  WHERE coalesce(audit, r.columns IS NOT NULL)) s (statement)
$$;
COMMENT ON FUNCTION bastion_internal.plan_audit_of(bastion.protected_tables, boolean) IS
'The statements about the audit of a table with this protection: true begins it, false ends it, NULL keeps it as it is and names the present column of the tenant.';
SELECT bastion_internal.callable_by('bastion_internal.plan_audit_of(bastion.protected_tables, boolean)', 'migration');

CREATE FUNCTION bastion.audit_table(relation regclass, include name[] DEFAULT NULL, exclude name[] DEFAULT '{}', redact name[] DEFAULT '{}',
                                    personal name[] DEFAULT '{}', subject name DEFAULT NULL, dry_run boolean DEFAULT false) RETURNS TABLE (statement text)
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_audit_table';
COMMENT ON FUNCTION bastion.audit_table(regclass, name[], name[], name[], name[], name, boolean) IS
'Puts a table, its partitions and children under audit: each INSERT, UPDATE, DELETE and TRUNCATE adds an entry to the log of changes, in the same transaction, with the user, the actors on whose behalf, session, API key, delegation, tenant, unit and client. An UPDATE records what changed, and nothing when nothing did. A row that an UPDATE moves to another partition or tenant is a DELETE and an INSERT.
include names the columns to record, exclude those to leave out; of those in redact it records that they changed, and no value. Values of those in personal are sealed under a key of the subject, so that audit_shred() can erase them: the subject is the person whose uuid is in the column subject, or without one the tenant of the entry. Without a subject in the row, for one that was shredded, and beyond 60 KiB they are redacted. The primary key is always recorded. After a column of these lists was renamed or dropped, the values of all columns are redacted until the next call. So they are after another column got the name. A listed column that gets into the primary key later is redacted there. Call it again for another choice, and for new inheritance children.
The tenant of an entry is that of the row, if the table is protected, else that of the transaction. Triggers fire under session_replication_role = replica too.
Returns a line that says what was done; dry_run changes nothing and returns the statements.
For the owner of the table.
SQLSTATE 22004, 22023 for lists, and for personal columns about nobody, 42501, 42703, 42804 for a subject that is no uuid, 42809, 42P01, 55000 without a primary key or with partitions of several owners.';
SELECT bastion_internal.callable_by('bastion.audit_table(regclass, name[], name[], name[], name[], name, boolean)', 'migration');

CREATE FUNCTION bastion.audit_untable(relation regclass, dry_run boolean DEFAULT false) RETURNS TABLE (statement text)
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_audit_untable';
COMMENT ON FUNCTION bastion.audit_untable(regclass, boolean) IS
'Ends audit_table(): changes of the table, its partitions and children are no longer recorded. Entries stay.
Returns a line that says what was done; dry_run changes nothing and returns the statements.
For the owner of the table.
SQLSTATE 22004, 42501, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion.audit_untable(regclass, boolean)', 'migration');
