
-- bastion.lint(): problems in a database, and the SQL that fixes them. One function for each group of findings, all with the same
-- four columns. It reads the catalog and the records of protect(), and changes nothing.

CREATE TABLE bastion.operator_roles (
    role regrole NOT NULL,
    reason text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operator_roles_pkey PRIMARY KEY (role),
    CONSTRAINT operator_roles_reason_check CHECK (btrim(reason) <> '' AND octet_length(reason) <= 1000)
);
COMMENT ON TABLE bastion.operator_roles IS 'Roles that bypass row security on purpose. Granted to nobody';
COMMENT ON COLUMN bastion.operator_roles.role IS 'The role';
COMMENT ON COLUMN bastion.operator_roles.reason IS 'Why it bypasses row security';
COMMENT ON COLUMN bastion.operator_roles.declared_at IS 'When operator_role_declare() was first called';
SELECT pg_extension_config_dump('bastion.operator_roles',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');

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
    INSERT INTO bastion.operator_roles (role, reason) VALUES (operator_role_declare.role, operator_role_declare.reason)
    ON CONFLICT ON CONSTRAINT operator_roles_pkey DO UPDATE SET reason = excluded.reason;
END
$$;
COMMENT ON FUNCTION bastion.operator_role_declare(regrole, text) IS
'Declares that a role bypasses row security on purpose, for dumps, COPY FROM or migrations: lint() no longer reports it. Grants nothing.
SQLSTATE 22004, 22023 for a reason that is empty or over 1000 bytes, 42704 for an unknown role.';

-- Views

CREATE FUNCTION bastion_internal.lint_views() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
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

-- has_table_privilege() would include inherited privileges; only granted ones can be revoked.
CREATE FUNCTION bastion_internal.lint_grants() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE a.privilege_type WHEN 'REFERENCES' THEN 'warning' ELSE 'error' END, m.member::text,
           format('%s granted to %s: %s', a.privilege_type, g.grantee,
                  CASE a.privilege_type WHEN 'TRUNCATE' THEN 'removes the rows of every tenant, past row security'
                                        WHEN 'TRIGGER' THEN 'a trigger sees the rows of whoever writes them'
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
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN f.application THEN 'error' ELSE 'warning' END, 'role ' || f.role,
           CASE WHEN f.application THEN 'an application role that bypasses row security'
                ELSE 'bypasses row security and is not declared' END,
           CASE WHEN f.application THEN format('ALTER ROLE %s NOSUPERUSER NOBYPASSRLS;', f.role)
                ELSE format('SELECT bastion.operator_role_declare(%L);', f.role) END
    FROM (SELECT r.oid::regrole AS role, r.oid IN (SELECT a FROM bastion_internal.app_roles() a) AS application
          FROM pg_roles r
          WHERE (r.rolsuper OR r.rolbypassrls) AND r.oid <> 10
            AND r.oid <> (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_bastion')) f
    WHERE f.application OR NOT EXISTS (SELECT FROM bastion.operator_roles o WHERE o.role = f.role)
$$;
COMMENT ON FUNCTION bastion_internal.lint_roles() IS 'Findings about roles that bypass row security.';

CREATE FUNCTION bastion_internal.lint_settings() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH dangerous (name, problem) AS (
        VALUES ('bastion.allow_identity_switch', 'one transaction may change its identity'),
               ('bastion.allow_session_token', 'a token of one client may reach the next one of a connection pool')
    )
    SELECT 'error', 'setting ' || d.name, d.problem,
           CASE WHEN s.source = 'session' THEN format('SET %s = off;', d.name)
                ELSE format('ALTER SYSTEM SET %s = off; SELECT pg_reload_conf();', d.name) END
    FROM dangerous d JOIN pg_settings s ON s.name = d.name
    WHERE s.setting = 'on' AND s.source NOT IN ('database', 'user', 'database user')
    UNION ALL
    SELECT 'error', concat('setting ', d.name, ' of ' || g.whose), d.problem, format('ALTER %s RESET %s;', g.whose, d.name)
    FROM dangerous d, pg_db_role_setting s, unnest(s.setconfig) c,
         LATERAL (SELECT concat_ws(' ', CASE WHEN s.setrole <> 0 THEN 'ROLE ' || s.setrole::regrole END,
                                   CASE WHEN s.setrole <> 0 AND s.setdatabase <> 0 THEN 'IN' END,
                                   (SELECT 'DATABASE ' || quote_ident(b.datname) FROM pg_database b WHERE b.oid = s.setdatabase))
                         AS whose) g
    WHERE lower(c) ~ format('^%s=(on|true|yes|1|t|y|tr|tru|ye)$', replace(d.name, '.', '[.]'))
      AND (s.setdatabase = 0 OR s.setdatabase = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))
$$;
COMMENT ON FUNCTION bastion_internal.lint_settings() IS 'Findings about settings that weaken the context.';

CREATE FUNCTION bastion_internal.lint_permissions() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
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

CREATE FUNCTION bastion.lint() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f.* FROM (
        SELECT * FROM bastion_internal.lint_tables() UNION ALL SELECT * FROM bastion_internal.lint_protection()
        UNION ALL SELECT * FROM bastion_internal.lint_policies() UNION ALL SELECT * FROM bastion_internal.lint_leakproof()
        UNION ALL SELECT * FROM bastion_internal.lint_unique() UNION ALL SELECT * FROM bastion_internal.lint_foreign_keys()
        UNION ALL SELECT * FROM bastion_internal.lint_views() UNION ALL SELECT * FROM bastion_internal.lint_grants()
        UNION ALL SELECT * FROM bastion_internal.lint_foreign_code() UNION ALL SELECT * FROM bastion_internal.lint_references()
        UNION ALL SELECT * FROM bastion_internal.lint_roles()
        UNION ALL SELECT * FROM bastion_internal.lint_settings() UNION ALL SELECT * FROM bastion_internal.lint_permissions()) f
    ORDER BY array_position(ARRAY['error', 'warning', 'info'], f.severity), f.object COLLATE "C", f.problem COLLATE "C"
$$;
COMMENT ON FUNCTION bastion.lint() IS
'Lists problems in this database, worst first.
Returns severity (error: rows can be seen or lost; warning; info), the object, the problem, and fix, the SQL that fixes it. Read that SQL before you run it: for a policy, it closes what was open. It finds tables without row security in guarded schemas or granted to an application; protected tables that differ from what protect() wrote, or with other permissive policies, or without indexes; policies with OR, EXISTS, IN, correlated subqueries or PL/pgSQL; functions marked LEAKPROOF, and indexes that row security makes useless; unique indexes and foreign keys that cross tenants; views without security_invoker, and granted materialized views, of protected tables; TRUNCATE, TRIGGER and REFERENCES granted on these tables to an application; foreign triggers and foreign keys on the extension''s own tables, and REFERENCES on these; roles that bypass row security and are not declared; dangerous settings; permissions that do not exist.
Run it as a superuser or as the owner of the extension: other roles do not see every record.';
