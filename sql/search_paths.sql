-- Searches below a policy: trusted operators use the indexes that the owner's query uses, and find the same rows; clauses that call any
-- other function run after the policy, with or without a column.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS ltree;
CREATE EXTENSION IF NOT EXISTS cube;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest('{ann,ben}'::text[]) n, LATERAL bastion_api.signup(n || '@search.example', 'correct horse', 'Search ' || n) a;
SELECT bastion.resource_register('searched', '{read,create,update,delete}');
CREATE TYPE test.mood AS ENUM ('calm', 'glad', 'rare');
CREATE TABLE test.searched (id int PRIMARY KEY, tenant_id uuid NOT NULL, body text, words tsvector, data jsonb, tags text[], numbers int[],
                            price numeric, email text, name citext, mood test.mood, spot point, during tstzrange, address inet,
                            pairs hstore, path ltree, flag boolean, made timestamptz);
INSERT INTO test.searched
SELECT g, test.tenant_of(CASE WHEN g % 2 = 0 THEN 'ann' ELSE 'ben' END), 'text number ' || md5(g::text), to_tsvector('simple', 'w' || g / 2 % 2000),
       jsonb_build_object('k', g / 2 % 2000), ARRAY['t' || g / 2 % 2000], ARRAY[g / 2 % 2000], g / 2 % 2000, 'User' || g / 2 % 2000 || '@x.example',
       'Name' || g / 2 % 2000, CASE WHEN g / 2 % 2000 = 77 THEN 'rare' ELSE 'calm' END::test.mood, point(g / 2 % 2000, g / 2 % 2000),
       tstzrange(to_timestamp(g / 2 % 2000 * 1000), to_timestamp(g / 2 % 2000 * 1000 + 10)), '10.0.0.0'::inet + g / 2 % 2000,
       hstore('k', (g / 2 % 2000)::text), ('top.n' || g / 2 % 2000)::ltree, g % 10 < 2, to_timestamp(1000000) + g * interval '10 s'
FROM generate_series(1, 16000) g;
CREATE INDEX body_trgm ON test.searched USING gin (body gin_trgm_ops);
CREATE INDEX body_pattern ON test.searched (body text_pattern_ops);
CREATE INDEX words_gin ON test.searched USING gin (words);
CREATE INDEX data_gin ON test.searched USING gin (data);
CREATE INDEX data_key ON test.searched ((data ->> 'k'));
CREATE INDEX tags_gin ON test.searched USING gin (tags);
CREATE INDEX numbers_gin ON test.searched USING gin (numbers);
CREATE INDEX price_btree ON test.searched (price);
CREATE INDEX email_lower ON test.searched (lower(email));
CREATE INDEX name_citext ON test.searched (name);
CREATE INDEX mood_enum ON test.searched (mood);
CREATE INDEX spot_gist ON test.searched USING gist (spot);
CREATE INDEX during_gist ON test.searched USING gist (during);
CREATE INDEX address_gist ON test.searched USING gist (address inet_ops);
CREATE INDEX pairs_gin ON test.searched USING gin (pairs);
CREATE INDEX path_gist ON test.searched USING gist (path);
CREATE INDEX made_btree ON test.searched (made);
CREATE INDEX body_length ON test.searched (length(body));
GRANT SELECT, UPDATE ON test.searched TO regress_app;
SELECT bastion.protect('test.searched', resource => 'searched');
VACUUM ANALYZE test.searched;

CREATE FUNCTION test.indexes(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN coalesce((SELECT string_agg(DISTINCT i #>> '{}', ' ' ORDER BY i #>> '{}') FROM jsonb_path_query(plan, '$.**."Index Name"') i), 'none');
END
$$;
CREATE FUNCTION test.found(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    ids text;
BEGIN
    EXECUTE format('SELECT string_agg(id::text, '','' ORDER BY id) FROM (%s) s', query) INTO ids;
    RETURN coalesce(ids, 'none');
END
$$;
CREATE TABLE test.searches (number int GENERATED ALWAYS AS IDENTITY, clause text, rows text);
INSERT INTO test.searches (clause) VALUES
    ($$words @@ 'w77'::tsquery$$), ($$'w77'::tsquery @@ words$$), ($$data @> '{"k": 77}'$$), ($$data ? 'absent'$$), ($$data ?| '{absent,nor}'$$),
    ($$data ->> 'k' = '77'$$), ($$tags && '{t77}'$$), ($$tags @> '{t77}'$$), ($$numbers && '{77}'$$), ($$body LIKE '%81e7%'$$),
    ($$body LIKE 'text number 81e7%'$$), ($$body ILIKE '%81E7%'$$), ($$price = 77$$), ($$price = ANY ('{77,78}')$$), ($$price BETWEEN 77 AND 77.5$$),
    ($$lower(email) = 'user77@x.example'$$), ($$name = 'NAME77'$$), ($$mood = 'rare'$$), ($$spot <@ box '((76.5,76.5),(77.5,77.5))'$$),
    ($$during && tstzrange(to_timestamp(77000), to_timestamp(77001))$$), ($$during @> to_timestamp(77001)$$), ($$address <<= '10.0.0.77/32'$$),
    ($$pairs @> 'k=>77'$$), ($$path <@ 'top.n77'$$), ($$words @@ 'w77'::tsquery OR tags && '{t78}'$$),
    ($$words @@ 'w77'::tsquery AND price = 77$$);
-- What is not trusted, and why not.
INSERT INTO test.searches (clause) VALUES
    ($$body ~ 'r 81e7[0-9a-f]'$$), ($$to_tsvector('simple', body) @@ '81e7'::tsquery$$), ($$data @? '$.k ? (@ == 77)'$$),
    ($$(data ->> 'k')::int = 77$$), ($$spot <@ circle '((77,77),0.5)'$$), ($$body % 'text number 81e7'$$), ($$length(body) = 7$$), ($$path ~ 'top.n77'::lquery$$),
    ($$words @@ 'w77'::tsquery OR body ~ '81e7'$$);
UPDATE test.searches SET rows = test.found('SELECT id FROM test.searched WHERE tenant_id = ' || quote_literal(test.tenant_of('ann')) || ' AND (' || clause || ')');
GRANT SELECT ON test.searches TO regress_app;

SELECT token AS ann FROM test.people WHERE name = 'ann' \gset
BEGIN;
SET LOCAL ROLE regress_app;
SELECT test.present(:'ann');
SELECT clause, test.indexes('SELECT id FROM test.searched WHERE ' || clause) AS indexes,
       test.found('SELECT id FROM test.searched WHERE ' || clause) = rows AS as_the_owner
FROM test.searches ORDER BY number;
\echo == switched off: the index of the tenant alone, and the same rows
SET LOCAL bastion.search_paths = off;
SELECT test.indexes('SELECT id FROM test.searched WHERE ' || clause) AS indexes, count(*),
       bool_and(test.found('SELECT id FROM test.searched WHERE ' || clause) = rows) AS as_the_owner
FROM test.searches GROUP BY 1 ORDER BY 1;
COMMIT;

\echo == deep constants, and parameters, are not trusted; a plan says which clause is
BEGIN;
SET LOCAL ROLE regress_app;
SELECT test.present(:'ann');
SELECT levels, test.indexes(format('SELECT id FROM test.searched WHERE data @> %L', repeat('{"k":', levels) || '1' || repeat('}', levels))) AS indexes
FROM unnest('{16,17}'::int[]) levels;
SELECT levels, test.indexes(format('SELECT id FROM test.searched WHERE words @@ %L', (SELECT string_agg('absent' || g, '|') FROM generate_series(1, levels) g))) AS indexes
FROM unnest('{16,17}'::int[]) levels;
SELECT operator, levels, test.indexes(format('SELECT id FROM test.searched WHERE body %s %L', operator, '%81e7' || repeat('%', levels - 1))) AS indexes
FROM unnest('{LIKE,ILIKE}'::text[]) operator, unnest('{16,17}'::int[]) levels;
SELECT test.indexes(format('SELECT id FROM test.searched WHERE body LIKE %L', E'%81e7' || repeat(E'\\%', 17))) AS escaped;
SELECT test.indexes($$SELECT id FROM test.searched WHERE body LIKE E'text number 81e7\\'$$) AS open_escape;
SET LOCAL plan_cache_mode = force_generic_plan;
PREPARE by_pattern(text) AS SELECT id FROM test.searched WHERE body LIKE $1;
PREPARE by_tags(text[]) AS SELECT id FROM test.searched WHERE tags && $1;
SELECT test.indexes('EXECUTE by_pattern(''%81e7%'')') AS by_pattern, test.indexes('EXECUTE by_tags(''{t77}'')') LIKE '%tags_gin%' AS by_tags;
SELECT relation, subject, note FROM bastion.plan_notes();
DEALLOCATE by_pattern;
DEALLOCATE by_tags;
COMMIT;

\echo == the row of a cursor
BEGIN;
SET LOCAL ROLE regress_app;
SELECT test.present(:'ann');
DECLARE searching CURSOR FOR SELECT id FROM test.searched WHERE price = 77 ORDER BY id FOR UPDATE;
FETCH searching;
UPDATE test.searched SET flag = NOT flag WHERE CURRENT OF searching RETURNING id;
UPDATE test.searched a SET flag = NOT a.flag FROM test.searched b WHERE CURRENT OF searching RETURNING a.id = 154 AS again;
ROLLBACK;

\echo == a clause with an untrusted function is called for the rows of the tenant alone
CREATE SEQUENCE test.calls;
GRANT USAGE ON SEQUENCE test.calls TO regress_app;
CREATE FUNCTION test.spy() RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN PERFORM nextval('test.calls'); RETURN true; END $$;
CREATE FUNCTION test.loud_spy() RETURNS boolean LANGUAGE plpgsql VOLATILE COST 0.0001 AS $$ BEGIN PERFORM nextval('test.calls'); RETURN true; END $$;
CREATE FUNCTION test.spied(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := nextval('test.calls');
BEGIN
    EXECUTE query;
    RETURN nextval('test.calls') - before - 1;
END
$$;
CREATE TABLE test.spied_on (clause text, own bigint);
INSERT INTO test.spied_on (clause) VALUES
    ('CASE WHEN flag THEN test.spy() ELSE false END'), ('flag AND test.loud_spy()'), ('(flag AND test.spy()) OR id < 0'), ('coalesce(NOT flag OR test.spy(), false)'),
    ('flag = CASE WHEN flag THEN test.spy() ELSE false END'), ('flag AND CASE WHEN flag THEN (SELECT test.loud_spy()) END'),
    ('price = 77 AND (price <> 77 OR test.loud_spy())'), ($$words @@ 'w77'::tsquery AND test.loud_spy()$$), ('NOT (flag IS TRUE AND NOT test.spy()) AND price < 5');
GRANT SELECT ON test.spied_on TO regress_app;
UPDATE test.spied_on SET own = test.spied('SELECT id FROM test.searched WHERE CASE WHEN tenant_id = ' || quote_literal(test.tenant_of('ann')) || ' THEN ' || clause || ' END');
BEGIN;
SET LOCAL ROLE regress_app;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_indexonlyscan = off;
SELECT test.present(:'ann');
SELECT clause, test.spied('SELECT id FROM test.searched WHERE ' || clause) <= own + 2 AS select,
       test.spied('SELECT max(id) FROM test.searched WHERE ' || clause) <= own + 2 AS max,
       test.spied('SELECT count(*) FROM (SELECT id FROM test.searched WHERE ' || clause || ' UNION ALL SELECT 1) s') <= own + 2 AS union,
       test.spied('UPDATE test.searched SET flag = flag WHERE ' || clause) <= own + 2 AS update
FROM test.spied_on;
\echo == from an equality, as a filter of the other table
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
RESET enable_indexscan;
SELECT test.spied('SELECT count(*) FROM test.searched a JOIN test.searched b ON a.id = b.id AND a.flag = CASE WHEN b.flag THEN test.spy() ELSE false END WHERE b.id < 2000')
       <= (SELECT count(*) + 5 FROM test.searched WHERE id < 2000 AND flag) AS derived;
ROLLBACK;

\echo == a call on the rows of another relation, in the condition of a B-tree: once for each of these, and never for a hidden row
CREATE TABLE test.days AS SELECT to_timestamp(1000000) + g * interval '1 hour' AS at FROM generate_series(0, 1) g;
GRANT SELECT ON test.days TO regress_app;
CREATE FUNCTION test.seen(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM nextval('test.calls'); RETURN at; END $$;
ANALYZE test.days;
BEGIN;
SET LOCAL ROLE regress_app;
SET LOCAL enable_seqscan = off;
SELECT test.present(:'ann');
SELECT test.indexes('SELECT count(*) FROM test.days d JOIN test.searched s ON s.made >= d.at AND s.made < d.at + interval ''5 s''') AS indexes,
       test.spied('SELECT count(*) FROM test.days d JOIN test.searched s ON s.made >= d.at AND s.made < test.seen(d.at + interval ''5 s'')') <= 4 AS few_calls,
       test.found('SELECT id FROM test.days d JOIN test.searched s ON s.made >= d.at AND s.made < d.at + interval ''25 s''') AS found;
SET LOCAL enable_indexscan = off;
SELECT test.indexes('SELECT count(*) FROM test.days d JOIN test.searched s ON s.made >= d.at AND s.made < d.at + interval ''5 s''') AS indexes,
       test.found('SELECT id FROM test.days d JOIN test.searched s ON s.made >= d.at AND s.made < d.at + interval ''25 s''') AS found;
ROLLBACK;
DROP TABLE test.days;
DROP FUNCTION test.seen;

\echo == behind a policy of another hand nothing goes first
CREATE FUNCTION test.may_see(boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN NOT $1; END $$;
CREATE POLICY legal_hold ON test.searched AS RESTRICTIVE USING (test.may_see(flag));
BEGIN;
SET LOCAL ROLE regress_app;
SELECT test.present(:'ann');
SELECT test.indexes('SELECT id FROM test.searched WHERE words @@ ''w77''') AS words, test.indexes('SELECT id FROM test.searched WHERE price = 77') AS price;
COMMIT;
DROP POLICY legal_hold ON test.searched;
CREATE VIEW test.barrier WITH (security_barrier) AS SELECT * FROM test.searched WHERE test.may_see(flag);
GRANT SELECT ON test.barrier TO regress_app;
BEGIN;
SET LOCAL ROLE regress_app;
SELECT test.present(:'ann');
SELECT test.indexes('SELECT id FROM test.barrier WHERE words @@ ''w77''') AS words;
COMMIT;
DROP VIEW test.barrier;

\echo == a superuser may trust an operator in C
SELECT test.error($$SELECT bastion.search_operator_trust('%(text,text)', '')$$);
SELECT test.error($$SELECT bastion.search_operator_trust('~~(text,text)', NULL)$$) AS strict;
CREATE FUNCTION test.like_sql(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT $1 LIKE $2';
CREATE OPERATOR test.~~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = test.like_sql);
SELECT test.error($$SELECT bastion.search_operator_trust('test.~~~(text,text)', 'it is mine')$$);
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.search_operator_trust('%(text,text)', 'no text is that long')$$);
SELECT test.error('SELECT FROM bastion.search_operators()');
RESET ROLE;
SELECT bastion.search_operator_trust('%(text,text)', 'no text here is that long');
SELECT operator, library, symbol, needs, reason FROM bastion.search_operators() WHERE NOT built_in;
BEGIN;
SET LOCAL ROLE regress_app;
SELECT test.present(:'ann');
SET LOCAL plan_cache_mode = force_generic_plan;
PREPARE alike AS SELECT id FROM test.searched WHERE body % 'text number 81e7';
SELECT test.indexes('EXECUTE alike') IS NOT NULL AS planned;
SELECT subject FROM bastion.plan_notes() ORDER BY relation;
COMMIT;
SELECT bastion.search_operator_distrust('%(text,text)'), bastion.search_operator_distrust('%(text,text)') AS again;
BEGIN;
SET LOCAL ROLE regress_app;
SELECT test.present(:'ann');
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT test.indexes('EXECUTE alike') IS NOT NULL AS planned;
SELECT subject FROM bastion.plan_notes() ORDER BY relation;
COMMIT;
DEALLOCATE alike;
SELECT count(*) > 40 AS built_in, bool_and(reason <> '' AND operator <> '') AS with_reasons FROM bastion.search_operators() WHERE built_in;
-- Each names a function that this server has, that is not LEAKPROOF, and that may go first; with the operator that calls it.
CREATE VIEW test.listed AS
SELECT s.library, s.symbol, s.operator, p.oid AS function, p.proleakproof,
       ARRAY(SELECT format('%s %s %s', o.oprleft::regtype, o.oprname, o.oprright::regtype) FROM pg_operator o WHERE o.oprcode = p.oid) AS real
FROM bastion.search_operators() s LEFT JOIN pg_proc p ON p.prosrc = s.symbol AND p.probin IS NOT DISTINCT FROM s.library
 AND p.prolang = (SELECT l.oid FROM pg_language l WHERE l.lanname = CASE WHEN s.library IS NULL THEN 'internal' ELSE 'c' END);
SELECT library, symbol, function::regprocedure, proleakproof FROM test.listed
WHERE function IS NULL OR proleakproof OR NOT bastion_internal.may_search(function);
SELECT symbol, operator, max(real::text) AS real FROM test.listed GROUP BY symbol, operator
HAVING NOT bool_or(regexp_replace(operator, ' \([A-Z ]+\)$', '') = ANY (real)) ORDER BY symbol COLLATE "C";
-- Nothing else may that is not LEAKPROOF.
SELECT p.oid::regprocedure FROM pg_proc p
WHERE NOT p.proleakproof AND p.prorettype <> 'trigger'::regtype AND bastion_internal.may_search(p.oid) AND NOT EXISTS (SELECT FROM test.listed l WHERE l.function = p.oid);
DROP VIEW test.listed;

DROP OPERATOR test.~~~ (text, text);
DROP FUNCTION test.like_sql;
DROP TABLE test.searched, test.searches, test.spied_on;
SELECT bastion_internal.forget_dropped_tables();
DROP SEQUENCE test.calls;
DROP FUNCTION test.indexes, test.found, test.spy, test.loud_spy, test.spied, test.may_see;
DROP TYPE test.mood;
DROP EXTENSION pg_trgm, citext, hstore, ltree, cube;
DELETE FROM bastion.tenants WHERE slug LIKE 'search-%';
DELETE FROM bastion.users WHERE email LIKE '%@search.example';
DELETE FROM bastion.permissions WHERE resource = 'searched';
TRUNCATE test.people;
