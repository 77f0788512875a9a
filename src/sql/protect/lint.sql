
-- bastion.lint(): problems in a database, and the SQL that fixes them. One function for each group of findings, all with the same
-- four columns. It reads the catalog and the records of protect(), and changes nothing.

CREATE TABLE bastion.operator_roles (
    role_name name NOT NULL,
    reason text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operator_roles_pkey PRIMARY KEY (role_name),
    CONSTRAINT operator_roles_reason_check CHECK (btrim(reason) <> '' AND octet_length(reason) <= 1000)
);
COMMENT ON TABLE bastion.operator_roles IS 'Roles that bypass row security on purpose. Granted to nobody';
COMMENT ON COLUMN bastion.operator_roles.role_name IS 'The role. A name, so that a dump can be restored where the role does not exist yet';
COMMENT ON COLUMN bastion.operator_roles.reason IS 'Why it bypasses row security';
COMMENT ON COLUMN bastion.operator_roles.declared_at IS 'When operator_role_declare() was first called';
SELECT pg_extension_config_dump('bastion.operator_roles', '');

-- What a role may become counts, also where it does not inherit: its clients can SET ROLE.
CREATE FUNCTION bastion_internal.powerful_role_of(role oid) RETURNS regrole
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT x.oid::regrole FROM pg_roles x
    WHERE pg_has_role(role, x.oid, 'MEMBER')
      AND (x.rolsuper OR x.rolbypassrls OR x.rolcreaterole OR x.rolreplication
           OR x.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_read_all_data', 'pg_write_all_data')
           OR EXISTS (SELECT FROM bastion.operator_roles o WHERE o.role_name = x.rolname)
           OR EXISTS (SELECT FROM bastion_internal.routines_of('migration') f
                      WHERE f NOT IN (SELECT a FROM bastion_internal.routines_of('application') a) AND has_function_privilege(x.oid, f, 'EXECUTE')))
    ORDER BY x.oid <> role, x.rolname LIMIT 1
$$;
COMMENT ON FUNCTION bastion_internal.powerful_role_of(oid) IS
'A role with rights of an operator or of migrations that this one is or may become; NULL for none. Clients of an application are not to have such a role.';

CREATE FUNCTION bastion.operator_role_declare(role regrole, reason text DEFAULT 'operations') RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF role IS NULL THEN
        RAISE EXCEPTION 'role must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role) THEN
        RAISE EXCEPTION 'role does not exist' USING ERRCODE = 'undefined_object';
    ELSIF coalesce(btrim(reason), '') = '' OR octet_length(reason) > 1000 THEN
        RAISE EXCEPTION 'reason must have 1 to 1000 bytes' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO bastion.operator_roles (role_name, reason)
    SELECT r.rolname, operator_role_declare.reason FROM pg_roles r WHERE r.oid = operator_role_declare.role
    ON CONFLICT ON CONSTRAINT operator_roles_pkey DO UPDATE SET reason = excluded.reason;
END
$$;
COMMENT ON FUNCTION bastion.operator_role_declare(regrole, text) IS
'Declares that a role bypasses row security on purpose, for dumps, COPY FROM or migrations: lint() no longer reports it. Grants nothing.
SQLSTATE 22004, 22023 for a reason that is empty or over 1000 bytes, 42704 for an unknown role.';

-- Views

CREATE FUNCTION bastion_internal.lint_views() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'error', f.relation::text,
           CASE f.kind WHEN 'v' THEN 'reads protected tables with the rights of its owner'
                       ELSE 'holds rows of protected tables without row security, and is granted' END,
           CASE f.kind WHEN 'v' THEN format('ALTER VIEW %s SET (security_invoker = true);', f.relation)
                       ELSE format('REVOKE ALL ON %s FROM %s;', f.relation, f.grantees) END
    FROM (SELECT r.relation, (r.class).relkind AS kind, (r.class).reloptions AS options, (
                     SELECT string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', ')
                     FROM aclexplode((r.class).relacl) a WHERE a.grantee <> (r.class).relowner) AS grantees
          FROM bastion_internal.lint_relations('vm') r) f
    WHERE (f.kind = 'v' AND NOT EXISTS (SELECT FROM pg_options_to_table(f.options) o
                                        WHERE o.option_name = 'security_invoker' AND o.option_value::boolean)
           OR f.kind = 'm' AND f.grantees IS NOT NULL)
      AND EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                  WHERE w.ev_class = f.relation AND d.refclassid = 'pg_class'::regclass
                    AND bastion_internal.protect_root(d.refobjid::regclass) IS NOT NULL)
$$;
COMMENT ON FUNCTION bastion_internal.lint_views() IS 'Findings about views of protected tables.';

CREATE FUNCTION bastion_internal.lint_refreshes() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'warning', r.relation::text, w.problem, bastion_internal.acceptance(r.relation::text, w.problem)
    FROM bastion_internal.lint_relations('m') r JOIN pg_roles o ON o.oid = (r.class).relowner,
         (VALUES ('its owner is under row security: a refresh leaves it empty; a role with BYPASSRLS should own it')) AS w (problem)
    WHERE NOT o.rolsuper AND NOT o.rolbypassrls
      AND EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                  WHERE w.ev_class = r.relation AND d.refclassid = 'pg_class'::regclass
                    AND bastion_internal.protect_root(d.refobjid::regclass) IS NOT NULL)
$$;
COMMENT ON FUNCTION bastion_internal.lint_refreshes() IS 'Findings about materialized views of protected tables whose owner sees no row of these.';

-- has_table_privilege() would include inherited privileges; only granted ones can be revoked.
CREATE FUNCTION bastion_internal.lint_grants() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT CASE a.privilege_type WHEN 'REFERENCES' THEN 'warning' ELSE 'error' END, m.member::text,
           format('%s granted to %s: %s', a.privilege_type, g.grantee,
                  CASE a.privilege_type WHEN 'TRUNCATE' THEN 'removes the rows of every tenant, past row security'
                                        WHEN 'TRIGGER' THEN 'a trigger sees the rows that any user writes'
                                        ELSE 'a foreign key tells which keys exist in every tenant' END),
           format('REVOKE %s ON %s FROM %s;', a.privilege_type, m.member, g.grantee)
    FROM bastion_internal.protected_members() m JOIN pg_class c ON c.oid = m.member, aclexplode(c.relacl) a,
         LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee) g
    WHERE a.privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')
      AND (a.grantee = 0 OR EXISTS (SELECT FROM bastion_internal.app_roles() r WHERE pg_has_role(r, a.grantee, 'MEMBER')))
      AND a.grantee <> c.relowner
$$;
COMMENT ON FUNCTION bastion_internal.lint_grants() IS
'Findings about privileges on protected tables that row security does not restrict, granted to an application.';

-- Roles, settings, permissions

CREATE FUNCTION bastion_internal.lint_roles() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', 'role ' || a, format('an application role that may become %s, which has rights of an operator or of migrations', m.power),
           (SELECT string_agg(format('REVOKE %s FROM %s;', g.roleid::regrole, a), ' ' ORDER BY g.roleid::regrole::text COLLATE "C")
            FROM (SELECT DISTINCT g.roleid FROM pg_auth_members g WHERE g.member = a AND pg_has_role(g.roleid, m.power, 'MEMBER')) g)
    FROM bastion_internal.app_roles() a, bastion_internal.powerful_role_of(a) AS m (power) WHERE m.power <> a
    UNION ALL
    SELECT CASE WHEN f.application THEN 'error' ELSE 'warning' END, 'role ' || f.role,
           CASE WHEN f.application THEN 'an application role that bypasses row security'
                ELSE 'bypasses row security and is not declared' END,
           CASE WHEN f.application THEN format('ALTER ROLE %s NOSUPERUSER NOBYPASSRLS;', f.role)
                ELSE format('SELECT bastion.operator_role_declare(%L);', f.role) END
    FROM (SELECT r.oid::regrole AS role, r.oid IN (SELECT a FROM bastion_internal.app_roles() a) AS application
          FROM pg_roles r
          WHERE (r.rolsuper OR r.rolbypassrls) AND r.oid <> 10
            AND r.oid <> (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_bastion')) f
    WHERE f.application OR NOT EXISTS (SELECT FROM bastion.operator_roles o JOIN pg_roles r ON r.rolname = o.role_name WHERE r.oid = f.role)
$$;
COMMENT ON FUNCTION bastion_internal.lint_roles() IS 'Findings about roles that bypass row security, and about application roles that may become a powerful role.';

CREATE FUNCTION bastion_internal.lint_settings() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    WITH dangerous (name, problem) AS (
        VALUES ('bastion.allow_identity_switch', 'one transaction may change its identity'),
               ('bastion.allow_test_identities', 'a superuser takes any identity without a token: for servers for tests alone'),
               ('bastion.allow_session_token', 'a token of one client may reach the next one of a connection pool')
    ), stored (name, value, whose) AS (
        SELECT lower(split_part(c, '=', 1)), substr(c, strpos(c, '=') + 1),
               concat_ws(' ', CASE WHEN s.setrole <> 0 THEN 'ROLE ' || s.setrole::regrole END,
                         CASE WHEN s.setrole <> 0 AND s.setdatabase <> 0 THEN 'IN' END,
                         (SELECT 'DATABASE ' || quote_ident(b.datname) FROM pg_database b WHERE b.oid = s.setdatabase))
        FROM pg_db_role_setting s, unnest(s.setconfig) c
        WHERE c ILIKE 'bastion.%'
          AND (s.setdatabase = 0 OR s.setdatabase = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))
    )
    SELECT 'error', 'setting ' || d.name, d.problem,
           CASE WHEN s.source = 'session' THEN format('SET %s = off;', d.name)
                ELSE format('ALTER SYSTEM SET %s = off; SELECT pg_reload_conf();', d.name) END
    FROM dangerous d JOIN pg_settings s ON s.name = d.name
    WHERE s.setting = 'on' AND s.source NOT IN ('database', 'user', 'database user')
    UNION ALL
    SELECT 'error', 'setting bastion.development_user', 'who presents no token is this user: for servers for development alone',
           'ALTER SYSTEM RESET bastion.development_user; SELECT pg_reload_conf();'
    WHERE bastion.library_version() IS NOT NULL AND current_setting('bastion.development_user') <> ''
    UNION ALL
    SELECT 'error', concat('setting ', d.name, ' of ' || s.whose), d.problem, format('ALTER %s RESET %s;', s.whose, d.name)
    FROM dangerous d JOIN stored s USING (name)
    WHERE lower(s.value) IN ('on', 'true', 'yes', '1', 't', 'y', 'tr', 'tru', 'ye')
    UNION ALL
    SELECT 'error', concat('setting ', s.name, ' of ' || s.whose), 'stored with an invalid value',
           format('ALTER %s RESET %s;', s.whose, s.name)
    FROM stored s
    WHERE bastion.library_version() IS NOT NULL AND NOT bastion_internal.setting_accepts(s.name, s.value)
    UNION ALL
    SELECT 'error', 'setting ' || r.name, 'stored with an invalid value', format('ALTER SYSTEM RESET %s; SELECT pg_reload_conf();', r.name)
    FROM jsonb_array_elements_text(bastion_internal.library_status() -> 'rejected_settings') r (name)
    WHERE NOT EXISTS (SELECT FROM stored s WHERE s.name = r.name)
$$;
COMMENT ON FUNCTION bastion_internal.lint_settings() IS 'Findings about settings that weaken the context, and about stored values that no setting accepts.';

CREATE FUNCTION bastion_internal.lint_root_keys() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', 'root key ' || m, 'data keys need it, and it is not in use: restore its file, and name it in bastion.root_key',
           'SELECT * FROM bastion.key_status();'
    FROM unnest(bastion_internal.root_keys_missing()) m
$$;
COMMENT ON FUNCTION bastion_internal.lint_root_keys() IS 'Findings about root keys that are needed and not in use.';

CREATE FUNCTION bastion_internal.lint_password_files() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', 'file of new passwords: ' || f.key, 'no new password is accepted: ' || f.value, 'SELECT bastion.status() -> ''password_files'';'
    FROM jsonb_each_text(bastion_internal.password_files()) f WHERE f.value NOT IN ('none', 'usable')
$$;
COMMENT ON FUNCTION bastion_internal.lint_password_files() IS 'Findings about files of the password policy that cannot be used.';

CREATE FUNCTION bastion_internal.lint_permissions() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT DISTINCT 'warning', format('policy %I on %s', p.polname, r.relation), format('unknown permission "%s"', m[1]),
           CASE WHEN m[1] ~ '^[a-z0-9_]+([.][a-z0-9_]+)+$' AND NOT bastion_internal.is_reserved_resource(m[1])
                THEN format('SELECT bastion.resource_register(%L, %L);', regexp_replace(m[1], '[.][^.]*$', ''),
                            '{' || substring(m[1] FROM '[^.]*$') || '}')
                ELSE format('DROP POLICY %I ON %s;', p.polname, r.relation) END
    FROM bastion_internal.lint_relations('rp') r JOIN pg_policy p ON p.polrelid = r.relation,
         concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) e,
         regexp_matches(e, 'bastion[.](?:has_permission|tenant_if_allowed|tenant_number_if_allowed|can_by_acl|can_by_acl_anywhere'
                           '|can_in_tenant|acl_set|tenant_set)[(]''([^'']*)''', 'g') m
    WHERE NOT EXISTS (SELECT FROM bastion.permissions q WHERE q.name = m[1])
      AND NOT (bastion_internal.is_our_policy(p.polname) AND bastion_internal.protect_root(r.relation) IS NOT NULL)
    UNION ALL
    SELECT 'warning', format('role %L', r.name), format('unknown permission "%s"', rp.pattern),
           format('DELETE '
                  'FROM bastion.role_permissions WHERE role_id = %L AND pattern = %L;', rp.role_id, rp.pattern)
    FROM bastion.role_permissions rp JOIN bastion.roles r ON r.id = rp.role_id
    WHERE NOT r.system AND NOT EXISTS (SELECT FROM bastion_internal.permission_patterns q WHERE q.pattern = rp.pattern)
    UNION ALL
    SELECT 'warning', format('user %s', u.user_id), format('unknown permission "%s"', u.pattern),
           format('DELETE '
                  'FROM bastion.user_permissions WHERE id = %L;', u.id)
    FROM bastion.user_permissions u
    WHERE NOT EXISTS (SELECT FROM bastion_internal.permission_patterns q WHERE q.pattern = u.pattern)
$$;
COMMENT ON FUNCTION bastion_internal.lint_permissions() IS
'Findings about permissions that are not registered: checks for them are always false.';

-- Accepted findings

CREATE TABLE bastion.accepted_findings (
    object text COLLATE "C" NOT NULL,
    problem text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accepted_findings_pkey PRIMARY KEY (object, problem),
    CONSTRAINT accepted_findings_reason_check CHECK (btrim(reason) <> '' AND octet_length(reason) <= 1000)
);
COMMENT ON TABLE bastion.accepted_findings IS 'Findings of lint() that stay as they are on purpose. Granted to nobody';
COMMENT ON COLUMN bastion.accepted_findings.object IS 'The object, as lint() names it';
COMMENT ON COLUMN bastion.accepted_findings.problem IS 'The problem, as lint() names it, up to a colon: numbers and examples follow there';
COMMENT ON COLUMN bastion.accepted_findings.reason IS 'Why it stays';
COMMENT ON COLUMN bastion.accepted_findings.accepted_at IS 'When lint_accept() was first called';
ALTER TABLE bastion.accepted_findings ENABLE ROW LEVEL SECURITY;
SELECT pg_extension_config_dump('bastion.accepted_findings', '');

CREATE FUNCTION bastion_internal.problem_kind(problem text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT split_part(problem, ': ', 1) $$;
COMMENT ON FUNCTION bastion_internal.problem_kind(text) IS 'A problem of lint() without numbers and examples.';

CREATE FUNCTION bastion.lint_accept(object text, problem text, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF object IS NULL OR problem IS NULL THEN
        RAISE EXCEPTION 'object and problem must not be null' USING ERRCODE = 'null_value_not_allowed';
    ELSIF octet_length(object) > 1000 OR octet_length(problem) > 4000 THEN
        RAISE EXCEPTION 'object or problem is too long' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Both are those of a finding of lint().';
    ELSIF reason IS NULL THEN
        DELETE FROM bastion.accepted_findings a
        WHERE a.object = lint_accept.object AND a.problem = bastion_internal.problem_kind(lint_accept.problem);
    ELSIF btrim(reason) = '' OR octet_length(reason) > 1000 THEN
        RAISE EXCEPTION 'reason must have 1 to 1000 bytes' USING ERRCODE = 'invalid_parameter_value';
    ELSE
        INSERT INTO bastion.accepted_findings (object, problem, reason)
        VALUES (lint_accept.object, bastion_internal.problem_kind(lint_accept.problem), lint_accept.reason)
        ON CONFLICT ON CONSTRAINT accepted_findings_pkey DO UPDATE SET reason = excluded.reason;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion.lint_accept(text, text, text) IS
'Accepts a finding of lint(), with a reason: lint() then shows it last, with the severity accepted. object and problem are as lint() shows them. Without a reason, the finding is no longer accepted.
For superusers and the owner of the extension.
SQLSTATE 22004, 22023 for a reason that is empty or over 1000 bytes and for texts that are too long, 42501.';

CREATE FUNCTION bastion_internal.with_acceptance(INOUT severity text, INOUT object text, INOUT problem text, INOUT fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN a.reason IS NULL THEN f.severity ELSE 'accepted' END, f.object, concat(f.problem, ': accepted, ' || a.reason),
           coalesce(f.fix, bastion_internal.acceptance(f.object, f.problem))
    FROM (SELECT with_acceptance.severity, with_acceptance.object, with_acceptance.problem, with_acceptance.fix) f
    LEFT JOIN bastion.accepted_findings a ON a.object = f.object AND a.problem = bastion_internal.problem_kind(f.problem)
$$;
COMMENT ON FUNCTION bastion_internal.with_acceptance(text, text, text, text) IS
'A finding as lint() shows it: accepted with its reason, or with the call that would accept it where nothing else fixes it.';

-- The findings about tables.
CREATE FUNCTION bastion_internal.lint_owned() RETURNS TABLE (severity text, object text, problem text, fix text, owner oid)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT shown.*,
           (SELECT c.relowner FROM pg_class c WHERE c.oid = to_regclass(regexp_replace(f.object, '^(policy|constraint) .* on ', '')))
    FROM (SELECT * FROM bastion_internal.lint_tables() UNION ALL SELECT * FROM bastion_internal.lint_protection()
          UNION ALL SELECT * FROM bastion_internal.lint_records() UNION ALL SELECT * FROM bastion_internal.lint_global_tables()
          UNION ALL SELECT * FROM bastion_internal.lint_policies() UNION ALL SELECT * FROM bastion_internal.lint_supabase_policies()
          UNION ALL SELECT * FROM bastion_internal.lint_supabase_references() UNION ALL SELECT * FROM bastion_internal.lint_indexes()
          UNION ALL SELECT * FROM bastion_internal.lint_searches() UNION ALL SELECT * FROM bastion_internal.lint_statistics()
          UNION ALL SELECT u.severity, u.object, u.problem, bastion_internal.fix_of_unique(to_regclass(u.object), u.fix) FROM bastion_internal.lint_unique() u
          UNION ALL SELECT * FROM bastion_internal.lint_foreign_keys()
          UNION ALL SELECT * FROM bastion_internal.lint_views() UNION ALL SELECT * FROM bastion_internal.lint_refreshes()
          UNION ALL SELECT * FROM bastion_internal.lint_grants() UNION ALL SELECT * FROM bastion_internal.lint_audit() a WHERE a.object !~ '^event trigger ') f,
         bastion_internal.with_acceptance(f.severity, f.object, f.problem, f.fix) shown
$$;
COMMENT ON FUNCTION bastion_internal.lint_owned() IS 'The findings of lint() about tables, views and what belongs to them, with their owners.';

-- SECURITY DEFINER, because the owner of a table may not read all records. The findings are about the catalog and name no tenant,
-- user or value. A caller with SET ROLE gets what its login may know; lint() keeps what the role owns.
CREATE FUNCTION bastion_internal.lint_mine() RETURNS TABLE (severity text, object text, problem text, fix text, owner oid)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM bastion_internal.lint_owned() f WHERE pg_has_role(session_user, f.owner, 'USAGE') $$;
COMMENT ON FUNCTION bastion_internal.lint_mine() IS 'The findings of lint_owned() about tables of the session user.';
SELECT bastion_internal.callable_by('bastion_internal.lint_mine()', 'migration');

CREATE FUNCTION bastion_internal.lint_database(with_rows boolean) RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT shown.*
    FROM (SELECT * FROM bastion_internal.lint_leakproof()
          UNION ALL SELECT * FROM bastion_internal.lint_foreign_code() UNION ALL SELECT * FROM bastion_internal.lint_references()
          UNION ALL SELECT * FROM bastion_internal.lint_restored() UNION ALL SELECT * FROM bastion_internal.lint_roles() UNION ALL SELECT * FROM bastion_internal.lint_settings()
          UNION ALL SELECT * FROM bastion_internal.lint_sealed() UNION ALL SELECT * FROM bastion_internal.lint_root_keys() UNION ALL SELECT * FROM bastion_internal.lint_password_files() UNION ALL SELECT * FROM bastion_internal.lint_issuers() UNION ALL SELECT * FROM bastion_internal.lint_log()
          UNION ALL SELECT * FROM bastion_internal.lint_audit() a WHERE a.object ~ '^event trigger ' UNION ALL SELECT * FROM bastion_internal.lint_sealing()
          UNION ALL SELECT * FROM bastion_internal.lint_permissions() UNION ALL SELECT * FROM bastion_internal.lint_due() UNION ALL SELECT t.* FROM bastion_internal.lint_tenants() t WHERE with_rows) f,
         bastion_internal.with_acceptance(f.severity, f.object, f.problem, f.fix) shown
$$;
COMMENT ON FUNCTION bastion_internal.lint_database(boolean) IS
'The other findings of lint(), about functions, roles, settings, permissions and, where asked for, rows.';

CREATE FUNCTION bastion.lint(scope text DEFAULT 'all') RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off  -- acceptances are by name
AS $$
DECLARE
    severities text[] := '{error,warning,info,accepted}';
BEGIN
    IF scope IS NULL OR scope NOT IN ('all', 'mine') THEN
        RAISE EXCEPTION 'scope must be ''all'' or ''mine''' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF scope = 'mine' THEN
        RETURN QUERY SELECT f.severity, f.object, f.problem, f.fix FROM bastion_internal.lint_mine() f WHERE pg_has_role(f.owner, 'USAGE')
            ORDER BY array_position(severities, f.severity), f.object COLLATE "C", f.problem COLLATE "C";
        RETURN;
    END IF;
    RETURN QUERY SELECT f.* FROM (
        SELECT o.severity, o.object, o.problem, o.fix FROM bastion_internal.lint_owned() o
        UNION ALL SELECT d.* FROM bastion_internal.lint_database(true) d) f
        ORDER BY array_position(severities, f.severity), f.object COLLATE "C", f.problem COLLATE "C";
END
$$;
COMMENT ON FUNCTION bastion.lint(text) IS
'Lists problems in this database, worst first.
Returns severity (error: rows can be seen or lost; warning; info), the object, the problem, and fix, the SQL that fixes it. Read that SQL before you run it: for a policy, it closes what was open; where only people can decide, it accepts the finding. Accepted findings come last, so that a test can count the others. scope mine lists the findings about relations of the current role, without those that need to read rows. It finds tables without row security in guarded schemas or granted to an application; protected tables that differ from what protect() wrote, or with other permissive policies, or without indexes; policies with OR, EXISTS, IN, correlated subqueries or PL/pgSQL; policies and foreign keys over Supabase Auth; functions marked LEAKPROOF, and indexes or columns of them that are no condition under row security; columns for full-text search without an index; partitioned tables that were never analyzed; tables with policies of protect() and no record of it; rows whose tenant does not exist; global tables that an application may change; unique indexes and foreign keys that cross tenants; views without security_invoker, granted materialized views, and those that their owner cannot refresh, of protected tables; TRUNCATE, TRIGGER and REFERENCES granted on these tables to an application; foreign triggers and foreign keys on the extension''s own tables, and REFERENCES on these; roles that bypass row security and are not declared; dangerous settings, and stored values that their setting does not accept; root keys that are needed and not in use; permissions that do not exist; keys of issuers that were skipped; settings with which the server log shows secrets; tables under audit whose changes are not on record, with their owner, and entries that are not sealed or cosigned in time (audit_drift()).
scope all is for superusers and the owner of the extension, mine also for migration roles.
SQLSTATE 22023 for another scope, 42501.';
SELECT bastion_internal.callable_by('bastion.lint(text)', 'migration');

-- SECURITY DEFINER, for monitoring roles. It reads the catalog and the extension's own tables, and no row of others.
CREATE FUNCTION bastion.lint_summary() RETURNS TABLE (severity text, problem text, findings bigint)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off  -- acceptances are by name
AS $$
    SELECT f.severity, bastion_internal.problem_kind(f.problem), count(*)
    FROM (SELECT o.severity, o.problem FROM bastion_internal.lint_owned() o
          UNION ALL SELECT d.severity, d.problem FROM bastion_internal.lint_database(false) d) f
    GROUP BY f.severity, bastion_internal.problem_kind(f.problem)
    ORDER BY array_position('{error,warning,info,accepted}'::text[], f.severity), bastion_internal.problem_kind(f.problem) COLLATE "C"
$$;
COMMENT ON FUNCTION bastion.lint_summary() IS
'Counts the findings of lint() by severity and problem, without the objects, and without those that need to read rows.
For superusers, the owner of the extension and monitoring roles.';
SELECT bastion_internal.callable_by('bastion.lint_summary()', 'monitoring');
