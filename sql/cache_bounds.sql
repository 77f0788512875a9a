-- What a backend holds is bounded in bytes, whatever its callers ask: names that nobody registered, huge keys and options, long
-- values that a sealed one is bound to. cache_stats() tells the bytes of each cache.
\set VERBOSITY terse
SET client_min_messages = warning;
-- A backend of its own: what it took at most, and what it has, in megabytes; 0 where /proc is not mounted, and under a sanitizer, which
-- gives little memory back.
\c
SET client_min_messages = warning;
CREATE FUNCTION test.memory(what text) RETURNS bigint LANGUAGE sql VOLATILE
AS $$
    SELECT CASE WHEN pg_read_file('/proc/self/maps', 0, 10000000, true) ~ 'libasan' THEN 0
                ELSE coalesce(substring(pg_read_file('/proc/self/status', 0, 100000, true) FROM what || E':\\s+(\\d+)')::bigint / 1024, 0) END
$$;
SELECT bastion.resource_register('bounded'), bastion.resource_register('bound_note', '{open}') \g /dev/null
INSERT INTO test.people (name, id, tenant, token)
SELECT 'ann', (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM bastion_api.signup('ann@bounds.example', 'correct horse', 'Bounds') a;
SELECT token AS token FROM test.people \gset

-- every cache is listed with its bytes
SELECT string_agg(name, ' ' ORDER BY name) AS caches, bool_and(value ?& ARRAY['loads', 'hits', 'stale', 'entries', 'bytes']) AS with_bytes
FROM jsonb_each(bastion.cache_stats()) AS c (name, value) WHERE name NOT IN ('sets', 'invalidations');
SELECT bastion.cache_stats() -> 'sets' ? 'bytes' AS sets;

-- permissions that are not registered
BEGIN;
SELECT bastion.authenticate(:'token') IS NOT NULL AS ann;
SELECT cardinality(bastion.acl_set('bounded.read')) > 0 AS lists, cardinality(bastion.tenant_set('bounded.read')) > 0 AS tenants;
SELECT test.memory('VmHWM') AS before, bastion.cache_stats() -> 'sets' -> 'bytes' AS bytes_before \gset
SELECT (bastion.cache_stats() -> 'sets' -> 'bytes')::bigint > 0 AND (bastion.cache_stats() -> 'rights' -> 'bytes')::bigint > 0 AS counted;
SELECT count(*) FILTER (WHERE bastion.acl_set(p) <> '{}') AS lists, count(*) FILTER (WHERE bastion.acl_set_anywhere(p) <> '{}') AS anywhere,
       count(*) FILTER (WHERE bastion.tenant_set(p) <> '{}') AS tenants, count(*) FILTER (WHERE bastion.can_by_acl(p, 1)) AS by_list,
       count(*) FILTER (WHERE bastion.can_in_tenant(p, bastion.tenant_id())) AS in_tenant, count(*) FILTER (WHERE bastion.has_permission(p)) AS held
FROM (SELECT repeat('x', 100000) || g AS p FROM generate_series(1, 3000) g OFFSET 0) long;
SELECT count(*) FILTER (WHERE bastion.acl_set(p) <> '{}') AS lists, count(*) FILTER (WHERE bastion.tenant_set(p) <> '{}') AS tenants,
       count(*) FILTER (WHERE bastion.can_by_acl(p, 1)) AS by_list
FROM (SELECT 'bounded.x' || g AS p FROM generate_series(1, 100000) g OFFSET 0) unknown;
SELECT bastion.cache_stats() -> 'sets' -> 'bytes' = :'bytes_before' AS nothing_kept, test.memory('VmHWM') - :before < 24 AS little_memory;
COMMIT;

-- huge keys, options and algorithms are kept until the end of the transaction
CREATE FUNCTION test.argument_bytes() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT sum((value ->> 'bytes')::bigint)::bigint FROM jsonb_each(bastion.cache_stats()) c WHERE key IN ('jwt_keys', 'jwt_options', 'jws_algorithms')
$$;
BEGIN;
SELECT count(*) FILTER (WHERE test.error(format('SELECT bastion.jws_verify(%L, %L, array_fill(%L::text, ARRAY[%s]))', 'a.b.c', bastion.jwk_generate('HS256'), 'HS256', 300000 + g)) ~ '^28000') AS refused
FROM generate_series(1, 6) g;
SELECT test.argument_bytes() > 1000000 AS counted;
COMMIT;
SELECT test.argument_bytes() < 1000000 AS given_back;
SELECT bastion.jws_verify(bastion.jwt_sign('{"sub": "x"}', key), key, '{HS256}') IS NOT NULL AS small_ones_stay
FROM (SELECT bastion.jwk_generate('HS256') AS key OFFSET 0) k;
SELECT test.argument_bytes() BETWEEN 1 AND 1000000 AS kept;

-- long values that a sealed one is bound to
BEGIN;
SELECT bastion.authenticate(:'token') IS NOT NULL AS ann;
SELECT bastion.seal('x', 'bound_note', 'short') IS NOT NULL AS sealed;
SELECT test.memory('VmRSS') AS before \gset
SELECT bastion.seal('x', 'bound_note', repeat('y', 100000000)) IS NOT NULL AS sealed;
SELECT test.memory('VmRSS') - :before < 40 AS given_back;
ROLLBACK;

-- settings that one statement reads, which it sees as they were at first
SELECT test.memory('VmRSS') AS before \gset
SELECT count(bastion.setting_text('bounds.key' || g)) AS found FROM generate_series(1, 200000) g;
SELECT test.memory('VmRSS') - :before < 30 AS bounded;

-- statistics that were made for a tenant, half a mebibyte each
CREATE TABLE bounded_plans (id integer, tenant_id text) PARTITION BY RANGE (id);
DO $$
BEGIN
    FOR i IN 1..12 LOOP
        EXECUTE format('CREATE TABLE bounded_plans_%s PARTITION OF bounded_plans FOR VALUES FROM (%s) TO (%s)', i, i, i + 1);
    END LOOP;
END
$$;
ALTER TABLE bounded_plans ALTER tenant_id SET STATISTICS 1000;
INSERT INTO bounded_plans
SELECT 1 + n % 12, (SELECT string_agg(md5(n || '.' || g), '') FROM generate_series(1, 16) g) FROM generate_series(1, 12000) n;
SELECT bastion.protect('bounded_plans', unknown => 'keep') IS NOT NULL AS protected;
ANALYZE bounded_plans;
GRANT SELECT ON bounded_plans TO regress_app;
BEGIN;
SELECT bastion.authenticate(:'token') IS NOT NULL AS ann;
SET LOCAL ROLE regress_app;
SELECT count(*) FROM bounded_plans;
EXPLAIN (COSTS off) SELECT FROM bounded_plans \g /dev/null
SELECT (bastion.cache_stats() #>> '{plan_statistics,bytes}')::bigint BETWEEN 1048576 AND 4194304 AS kept_within_bounds;
ROLLBACK;
DROP TABLE bounded_plans;

-- the sets of eight users, twelve megabytes each
SELECT tenant AS tenant FROM test.people \gset
BEGIN;
WITH made AS (INSERT INTO bastion.users (email) SELECT 'member' || n || '@bounds.example' FROM generate_series(1, 8) n RETURNING id)
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT m.id, :'tenant', r.id FROM made m, bastion.roles r WHERE r.name = 'viewer' AND r.system;
WITH lists AS (INSERT INTO bastion.acls (tenant_id, kind) SELECT :'tenant', 'row' FROM generate_series(1, 200000) RETURNING id)
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) SELECT id, 'tenant', :'tenant', 4 FROM lists;
SET LOCAL bastion.allow_identity_switch = on;
SELECT count(*) AS users, min(bytes) > 10000000 AS large, max(bytes) BETWEEN 67108864 AND 83886080 AS kept_within_bounds
FROM bastion.memberships m, LATERAL (
    SELECT (bastion.cache_stats() #>> '{sets,bytes}')::bigint AS bytes
    FROM (SELECT bastion.authenticate(bastion.token_issue(m.user_id, m.tenant_id)) AS id OFFSET 0) a,
         LATERAL (SELECT a.id, bastion.acl_set('bounded.read') AS read, bastion.acl_set('bounded.update') AS update, bastion.acl_set('bounded.delete') AS delete OFFSET 0) s
    WHERE cardinality(s.read) > 200000 AND cardinality(s.update) > 200000 AND cardinality(s.delete) > 200000) b
WHERE m.tenant_id = :'tenant' AND m.role_id = (SELECT r.id FROM bastion.roles r WHERE r.name = 'viewer' AND r.system);
ROLLBACK;

DROP FUNCTION test.memory(text), test.argument_bytes();
TRUNCATE test.people;
