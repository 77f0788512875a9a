-- What planning costs with the mechanisms and without, and what it costs the owner: processor time, by the kernel's account, which
-- other load does not change. After tables.sql.
CREATE FUNCTION bench.planning_of(statement text, as_role name, mechanisms text, n integer) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began double precision;
BEGIN
    PERFORM set_config('bastion.plan_estimates', mechanisms, true), set_config('bastion.search_paths', mechanisms, true);
    PERFORM set_config('role', as_role, true);
    EXECUTE 'EXPLAIN ' || statement;
    PERFORM set_config('role', 'none', true);
    began := bench.cpu_ms();
    PERFORM set_config('role', as_role, true);
    FOR i IN 1 .. n LOOP
        EXECUTE 'EXPLAIN ' || statement;
    END LOOP;
    PERFORM set_config('role', 'none', true);
    RETURN (bench.cpu_ms() - began) / n;
END
$$;
CREATE TABLE bench.planned (query text, section text, round integer, with_all double precision, with_none double precision, owner double precision);
CREATE FUNCTION bench.measure_planning(who bench.tenants, rounds integer, n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    q bench.queries;
    filled text;
    policy_query text;
    owner_query text;
BEGIN
    PERFORM bench.enter(who.token);
    FOR round IN 1 .. rounds LOOP
        FOR q IN SELECT * FROM bench.queries LOOP
            filled := replace(replace(q.query, '{tenant}', quote_literal(who.id)), '{row}', who.a_row::text);
            policy_query := regexp_replace(filled, '\{+([a-z])\}+', 'true', 'g');
            owner_query := regexp_replace(filled, '\{+([a-z])\}+', format('\1.%I = %L', q.tenant_column, who.id), 'g');
            INSERT INTO bench.planned VALUES (q.label, q.section, round, bench.planning_of(policy_query, 'app', 'on', n),
                                              bench.planning_of(policy_query, 'app', 'off', n), bench.planning_of(owner_query, 'plain', 'on', n));
        END LOOP;
    END LOOP;
END
$$;
\echo planning: processor time with the mechanisms, as a multiple of that without, at most 1.05 for queries; what a search then weighs, the owner weighs too
SELECT FROM bench.renew() \gset _
SELECT FROM bench.tenants t, bench.measure_planning(t, 5, 20) WHERE t.label = '0.1 %';
CREATE VIEW bench.least AS
SELECT section, query, min(with_all) AS a, min(with_none) AS o, min(owner) AS p FROM bench.planned GROUP BY 1, 2;
SELECT section, round(sum(a)::numeric, 2) AS with_all_ms, round(sum(o)::numeric, 2) AS with_none_ms, round(sum(p)::numeric, 2) AS owner_ms,
       round((sum(a) / sum(o))::numeric, 3) AS to_none, round((sum(a) / sum(p))::numeric, 3) AS to_owner
FROM bench.least GROUP BY section;
SELECT query, round(a::numeric, 3) AS with_all, round(o::numeric, 3) AS with_none, round(p::numeric, 3) AS owner, round((a / o)::numeric, 2) AS to_none,
       round((a / p)::numeric, 2) AS to_owner
FROM bench.least ORDER BY a / o DESC LIMIT 10;
