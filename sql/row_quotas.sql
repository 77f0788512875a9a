-- protect(quota => ...): the rows of a table are counted for each tenant, whatever statement writes them, and a statement that adds more than a
-- limit allows fails whole.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA rq;
SELECT coalesce(max(id), 0) AS first_event FROM bastion.events \gset
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ada', 'bob']) n, LATERAL bastion_api.signup(n || '@rows.example', 'correct horse battery', 'Rows of ' || n) a;
SELECT token AS ada, tenant AS of_ada, number AS ada_number FROM test.people WHERE name = 'ada' \gset
SELECT token AS bob, tenant AS of_bob, number AS bob_number FROM test.people WHERE name = 'bob' \gset
GRANT USAGE ON SCHEMA rq TO regress_app;
-- the answer of a statement to a holder of a token, or its error
CREATE FUNCTION rq.run(token text, statement text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(nullif(concat_ws(': ', a.error, a.detail), ''), a.answer, 'NULL') FROM test.as_app(token, NULL, NULL, statement) a
$$;
-- what is counted, and the rows that exist, for the tenants of both
CREATE FUNCTION rq.counted(meter text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', p.name, coalesce(w.used, 0)), ', ' ORDER BY p.name)
    FROM test.people p LEFT JOIN bastion.usage_windows w ON w.owner_id = p.tenant AND w.scope_id = p.tenant AND w.meter = counted.meter AND w.period = 'total'
    WHERE p.name IN ('ada', 'bob')
$$;
CREATE FUNCTION rq.there(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    counted text;
BEGIN
    EXECUTE format('SELECT string_agg(concat_ws('' '', p.name, (SELECT count(*) FROM %s r WHERE r.tenant_id::text IN (p.tenant::text, p.number::text))), '', '' ORDER BY p.name) FROM test.people p WHERE p.name IN (''ada'', ''bob'')', relation) INTO counted;
    RETURN counted;
END
$$;

SELECT bastion.meter_set('flows', 'gauge'), bastion.meter_set('leaves', 'gauge'), bastion.meter_set('starts'), bastion.meter_set('money', 'cost', 2);
SELECT bastion.plan_limit_set('flows', 'tenant', 'total', 5, soft_amount => 4), bastion.plan_limit_set('flows', 'tenant', 'total', 1000, plan => 'pro');
CREATE TABLE rq.flows (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, name text, parent bigint REFERENCES rq.flows ON DELETE CASCADE);
GRANT SELECT, INSERT, UPDATE, DELETE ON rq.flows TO regress_app;
INSERT INTO rq.flows (id, tenant_id) VALUES (1, :'of_ada'), (2, :'of_ada'), (3, :'of_bob');

-- what cannot count rows
SELECT m, test.error(format('SELECT bastion.protect(''rq.flows'', quota => %L)', m)) FROM unnest(ARRAY['money', 'nothing', '', 'Flows']) m;
-- rows that exist count from the start
SELECT rq.counted('flows') AS before;
SELECT statement FROM bastion.protect('rq.flows', quota => 'flows', dry_run => true) WHERE statement ~ 'quota|recount';
SELECT count(*) AS statements FROM bastion.protect('rq.flows', quota => 'flows');
SELECT rq.counted('flows'), (SELECT status FROM bastion.protection WHERE relation = 'rq.flows'::regclass);
SELECT * FROM bastion.protect('rq.flows', quota => 'flows');

-- INSERT, up to the limit; then the statement fails whole
SELECT rq.run(:'ada', 'WITH i AS (INSERT INTO rq.flows (id) VALUES (10), (11) RETURNING 1) SELECT count(*) FROM i') AS two, rq.counted('flows');
SELECT rq.run(:'ada', 'WITH i AS (INSERT INTO rq.flows (id) VALUES (12), (13) RETURNING 1) SELECT count(*) FROM i') AS over, rq.counted('flows'), rq.there('rq.flows');
SELECT rq.run(:'ada', 'WITH i AS (INSERT INTO rq.flows (id) VALUES (12) RETURNING 1) SELECT count(*) FROM i') AS last, rq.run(:'ada', $$SELECT concat_ws(' ', used, 'of', amount, 'left', remaining) FROM bastion.quota_usage('flows')$$) AS usage;
SELECT kind, tenant_id = :'of_ada' AS of_ada, detail FROM bastion.events WHERE kind = 'quota_soft_crossed' AND id > :first_event;
SELECT rq.run(:'bob', 'WITH i AS (INSERT INTO rq.flows (id) VALUES (20) RETURNING 1) SELECT count(*) FROM i') AS another_tenant, rq.counted('flows');
-- who bypasses row security is counted, and held to the limit
SELECT test.error(format('INSERT INTO rq.flows (id, tenant_id) VALUES (14, %L)', :'of_ada')) AS superuser, test.error(format('INSERT INTO rq.flows (id, tenant_id) SELECT n, t FROM (VALUES (30, %L::uuid), (31, %L), (32, %1$L), (33, %1$L), (34, %1$L)) v (n, t)', :'of_bob', :'of_ada')) AS two_tenants, rq.counted('flows'), rq.there('rq.flows');
-- DELETE gives back
SELECT rq.run(:'ada', 'WITH d AS (DELETE FROM rq.flows WHERE id IN (10, 11) RETURNING 1) SELECT count(*) FROM d') AS gone, rq.counted('flows');
-- ON CONFLICT, RETURNING, no rows at all
SELECT rq.run(:'ada', 'WITH i AS (INSERT INTO rq.flows (id, name) VALUES (1, ''x''), (10, ''new'') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING 1) SELECT count(*) FROM i') AS upserted, rq.counted('flows');
SELECT rq.run(:'ada', 'WITH i AS (INSERT INTO rq.flows (id) VALUES (1), (10) ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM i') AS nothing, rq.run(:'ada', 'WITH d AS (DELETE FROM rq.flows WHERE false RETURNING 1) SELECT count(*) FROM d') AS none, rq.counted('flows');
-- MERGE, and a statement that deletes and inserts in one: room for what is new is needed before what goes is given back
MERGE INTO rq.flows f USING (VALUES (1), (2), (41), (42)) v (id) ON f.id = v.id
WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, tenant_id) VALUES (v.id, (SELECT tenant FROM test.people WHERE name = 'ada'));
SELECT rq.counted('flows'), rq.there('rq.flows');
MERGE INTO rq.flows f USING (VALUES (2), (41)) v (id) ON f.id = v.id
WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, tenant_id) VALUES (v.id, (SELECT tenant FROM test.people WHERE name = 'ada'));
SELECT rq.counted('flows'), rq.there('rq.flows');
WITH d AS (DELETE FROM rq.flows WHERE id = 41 RETURNING tenant_id) INSERT INTO rq.flows (id, tenant_id) SELECT 50 + row_number() OVER (), tenant_id FROM d;
SELECT rq.counted('flows'), rq.there('rq.flows');
-- INSERT twice into one table in one statement
UPDATE bastion.tenants SET plan = 'pro' WHERE id IN (:'of_ada', :'of_bob');
WITH a AS (INSERT INTO rq.flows (id, tenant_id) VALUES (60, :'of_ada') RETURNING 1), b AS (INSERT INTO rq.flows (id, tenant_id) VALUES (61, :'of_ada'), (62, :'of_bob') RETURNING 1)
INSERT INTO rq.flows (id, tenant_id) VALUES (63, :'of_bob');
SELECT rq.counted('flows'), rq.there('rq.flows');
-- INSERT ... SELECT and COPY
INSERT INTO rq.flows (id, tenant_id, parent) SELECT 100 + n, CASE WHEN n % 3 = 0 THEN :'of_bob'::uuid ELSE :'of_ada' END, CASE WHEN n % 3 = 0 THEN 63 ELSE 60 END FROM generate_series(1, 300) n;
SELECT rq.counted('flows'), rq.there('rq.flows');
INSERT INTO rq.flows (id, tenant_id) SELECT 1000 + id, tenant_id FROM rq.flows WHERE id > 100;
BEGIN;
SELECT set_config('bastion.token', :'ada', true) IS NOT NULL AS presented;
COPY rq.flows (id) FROM PROGRAM 'seq 8001 8003';
COMMIT;
SELECT rq.counted('flows') = rq.there('rq.flows') AS right;
-- cascades: of many parents, and of parents of parents
UPDATE rq.flows SET parent = 110 WHERE id BETWEEN 200 AND 210;
DELETE FROM rq.flows WHERE id IN (60, 63);
SELECT rq.counted('flows'), rq.there('rq.flows');
-- savepoints take back what was counted
BEGIN;
DELETE FROM rq.flows WHERE tenant_id = :'of_ada';
SELECT rq.counted('flows') AS none_of_ada;
SAVEPOINT s;
INSERT INTO rq.flows (id, tenant_id) VALUES (2001, :'of_ada');
ROLLBACK TO s;
INSERT INTO rq.flows (id, tenant_id) VALUES (2002, :'of_ada'), (2003, :'of_ada');
SELECT rq.counted('flows') AS two;
ROLLBACK;
SELECT rq.counted('flows') = rq.there('rq.flows') AS as_before;
-- UPDATE that gives rows to another tenant: only who bypasses row security can
UPDATE rq.flows SET tenant_id = :'of_bob' WHERE id BETWEEN 1101 AND 1110;
UPDATE rq.flows SET name = 'y', tenant_id = tenant_id;
SELECT rq.counted('flows'), rq.counted('flows') = rq.there('rq.flows') AS right;
UPDATE bastion.tenants SET plan = 'none' WHERE id = :'of_bob';
SELECT test.error(format('UPDATE rq.flows SET tenant_id = %L WHERE id = 1111', :'of_bob')) AS no_room, rq.counted('flows') = rq.there('rq.flows') AS right;
-- a lower plan counts at once, and takes nothing away
SELECT rq.run(:'bob', 'WITH i AS (INSERT INTO rq.flows (id) VALUES (3000) RETURNING 1) SELECT count(*) FROM i') AS no_more, rq.run(:'bob', 'WITH d AS (DELETE FROM rq.flows WHERE id = 1103 RETURNING 1) SELECT count(*) FROM d') AS fewer, rq.counted('flows') = rq.there('rq.flows') AS right;
SELECT bastion.limit_override_set('flows', 'total', 5000, tenant => :'of_bob');
SELECT rq.run(:'bob', 'WITH i AS (INSERT INTO rq.flows (id) VALUES (3000) RETURNING 1) SELECT count(*) FROM i') AS of_its_own;
-- a statement for very many tenants takes one lock in place of theirs
INSERT INTO bastion.tenants (name, slug) SELECT 'Many', 'rq-many-' || n FROM generate_series(1, 300) n;
BEGIN;
INSERT INTO rq.flows (id, tenant_id) SELECT 20000 + row_number() OVER (), t.id FROM bastion.tenants t WHERE t.slug LIKE 'rq-many-%' LIMIT 256;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'userlock' AND mode = 'ExclusiveLock' AND pid = pg_backend_pid();
ROLLBACK;
BEGIN;
INSERT INTO rq.flows (id, tenant_id) SELECT 20000 + row_number() OVER (), t.id FROM bastion.tenants t WHERE t.slug LIKE 'rq-many-%';
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'userlock' AND mode = 'ExclusiveLock' AND pid = pg_backend_pid();
COMMIT;
SELECT count(*) AS windows, sum(w.used) AS counted FROM bastion.usage_windows w JOIN bastion.tenants t ON t.id = w.owner_id WHERE t.slug LIKE 'rq-many-%';
DELETE FROM rq.flows WHERE id > 20000;
SELECT sum(w.used) AS counted FROM bastion.usage_windows w JOIN bastion.tenants t ON t.id = w.owner_id WHERE t.slug LIKE 'rq-many-%';
DELETE FROM bastion.tenants WHERE slug LIKE 'rq-many-%';
-- rows of no tenant count for none
ALTER TABLE rq.flows ALTER tenant_id DROP NOT NULL;
INSERT INTO rq.flows (id, tenant_id) VALUES (3001, NULL), (3002, gen_random_uuid());
DELETE FROM rq.flows WHERE id IN (3001, 3002);
ALTER TABLE rq.flows ALTER tenant_id SET NOT NULL;
SELECT rq.counted('flows') = rq.there('rq.flows') AS right;
-- TRUNCATE
BEGIN;
TRUNCATE rq.flows;
SELECT rq.counted('flows') AS truncated, rq.there('rq.flows');
ROLLBACK;
SELECT rq.counted('flows') = rq.there('rq.flows') AS right;
-- a trigger that its owner disables: lint says so, protect() repairs and counts again
ALTER TABLE rq.flows DISABLE TRIGGER bastion_quota_insert;
INSERT INTO rq.flows (id, tenant_id) VALUES (3003, :'of_ada');
ALTER TABLE rq.flows ENABLE REPLICA TRIGGER bastion_quota_delete;
DROP TRIGGER bastion_quota_move ON rq.flows;
SELECT rq.counted('flows') = rq.there('rq.flows') AS wrong, (SELECT status FROM bastion.protection WHERE relation = 'rq.flows'::regclass);
SELECT severity, problem, fix LIKE '%quota => ''flows''%' AS fix FROM bastion.lint() WHERE object = 'rq.flows' AND problem ~ 'quota';
SELECT count(*) > 0 AS repaired FROM bastion.protect('rq.flows', quota => 'flows');
SELECT rq.counted('flows') = rq.there('rq.flows') AS right, (SELECT status FROM bastion.protection WHERE relation = 'rq.flows'::regclass);
-- counting again
SET session_replication_role = replica;
DELETE FROM rq.flows WHERE id > 1200;
RESET session_replication_role;
SELECT rq.counted('flows') = rq.there('rq.flows') AS wrong, bastion.quota_recount('flows') AS tenants, rq.counted('flows') = rq.there('rq.flows') AS right, bastion.quota_recount('flows') AS again;
SELECT m, test.error(format('SELECT bastion.quota_recount(%L)', m)) FROM unnest(ARRAY[NULL, 'nothing', 'starts', 'money']) m;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT test.error($$SELECT bastion.quota_recount('flows')$$) AS keeps_its_snapshot;
ROLLBACK;
-- a column with another name
SELECT bastion.protect_rename('rq.flows', 'tenant_id', 'org');
SELECT rq.run(:'ada', 'WITH i AS (INSERT INTO rq.flows (id) VALUES (3004) RETURNING 1) SELECT count(*) FROM i') AS added, status FROM bastion.protection WHERE relation = 'rq.flows'::regclass;
SELECT bastion.protect_rename('rq.flows', 'org', 'tenant_id');
SELECT rq.counted('flows') = rq.there('rq.flows') AS right;
-- the meter stays what it is while it counts
SELECT test.error($$SELECT bastion.meter_remove('flows')$$) AS removed, test.error($$SELECT bastion.meter_set('flows', 'count')$$) AS other_kind, test.error($$SELECT bastion.meter_set('flows', 'gauge')$$) AS same_kind;

-- partitions: by tenant and below by number; children; tables whose tenant is a number or a text
CREATE TABLE rq.leaves (id bigint, tenant_id bigint NOT NULL, n int NOT NULL DEFAULT 0, PRIMARY KEY (tenant_id, n, id)) PARTITION BY LIST (tenant_id);
CREATE TABLE rq.leaves_ada PARTITION OF rq.leaves FOR VALUES IN (:ada_number) PARTITION BY RANGE (n);
CREATE TABLE rq.leaves_ada_low PARTITION OF rq.leaves_ada FOR VALUES FROM (0) TO (10);
CREATE TABLE rq.leaves_ada_high PARTITION OF rq.leaves_ada FOR VALUES FROM (10) TO (20);
CREATE TABLE rq.leaves_rest PARTITION OF rq.leaves DEFAULT;
GRANT SELECT, INSERT, UPDATE, DELETE ON rq.leaves TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('rq.leaves', quota => 'leaves');
INSERT INTO rq.leaves (id, tenant_id, n) SELECT i, CASE WHEN i % 2 = 0 THEN :ada_number ELSE :bob_number END, i % 20 FROM generate_series(1, 100) i;
SELECT rq.counted('leaves'), rq.there('rq.leaves');
INSERT INTO rq.leaves_ada_low (id, tenant_id, n) SELECT 1000 + i, :ada_number, 3 FROM generate_series(1, 7) i;
DELETE FROM rq.leaves_rest WHERE id < 11;
DELETE FROM rq.leaves_ada WHERE n = 4;
SELECT rq.counted('leaves'), rq.counted('leaves') = rq.there('rq.leaves') AS right;
-- between partitions of one tenant, of two, and both at once
UPDATE rq.leaves SET n = 19 - n WHERE tenant_id = :ada_number;
UPDATE rq.leaves SET tenant_id = :bob_number WHERE tenant_id = :ada_number AND n = 16;
UPDATE rq.leaves SET tenant_id = :ada_number, n = 1 WHERE tenant_id = :bob_number AND id > 90;
SELECT rq.counted('leaves'), rq.counted('leaves') = rq.there('rq.leaves') AS right;
BEGIN; TRUNCATE rq.leaves_ada_high; SELECT rq.counted('leaves') = rq.there('rq.leaves') AS of_a_partition; TRUNCATE rq.leaves; SELECT rq.counted('leaves') = rq.there('rq.leaves') AS of_all; ROLLBACK;
-- a partition that goes takes its rows without a trigger
ALTER TABLE rq.leaves_ada DETACH PARTITION rq.leaves_ada_low;
INSERT INTO rq.leaves_ada_low (id, tenant_id, n) VALUES (5000, :ada_number, 1);
SELECT rq.counted('leaves') = rq.there('rq.leaves') AS wrong, bastion.quota_recount('leaves') AS tenants, rq.counted('leaves') = rq.there('rq.leaves') AS right;
DELETE FROM rq.leaves_ada_low;
SELECT rq.counted('leaves') = rq.there('rq.leaves') AS counts_no_more;
DROP TABLE rq.leaves_ada_low;
CREATE TABLE rq.kept (id bigint, tenant_id text NOT NULL);
CREATE TABLE rq.kept_child () INHERITS (rq.kept);
SELECT count(*) > 0 AS protected FROM bastion.protect('rq.kept', quota => 'leaves');
INSERT INTO rq.kept SELECT i, :'of_ada' FROM generate_series(1, 3) i;
INSERT INTO rq.kept_child SELECT i, :'of_ada' FROM generate_series(4, 8) i;
SELECT rq.there('rq.kept'), rq.counted('leaves') AS of_both_tables, bastion.quota_recount('leaves') AS none_wrong;
UPDATE rq.kept SET tenant_id = :'of_bob' WHERE id IN (1, 4, 5);
INSERT INTO rq.kept VALUES (9, upper(:'of_ada')), (10, 'nobody'), (11, repeat('x', 100000));
DELETE FROM rq.kept WHERE id IN (2, 6, 9, 10, 11);
SELECT rq.there('rq.kept'), bastion.quota_recount('leaves') AS none_wrong;
-- and a table that is dropped
DROP TABLE rq.kept CASCADE;
SELECT bastion.quota_recount('leaves') AS two, rq.counted('leaves') = rq.there('rq.leaves') AS right;

-- a meter that counts uses: each new row, by its user; nothing comes back
SELECT bastion.plan_limit_set('starts', 'user', 'day', 6), bastion.plan_limit_set('starts', 'tenant', 'month', 8);
CREATE TABLE rq.runs (id bigint PRIMARY KEY, tenant_id uuid NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON rq.runs TO regress_app;
INSERT INTO rq.runs VALUES (1, :'of_ada');
SELECT count(*) > 0 AS protected FROM bastion.protect('rq.runs', quota => 'starts');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'rq.runs'::regclass AND tgname ~ '^bastion_quota' ORDER BY 1;
SELECT rq.run(:'ada', 'WITH i AS (INSERT INTO rq.runs SELECT n FROM generate_series(2, 5) n RETURNING 1) SELECT count(*) FROM i') AS four, rq.run(:'ada', 'WITH d AS (DELETE FROM rq.runs RETURNING 1) SELECT count(*) FROM d') AS deleted;
SELECT rq.run(:'ada', $$SELECT string_agg(concat_ws(' ', scope, used), ', ' ORDER BY scope) FROM bastion.quota_usage('starts')$$) AS four_used;
SELECT regexp_replace(rq.run(:'ada', 'WITH i AS (INSERT INTO rq.runs SELECT n FROM generate_series(2, 4) n RETURNING 1) SELECT count(*) FROM i'), '"20[0-9][0-9]-[^"]*"', '"T"') AS too_many;
INSERT INTO rq.runs SELECT n, :'of_ada' FROM generate_series(11, 14) n;
SELECT regexp_replace(test.error(format('INSERT INTO rq.runs VALUES (15, %L)', :'of_ada')), '"20[0-9][0-9]-[^"]*"', '"T"') AS of_the_tenant, rq.run(:'ada', $$SELECT string_agg(concat_ws(' ', scope, used), ', ' ORDER BY scope) FROM bastion.quota_usage('starts')$$) AS used;
SELECT user_id = :'of_ada' AS nobody, amount FROM bastion.usage_entries WHERE meter = 'starts' AND owner_id = :'of_ada' ORDER BY id;
-- what expired and is released makes room
SELECT bastion.meter_set('starts', on_expire => 'release'), bastion.plan_limit_set('starts', 'tenant', 'month', 10);
SELECT rq.run(:'ada', $$SELECT bastion.quota_reserve('{"starts": 2}', 'rq') -> 'granted'$$) AS reserved, test.error(format('INSERT INTO rq.runs VALUES (15, %L)', :'of_ada')) AS held;
UPDATE bastion.quota_holds SET expires_at = now() - interval '1 minute' WHERE key = 'rq';
SELECT test.error(format('INSERT INTO rq.runs VALUES (15, %L)', :'of_ada')) AS released;

-- hostile owners of tables: a trigger of their own counts nothing, and a meter is of one owner
CREATE ROLE regress_rq_owner; CREATE ROLE regress_rq_other;
SELECT bastion.allow_migration_role('regress_rq_owner'), bastion.allow_migration_role('regress_rq_other');
GRANT CREATE, USAGE ON SCHEMA rq TO regress_rq_owner, regress_rq_other;
SELECT bastion.meter_set('own', 'gauge');
SET ROLE regress_rq_owner;
CREATE TABLE rq.mine (id int, tenant_id uuid NOT NULL);
SELECT count(*) > 0 AS protected FROM bastion.protect('rq.mine', quota => 'own');
SELECT test.error($$SELECT bastion.protect('rq.mine', quota => 'flows')$$) AS of_another_owner, test.error($$SELECT bastion_internal.recount_rows('flows')$$) AS tables_of_another, bastion_internal.recount_rows('own') AS own;
SELECT test.error($$SELECT bastion.quota_recount('own')$$) AS for_operators, test.error($$SELECT bastion_internal.store_rows('own', '{}', '{}')$$) AS stored, test.error($$SELECT bastion_internal.charge_rows('starts', 1)$$) AS charged;
RESET ROLE;
SET ROLE regress_rq_other;
CREATE TABLE rq.other (id int, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('rq.other');
SELECT test.error($$UPDATE bastion.protected_tables SET options = options || '{"quota": "own"}' WHERE relation = 'rq.other'::regclass$$) AS record, test.error($$UPDATE bastion.protected_tables SET options = options || '{"quota": 1}' WHERE relation = 'rq.other'::regclass$$) AS number;
CREATE TRIGGER mine AFTER DELETE ON rq.other REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION bastion_internal.count_rows('flows', 'tenant_id');
CREATE TRIGGER mine_too AFTER INSERT ON rq.other FOR EACH ROW EXECUTE FUNCTION bastion_internal.count_rows('flows');
RESET ROLE;
SELECT rq.counted('flows') AS flows \gset
DROP TRIGGER mine_too ON rq.other;
INSERT INTO rq.other VALUES (1, :'of_ada');
DELETE FROM rq.other;
SELECT rq.counted('flows') = :'flows' AS same;
CREATE TRIGGER mine_too BEFORE INSERT ON rq.other FOR EACH ROW EXECUTE FUNCTION bastion_internal.count_rows('flows');
SELECT test.error('INSERT INTO rq.other VALUES (1, gen_random_uuid())') AS arguments, test.error('SELECT bastion_internal.count_rows()') AS no_trigger;

-- units
SELECT bastion.meter_set('units', 'gauge'), bastion.plan_limit_set('units', 'tenant', 'total', 3, soft_amount => 2);
SELECT test.error($$SELECT bastion.protect('rq.other', quota => 'units')$$) AS of_a_table, test.error($$SELECT bastion.quota_recount('units')$$) AS counted_again;
SELECT n, regexp_replace(rq.run(:'ada', format('SELECT bastion.unit_create(''team'', ''Team'', ''team-%s'') IS NOT NULL', n)), '"20[0-9][0-9]-[^"]*"', '"T"') AS made, rq.run(:'ada', $$SELECT concat_ws(' ', used, 'of', amount, 'left', remaining) FROM bastion.quota_usage('units')$$) AS usage FROM generate_series(1, 3) n;
SELECT rq.run(:'ada', $$SELECT bastion.unit_delete('team-1')$$) AS deleted, rq.run(:'ada', $$SELECT concat_ws(' ', used, 'of', amount, 'left', remaining) FROM bastion.quota_usage('units')$$) AS usage, rq.run(:'ada', $$SELECT bastion.unit_create('team', 'Team', 'team-3') IS NOT NULL$$) AS made;
SELECT count(*) AS crossed FROM bastion.events WHERE kind = 'quota_soft_crossed' AND detail ->> 'meter' = 'units' AND id > :first_event;

-- unprotect() and protect() without a quota count no more
SELECT count(*) > 0 AS without FROM bastion.protect('rq.leaves');
SELECT rq.counted('leaves') AS none, (SELECT count(*) FROM pg_trigger t WHERE t.tgname ~ '^bastion_quota' AND t.tgrelid IN (SELECT member FROM bastion_internal.protect_tree('rq.leaves'))) AS triggers, bastion.meter_remove('leaves');
SELECT statement FROM bastion.unprotect('rq.flows', dry_run => true) WHERE statement ~ 'quota|recount|forget';
SELECT count(*) > 0 AS unprotected FROM bastion.unprotect('rq.flows');
SELECT rq.counted('flows') AS none, (SELECT count(*) FROM pg_trigger t WHERE t.tgname ~ '^bastion_quota' AND t.tgrelid = 'rq.flows'::regclass) AS triggers;
-- the rows of a tenant that is deleted
SELECT count(*) > 0 AS protected FROM bastion.protect('rq.flows', quota => 'flows');
SELECT bastion.reference_add('rq.flows', 'tenant_id', 'tenants', on_delete => 'cascade');
SELECT rq.counted('flows') = rq.there('rq.flows') AS right;
DELETE FROM bastion.tenants WHERE id = :'of_bob';
SELECT count(*) AS rows_of_bob, (SELECT count(*) FROM bastion.usage_windows w WHERE w.owner_id = :'of_bob') AS windows FROM rq.flows WHERE tenant_id = :'of_bob';
SELECT count(*) > 0 AS deleted FROM bastion.tenant_delete(:'of_ada');
SELECT count(*) AS rows_of_ada, (SELECT count(*) FROM bastion.usage_windows w WHERE w.owner_id = :'of_ada') AS windows FROM rq.flows WHERE tenant_id = :'of_ada';
DROP SCHEMA rq CASCADE;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.meters;
DROP OWNED BY regress_rq_owner, regress_rq_other;
DROP ROLE regress_rq_owner, regress_rq_other;
DELETE FROM test.people;
