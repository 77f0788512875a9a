
-- The end of a tenant. Rows of protected tables name it without a foreign key, so nothing else would delete them. They are
-- deleted as the owner of each table, so that its triggers get no further rights.

-- A table that refers to another one refers, through that one, to more tables than that one does.
CREATE FUNCTION bastion.referring_first(relations regclass[]) RETURNS SETOF regclass
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE reached AS (
        SELECT r::oid AS start, r::oid AS oid FROM unnest(relations) r
        UNION
        SELECT x.start, k.confrelid FROM reached x JOIN pg_constraint k ON k.contype = 'f' AND k.conrelid = x.oid
    )
    SELECT start::regclass FROM reached GROUP BY start ORDER BY count(*) DESC, start::regclass::text
$$;
COMMENT ON FUNCTION bastion.referring_first(regclass[]) IS
'Tables, each before those that its foreign keys refer to. Internal.';

CREATE FUNCTION bastion.tenant_delete(tenant text) RETURNS TABLE (relation regclass, deleted bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old_tenant bastion.tenants;
    spec bastion.protected_tables;
    counts jsonb := '{}';
BEGIN
    SELECT * INTO old_tenant FROM bastion.tenants t WHERE t.id = bastion.find_tenant(tenant) FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such tenant' USING ERRCODE = 'undefined_object';
    END IF;
    FOR spec IN
        SELECT p.* FROM bastion.referring_first(ARRAY(
            SELECT p.relation FROM bastion.protected_tables p JOIN pg_class c ON c.oid = p.relation)) WITH ORDINALITY r (relation, position)
        JOIN bastion.protected_tables p ON p.relation = r.relation ORDER BY r.position
    LOOP
        relation := spec.relation;
        deleted := bastion.as_table_owner(spec.relation,
            format('WITH deleted AS (DELETE FROM %s WHERE %I = $1::%s RETURNING 1) SELECT count(*) FROM deleted', spec.relation,
                   spec.tenant_column, (SELECT c.base_type FROM bastion.column_state(spec.relation, spec.tenant_column) c)),
            bastion.tenant_value(spec, old_tenant.id))::bigint;
        counts := counts || jsonb_build_object(spec.relation::text, deleted);
        RETURN NEXT;
    END LOOP;
    DELETE FROM bastion.tenants t WHERE t.id = old_tenant.id;
    PERFORM bastion.record_event('tenant_deleted', 'success', NULL, old_tenant.id, jsonb_build_object(
        'slug', old_tenant.slug, 'name', old_tenant.name, 'rows', counts, 'by', session_user));
END
$$;
COMMENT ON FUNCTION bastion.tenant_delete(text) IS
'Deletes a tenant (uuid or slug): its rows in every protected table, referring tables first, then its units, roles, memberships and itself; returns how many rows each table lost. Users stay, and so do events. Its data keys are deleted too: nothing that was sealed for it opens again (shred_tenant() says what backups keep). Triggers of the tables fire, with the rights of the owners of the tables. For operators: EXECUTE is granted to nobody. SQLSTATE 23503 when rows elsewhere refer to the tenant''s, 42501, 42704.';
