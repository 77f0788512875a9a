-- The plan of a policy against that of the owner, who writes the tenant as a literal: time of execution, time of planning and
-- shape of the plan, in turn in one session. Included after compare.sql.
\ir plans_session.sql

-- Nodes from the top, with their tables and indexes; without those that find out the tenant, and the test, made once, that two
-- policies mean the same one.
CREATE FUNCTION bench.shape(node jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF node ? 'One-Time Filter' AND node -> 'Plans' -> 0 ->> 'Parent Relationship' = 'Outer' THEN
        RETURN bench.shape(node -> 'Plans' -> 0);
    END IF;
    RETURN concat(node ->> 'Node Type', ':' || (node ->> 'Relation Name'), '/' || (node ->> 'Index Name')) || coalesce(
        (SELECT '(' || string_agg(bench.shape(child), ' ' ORDER BY n) || ')'
         FROM jsonb_array_elements(node -> 'Plans') WITH ORDINALITY c (child, n)
         WHERE NOT coalesce(child ->> 'Subplan Name' LIKE 'InitPlan%', false)), '');
END
$$;

-- Processor time by the kernel's account, which other load does not change.
CREATE FUNCTION bench.cpu_ms() RETURNS double precision LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_read_file('/proc/self/stat'); -- brings the account up to date
    RETURN split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1e6;
END
$$;
CREATE FUNCTION bench.cpu_of(statement text, as_role name) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began double precision := bench.cpu_ms();
BEGIN
    PERFORM pg_catalog.set_config('role', as_role, true);
    EXECUTE statement;
    PERFORM pg_catalog.set_config('role', 'none', true);
    RETURN bench.cpu_ms() - began;
END
$$;

-- What a statement writes is taken back.
CREATE FUNCTION bench.explain(statement text, as_role name) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    PERFORM pg_catalog.set_config('role', as_role, true);
    IF statement ~ '^(SELECT|WITH|EXECUTE)' THEN
        EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || statement INTO plan;
    ELSE
        BEGIN
            EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || statement INTO plan;
            RAISE SQLSTATE 'BE000';
        EXCEPTION WHEN SQLSTATE 'BE000' THEN NULL;
        END;
    END IF;
    PERFORM pg_catalog.set_config('role', 'none', true);
    RETURN plan::jsonb -> 0;
END
$$;

-- Whom the statements are measured for.
CREATE TABLE bench.tenants (label text, number integer, id uuid, token text, a_row bigint);
-- Their tokens last for minutes: make new ones before measuring.
CREATE FUNCTION bench.renew() RETURNS void LANGUAGE sql AS $$
    UPDATE bench.tenants t SET token = bastion.token_issue((SELECT id FROM bastion.users WHERE email = 'owner@bench.test'), t.id)
$$;
-- In this transaction.
CREATE FUNCTION bench.enter(with_token text) RETURNS void LANGUAGE sql AS
$$ SELECT set_config('bastion.token', coalesce(with_token, ''), true) $$;

CREATE TABLE bench.measured (
    section text, n integer, query text, tenant text, owner_ms double precision, policy_ms double precision,
    owner_planning_ms double precision, policy_planning_ms double precision, owner_shape text, policy_shape text
);

-- What is measured. {o} is the condition on the tenant of the table o, {{o}} that on its access control lists too, {tenant} the
-- literal and {row} the id of a row of the tenant.
CREATE TABLE bench.queries (section text, n integer GENERATED ALWAYS AS IDENTITY, label text, query text, permission text,
                            tenant_column text NOT NULL DEFAULT 'tenant_id');
GRANT SELECT ON bench.queries TO PUBLIC;

-- As many rounds as fit into half a second. The least of each counts: other work on the machine only adds to it.
CREATE FUNCTION bench.measure(q bench.queries, who bench.tenants, app name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    filled text := replace(replace(q.query, '{tenant}', quote_literal(who.id)), '{row}', coalesce(who.a_row, 0)::text);
    tenant text := format('\1.%I = %L', q.tenant_column, who.id);
    owner_query text;
    policy_query text := regexp_replace(filled, '\{+([a-z])\}+', 'true', 'g');
    owner jsonb;
    policy jsonb;
    rounds integer;
    times double precision[][] := ARRAY[]::double precision[][];
BEGIN
    PERFORM bench.enter(who.token);
    owner_query := regexp_replace(filled, '\{\{([a-z])\}\}', format('{\1} AND \1.acl_id = ANY (%L)', bastion.acl_set(q.permission)), 'g');
    owner_query := regexp_replace(owner_query, '\{([a-z])\}', tenant, 'g');
    FOR round IN 0 .. 100 LOOP
        IF round % 2 = 0 THEN
            owner := bench.explain(owner_query, 'plain');
            policy := bench.explain(policy_query, app);
        ELSE
            policy := bench.explain(policy_query, app);
            owner := bench.explain(owner_query, 'plain');
        END IF;
        IF round = 0 THEN
            rounds := greatest(5, least(25, 500 / ((policy ->> 'Execution Time')::float8 + (owner ->> 'Execution Time')::float8 + 1)));
            CONTINUE;
        END IF;
        times := times || ARRAY[ARRAY[owner ->> 'Execution Time', policy ->> 'Execution Time', owner ->> 'Planning Time',
                                      policy ->> 'Planning Time']::double precision[]];
        EXIT WHEN round > rounds;
    END LOOP;
    INSERT INTO bench.measured
    SELECT q.section, q.n, q.label, who.label, m[1], m[2], m[3], m[4], bench.shape(owner -> 'Plan'), bench.shape(policy -> 'Plan')
    FROM (SELECT array_agg((SELECT min(times[r][k]) FROM generate_subscripts(times, 1) r) ORDER BY k) AS m
          FROM generate_series(1, 4) k) x;
END
$$;

-- Ratios of execution, with * where one is above `times` plus `microseconds`, and ~ where the plan has another shape; `planning` is
-- the ratio of all planning.
CREATE FUNCTION bench.ratios(of_section text, times double precision, microseconds double precision)
RETURNS TABLE (query text, tenant text, ratio text, n integer) LANGUAGE sql AS $$
    SELECT query, tenant, concat(round((policy_ms / owner_ms)::numeric, 2), CASE WHEN policy_ms > owner_ms * times + microseconds / 1000 THEN '*' END,
                                 CASE WHEN owner_shape <> policy_shape THEN '~' END), n
    FROM bench.measured WHERE section = of_section
    UNION ALL
    SELECT query, 'planning', round((sum(policy_planning_ms) / sum(owner_planning_ms))::numeric, 2)::text, n
    FROM bench.measured WHERE section = of_section GROUP BY query, n
    ORDER BY n
$$;

CREATE FUNCTION bench.missed(of_section text, times double precision, microseconds double precision)
RETURNS TABLE (query text, tenant text, owner_ms numeric, policy_ms numeric, ratio numeric, shapes text) LANGUAGE sql AS $$
    SELECT query, tenant, round(owner_ms::numeric, 3), round(policy_ms::numeric, 3), round((policy_ms / owner_ms)::numeric, 2),
           CASE WHEN owner_shape <> policy_shape THEN concat(E'owner:  ', owner_shape, E'\npolicy: ', policy_shape) ELSE 'the same' END
    FROM bench.measured
    WHERE section = of_section AND (policy_ms > owner_ms * times + microseconds / 1000 OR owner_shape <> policy_shape)
    ORDER BY policy_ms / owner_ms DESC
$$;
