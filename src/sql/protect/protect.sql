-- bastion.protect() and unprotect(), the view protection, and the privileges to call them.

CREATE FUNCTION bastion_internal.protect_statements(
    relation regclass, tenant_column name, owner_column name, resource text, actions jsonb, existing text, tenant_fk boolean,
    citus boolean, dry_run boolean, sharing text, visibility text, acl_column name, "unknown" text, global_keys name[],
    quota text, audit boolean, owner_rights text)
RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec bastion.protected_tables;
    tenant_type regtype;
    audited boolean := coalesce(audit, EXISTS (SELECT FROM bastion.protected_tables p WHERE p.relation = protect_statements.relation
                                               AND (p.options ->> 'audit')::boolean));
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    PERFORM bastion_internal.check_tree(relation);
    PERFORM bastion_internal.check_actions(actions);
    PERFORM bastion_internal.check_sharing(sharing, visibility, acl_column, existing, ARRAY[tenant_column, owner_column]);
    PERFORM bastion_internal.check_owner_rights(owner_rights, visibility);
    IF tenant_column IS NULL THEN
        RAISE EXCEPTION 'tenant_column must not be null' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'Name the column that holds the tenant: tenant_column => ''column''.';
    ELSIF tenant_column = owner_column THEN
        RAISE EXCEPTION 'tenant_column and owner_column must be two columns' USING ERRCODE = 'invalid_parameter_value';
    ELSIF existing IS NULL OR existing NOT IN ('refuse', 'drop', 'keep') THEN
        RAISE EXCEPTION 'existing must be ''refuse'', ''drop'' or ''keep''' USING ERRCODE = 'invalid_parameter_value';
    ELSIF bastion_internal.is_global(relation) THEN
        RAISE EXCEPTION 'table % is marked global', relation USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('Call bastion.global_table_remove(%L) first.', relation);
    END IF;
    IF dry_run IS NOT TRUE THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
        PERFORM bastion_internal.forget_dropped_tables();
    END IF;
    PERFORM bastion_internal.protect_follow(relation);
    tenant_type := bastion_internal.check_column(relation, tenant_column, 'tenant');
    IF tenant_fk AND tenant_type IN ('text'::regtype, 'character varying'::regtype) THEN
        RAISE EXCEPTION 'cannot make a foreign key of column "%" of table %: its type is %', tenant_column, relation, tenant_type
            USING ERRCODE = 'datatype_mismatch', HINT = 'tenant_fk needs a uuid, bigint or integer column.';
    END IF;
    PERFORM bastion_internal.check_column(relation, owner_column, 'owner') WHERE owner_column IS NOT NULL;
    PERFORM bastion_internal.check_acl_column(relation, acl_column) WHERE sharing IS NOT NULL;
    PERFORM bastion_internal.check_citus(relation, tenant_column, coalesce(citus, false), existing, sharing);
    PERFORM bastion_internal.check_foreign_policies(relation, coalesce(citus, false)) WHERE existing = 'refuse';
    PERFORM bastion_internal.check_no_nulls(relation, tenant_column);
    IF "unknown" IS NULL OR "unknown" NOT IN ('refuse', 'keep') THEN
        RAISE EXCEPTION 'unknown must be ''refuse'' or ''keep''' USING ERRCODE = 'invalid_parameter_value';
    ELSIF "unknown" = 'refuse' AND NOT EXISTS (SELECT FROM bastion.protected_tables p
                                               WHERE p.relation = protect_statements.relation AND p.tenant_column = protect_statements.tenant_column) THEN
        PERFORM bastion_internal.check_tenants(relation, tenant_column);
    END IF;
    PERFORM bastion_internal.check_global_keys(relation, global_keys);
    PERFORM bastion_internal.check_quota(relation, quota);
    PERFORM bastion_internal.check_audit_columns(relation, NULL, '{}', '{}', '{}', NULL) WHERE audit;

    spec.relation := relation;
    spec.tenant_column := tenant_column;
    spec.owner_column := owner_column;
    spec.resource := bastion_internal.check_resource(relation, resource);
    spec.options := jsonb_build_object('actions', coalesce(actions, '{}'), 'existing', existing,
                                       'tenant_fk', coalesce(tenant_fk, false), 'citus', coalesce(citus, false))
                    || CASE WHEN sharing IS NULL THEN '{}'
                            ELSE jsonb_build_object('sharing', sharing, 'visibility', visibility, 'acl_column', acl_column) END
                    || CASE WHEN cardinality(global_keys) > 0 THEN jsonb_build_object('global_keys', global_keys) ELSE '{}' END
                    || CASE WHEN quota IS NULL THEN '{}' ELSE jsonb_build_object('quota', quota) END
                    || CASE WHEN owner_rights = 'role' THEN '{"owner_rights": "role"}' ELSE '{}'::jsonb END
                    || CASE WHEN audited THEN '{"audit": true}' ELSE '{}'::jsonb END;
    RETURN ARRAY(SELECT bastion_internal.plan_protect(spec)) || ARRAY(SELECT bastion_internal.plan_audit_of(spec, CASE WHEN audited THEN true ELSE audit END));
END
$$;
COMMENT ON FUNCTION bastion_internal.protect_statements(regclass, name, name, text, jsonb, text, boolean, boolean, boolean, text, text, name, text, name[], text, boolean, text) IS
'Checks the arguments of protect(), locks the table unless dry_run, and returns the statements.';

CREATE FUNCTION bastion.protect(
    relation regclass, tenant_column name DEFAULT 'tenant_id', owner_column name DEFAULT NULL, resource text DEFAULT NULL,
    actions jsonb DEFAULT '{}', existing text DEFAULT 'refuse', tenant_fk boolean DEFAULT false,
    citus boolean DEFAULT false, dry_run boolean DEFAULT false, sharing text DEFAULT NULL,
    visibility text DEFAULT 'tenant', acl_column name DEFAULT 'acl_id', "unknown" text DEFAULT 'refuse',
    global_keys name[] DEFAULT '{}', quota text DEFAULT NULL, audit boolean DEFAULT NULL, owner_rights text DEFAULT 'all')
RETURNS TABLE (statement text)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_protect';
COMMENT ON FUNCTION bastion.protect(regclass, name, name, text, jsonb, text, boolean, boolean, boolean, text, text, name, text, name[], text, boolean, text) IS
'Isolates the tenants of a table.
It gives the table ENABLE and FORCE ROW LEVEL SECURITY; RESTRICTIVE policies that compare the tenant column (uuid, text, bigint or integer) with the verified tenant; their check of the permissions resource.create, read, update and delete, which actions can rename; a PERMISSIVE policy that allows all; defaults from the context for the tenant and owner columns; NOT NULL and an index for the tenant. Partitions and inheritance children get the same. update and delete need read too, as do INSERT ... RETURNING and ON CONFLICT. resource defaults to the name of the table. existing handles other permissive policies: refuse them, drop them, or keep them, so that they alone decide inside a tenant. tenant_fk adds a foreign key to bastion.tenants as reference_add() does; if the table has rows, the next call validates them. citus is for tables that Citus distributes by the tenant: it writes PERMISSIVE policies alone, each with the whole condition and without a subquery, because shards get all policies as permissive ones; protect the table before create_distributed_table(). sharing adds ACLs: tenant within the tenant, cross_tenant also for members of other tenants. It adds a bigint column acl_id (acl_column names another) with an index and a default from the context. It fills the column in for existing rows, and only share() can change it. The policies then check what the ACL of the row gives the user. visibility chooses the ACL of a new row: that of the tenant, of the chosen unit, or of the owner. With visibility owner, owners can do everything with their own rows, whatever their roles; owner_rights role limits that, on every table of the resource, to the permissions that they hold in the whole tenant; the permission resource.manage_own allows everything with one''s own rows. What a share or resource.manage gives stays. Users who may create in the chosen unit may add a row to it. For large tables, acl_backfill() fills the column before, in batches. Rows whose tenant does not exist would be visible to nobody: they are refused, with their number and the first values, unless unknown is keep. global_keys names unique constraints and indexes that are meant to be unique across tenants, such as that of an address of a user: lint() and composite_keys_create() leave them alone. quota names a meter (meter_set()) that counts the rows for each tenant, and refuses a statement that adds more than a limit allows: a gauge counts the rows that exist, those that exist already too; a meter of the kind count each new row, as quota_consume() by its user. The limit holds for roles that bypass row security too. audit puts the table under audit, as audit_table() does, and keeps a choice of columns that audit_table() made; false ends the audit, and without it an audit stays.
Returns a line that says what was done; dry_run changes nothing and returns the statements, for a migration.
For the owner of the table.
SQLSTATE 22004 and 22023 for arguments (with citus: existing => keep, sharing => cross_tenant), 25001 for a gauge in a REPEATABLE READ or SERIALIZABLE transaction, 23502 for rows without a tenant, 23503 for rows whose tenant does not exist, 42501 for another role''s table, 42P01 for a table that does not exist, 42611, 42703 and 42804 for a column that cannot hold a tenant, 42704 for a global key or meter that does not exist, 42809 for a relation that cannot be protected and a meter of amounts, 42939 for a reserved resource, 55000 for other policies, global tables, a table that Citus distributes already, an audit without a primary key, partitions of several owners and a meter that counts for another owner.';
SELECT bastion_internal.callable_by('bastion.protect(regclass, name, name, text, jsonb, text, boolean, boolean, boolean, text, text, name, text, name[], text, boolean, text)', 'migration');

CREATE FUNCTION bastion_internal.unprotect_statements(relation regclass, dry_run boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    spec bastion.protected_tables;
    statements text[];
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    IF dry_run IS NOT TRUE THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation);
    END IF;
    PERFORM bastion_internal.protect_follow(relation);
    SELECT * INTO spec FROM bastion.protected_tables p WHERE p.relation = unprotect_statements.relation;
    IF NOT FOUND THEN
        RAISE NOTICE 'table % is not protected', relation;
        RETURN '{}';
    END IF;
    statements := ARRAY(SELECT bastion_internal.plan_unprotect(spec));
    spec.tenant_column := NULL;
    RETURN statements || ARRAY(SELECT bastion_internal.plan_audit_of(spec, CASE WHEN spec.options ? 'audit' THEN false END));
END
$$;
COMMENT ON FUNCTION bastion_internal.unprotect_statements(regclass, boolean) IS
'Checks the arguments of unprotect(), locks the table unless dry_run, and returns the statements.';

CREATE FUNCTION bastion.unprotect(relation regclass, dry_run boolean DEFAULT false) RETURNS TABLE (statement text)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_unprotect';
COMMENT ON FUNCTION bastion.unprotect(regclass, boolean) IS
'Removes what protect() gave a table, its partitions and children: policies, FORCE, row security unless other policies remain, and the triggers, defaults, NOT NULL, indexes, foreign key and ACL column that it created.
It restores former defaults and NOT NULL. Shares of rows are lost with the column. It ends the audit that protect(audit => true) began; that of audit_table() alone stays. Every role with privileges on the table then sees every row.
Returns a line that says what was done; dry_run changes nothing and returns the statements. A notice reports a table that is not protected.
For the owner of the table.
SQLSTATE 22004, 42501, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion.unprotect(regclass, boolean)', 'migration');

-- Protected tables and their problems

CREATE FUNCTION bastion_internal.member_problems(spec bastion.protected_tables, member regclass) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_class pg_class;
    problems text[] := ARRAY(SELECT format('policy %s is %s', p.name, p.state)
                             FROM bastion_internal.protect_policy_state(spec, member) p WHERE p.state <> 'ok' ORDER BY p.name);
BEGIN
    SELECT * INTO found_class FROM pg_class c WHERE c.oid = member;
    IF found_class.relkind NOT IN ('r', 'p') THEN
        RETURN NEXT 'a foreign table has no row security';
        RETURN;
    ELSIF NOT found_class.relrowsecurity AND NOT EXISTS (
            SELECT FROM pg_policy p WHERE p.polrelid = member AND bastion_internal.is_our_policy(p.polname)) THEN
        RETURN NEXT 'it has no protection';
        RETURN;
    ELSIF NOT found_class.relrowsecurity THEN
        RETURN NEXT 'row security is off';
    END IF;
    IF NOT found_class.relforcerowsecurity THEN
        RETURN NEXT 'row security is not forced';
    END IF;
    RETURN QUERY SELECT unnest(problems);
    RETURN QUERY SELECT format('trigger %s is %s', t.name, t.state) FROM bastion_internal.protect_triggers(spec, member) t
                 WHERE t.state <> 'ok' ORDER BY t.name;
    RETURN QUERY SELECT format('permissive policy "%s" is not of protect()', p)
                 FROM bastion_internal.foreign_policies(member, (spec.options ->> 'citus')::boolean) p WHERE spec.options ->> 'existing' <> 'keep';
    IF bastion_internal.is_distributed(member) AND NOT (spec.options ->> 'citus')::boolean THEN
        RETURN NEXT 'Citus distributes it, which makes its policies permissive';
    END IF;
    RETURN QUERY SELECT format('column "%s" has another default', d.column_name)
                 FROM bastion_internal.protect_defaults(spec, member) d WHERE NOT d.is_set;
    RETURN QUERY SELECT format('column "%s" accepts NULL', n)
                 FROM unnest(bastion_internal.key_columns(spec)) n, bastion_internal.column_state(member, n) c WHERE NOT c.is_not_null;
END
$$;
COMMENT ON FUNCTION bastion_internal.member_problems(bastion.protected_tables, regclass) IS
'The differences between one table, partition or child and its protection.';

CREATE FUNCTION bastion_internal.protection_problems(recorded bastion.protected_tables) RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    spec bastion.protected_tables := bastion_internal.protection_now(recorded);
    gone name[] := ARRAY(SELECT n FROM unnest(bastion_internal.protect_columns(spec)) n
                         WHERE NOT EXISTS (SELECT FROM bastion_internal.column_state(spec.relation, n)));
BEGIN
    RETURN QUERY SELECT format('column "%s" does not exist', n) FROM unnest(gone) n;
    RETURN QUERY SELECT format('column "%s" is called "%s" now', o, n)
                 FROM unnest(bastion_internal.protect_columns(recorded), bastion_internal.protect_columns(spec)) AS c (o, n) WHERE o <> n;
    IF NOT bastion_internal.key_columns(spec) && gone THEN
        RETURN QUERY
            SELECT CASE WHEN t.depth > 0 THEN t.member || ': ' ELSE '' END || string_agg(p.problem, ', ' ORDER BY p.place)
            FROM bastion_internal.protect_tree(spec.relation) t,
                 bastion_internal.member_problems(spec, t.member) WITH ORDINALITY AS p (problem, place)
            GROUP BY t.member, t.depth ORDER BY t.depth, t.member::text;
    END IF;
    RETURN QUERY SELECT format('no index begins with column "%s"', n) FROM unnest(bastion_internal.key_columns(spec)) n
                 WHERE NOT bastion_internal.has_tenant_index(spec.relation, n) AND n <> ALL (gone);
    IF NOT bastion_internal.resource_registered(spec.resource, bastion_internal.protect_actions(spec)) THEN
        RETURN NEXT format('permissions of the resource "%s" are missing', spec.resource);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.protection_problems(bastion.protected_tables) IS
'The differences between a protected table, with its partitions and children, and its record; no row if there are none.';

CREATE FUNCTION bastion_internal.policies_of(relation regclass) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT array_agg(concat(quote_ident(p.polname), CASE WHEN p.polpermissive THEN ' PERMISSIVE ' ELSE ' RESTRICTIVE ' END,
                            bastion_internal.policy_command(p.polcmd),
                            regexp_replace(' USING ' || pg_get_expr(p.polqual, p.polrelid), E'\\s+', ' ', 'g'),
                            regexp_replace(' WITH CHECK ' || pg_get_expr(p.polwithcheck, p.polrelid), E'\\s+', ' ', 'g'))
                     ORDER BY p.polname)
    FROM pg_policy p WHERE p.polrelid = policies_of.relation
$$;
COMMENT ON FUNCTION bastion_internal.policies_of(regclass) IS 'The policies of a table, as in the catalog.';

-- SECURITY DEFINER, to read the records of all owners; everything else that it shows is public in the catalog.
CREATE FUNCTION bastion_internal.protection_report()
RETURNS TABLE (relation regclass, tenant_column name, owner_column name, resource text, sharing text, rls_enabled boolean,
               rls_forced boolean, policies text[], partitions bigint, status text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT p.relation, n.tenant_column, n.owner_column, p.resource, p.options ->> 'sharing', c.relrowsecurity,
           c.relforcerowsecurity, bastion_internal.policies_of(p.relation), (SELECT count(*) - 1 FROM bastion_internal.protect_tree(p.relation)),
           coalesce((SELECT string_agg(s.problem, '; ' ORDER BY s.place)
                     FROM bastion_internal.protection_problems(p) WITH ORDINALITY AS s (problem, place)), 'ok')
    FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation, bastion_internal.protection_now(p) n
    ORDER BY p.relation::text
$$;
COMMENT ON FUNCTION bastion_internal.protection_report() IS 'The rows of the view bastion.protection.';
SELECT bastion_internal.callable_by('bastion_internal.protection_report()', 'migration');

CREATE VIEW bastion.protection AS SELECT * FROM bastion_internal.protection_report();
COMMENT ON VIEW bastion.protection IS
'Every protected table with its current policies. status is ok, or says what differs from what protect() wrote: row security off, policies missing or altered, other permissive policies, columns renamed, partitions without protection. Another call of protect() repairs it. It reads the catalogs alone: lint() and unknown_tenants() count rows whose tenant does not exist.';
COMMENT ON COLUMN bastion.protection.relation IS 'The table';
COMMENT ON COLUMN bastion.protection.tenant_column IS 'The column that holds the tenant';
COMMENT ON COLUMN bastion.protection.owner_column IS 'The column that holds the user who created the row, if any';
COMMENT ON COLUMN bastion.protection.resource IS 'First part of the permissions that the policies check';
COMMENT ON COLUMN bastion.protection.sharing IS 'tenant or cross_tenant if its rows can be shared, else NULL';
COMMENT ON COLUMN bastion.protection.rls_enabled IS 'Whether row security is enabled now';
COMMENT ON COLUMN bastion.protection.rls_forced IS 'Whether row security applies to the owner of the table too';
COMMENT ON COLUMN bastion.protection.policies IS 'All policies of the table, including those that protect() did not write';
COMMENT ON COLUMN bastion.protection.partitions IS 'How many partitions and inheritance children follow the table';
COMMENT ON COLUMN bastion.protection.status IS 'ok, or what differs from the protection';

-- Privileges

CREATE FUNCTION bastion_internal.allow_migration_role_statements(role regrole) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('GRANT USAGE ON SCHEMA bastion_internal TO %s', g.grantee) || bastion_internal.grant_statements(role, 'migration')
           -- No right that LOCK TABLE would accept: everybody's DDL and logins read these tables.
           || format('REVOKE ALL ON bastion.protected_tables, bastion.protected_columns, bastion.global_tables, bastion.audited_tables FROM %s', g.grantee)
           || format('GRANT SELECT ON bastion.protected_tables, bastion.protected_columns, bastion.global_tables, bastion.audited_tables TO %s', g.grantee)
           || format('GRANT INSERT (table_name, tenant_column, owner_column, resource, options), UPDATE (tenant_column, owner_column, resource, options, protected_at) '
                     'ON bastion.protected_tables TO %s', g.grantee)
           || format('GRANT INSERT (table_name, column_name, old_default, old_not_null) ON bastion.protected_columns TO %s', g.grantee)
           || format('GRANT INSERT (table_name, reason), UPDATE (reason) ON bastion.global_tables TO %s', g.grantee)
           || format('GRANT INSERT (table_name, columns), UPDATE (columns, audited_at) ON bastion.audited_tables TO %s', g.grantee)
           || format('REVOKE REFERENCES (id, number) ON bastion.tenants FROM %s', g.grantee)
           || format('GRANT SELECT ON bastion.protection TO %s', g.grantee)
    FROM bastion_internal.app_role_name(role) g (grantee)
$$;
COMMENT ON FUNCTION bastion_internal.allow_migration_role_statements(regrole) IS 'The statements of allow_migration_role().';

CREATE FUNCTION bastion.allow_migration_role(role regrole) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_allow_migration_role';
COMMENT ON FUNCTION bastion.allow_migration_role(regrole) IS
'Lets a role that owns tables, and is not a superuser, call protect(), unprotect(), global_table_add() and reference_add() for its own tables and read bastion.protection.
The role sees no user, tenant or key, and cannot grant permissions. Call it again after an upgrade of the extension.
SQLSTATE 42704 for an unknown role.';
