-- Attacks on the planner's part of the extension: functions that tell of rows which policies hide, in every place where a
-- query can call one, and what an index evaluates again for rows that it finds.
\set VERBOSITY terse
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
INSERT INTO test.people (name, token, tenant)
SELECT n, a ->> 'access_token', (a -> 'tenant' ->> 'id')::uuid
FROM unnest('{ann,ben}'::text[]) n, LATERAL bastion_api.signup(n || '@attacks.example', 'correct horse', 'Attacks ' || n) a;
CREATE SCHEMA foe AUTHORIZATION regress_app;

-- ann has the rows up to 300, ben those up to 6000. Numbers above 300 are ben's alone.
CREATE TABLE test.hidden (id int PRIMARY KEY, tenant_id uuid NOT NULL, a int, b int, flag boolean, body text, code text, area polygon,
                          c int, d int) WITH (autovacuum_enabled = off);
INSERT INTO test.hidden
SELECT g, test.tenant_of(CASE WHEN g <= 300 THEN 'ann' ELSE 'ben' END), g, g % 100, g > 300, 'body ' || g, 'c' || g,
       polygon(box(point(g, 0), point(g + 1, 1))), g, g % 100
FROM generate_series(1, 6000) g;
CREATE INDEX ON test.hidden (a);
CREATE INDEX ON test.hidden (b);
CREATE INDEX ON test.hidden USING hash (code);
CREATE INDEX ON test.hidden USING brin (c, d) WITH (pages_per_range = 1);
CREATE INDEX ON test.hidden USING gist (area);
GRANT SELECT, INSERT, UPDATE, DELETE ON test.hidden TO regress_app;
SELECT count(*) > 0 FROM bastion.protect('test.hidden', resource => 'hidden');
DROP INDEX IF EXISTS test.hidden_tenant_id_idx;
ANALYZE test.hidden;

SET ROLE regress_app;
CREATE TEMP SEQUENCE hits;
CREATE FUNCTION foe.number(v int) RETURNS int LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN PERFORM nextval('hits'); RETURN v; END $$;
CREATE FUNCTION foe.word(v text) RETURNS text LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN PERFORM nextval('hits'); RETURN v; END $$;
CREATE FUNCTION foe.place(v point) RETURNS point LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN PERFORM nextval('hits'); RETURN v; END $$;
CREATE FUNCTION foe.tell(what text) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001
AS $$ BEGIN PERFORM nextval('hits'); RETURN false; END $$;
-- How often one more run of a plan that is already made calls a function: what planning calls does not count.
CREATE FUNCTION foe.calls(query text) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    before bigint;
BEGIN
    EXECUTE 'PREPARE attack AS ' || query;
    EXECUTE 'EXECUTE attack';
    SELECT last_value INTO before FROM hits;
    EXECUTE 'EXECUTE attack';
    DEALLOCATE attack;
    RETURN (SELECT last_value FROM hits) - before;
END
$$;
CREATE FUNCTION foe.shape(query text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(line, ' ') FROM test.plan(query) line $$;
SELECT nextval('hits');
SET plan_cache_mode = force_generic_plan;

SELECT token AS ann FROM test.people WHERE name = 'ann' \gset
SELECT token AS ben FROM test.people WHERE name = 'ben' \gset
\set begin_ann 'BEGIN; SELECT bastion.authenticate(:\'ann\') IS NULL;'
\set begin_ben 'BEGIN; SELECT bastion.authenticate(:\'ben\') IS NULL;'

\echo == every place of a call, sequential scan: 0 calls for rows of ben, as ann has no number above 300
:begin_ann
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL search_path = foe, pg_catalog;
CREATE TYPE foe.mood AS ENUM ('x');
CREATE FUNCTION foe.equals(text, foe.mood) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001
AS $$ BEGIN PERFORM nextval('hits'); RETURN false; END $$;
CREATE OPERATOR foe.= (LEFTARG = text, RIGHTARG = foe.mood, FUNCTION = foe.equals);
CREATE DOMAIN foe.checked AS int CHECK (foe.tell(value::text) IS NOT NULL);
CREATE TEMP VIEW barrier WITH (security_barrier, security_invoker) AS SELECT * FROM test.hidden WHERE b >= 0;
CREATE TABLE foe.results (place text, calls bigint);
INSERT INTO foe.results SELECT q, foe.calls(q) FROM unnest(ARRAY[
    'SELECT count(*) FROM test.hidden WHERE a > 300 AND body = ''x''::mood',
    'SELECT count(*) FROM test.hidden WHERE a > 300 AND CASE body WHEN ''x''::mood THEN true ELSE false END',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN tell(''case'') ELSE false END',
    'SELECT count(*) FROM test.hidden WHERE coalesce(nullif(flag, true), flag AND tell(''coalesce''))',
    'SELECT count(*) FROM test.hidden WHERE a = -1 OR (flag AND tell(''or''))',
    'SELECT count(*) FROM test.hidden WHERE flag AND (a, b) > (300, number(1))',
    'SELECT count(*) FROM test.hidden WHERE flag AND a = ANY (ARRAY[301, number(302)])',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN (SELECT tell(''subquery'')) END',
    'SELECT count(*) FROM test.hidden h WHERE CASE WHEN flag THEN EXISTS (SELECT FROM test.hidden e WHERE e.a = h.a AND tell(''correlated'')) END',
    'SELECT min(a) FROM test.hidden WHERE a > 300 AND CASE WHEN flag THEN tell(''minimum'') ELSE true END',
    'SELECT count(*) FROM test.hidden d JOIN test.hidden e ON d.a = e.a AND CASE WHEN d.flag THEN tell(''join'') ELSE false END',
    'SELECT count(*) FROM test.hidden d LEFT JOIN test.hidden e ON d.a = e.a AND CASE WHEN e.flag THEN tell(''left join'') ELSE false END',
    'SELECT count(*) FROM test.hidden d WHERE d.a = CASE WHEN d.flag THEN number(301) END',
    'SELECT count(*) FROM test.hidden d, test.hidden e WHERE d.a = e.a AND e.a = CASE WHEN d.flag THEN number(301) ELSE 0 END',
    'UPDATE test.hidden SET b = b WHERE CASE WHEN flag THEN tell(''update'') END',
    'DELETE FROM test.hidden d USING test.hidden e WHERE d.a = e.a AND CASE WHEN e.flag THEN tell(''delete'') END',
    'SELECT count(*) FROM test.hidden TABLESAMPLE bernoulli (100) WHERE CASE WHEN flag THEN tell(''sample'') END',
    'SELECT count(*) FROM (SELECT * FROM test.hidden UNION ALL SELECT * FROM test.hidden) u WHERE CASE WHEN flag THEN tell(''union'') END',
    'SELECT count(*) FROM (SELECT a, flag, row_number() OVER (PARTITION BY flag) FROM test.hidden) w WHERE CASE WHEN flag THEN tell(''window'') END',
    'SELECT count(*) FROM (SELECT DISTINCT flag FROM test.hidden) w WHERE CASE WHEN flag THEN tell(''distinct'') END',
    'SELECT count(*) FROM pg_temp.barrier WHERE CASE WHEN flag THEN tell(''barrier'') END',
    'UPDATE pg_temp.barrier SET b = b WHERE CASE WHEN flag THEN body = ''x''::mood END',
    'SELECT count(*) FROM test.hidden WHERE flag AND a::checked > 0',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN number(1)::checked > 0 END',
    'SELECT count(*) FROM test.hidden WHERE flag AND greatest(a, number(1)) = 1',
    'SELECT flag FROM test.hidden GROUP BY flag HAVING CASE WHEN flag THEN tell(''having'') END',
    'SELECT a FROM test.hidden, LATERAL (SELECT number(a) AS n OFFSET 0) x WHERE flag AND n > 0',
    'SELECT a FROM test.hidden FOR UPDATE OF hidden SKIP LOCKED LIMIT 0',
    -- What looks like the subquery of a policy, and calls more.
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN tenant_id = (SELECT bastion.tenant_id() WHERE tell(''condition'')) END',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN tenant_id = (SELECT bastion.tenant_if_allowed(word(''hidden.read''))) END',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN tenant_id = (SELECT bastion.tenant_id() WHERE bastion.has_permission(word(''hidden.read''))) END'
]) q;
SELECT count(*) AS places, sum(calls) AS calls FROM foe.results;
SELECT * FROM foe.results WHERE calls > 0;
-- The same call sees rows of the caller.
SELECT foe.calls('SELECT count(*) FROM test.hidden WHERE CASE WHEN NOT flag THEN tell(''own'') END');
COMMIT;

\echo == what raises without a function that is called untrusted: only rows of the caller decide whether it does
:begin_ann
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_bitmapscan = off;
CREATE COLLATION foe.vague (provider = icu, locale = 'und', deterministic = false);
CREATE FUNCTION foe.raises(query text) RETURNS boolean LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE 'PREPARE attack (int, boolean, text) AS ' || query;
    EXECUTE 'EXECUTE attack (1, true, ''<'')';
    DEALLOCATE attack;
    RETURN false;
EXCEPTION WHEN OTHERS THEN
    DEALLOCATE attack;
    RETURN true;
END
$$;
CREATE TEMP VIEW collated WITH (security_invoker) AS
SELECT a, flag, code COLLATE "C" AS c, body COLLATE "POSIX" AS p, string_to_array(body, ' ') AS words, ARRAY[body] AS body FROM test.hidden;
SELECT q, foe.raises(q) AS others, foe.raises(replace(q, 'flag', 'NOT flag')) AS own FROM unnest(ARRAY[
    'SELECT count(*) FROM test.hidden WHERE flag AND body ^@ ($3 COLLATE foe.vague)',
    'SELECT count(*) FROM test.hidden WHERE flag AND starts_with(body, $3 COLLATE foe.vague)',
    'SELECT count(*) FROM test.hidden WHERE flag AND body ^@ ANY (ARRAY[$3, code] COLLATE foe.vague)',
    'SELECT count(*) FROM collated WHERE flag AND c < p',
    'SELECT count(*) FROM collated WHERE flag AND c = p',
    'SELECT count(*) FROM collated WHERE flag AND (a, c) < (a, p)',
    'SELECT count(*) FROM collated WHERE flag AND c IN (p, $3)',
    'SELECT count(*) FROM collated WHERE flag AND c IS DISTINCT FROM p',
    'SELECT count(*) FROM collated WHERE flag AND nullif(c, p) IS NULL',
    'SELECT count(*) FROM collated WHERE flag AND greatest(c, p) IS NULL',
    'SELECT count(*) FROM collated WHERE CASE WHEN flag THEN CASE c WHEN p THEN true END END',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN greatest(ROW($1), ROW($2)) IS NULL END',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN ARRAY[ARRAY[$1], ''{1,2}''] IS NULL END',
    'SELECT count(*) FROM collated WHERE flag AND ARRAY[words, body] IS NULL',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN xmlparse(document $3) IS NULL END',
    'SELECT count(*) FROM test.hidden WHERE CASE WHEN flag THEN $3::int = 1 END'
]) q;
COMMIT;

\echo == what an index evaluates again: the same number of calls whether ben has such rows or not
:begin_ann
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT foe.calls($$SELECT count(*) FROM test.hidden WHERE code = foe.word('c5000')$$)
     = foe.calls($$SELECT count(*) FROM test.hidden WHERE code = foe.word('nobody')$$) AS hash;
-- The index serves a constant, and the B-tree a call, which it evaluates once.
SELECT foe.shape($$SELECT count(*) FROM test.hidden WHERE code = 'c5000'$$) LIKE '%hidden_code_idx%' AS hash;
SELECT foe.shape($$SELECT count(*) FROM test.hidden WHERE a = foe.number(5000)$$) LIKE '%hidden_a_idx%' AS btree;
SELECT foe.calls('SELECT count(*) FROM test.hidden WHERE a = foe.number(5000)');
COMMIT;
:begin_ann
SET LOCAL enable_seqscan = off;
SET LOCAL enable_indexscan = off;
SELECT foe.calls('SELECT count(*) FROM test.hidden WHERE c > 5990 AND d > foe.number(1)')
     = foe.calls('SELECT count(*) FROM test.hidden WHERE c > 9990 AND d > foe.number(1)') AS bitmap;
SET LOCAL random_page_cost = 1000;
SET LOCAL seq_page_cost = 1000;
SELECT foe.calls('SELECT count(*) FROM test.hidden WHERE a BETWEEN 5001 AND 5600 AND b = foe.number(1)')
     = foe.calls('SELECT count(*) FROM test.hidden WHERE a BETWEEN 8001 AND 8600 AND b = foe.number(1)') AS two_bitmaps;
SELECT foe.shape('SELECT count(*) FROM test.hidden WHERE a BETWEEN 5001 AND 5600 AND b = 1') LIKE '%BitmapAnd%' AS two_bitmaps;
-- now() and its like show nothing
SELECT foe.shape($$SELECT count(*) FROM test.hidden WHERE a = date_part('year', now()::timestamp)::int$$)
    LIKE '%Bitmap Index Scan%Index Cond: (a = (date_part%' AS quiet;
COMMIT;
:begin_ann
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
-- The rows of ben are near: the index would compute the distance of each again.
SELECT foe.calls('SELECT id FROM test.hidden ORDER BY area <-> foe.place(point(5000, 0)) LIMIT 1') <= 300 AS nearest;
SELECT foe.shape($$SELECT id FROM test.hidden ORDER BY area <-> point(5000, 0) LIMIT 1$$) LIKE '%hidden_area_idx%' AS nearest;
COMMIT;

\echo == types of the attacker
RESET ROLE;
SET ROLE regress_app;
CREATE TABLE foe.seen (low int, high int);
CREATE FUNCTION foe.distance(a int, b int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN PERFORM nextval('hits'); RETURN a - b; END $$;
CREATE TYPE foe.span AS RANGE (subtype = int4, subtype_diff = foe.distance);
CREATE TYPE foe.lists AS RANGE (subtype = numeric[]);
CREATE TYPE foe.moods AS RANGE (subtype = foe.mood);
RESET ROLE;
CREATE TABLE test.spans (id int PRIMARY KEY, tenant_id uuid NOT NULL, span foe.span, numbers numrange, list numeric[], days daterange, moods foe.moods, words text[]);
INSERT INTO test.spans
SELECT g, test.tenant_of(CASE WHEN g <= 10 THEN 'ann' ELSE 'ben' END), foe.span(g, g + 9),
       CASE WHEN g > 10 THEN numrange(('1e' || g % 300)::numeric, ('2e' || g % 300)::numeric) ELSE numrange(g, g + 1) END,
       ARRAY[g], daterange('2020-01-01'::date + g, '2020-01-02'::date + g), foe.moods('x', 'x', '[]'), ARRAY['w' || g]
FROM generate_series(1, 2000) g;
GRANT SELECT ON test.spans TO regress_app;
SELECT count(*) > 0 FROM bastion.protect('test.spans', resource => 'spans');
ANALYZE test.spans;
SET ROLE regress_app;
:begin_ann
SELECT last_value AS before FROM hits \gset
SELECT count(*) FROM test.spans WHERE span && foe.span(5, 100);
SELECT last_value - :before AS calls_of_distance FROM hits;
-- A bound of ben's that no double holds raises nothing, in no minor release.
SELECT count(*) FROM test.spans WHERE numbers && numrange(2, 4);
SELECT count(*) FROM test.spans WHERE list <@ foe.lists(ARRAY[1], ARRAY[4]);
SELECT count(*) FROM test.spans WHERE moods @> 'x'::foe.mood;
SELECT count(*) FROM test.spans WHERE days && daterange('2020-01-04', '2020-01-06') AND words && '{w3,w4,w99}';
SELECT DISTINCT subject FROM bastion.plan_notes() WHERE size_class IS NULL ORDER BY 1;
COMMIT;

\echo == collations: equal under a nondeterministic one, folded by ICU; lower() of the first is not trusted
RESET ROLE;
CREATE TABLE test.named (id int PRIMARY KEY, tenant_id uuid NOT NULL, name text COLLATE foe.vague, title text COLLATE "und-x-icu");
INSERT INTO test.named SELECT g, test.tenant_of(CASE WHEN g % 2 = 0 THEN 'ann' ELSE 'ben' END), 'Name ' || g / 2, 'Titel Ä ' || g / 2 FROM generate_series(1, 8000) g;
CREATE INDEX named_name ON test.named (name);
CREATE INDEX named_lower ON test.named (lower(name));
CREATE INDEX named_title ON test.named (lower(title));
GRANT SELECT ON test.named TO regress_app;
SELECT count(*) > 0 FROM bastion.protect('test.named', resource => 'hidden');
ANALYZE test.named;
SET ROLE regress_app;
:begin_ann
SELECT q, foe.shape(q) ~ 'named_(name|lower|title)' AS by_index FROM unnest(ARRAY[
    'SELECT id FROM test.named WHERE name = ''Name 77''', 'SELECT id FROM test.named WHERE name IN (''Name 77'', ''Name 78'')',
    'SELECT id FROM test.named WHERE lower(title) = ''titel ä 77''', 'SELECT id FROM test.named WHERE lower(name) = ''name 77''']) q;
SELECT array_agg(id) FROM test.named WHERE name = 'Name 77';
SELECT array_agg(id) FROM test.named WHERE lower(title) = 'titel ä 77';
SELECT array_agg(id) FROM test.named WHERE lower(name) = 'name 77';
COMMIT;

\echo == the next client of a connection does not learn what was planned for the last
:begin_ben
SELECT count(*) FROM test.hidden WHERE b = 7;
SELECT relation, subject, note FROM bastion.plan_notes();
COMMIT;
:begin_ann
SELECT count(*) FROM bastion.plan_notes();
COMMIT;
SELECT count(*) FROM bastion.plan_notes();

\echo == a cursor of a plan whose search goes first is not fetched where the stack ends
RESET ROLE;
CREATE TABLE test.documents (id int PRIMARY KEY, tenant_id uuid NOT NULL, body jsonb, n int);
INSERT INTO test.documents SELECT g, test.tenant_of('ann'), jsonb_build_object('k', g % 10), g FROM generate_series(1, 2000) g;
CREATE INDEX ON test.documents USING gin (body);
GRANT SELECT ON test.documents TO regress_app;
SELECT count(*) > 0 FROM bastion.protect('test.documents', resource => 'hidden');
ANALYZE test.documents;
SET ROLE regress_app;
-- Calls itself until the stack ends, and on the way back fetches from a cursor at each level. Returns at how many levels that
-- failed.
CREATE FUNCTION foe.dig(kind text, level int, OUT failed int, OUT bottom int) LANGUAGE plpgsql
AS $$
DECLARE
    place refcursor;
    row_of record;
BEGIN
    BEGIN
        SELECT d.failed, d.bottom INTO failed, bottom FROM foe.dig(kind, level + 1) d;
    EXCEPTION WHEN statement_too_complex THEN
        failed := 0;
        bottom := level;
    END;
    IF bottom - level < 60 THEN
        BEGIN
            place := kind || bottom - level;
            FETCH place INTO row_of;
        EXCEPTION WHEN statement_too_complex THEN
            failed := failed + 1;
        END;
    END IF;
END
$$;
:begin_ann
DO $$
BEGIN
    FOR n IN 0 .. 59 LOOP
        EXECUTE format('DECLARE %I CURSOR FOR SELECT id FROM test.documents WHERE body @> ''{"k": 3}''', 'searching' || n);
        EXECUTE format('DECLARE %I CURSOR FOR SELECT id FROM test.documents WHERE n > 3', 'plain' || n);
    END LOOP;
END
$$;
SELECT s.failed > p.failed + 1 AS earlier FROM foe.dig('searching', 0) s, foe.dig('plain', 0) p;
COMMIT;

RESET ROLE;
RESET plan_cache_mode;
SET client_min_messages = error;
DROP TABLE test.spans, test.hidden, test.documents, test.named CASCADE;
DROP SCHEMA foe CASCADE;
DROP SEQUENCE pg_temp.hits;
TRUNCATE test.people;
