
-- The findings of lint() about tables, their policies and their keys.

CREATE FUNCTION bastion_internal.app_roles() RETURNS SETOF regrole
LANGUAGE sql STABLE PARALLEL SAFE
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
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.oid::regclass, c FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind::text = ANY (string_to_array(kinds, NULL)) AND c.relpersistence <> 't' AND c.oid >= 16384
      AND n.nspname <> ALL (ARRAY['pg_catalog', 'information_schema', 'pg_toast', 'bastion', 'bastion_api', 'bastion_internal'])
      AND NOT bastion_internal.is_ours(c.oid, 'pg_class')
$$;
COMMENT ON FUNCTION bastion_internal.lint_relations(text) IS 'The relations of these kinds that belong to no extension.';

CREATE FUNCTION bastion_internal.protected_members() RETURNS TABLE (spec bastion.protected_tables, member regclass)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p, t.member FROM bastion.protected_tables p, bastion_internal.protect_tree(p.relation) t
    WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = p.relation)
$$;
COMMENT ON FUNCTION bastion_internal.protected_members() IS 'Every protected table, with its partitions and children.';
SELECT bastion_internal.callable_by('bastion_internal.protected_members()', 'migration');

CREATE FUNCTION bastion_internal.protect_call(spec bastion.protected_tables) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('SELECT bastion.protect(%L, tenant_column => %L, owner_column => %L, resource => %L, actions => %L, existing => %L, '
                  'tenant_fk => %s, citus => %s, sharing => %L, visibility => %L, acl_column => %L);',
                  spec.relation, spec.tenant_column, spec.owner_column, spec.resource, spec.options -> 'actions',
                  spec.options ->> 'existing', spec.options ->> 'tenant_fk', spec.options ->> 'citus', spec.options ->> 'sharing',
                  coalesce(spec.options ->> 'visibility', 'tenant'), coalesce(spec.options ->> 'acl_column', 'acl_id'))
$$;
COMMENT ON FUNCTION bastion_internal.protect_call(bastion.protected_tables) IS 'The call of protect() that repeats a protection.';

-- Tables

CREATE FUNCTION bastion_internal.lint_tables() RETURNS TABLE (severity text, object text, problem text, fix text)
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
                ELSE format('SELECT bastion.global_table_add(%L, %L);', f.relation, 'reviewed: all tenants share it') END
    FROM (SELECT r.relation, (r.class).relrowsecurity AS enabled, (r.class).relforcerowsecurity AS forced,
                 NOT (r.class).relispartition AS whole,
                 EXISTS (SELECT FROM bastion_internal.column_state(r.relation, 'tenant_id') c
                         WHERE c.base_type = ANY ('{uuid,text,character varying,bigint,integer}'::regtype[])) AS tenant_column,
                 EXISTS (SELECT FROM bastion.guarded_schemas g JOIN pg_namespace n ON n.nspname = g.schema_name
                         WHERE n.oid = (r.class).relnamespace) AS guarded,
                 EXISTS (SELECT FROM bastion_internal.app_roles() a
                         WHERE has_table_privilege(a, r.relation, 'SELECT, INSERT, UPDATE, DELETE')) AS granted,
                 EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = r.relation) AS has_policy
          FROM bastion_internal.lint_relations('rp') r
          WHERE bastion_internal.protect_root(r.relation) IS NULL AND NOT bastion_internal.is_global(r.relation)) f
    WHERE (f.guarded OR f.granted) AND NOT (f.enabled AND f.forced) OR f.guarded AND f.enabled AND f.forced AND NOT f.has_policy
$$;
COMMENT ON FUNCTION bastion_internal.lint_tables() IS
'Findings about tables that are neither protected nor global, in guarded schemas or granted to an application.';

CREATE FUNCTION bastion_internal.lint_protection() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', p.relation::text, string_agg(d.problem, '; ' ORDER BY s.place), bastion_internal.protect_call(p)
    FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation,
         bastion_internal.protection_problems(p) WITH ORDINALITY AS s (problem, place),
         -- these have separate findings
         LATERAL (SELECT regexp_replace(s.problem, '(, )?permissive policy "[^"]*" is not of protect[(][)]', '', 'g') AS problem) d
    WHERE d.problem !~ '^no index begins with' AND d.problem !~ '^([^ ]+: )?$'
    GROUP BY p.relation, p.*
    UNION ALL
    SELECT 'error', format('policy %I on %s', f, m.member), 'permissive policy that protect() did not write: it makes rows visible',
           format('DROP POLICY %I ON %s;', f, m.member)
    FROM bastion_internal.protected_members() m, bastion_internal.foreign_policies(m.member) f
    WHERE (m.spec).options ->> 'existing' <> 'keep'
    UNION ALL
    SELECT 'warning', p.relation::text, format('no index begins with column "%s"', n),
           format('CREATE INDEX ON %s (%I);', p.relation, n)
    FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation, unnest(bastion_internal.key_columns(p)) n
    WHERE NOT bastion_internal.has_tenant_index(p.relation, n) AND EXISTS (SELECT FROM bastion_internal.column_state(p.relation, n))
$$;
COMMENT ON FUNCTION bastion_internal.lint_protection() IS
'Findings about protected tables that differ from what protect() wrote.';

-- Policies. It searches the stored expression tree, not the text: there, a literal or a name cannot look like an operator.

CREATE FUNCTION bastion_internal.lint_policies() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
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
      AND NOT (bastion_internal.is_our_policy(p.polname) AND bastion_internal.protect_root(r.relation) IS NOT NULL)
$$;
COMMENT ON FUNCTION bastion_internal.lint_policies() IS
'Findings about policies that slow down every query. The fix closes what they opened: compare with (SELECT bastion.tenant_if_allowed(…)) instead.';

CREATE FUNCTION bastion_internal.lint_leakproof() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', p.oid::regprocedure::text, 'LEAKPROOF, so that it runs ahead of policies, on the rows of everybody',
           format('ALTER ROUTINE %s NOT LEAKPROOF;', p.oid::regprocedure)
    FROM pg_proc p WHERE p.proleakproof AND p.oid >= 16384 AND NOT bastion_internal.is_ours(p.oid, 'pg_proc')
    UNION ALL
    SELECT 'info', i.indexrelid::regclass::text,
           'no operator of this index is leakproof: under row security it serves nobody but roles that bypass it',
           format('DROP INDEX %s;', i.indexrelid::regclass)
    FROM bastion_internal.protected_members() m JOIN pg_index i ON i.indrelid = m.member AND NOT i.indisunique
    JOIN pg_class c ON c.oid = i.indexrelid AND NOT c.relispartition
    WHERE NOT EXISTS (
        SELECT FROM unnest(i.indclass::oid[]) k JOIN pg_opclass oc ON oc.oid = k
        JOIN pg_amop o ON o.amopfamily = oc.opcfamily AND o.amoplefttype IN (oc.opcintype, 'anyarray'::regtype)
        JOIN pg_operator op ON op.oid = o.amopopr JOIN pg_proc f ON f.oid = op.oprcode
        -- An ordering operator is not a condition: a nearest-neighbor search can use its index.
        WHERE f.proleakproof OR o.amoppurpose = 'o')
$$;
COMMENT ON FUNCTION bastion_internal.lint_leakproof() IS
'Findings about functions that run before policies, and about operators that cannot.';

-- Keys that reach into other tenants

CREATE FUNCTION bastion_internal.lint_unique() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', i.indexrelid::regclass::text, 'unique across tenants: an error tells what another tenant has',
           CASE WHEN k.oid IS NOT NULL
                THEN format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I UNIQUE (%I, %s);',
                            m.member, k.conname, (m.spec).tenant_column, l.columns)
                ELSE format('DROP INDEX %s; CREATE UNIQUE INDEX %I ON %s (%I, %s)%s;', i.indexrelid::regclass, c.relname, m.member,
                            (m.spec).tenant_column, l.columns, ' WHERE ' || pg_get_expr(i.indpred, i.indrelid)) END
    FROM bastion_internal.protected_members() m
    JOIN pg_index i ON i.indrelid = m.member AND i.indisunique AND NOT i.indisprimary
    JOIN pg_class c ON c.oid = i.indexrelid AND NOT c.relispartition
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'u',
    LATERAL (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, false), ', ' ORDER BY n) AS columns
             FROM generate_series(1, i.indnkeyatts) n) l
    -- values that no one can guess or choose reveal nothing
    WHERE NOT EXISTS (SELECT FROM pg_attribute a
                      WHERE a.attrelid = m.member AND a.attnum = ANY (i.indkey)
                        AND (a.attname = (m.spec).tenant_column OR a.atttypid = 'uuid'::regtype OR a.attidentity <> ''))
$$;
COMMENT ON FUNCTION bastion_internal.lint_unique() IS 'Findings about unique indexes without the tenant.';
SELECT bastion_internal.callable_by('bastion_internal.lint_unique()', 'migration');

CREATE FUNCTION bastion_internal.foreign_key_action(code "char", columns text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE code WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN concat('SET NULL', ' (' || columns || ')')
                     WHEN 'd' THEN concat('SET DEFAULT', ' (' || columns || ')') ELSE 'NO ACTION' END
$$;
COMMENT ON FUNCTION bastion_internal.foreign_key_action("char", text) IS
'The SQL text of pg_constraint.confdeltype or confupdtype, for these columns.';
SELECT bastion_internal.callable_by('bastion_internal.foreign_key_action("char", text)', 'migration');

CREATE FUNCTION bastion_internal.has_unique_columns(relation regclass, columns name[]) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_index i
        WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid AND i.indimmediate
          AND i.indnkeyatts = cardinality(columns)
          AND columns @> ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum = ANY (i.indkey)))
$$;
COMMENT ON FUNCTION bastion_internal.has_unique_columns(regclass, name[]) IS
'Whether a foreign key may refer to these columns of a table.';
SELECT bastion_internal.callable_by('bastion_internal.has_unique_columns(regclass, name[])', 'migration');

CREATE FUNCTION bastion_internal.lint_foreign_keys() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'warning', format('constraint %I on %s', k.conname, m.member),
           format('a row may name one of another tenant in %s', t.member),
           CASE WHEN bastion_internal.has_unique_columns(t.member, ARRAY[(t.spec).tenant_column] || l.target_names) THEN ''
                ELSE format('ALTER TABLE %s ADD UNIQUE (%I, %s); ', t.member, (t.spec).tenant_column, l.target) END
           || format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I FOREIGN KEY (%I, %s) REFERENCES %s (%I, %s)'
                     ' ON UPDATE %s ON DELETE %s%s;', m.member, k.conname, (m.spec).tenant_column, l.source, t.member,
                     (t.spec).tenant_column, l.target, bastion_internal.foreign_key_action(k.confupdtype, NULL),
                     bastion_internal.foreign_key_action(k.confdeltype, l.source),
                     CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END)
    FROM bastion_internal.protected_members() m
    JOIN pg_constraint k ON k.conrelid = m.member AND k.contype = 'f' AND k.conparentid = 0
    JOIN bastion_internal.protected_members() t ON t.member = k.confrelid,
    LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY c.place) AS source,
                    string_agg(quote_ident(b.attname), ', ' ORDER BY c.place) AS target,
                    array_agg(b.attname ORDER BY c.place) AS target_names,
                    bool_or(a.attname = (m.spec).tenant_column AND b.attname = (t.spec).tenant_column) AS same_tenant
             FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS c (source, target, place)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.source
             JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = c.target) l
    WHERE NOT l.same_tenant
$$;
COMMENT ON FUNCTION bastion_internal.lint_foreign_keys() IS
'Findings about foreign keys between protected tables that do not compare the tenant.';
SELECT bastion_internal.callable_by('bastion_internal.lint_foreign_keys()', 'migration');
