-- The parts of a protection, compared with the catalog. spec is the row of bastion.protected_tables that protect() will write or has
-- written.

CREATE FUNCTION bastion_internal.protect_action(spec bastion.protected_tables, action text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(spec.options -> 'actions' ->> action, action)
$$;
COMMENT ON FUNCTION bastion_internal.protect_action(bastion.protected_tables, text) IS
'The name that protect(actions => ...) gives to create, read, update or delete.';
SELECT bastion_internal.callable_by('bastion_internal.protect_action(bastion.protected_tables, text)', 'migration');

CREATE FUNCTION bastion_internal.protect_actions(spec bastion.protected_tables) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_agg(DISTINCT bastion_internal.protect_action(spec, a) ORDER BY bastion_internal.protect_action(spec, a))
    FROM unnest(ARRAY['create', 'read', 'update', 'delete']
                || CASE WHEN spec.options ? 'sharing' THEN '{manage}'::text[] ELSE '{}' END
                || CASE WHEN spec.options ? 'owner_rights' THEN '{manage_own}'::text[] ELSE '{}' END) a
$$;
COMMENT ON FUNCTION bastion_internal.protect_actions(bastion.protected_tables) IS 'The actions that the policies check.';
SELECT bastion_internal.callable_by('bastion_internal.protect_actions(bastion.protected_tables)', 'migration');

-- A scalar subquery without a reference to the row is evaluated once, and its value is an index key. Update and delete imply read;
-- one subquery checks both permissions, so that the planner sees one equality. Citus refuses subqueries, so a second comparison is
-- used there.
CREATE FUNCTION bastion_internal.protect_test(spec bastion.protected_tables, action text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reader text := 'bastion.tenant_if_allowed(%L)';
    permission text := spec.resource || '.' || bastion_internal.protect_action(spec, action);
    read_permission text := spec.resource || '.' || bastion_internal.protect_action(spec, 'read');
    needs_read boolean := action IN ('update', 'delete') AND permission <> read_permission;
    base_type regtype := (SELECT c.base_type FROM bastion_internal.column_state(spec.relation, spec.tenant_column) c);
BEGIN
    IF base_type IN ('bigint'::regtype, 'integer'::regtype) THEN
        reader := 'bastion.tenant_number_if_allowed(%L)';
    ELSIF base_type IN ('text'::regtype, 'character varying'::regtype) THEN
        reader := reader || '::text';
    END IF;
    IF (spec.options ->> 'citus')::boolean THEN
        RETURN format('%I = ' || reader, spec.tenant_column, permission)
               || CASE WHEN needs_read THEN format(' AND %I = ' || reader, spec.tenant_column, read_permission) ELSE '' END;
    END IF;
    RETURN format('%I = (SELECT ' || reader, spec.tenant_column, permission)
           || CASE WHEN needs_read THEN format(' WHERE bastion.has_permission(%L)', read_permission) ELSE '' END || ')';
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_test(bastion.protected_tables, text) IS
'The condition of a policy for create, read, update or delete.';
SELECT bastion_internal.callable_by('bastion_internal.protect_test(bastion.protected_tables, text)', 'migration');

-- The conditions of a table under sharing. Any row of the tenant can be shared, so policies compare only the tenant, and the ACL of the
-- row decides. Across tenants the ACL alone decides, and the check is RESTRICTIVE. A new row must have the default ACL; otherwise a
-- caller could plant a row among those of another user.
CREATE FUNCTION bastion_internal.sharing_test(spec bastion.protected_tables, action text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    anywhere boolean := spec.options ->> 'sharing' = 'cross_tenant';
    test text := CASE WHEN anywhere THEN 'bastion.can_by_acl_anywhere(%L, %I)' ELSE 'bastion.can_by_acl(%L, %I)' END;
    read_permission text := spec.resource || '.' || bastion_internal.protect_action(spec, 'read');
    permission text := spec.resource || '.' || bastion_internal.protect_action(spec, action);
    acl name := bastion_internal.acl_column(spec);
BEGIN
    RETURN format(test, permission, acl)
           || CASE WHEN permission = read_permission THEN '' ELSE ' AND ' || format(test, read_permission, acl) END;
END
$$;
COMMENT ON FUNCTION bastion_internal.sharing_test(bastion.protected_tables, text) IS
'The condition on the ACL of a row for read, update or delete.';
SELECT bastion_internal.callable_by('bastion_internal.sharing_test(bastion.protected_tables, text)', 'migration');

-- The result of an UPDATE across tenants must be a row whose ACL is in the tenant of the row. CASE, so that tables are read only for
-- rows of other tenants.
CREATE FUNCTION bastion_internal.placed_test(spec bastion.protected_tables) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('CASE WHEN %s THEN bastion.can_by_acl(%L, %I) ELSE bastion.acl_in_tenant(%2$L, %3$I, %I::text) END',
                  bastion_internal.same_tenant_test(spec), spec.resource || '.' || bastion_internal.protect_action(spec, 'update'),
                  bastion_internal.acl_column(spec), spec.tenant_column)
$$;
COMMENT ON FUNCTION bastion_internal.placed_test(bastion.protected_tables) IS
'The condition that a changed row is in the tenant of its ACL.';
SELECT bastion_internal.callable_by('bastion_internal.placed_test(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.same_tenant_test(spec bastion.protected_tables) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format(CASE WHEN (spec.options ->> 'citus')::boolean THEN '%I = %s' ELSE '%I = (SELECT %s)' END, spec.tenant_column,
                  CASE WHEN c.base_type IN ('bigint'::regtype, 'integer'::regtype) THEN 'bastion.tenant_number()'
                       WHEN c.base_type = 'uuid'::regtype THEN 'bastion.tenant_id()'
                       ELSE 'bastion.tenant_id()::text' END)
    FROM bastion_internal.column_state(spec.relation, spec.tenant_column) c
$$;
COMMENT ON FUNCTION bastion_internal.same_tenant_test(bastion.protected_tables) IS
'The condition that a row is of the tenant of the context.';
SELECT bastion_internal.callable_by('bastion_internal.same_tenant_test(bastion.protected_tables)', 'migration');

-- Users who may create in the chosen unit may add a row to it: the row gets the ACL of the unit, so the permission is not needed in
-- the whole tenant.
CREATE FUNCTION bastion_internal.create_in_unit_test(spec bastion.protected_tables) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN (spec.options ->> 'citus')::boolean THEN test || ' AND ' || held
                ELSE regexp_replace(test, '[)]$', ' WHERE ' || held || ')') END
    FROM bastion_internal.same_tenant_test(spec) test,
         format('bastion.has_permission(%L)', spec.resource || '.' || bastion_internal.protect_action(spec, 'create')) held
$$;
COMMENT ON FUNCTION bastion_internal.create_in_unit_test(bastion.protected_tables) IS
'The condition that a new row is of the tenant of the context, whose user may create in the chosen unit.';
SELECT bastion_internal.callable_by('bastion_internal.create_in_unit_test(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.default_acl_test(spec bastion.protected_tables) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format(CASE WHEN (spec.options ->> 'citus')::boolean THEN '%I = bastion.default_acl(%L)'
                       ELSE '%I = (SELECT bastion.default_acl(%L))' END,
                  bastion_internal.acl_column(spec), bastion_internal.acl_kind(spec.options ->> 'visibility'))
$$;
COMMENT ON FUNCTION bastion_internal.default_acl_test(bastion.protected_tables) IS
'The condition that a new row has the default ACL of the context.';
SELECT bastion_internal.callable_by('bastion_internal.default_acl_test(bastion.protected_tables)', 'migration');

-- Citus makes policies again on shards, without AS RESTRICTIVE, and parses their conditions a second time, which neither a subquery nor a
-- test of a constant survives. So each policy is PERMISSIVE and holds the whole condition. It depends on the columns and on functions of
-- the extension: where these go, so does the policy, and without a policy no row is visible.
CREATE FUNCTION bastion_internal.citus_policies(spec bastion.protected_tables, on_insert text, on_update text)
RETURNS TABLE (name name, permissive boolean, command text, using_test text, check_test text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    same_tenant text := bastion_internal.same_tenant_test(spec);
    on_select text := bastion_internal.protect_test(spec, 'read');
    on_delete text := bastion_internal.protect_test(spec, 'delete');
BEGIN
    IF spec.options ? 'sharing' THEN
        on_select := same_tenant || ' AND ' || bastion_internal.sharing_test(spec, 'read');
        on_delete := same_tenant || ' AND ' || bastion_internal.sharing_test(spec, 'delete');
        on_update := same_tenant || ' AND ' || on_update;
    END IF;
    RETURN QUERY VALUES
        ('bastion_access_select'::name, true, 'SELECT', on_select, NULL),
        ('bastion_access_insert', true, 'INSERT', NULL, on_insert),
        ('bastion_access_update', true, 'UPDATE', on_update, on_update),
        ('bastion_access_delete', true, 'DELETE', on_delete, NULL);
END
$$;
COMMENT ON FUNCTION bastion_internal.citus_policies(bastion.protected_tables, text, text) IS
'The policies of a table that Citus distributes; on_insert and on_update are the conditions of protect_policies().';
SELECT bastion_internal.callable_by('bastion_internal.citus_policies(bastion.protected_tables, text, text)', 'migration');

-- DROP EXTENSION ... CASCADE drops every policy that uses the extension, and DROP COLUMN ... CASCADE every policy that uses the column. If
-- a permissive policy stayed alone, each tenant would see the rows of all; without any policy, no row is visible. So each permissive
-- policy has a condition that is always true, which the planner removes, to depend on the schema and on both columns.
CREATE FUNCTION bastion_internal.protect_policies(spec bastion.protected_tables)
RETURNS TABLE (name name, permissive boolean, command text, using_test text, check_test text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    acl name := bastion_internal.acl_column(spec);
    always text := format($true$'bastion'::regnamespace IS NOT NULL OR %I IS NULL$true$, spec.tenant_column)
        || CASE WHEN acl IS NULL THEN '' ELSE format(' OR %I IS NULL', acl) END;
    same_tenant text := bastion_internal.same_tenant_test(spec);
    on_insert text := bastion_internal.protect_test(spec, 'create');
    on_update text := bastion_internal.protect_test(spec, 'update');
BEGIN
    IF spec.options ? 'sharing' THEN
        IF spec.options ->> 'visibility' = 'unit' THEN
            on_insert := bastion_internal.create_in_unit_test(spec);
        END IF;
        on_insert := on_insert || ' AND ' || bastion_internal.default_acl_test(spec);
        on_update := bastion_internal.sharing_test(spec, 'update');
    END IF;
    IF (spec.options ->> 'citus')::boolean THEN
        RETURN QUERY SELECT * FROM bastion_internal.citus_policies(spec, on_insert, on_update);
        RETURN;
    ELSIF spec.options ->> 'sharing' = 'tenant' THEN
        RETURN QUERY VALUES
            ('bastion_access_select'::name, true, 'SELECT', format('%s AND (%s)', bastion_internal.sharing_test(spec, 'read'), always), NULL),
            ('bastion_access_insert', true, 'INSERT', NULL, always),
            ('bastion_access_update', true, 'UPDATE', format('%s AND (%s)', on_update, always), format('%s AND (%s)', on_update, always)),
            ('bastion_access_delete', true, 'DELETE', format('%s AND (%s)', bastion_internal.sharing_test(spec, 'delete'), always), NULL),
            ('bastion_tenant_select', false, 'SELECT', same_tenant, NULL),
            ('bastion_tenant_insert', false, 'INSERT', NULL, on_insert),
            ('bastion_tenant_update', false, 'UPDATE', same_tenant, same_tenant),
            ('bastion_tenant_delete', false, 'DELETE', same_tenant, NULL);
        RETURN;
    ELSIF spec.options ->> 'sharing' = 'cross_tenant' THEN
        RETURN QUERY VALUES
            ('bastion_access'::name, true, 'ALL', always, always),
            ('bastion_tenant_select', false, 'SELECT', bastion_internal.sharing_test(spec, 'read'), NULL),
            ('bastion_tenant_insert', false, 'INSERT', NULL, on_insert),
            ('bastion_tenant_update', false, 'UPDATE', on_update, on_update || ' AND ' || bastion_internal.placed_test(spec)),
            ('bastion_tenant_delete', false, 'DELETE', bastion_internal.sharing_test(spec, 'delete'), NULL);
        RETURN;
    END IF;
    RETURN QUERY VALUES
        ('bastion_access'::name, true, 'ALL', always, always),
        ('bastion_tenant_select', false, 'SELECT', bastion_internal.protect_test(spec, 'read'), NULL),
        ('bastion_tenant_insert', false, 'INSERT', NULL, on_insert),
        ('bastion_tenant_update', false, 'UPDATE', on_update, on_update),
        ('bastion_tenant_delete', false, 'DELETE', bastion_internal.protect_test(spec, 'delete'), NULL);
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_policies(bastion.protected_tables) IS
'The policies that a protected table should have.';
SELECT bastion_internal.callable_by('bastion_internal.protect_policies(bastion.protected_tables)', 'migration');

CREATE FUNCTION bastion_internal.is_our_policy(name name) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT name IN ('bastion_access', 'bastion_access_select', 'bastion_access_insert', 'bastion_access_update',
                    'bastion_access_delete', 'bastion_tenant_select', 'bastion_tenant_insert', 'bastion_tenant_update',
                    'bastion_tenant_delete')
$$;
COMMENT ON FUNCTION bastion_internal.is_our_policy(name) IS 'Whether protect() writes policies of this name.';
SELECT bastion_internal.callable_by('bastion_internal.is_our_policy(name)', 'migration');

CREATE FUNCTION bastion_internal.foreign_policies(relation regclass, all_kinds boolean DEFAULT false) RETURNS SETOF name
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.polname FROM pg_policy p
    WHERE p.polrelid = relation AND (p.polpermissive OR all_kinds) AND NOT bastion_internal.is_our_policy(p.polname) ORDER BY p.polname
$$;
COMMENT ON FUNCTION bastion_internal.foreign_policies(regclass, boolean) IS
'The permissive policies of a table that protect() did not write; all_kinds: the RESTRICTIVE ones too, which are PERMISSIVE on the shards of Citus.';
SELECT bastion_internal.callable_by('bastion_internal.foreign_policies(regclass, boolean)', 'migration');

CREATE FUNCTION bastion_internal.policy_command(code "char") RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE code WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                     WHEN 'd' THEN 'DELETE' END;
END
$$;
COMMENT ON FUNCTION bastion_internal.policy_command("char") IS 'The SQL command of pg_policy.polcmd.';
SELECT bastion_internal.callable_by('bastion_internal.policy_command("char")', 'migration');

-- With existing => 'keep', the kept policies decide inside the tenant. There is no bastion_access then, because it would override
-- them.
CREATE FUNCTION bastion_internal.protect_policy_state(spec bastion.protected_tables, member regclass)
RETURNS TABLE (name name, permissive boolean, command text, using_test text, check_test text, state text)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    keeps boolean := spec.options ->> 'existing' = 'keep' AND EXISTS (SELECT FROM bastion_internal.foreign_policies(member));
BEGIN
    RETURN QUERY
        SELECT w.*,
               CASE WHEN w.permissive AND keeps THEN CASE WHEN p.oid IS NULL THEN 'ok' ELSE 'unwanted' END
                    WHEN p.oid IS NULL THEN 'missing'
                    WHEN p.polpermissive <> w.permissive OR bastion_internal.policy_command(p.polcmd) <> w.command THEN 'of another kind'
                    WHEN p.polroles = '{0}'
                         AND bastion_internal.protect_normal(pg_get_expr(p.polqual, p.polrelid))
                             IS NOT DISTINCT FROM bastion_internal.protect_normal(w.using_test)
                         AND bastion_internal.protect_normal(pg_get_expr(p.polwithcheck, p.polrelid))
                             IS NOT DISTINCT FROM bastion_internal.protect_normal(w.check_test) THEN 'ok'
                    ELSE 'altered' END
        FROM bastion_internal.protect_policies(spec) w
        LEFT JOIN pg_policy p ON p.polrelid = member AND p.polname = w.name
        UNION ALL
        SELECT p.polname, p.polpermissive, bastion_internal.policy_command(p.polcmd), NULL, NULL, 'unwanted'
        FROM pg_policy p
        WHERE p.polrelid = member AND bastion_internal.is_our_policy(p.polname)
          AND NOT EXISTS (SELECT FROM bastion_internal.protect_policies(spec) w WHERE w.name = p.polname);
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_policy_state(bastion.protected_tables, regclass) IS
'Compares the policies that a table should have with those that it has: each is ok, missing, altered, of another kind or unwanted.';
SELECT bastion_internal.callable_by('bastion_internal.protect_policy_state(bastion.protected_tables, regclass)', 'migration');

CREATE FUNCTION bastion_internal.protect_defaults(spec bastion.protected_tables, member regclass)
RETURNS TABLE (column_name name, wanted text, is_set boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 3
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
        SELECT v.column_name, e.expression,
               bastion_internal.protect_normal(c.default_value) IS NOT DISTINCT FROM bastion_internal.protect_normal(e.expression)
        FROM (VALUES (spec.tenant_column, 'bastion.tenant_id()'),
                     (spec.owner_column, 'bastion.user_id()')) AS v (column_name, reader),
             bastion_internal.column_state(member, v.column_name) c,
             LATERAL (SELECT CASE WHEN c.base_type IN ('bigint'::regtype, 'integer'::regtype) THEN 'bastion.tenant_number()'
                                  WHEN c.base_type = 'uuid'::regtype THEN v.reader
                                  ELSE v.reader || '::text' END AS expression) e
        UNION ALL
        SELECT bastion_internal.acl_column(spec), w.expression,
               coalesce(bastion_internal.protect_normal(c.default_value) = bastion_internal.protect_normal(w.expression), false)
        FROM format('bastion.default_acl(%L)', bastion_internal.acl_kind(spec.options ->> 'visibility')) AS w (expression)
        LEFT JOIN bastion_internal.column_state(member, bastion_internal.acl_column(spec)) c ON true
        WHERE spec.options ? 'sharing';
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_defaults(bastion.protected_tables, regclass) IS
'The defaults that the columns of a protected table should have, and whether they have them.';
SELECT bastion_internal.callable_by('bastion_internal.protect_defaults(bastion.protected_tables, regclass)', 'migration');

CREATE FUNCTION bastion_internal.tenant_may_be_null(relation regclass, column_name name) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM bastion_internal.protect_tree(relation) t, bastion_internal.column_state(t.member, column_name) c
                   WHERE NOT c.is_not_null)
$$;
COMMENT ON FUNCTION bastion_internal.tenant_may_be_null(regclass, name) IS
'Whether a table, or one of its partitions or children, accepts NULL in this column.';
SELECT bastion_internal.callable_by('bastion_internal.tenant_may_be_null(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.has_tenant_index(relation regclass, column_name name) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM pg_index i
        JOIN pg_class x ON x.oid = i.indexrelid
        JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = has_tenant_index.relation AND a.attname = has_tenant_index.column_name
          AND i.indisvalid AND i.indpred IS NULL)
$$;
COMMENT ON FUNCTION bastion_internal.has_tenant_index(regclass, name) IS
'Whether a valid and complete btree index begins with this column.';
SELECT bastion_internal.callable_by('bastion_internal.has_tenant_index(regclass, name)', 'migration');

-- A comment marks an index that protect() created, so that unprotect() may drop it. An index that something depends on by now, as
-- replica identity or under a constraint, stays.
CREATE FUNCTION bastion_internal.made_indexes(relation regclass, column_name name) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.indexrelid::regclass
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = made_indexes.relation AND a.attname = made_indexes.column_name AND NOT i.indisreplident
      AND obj_description(i.indexrelid, 'pg_class') = 'made by bastion.protect()'
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
$$;
COMMENT ON FUNCTION bastion_internal.made_indexes(regclass, name) IS
'The indexes that protect() created for this column and that still exist.';
SELECT bastion_internal.callable_by('bastion_internal.made_indexes(regclass, name)', 'migration');

CREATE FUNCTION bastion_internal.resource_registered(resource text, actions text[]) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT NOT EXISTS (SELECT FROM unnest(actions) a WHERE NOT EXISTS (
        SELECT FROM bastion.permissions p WHERE p.name = resource_registered.resource || '.' || a))
$$;
COMMENT ON FUNCTION bastion_internal.resource_registered(text, text[]) IS
'Whether these permissions exist.';
SELECT bastion_internal.callable_by('bastion_internal.resource_registered(text, text[])', 'migration');
