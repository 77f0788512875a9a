-- What planning costs with the mechanisms and without: processor time, by the kernel's account, which other load does not change.
-- After tables.sql.
CREATE FUNCTION bench.planning_of(statement text, estimates text, searches text, n integer) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began double precision;
BEGIN
    PERFORM set_config('bastion.plan_estimates', estimates, true), set_config('bastion.search_paths', searches, true);
    PERFORM set_config('role', 'app', true);
    EXECUTE 'EXPLAIN ' || statement;
    PERFORM set_config('role', 'none', true);
    began := bench.cpu_ms();
    PERFORM set_config('role', 'app', true);
    FOR i IN 1 .. n LOOP
        EXECUTE 'EXPLAIN ' || statement;
    END LOOP;
    PERFORM set_config('role', 'none', true);
    RETURN (bench.cpu_ms() - began) / n;
END
$$;
CREATE TABLE bench.planned (query text, section text, round integer, with_all double precision, no_estimates double precision, with_none double precision);
CREATE FUNCTION bench.measure_planning(who bench.tenants, rounds integer, n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    q bench.queries;
    statement text;
BEGIN
    PERFORM bench.enter(who.token);
    FOR round IN 1 .. rounds LOOP
        FOR q IN SELECT * FROM bench.queries LOOP
            statement := regexp_replace(replace(replace(q.query, '{tenant}', quote_literal(who.id)), '{row}', who.a_row::text), '\{+([a-z])\}+', 'true', 'g');
            INSERT INTO bench.planned VALUES (q.label, q.section, round, bench.planning_of(statement, 'on', 'on', n),
                                              bench.planning_of(statement, 'off', 'on', n), bench.planning_of(statement, 'off', 'off', n));
        END LOOP;
    END LOOP;
END
$$;
\echo planning: processor time with the mechanisms, as a multiple of that without; at most 1.05
SELECT FROM bench.renew() \gset _
SELECT FROM bench.tenants t, bench.measure_planning(t, 3, 20) WHERE t.label = '0.1 %';
SELECT section, round(sum(a)::numeric, 2) AS with_all_ms, round(sum(e)::numeric, 2) AS without_estimates_ms, round(sum(o)::numeric, 2) AS with_none_ms,
       round((sum(a) / sum(o))::numeric, 3) AS ratio
FROM (SELECT section, query, min(with_all) AS a, min(no_estimates) AS e, min(with_none) AS o FROM bench.planned GROUP BY 1, 2) x GROUP BY section;
SELECT query, round(min(with_all)::numeric, 3) AS with_all, round(min(with_none)::numeric, 3) AS with_none, round((min(with_all) / min(with_none))::numeric, 2) AS ratio
FROM bench.planned GROUP BY query ORDER BY 4 DESC LIMIT 10;
