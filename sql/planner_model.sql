-- Random queries, planned with the mechanisms of the planner on and off, and as prepared statements that change the tenant: the
-- rows are those that a superuser reads with the tenant as a condition of their own.
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET jit = off;
INSERT INTO test.people (name, token, tenant)
SELECT n, a ->> 'access_token', (a -> 'tenant' ->> 'id')::uuid
FROM unnest('{big,small,tiny,empty}'::text[]) n, LATERAL bastion_api.signup(n || '@planner.example', 'correct horse', 'Planner ' || n) a;
UPDATE test.people SET number = t.number FROM bastion.tenants t WHERE t.id = tenant;
-- tiny has one row of a hundred, empty has none.
CREATE FUNCTION test.owner_of(g int) RETURNS test.people LANGUAGE sql STABLE
AS $$ SELECT p FROM test.people p WHERE name = CASE WHEN g % 100 = 0 THEN 'tiny' WHEN g % 10 = 3 THEN 'small' ELSE 'big' END $$;
CREATE TYPE test.mood AS ENUM ('sad', 'ok', 'happy');

CREATE TABLE test.papers (id int PRIMARY KEY, tenant_id uuid NOT NULL, ref int, n int, price numeric, body text, words tsvector,
                          data jsonb, tags text[], mood test.mood, days int4range, address inet, code text);
INSERT INTO test.papers
SELECT g, (test.owner_of(g)).tenant, g % 400, g % 50, (g % 70)::numeric / 2, 'Body ' || g % 90, to_tsvector('simple', 'w' || g % 90 || ' v' || g % 7),
       jsonb_build_object('k', g % 40, 'l', jsonb_build_array(g % 9)), ARRAY['t' || g % 30, 'u' || g % 5],
       (ARRAY['sad', 'ok', 'happy'])[1 + g % 3]::test.mood, int4range(g % 100, g % 100 + 5), ('10.0.' || g % 9 || '.' || g % 200)::inet, 'c' || g % 300
FROM generate_series(1, 3000) g;
CREATE INDEX ON test.papers (n);
CREATE INDEX ON test.papers (ref, n);
CREATE INDEX ON test.papers (price);
CREATE INDEX ON test.papers (lower(body));
CREATE INDEX ON test.papers (body text_pattern_ops);
CREATE INDEX ON test.papers USING gin (words);
CREATE INDEX ON test.papers USING gin (data);
CREATE INDEX ON test.papers USING gin (tags);
CREATE INDEX ON test.papers USING gist (days);
CREATE INDEX ON test.papers USING gist (address inet_ops);
CREATE INDEX ON test.papers USING hash (code);
CREATE INDEX ON test.papers (mood);
CREATE INDEX ON test.papers USING brin (id);

CREATE TABLE test.lines (id int, tenant_id uuid NOT NULL, ref int, n int, price numeric, body text, code text) PARTITION BY HASH (tenant_id);
CREATE TABLE test.lines_0 PARTITION OF test.lines FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE test.lines_1 PARTITION OF test.lines FOR VALUES WITH (modulus 2, remainder 1);
INSERT INTO test.lines SELECT g, (test.owner_of(g)).tenant, g % 400, g % 50, g % 70, 'Line ' || g % 90, 'c' || g % 300 FROM generate_series(1, 2000) g;
CREATE INDEX ON test.lines (ref);
CREATE INDEX ON test.lines (price);
CREATE TABLE test.counts (id int PRIMARY KEY, tenant_id bigint NOT NULL, ref int, n int, price numeric, body text, code text);
INSERT INTO test.counts SELECT g, (test.owner_of(g)).number, g % 400, g % 50, g % 70, 'Count ' || g % 90, 'c' || g % 300 FROM generate_series(1, 1500) g;
CREATE INDEX ON test.counts (ref);
CREATE TABLE test.labels (id int PRIMARY KEY, tenant_id text NOT NULL, ref int, n int, price numeric, body text, code text);
INSERT INTO test.labels SELECT g, (test.owner_of(g)).tenant, g % 400, g % 50, g % 70, 'Label ' || g % 90, 'c' || g % 300 FROM generate_series(1, 1000) g;
CREATE TABLE test.parents (id int, tenant_id uuid NOT NULL, ref int, n int, price numeric, body text, code text);
CREATE TABLE test.children (CHECK (n >= 0)) INHERITS (test.parents);
INSERT INTO test.parents SELECT g, (test.owner_of(g)).tenant, g % 400, g % 50, g % 70, 'Parent ' || g % 90, 'c' || g % 300 FROM generate_series(1, 500) g;
INSERT INTO test.children SELECT g, (test.owner_of(g)).tenant, g % 400, g % 50, g % 70, 'Child ' || g % 90, 'c' || g % 300 FROM generate_series(501, 1500) g;
CREATE INDEX ON test.children (price);
SELECT sum(p) > 0 FROM (SELECT count(*) FROM unnest('{papers,lines,counts,labels,parents}'::text[]) t,
                               LATERAL bastion.protect(('test.' || t)::regclass, resource => 'planner')) c (p);
GRANT SELECT, INSERT, UPDATE, DELETE ON test.papers, test.lines, test.counts, test.labels, test.parents, test.children TO regress_app;
ANALYZE test.papers, test.lines, test.counts, test.parents, test.children;

-- A generator of its own, so that every version of the server makes the same queries.
CREATE SEQUENCE test.dice MINVALUE 0 MAXVALUE 2147483647 START 1;
GRANT ALL ON test.dice TO regress_app;
CREATE FUNCTION test.roll(below int) RETURNS int LANGUAGE plpgsql
AS $$
DECLARE
    next bigint := (SELECT last_value FROM test.dice) * 1103515245 + 12345;
BEGIN
    PERFORM setval('test.dice', next & 2147483647);
    RETURN ((next & 2147483647) >> 12) % below;
END
$$;
CREATE FUNCTION test.pick(choices text[]) RETURNS text LANGUAGE sql AS $$ SELECT choices[1 + test.roll(cardinality(choices))] $$;

-- {t} stands for the table t as the tenant sees it.
CREATE FUNCTION test.condition(alias text, of text, depth int DEFAULT 0) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    made text;
BEGIN
    IF depth < 2 AND test.roll(4) = 0 THEN
        RETURN format(test.pick('{(%s AND %s),(%s OR %s),(NOT %s AND %s),CASE WHEN %s THEN %s ELSE false END}'),
                      test.condition(alias, of, depth + 1), test.condition(alias, of, depth + 1));
    END IF;
    made := test.pick(ARRAY['@.n = #', '@.n < #', '@.ref BETWEEN # AND 200', '@.price > #', '@.price = ANY (ARRAY[#, 5, 7.5])', '@.code = ''c#''',
                            '@.body LIKE ''%#''', '@.body ILIKE ''b%1''', 'lower(@.body) = ''body #''', '@.n = abs(-#)', '@.n % 3 = 1',
                            '@.n = (SELECT max(z.n) FROM {counts} z WHERE z.ref = #)',
                            'EXISTS (SELECT FROM {lines} z WHERE z.ref = @.ref AND z.price > #)', '@.ref IN (SELECT z.ref FROM {labels} z WHERE z.n < #)',
                            'NOT EXISTS (SELECT FROM {parents} z WHERE z.ref = @.ref AND z.price = @.price)', '@.body IS NOT NULL', '@.id IN (#, 100, 203, 7)']
                      || CASE WHEN of = 'papers'
                              THEN ARRAY['@.words @@ ''w#''::tsquery', '@.words @@ ''v1 & !w#''::tsquery', '@.data @> ''{"k": #}''', '@.data ? ''l''',
                                         '@.data ->> ''k'' = ''#''', '@.tags && ''{t#,u1}''', '@.tags @> ''{u2}''', '@.mood = ''ok''', '@.days && int4range(#, # + 3)',
                                         '@.days @> #', '@.address << ''10.0.#.0/24''', '@.body ^@ ''Body #''', '@.words @@ to_tsquery(''simple'', ''w#'')']
                              ELSE '{}' END);
    RETURN replace(replace(made, '@.', alias || '.'), '#', test.roll(9)::text);
END
$$;
CREATE FUNCTION test.random_query() RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    tables text[] := '{papers,papers,papers,lines,counts,labels,parents}';
    first text := test.pick(tables);
    second text := test.pick(tables);
    joined text;
    made text;
BEGIN
    CASE test.roll(5)
        WHEN 0, 1 THEN
            made := format('SELECT a.id, a.body FROM {%s} a WHERE %s AND %s', first, test.condition('a', first), test.condition('a', first));
        WHEN 2 THEN
            made := format('SELECT a.id, b.id AS other FROM {%s} a %s JOIN {%s} b ON a.%s = b.%4$s AND %s WHERE %s', first,
                           test.pick('{"",LEFT,FULL}'), second, test.pick('{ref,price,code}'), 'true', test.condition('a', first));
        WHEN 3 THEN
            made := format('SELECT a.id, l.s FROM {%s} a, LATERAL (SELECT count(*) AS s, min(b.price) FROM {%s} b WHERE b.ref = a.ref AND %s) l WHERE %s',
                           first, second, test.condition('b', second), test.condition('a', first));
        ELSE
            made := format('SELECT a.id, a.body FROM {%s} a WHERE %s UNION %s SELECT b.id, b.body FROM {%s} b WHERE %s', first,
                           test.condition('a', first), test.pick('{"",ALL}'), second, test.condition('b', second));
    END CASE;
    IF test.roll(3) = 0 THEN
        made := format('SELECT * FROM (%s) q ORDER BY 1, 2 LIMIT %s', made, 1 + test.roll(30));
    END IF;
    RETURN format('SELECT count(*) || '' '' || coalesce(md5(string_agg(q::text, '','' ORDER BY q::text)), '''') FROM (%s) q', made);
END
$$;

-- The table as its policies show it, or as a superuser reads it for the tenant.
CREATE FUNCTION test.seen_by(query text, who test.people) RETURNS text LANGUAGE sql
AS $$
    SELECT regexp_replace(regexp_replace(query, E'\\{(counts)\\}', format(E'(SELECT * FROM test.\\1 WHERE tenant_id = %L)', coalesce(who.number, -1)), 'g'),
                          E'\\{(papers|lines|labels|parents)\\}',
                          format(E'(SELECT * FROM test.\\1 WHERE tenant_id = %L)', coalesce(who.tenant, '00000000-0000-0000-0000-000000000000')), 'g')
$$;
CREATE TABLE test.truth (query int, who text, answer text, PRIMARY KEY (query, who));
CREATE TABLE test.queries (query int PRIMARY KEY, text text);
CREATE TABLE test.differences (query int, who text, settings text, expected text, answer text);

CREATE FUNCTION test.present_somehow(who test.people) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    other test.people := (SELECT p FROM test.people p ORDER BY name OFFSET test.roll(4) LIMIT 1);
    ignored text;
BEGIN
    IF test.roll(3) = 0 THEN
        PERFORM bastion.authenticate(other.token);
        EXECUTE 'EXECUTE random_' || 1 + test.roll(20);
        IF who.token IS NULL THEN
            PERFORM bastion.context_drop();
        ELSE
            PERFORM bastion.authenticate(who.token);
        END IF;
    ELSIF who.token IS NULL THEN
        RETURN;
    ELSIF test.roll(2) = 0 THEN
        ignored := set_config('bastion.token', who.token, true);
    ELSE
        PERFORM set_config('bastion.token', who.token, true);
    END IF;
END
$$;
CREATE PROCEDURE test.compare(queries int, executions int) LANGUAGE plpgsql
AS $$
DECLARE
    caller test.people;
    place int;
    settings text;
    answer text;
    expected text;
BEGIN
    FOR place IN 1 .. queries LOOP
        INSERT INTO test.queries VALUES (place, test.random_query());
        EXECUTE format('PREPARE random_%s AS ', place)
                || regexp_replace((SELECT text FROM test.queries q WHERE q.query = place), E'\\{(papers|lines|counts|labels|parents)\\}', E'test.\\1', 'g');
    END LOOP;
    FOR i IN 1 .. executions LOOP
        place := 1 + test.roll(queries);
        SELECT * INTO caller FROM (SELECT * FROM test.people UNION ALL SELECT 'nobody', NULL, NULL, NULL, NULL) p ORDER BY name OFFSET test.roll(5) LIMIT 1;
        SELECT t.answer INTO expected FROM test.truth t WHERE t.query = place AND t.who = caller.name;
        IF NOT FOUND THEN
            EXECUTE test.seen_by((SELECT text FROM test.queries q WHERE q.query = place), caller) INTO expected;
            INSERT INTO test.truth VALUES (place, caller.name, expected);
        END IF;
        settings := '';
        IF test.roll(6) = 0 THEN
            settings := format('bastion.plan_estimates = %s, bastion.search_paths = %s, plan_cache_mode = %s', test.pick('{on,on,off}'),
                               test.pick('{on,on,off}'), test.pick('{auto,auto,force_generic_plan}'));
            PERFORM set_config(split_part(s, ' = ', 1), split_part(s, ' = ', 2), false) FROM unnest(string_to_array(settings, ', ')) s;
        END IF;
        IF test.roll(8) = 0 THEN
            PERFORM set_config(s, test.pick('{on,off}'), false)
            FROM unnest('{enable_seqscan,enable_bitmapscan,enable_indexscan,enable_hashjoin,enable_nestloop,enable_partitionwise_join}'::text[]) s;
        END IF;
        SET LOCAL ROLE regress_app;
        BEGIN
            PERFORM test.present_somehow(caller);
            EXECUTE 'EXECUTE random_' || place INTO answer;
        EXCEPTION WHEN OTHERS THEN
            answer := SQLSTATE || ' ' || SQLERRM;
        END;
        RESET ROLE;
        IF answer IS DISTINCT FROM expected THEN
            INSERT INTO test.differences VALUES (place, caller.name, settings, expected, answer);
        END IF;
        COMMIT;
    END LOOP;
END
$$;
GRANT SELECT ON test.queries TO regress_app;
SET bastion.allow_identity_switch = on;
CALL test.compare(100, 700);
RESET bastion.allow_identity_switch;
SELECT count(*) FILTER (WHERE answer NOT LIKE '0 %') > 100 AS many_have_rows FROM test.truth;
SELECT d.*, q.text FROM test.differences d JOIN test.queries q USING (query) ORDER BY 1, 2 LIMIT 5;
DEALLOCATE ALL;
RESET ALL;
-- A clause of a join serves the index of either table, in either order.
SELECT token AS big FROM test.people WHERE name = 'big' \gset
SET ROLE regress_app;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
BEGIN;
SELECT bastion.authenticate(:'big') IS NULL;
SELECT bool_or(line LIKE '%papers_price_idx%') AS inner_side
FROM test.plan('SELECT count(*) FROM test.counts a JOIN test.papers b ON a.price = b.price WHERE a.ref = 3') line;
SELECT bool_or(line LIKE '%papers_price_idx%') AS inner_side
FROM test.plan('SELECT count(*) FROM test.papers a JOIN test.counts b ON a.price = b.price WHERE b.ref = 3') line;
COMMIT;
RESET ROLE;
RESET ALL;
SET client_min_messages = error;
DROP TABLE test.papers, test.lines, test.counts, test.labels, test.parents, test.children, test.truth, test.queries, test.differences CASCADE;
DROP SEQUENCE test.dice;
DROP FUNCTION test.owner_of, test.roll, test.pick, test.condition, test.random_query, test.seen_by, test.present_somehow;
DROP PROCEDURE test.compare;
DROP TYPE test.mood;
TRUNCATE test.people;
