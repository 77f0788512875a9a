
-- Deletion of a tenant. Rows of protected tables refer to it without a foreign key, so nothing else would delete them. They are deleted
-- as the owner of each table, and foreign key actions on other tables run as one owner too, so that their code gets no additional rights.

-- Sorts by the number of tables to which each refers, directly or indirectly: a referring table always has more than the referenced one.
CREATE FUNCTION bastion_internal.referring_first(relations regclass[]) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    WITH RECURSIVE reached AS (
        SELECT r::oid AS start, r::oid AS oid FROM unnest(relations) r
        UNION
        SELECT x.start, k.confrelid FROM reached x JOIN pg_constraint k ON k.contype = 'f' AND k.conrelid = x.oid
    )
    SELECT start::regclass FROM reached GROUP BY start ORDER BY count(*) DESC, start::regclass::text
$$;
COMMENT ON FUNCTION bastion_internal.referring_first(regclass[]) IS
'Sorts tables, each before the tables to which its foreign keys refer.';

-- Includes paths through the extension's own tables: deleting a tenant deletes its units.
CREATE FUNCTION bastion_internal.reached_by(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET jit = off  -- compiling takes longer than execution
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE reached AS (
        SELECT reached_by.relation::oid AS oid
        UNION
        SELECT n.oid FROM reached x, LATERAL (
            SELECT k.conrelid FROM pg_constraint k
            WHERE k.contype = 'f' AND k.confrelid = x.oid AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
            UNION ALL
            SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = x.oid) n (oid)
    )
    SELECT x.oid::regclass FROM reached x
    WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid AND d.deptype = 'e'
                      AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'pg_bastion'))
    ORDER BY 1
$$;
COMMENT ON FUNCTION bastion_internal.reached_by(regclass) IS
'The tables outside the extension whose rows a foreign key deletes or changes when a row of this table is deleted.';

CREATE FUNCTION bastion_internal.reached_owner(relation regclass, OUT owner oid, OUT path text)
RETURNS record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owners oid[] := ARRAY(SELECT DISTINCT c.relowner FROM bastion_internal.reached_by(relation) t JOIN pg_class c ON c.oid = t
                          JOIN pg_roles r ON r.oid = c.relowner AND NOT r.rolsuper ORDER BY 1);
BEGIN
    IF cardinality(owners) > 1 THEN
        RAISE EXCEPTION 'foreign keys reach tables of several owners' USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = format('Their triggers would run as one of %s.',
                            (SELECT string_agg(o::regrole::text, ', ' ORDER BY o::regrole::text) FROM unnest(owners) o)),
            HINT = 'Give these tables one owner, or use foreign keys without an action in the others.';
    END IF;
    owner := owners[1];
    path := (SELECT string_agg(DISTINCT c.relnamespace::regnamespace::text, ', ') || ', pg_temp'
             FROM bastion_internal.reached_by(relation) t JOIN pg_class c ON c.oid = t);
END
$$;
COMMENT ON FUNCTION bastion_internal.reached_owner(regclass) IS
'The role and the search_path with which code of the tables that foreign keys of a table reach must run: the only owner who is not a superuser, NULL for none. SQLSTATE 55000 for several.';

CREATE FUNCTION bastion_internal.tenant_to_delete(tenant text, OUT id uuid, OUT owner oid, OUT path text)
RETURNS record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unrecorded regclass;
BEGIN
    -- Uses of a quota hold this lock while they wait for rows that refer to the tenant: it goes before the lock of the row.
    PERFORM bastion_internal.quota_lock(bastion_internal.find_tenant(tenant), false, true);
    SELECT t.id INTO tenant_to_delete.id FROM bastion.tenants t WHERE t.id = bastion_internal.find_tenant(tenant) FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'tenant does not exist' USING ERRCODE = 'undefined_object';
    END IF;
    SELECT r INTO unrecorded FROM bastion_internal.unrecorded_tables() r LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'table "%" is protected and has no record', unrecorded USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Its rows of the tenant would stay. bastion.lint() shows the call that writes the record.';
    END IF;
    SELECT r.owner, r.path INTO tenant_to_delete.owner, tenant_to_delete.path FROM bastion_internal.reached_owner('bastion.tenants') r;
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_to_delete(text) IS
'The first step of tenant_delete(): locks the tenant, its quotas first.';

CREATE FUNCTION bastion_internal.tenant_rows_delete(tenant uuid) RETURNS TABLE (relation regclass, deleted bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    old_tenant bastion.tenants;
    spec bastion.protected_tables;
    counts jsonb := '{}';
BEGIN
    SELECT * INTO old_tenant FROM bastion.tenants t WHERE t.id = tenant;
    FOR spec IN
        SELECT n.* FROM bastion_internal.referring_first(ARRAY(
            SELECT p.relation FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation)) WITH ORDINALITY r (relation, position)
        JOIN bastion.protected_tables p ON p.relation = r.relation, bastion_internal.protection_now(p) n ORDER BY r.position
    LOOP
        relation := spec.relation;
        deleted := bastion_internal.as_table_owner(spec.relation,
            format('WITH deleted AS (DELETE FROM %s WHERE %I OPERATOR(pg_catalog.=) $1::%s RETURNING 1) '
                   'SELECT pg_catalog.count(*) FROM deleted', spec.relation, spec.tenant_column,
                   (SELECT c.base_type FROM bastion_internal.column_state(spec.relation, spec.tenant_column) c)),
            bastion_internal.tenant_value(spec, old_tenant.id))::bigint;
        counts := counts || jsonb_build_object(spec.relation::text, deleted);
        RETURN NEXT;
    END LOOP;
    PERFORM bastion_internal.record_event('tenant_deleted', 'success', NULL, old_tenant.id, jsonb_build_object(
        'slug', old_tenant.slug, 'name', old_tenant.name, 'rows', counts, 'by', session_user));
END
$$;
COMMENT ON FUNCTION bastion_internal.tenant_rows_delete(uuid) IS
'The second step of tenant_delete(): deletes the rows of protected tables as the owner of each table, and records the deletion.';
SELECT bastion_internal.event_kind('tenant_deleted');

-- In C and SECURITY INVOKER, so that triggers that the operator deferred fire first, as the operator.
CREATE FUNCTION bastion.tenant_delete(tenant text) RETURNS TABLE (relation regclass, deleted bigint)
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_delete_tenant';
COMMENT ON FUNCTION bastion.tenant_delete(text) IS
'Deletes a tenant (uuid or slug): its rows in every protected table, referring tables first, then its units, roles, memberships and the tenant itself.
Users and events stay. Its data keys are deleted too: nothing that was sealed for it can be opened again (tenant_shred() says what backups keep). Triggers of a table fire as its owner; code that foreign key actions fire runs as the owner of the tables that these reach. Both run in a security-restricted operation with the schemas of the tables and pg_temp as search_path. Constraints are immediate until the end of the transaction.
Returns the number of deleted rows of each table.
For operators: EXECUTE is granted to nobody.
SQLSTATE 23503 when other rows refer to rows of the tenant, 27000 when a trigger or rule prevents the deletion of the tenant, 42501, 42704, 55000 when foreign keys reach tables of several owners, when a protected table has no record, or when another library prevents pg_bastion from supervising foreign keys, 55006 when a guard covers its data keys (data_key_guard_set()).';
