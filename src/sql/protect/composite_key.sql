
-- Unique and foreign keys that begin with the tenant. Other keys reveal to one tenant what another has, or let a row refer to a row
-- of another tenant. protect() reports them; the owner decides whether to change them, so it is a separate call.

CREATE FUNCTION bastion_internal.plan_composite_keys(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT f.fix FROM bastion_internal.lint_foreign_keys() f
    WHERE f.fix IS NOT NULL AND f.object IN (SELECT format('constraint %I on %s', k.conname, k.conrelid::regclass) FROM pg_constraint k
                       WHERE k.conrelid IN (SELECT t.member FROM bastion_internal.protect_tree(plan_composite_keys.relation) t))
    UNION ALL
    SELECT u.fix FROM bastion_internal.lint_unique() u
    WHERE u.object IN (SELECT i.indexrelid::regclass::text FROM pg_index i
                       WHERE i.indrelid IN (SELECT t.member FROM bastion_internal.protect_tree(plan_composite_keys.relation) t))
$$;
COMMENT ON FUNCTION bastion_internal.plan_composite_keys(regclass) IS
'The statements that make the foreign and unique keys of a protected table begin with the tenant.';
SELECT bastion_internal.callable_by('bastion_internal.plan_composite_keys(regclass)', 'migration');

CREATE FUNCTION bastion_internal.offer_composite_keys(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bastion_internal.plan_composite_keys(relation)) THEN
        RAISE NOTICE 'keys of table % reach across tenants', relation
            USING DETAIL = 'An error of such a key reveals rows of another tenant.',
                  HINT = format('SELECT bastion.composite_keys_create(%L); makes them begin with the tenant.', relation);
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.offer_composite_keys(regclass) IS
'Raises a notice if keys of a protected table reach across tenants.';
SELECT bastion_internal.callable_by('bastion_internal.offer_composite_keys(regclass)', 'migration');

CREATE FUNCTION bastion_internal.composite_keys_create_statements(relation regclass, dry_run boolean) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF relation IS NULL OR NOT EXISTS (SELECT FROM bastion.protected_tables p WHERE p.relation = composite_keys_create_statements.relation) THEN
        RAISE EXCEPTION 'table is not protected' USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Call bastion.protect() first.';
    END IF;
    RETURN ARRAY(SELECT bastion_internal.plan_composite_keys(composite_keys_create_statements.relation));
END
$$;
COMMENT ON FUNCTION bastion_internal.composite_keys_create_statements(regclass, boolean) IS 'The statements of composite_keys_create().';

CREATE FUNCTION bastion.composite_keys_create(relation regclass, dry_run boolean DEFAULT false) RETURNS TABLE (statement text)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10
AS 'MODULE_PATHNAME', 'bastion_composite_keys_create';
COMMENT ON FUNCTION bastion.composite_keys_create(regclass, boolean) IS
'Makes the unique and foreign keys of a protected table begin with its tenant column: no error reveals rows of another tenant, and no row refers to a row of another tenant.
These stay: primary keys, keys over the tenant, a uuid or an identity column, and keys that protect(global_keys => ...) names. So do keys of a table with one row for each tenant. A foreign key also gets the unique key that it needs on the referenced table, which must be protected too.
Returns what it did, or with dry_run only the statements; no row if there is nothing to do.
For the owner of the table.
SQLSTATE 55000 for a table that is not protected, 2BP01 when a foreign key of another table depends on a key (change that table first), 23503 when rows already refer to another tenant''s, 42501.';
SELECT bastion_internal.callable_by('bastion.composite_keys_create(regclass, boolean)', 'migration');
