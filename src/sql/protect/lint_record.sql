-- The findings of lint() about records of protect(), and about rows and tables that they say something of.

-- The arguments of protect() are read from what it wrote: defaults name the columns, policies the resource and the actions.
CREATE FUNCTION bastion_internal.protection_found(relation regclass) RETURNS bastion.protected_tables
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    spec bastion.protected_tables;
    tests jsonb;
    acl name;
    visibility text;
BEGIN
    spec.relation := relation;
    SELECT max(a.attname) FILTER (WHERE d.value IN ('bastion.tenant_id', 'bastion.tenant_number')), max(a.attname) FILTER (WHERE d.value = 'bastion.user_id'),
           max(a.attname) FILTER (WHERE d.value ~ '^bastion[.]default_acl'), max(substring(d.value FROM 'default_acl''(.*)'''))
    INTO spec.tenant_column, spec.owner_column, acl, visibility
    FROM pg_attribute a JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum,
         LATERAL (SELECT bastion_internal.protect_normal(pg_get_expr(f.adbin, f.adrelid)) AS value) d
    WHERE a.attrelid = relation AND NOT a.attisdropped;
    SELECT jsonb_object_agg(t.action, t.names[2]), max(t.names[1]) INTO tests, spec.resource
    FROM (SELECT CASE p.polcmd WHEN 'a' THEN 'create' WHEN 'r' THEN 'read' WHEN 'w' THEN 'update' ELSE 'delete' END AS action,
                 regexp_match(concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
                              '(?:if_allowed|can_by_acl|can_by_acl_anywhere|has_permission)[(]''([^'']*)[.]([^.'']*)''') AS names
          FROM pg_policy p WHERE p.polrelid = relation AND bastion_internal.is_our_policy(p.polname) AND p.polcmd <> '*') t
    WHERE t.names IS NOT NULL;
    spec.options := jsonb_build_object('actions', coalesce((SELECT jsonb_object_agg(t.key, t.value) FROM jsonb_each(tests) t WHERE t.value #>> '{}' <> t.key), '{}'),
                                       'existing', 'refuse', 'tenant_fk', false, 'citus', false)
        || CASE WHEN acl IS NULL THEN '{}' ELSE jsonb_build_object(
               'sharing', CASE WHEN EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname = 'bastion_access_select')
                               THEN 'tenant' ELSE 'cross_tenant' END,
               'visibility', CASE visibility WHEN 'user' THEN 'owner' ELSE visibility END, 'acl_column', acl) END;
    RETURN spec;
END
$$;
COMMENT ON FUNCTION bastion_internal.protection_found(regclass) IS 'The record of a protection as the catalog shows it, for a table whose record is lost.';

CREATE FUNCTION bastion_internal.unrecorded_tables() RETURNS SETOF regclass
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.relation FROM bastion_internal.lint_relations('rp') r
    WHERE bastion_internal.protect_root(r.relation) IS NULL AND NOT (r.class).relispartition
      AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = r.relation AND bastion_internal.is_our_policy(p.polname))
$$;
COMMENT ON FUNCTION bastion_internal.unrecorded_tables() IS 'The tables with policies of protect() whose record is lost.';

CREATE FUNCTION bastion_internal.lint_records() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'error', f.relation::text, f.problem,
           CASE WHEN num_nulls((f.spec).tenant_column, (f.spec).resource) = 0 THEN bastion_internal.protect_call(f.spec)
                ELSE bastion_internal.acceptance(f.relation::text, f.problem) END
    FROM (SELECT r AS relation, bastion_internal.protection_found(r) AS spec,
                 'has policies of protect() and no record: tenant_delete() is refused, and unprotect() does not know it' AS problem
          FROM bastion_internal.unrecorded_tables() r) f
$$;
COMMENT ON FUNCTION bastion_internal.lint_records() IS 'Findings about tables whose record of protect() is lost, for example by a partial restore.';

CREATE FUNCTION bastion_internal.lint_global_tables() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'warning', r.relation::text, format('%s granted to %s: one tenant changes what all tenants share', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), g.grantee),
           format('REVOKE %s ON %s FROM %s;', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), r.relation, g.grantee)
    FROM bastion_internal.lint_relations('rp') r, aclexplode((r.class).relacl) a,
         LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee) g
    WHERE bastion_internal.is_global(r.relation) AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') AND a.grantee <> (r.class).relowner
      AND (a.grantee = 0 OR EXISTS (SELECT FROM bastion_internal.app_roles() x WHERE pg_has_role(x, a.grantee, 'MEMBER')))
    GROUP BY r.relation, g.grantee
$$;
COMMENT ON FUNCTION bastion_internal.lint_global_tables() IS 'Findings about tables that all tenants share and an application may change.';

CREATE FUNCTION bastion_internal.lint_tenants() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'warning', f.relation::text, f.problem, bastion_internal.acceptance(f.relation::text, f.problem)
    FROM (SELECT p.relation, format('rows whose tenant does not exist, so nobody sees them: %s row(s) of %s value(s), the first "%s"', sum(u.rows), count(*),
                                    (array_agg(left(u.value, 40) ORDER BY u.value COLLATE "C"))[1]) AS problem
          FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation, bastion_internal.protection_now(p) n,
               LATERAL bastion.unknown_tenants(p.relation) u
          WHERE EXISTS (SELECT FROM bastion_internal.column_state(p.relation, n.tenant_column))
          GROUP BY p.relation) f
$$;
COMMENT ON FUNCTION bastion_internal.lint_tenants() IS 'Findings about rows whose tenant does not exist. Reads the tables as their owners; a sample of those with more than a million rows.';
