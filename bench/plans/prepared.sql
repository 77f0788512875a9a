-- Prepared statements, which outlive a change of tenant: each run against a fresh plan for the same tenant, how often they are
-- planned, and what the change of tenant costs. After tables.sql.
-- The worst of the runs of tenants in this order, as a multiple of a fresh plan, by medians of processor time; and the worst of nobody, who runs
-- the plan of the last tenant. Either is measured first in turn: the first also finds out who the tenant is.
CREATE FUNCTION bench.prepared(label text, query text, mode text, rounds integer)
RETURNS TABLE (statement text, plan_cache_mode text, worst numeric, at_most numeric, run text, prepared_ms numeric, fresh_ms numeric)
LANGUAGE plpgsql AS $$
DECLARE
    steps text[] := array_fill(NULL::text, ARRAY[6]) || array_fill('0.01 %'::text, ARRAY[6])
                    || '{40 %,40 %,40 %,0.01 %,0.01 %,5 %,40 %,NULL,40 %,0.1 %,0.01 %,40 %}'::text[];
    took double precision[];
BEGIN
    CREATE TEMPORARY TABLE runs (step integer, tenant text, prepared double precision, fresh double precision);
    PERFORM set_config('plan_cache_mode', mode, true);
    FOR round IN 0 .. rounds LOOP
        SET LOCAL ROLE app;
        EXECUTE 'PREPARE measured AS ' || query;
        RESET ROLE;
        FOR step IN 1 .. cardinality(steps) LOOP
            PERFORM bench.enter((SELECT token FROM bench.tenants t WHERE t.label = steps[step]));
            FOR turn IN round % 2 .. round % 2 + 1 LOOP
                took[turn % 2] := bench.cpu_of(CASE WHEN turn % 2 = 0 THEN 'EXECUTE measured' ELSE query END, 'app');
            END LOOP;
            IF round > 0 THEN
                INSERT INTO runs VALUES (step, coalesce(steps[step], 'nobody'), took[0], took[1]);
            END IF;
        END LOOP;
        DEALLOCATE measured;
    END LOOP;
    RETURN QUERY
        SELECT DISTINCT ON (m.tenant = 'nobody') label, mode, round((m.p / m.f)::numeric, 2), CASE WHEN m.tenant <> 'nobody' THEN 2.0 END,
               format('run %s, %s', m.step, m.tenant), round(m.p::numeric, 3), round(m.f::numeric, 3)
        FROM (SELECT step, tenant, bench.median(array_agg(prepared)) AS p, bench.median(array_agg(fresh)) AS f FROM runs r GROUP BY step, tenant) m
        ORDER BY m.tenant = 'nobody', m.p / m.f DESC;
    DROP TABLE runs;
END
$$;
\set newest 'SELECT i.id FROM orders o JOIN items i ON i.order_id = o.id ORDER BY o.created_at DESC, i.id LIMIT 20'
\set exists 'SELECT count(*) FROM customers c WHERE EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id AND o.status = 5)'
\set sums 'SELECT c.kind, count(*), sum(i.price) FROM customers c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id WHERE o.status = 3 GROUP BY c.kind'
SELECT FROM bench.renew() \gset _
\echo prepared statements, planned without an identity first, then run by tenants of four sizes
SELECT p.* FROM (VALUES ('2 tables, newest', :'newest'), ('EXISTS', :'exists'), ('3 tables, sums', :'sums')) q (label, query),
                unnest('{auto,force_generic_plan}'::text[]) mode, LATERAL bench.prepared(label, query, mode, 6) p;

-- A plan leaves notes; those of another statement are still there where a run did not plan.
CREATE TABLE bench.tokens AS
SELECT row_number() OVER () AS n, bastion.token_issue((SELECT id FROM bastion.users WHERE email = 'owner@bench.test'), id) AS token
FROM bastion.tenants WHERE slug ~ '^tenant-1[0-9]{3}$';
CREATE FUNCTION bench.count_plans() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    each text;
    plans integer := 0;
BEGIN
    FOR each IN SELECT token FROM bench.tokens LOOP
        PERFORM bench.enter(each), set_config('role', 'app', true);
        EXECUTE 'EXPLAIN SELECT FROM products';
        EXECUTE 'EXECUTE newest';
        plans := plans + (SELECT count(*) FROM bastion.plan_notes() WHERE relation <> 'products'::regclass AND subject = 'tenant_id')::integer / 2;
        PERFORM set_config('role', 'none', true);
    END LOOP;
    RETURN plans;
END
$$;
SET ROLE app;
PREPARE newest AS :newest;
RESET ROLE;
SET plan_cache_mode = force_generic_plan;
\echo plans made for 1,000 small tenants in turn: 1
SELECT bench.count_plans();
RESET plan_cache_mode;

\echo a change of tenant within a class, in nanoseconds: less than 1,000 more with plans than without
-- Setting a token, and reading the tenant, so often; the median of five.
CREATE FUNCTION bench.changes(label text, tokens text[], n integer) RETURNS TABLE (plans text, setting numeric, and_reading numeric) LANGUAGE plpgsql AS $$
DECLARE
    began double precision;
    settings double precision[] := '{}';
    reads double precision[] := '{}';
    id uuid;
BEGIN
    FOR round IN 0 .. 5 LOOP
        began := bench.cpu_ms();
        FOR i IN 1 .. n LOOP
            PERFORM set_config('bastion.token', tokens[1 + i % cardinality(tokens)], true);
        END LOOP;
        settings := settings || (bench.cpu_ms() - began) * 1e6 / n;
        began := bench.cpu_ms();
        FOR i IN 1 .. n LOOP
            PERFORM set_config('bastion.token', tokens[1 + i % cardinality(tokens)], true);
            PERFORM bastion.tenant_id();
        END LOOP;
        reads := reads || (bench.cpu_ms() - began) * 1e6 / n;
    END LOOP;
    RETURN QUERY SELECT label, round(bench.median(settings[2:])::numeric), round(bench.median(reads[2:])::numeric);
END
$$;
SELECT array_agg(token) AS tokens FROM bench.tokens WHERE n <= 100 \gset
DEALLOCATE ALL;
DISCARD PLANS;
SELECT * FROM bench.changes('none', :'tokens', 20000);
SET ROLE app;
PREPARE newest AS :newest;
PREPARE sums AS SELECT count(*) FROM customers c, products d, payments p, notes n WHERE false;
\o /dev/null
SET plan_cache_mode = force_generic_plan;
EXECUTE newest;
RESET ROLE;
\o
SELECT * FROM bench.changes('of 2 tables', :'tokens', 20000);

\echo building 100 protected tables
DO $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        EXECUTE format('CREATE TABLE small_%s AS SELECT id, tenant_id, status FROM orders WHERE id < 20000', i);
        EXECUTE format('ALTER TABLE small_%s ADD PRIMARY KEY (id)', i);
        PERFORM bastion.protect(format('small_%s', i)::regclass);
        EXECUTE format('GRANT SELECT ON small_%s TO app, plain', i);
        EXECUTE format('ANALYZE small_%s', i);
    END LOOP;
END
$$;
SELECT FROM bench.renew() \gset _
DO $$
BEGIN
    PERFORM bench.enter((SELECT token FROM bench.tenants WHERE label = '0.01 %'));
    SET LOCAL ROLE app;
    FOR i IN 0 .. 999 LOOP
        EXECUTE format('PREPARE p%s AS SELECT count(*) FROM small_%s WHERE status = %s', i, i % 100 + 1, i / 100);
        EXECUTE format('EXECUTE p%s', i);
    END LOOP;
END
$$;
SELECT * FROM bench.changes('1,000, of 100 tables', :'tokens', 20000);
SELECT FROM bench.renew() \gset _
\echo a change of class with those plans, in milliseconds: the change, then all plans, made again and kept
CREATE FUNCTION bench.run_all() RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began double precision := bench.cpu_ms();
BEGIN
    SET LOCAL ROLE app;
    FOR i IN 0 .. 999 LOOP
        EXECUTE format('EXECUTE p%s', i);
    END LOOP;
    RESET ROLE;
    RETURN bench.cpu_ms() - began;
END
$$;
SELECT t.label, round(c.change::numeric, 3) AS change, round(c.first::numeric, 1) AS first, round(c.second::numeric, 1) AS second
FROM (VALUES (1, '40 %'), (2, '0.01 %'), (3, '5 %'), (4, '0.01 %')) x (n, label) JOIN bench.tenants t USING (label),
     LATERAL (SELECT bench.cpu_of(format('SELECT FROM bench.enter(%L)', t.token), 'none') AS change,
                     bench.run_all() AS first, bench.run_all() AS second) c;
