-- Estimates for the tenant of the session: those of the owner's literal, in every way that an identity arrives, and a cached plan is
-- kept for tenants of its class of size alone.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest('{big,mid,small,tiny,absent}'::text[]) n, LATERAL bastion_api.signup(n || '@plans.example', 'correct horse', 'Plans ' || n) a;
UPDATE test.people p SET number = t.number FROM bastion.tenants t WHERE t.id = p.tenant;
SELECT bastion.resource_register('plans', '{read,create,update,delete,manage}');

-- 40 %, 5 %, 0.2 %, and 200 tenants that share the rest.
CREATE TABLE test.tenants_of_plans AS
WITH made AS (INSERT INTO bastion.tenants (slug, name) SELECT 'plans-' || g, 'Plans ' || g FROM generate_series(1, 200) g RETURNING id, number)
SELECT row_number() OVER (ORDER BY number) AS place, id, number FROM made;
UPDATE test.tenants_of_plans t SET id = p.tenant, number = p.number FROM test.people p WHERE p.name = 'tiny' AND t.place = 77;
CREATE TABLE test.rows_of_plans AS
SELECT g AS id, coalesce(p.tenant, t.id) AS tenant_id, coalesce(p.number, t.number) AS tenant_number
FROM generate_series(1, 20000) g JOIN test.tenants_of_plans t ON t.place = 1 + g / 20 % 200
LEFT JOIN test.people p ON p.name = CASE WHEN g % 20 < 8 THEN 'big' WHEN g % 20 = 8 THEN 'mid' WHEN g % 500 = 19 THEN 'small' END;

CREATE TABLE test.by_id (id int PRIMARY KEY, tenant_id uuid NOT NULL);
CREATE TABLE test.by_text (id int PRIMARY KEY, tenant_id text NOT NULL);
CREATE TABLE test.by_varchar (id int PRIMARY KEY, tenant_id varchar(40) NOT NULL);
CREATE TABLE test.by_number (id int PRIMARY KEY, tenant_id bigint NOT NULL);
CREATE TABLE test.by_int (id int PRIMARY KEY, tenant_id int NOT NULL);
CREATE TABLE test.by_share (id int PRIMARY KEY, tenant_id uuid NOT NULL, acl_id bigint);
CREATE TABLE test.by_part (id int, tenant_id uuid NOT NULL) PARTITION BY HASH (tenant_id);
SELECT format('CREATE TABLE test.by_part_%s PARTITION OF test.by_part FOR VALUES WITH (MODULUS 4, REMAINDER %1$s)', g) FROM generate_series(0, 3) g \gexec
CREATE TABLE test.by_parent (id int, tenant_id uuid NOT NULL);
CREATE TABLE test.by_child (more text) INHERITS (test.by_parent);
INSERT INTO test.by_id SELECT id, tenant_id FROM test.rows_of_plans;
INSERT INTO test.by_text SELECT id, tenant_id FROM test.rows_of_plans;
INSERT INTO test.by_varchar SELECT id, tenant_id FROM test.rows_of_plans;
INSERT INTO test.by_number SELECT id, tenant_number FROM test.rows_of_plans;
INSERT INTO test.by_int SELECT id, tenant_number FROM test.rows_of_plans;
INSERT INTO test.by_share SELECT id, tenant_id FROM test.rows_of_plans;
INSERT INTO test.by_part SELECT id, tenant_id FROM test.rows_of_plans;
INSERT INTO test.by_child SELECT id, tenant_id FROM test.rows_of_plans;
GRANT SELECT ON ALL TABLES IN SCHEMA test TO regress_app;
SELECT bastion.protect('test.' || t, resource => 'plans') FROM unnest('{by_id,by_text,by_varchar,by_number,by_int,by_part,by_parent}'::text[]) t;
SELECT bastion.protect('test.by_share', resource => 'plans', sharing => 'tenant');
ANALYZE test.by_id, test.by_text, test.by_varchar, test.by_number, test.by_int, test.by_share, test.by_part, test.by_parent;

-- The estimated rows of a query.
CREATE FUNCTION test.estimate(query text) RETURNS int
LANGUAGE plpgsql
AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;
CREATE TABLE test.owner_estimates (relation text, name text, estimate int);
INSERT INTO test.owner_estimates
SELECT r, p.name, test.estimate(format('SELECT FROM test.%s WHERE tenant_id = %L', r, CASE WHEN r ~ 'number|int' THEN p.number::text ELSE p.tenant::text END))
FROM unnest('{by_id,by_text,by_varchar,by_number,by_int,by_parent}'::text[]) r, test.people p;
-- The owner sees one partition, and the policy the same rows under the share of the whole table.
INSERT INTO test.owner_estimates SELECT r, name, estimate FROM test.owner_estimates, unnest('{by_part,by_share}'::text[]) r WHERE relation = 'by_id';
GRANT SELECT ON test.owner_estimates TO regress_app;
CREATE FUNCTION test.present_as(who text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('bastion.token', (SELECT token FROM test.people WHERE name = who), true);
END
$$;

SET bastion.allow_identity_switch = on;
SET ROLE regress_app;
\echo == within a tenth of what the owner gets, and the notes
CREATE FUNCTION pg_temp.compare(who text) RETURNS TABLE (relation text, right_one boolean) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM test.present_as(who);
    RETURN QUERY SELECT o.relation, abs(test.estimate('SELECT FROM test.' || o.relation) - o.estimate) <= 1 + o.estimate / 10
                 FROM test.owner_estimates o WHERE o.name = who;
END
$$;
SELECT p.name, string_agg(c.relation, ' ' ORDER BY c.relation) FILTER (WHERE c.right_one) AS as_the_owner,
       string_agg(c.relation, ' ' ORDER BY c.relation) FILTER (WHERE NOT c.right_one) AS otherwise
FROM (SELECT name FROM test.people) p, pg_temp.compare(p.name) c GROUP BY p.name ORDER BY p.name;
BEGIN;
SELECT test.present_as('mid');
SELECT test.estimate('SELECT FROM test.by_id a JOIN test.by_part b USING (id)') > 0;
SELECT relation, subject, note, size_class FROM bastion.plan_notes() ORDER BY relation;
COMMIT;

\echo == a cached plan: planned as nobody, then for each tenant, in every way that an identity arrives
SET plan_cache_mode = force_generic_plan;
PREPARE rows AS SELECT FROM test.by_id;
PREPARE number_rows AS SELECT FROM test.by_number;
PREPARE tree_rows AS SELECT FROM test.by_part;
CREATE FUNCTION pg_temp.estimates() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    -- The rows of each partition are rounded.
    RETURN concat_ws(' ', test.estimate('EXECUTE rows'), test.estimate('EXECUTE number_rows'),
                     test.estimate('EXECUTE tree_rows') - test.estimate('EXECUTE rows') BETWEEN -4 AND 4);
END
$$;
SELECT 'nobody', pg_temp.estimates();
BEGIN; SELECT set_config('bastion.token', (SELECT token FROM test.people WHERE name = 'big'), true) IS NULL AS set; SELECT 'set_config', pg_temp.estimates(); COMMIT;
SELECT token AS small FROM test.people WHERE name = 'small' \gset
SELECT token AS mid FROM test.people WHERE name = 'mid' \gset
SELECT token AS big FROM test.people WHERE name = 'big' \gset
BEGIN; SET LOCAL bastion.token = :'small'; SELECT 'SET LOCAL', pg_temp.estimates(); COMMIT;
BEGIN; SELECT bastion.authenticate(:'mid') IS NULL AS set; SELECT 'authenticate', pg_temp.estimates(); COMMIT;
CREATE FUNCTION pg_temp.by_assignment(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    ignored text;
BEGIN
    ignored := set_config('bastion.token', token, true);
    RETURN pg_temp.estimates();
END
$$;
SELECT ':=', pg_temp.by_assignment(:'big');
SELECT ':=', pg_temp.by_assignment(:'small');
-- An API key names no tenant: the plans go the first time that it is seen.
BEGIN; SELECT bastion.authenticate(:'big') IS NULL AS set; SELECT bastion_api.api_key_create('big', '{*}') ->> 'key' AS big_key \gset
COMMIT;
BEGIN; SELECT bastion.authenticate(:'small') IS NULL AS set; SELECT bastion_api.api_key_create('small', '{*}') ->> 'key' AS small_key \gset
COMMIT;
SELECT ':= key', pg_temp.by_assignment(:'big_key');
SELECT ':= key', pg_temp.by_assignment(:'small_key');
SELECT ':= key', pg_temp.by_assignment(:'big_key');
CREATE FUNCTION pg_temp.by_perform(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('bastion.token', token, true);
    RETURN pg_temp.estimates();
END
$$;
SELECT 'PERFORM', pg_temp.by_perform(:'mid');
BEGIN; SAVEPOINT s; SET LOCAL bastion.token = :'big'; SELECT 'savepoint', pg_temp.estimates(); ROLLBACK TO s; SELECT 'rolled back', pg_temp.estimates(); COMMIT;
RESET ROLE;
BEGIN;
SELECT bastion.impersonate('small@plans.example', test.tenant_of('small')::text, 'a test') IS NULL AS set;
SET LOCAL ROLE regress_app;
SELECT 'impersonate', pg_temp.estimates();
SELECT bastion.context_drop();
SELECT bastion.authenticate(:'big') IS NULL AS set;
SELECT 'after context_drop', pg_temp.estimates();
COMMIT;
SET ROLE regress_app;

\echo == partitions of other tenants are left out before they are opened; without an identity all are
CREATE FUNCTION pg_temp.left_out(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    PERFORM set_config('bastion.token', coalesce((SELECT token FROM test.people WHERE name = who), ''), true);
    EXECUTE 'EXPLAIN (FORMAT JSON) EXECUTE tree_rows' INTO plan;
    RETURN plan #>> '{0,Plan,Subplans Removed}';
END
$$;
SELECT pg_temp.left_out('big') AS big, pg_temp.left_out('tiny') AS tiny, pg_temp.left_out('nobody') AS nobody, pg_temp.left_out('mid') AS mid;

\echo == a cursor that is fetched under a later identity: rows of that one or fewer, or all those of the first
CREATE FUNCTION pg_temp.rest_of(c refcursor, after int) RETURNS TABLE (big bigint, mid bigint, others bigint) LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
    seen uuid[] := '{}';
    ignored text;
BEGIN
    PERFORM test.present_as('big');
    OPEN c FOR EXECUTE 'SELECT tenant_id FROM test.by_part';
    FOR i IN 1 .. after LOOP
        FETCH c INTO tenant;
        seen := seen || tenant;
    END LOOP;
    ignored := set_config('bastion.token', (SELECT token FROM test.people WHERE name = 'mid'), true);
    LOOP
        FETCH c INTO tenant;
        EXIT WHEN NOT FOUND;
        seen := seen || tenant;
    END LOOP;
    RETURN QUERY SELECT count(*) FILTER (WHERE p.name = 'big'), count(*) FILTER (WHERE p.name = 'mid'), count(*) FILTER (WHERE p.name IS NULL OR p.name NOT IN ('big', 'mid'))
                 FROM unnest(seen) s LEFT JOIN test.people p ON p.tenant = s;
END
$$;
BEGIN; SELECT big, mid IN (0, 1000) AS mid, others FROM pg_temp.rest_of('never', 0); ROLLBACK;
BEGIN; SELECT * FROM pg_temp.rest_of('one', 1); ROLLBACK;

\echo == no new plan among tenants of a class: planned() counts how often the statement is planned
RESET ROLE;
CREATE SEQUENCE test.plannings;
GRANT USAGE ON SEQUENCE test.plannings TO regress_app;
CREATE FUNCTION test.planned() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM nextval('test.plannings'); RETURN 0; END $$;
CREATE FUNCTION test.plannings() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('test.plannings'); END $$;
SET ROLE regress_app;
PREPARE counted AS SELECT count(*) FROM test.by_id WHERE id > test.planned();
CREATE FUNCTION pg_temp.count_plannings(who text[]) RETURNS TABLE (name text, rows bigint, plannings bigint) LANGUAGE plpgsql AS $$
DECLARE
    before bigint;
BEGIN
    FOREACH name IN ARRAY who LOOP
        before := test.plannings();
        PERFORM test.present_as(name);
        EXECUTE 'EXECUTE counted' INTO rows;
        plannings := test.plannings() - before - 1;
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT * FROM pg_temp.count_plannings('{tiny,absent,tiny,absent,small,tiny,big,mid,big,tiny}');

\echo == what the statistics lack
RESET ROLE;
CREATE TABLE test.unknown (id int PRIMARY KEY, tenant_id uuid NOT NULL);
INSERT INTO test.unknown SELECT id, tenant_id FROM test.rows_of_plans;
GRANT SELECT ON test.unknown TO regress_app;
SELECT bastion.protect('test.unknown', resource => 'plans');
SET ROLE regress_app;
SELECT test.present_as('big');
SELECT test.estimate('SELECT FROM test.unknown') AS default_without_statistics;
RESET ROLE;
ANALYZE test.unknown;
SET ROLE regress_app;
BEGIN;
SELECT test.present_as('big');
SELECT test.estimate('SELECT FROM test.unknown') AS seen_after_analyze;
PREPARE unknown AS SELECT FROM test.unknown;
SELECT test.estimate('EXECUTE unknown') AS cached;
COMMIT;
RESET ROLE;
DELETE FROM test.unknown WHERE tenant_id = test.tenant_of('big') AND id % 100 > 0;
ANALYZE test.unknown;
SET ROLE regress_app;
BEGIN; SELECT test.present_as('big'); SELECT test.estimate('EXECUTE unknown') < 300 AS small_now; COMMIT;
RESET ROLE;
ALTER TABLE test.unknown ALTER tenant_id SET (n_distinct = 3);
ANALYZE test.unknown;
SET ROLE regress_app;
BEGIN; SELECT test.present_as('tiny'); SELECT test.estimate('EXECUTE unknown') > 0 AS by_hand; COMMIT;

\echo == statistics as ANALYZE does not write them: of a type that was dropped, with a NULL; n_distinct by hand, and NULLs alone
RESET ROLE;
CREATE TYPE test.gone AS ENUM ('x');
CREATE FUNCTION test.set_list(list text, of regtype) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    changed int;
BEGIN
    UPDATE pg_statistic SET stavalues1 = array_in(list::cstring, of, -1)
    WHERE starelid = 'test.unknown'::regclass AND stakind1 = 1
      AND staattnum = (SELECT attnum FROM pg_attribute WHERE attrelid = 'test.unknown'::regclass AND attname = 'tenant_id');
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;
CREATE FUNCTION pg_temp.unknown_of(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
BEGIN
    PERFORM set_config('role', 'regress_app', true), test.present_as(who);
    EXECUTE 'SELECT count(*) FROM test.unknown' INTO found;
    RETURN format('%s rows, estimated %s, cached %s', found, test.estimate('SELECT FROM test.unknown') > 0, test.estimate('EXECUTE unknown') > 0);
END
$$;
SELECT test.set_list('{x}', 'test.gone');
DROP TYPE test.gone;
BEGIN; SELECT pg_temp.unknown_of('mid'); COMMIT;
SELECT test.set_list(format('{NULL,%s}', test.tenant_of('big')), 'uuid');
BEGIN; SELECT pg_temp.unknown_of('mid'); COMMIT;
SELECT test.set_list('{x,y}', 'text');
BEGIN; SELECT pg_temp.unknown_of('mid'); COMMIT;
SELECT format('ALTER TABLE test.unknown ALTER tenant_id SET (n_distinct = %s)', d), 'ANALYZE test.unknown',
       $$BEGIN$$, $$SELECT pg_temp.unknown_of('mid')$$, 'COMMIT'
FROM unnest('{-1,-0.0001,1,2000000000}'::text[]) d \gexec
ALTER TABLE test.unknown ALTER tenant_id RESET (n_distinct);
CREATE TABLE test.nulls (id int PRIMARY KEY, tenant_id uuid NOT NULL);
GRANT SELECT ON test.nulls TO regress_app;
SELECT bastion.protect('test.nulls', resource => 'plans');
SET session_replication_role = replica;
ALTER TABLE test.nulls ALTER tenant_id DROP NOT NULL;
INSERT INTO test.nulls SELECT g FROM generate_series(1, 1000) g;
RESET session_replication_role;
ANALYZE test.nulls;
SET ROLE regress_app;
BEGIN; SELECT test.present_as('mid'); SELECT test.estimate('SELECT FROM test.nulls') AS nulls_alone; COMMIT;

\echo == tables that lose their policy, or get it back, under plans that are cached
RESET ROLE;
CREATE INDEX ON test.unknown (lower(tenant_id::text));
CREATE FUNCTION pg_temp.cached_of(who text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
BEGIN
    PERFORM set_config('role', 'regress_app', true), test.present_as(who);
    EXECUTE 'EXECUTE counted_unknown' INTO found;
    RETURN found;
END
$$;
PREPARE counted_unknown AS SELECT count(*) FROM test.unknown WHERE tenant_id::text ILIKE '%%';
BEGIN; SELECT pg_temp.cached_of('mid'); COMMIT;
ALTER TABLE test.unknown DISABLE ROW LEVEL SECURITY;
BEGIN; SELECT pg_temp.cached_of('mid') = count(*) AS all FROM test.unknown; COMMIT;
ALTER TABLE test.unknown ENABLE ROW LEVEL SECURITY;
BEGIN; SELECT pg_temp.cached_of('mid'); COMMIT;
BEGIN;
SELECT format('DROP POLICY %I ON test.unknown', polname) FROM pg_policy WHERE polrelid = 'test.unknown'::regclass ORDER BY polname \gexec
SELECT pg_temp.cached_of('mid') AS by_default;
ROLLBACK;
BEGIN; SELECT pg_temp.cached_of('mid'); COMMIT;
SELECT bastion.unprotect('test.unknown');
SET ROLE regress_app;
BEGIN; SELECT test.present_as('tiny'); SELECT test.estimate('EXECUTE unknown') = (SELECT count(*) FROM test.unknown) AS without_policy; COMMIT;

\echo == without an identity the scans of the plan of a large tenant read nothing; an identity that comes in the statement counts
CREATE FUNCTION pg_temp.rows_left(who text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    PERFORM set_config('bastion.token', coalesce((SELECT token FROM test.people WHERE name = who), ''), true);
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE all_rows' INTO plan;
    RETURN jsonb_path_query_first(plan, '$.**."Rows Removed by Filter"');
END
$$;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
PREPARE all_rows AS SELECT count(*) FROM test.by_id;
SELECT pg_temp.rows_left('big') AS big, pg_temp.rows_left('nobody') AS nobody, pg_temp.rows_left('big') AS big_again;
SELECT bastion.user_id(), count(*) FROM test.by_id;
BEGIN; SELECT bastion.authenticate(:'big') IS NULL AS set, (SELECT count(*) FROM test.by_id) AS rows; ROLLBACK;
BEGIN;
DECLARE later CURSOR FOR SELECT count(*) FROM test.by_id;
SELECT bastion.authenticate(:'big') IS NULL AS set;
FETCH later;
ROLLBACK;
DEALLOCATE all_rows;
RESET enable_indexscan;
RESET enable_bitmapscan;

\echo == switched off
BEGIN; SELECT test.present_as('big'); SET LOCAL bastion.plan_estimates = off; SELECT test.estimate('EXECUTE rows') AS average; COMMIT;
BEGIN; SELECT test.present_as('big'); SELECT test.estimate('EXECUTE rows') AS own; COMMIT;
RESET ROLE;
RESET plan_cache_mode;
RESET bastion.allow_identity_switch;
DEALLOCATE ALL;
DROP TABLE test.by_id, test.by_text, test.by_varchar, test.by_number, test.by_int, test.by_share, test.by_part, test.by_parent, test.unknown, test.nulls CASCADE;
SELECT bastion_internal.forget_dropped_tables();
DROP TABLE test.tenants_of_plans, test.rows_of_plans, test.owner_estimates;
DROP SEQUENCE test.plannings;
DROP FUNCTION test.set_list, test.estimate, test.present_as, test.planned, test.plannings;
DELETE FROM bastion.tenants WHERE slug LIKE 'plans-%';
DELETE FROM bastion.users WHERE email LIKE '%@plans.example';
DELETE FROM bastion.permissions WHERE resource = 'plans';
TRUNCATE test.people;
