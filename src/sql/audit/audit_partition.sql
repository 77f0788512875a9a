
-- Partitions of the log of changes: those of months, and what each partition needs so that its entries stay as they were written.

CREATE FUNCTION bastion_internal.audit_partitions() RETURNS TABLE (partition regclass, is_default boolean, starts timestamptz, ends timestamptz, problem text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET datestyle = 'ISO'
SET timezone = 'UTC'
AS $$
    SELECT t.relid, b.bound = 'DEFAULT', coalesce(f.at[1]::timestamptz, '-infinity'), coalesce(u.at[1]::timestamptz, 'infinity'),
           CASE WHEN g.oid IS NULL THEN 'trigger audit_rows_append_only is missing'
                WHEN g.tgfoid <> 'bastion_internal.keep_events()'::regprocedure OR g.tgtype <> 58 OR g.tgqual IS NOT NULL
                     OR cardinality(g.tgattr::smallint[]) > 0 THEN 'trigger audit_rows_append_only is altered'
                WHEN g.tgenabled <> 'A' THEN 'trigger audit_rows_append_only is not enabled always'
                WHEN NOT c.relrowsecurity THEN 'row security is off' END
    FROM pg_partition_tree('bastion.audit_rows') t JOIN pg_class c ON c.oid = t.relid
    CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound) b
    CROSS JOIN LATERAL (SELECT regexp_match(b.bound, '^FOR VALUES FROM [(]''([^'']+)''[)]') AS at) f
    CROSS JOIN LATERAL (SELECT regexp_match(b.bound, ' TO [(]''([^'']+)''[)]$') AS at) u
    LEFT JOIN pg_trigger g ON g.tgrelid = c.oid AND g.tgname = 'audit_rows_append_only' AND NOT g.tgisinternal
    WHERE t.isleaf AND t.level > 0
$$;
COMMENT ON FUNCTION bastion_internal.audit_partitions() IS
'The partitions of the log of changes, the time that each covers, and what it lacks so that nobody changes or reads its entries directly.';

CREATE FUNCTION bastion_internal.audit_partition_mends(partition regclass) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT format(s, partition, 'DELETE OR TRUNCATE OR UPDATE', 'INSERT OR DELETE OR UPDATE') FROM unnest(ARRAY[
        'DROP TRIGGER IF EXISTS audit_rows_append_only ON %1$s;',
        'CREATE TRIGGER audit_rows_append_only BEFORE %2$s ON %1$s FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.keep_events();',
        'ALTER TABLE %1$s ENABLE ALWAYS TRIGGER audit_rows_append_only;',
        'DROP TRIGGER IF EXISTS "!foreign_code" ON %1$s;',
        'CREATE TRIGGER "!foreign_code" BEFORE %3$s ON %1$s FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.guard_foreign_code();',
        'ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY;']) s
$$;
COMMENT ON FUNCTION bastion_internal.audit_partition_mends(regclass) IS 'The statements that give a partition of the log of changes its triggers and row security.';

-- Months begin in UTC, whatever the time zone of the session is.
CREATE FUNCTION bastion_internal.audit_months_missing(months integer) RETURNS SETOF timestamptz
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
    SELECT m FROM generate_series(0, least(months, 120)) n, LATERAL (SELECT date_trunc('month', statement_timestamp()) + make_interval(months => n) AS m) s
    WHERE NOT EXISTS (SELECT FROM bastion_internal.audit_partitions() p WHERE NOT p.is_default AND p.starts < m + interval '1 month' AND p.ends > m)
      AND NOT EXISTS (SELECT FROM bastion.audit_rows_default d WHERE d.occurred_at >= m AND d.occurred_at < m + interval '1 month')
    ORDER BY m
$$;
COMMENT ON FUNCTION bastion_internal.audit_months_missing(integer) IS
'The beginnings of this month and of so many that follow, at most 120, without a partition of the log of changes, except those that the default one has entries of.';

CREATE FUNCTION bastion_internal.audit_partition_problems() RETURNS TABLE (severity text, partition regclass, problem text, fix text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'error', p.partition, 'entries can be changed or read directly: ' || p.problem, 'SELECT bastion.audit_partitions_create(0);'
    FROM bastion_internal.audit_partitions() p WHERE p.problem IS NOT NULL
    UNION ALL
    SELECT 'warning', 'bastion.audit_rows', 'no partition of a month: that of ' || to_char(m AT TIME ZONE 'UTC', 'YYYY-MM'), 'SELECT bastion.audit_partitions_create();'
    FROM bastion_internal.audit_months_missing(1) m
    WHERE EXISTS (SELECT FROM bastion_internal.audit_partitions() p WHERE NOT p.is_default)
$$;
COMMENT ON FUNCTION bastion_internal.audit_partition_problems() IS
'Partitions of the log of changes without what keeps their entries, and, where there are partitions of months, this and the next month without one.';

CREATE FUNCTION bastion_internal.audit_partition_make(month timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO'
SET timezone = 'UTC'
SET quote_all_identifiers = off
AS $$
DECLARE
    name CONSTANT text := 'bastion.audit_rows_' || to_char(month, 'YYYYMM');
    statement text;
BEGIN
    IF isfinite(month) IS NOT TRUE THEN
        RAISE EXCEPTION 'invalid month' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM bastion_internal.run_unseen(format('CREATE TABLE %s (LIKE bastion.audit_rows_default INCLUDING INDEXES INCLUDING STORAGE)', name));
    PERFORM bastion_internal.run_unseen(format('COMMENT ON TABLE %s IS %L', name, to_char(month, '"Entries of" YYYY-MM, "in UTC. Granted to nobody"')));
    FOR statement IN SELECT m FROM bastion_internal.audit_partition_mends(name::regclass) m LOOP
        PERFORM bastion_internal.run_unseen(statement);
    END LOOP;
    PERFORM bastion_internal.run_unseen(format('ALTER TABLE bastion.audit_rows ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', name, month, month + interval '1 month'));
END
$$;
COMMENT ON FUNCTION bastion_internal.audit_partition_make(timestamptz) IS
'Makes the partition of a month of the log of changes. No event trigger fires, because those of others would run with the rights of the extension. SQLSTATE 22023, 42P07 when the table exists.';

CREATE FUNCTION bastion.audit_partitions_create(months integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    month timestamptz;
    made integer := 0;
    statement text;
BEGIN
    IF (months BETWEEN 0 AND 120) IS NOT TRUE THEN
        RAISE EXCEPTION 'months must be from 0 to 120' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    LOCK TABLE bastion.audit_rows IN SHARE ROW EXCLUSIVE MODE;
    FOR statement IN SELECT m FROM bastion_internal.audit_partitions() p, bastion_internal.audit_partition_mends(p.partition) m WHERE p.problem IS NOT NULL LOOP
        PERFORM bastion_internal.run_unseen(statement);
    END LOOP;
    FOR month IN SELECT m FROM bastion_internal.audit_months_missing(months) m LOOP
        PERFORM bastion_internal.audit_partition_make(month);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION bastion.audit_partitions_create(integer) IS
'Makes the missing partitions of the log of changes for this month and for so many that follow, 0 to 120, in UTC; returns how many it made. A month of which the default partition has entries stays there. Also gives partitions that an operator attached the trigger that keeps entries as they are, and row security.
To be called each month, from cron. While it runs, audited writes wait; it reads the default partition once for each partition that it makes. audit_drift() names a month without a partition in time.
For operators: EXECUTE is granted to nobody, and may be granted to the role of a job.
SQLSTATE 22023, 42P07 when there is another table of the name, as audit_rows_202611, in schema bastion.';
