-- lint(): findings about secrets in the server log.

-- A statement may pass a secret to a function with arguments, to a view, and to a table or view with a trigger.
CREATE FUNCTION bastion_internal.secret_wrappers() RETURNS SETOF name
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    WITH own_function AS (
        SELECT p.oid, p.proname, p.pronargs FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.oid >= 16384 AND l.lanname NOT IN ('c', 'internal')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
          AND CASE WHEN p.prokind IN ('f', 'p') THEN bastion_internal.secret_call(pg_get_functiondef(p.oid)) END IS NOT NULL
    ), wrapper AS (
        SELECT f.proname AS name FROM own_function f WHERE f.pronargs > 0
        UNION
        SELECT c.relname FROM own_function f JOIN pg_trigger t ON t.tgfoid = f.oid JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
        UNION
        SELECT c.relname FROM pg_class c
        WHERE c.relkind = 'v' AND c.oid >= 16384 AND bastion_internal.secret_call(pg_get_viewdef(c.oid)) IS NOT NULL
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    )
    SELECT w.name FROM wrapper w WHERE bastion_internal.secret_call(quote_ident(w.name::text)) IS NULL
$$;
COMMENT ON FUNCTION bastion_internal.secret_wrappers() IS
'The functions, views and tables with triggers of the application that pass secrets to the extension, or get them from it, and that bastion.redacted_names does not name.';

CREATE FUNCTION bastion_internal.lint_log() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    WITH log AS (
        SELECT (bastion_internal.library_status() ->> 'preloaded')::boolean AS redacted,
               current_setting('log_statement') IN ('mod', 'all') OR current_setting('log_min_duration_statement') <> '-1'
               OR current_setting('log_min_duration_sample') <> '-1' OR current_setting('log_transaction_sample_rate') <> '0' AS statements
    )
    SELECT 'warning', 'setting bastion.redacted_names', 'statements are logged before they run, and these pass secrets on: ' || w.names,
           format('ALTER SYSTEM SET bastion.redacted_names = %L; SELECT pg_reload_conf();',
                  concat_ws(', ', NULLIF(btrim(current_setting('bastion.redacted_names', true)), ''), w.names))
    FROM log, LATERAL (SELECT string_agg(n::text, ', ' ORDER BY n) AS names FROM bastion_internal.secret_wrappers() n WHERE log.redacted AND log.statements) w
    WHERE w.names IS NOT NULL
    UNION ALL
    SELECT 'warning', 'setting ' || s.name, 'the server log shows parameters, secrets too, because the library is not preloaded',
           format('ALTER SYSTEM SET %s = 0; SELECT pg_reload_conf();', s.name)
    FROM log, pg_settings s
    WHERE NOT log.redacted AND s.setting <> '0'
      AND (s.name = 'log_parameter_max_length' AND log.statements OR s.name = 'log_parameter_max_length_on_error')
$$;
COMMENT ON FUNCTION bastion_internal.lint_log() IS 'Findings about settings with which the server log shows secrets.';
