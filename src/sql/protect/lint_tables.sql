
-- The findings of lint() about tables, their policies and their keys.

CREATE FUNCTION bastion_internal.app_roles() RETURNS SETOF regrole
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT a.grantee::regrole FROM pg_proc p, aclexplode(p.proacl) a
    WHERE p.oid = 'bastion.authenticate(text, text, text)'::regprocedure AND a.grantee <> 0 AND a.grantee <> p.proowner
$$;
COMMENT ON FUNCTION bastion_internal.app_roles() IS 'The roles that allow_app_role() admitted.';

CREATE FUNCTION bastion_internal.is_ours(object oid, catalog regclass) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_depend d WHERE d.classid = catalog AND d.objid = object AND d.deptype = 'e')
$$;
COMMENT ON FUNCTION bastion_internal.is_ours(oid, regclass) IS 'Whether an object belongs to an extension.';

CREATE FUNCTION bastion_internal.lint_relations(kinds text) RETURNS TABLE (relation regclass, class pg_class)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.oid::regclass, c FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind::text = ANY (string_to_array(kinds, NULL)) AND c.relpersistence <> 't' AND c.oid >= 16384
      AND n.nspname <> ALL (ARRAY['pg_catalog', 'information_schema', 'pg_toast', 'bastion', 'bastion_api', 'bastion_internal', 'bastion_test'])
      AND NOT bastion_internal.is_ours(c.oid, 'pg_class')
$$;
COMMENT ON FUNCTION bastion_internal.lint_relations(text) IS 'The relations of these kinds that belong to no extension.';

CREATE FUNCTION bastion_internal.protected_members() RETURNS TABLE (spec bastion.protected_tables, member regclass)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT bastion_internal.protection_now(p), t.member FROM bastion.protected_tables p, bastion_internal.protect_tree(p.relation) t
    WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation)
$$;
COMMENT ON FUNCTION bastion_internal.protected_members() IS 'Every protected table, with its partitions and children.';
SELECT bastion_internal.callable_by('bastion_internal.protected_members()', 'migration');

CREATE FUNCTION bastion_internal.global_keys(spec bastion.protected_tables) RETURNS name[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(SELECT k::name FROM jsonb_array_elements_text(spec.options -> 'global_keys') k)
$$;
COMMENT ON FUNCTION bastion_internal.global_keys(bastion.protected_tables) IS 'The keys that protect(global_keys => ...) declared unique across tenants.';
SELECT bastion_internal.callable_by('bastion_internal.global_keys(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.protect_call(spec bastion.protected_tables) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT bastion.protect(%L, tenant_column => %L, owner_column => %L, resource => %L, actions => %L, existing => %L, '
                  'tenant_fk => %s, citus => %s, sharing => %L, visibility => %L, acl_column => %L%s%s%s%s);',
                  spec.relation, spec.tenant_column, spec.owner_column, spec.resource, spec.options -> 'actions',
                  spec.options ->> 'existing', spec.options ->> 'tenant_fk', spec.options ->> 'citus', spec.options ->> 'sharing',
                  coalesce(spec.options ->> 'visibility', 'tenant'), coalesce(spec.options ->> 'acl_column', 'acl_id'),
                  ', global_keys => ' || quote_literal(nullif(bastion_internal.global_keys(spec), '{}')),
                  ', quota => ' || quote_literal(spec.options ->> 'quota'),
                  CASE WHEN (spec.options ->> 'audit')::boolean THEN ', audit => true' END,
                  ', owner_rights => ' || quote_literal(spec.options ->> 'owner_rights'))
$$;
COMMENT ON FUNCTION bastion_internal.protect_call(bastion.protected_tables) IS 'The call of protect() that repeats a protection.';

CREATE FUNCTION bastion_internal.acceptance(object text, problem text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('SELECT bastion.lint_accept(%L, %L, %L);', object, problem, 'reviewed') $$;
COMMENT ON FUNCTION bastion_internal.acceptance(text, text) IS 'The fix of a finding about which only people can decide.';

-- Tables

CREATE FUNCTION bastion_internal.lint_tables() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT CASE WHEN NOT f.enabled THEN 'error' WHEN NOT f.forced THEN 'warning' ELSE 'info' END, f.relation::text,
           CASE WHEN NOT f.enabled THEN 'row security is off'
                WHEN NOT f.forced THEN 'row security does not bind the owner of the table'
                ELSE 'row security without a policy: nobody sees a row' END,
           CASE WHEN f.tenant_column AND f.whole THEN format('SELECT bastion.protect(%L);', f.relation)
                WHEN NOT (f.enabled AND f.forced)
                THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', f.relation)
                ELSE format('SELECT bastion.global_table_add(%L, %L);', f.relation, 'reviewed: all tenants share it') END
    FROM (SELECT r.relation, (r.class).relrowsecurity AS enabled, (r.class).relforcerowsecurity AS forced,
                 NOT (r.class).relispartition AS whole,
                 EXISTS (SELECT FROM bastion_internal.column_state(r.relation, 'tenant_id') c
                         WHERE c.base_type = ANY ('{uuid,text,character varying,bigint,integer}'::regtype[])) AS tenant_column,
                 EXISTS (SELECT FROM bastion.guarded_schemas g JOIN pg_namespace n ON n.nspname = g.schema_name
                         WHERE n.oid = (r.class).relnamespace) AS guarded,
                 EXISTS (SELECT FROM bastion_internal.app_roles() a
                         WHERE has_any_column_privilege(a, r.relation, 'SELECT, INSERT, UPDATE') OR has_table_privilege(a, r.relation, 'DELETE')) AS granted,
                 EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = r.relation) AS has_policy
          FROM bastion_internal.lint_relations('rp') r
          WHERE bastion_internal.protect_root(r.relation) IS NULL AND NOT bastion_internal.is_global(r.relation)) f
    WHERE (f.guarded OR f.granted) AND NOT (f.enabled AND f.forced) OR f.guarded AND f.enabled AND f.forced AND NOT f.has_policy
$$;
COMMENT ON FUNCTION bastion_internal.lint_tables() IS
'Findings about tables that are neither protected nor global, in guarded schemas or granted to an application.';

CREATE FUNCTION bastion_internal.lint_protection() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'error', p.relation::text, string_agg(d.problem, '; ' ORDER BY s.place),
           bastion_internal.protect_call(bastion_internal.protection_now(p))
    FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation,
         bastion_internal.protection_problems(p) WITH ORDINALITY AS s (problem, place),
         -- these have separate findings
         LATERAL (SELECT regexp_replace(s.problem, '(, )?permissive policy "[^"]*" is not of protect[(][)]', '', 'g') AS problem) d
    WHERE d.problem !~ '^no index begins with' AND d.problem !~ '^([^ ]+: )?$'
    GROUP BY p.relation, p.*
    UNION ALL
    SELECT 'error', format('policy %I on %s', p.polname, m.member),
           CASE WHEN p.polpermissive THEN 'permissive policy that protect() did not write: it makes rows visible'
                ELSE 'policy that protect() did not write: Citus makes it permissive on shards, where it makes rows visible' END,
           format('DROP POLICY %I ON %s;', p.polname, m.member)
    FROM bastion_internal.protected_members() m CROSS JOIN LATERAL bastion_internal.foreign_policies(m.member, ((m.spec).options ->> 'citus')::boolean) f
    JOIN pg_policy p ON p.polname = f AND p.polrelid = m.member
    WHERE (m.spec).options ->> 'existing' <> 'keep'
    UNION ALL
    SELECT 'warning', p.relation::text, format('no index begins with column "%s"', n),
           format('CREATE INDEX ON %s (%I);', p.relation, n)
    FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation,
         unnest(bastion_internal.key_columns(bastion_internal.protection_now(p))) n
    WHERE NOT bastion_internal.has_tenant_index(p.relation, n) AND EXISTS (SELECT FROM bastion_internal.column_state(p.relation, n))
$$;
COMMENT ON FUNCTION bastion_internal.lint_protection() IS
'Findings about protected tables that differ from what protect() wrote.';

-- Policies. It searches the stored expression tree, not the text: there, a literal or a name cannot look like an operator.

CREATE FUNCTION bastion_internal.lint_policies() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', format('policy %I on %s', p.polname, r.relation), f.problem,
           CASE WHEN p.polpermissive THEN format('DROP POLICY %I ON %s;', p.polname, r.relation)
                ELSE format('ALTER POLICY %I ON %s', p.polname, r.relation)
                     || CASE WHEN p.polqual IS NULL THEN '' ELSE ' USING (false)' END
                     || CASE WHEN p.polwithcheck IS NULL THEN '' ELSE ' WITH CHECK (false)' END || ';' END
    FROM bastion_internal.lint_relations('rp') r JOIN pg_policy p ON p.polrelid = r.relation,
         LATERAL (SELECT concat_ws(' ', p.polqual::text, p.polwithcheck::text) AS tree) t,
         LATERAL (SELECT CASE
             WHEN t.tree ~ ':varlevelsup [1-9]' THEN 'a correlated subquery runs for every row'
             WHEN t.tree ~ ':subLinkType [012] ' THEN 'EXISTS or IN with a subquery is no index key'
             WHEN t.tree ~ ':boolop or ' THEN 'OR keeps the planner from using an index'
             WHEN EXISTS (SELECT FROM regexp_matches(t.tree, ':funcid ([0-9]+)', 'g') m JOIN pg_proc f ON f.oid = m[1]::oid
                          JOIN pg_language l ON l.oid = f.prolang AND l.lanname = 'plpgsql')
             THEN 'a PL/pgSQL function runs for every row' END AS problem) f
    WHERE f.problem IS NOT NULL
      AND NOT bastion_internal.is_our_policy(p.polname)
$$;
COMMENT ON FUNCTION bastion_internal.lint_policies() IS
'Findings about policies that slow down every query. The fix closes what they opened: compare with (SELECT bastion.tenant_if_allowed(...)) instead.';
