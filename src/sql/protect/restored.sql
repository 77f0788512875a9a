-- Records of tables that a restored dump did not contain. They keep the name, mean no table, and change nothing until records_bind().

CREATE FUNCTION bastion_internal.unbound_records() RETURNS TABLE (records regclass, table_name text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'bastion.protected_tables'::regclass, r.table_name::text FROM bastion.protected_tables r WHERE r.relation IS NULL
    UNION SELECT 'bastion.protected_columns'::regclass, r.table_name::text FROM bastion.protected_columns r WHERE r.relation IS NULL
    UNION SELECT 'bastion.global_tables'::regclass, r.table_name::text FROM bastion.global_tables r WHERE r.relation IS NULL
    UNION SELECT 'bastion.unguarded_tables'::regclass, r.table_name::text FROM bastion.unguarded_tables r WHERE r.relation IS NULL
    UNION SELECT 'bastion.audited_tables'::regclass, r.table_name::text FROM bastion.audited_tables r WHERE r.relation IS NULL
    UNION SELECT 'bastion.sealed_columns'::regclass, r.table_name::text FROM bastion.sealed_columns r WHERE r.relation IS NULL
$$;
COMMENT ON FUNCTION bastion_internal.unbound_records() IS
'The tables with records of tables that did not exist when the records were restored, and the names of these.';

CREATE FUNCTION bastion.records_bind() RETURNS TABLE (relation regclass, records regclass)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    unbound record;
BEGIN
    FOR unbound IN SELECT u.records, u.table_name, to_regclass(u.table_name) AS relation FROM bastion_internal.unbound_records() u
                   WHERE to_regclass(u.table_name) IS NOT NULL ORDER BY u.table_name, u.records::text
    LOOP
        -- What was recorded since the restore stays.
        EXECUTE format('DELETE FROM %1$s u USING %1$s b WHERE u.relation IS NULL AND u.table_name::text = $1 AND b.relation = $2 '
                       'AND to_jsonb(u) -> ''column_name'' IS NOT DISTINCT FROM to_jsonb(b) -> ''column_name''', unbound.records)
        USING unbound.table_name, unbound.relation;
        EXECUTE format('UPDATE %s SET table_name = $2 WHERE relation IS NULL AND table_name::text = $1', unbound.records)
        USING unbound.table_name, unbound.relation;
        relation := unbound.relation;
        records := unbound.records;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion.records_bind() IS
'Binds records that were restored without their table to the table that has their name now: protection, former defaults, global, unguarded and audited tables, sealed columns. A record that was made since the restore stays as it is. lint() names records that are not bound.
Returns each table and the table of the extension that holds records of it.
For operators: EXECUTE is granted to nobody.';

CREATE FUNCTION bastion_internal.lint_restored() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'warning', u.table_name,
           CASE WHEN to_regclass(u.table_name) IS NULL THEN 'records of a table that does not exist were restored'
                ELSE 'records were restored before the table, and are not bound to it' END,
           CASE WHEN to_regclass(u.table_name) IS NOT NULL THEN 'SELECT bastion.records_bind();'
                ELSE string_agg(format('DELETE FROM %s WHERE relation IS NULL AND table_name::text = %L;', u.records, u.table_name), ' ' ORDER BY u.records::text) END
    FROM bastion_internal.unbound_records() u
    GROUP BY u.table_name
    UNION ALL
    SELECT 'warning', 'role ' || quote_ident(o.role_name), 'declared with operator_role_declare(), and does not exist',
           format('DELETE FROM bastion.operator_roles WHERE role_name = %L;', o.role_name)
    FROM bastion.operator_roles o WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = o.role_name)
    UNION ALL
    SELECT 'warning', 'hook ' || h.event, 'fails at each call: ' || CASE WHEN f.function IS NULL THEN 'the function does not exist' ELSE bastion_internal.hook_flaw(f.function, f.role) END,
           format('SELECT bastion.hook_remove(%L);', h.event)
    FROM bastion.hooks h, LATERAL (SELECT to_regprocedure(h.function || '(pg_catalog.jsonb)') AS function, (SELECT r.oid::regrole FROM pg_roles r WHERE r.rolname = h.runs_as) AS role) f
    WHERE bastion_internal.hook_flaw(f.function, f.role) IS NOT NULL
$$;
COMMENT ON FUNCTION bastion_internal.lint_restored() IS
'Findings about records of tables and roles that a restored dump did not contain, and about hooks that cannot run.';
