-- Policies that ask can_by_acl(), in every kind of statement and plan, for users with few lists (the index condition that the
-- planner sees), hundreds (the one that it does not see) and more than ten thousand (a hashed filter). Each line ends with
-- whether the rows were exactly those that are shared.
\set VERBOSITY terse
\set ECHO none
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' '
SET client_min_messages = warning;

CREATE TABLE test.sharers (name text PRIMARY KEY, lists int, id uuid, token text);
INSERT INTO test.sharers
SELECT n, l, (a -> 'user' ->> 'id')::uuid, a ->> 'access_token'
FROM (VALUES ('ann', 0), ('few', 8), ('many', 300), ('most', 10100)) v (n, l),
     LATERAL bastion_api.signup(n || '@statements.example', 'correct horse', 'Statements ' || n) a;
GRANT SELECT ON test.sharers TO regress_app;
SELECT id AS tenant FROM bastion.tenants WHERE slug = 'statements-ann' \gset
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'tenant', 'guest') RETURNING id AS guest \gset
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT id, :'tenant', :'guest' FROM test.sharers WHERE lists > 0;

-- Rows with a list each; a third of those that are shared can be read, a third changed, a third deleted.
CREATE TABLE test.mails (id int PRIMARY KEY, tenant_id uuid NOT NULL, acl_id bigint, v int NOT NULL DEFAULT 0);
CREATE TABLE test.parts (id int, tenant_id uuid NOT NULL, acl_id bigint, v int NOT NULL DEFAULT 0) PARTITION BY RANGE (id);
CREATE TABLE test.parts_1 PARTITION OF test.parts FOR VALUES FROM (0) TO (5);
CREATE TABLE test.parts_2 PARTITION OF test.parts FOR VALUES FROM (5) TO (1000000);
CREATE TABLE test.side (id int PRIMARY KEY);
INSERT INTO test.side SELECT generate_series(1, 12000, 2);
WITH made AS (INSERT INTO bastion.acls (tenant_id, kind) SELECT :'tenant', 'row' FROM generate_series(1, 12000) RETURNING id)
INSERT INTO test.mails SELECT row_number() OVER (ORDER BY id), :'tenant', id FROM made;
INSERT INTO test.parts SELECT * FROM test.mails;
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level)
SELECT m.acl_id, 'user', s.id, (ARRAY[1, 2, 4])[1 + m.id % 3] FROM test.mails m, test.sharers s WHERE m.id <= s.lists;
CREATE VIEW test.mails_view WITH (security_invoker) AS SELECT * FROM test.mails;
GRANT SELECT, INSERT, UPDATE, DELETE ON test.mails, test.parts, test.mails_view TO regress_app;
GRANT SELECT ON test.side TO regress_app;
SELECT count(*) > 0 FROM bastion.protect('test.mails', sharing => 'tenant', resource => 'mails');
SELECT count(*) > 0 FROM bastion.protect('test.parts', sharing => 'tenant', resource => 'mails');
INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (:'guest', 'mails.create');
ANALYZE test.mails, test.parts, test.side;

-- What a user should find: rows that are shared at a level, perhaps every second one only.
CREATE FUNCTION test.due(lists int, level int, every int DEFAULT 1) RETURNS text LANGUAGE sql
AS $$
    SELECT count(*) || ':' || coalesce(sum(id), 0)
    FROM generate_series(1, lists, every) id WHERE (ARRAY[1, 2, 4])[1 + id % 3] >= level
$$;
CREATE FUNCTION test.nodes(query text, of_joins boolean) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    line text;
    found text[] := '{}';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        found := found || substring(line FROM '(Parallel Seq Scan|Seq Scan|Index Only Scan|Index Scan|Bitmap Heap Scan|Nested Loop|Hash Join|Merge Join|acl_set_unfolded|acl_set|can_by_acl)');
    END LOOP;
    RETURN (SELECT string_agg(DISTINCT f, ', ' ORDER BY f) FROM unnest(found) f WHERE NOT of_joins OR f ~ 'Join|Loop');
END
$$;
CREATE TABLE test.modes (place int, name text, settings text);
INSERT INTO test.modes VALUES
    (2, 'index', 'enable_seqscan = off; SET LOCAL enable_bitmapscan = off'),
    (3, 'bitmap', 'enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off'),
    (4, 'sequential', 'enable_indexscan = off; SET LOCAL enable_bitmapscan = off'),
    (5, 'parallel', 'enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0'),
    (6, 'nested loop', 'enable_hashjoin = off; SET LOCAL enable_mergejoin = off'),
    (7, 'hash join', 'enable_nestloop = off; SET LOCAL enable_mergejoin = off'),
    (8, 'merge join', 'enable_nestloop = off; SET LOCAL enable_hashjoin = off');
\set start 'format(''SET ROLE regress_app''), ''BEGIN'', format(''SELECT WHERE bastion.authenticate(%L, %L) IS NULL'', s.token, ''statements-ann'')'
\set finish '''ROLLBACK'', ''RESET ROLE'''

\echo -- scans and joins
SELECT :start, 'SET LOCAL ' || m.settings,
       format('SELECT %L, test.nodes(%L, %L), count(*) || '':'' || coalesce(sum(t.id), 0) = %L FROM %s', s.name || ', ' || m.name || ':',
              'SELECT t.id FROM ' || q.source, m.place > 5, test.due(s.lists, 1, q.every), q.source), :finish
FROM test.sharers s, test.modes m,
     LATERAL (SELECT CASE WHEN m.place > 5 THEN 'test.side x JOIN test.mails t USING (id)' ELSE 'test.mails t' END AS source,
                     CASE WHEN m.place > 5 THEN 2 ELSE 1 END AS every) q
WHERE s.lists > 0 ORDER BY s.lists, m.place \gexec

\echo -- statements
SELECT :start,
       format('SELECT %L, %s = %L', s.name || ', ' || v.name || ':', v.query, test.due(s.lists, v.level, v.every)), :finish
FROM test.sharers s, (VALUES
    (1, 'view', 1, 1, '(SELECT count(*) || '':'' || coalesce(sum(id), 0) FROM test.mails_view)'),
    (2, 'partitions', 1, 1, '(SELECT count(*) || '':'' || coalesce(sum(id), 0) FROM test.parts)'),
    (3, 'lateral', 1, 2, '(SELECT count(*) || '':'' || coalesce(sum(x.id), 0) FROM test.side x, LATERAL (SELECT FROM test.mails t WHERE t.id = x.id OFFSET 0) l)'),
    (4, 'semijoin', 1, 2, '(SELECT count(*) || '':'' || coalesce(sum(id), 0) FROM test.side x WHERE EXISTS (SELECT FROM test.mails t WHERE t.id = x.id))'),
    (5, 'FOR UPDATE', 2, 1, '(SELECT count(*) || '':'' || coalesce(sum(id), 0) FROM (SELECT id FROM test.mails FOR UPDATE) l)')) v (place, name, level, every, query)
WHERE s.lists > 0 ORDER BY s.lists, v.place \gexec
SELECT :start,
       format('WITH c AS (%s) SELECT %L, count(*) || '':'' || coalesce(sum(id), 0) = %L FROM c', v.query, s.name || ', ' || v.name || ':',
              test.due(s.lists, v.level, v.every)), :finish
FROM test.sharers s, (VALUES
    (1, 'UPDATE', 2, 1, 'UPDATE test.mails SET v = v + 1 RETURNING id'),
    (2, 'UPDATE FROM', 2, 2, 'UPDATE test.mails t SET v = t.v + 1 FROM test.side x WHERE x.id = t.id RETURNING t.id'),
    (3, 'UPDATE of a view', 2, 1, 'UPDATE test.mails_view SET v = v + 1 RETURNING id'),
    (4, 'UPDATE of partitions', 2, 1, 'UPDATE test.parts SET v = v + 1 RETURNING id'),
    (5, 'DELETE', 4, 1, 'DELETE FROM test.mails RETURNING id'),
    (6, 'DELETE USING', 4, 2, 'DELETE FROM test.mails t USING test.side x WHERE x.id = t.id RETURNING t.id'),
    (7, 'DELETE of partitions', 4, 1, 'DELETE FROM test.parts RETURNING id')) v (place, name, level, every, query)
WHERE s.lists > 0 ORDER BY s.lists, v.place \gexec

\echo -- MERGE: what is found may be changed, or the statement fails
SELECT :start,
       'MERGE INTO test.mails t USING (SELECT id FROM test.side WHERE (ARRAY[1, 2, 4])[1 + id % 3] >= 2) x ON t.id = x.id WHEN MATCHED THEN UPDATE SET v = 99',
       format('SELECT %L, count(*) || '':'' || coalesce(sum(id), 0) = %L FROM test.mails WHERE v = 99', s.name || ', MERGE:', test.due(s.lists, 2, 2)),
       'SAVEPOINT one', 'MERGE INTO test.mails t USING test.side x ON t.id = x.id WHEN MATCHED THEN DELETE', 'ROLLBACK TO one', :finish
FROM test.sharers s WHERE s.lists > 0 ORDER BY s.lists \gexec

\echo -- INSERT: a new row has the list of the tenant, which a guest sees nothing of; ON CONFLICT and RETURNING must see it
SELECT :start, format('INSERT INTO test.mails (id) VALUES (%s)', 20000), 'SAVEPOINT one',
       'INSERT INTO test.mails (id) VALUES (20001) RETURNING id', 'ROLLBACK TO one',
       'INSERT INTO test.mails (id) VALUES (2) ON CONFLICT (id) DO UPDATE SET v = 5', 'ROLLBACK TO one',
       'INSERT INTO test.mails (id) VALUES (2) ON CONFLICT (id) DO NOTHING', 'ROLLBACK TO one',
       'INSERT INTO test.mails (id) VALUES (2) ON CONFLICT DO NOTHING', 'ROLLBACK TO one', :finish
FROM test.sharers s WHERE s.name = 'few' \gexec
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level)
SELECT t.acl_id, 'role', :'guest', 2 FROM bastion.tenants t WHERE t.id = :'tenant';
SELECT :start, 'INSERT INTO test.mails (id) VALUES (20001) RETURNING id',
       'INSERT INTO test.mails (id) VALUES (5) ON CONFLICT (id) DO UPDATE SET v = 5 RETURNING id, v',
       'INSERT INTO test.mails (id) VALUES (5) ON CONFLICT (id) DO NOTHING', 'SAVEPOINT one',
       format('INSERT INTO test.mails (id) VALUES (%s) ON CONFLICT (id) DO UPDATE SET v = 5', i.row), 'ROLLBACK TO one', :finish
FROM test.sharers s, (VALUES (3), (11999)) i (row) WHERE s.name = 'few' ORDER BY i.row \gexec
DELETE FROM bastion.acl_entries WHERE subject_id = :'guest';

\echo -- COPY TO
SELECT :start, 'COPY test.mails (id) TO STDOUT', 'COPY (SELECT id FROM test.parts ORDER BY id DESC) TO STDOUT', :finish
FROM test.sharers s WHERE s.name = 'few' \gexec

\echo -- one index condition, however many permissions an UPDATE asks for: of two, a btree would try every pair
CREATE FUNCTION test.conditions(query text) RETURNS bigint LANGUAGE plpgsql
AS $$
DECLARE
    line text;
    sets bigint := 0;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        sets := sets + (SELECT count(*) FROM regexp_matches(line, 'acl_set', 'g'));
    END LOOP;
    RETURN sets;
END
$$;
SELECT :start, 'SET LOCAL enable_seqscan = off', 'SET LOCAL enable_bitmapscan = off',
       format('SELECT %L, test.conditions(''UPDATE test.mails SET v = v + 1''), test.conditions(''DELETE FROM test.mails WHERE v > 0'')', s.name || ':'), :finish
FROM test.sharers s WHERE s.lists > 0 ORDER BY s.lists \gexec

\echo -- one generic plan, first planned without an identity and for a user with a deny, then run by all, over one connection
SET plan_cache_mode = force_generic_plan;
PREPARE look AS SELECT count(*) || ':' || coalesce(sum(id), 0) AS found FROM test.mails;
PREPARE change AS WITH c AS (UPDATE test.mails SET v = v + 1 RETURNING id) SELECT count(*) || ':' || coalesce(sum(id), 0) AS found FROM c;
SET ROLE regress_app;
EXECUTE look;
EXECUTE change;
RESET ROLE;
SELECT :start, 'EXECUTE look', 'EXECUTE change', format('SELECT %L, %L', s.name || ' should find', test.due(s.lists, 1) || ' ' || test.due(s.lists, 2)), :finish
FROM test.sharers s, (VALUES (1, 'few'), (2, 'most'), (3, 'many'), (4, 'few'), (5, 'most')) o (place, name)
WHERE s.name = o.name ORDER BY o.place \gexec
SET ROLE regress_app;
EXECUTE look;
RESET ROLE;
RESET plan_cache_mode;

\echo -- a cursor keeps what its statement began with, which is what was allowed then; after the end of the identity nobody sees more
SELECT :start, 'DECLARE c CURSOR FOR SELECT id FROM test.mails ORDER BY id', 'FETCH 2 FROM c', 'SAVEPOINT one', 'FETCH 2 FROM c',
       'SELECT WHERE bastion.context_drop() IS NULL', 'SELECT count(*) FROM test.mails',
       'ROLLBACK TO one', 'SELECT count(*) FROM test.mails',
       format('SELECT WHERE bastion.authenticate(%L, %L) IS NULL', s.token, 'statements-ann'), :finish
FROM test.sharers s WHERE s.name = 'few' \gexec

\echo -- COPY FROM is refused; a staging table takes its place, and the policies hold for what comes out of it
SET ROLE regress_app;
COPY test.mails (id) FROM STDIN;
1
\.
RESET ROLE;
SELECT id AS elsewhere FROM bastion.tenants WHERE slug = 'statements-few' \gset
SELECT format('GRANT TEMPORARY ON DATABASE %I TO regress_app', current_database()) \gexec
SET ROLE regress_app;
CREATE TEMPORARY TABLE staging (id int, tenant_id uuid, v int);
COPY staging FROM STDIN;
20100	\N	1
20101	\N	2
\.
RESET ROLE;
SELECT :start, 'INSERT INTO test.mails (id, v) SELECT id, v FROM staging', 'SAVEPOINT one',
       format('UPDATE staging SET tenant_id = %L', :'elsewhere'),
       'INSERT INTO test.mails (id, tenant_id, v) SELECT id + 2, tenant_id, v FROM staging', 'ROLLBACK TO one', 'COMMIT', 'RESET ROLE'
FROM test.sharers s WHERE s.name = 'ann' \gexec
SELECT m.id, m.v, m.tenant_id = :'tenant' AND m.acl_id = t.acl_id FROM test.mails m, bastion.tenants t WHERE t.id = :'tenant' AND m.id > 20000 ORDER BY m.id;
DROP TABLE staging;
SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM regress_app', current_database()) \gexec

DROP VIEW test.mails_view;
DROP TABLE test.mails, test.parts, test.side, test.modes, test.sharers;
DROP FUNCTION test.due, test.nodes, test.conditions;
DEALLOCATE look;
DEALLOCATE change;
SELECT FROM bastion_internal.forget_dropped_tables();
DELETE FROM bastion.tenants WHERE slug LIKE 'statements-%';
DELETE FROM bastion.users WHERE email LIKE '%@statements.example';
DELETE FROM bastion.permissions WHERE resource = 'mails';
