-- Plans of tables with lists: an index by the tenant and one by its lists are not both read, because every list is of one tenant. Conditions of
-- the statement stay with the index that has them, and a user with few lists reads by these.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA list_paths;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben']) n, LATERAL bastion_api.signup(n || '@lists.example', 'correct horse battery', 'Lists of ' || n) a;
INSERT INTO bastion.tenants (name, slug) SELECT 'Lists ' || i, 'lists-' || i FROM generate_series(1, 18) i;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT test.id_of('ben'), test.tenant_of('ann'), test.role_of('member');
CREATE TABLE list_paths.runs (id int PRIMARY KEY, tenant_id uuid NOT NULL, created_at timestamptz NOT NULL, tags text[] NOT NULL DEFAULT '{}', note text NOT NULL DEFAULT repeat('x', 200));
CREATE INDEX ON list_paths.runs (tenant_id, created_at);
CREATE INDEX ON list_paths.runs USING gin (tags);
SELECT count(*) > 0 AS protected FROM bastion.protect('list_paths.runs', resource => 'list_runs', sharing => 'tenant', visibility => 'tenant');
INSERT INTO list_paths.runs (id, tenant_id, acl_id, created_at)
SELECT i, t.id, t.acl_id, '2026-01-01'::timestamptz + i * interval '1 hour' FROM generate_series(1, 40000) i JOIN (SELECT id, acl_id, row_number() OVER (ORDER BY number) AS n FROM bastion.tenants WHERE slug LIKE 'lists-%') t ON t.n = 1 + i % 20;
CREATE INDEX runs_list_index ON list_paths.runs (acl_id, created_at);
VACUUM ANALYZE list_paths.runs;
GRANT USAGE ON SCHEMA list_paths TO regress_app;
GRANT SELECT ON list_paths.runs TO regress_app;
-- the indexes of the plan, and whether it ANDs them
CREATE FUNCTION list_paths.plan(who text, statement text) RETURNS TABLE (indexes text, ands boolean, rows bigint) LANGUAGE plpgsql AS $$
DECLARE
    line text;
    lines text := '';
BEGIN
    PERFORM set_config('bastion.token', (SELECT p.token FROM test.people p WHERE p.name = who), true), set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    PERFORM bastion.user_id();
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
        lines := lines || line || E'\n';
    END LOOP;
    EXECUTE 'SELECT count(*) FROM (' || statement || ') s' INTO rows;
    RESET ROLE;
    indexes := (SELECT string_agg(DISTINCT m[1], ' ' ORDER BY m[1]) FROM regexp_matches(lines, '(?:on|using) "?(runs_[a-z_]*)', 'g') m);
    ands := lines ~ 'BitmapAnd';
    RETURN NEXT;
END
$$;
SELECT s.n, p.* FROM (VALUES (1, 'SELECT note FROM list_paths.runs'), (2, 'SELECT note FROM list_paths.runs WHERE created_at > ''2030-01-01'''),
    (3, 'SELECT note FROM list_paths.runs WHERE created_at > now() + interval ''1000 days'' - (now() - timestamptz ''2026-01-01'')'), (4, 'SELECT count(note) FROM list_paths.runs'),
    (5, 'SELECT note FROM list_paths.runs WHERE tags @> ''{x}''')) s (n, statement), LATERAL list_paths.plan('ann', s.statement) p ORDER BY s.n;
-- nobody else's rows, and those of few lists
SELECT p.ands, p.rows FROM list_paths.plan('ben', 'SELECT note FROM list_paths.runs') p;
DELETE FROM bastion.tenants WHERE slug LIKE 'lists-%';
DROP SCHEMA list_paths CASCADE;
DELETE FROM bastion.users WHERE email LIKE '%@lists.example';
DELETE FROM bastion.permissions WHERE resource = 'list_runs';
TRUNCATE test.people;
