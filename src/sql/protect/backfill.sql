-- Fills the ACL column of a large table before protect(), in batches of one transaction each.

CREATE FUNCTION bastion_internal.open_acl_column_statements(
    relation regclass, tenant name, owner name, visibility text, acl name, batch integer) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bastion_internal.check_protectable(relation);
    PERFORM bastion_internal.check_tree(relation);
    PERFORM bastion_internal.check_sharing('tenant', visibility, acl, 'refuse', ARRAY[tenant, owner]);
    PERFORM bastion_internal.check_column(relation, tenant, 'tenant');
    PERFORM bastion_internal.check_column(relation, owner, 'owner') WHERE owner IS NOT NULL;
    PERFORM bastion_internal.check_acl_column(relation, acl);
    IF batch IS NULL OR batch < 1 THEN
        RAISE EXCEPTION 'batch must be at least 1' USING ERRCODE = 'invalid_parameter_value';
    ELSIF EXISTS (SELECT FROM bastion_internal.protect_tree(relation) t WHERE row_security_active(t.member)) THEN
        RAISE EXCEPTION 'row security hides rows of table % from role %', relation, current_user
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Call it as a role with BYPASSRLS, or let protect() fill the column.';
    END IF;
    PERFORM bastion_internal.check_owner_may_fill(relation);
    IF EXISTS (SELECT FROM bastion_internal.column_state(relation, acl)) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY[format('ALTER TABLE %s ADD COLUMN %I bigint', relation, acl),
                 format('COMMENT ON COLUMN %s.%I IS %L', relation, acl, 'made by bastion.protect()')];
END
$$;
COMMENT ON FUNCTION bastion_internal.open_acl_column_statements(regclass, name, name, text, name, integer) IS
'Checks the arguments of acl_backfill(); returns the statements that add the column if it is missing.';

CREATE FUNCTION bastion_internal.open_acl_column(relation regclass, tenant name, owner name, visibility text, acl name, batch integer)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_open_acl_column';
COMMENT ON FUNCTION bastion_internal.open_acl_column(regclass, name, name, text, name, integer) IS
'Checks the arguments of acl_backfill() and adds the column if it is missing. SQLSTATE as acl_backfill(): 22004, 22023, 42501, 42601, 42611, 42701, 42703, 42804, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion_internal.open_acl_column(regclass, name, name, text, name, integer)', 'migration');

-- A caller who is not the owner first runs SET CONSTRAINTS ALL IMMEDIATE: PostgreSQL refuses deferred triggers in a
-- security-restricted operation.
CREATE FUNCTION bastion_internal.fill_pages(member regclass, tenant name, owner name, visibility text, acl name, first bigint, past bigint)
RETURNS void
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_fill_pages';
COMMENT ON FUNCTION bastion_internal.fill_pages(regclass, name, name, text, name, bigint, bigint) IS
'Fills the ACL column for the rows of some pages, as the owner of the table if that is another role.
SQLSTATE 0A000, 42601 and 42703 for an unknown column, 23503, 42501 for another role''s table, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion_internal.fill_pages(regclass, name, name, text, name, bigint, bigint)', 'migration');

CREATE FUNCTION bastion_internal.backfill_steps(relation regclass, batch integer)
RETURNS TABLE (member regclass, pages bigint, step bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT t.member, s.pages,
           greatest(1, CASE WHEN c.reltuples > 0 AND c.relpages > 0 THEN batch * c.relpages / c.reltuples ELSE batch / 50.0 END)::bigint
    FROM bastion_internal.protect_tree(relation) t JOIN pg_class c ON c.oid = t.member AND c.relkind = 'r',
         LATERAL (SELECT pg_relation_size(c.oid) / current_setting('block_size')::integer AS pages) s
    ORDER BY t.depth, t.member::text
$$;
COMMENT ON FUNCTION bastion_internal.backfill_steps(regclass, integer) IS
'Lists the tables that hold rows, their pages, and the number of pages in a batch.';
SELECT bastion_internal.callable_by('bastion_internal.backfill_steps(regclass, integer)', 'migration');

-- A procedure with a pinned search_path could not commit, so every name here is qualified or SQL syntax.
CREATE PROCEDURE bastion.acl_backfill(
    relation regclass, tenant_column name DEFAULT 'tenant_id', owner_column name DEFAULT NULL, visibility text DEFAULT 'tenant',
    acl_column name DEFAULT 'acl_id', batch integer DEFAULT 10000)
LANGUAGE plpgsql
AS $$
DECLARE
    member pg_catalog.regclass;
    pages bigint;
    step bigint;
    page bigint;
BEGIN
    PERFORM bastion_internal.open_acl_column(relation, tenant_column, owner_column, visibility, acl_column, batch);
    COMMIT;
    FOR member, pages, step IN SELECT * FROM bastion_internal.backfill_steps(relation, batch) LOOP
        page := 0;
        WHILE page OPERATOR(pg_catalog.<) pages LOOP
            PERFORM bastion_internal.fill_pages(member, tenant_column, owner_column, visibility, acl_column, page, page OPERATOR(pg_catalog.+) step);
            COMMIT;
            page := page OPERATOR(pg_catalog.+) step;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE bastion.acl_backfill(regclass, name, name, text, name, integer) IS
'Fills the ACL column of a table in batches before protect(sharing => ...), which would otherwise do it in one pass under an ACCESS EXCLUSIVE lock.
Adds the column if it is missing, and commits after every batch of about this many rows. It may be called again, and protect() fills rows that were added meanwhile. The other arguments are those of protect(). Cannot run inside a transaction block.
For the owner of the table, if row security does not hide rows.
SQLSTATE 22004 and 22023 for arguments, 23503 for a tenant that does not exist, 2D000 in a transaction block, 42501, 42611, 42703, 42804, 42809.';
SELECT bastion_internal.callable_by('bastion.acl_backfill(regclass, name, name, text, name, integer)', 'migration');
