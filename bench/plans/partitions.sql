-- Partitions by hash of the tenant: prepared statements, planned once, under the policies and by the owner with tenant_id = $1.
-- After tables.sql.
CREATE FUNCTION bench.partition(partitions integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text := 'parts_of_' || partitions;
BEGIN
    EXECUTE format('CREATE TABLE %I (id bigint, tenant_id uuid NOT NULL, order_id bigint, price numeric) PARTITION BY HASH (tenant_id)', parent);
    FOR i IN 0 .. partitions - 1 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)', parent || '_' || i, parent, partitions, i);
    END LOOP;
    EXECUTE format('INSERT INTO %I SELECT id, tenant_id, order_id, price FROM items WHERE id %% 10 = 0', parent);
    PERFORM bastion.protect(parent::regclass);
    EXECUTE format('GRANT SELECT ON %I TO app, plain', parent);
    EXECUTE format('ANALYZE %I', parent);
END
$$;
-- One prepared statement of each side; planning is the first run of a new one, execution the median of later ones.
CREATE FUNCTION bench.compare_partitions(partitions integer, query text, who bench.tenants, rounds integer)
RETURNS TABLE (partitions_of integer, tenant text, planning_ms numeric, planning_ratio numeric, policy_ms numeric, owner_ms numeric, ratio numeric)
LANGUAGE plpgsql AS $$
DECLARE
    filled text := replace(query, '{t}', 'parts_of_' || partitions);
    took double precision[] := '{}';
    parts double precision[][] := ARRAY[]::double precision[][];
BEGIN
    PERFORM bench.enter(who.token);
    SET LOCAL plan_cache_mode = force_generic_plan;
    FOR round IN 0 .. rounds LOOP
        IF round % 4 = 0 THEN
            DEALLOCATE ALL;
            SET LOCAL ROLE app;
            EXECUTE 'PREPARE ours AS ' || filled;
            SET LOCAL ROLE plain;
            EXECUTE 'PREPARE theirs (uuid) AS ' || filled || ' WHERE tenant_id = $1';
            RESET ROLE;
            took := ARRAY[bench.time_of('EXPLAIN EXECUTE ours', 'app', NULL),
                          bench.time_of(format('EXPLAIN EXECUTE theirs (%L)', who.id), 'plain', NULL)];
        END IF;
        parts := parts || ARRAY[took || bench.time_of('EXECUTE ours', 'app', NULL) || bench.time_of(format('EXECUTE theirs (%L)', who.id), 'plain', NULL)];
    END LOOP;
    DEALLOCATE ALL;
    RETURN QUERY
        SELECT partitions, who.label, round(m[1]::numeric, 2), round((m[1] / m[2])::numeric, 2), round(m[3]::numeric, 3), round(m[4]::numeric, 3),
               round((m[3] / m[4])::numeric, 2)
        FROM (SELECT array_agg(bench.median(ARRAY(SELECT parts[r][k] FROM generate_series(2, rounds + 1) r)) ORDER BY k) AS m
              FROM generate_series(1, 4) k) x;
END
$$;
\echo partitions by tenant, prepared once: planning, and execution with at most 1.3 of the owner''s for 64
SELECT FROM unnest('{8,64,1000}'::integer[]) n, bench.partition(n);
SELECT FROM bench.renew() \gset _
SELECT p.* FROM bench.tenants t, unnest('{8,64,1000}'::integer[]) n, LATERAL bench.compare_partitions(n, 'SELECT count(price) FROM {t}', t, 40) p
WHERE t.label = '0.1 %';
