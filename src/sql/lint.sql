-- bastion.lint(): what is wrong in a database, and the SQL that mends it. One function for each group of findings, all of them
-- of the same four columns. It reads the catalog and the records of protect(), and changes nothing.

CREATE TABLE bastion.operator_roles (
    role regrole NOT NULL,
    reason text NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT operator_roles_pkey PRIMARY KEY (role),
    CONSTRAINT operator_roles_reason_check CHECK (btrim(reason) <> '' AND octet_length(reason) <= 1000)
);
COMMENT ON TABLE bastion.operator_roles IS 'Roles that bypass row security on purpose. Granted to nobody';
COMMENT ON COLUMN bastion.operator_roles.role IS 'The role';
COMMENT ON COLUMN bastion.operator_roles.reason IS 'What it is for';
COMMENT ON COLUMN bastion.operator_roles.declared_at IS 'When declare_operator_role() was first called';
SELECT pg_extension_config_dump('bastion.operator_roles',
    'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');

CREATE FUNCTION bastion.declare_operator_role(role regrole, reason text DEFAULT 'operations') RETURNS void
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
    INSERT INTO bastion.operator_roles (role, reason) VALUES (declare_operator_role.role, declare_operator_role.reason)
    ON CONFLICT ON CONSTRAINT operator_roles_pkey DO UPDATE SET reason = excluded.reason;
END
$$;
COMMENT ON FUNCTION bastion.declare_operator_role(regrole, text) IS
'Says that a role bypasses row security on purpose, for dumps, COPY FROM or migrations: lint() no longer names it. It grants nothing. SQLSTATE 22004, 22023 for a reason that is empty or over 1000 bytes, 42704 for an unknown role.';

-- What is looked at

CREATE FUNCTION bastion.app_roles() RETURNS SETOF regrole
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT a.grantee::regrole FROM pg_proc p, aclexplode(p.proacl) a
    WHERE p.oid = 'bastion.authenticate(text, text, text)'::regprocedure AND a.grantee <> 0 AND a.grantee <> p.proowner
$$;
COMMENT ON FUNCTION bastion.app_roles() IS 'The roles that allow_app_role() admitted. Internal.';

CREATE FUNCTION bastion.is_ours(object oid, catalog regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_depend d WHERE d.classid = catalog AND d.objid = object AND d.deptype = 'e')
$$;
COMMENT ON FUNCTION bastion.is_ours(oid, regclass) IS 'Whether an object belongs to an extension. Internal.';

CREATE FUNCTION bastion.lint_relations(kinds text) RETURNS TABLE (relation regclass, class pg_class)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.oid::regclass, c FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind::text = ANY (string_to_array(kinds, NULL)) AND c.relpersistence <> 't' AND c.oid >= 16384
      AND n.nspname <> ALL (ARRAY['pg_catalog', 'information_schema', 'pg_toast', 'bastion', 'bastion_api'])
      AND NOT bastion.is_ours(c.oid, 'pg_class')
$$;
COMMENT ON FUNCTION bastion.lint_relations(text) IS 'The relations of a database that are of no extension, by kind. Internal.';

CREATE FUNCTION bastion.protected_members() RETURNS TABLE (spec bastion.protected_tables, member regclass)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p, t.member FROM bastion.protected_tables p, bastion.protect_tree(p.relation) t
    WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation)
$$;
COMMENT ON FUNCTION bastion.protected_members() IS 'Every protected table, with its partitions and children. Internal.';

CREATE FUNCTION bastion.protect_call(spec bastion.protected_tables) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT bastion.protect(%L, tenant => %L, owner => %L, resource => %L, actions => %L, existing => %L, '
                  'tenant_fk => %s, citus => %s, sharing => %L, visibility => %L, acl => %L);',
                  spec.relation, spec.tenant_column, spec.owner_column, spec.resource, spec.options -> 'actions',
                  spec.options ->> 'existing', spec.options ->> 'tenant_fk', spec.options ->> 'citus', spec.options ->> 'sharing',
                  coalesce(spec.options ->> 'visibility', 'tenant'), coalesce(spec.options ->> 'acl_column', 'acl_id'))
$$;
COMMENT ON FUNCTION bastion.protect_call(bastion.protected_tables) IS 'The call that repeats a protection. Internal.';

-- Tables

CREATE FUNCTION bastion.lint_tables() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN NOT f.enabled THEN 'error' WHEN NOT f.forced THEN 'warning' ELSE 'info' END, f.relation::text,
           CASE WHEN NOT f.enabled THEN 'row security is off'
                WHEN NOT f.forced THEN 'row security does not bind the owner of the table'
                ELSE 'row security without a policy: nobody sees a row' END,
           CASE WHEN f.tenant_column AND f.whole THEN format('SELECT bastion.protect(%L);', f.relation)
                WHEN NOT (f.enabled AND f.forced)
                THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', f.relation)
                ELSE format('SELECT bastion.mark_global(%L, %L);', f.relation, 'reviewed: all tenants share it') END
    FROM (SELECT r.relation, (r.class).relrowsecurity AS enabled, (r.class).relforcerowsecurity AS forced,
                 NOT (r.class).relispartition AS whole,
                 EXISTS (SELECT FROM bastion.column_state(r.relation, 'tenant_id') c
                         WHERE c.base_type = ANY ('{uuid,text,character varying,bigint,integer}'::regtype[])) AS tenant_column,
                 EXISTS (SELECT FROM bastion.guarded_schemas g JOIN pg_namespace n ON n.nspname = g.schema_name
                         WHERE n.oid = (r.class).relnamespace) AS guarded,
                 EXISTS (SELECT FROM bastion.app_roles() a
                         WHERE has_table_privilege(a, r.relation, 'SELECT, INSERT, UPDATE, DELETE')) AS granted,
                 EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = r.relation) AS has_policy
          FROM bastion.lint_relations('rp') r
          WHERE bastion.protect_root(r.relation) IS NULL AND NOT bastion.is_global(r.relation)) f
    WHERE (f.guarded OR f.granted) AND NOT (f.enabled AND f.forced) OR f.guarded AND f.enabled AND f.forced AND NOT f.has_policy
$$;
COMMENT ON FUNCTION bastion.lint_tables() IS
'Findings about tables that are neither protected nor global, in guarded schemas or granted to an application. Internal.';

CREATE FUNCTION bastion.lint_protection() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', p.relation::text, string_agg(d.problem, '; ' ORDER BY s.place), bastion.protect_call(p)
    FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation,
         bastion.protection_problems(p) WITH ORDINALITY AS s (problem, place),
         -- these have findings of their own
         LATERAL (SELECT regexp_replace(s.problem, '(, )?permissive policy "[^"]*" is not of protect\(\)', '', 'g') AS problem) d
    WHERE d.problem !~ '^no index begins with' AND d.problem !~ '^([^ ]+: )?$'
    GROUP BY p.relation, p.*
    UNION ALL
    SELECT 'error', format('policy %I on %s', f, m.member), 'permissive, and not of protect(): it lets rows be seen beside it',
           format('DROP POLICY %I ON %s;', f, m.member)
    FROM bastion.protected_members() m, bastion.foreign_policies(m.member) f
    WHERE (m.spec).options ->> 'existing' <> 'keep'
    UNION ALL
    SELECT 'warning', p.relation::text, format('no index begins with column "%s"', n),
           format('CREATE INDEX ON %s (%I);', p.relation, n)
    FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation, unnest(bastion.key_columns(p)) n
    WHERE NOT bastion.has_tenant_index(p.relation, n) AND EXISTS (SELECT FROM bastion.column_state(p.relation, n))
$$;
COMMENT ON FUNCTION bastion.lint_protection() IS
'Findings about protected tables that are not as protect() left them. Internal.';

-- Policies. The stored tree, not its text, is searched: a literal or a name cannot look like an operator there.

CREATE FUNCTION bastion.lint_policies() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', format('policy %I on %s', p.polname, r.relation), f.problem,
           CASE WHEN p.polpermissive THEN format('DROP POLICY %I ON %s;', p.polname, r.relation)
                ELSE format('ALTER POLICY %I ON %s', p.polname, r.relation)
                     || CASE WHEN p.polqual IS NULL THEN '' ELSE ' USING (false)' END
                     || CASE WHEN p.polwithcheck IS NULL THEN '' ELSE ' WITH CHECK (false)' END || ';' END
    FROM bastion.lint_relations('rp') r JOIN pg_policy p ON p.polrelid = r.relation,
         LATERAL (SELECT concat_ws(' ', p.polqual::text, p.polwithcheck::text) AS tree) t,
         LATERAL (SELECT CASE
             WHEN t.tree ~ ':varlevelsup [1-9]' THEN 'a correlated subquery runs for every row'
             WHEN t.tree ~ ':subLinkType [012] ' THEN 'EXISTS or IN with a subquery is no index key'
             WHEN t.tree ~ ':boolop or ' THEN 'OR keeps the planner from using an index'
             WHEN EXISTS (SELECT FROM regexp_matches(t.tree, ':funcid (\d+)', 'g') m JOIN pg_proc f ON f.oid = m[1]::oid
                          JOIN pg_language l ON l.oid = f.prolang AND l.lanname = 'plpgsql')
             THEN 'a PL/pgSQL function runs for every row' END AS problem) f
    WHERE f.problem IS NOT NULL
      AND NOT (bastion.is_our_policy(p.polname) AND bastion.protect_root(r.relation) IS NOT NULL)
$$;
COMMENT ON FUNCTION bastion.lint_policies() IS
'Findings about policies that make every query slow. The SQL closes what they opened: write a comparison with (SELECT bastion.tenant_if_allowed(…)) instead. Internal.';

CREATE FUNCTION bastion.lint_leakproof() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', p.oid::regprocedure::text, 'LEAKPROOF, so that it runs ahead of policies, on the rows of everybody',
           format('ALTER ROUTINE %s NOT LEAKPROOF;', p.oid::regprocedure)
    FROM pg_proc p WHERE p.proleakproof AND p.oid >= 16384 AND NOT bastion.is_ours(p.oid, 'pg_proc')
    UNION ALL
    SELECT 'info', i.indexrelid::regclass::text,
           'no operator of this index is leakproof: under row security it serves nobody but roles that bypass it',
           format('DROP INDEX %s;', i.indexrelid::regclass)
    FROM bastion.protected_members() m JOIN pg_index i ON i.indrelid = m.member AND NOT i.indisunique
    JOIN pg_class c ON c.oid = i.indexrelid AND NOT c.relispartition
    WHERE NOT EXISTS (
        SELECT FROM unnest(i.indclass::oid[]) k JOIN pg_opclass oc ON oc.oid = k
        JOIN pg_amop o ON o.amopfamily = oc.opcfamily AND o.amoplefttype IN (oc.opcintype, 'anyarray'::regtype)
        JOIN pg_operator op ON op.oid = o.amopopr JOIN pg_proc f ON f.oid = op.oprcode
        WHERE f.proleakproof)
$$;
COMMENT ON FUNCTION bastion.lint_leakproof() IS
'Findings about functions and operators that run before or cannot run before a policy. Internal.';

-- Keys that reach into other tenants

CREATE FUNCTION bastion.lint_unique() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', i.indexrelid::regclass::text, 'unique across tenants: an error tells what another tenant has',
           CASE WHEN k.oid IS NOT NULL
                THEN format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I UNIQUE (%I, %s);',
                            m.member, k.conname, (m.spec).tenant_column, l.columns)
                ELSE format('DROP INDEX %s; CREATE UNIQUE INDEX %I ON %s (%I, %s)%s;', i.indexrelid::regclass, c.relname, m.member,
                            (m.spec).tenant_column, l.columns, ' WHERE ' || pg_get_expr(i.indpred, i.indrelid)) END
    FROM bastion.protected_members() m
    JOIN pg_index i ON i.indrelid = m.member AND i.indisunique AND NOT i.indisprimary
    JOIN pg_class c ON c.oid = i.indexrelid AND NOT c.relispartition
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'u',
    LATERAL (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, false), ', ' ORDER BY n) AS columns
             FROM generate_series(1, i.indnkeyatts) n) l
    -- what nobody can guess or choose tells nothing
    WHERE NOT EXISTS (SELECT FROM pg_attribute a
                      WHERE a.attrelid = m.member AND a.attnum = ANY (i.indkey)
                        AND (a.attname = (m.spec).tenant_column OR a.atttypid = 'uuid'::regtype OR a.attidentity <> ''))
$$;
COMMENT ON FUNCTION bastion.lint_unique() IS 'Findings about unique indexes without the tenant. Internal.';

CREATE FUNCTION bastion.foreign_key_action(code "char", columns text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE code WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN concat('SET NULL', ' (' || columns || ')')
                     WHEN 'd' THEN concat('SET DEFAULT', ' (' || columns || ')') ELSE 'NO ACTION' END
$$;
COMMENT ON FUNCTION bastion.foreign_key_action("char", text) IS
'pg_constraint.confdeltype or confupdtype in words, for these columns. Internal.';

CREATE FUNCTION bastion.has_unique_columns(relation regclass, columns name[]) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_index i
        WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid AND i.indimmediate
          AND i.indnkeyatts = cardinality(columns)
          AND columns @> ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum = ANY (i.indkey)))
$$;
COMMENT ON FUNCTION bastion.has_unique_columns(regclass, name[]) IS
'Whether a foreign key may refer to these columns of a table. Internal.';

CREATE FUNCTION bastion.lint_foreign_keys() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', format('constraint %I on %s', k.conname, m.member),
           format('a row may name one of another tenant in %s', t.member),
           CASE WHEN bastion.has_unique_columns(t.member, ARRAY[(t.spec).tenant_column] || l.target_names) THEN ''
                ELSE format('ALTER TABLE %s ADD UNIQUE (%I, %s); ', t.member, (t.spec).tenant_column, l.target) END
           || format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I FOREIGN KEY (%I, %s) REFERENCES %s (%I, %s)'
                     ' ON UPDATE %s ON DELETE %s%s;', m.member, k.conname, (m.spec).tenant_column, l.source, t.member,
                     (t.spec).tenant_column, l.target, bastion.foreign_key_action(k.confupdtype, NULL),
                     bastion.foreign_key_action(k.confdeltype, l.source),
                     CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END)
    FROM bastion.protected_members() m
    JOIN pg_constraint k ON k.conrelid = m.member AND k.contype = 'f' AND k.conparentid = 0
    JOIN bastion.protected_members() t ON t.member = k.confrelid,
    LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY c.place) AS source,
                    string_agg(quote_ident(b.attname), ', ' ORDER BY c.place) AS target,
                    array_agg(b.attname ORDER BY c.place) AS target_names,
                    bool_or(a.attname = (m.spec).tenant_column AND b.attname = (t.spec).tenant_column) AS same_tenant
             FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS c (source, target, place)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.source
             JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = c.target) l
    WHERE NOT l.same_tenant
$$;
COMMENT ON FUNCTION bastion.lint_foreign_keys() IS
'Findings about foreign keys between protected tables that do not compare the tenant. Internal.';

-- Views

CREATE FUNCTION bastion.lint_views() RETURNS TABLE (severity text, object text, problem text, fix text)
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
          FROM bastion.lint_relations('vm') r) f
    WHERE (f.kind = 'v' AND NOT EXISTS (SELECT FROM pg_options_to_table(f.options) o
                                        WHERE o.option_name = 'security_invoker' AND o.option_value::boolean)
           OR f.kind = 'm' AND f.grantees IS NOT NULL)
      AND EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                  WHERE w.ev_class = f.relation AND d.refclassid = 'pg_class'::regclass
                    AND bastion.protect_root(d.refobjid::regclass) IS NOT NULL)
$$;
COMMENT ON FUNCTION bastion.lint_views() IS 'Findings about views of protected tables. Internal.';

-- has_table_privilege() would count what a role inherits; what is granted is what can be revoked.
CREATE FUNCTION bastion.lint_grants() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE a.privilege_type WHEN 'REFERENCES' THEN 'warning' ELSE 'error' END, m.member::text,
           format('%s granted to %s: %s', a.privilege_type, g.grantee,
                  CASE a.privilege_type WHEN 'TRUNCATE' THEN 'removes the rows of every tenant, past row security'
                                        WHEN 'TRIGGER' THEN 'a trigger sees the rows of whoever writes them'
                                        ELSE 'a foreign key tells which keys exist in every tenant' END),
           format('REVOKE %s ON %s FROM %s;', a.privilege_type, m.member, g.grantee)
    FROM bastion.protected_members() m JOIN pg_class c ON c.oid = m.member, aclexplode(c.relacl) a,
         LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee) g
    WHERE a.privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')
      AND (a.grantee = 0 OR EXISTS (SELECT FROM bastion.app_roles() r WHERE pg_has_role(r, a.grantee, 'MEMBER')))
      AND a.grantee <> c.relowner
$$;
COMMENT ON FUNCTION bastion.lint_grants() IS
'Findings about privileges on protected tables that row security does not narrow, granted to an application. Internal.';

-- Roles, settings, permissions

CREATE FUNCTION bastion.lint_roles() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN f.application THEN 'error' ELSE 'warning' END, 'role ' || f.role,
           CASE WHEN f.application THEN 'an application role that bypasses row security'
                ELSE 'bypasses row security and is not declared' END,
           CASE WHEN f.application THEN format('ALTER ROLE %s NOSUPERUSER NOBYPASSRLS;', f.role)
                ELSE format('SELECT bastion.declare_operator_role(%L);', f.role) END
    FROM (SELECT r.oid::regrole AS role, r.oid IN (SELECT a FROM bastion.app_roles() a) AS application
          FROM pg_roles r
          WHERE (r.rolsuper OR r.rolbypassrls) AND r.oid <> 10
            AND r.oid <> (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_bastion')) f
    WHERE f.application OR NOT EXISTS (SELECT FROM bastion.operator_roles o WHERE o.role = f.role)
$$;
COMMENT ON FUNCTION bastion.lint_roles() IS 'Findings about roles that bypass row security. Internal.';

CREATE FUNCTION bastion.lint_settings() RETURNS TABLE (severity text, object text, problem text, fix text)
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
    WHERE lower(c) ~ format('^%s=(on|true|yes|1|t|y|tr|tru|ye)$', replace(d.name, '.', '\.'))
      AND (s.setdatabase = 0 OR s.setdatabase = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))
$$;
COMMENT ON FUNCTION bastion.lint_settings() IS 'Findings about settings that weaken the context. Internal.';

CREATE FUNCTION bastion.lint_permissions() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT 'warning', format('policy %I on %s', p.polname, r.relation), format('unknown permission "%s"', m[1]),
           CASE WHEN m[1] ~ '^[a-z0-9_]+(\.[a-z0-9_]+)+$' AND NOT bastion.is_reserved_resource(m[1])
                THEN format('SELECT bastion.register_resource(%L, %L);', regexp_replace(m[1], '\.[^.]*$', ''),
                            '{' || substring(m[1] FROM '[^.]*$') || '}')
                ELSE format('DROP POLICY %I ON %s;', p.polname, r.relation) END
    FROM bastion.lint_relations('rp') r JOIN pg_policy p ON p.polrelid = r.relation,
         concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) e,
         regexp_matches(e, 'bastion\.(?:has_permission|tenant_if_allowed|tenant_number_if_allowed|can_by_acl|can_by_acl_anywhere'
                           '|can_in_tenant|acl_set|tenant_set)\(''([^'']*)''', 'g') m
    WHERE NOT EXISTS (SELECT FROM bastion.permissions q WHERE q.name = m[1])
      AND NOT (bastion.is_our_policy(p.polname) AND bastion.protect_root(r.relation) IS NOT NULL)
    UNION ALL
    SELECT 'warning', format('role %L', r.name), format('unknown permission "%s"', rp.pattern),
           format('DELETE '
                  'FROM bastion.role_permissions WHERE role_id = %L AND pattern = %L;', rp.role_id, rp.pattern)
    FROM bastion.role_permissions rp JOIN bastion.roles r ON r.id = rp.role_id
    WHERE NOT r.system AND NOT EXISTS (SELECT FROM bastion.permission_patterns q WHERE q.pattern = rp.pattern)
    UNION ALL
    SELECT 'warning', format('user %s', u.user_id), format('unknown permission "%s"', u.pattern),
           format('DELETE '
                  'FROM bastion.user_permissions WHERE id = %L;', u.id)
    FROM bastion.user_permissions u
    WHERE NOT EXISTS (SELECT FROM bastion.permission_patterns q WHERE q.pattern = u.pattern)
$$;
COMMENT ON FUNCTION bastion.lint_permissions() IS
'Findings about permissions that no resource registered: checks for them are always false. Internal.';

CREATE FUNCTION bastion.lint() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f.* FROM (
        SELECT * FROM bastion.lint_tables() UNION ALL SELECT * FROM bastion.lint_protection()
        UNION ALL SELECT * FROM bastion.lint_policies() UNION ALL SELECT * FROM bastion.lint_leakproof()
        UNION ALL SELECT * FROM bastion.lint_unique() UNION ALL SELECT * FROM bastion.lint_foreign_keys()
        UNION ALL SELECT * FROM bastion.lint_views() UNION ALL SELECT * FROM bastion.lint_grants()
        UNION ALL SELECT * FROM bastion.lint_roles()
        UNION ALL SELECT * FROM bastion.lint_settings() UNION ALL SELECT * FROM bastion.lint_permissions()) f
    ORDER BY array_position(ARRAY['error', 'warning', 'info'], f.severity), f.object COLLATE "C", f.problem COLLATE "C"
$$;
COMMENT ON FUNCTION bastion.lint() IS
'What is wrong in this database, worst first: severity error (rows can be seen or lost), warning or info; the object; the problem; and fix, SQL that mends it, to be read before it is run: of a policy it closes what was open. Tables of guarded schemas and tables granted to an application without row security; protected tables not as protect() left them, or with other permissive policies, or without indexes; policies with OR, EXISTS, IN, correlated subqueries or PL/pgSQL; functions marked LEAKPROOF, and indexes that are of no use under row security; unique indexes and foreign keys that cross tenants; views without security_invoker and granted materialized views of protected tables; TRUNCATE, TRIGGER and REFERENCES granted on them to an application; roles that bypass row security and are not declared; dangerous settings; permissions that do not exist. Run it as a superuser or the owner of the extension: others do not see every record.';
