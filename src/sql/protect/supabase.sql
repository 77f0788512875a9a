-- The functions of Supabase Auth that policies call, over the verified context, and what lint() says about such policies.

CREATE FUNCTION bastion_internal.is_supabase_auth(schema oid) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT EXISTS (SELECT FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
                   WHERE n.oid = is_supabase_auth.schema AND obj_description(n.oid, 'pg_namespace') = 'made by bastion.install_supabase_auth()'
                     AND (o.rolsuper OR o.oid = (SELECT e.extowner FROM pg_extension e WHERE e.extname = 'pg_bastion'))
                     AND ARRAY(SELECT p.oid::regprocedure::text || p.prosecdef FROM pg_proc p WHERE p.pronamespace = n.oid ORDER BY p.proname)
                         = '{auth.email()false,auth.jwt()false,auth.role()false,auth.uid()false}'
                     AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND p.proowner <> n.nspowner)
                     AND ARRAY(SELECT c.relname::text || c.relkind::text FROM pg_class c WHERE c.relnamespace = n.oid AND c.relowner = n.nspowner) = '{usersv}'
                     AND (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid) = 1)
$$;
COMMENT ON FUNCTION bastion_internal.is_supabase_auth(oid) IS 'Whether a schema is the one that install_supabase_auth() made, with nothing of others in it.';

-- The bodies are parsed when they are made, so no search_path is of importance, and no function is SECURITY DEFINER.
CREATE FUNCTION bastion_internal.supabase_auth_statements() RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT unnest(ARRAY[
        'CREATE SCHEMA auth',
        'COMMENT ON SCHEMA auth IS ''made by bastion.install_supabase_auth()''',
        'CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE RETURN bastion.user_id()',
        'COMMENT ON FUNCTION auth.uid() IS ''bastion.user_id()''',
        'CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE RETURN CASE WHEN bastion.user_id() IS NULL THEN ''anon'' ELSE ''authenticated'' END',
        'COMMENT ON FUNCTION auth.role() IS ''anon without an identity, else authenticated; never service_role''',
        'CREATE FUNCTION auth.email() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE '
        'RETURN (SELECT u.email FROM bastion.users u WHERE u.id = bastion.user_id() AND u.email_verified_at IS NOT NULL)',
        'COMMENT ON FUNCTION auth.email() IS ''The address of the user, NULL unless it is verified''',
        'CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE '
        'RETURN CASE WHEN bastion.user_id() IS NOT NULL THEN coalesce(bastion.claims(), ''{}''::jsonb) '
        '|| jsonb_build_object(''sub'', bastion.user_id(), ''role'', auth.role(), ''email'', auth.email(), ''session_id'', bastion.session_id(), ''aal'', bastion.auth_level()) END',
        'COMMENT ON FUNCTION auth.jwt() IS ''The claims of the verified token, with sub, role, email, session_id and aal of the context; NULL without an identity''',
        'CREATE VIEW auth.users WITH (security_invoker = true) AS SELECT u.id, auth.role() AS role, u.email, u.email_verified_at AS email_confirmed_at, '
        'u.last_login_at AS last_sign_in_at, jsonb_strip_nulls(jsonb_build_object(''name'', u.display_name)) AS raw_user_meta_data, u.anonymous AS is_anonymous, u.created_at '
        'FROM bastion.users u',
        'COMMENT ON VIEW auth.users IS ''The row of the user of the context; operators see all. For reading''',
        format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA auth FROM %s', 'PUBLIC')])
$$;
COMMENT ON FUNCTION bastion_internal.supabase_auth_statements() IS 'The statements that make the schema of install_supabase_auth().';

CREATE FUNCTION bastion.install_supabase_auth() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_schema oid := (SELECT n.oid FROM pg_namespace n WHERE n.nspname = 'auth');
    made text;
    grantee text;
BEGIN
    IF found_schema IS NULL THEN
        FOR made IN SELECT bastion_internal.supabase_auth_statements() LOOP
            EXECUTE made;
        END LOOP;
    ELSIF NOT bastion_internal.is_supabase_auth(found_schema) THEN
        RAISE EXCEPTION 'schema "auth" already exists' USING ERRCODE = 'duplicate_schema',
            HINT = 'ALTER SCHEMA auth RENAME TO supabase_auth; keeps what it holds, and policies follow.';
    END IF;
    FOR grantee IN
        SELECT DISTINCT a.grantee::regrole::text FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.oid = 'bastion.user_id()'::regprocedure AND a.grantee <> 0 AND a.grantee <> p.proowner
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA auth TO %s', grantee);
        EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA auth TO %s', grantee);
        EXECUTE format('GRANT SELECT ON auth.users TO %s', grantee);
    END LOOP;
END
$$;
COMMENT ON FUNCTION bastion.install_supabase_auth() IS
'Makes the schema auth of Supabase Auth over the verified context, so that policies that call it go on: auth.uid(), auth.role() (anon or authenticated, never service_role), auth.email() (only a verified address), auth.jwt(), and auth.users, a view for reading that shows a user the own row.
They have the rights of their caller. Roles of allow_app_role() and allow_migration_role() may call them: call it again after you admit another one. An existing schema auth that it did not make is refused. reference_add() takes the place of REFERENCES auth.users; lint() names these, and what is slow or unsafe in such policies. Another program may have given auth other functions: policies that call them are named, too. DROP SCHEMA auth CASCADE removes it.
For operators: EXECUTE is granted to nobody.
SQLSTATE 42P06 for an existing schema, 42501.';

-- What lint() says

CREATE FUNCTION bastion_internal.relation_named(schema oid, name name) RETURNS oid
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT c.oid FROM pg_class c WHERE c.relnamespace = relation_named.schema AND c.relname = relation_named.name $$;
COMMENT ON FUNCTION bastion_internal.relation_named(oid, name) IS 'The relation with this name in a schema; NULL for none.';

CREATE FUNCTION bastion_internal.is_supabase_users(relation oid) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*) = 3 FROM pg_attribute a WHERE a.attrelid = is_supabase_users.relation AND a.attname IN ('instance_id', 'encrypted_password', 'raw_app_meta_data')
$$;
COMMENT ON FUNCTION bastion_internal.is_supabase_users(oid) IS 'Whether a table has the shape of the users of Supabase Auth, whatever its schema is called now.';

CREATE FUNCTION bastion_internal.supabase_fix(relation regclass) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT coalesce(
        (SELECT format('SELECT bastion.protect(%L%s, existing => ''drop'');', relation, ', tenant_column => ' || quote_literal(nullif(o.name, 'tenant_id')))
         FROM bastion_internal.adopt_own_columns(r.relations, bastion_internal.adopt_named(r.relations, bastion_internal.adopt_tenant_names())) o
         WHERE o.relation = supabase_fix.relation AND o.type = ANY ('{uuid,bigint,integer}'::regtype[]) LIMIT 1),
        format('SELECT * FROM bastion.adopt_plan(%L) WHERE relation = %L::regclass;', r.schema, relation))
    FROM (SELECT n.nspname AS schema, ARRAY(SELECT bastion_internal.adopt_relations(n.nspname)) AS relations
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = supabase_fix.relation) r
$$;
COMMENT ON FUNCTION bastion_internal.supabase_fix(regclass) IS
'The call of protect() that replaces the policies of a table; that of adopt_plan() where no column holds the tenant.';

-- A literal or a quoted name is no call: both are taken out before the search.
CREATE FUNCTION bastion_internal.lint_supabase_policies() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT f.severity, format('policy %I on %s', p.polname, r.relation), f.problem, bastion_internal.supabase_fix(r.relation)
    FROM bastion_internal.lint_relations('rp') r JOIN pg_policy p ON p.polrelid = r.relation,
         LATERAL (SELECT concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) AS text) e,
         LATERAL (SELECT regexp_replace(e.text, '''(?:[^'']|'''')*''|"(?:[^"]|"")*"', '''''', 'g') AS code) c,
         LATERAL (SELECT regexp_replace(c.code, E'[(] *SELECT \\mauth[.](uid|role|email|jwt)[(][)]( AS [a-z_]+)?[)]', '', 'g') AS left_over) l,
         LATERAL (SELECT bool_or(n.nspname = 'auth' OR bastion_internal.is_supabase_users(bastion_internal.relation_named(n.oid, 'users'))) AS of_supabase,
                         string_agg(DISTINCT q.oid::regprocedure::text, ', ') FILTER (WHERE w.reads_request) AS readers,
                         string_agg(DISTINCT q.oid::regprocedure::text, ', ') FILTER (WHERE NOT w.reads_request AND NOT w.known) AS names
                  FROM pg_depend d JOIN pg_proc q ON q.oid = d.refobjid JOIN pg_namespace n ON n.oid = q.pronamespace,
                       LATERAL (SELECT q.prosrc ~ '''request[.]' AS reads_request,
                                       n.nspname = 'bastion' OR n.nspname = 'auth' AND q.pronargs = 0 AND q.proname IN ('uid', 'role', 'email', 'jwt') AS known) w
                  WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_proc'::regclass) u,
         LATERAL (VALUES
             ('warning', 'auth.' || (regexp_match(l.left_over, E'\\mauth[.](uid|role|email|jwt)[(][)]'))[1] || '() without a sub-select runs for every row'),
             ('error', 'calls functions that read a setting of the request, which any SQL of the application can set: ' || u.readers),
             ('warning', CASE WHEN u.of_supabase THEN 'calls functions that pg_bastion does not know: ' || u.names END),
             ('error', CASE WHEN c.code ~ E'\\mcurrent_setting[(]' AND e.text ~ '''request[.]' THEN 'reads a setting of the request, which any SQL of the application can set' END),
             ('error', CASE WHEN c.code ~ E'\\mauth[.]jwt[(][)]' AND e.text ~ '''[^'']*user_meta_?data' THEN 'reads user_metadata, which users change themselves' END),
             ('warning', CASE WHEN c.code ~ E'\\mauth[.]jwt[(][)]' AND e.text ~ '''[^'']*app_meta_?data' THEN 'reads app_metadata, which tokens of pg_bastion do not hold' END),
             ('warning', CASE WHEN c.code ~ E'\\mauth[.](role|jwt)[(][)]' AND e.text ~ '''service_role''' THEN 'tests for service_role, which no request has: operators use a role with BYPASSRLS' END)) f (severity, problem)
    WHERE f.problem IS NOT NULL AND NOT bastion_internal.is_our_policy(p.polname)
$$;
COMMENT ON FUNCTION bastion_internal.lint_supabase_policies() IS
'Findings about policies that call functions of Supabase Auth: what is slow, what is unsafe, and what pg_bastion does not know.';

CREATE FUNCTION bastion_internal.lint_supabase_references() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'warning', format('constraint %I on %s', k.conname, r.relation), 'refers to the users of Supabase Auth, not to those of pg_bastion',
           format('ALTER TABLE %s DROP CONSTRAINT %I; SELECT bastion.reference_add(%L, %L, ''users'', on_delete => %L, name => %L);', r.relation, k.conname, r.relation,
                  a.attname, CASE k.confdeltype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'd' THEN 'set default' ELSE 'no action' END, k.conname)
    FROM bastion_internal.lint_relations('rp') r JOIN pg_constraint k ON k.conrelid = r.relation AND k.contype = 'f' AND k.conparentid = 0 AND cardinality(k.conkey) = 1
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
    JOIN pg_class c ON c.oid = k.confrelid AND c.relname = 'users'
    WHERE c.relnamespace <> (r.class).relnamespace
      AND bastion_internal.is_supabase_users(c.oid)
$$;
COMMENT ON FUNCTION bastion_internal.lint_supabase_references() IS 'Findings about foreign keys to the table of users of Supabase Auth, whatever its schema is called now.';
