-- Checks by ACL and tenant as policies use them: the right rows in every kind of plan, an index condition that names no
-- identity, and sets that are read once and again after a change.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion_api.signup('ann@check.example', 'correct horse', 'Check A') ->> 'access_token' AS ann \gset
SELECT bastion_api.signup('ben@check.example', 'correct horse', 'Check B') ->> 'access_token' AS ben \gset
SELECT id AS tenant FROM bastion.tenants WHERE slug = 'check-a' \gset
SELECT id AS other FROM bastion.tenants WHERE slug = 'check-b' \gset
SELECT bastion.resource_register('check', '{create,read,update,delete,manage}');
INSERT INTO bastion.units (tenant_id, kind, name) SELECT :'tenant', 'team', 'Team ' || i FROM generate_series(1, 20) i;
CREATE TABLE checked (id integer PRIMARY KEY, tenant_id uuid NOT NULL, acl_id bigint NOT NULL);
INSERT INTO checked SELECT row_number() OVER (), a.tenant_id, a.id FROM bastion.acls a, generate_series(1, 100)
WHERE a.tenant_id IN (:'tenant', :'other');
INSERT INTO checked SELECT -i, :'tenant', -i FROM generate_series(1, 5000) i;
CREATE INDEX ON checked (acl_id);
CREATE INDEX ON checked (tenant_id);
ANALYZE checked;
ALTER TABLE checked ENABLE ROW LEVEL SECURITY;
CREATE POLICY checked_acl ON checked USING (bastion.can_by_acl('check.read', acl_id));
CREATE TABLE open_rows AS SELECT tenant_id FROM checked;
GRANT SELECT ON checked, open_rows TO regress_app;
CREATE FUNCTION test.is_here(tenant uuid) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$ BEGIN RETURN bastion.can_in_tenant('check.read', tenant); END $$;
CREATE FUNCTION test.expected(slug text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
AS $$ SELECT count(*) FROM checked c JOIN bastion.acls a ON a.id = c.acl_id JOIN bastion.tenants t ON t.id = a.tenant_id WHERE t.slug = expected.slug $$;
GRANT USAGE ON SCHEMA test TO regress_app;
-- for the planner's own twins of the set functions, which applications reach only through it
GRANT USAGE ON SCHEMA bastion_internal TO regress_app;
GRANT EXECUTE ON FUNCTION test.expected(text) TO regress_app;

SET ROLE regress_app;
-- nobody: no rows, no sets
SELECT count(*) FROM checked;
SELECT bastion.can_by_acl('check.read', 1), bastion.acl_set('check.read'), bastion.can_in_tenant('check.read', :'tenant'),
       bastion.tenant_set('check.read'), bastion.default_acl('tenant');
-- in workers, asked by a function in whose body the planner does not look, once the leader has read lists
BEGIN;
SELECT set_config('bastion.token', :'ann', true) \g /dev/null
SELECT cardinality(bastion.acl_set('check.read')) > 0 AS lists;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
SELECT line FROM test.plan('SELECT count(*) FROM open_rows WHERE test.is_here(tenant_id)') line WHERE line ~ 'Parallel';
SELECT count(*) FILTER (WHERE test.is_here(tenant_id)) = count(*) FILTER (WHERE tenant_id = :'tenant') AS in_workers FROM open_rows;
SELECT count(*) FILTER (WHERE bastion.claims() ->> 'sub' = bastion.user_id()::text AND tenant_id IS NOT NULL) = count(tenant_id) AS claims_in_workers FROM open_rows;
COMMIT;
-- a plan made without an identity, kept for every user
SET plan_cache_mode = force_generic_plan;
PREPARE counted AS SELECT count(*) FROM checked;
EXECUTE counted;
BEGIN;
SELECT set_config('bastion.token', :'ann', true) \g /dev/null
SELECT line FROM test.plan('SELECT count(*) FROM checked') line WHERE line ~ 'Index Cond';
EXECUTE counted \gset own_
SELECT :own_count = test.expected('check-a') AS own_rows, :own_count > 2000 AS many;
-- two checks, as an UPDATE has: one of them searches the index, or every pair of ids would be tried
SELECT line FROM test.plan($$SELECT count(*) FROM checked WHERE bastion.can_by_acl('check.update', acl_id)$$) line
WHERE line ~ 'Index Cond|Filter';
SELECT line FROM test.plan($$SELECT count(*) FROM checked WHERE bastion.can_by_acl('check.unknown', acl_id)$$) line
WHERE line ~ 'Index Cond|Filter';
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT count(*) = test.expected('check-a') AS by_filter FROM checked;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SELECT line FROM test.plan('SELECT count(*) FROM checked') line WHERE line ~ 'Parallel';
SELECT count(*) FROM checked \gset
SELECT :count = test.expected('check-a') AS in_parallel;
SELECT cardinality(bastion.acl_set('check.read')) AS lists, bastion.acl_set('check.read') = bastion_internal.acl_set_unfolded('check.read') AS twin,
       bastion.acl_set('check.read') <@ bastion.acl_set_anywhere('check.read') AS anywhere;
SELECT bastion.default_acl('tenant') = ANY (bastion.acl_set('check.read')) AS of_tenant, bastion.default_acl('unit') AS of_no_unit,
       bastion.default_acl('user') = ANY (bastion.acl_set('check.read')) AS own, bastion.default_acl('x') AS unknown;
SELECT bastion.can_in_tenant('check.read', :'tenant') AS here, bastion.can_in_tenant('check.read', :'other') AS there,
       bastion.tenant_set('check.read') = ARRAY[:'tenant'::uuid] AS set;
SELECT bastion.can_by_acl('check.unknown', bastion.default_acl('tenant')) AS unknown_permission,
       bastion.can_by_acl(repeat('x', 10000), 1) AS endless_name, bastion.can_by_acl('', 1) AS empty_name;
COMMIT;
BEGIN;
SELECT set_config('bastion.token', :'ben', true) \g /dev/null
EXECUTE counted \gset own_
SELECT :own_count = test.expected('check-b') AS own_rows;
COMMIT;
EXECUTE counted;
BEGIN;
SELECT set_config('bastion.token', 'garbage', true) \g /dev/null
\set VERBOSITY sqlstate
EXECUTE counted;
ROLLBACK;
\set VERBOSITY terse
RESET ROLE;

-- read once, and again after a change; what time changes needs no message
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS authenticated;
SELECT count(*) > 0 AS seen FROM checked WHERE bastion.can_by_acl('check.read', acl_id);
SELECT test.loads('sets') AS loads \gset
SELECT count(*) > 0 AS seen FROM checked WHERE bastion.can_by_acl('check.update', acl_id);
SELECT test.loads('sets') - :loads AS loads_since;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect)
SELECT id, :'tenant', 'check.read', 'deny' FROM bastion.users WHERE email = 'ann@check.example';
SELECT count(*) AS denied FROM checked WHERE bastion.can_by_acl('check.read', acl_id);
SELECT test.loads('sets') - :loads AS loads_since;
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS authenticated;
SELECT count(*) > 0 AS seen_after_rollback FROM checked WHERE bastion.can_by_acl('check.read', acl_id);
ROLLBACK;
-- and so does a call site that a function keeps for the transaction
CREATE FUNCTION test.one_site(acl bigint, tenant uuid) RETURNS text LANGUAGE plpgsql AS
$$ BEGIN RETURN bastion.can_by_acl('check.read', acl) || ' ' || bastion.can_in_tenant('check.read', tenant); END $$;
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS authenticated;
SELECT test.one_site(bastion.default_acl('tenant'), :'tenant');
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect)
SELECT id, :'tenant', 'check.read', 'deny' FROM bastion.users WHERE email = 'ann@check.example';
SELECT test.one_site(bastion.default_acl('tenant'), :'tenant');
ROLLBACK;

-- in workers from the plan alone, before anything else has read the sets
BEGIN;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS authenticated;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
SELECT line FROM test.plan($$SELECT count(*) FILTER (WHERE bastion.can_in_tenant('check.read', tenant_id)) FROM open_rows$$) line WHERE line ~ 'Parallel';
SELECT count(*) FILTER (WHERE bastion.can_in_tenant('check.read', tenant_id)) = count(*) FILTER (WHERE tenant_id = :'tenant') AS in_workers FROM open_rows;
ROLLBACK;
-- what is held in the chosen unit opens no row of the tenant, here or in a worker
SELECT bastion_api.signup('una@check.example', 'correct horse', 'Check U') ->> 'access_token' AS una \gset
SELECT id AS unit FROM bastion.units WHERE tenant_id = :'tenant' AND name = 'Team 1' \gset
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT u.id, :'tenant', :'unit', r.id FROM bastion.users u, bastion.roles r WHERE u.email = 'una@check.example' AND r.name = 'admin' AND r.system;
CREATE FUNCTION test.whole_tenant() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS
$$ BEGIN RETURN concat_ws(' ', bastion.has_permission('check.read'), bastion.tenant_if_allowed('check.read'), bastion.tenant_number_if_allowed('check.read')); END $$;
BEGIN;
SELECT bastion.authenticate(:'una', :'tenant', :'unit') IS NOT NULL AS authenticated;
SELECT test.whole_tenant();
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
SELECT line FROM test.plan('SELECT DISTINCT test.whole_tenant() FROM open_rows') line WHERE line ~ 'Parallel';
SELECT DISTINCT test.whole_tenant() FROM open_rows;
ROLLBACK;

-- the default lists of the context are the leader's, beside workers
BEGIN;
SELECT bastion.authenticate(:'ann', :'tenant') IS NOT NULL AS authenticated;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SELECT line FROM test.plan('SELECT max(bastion.tenant_acl()) FROM open_rows') line WHERE line ~ 'Gather';
SELECT max(bastion.tenant_acl()) = bastion.default_acl('tenant') AS same, max(bastion.unit_acl()) IS NULL AS no_unit FROM open_rows;
ROLLBACK;

-- a key of the unit reaches the lists of the unit, in a worker too
BEGIN;
SET LOCAL bastion.allow_identity_switch = on;
SELECT bastion.authenticate(:'ann', :'tenant') IS NOT NULL AS authenticated;
SELECT bastion_api.api_key_create('unit', '{check.read}', unit => :'unit') ->> 'key' AS key \gset
SELECT bastion.authenticate(:'key') IS NOT NULL AS authenticated;
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT count(*) AS lists FROM checked WHERE bastion.can_by_acl('check.read', acl_id) \gset
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
SELECT line FROM test.plan($$SELECT count(*) FILTER (WHERE bastion.can_by_acl('check.read', acl_id)) FROM checked$$) line WHERE line ~ 'Parallel';
SELECT count(*) FILTER (WHERE bastion.can_by_acl('check.read', acl_id)) = :lists AS same, :lists > 0 AND :lists < 2000 AS confined FROM checked;
ROLLBACK;

-- the permission is no column that an index could find
CREATE TABLE named (permission text);
INSERT INTO named VALUES ('check.read'), ('check.unknown');
CREATE INDEX ON named (permission);
BEGIN;
SELECT bastion.authenticate(:'ann', :'tenant') IS NOT NULL AS authenticated;
SET LOCAL enable_seqscan = off;
SELECT permission FROM named WHERE bastion.can_by_acl(permission, bastion.default_acl('tenant'));
ROLLBACK;
DROP TABLE named;

-- a list of another tenant that is shared: only what says anywhere knows it
BEGIN;
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level)
SELECT t.acl_id, 'user', u.id, 1 FROM bastion.tenants t, bastion.users u WHERE t.id = :'other' AND u.email = 'ann@check.example';
SELECT bastion.authenticate(:'ann') IS NOT NULL AS authenticated;
SELECT bastion.can_by_acl(p, a) AS here, bastion.can_by_acl_anywhere(p, a) AS anywhere, a = ANY (bastion.acl_set(p)) AS set, a = ANY (bastion_internal.acl_set_unfolded(p)) AS twin,
       a = ANY (bastion.acl_set_anywhere(p)) AS set_anywhere, a = ANY (bastion_internal.acl_set_anywhere_unfolded(p)) AS twin_anywhere
FROM (SELECT 'check.read', acl_id FROM bastion.tenants WHERE id = :'other') x (p, a);
ROLLBACK;

-- tenants: by an index that is searched with few ids, or hundreds, and as a filter
BEGIN;
INSERT INTO bastion.tenants (name, slug) SELECT 'Check', 'check-' || i FROM generate_series(1, 300) i;
CREATE TEMPORARY TABLE places AS SELECT id AS tenant_id, split_part(slug, '-', 2)::int AS n FROM bastion.tenants WHERE slug ~ E'^check-\\d+$';
INSERT INTO places VALUES (:'tenant', 0), (:'other', 0);
CREATE INDEX ON places (tenant_id);
ANALYZE places;
CREATE FUNCTION pg_temp.places() RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    report text;
    line text;
BEGIN
    -- planned anew each time
    EXECUTE $q$SELECT count(*) || ' of ' || min(n) || ' to ' || max(n) FROM places WHERE bastion.can_in_tenant('check.read', tenant_id)$q$ INTO report;
    FOR line IN EXPLAIN (COSTS OFF) SELECT FROM places WHERE bastion.can_in_tenant('check.read', tenant_id) LOOP
        report := concat_ws(' by ', report, substring(line FROM 'tenant_set_unfolded|tenant_set|can_in_tenant'));
    END LOOP;
    RETURN report;
END
$$;
SELECT bastion.authenticate(:'ann') IS NOT NULL AS authenticated;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT pg_temp.places() AS few;
INSERT INTO bastion.platform_roles (user_id, role_id) SELECT u.id, r.id FROM bastion.users u, bastion.roles r WHERE u.email = 'ann@check.example' AND r.name = 'viewer' AND r.system;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect)
SELECT u.id, p.tenant_id, '*.read', 'deny' FROM bastion.users u, places p WHERE u.email = 'ann@check.example' AND p.n NOT BETWEEN 31 AND 280;
SELECT pg_temp.places() AS hundreds;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_indexonlyscan = off;
SET LOCAL enable_seqscan = on;
SELECT pg_temp.places() AS as_a_filter;
UPDATE bastion.tenants SET status = 'suspended' WHERE id IN (SELECT p.tenant_id FROM places p WHERE p.n BETWEEN 31 AND 40);
SELECT pg_temp.places() AS without_the_suspended;
ROLLBACK;
REVOKE USAGE ON SCHEMA bastion_internal FROM regress_app;
DROP TABLE checked, open_rows;
DROP FUNCTION test.is_here(uuid), test.expected(text);
