-- The findings of lint() about functions that run before policies, and about indexes that row security makes useless.

CREATE FUNCTION bastion_internal.lint_leakproof() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', p.oid::regprocedure::text, 'LEAKPROOF, so that it runs ahead of policies, on the rows of everybody',
           format('ALTER ROUTINE %s NOT LEAKPROOF;', p.oid::regprocedure)
    FROM pg_proc p WHERE p.proleakproof AND p.oid >= 16384 AND NOT bastion_internal.is_ours(p.oid, 'pg_proc')
$$;
COMMENT ON FUNCTION bastion_internal.lint_leakproof() IS 'Findings about functions that run before policies.';

-- A clause that may not run ahead of the policies is no index condition. An index serves a search if one of its operators may; for the
-- pattern operator classes that is LIKE. The functions of an expression must all be allowed to. An ordering operator is not a
-- condition: a nearest-neighbor search can use its index, and a btree always sorts.
CREATE FUNCTION bastion_internal.index_columns(index regclass) RETURNS TABLE (place integer, searches boolean, sorts boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT n.place + 1,
           EXISTS (SELECT FROM pg_amop o JOIN pg_operator p ON p.oid = o.amopopr
                   WHERE o.amopfamily = k.opcfamily AND o.amoplefttype IN (k.opcintype, 'anyarray'::regtype, 'anyrange'::regtype)
                     AND o.amoppurpose = 's' AND bastion_internal.may_search(p.oprcode))
           AND (i.indkey[n.place] <> 0 OR NOT EXISTS (
                    SELECT FROM regexp_matches(i.indexprs::text, ':(?:op)?funcid ([0-9]+)', 'g') m
                    WHERE NOT bastion_internal.may_search(m[1]::oid))),
           am.amname = 'btree' OR EXISTS (SELECT FROM pg_amop o WHERE o.amopfamily = k.opcfamily AND o.amoppurpose = 'o')
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam
    CROSS JOIN generate_series(0, i.indnkeyatts - 1) AS n (place)
    JOIN pg_opclass k ON k.oid = i.indclass[n.place]
    WHERE i.indexrelid = index
$$;
COMMENT ON FUNCTION bastion_internal.index_columns(regclass) IS
'The key columns of an index: whether a condition on them can use it under row security, and whether it can sort by them.';

CREATE FUNCTION bastion_internal.lint_indexes() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'info', f.index::text, f.problem, CASE WHEN f.useless THEN format('DROP INDEX %s;', f.index) ELSE bastion_internal.acceptance(f.index::text, f.problem) END
    FROM (SELECT i.indexrelid::regclass AS index, k.useless,
                 CASE WHEN k.useless
                      THEN 'no operator of this index may run ahead of policies: under row security it serves only roles that bypass it'
                      ELSE format('conditions on %s cannot use this index: their operators or functions may not run ahead of policies, see search_operators()',
                                  k.columns) END AS problem
          FROM bastion_internal.protected_members() m JOIN pg_index i ON i.indrelid = m.member AND NOT i.indisunique
          JOIN pg_class c ON c.oid = i.indexrelid AND NOT c.relispartition,
          -- A partial index serves queries for its rows, whatever its columns can do.
          LATERAL (SELECT i.indpred IS NULL AND NOT bool_or(x.searches) AND NOT bool_or(x.sorts) AS useless,
                          string_agg(pg_get_indexdef(i.indexrelid, x.place, false), ', ' ORDER BY x.place) FILTER (WHERE NOT x.searches) AS columns,
                          bool_or(NOT x.searches AND NOT (x.sorts AND c.relam <> (SELECT a.oid FROM pg_am a WHERE a.amname = 'btree'))) AS worth
                   FROM bastion_internal.index_columns(i.indexrelid) x) k
          WHERE k.worth) f
$$;
COMMENT ON FUNCTION bastion_internal.lint_indexes() IS 'Findings about indexes, and columns of indexes, that are no condition under row security.';

-- A full-text search without an index reads every row of the tenant.
CREATE FUNCTION bastion_internal.lint_searches() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'info', m.relation::text, format('no index searches column "%s"', a.attname), format('CREATE INDEX ON %s USING %s (%I);', m.relation, 'gin', a.attname)
    FROM bastion.protected_tables m JOIN pg_attribute a ON a.attrelid = m.relation AND a.attnum > 0 AND NOT a.attisdropped
    WHERE a.atttypid = 'tsvector'::regtype
      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = m.relation AND a.attnum = ANY (i.indkey::smallint[]))
$$;
COMMENT ON FUNCTION bastion_internal.lint_searches() IS 'Findings about columns for full-text search without an index.';

-- Autovacuum analyzes partitions, never the table that has them; the share that a tenant has of the whole is read from the latter.
CREATE FUNCTION bastion_internal.lint_statistics() RETURNS TABLE (severity text, object text, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT 'info', c.oid::regclass::text, 'a partitioned table that was never analyzed: plans do not know the size of a tenant', format('ANALYZE %s;', c.oid::regclass)
    FROM bastion.protected_tables t JOIN pg_class c ON c.oid = t.relation AND c.relkind = 'p' AND c.reltuples < 0
    WHERE EXISTS (SELECT FROM pg_partition_tree(c.oid) p JOIN pg_class m ON m.oid = p.relid WHERE p.isleaf AND m.reltuples > 0)
$$;
COMMENT ON FUNCTION bastion_internal.lint_statistics() IS 'Findings about partitioned tables without statistics of the whole.';
