
-- audit_table(): the triggers that record the changes of a table. What they record is in their arguments, which only the owner of the
-- table can change; a partition gets the trigger for rows from its root.

CREATE FUNCTION bastion_internal.check_audit_columns(relation regclass, include name[], exclude name[], redact name[]) RETURNS void
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key name[] := ARRAY(SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                        WHERE i.indrelid = relation AND i.indisprimary);
    listed name[] := include || exclude || redact;
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
    SELECT n INTO wrong FROM unnest(exclude || redact) n WHERE n = ANY (key) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'column "%" is in the primary key of table %', wrong, relation USING ERRCODE = 'invalid_parameter_value',
            HINT = 'An entry names the row that changed by its primary key.';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_audit_columns(regclass, name[], name[], name[]) IS
'Refuses lists of columns that audit_table() cannot use: 22023, 42703, 55000 without a primary key.';
SELECT bastion_internal.callable_by('bastion_internal.check_audit_columns(regclass, name[], name[], name[])', 'migration');

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
    RETURN ARRAY(SELECT format('DROP TRIGGER %I ON %s', g.tgname, t.member)
                 FROM bastion_internal.protect_tree(relation) t JOIN pg_trigger g ON g.tgrelid = t.member
                 WHERE g.tgfoid = 'bastion_internal.audit_change()'::regprocedure AND g.tgparentid = 0
                 ORDER BY t.depth, t.member::text, g.tgname);
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_untable_statements(regclass, boolean) IS
'Checks the arguments of audit_untable(), locks the table unless dry_run, and returns the statements. SQLSTATE 22004, 42501, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion_internal.audit_untable_statements(regclass, boolean)', 'migration');

CREATE FUNCTION bastion_internal.audit_table_statements(relation regclass, include name[], exclude name[], redact name[], dry_run boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    tenant_column text;
    arguments text;
    definition text := 'CREATE TRIGGER %s %s EXECUTE FUNCTION bastion_internal.audit_change(%s)';
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    PERFORM bastion_internal.check_one_owner(relation);
    IF dry_run IS NOT TRUE THEN
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
    END IF;
    exclude := coalesce(exclude, '{}');
    redact := coalesce(redact, '{}');
    PERFORM bastion_internal.check_audit_columns(relation, include, exclude, redact);
    tenant_column := coalesce((SELECT n.tenant_column FROM bastion.protected_tables p, bastion_internal.protection_now(p) n
                               WHERE p.relation = bastion_internal.protect_root(audit_table_statements.relation)), '');
    arguments := concat_ws(', ', quote_literal(tenant_column),
        (SELECT string_agg(quote_literal(l.kind || n), ', ' ORDER BY l.kind, n)
         FROM (VALUES ('i:', include), ('x:', exclude), ('r:', redact)) l (kind, names), unnest(l.names) n));
    RETURN bastion_internal.audit_untable_statements(relation, true) || ARRAY(
        SELECT s.statement
        FROM bastion_internal.protect_tree(relation) t JOIN pg_class c ON c.oid = t.member,
             LATERAL (VALUES
                (1, CASE WHEN t.depth = 0 OR t.inherits THEN format(definition, 'bastion_audit',
                        format('AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW', t.member), arguments) END),
                (2, CASE WHEN t.depth = 0 OR t.inherits THEN format('ALTER TABLE %s ENABLE ALWAYS TRIGGER bastion_audit', t.member) END),
                (3, format(definition, 'bastion_audit_truncate', format('AFTER TRUNCATE ON %s FOR EACH STATEMENT', t.member), quote_literal(tenant_column))),
                (4, format('ALTER TABLE %s ENABLE ALWAYS TRIGGER bastion_audit_truncate', t.member))) s (place, statement)
        WHERE s.statement IS NOT NULL AND c.relkind IN ('r', 'p')
        ORDER BY t.depth, t.member::text, s.place);
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_table_statements(regclass, name[], name[], name[], boolean) IS
'Checks the arguments of audit_table(), locks the table unless dry_run, and returns the statements. SQLSTATE 22004, 22023, 42501, 42703, 42809, 42P01, 55000.';

CREATE FUNCTION bastion.audit_table(relation regclass, include name[] DEFAULT NULL, exclude name[] DEFAULT '{}', redact name[] DEFAULT '{}',
                                    dry_run boolean DEFAULT false) RETURNS TABLE (statement text)
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_audit_table';
COMMENT ON FUNCTION bastion.audit_table(regclass, name[], name[], name[], boolean) IS
'Puts a table, its partitions and children under audit: each INSERT, UPDATE, DELETE and TRUNCATE adds an entry to the log of changes, in the same transaction, with the user, the actors on whose behalf, session, API key, delegation, tenant, unit and client. An UPDATE records what changed, and nothing when nothing did. A row that an UPDATE moves to another partition or tenant is a DELETE and an INSERT.
include names the columns to record, exclude those to leave out; of those in redact it records that they changed, and no value. The primary key is always recorded. After a column of these lists was renamed or dropped, the values of all columns are redacted until the next call. Call it again for another choice, after protect(), and for new inheritance children.
The tenant of an entry is that of the row, if the table is protected, else that of the transaction. Triggers fire under session_replication_role = replica too.
Returns a line that says what was done; dry_run changes nothing and returns the statements.
For the owner of the table.
SQLSTATE 22004, 22023 for lists, 42501, 42703, 42809, 42P01, 55000 without a primary key or with partitions of several owners.';
SELECT bastion_internal.callable_by('bastion.audit_table(regclass, name[], name[], name[], boolean)', 'migration');

CREATE FUNCTION bastion.audit_untable(relation regclass, dry_run boolean DEFAULT false) RETURNS TABLE (statement text)
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_audit_untable';
COMMENT ON FUNCTION bastion.audit_untable(regclass, boolean) IS
'Ends audit_table(): changes of the table, its partitions and children are no longer recorded. Entries stay.
Returns a line that says what was done; dry_run changes nothing and returns the statements.
For the owner of the table.
SQLSTATE 22004, 42501, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion.audit_untable(regclass, boolean)', 'migration');
