-- Rows whose tenant does not exist: no policy shows them to anybody. And keys that are unique across tenants on purpose.

CREATE FUNCTION bastion_internal.column_values(relation regclass, column_name name, per_million integer) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'bastion_column_values';
COMMENT ON FUNCTION bastion_internal.column_values(regclass, name, integer) IS
'Counts the rows of a table by the values of a column, as the owner of the table and past its row security; from a sample of its pages if per_million is less than a million. Returns a JSON object, NULL for no row.
SQLSTATE 2202H for a share that is none, 42501 for another role''s table, 42601 and 42703 for an unknown column, 42809, 42P01.';
SELECT bastion_internal.callable_by('bastion_internal.column_values(regclass, name, integer)', 'migration');

CREATE FUNCTION bastion_internal.holds_number(relation regclass, column_name name) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.base_type IN ('bigint'::regtype, 'integer'::regtype) FROM bastion_internal.column_state(relation, column_name) c
$$;
COMMENT ON FUNCTION bastion_internal.holds_number(regclass, name) IS 'Whether a column holds numbers of tenants, not their ids.';
SELECT bastion_internal.callable_by('bastion_internal.holds_number(regclass, name)', 'migration');

-- SECURITY DEFINER, because the owner of a table may not read the tenants.
CREATE FUNCTION bastion_internal.values_without_tenant(counts jsonb, by_number boolean) RETURNS TABLE (value text, "rows" bigint, is_slug boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SECURITY DEFINER ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.key, e.value::bigint, EXISTS (SELECT FROM bastion.tenants t WHERE t.slug = e.key)
    FROM jsonb_each_text(counts) e
    WHERE NOT EXISTS (SELECT FROM bastion.tenants t WHERE e.key = CASE WHEN by_number THEN t.number::text ELSE t.id::text END)
$$;
COMMENT ON FUNCTION bastion_internal.values_without_tenant(jsonb, boolean) IS
'Of the values of a tenant column, with their numbers of rows, those that are no id and no number of a tenant; is_slug: it is the slug of one.';
SELECT bastion_internal.callable_by('bastion_internal.values_without_tenant(jsonb, boolean)', 'migration');

CREATE FUNCTION bastion_internal.check_tenants(relation regclass, column_name name) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_rows bigint;
    found_values bigint;
    first_values text;
    are_slugs boolean;
BEGIN
    SELECT sum(v.rows), count(*), string_agg(format('"%s"', left(v.value, 40)), ', ' ORDER BY v.place) FILTER (WHERE v.place <= 3), bool_and(v.is_slug)
    INTO found_rows, found_values, first_values, are_slugs
    FROM (SELECT w.*, row_number() OVER (ORDER BY w.value COLLATE "C") AS place
          FROM bastion_internal.values_without_tenant(bastion_internal.column_values(relation, column_name, 1000000)::jsonb,
                                                        bastion_internal.holds_number(relation, column_name)) w) v;
    IF found_rows > 0 THEN
        RAISE EXCEPTION 'column "%" of relation "%" names no tenant in % row(s)', column_name, relation, found_rows
            USING ERRCODE = 'foreign_key_violation', DETAIL = format('%s value(s), the first of which are %s.', found_values, first_values),
                  HINT = CASE WHEN are_slugs
                              THEN 'These are slugs: add a column with the id of the tenant, as docs/TABLES.md shows.'
                              ELSE 'Nobody would see these rows. Create the tenants or correct the rows; unknown => ''keep'' keeps them as they are.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_tenants(regclass, name) IS 'Counts and refuses rows whose tenant does not exist: 23503.';
SELECT bastion_internal.callable_by('bastion_internal.check_tenants(regclass, name)', 'migration');

CREATE FUNCTION bastion.unknown_tenants(relation regclass, exact boolean DEFAULT false) RETURNS TABLE (value text, "rows" bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    column_name name := (SELECT n.tenant_column FROM bastion.protected_tables p, bastion_internal.protection_now(p) n
                         WHERE p.relation = unknown_tenants.relation);
    estimate double precision := (SELECT sum(greatest(c.reltuples, 0)) FROM bastion_internal.protect_tree(relation) t JOIN pg_class c ON c.oid = t.member
                                  WHERE c.relkind = 'r');
    per_million integer := CASE WHEN exact IS TRUE OR estimate <= 1000000 THEN 1000000 ELSE greatest(1000000 * (100000 / estimate), 1) END;
BEGIN
    IF column_name IS NULL THEN
        RAISE EXCEPTION 'table is not protected' USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call bastion.protect() first.';
    END IF;
    RETURN QUERY
        SELECT v.value, v.rows * 1000000 / per_million
        FROM bastion_internal.values_without_tenant(bastion_internal.column_values(relation, column_name, per_million)::jsonb,
                                                    bastion_internal.holds_number(relation, column_name)) v
        ORDER BY v.rows DESC, v.value COLLATE "C";
END
$$;
COMMENT ON FUNCTION bastion.unknown_tenants(regclass, boolean) IS
'Lists the values of the tenant column of a protected table that name no tenant, with the number of their rows, which nobody sees. Estimated from a sample of pages above a million rows, unless exact.
For the owner of the table.
SQLSTATE 42501 for another role''s table, 55000 for a table that is not protected.';
SELECT bastion_internal.callable_by('bastion.unknown_tenants(regclass, boolean)', 'migration');

CREATE FUNCTION bastion_internal.check_global_keys(relation regclass, global_keys name[]) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unknown_key name := (SELECT k FROM unnest(global_keys) k WHERE NOT EXISTS (
        SELECT FROM bastion_internal.protect_tree(relation) t JOIN pg_index i ON i.indrelid = t.member AND i.indisunique
        JOIN pg_class c ON c.oid = i.indexrelid AND c.relname = k) LIMIT 1);
BEGIN
    IF unknown_key IS NOT NULL THEN
        RAISE EXCEPTION 'table % has no unique constraint or index "%"', relation, unknown_key USING ERRCODE = 'undefined_object';
    ELSIF array_position(global_keys, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'global_keys must not contain nulls' USING ERRCODE = 'null_value_not_allowed';
    END IF;
END
$$;
COMMENT ON FUNCTION bastion_internal.check_global_keys(regclass, name[]) IS
'Refuses names of global keys that no unique index of the table has: 22004, 42704.';
SELECT bastion_internal.callable_by('bastion_internal.check_global_keys(regclass, name[])', 'migration');
