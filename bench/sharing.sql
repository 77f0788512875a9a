-- Sharing on 10M rows: what can_by_acl() and can_in_tenant() cost, against the owner's explicit ids in the same statement.
\ir lib/compare.sql
SELECT bastion.allow_app_role('app') \gset _
\o /dev/null
SELECT bastion_api.signup('owner@bench.test', 'correct horse battery', 'Tenant 1');
SELECT bastion.resource_register('docs');
\o
SELECT id AS tenant FROM bastion.tenants WHERE slug = 'tenant-1' \gset
SELECT id AS owner FROM bastion.users WHERE email = 'owner@bench.test' \gset
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'tenant', 'nothing') RETURNING id AS nothing \gset
INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (:'nothing', 'docs.create');
INSERT INTO bastion.users (email) SELECT format('acls-%s@bench.test', n) FROM unnest(ARRAY[0, 5, 65, 1015, 100000]) n;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT id, :'tenant', :'nothing' FROM bastion.users WHERE email LIKE 'acls-%';

\echo building 10,000,000 rows under 1,000,000 access control lists
CREATE TABLE made AS SELECT nextval('bastion.acls_id_seq') AS acl_id, i AS n FROM generate_series(0, 999999) i;
INSERT INTO bastion.acls (id, tenant_id, kind, base_acl_id)
    SELECT m.acl_id, t.id, 'row', a.id FROM made m, bastion.tenants t JOIN bastion.acls a ON a.tenant_id = t.id AND a.kind = 'user'
    WHERE t.id = :'tenant' AND a.user_id = :'owner';
-- A member's own list counts as one.
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level)
    SELECT m.acl_id, 'user', u.id, 2
    FROM bastion.users u, substring(u.email FROM 'acls-(\d+)') size, made m
    WHERE u.email LIKE 'acls-%' AND size::integer > 0 AND (m.n * 7919::bigint) % 1000000 < size::integer - 1;
CREATE TABLE docs (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, acl_id bigint NOT NULL, created integer NOT NULL, title text,
                   amount integer);
INSERT INTO docs
    SELECT i, :'tenant', m.acl_id, (i * 7919::bigint) % 1000003, 'title ' || i, i % 1000
    FROM generate_series(1, 10000000) i JOIN made m ON m.n = (i * 104729::bigint) % 1000000;
CREATE INDEX docs_tenant_created ON docs (tenant_id, created);
CREATE TABLE inserted (LIKE docs);
\o /dev/null
SELECT bastion.protect(t, resource => 'docs', sharing => 'tenant') FROM unnest(ARRAY['docs', 'inserted']::regclass[]) t;
\o
DROP INDEX inserted_tenant_id_idx, inserted_acl_id_idx;
GRANT SELECT, INSERT, UPDATE ON docs, inserted TO app, plain;
VACUUM ANALYZE docs;

-- A session of the user with so many lists; :ids are the owner's explicit ones.
CREATE FUNCTION bench.enter(acls integer) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bastion.authenticate(bastion.token_issue(u.id, t.id))
    FROM bastion.users u, bastion.tenants t WHERE u.email = format('acls-%s@bench.test', acls) AND t.slug = 'tenant-1';
    RETURN bastion.acl_set('docs.read');
END
$$;
CREATE FUNCTION bench.top_50(condition text) RETURNS text LANGUAGE sql AS
$$ SELECT format('SELECT id FROM docs%s ORDER BY created DESC LIMIT 50', condition) $$;

CREATE FUNCTION bench.compare_acls(acls integer, rounds integer, goal double precision)
RETURNS TABLE (measurement text, ours_ms numeric, theirs_ms numeric, ratio numeric, at_most numeric) LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := bench.enter(acls);
    -- Past 10,000 ids the comparison is with a filter by hash, not with an index.
    explicit text := format(' WHERE tenant_id = %L AND acl_id%s = ANY (%L::bigint[])', bastion.tenant_id(),
                            CASE WHEN acls > 10000 THEN ' + 0' END, ids);
BEGIN
    RETURN QUERY SELECT * FROM bench.compare(format('%s lists: count', cardinality(ids)), 'SELECT count(amount) FROM docs',
        'SELECT count(amount) FROM docs' || explicit, rounds, goal);
    IF acls < 100000 THEN
        RETURN QUERY SELECT * FROM bench.compare(format('%s lists: top 50', cardinality(ids)), bench.top_50(''),
            bench.top_50(explicit), rounds, goal);
        RETURN QUERY SELECT * FROM bench.compare(format('%s lists: rows locked for UPDATE', cardinality(ids)),
            'SELECT count(*) FROM (SELECT FROM docs FOR UPDATE) x',
            format('SELECT count(*) FROM (SELECT FROM docs%s FOR UPDATE) x', explicit), rounds, NULL);
    END IF;
END
$$;

\echo reading by access control list; with 1,015 lists half a millisecond a statement more is allowed
SET bastion.allow_identity_switch = on;
SET max_parallel_workers_per_gather = 0;
SELECT r.* FROM unnest(ARRAY[5, 65, 1015]) n, LATERAL bench.compare_acls(n, 21, 1.15) r;
SELECT * FROM bench.compare_acls(100000, 5, 1.3);

\echo the same 65 lists under policies that are met on the web, against the explicit ids
\o /dev/null
CREATE TABLE naive AS TABLE docs;
CREATE INDEX ON naive (acl_id);
CREATE TABLE naive_shares AS SELECT acl_id, subject_id AS user_id FROM bastion.acl_entries;
CREATE INDEX ON naive_shares (user_id, acl_id);
ALTER TABLE naive ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON naive, naive_shares TO app, plain;
VACUUM ANALYZE naive, naive_shares;
\o
CREATE FUNCTION bench.compare_naive(label text, acls integer)
RETURNS TABLE (measurement text, ours_ms numeric, theirs_ms numeric, ratio numeric, at_most numeric) LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[] := bench.enter(acls);
BEGIN
    PERFORM set_config('app.user', bastion.user_id()::text, true),
            set_config('request.jwt.claims', json_build_object('sub', bastion.user_id(), 'acls', ids)::text, true);
    RETURN QUERY SELECT * FROM bench.compare(label, 'SELECT count(amount) FROM naive',
        format('SELECT count(amount) FROM naive WHERE acl_id = ANY (%L::bigint[])', ids), 3, NULL);
END
$$;
CREATE POLICY shared ON naive USING (EXISTS (SELECT FROM naive_shares s WHERE s.acl_id = naive.acl_id
                                             AND s.user_id = current_setting('app.user')::uuid));
SELECT * FROM bench.compare_naive('EXISTS over a table of shares', 65);
ALTER POLICY shared ON naive USING (acl_id::text IN (
    SELECT jsonb_array_elements_text(current_setting('request.jwt.claims')::jsonb -> 'acls')));
SELECT * FROM bench.compare_naive('IN over claims JSON in a setting', 65);
DROP TABLE naive, naive_shares;

\echo the plan of 65 lists
BEGIN;
SELECT FROM bench.enter(65) \gset _
SET LOCAL ROLE app;
EXPLAIN (COSTS OFF) SELECT count(amount) FROM docs;
ROLLBACK;
\echo planning with 100,000 lists: at most 1 ms
BEGIN;
SELECT FROM bench.enter(100000) \gset _
SELECT * FROM bench.compare('EXPLAIN with 100,000 lists', 'EXPLAIN SELECT count(amount) FROM docs',
    format('EXPLAIN SELECT count(amount) FROM docs WHERE tenant_id = %L', :'tenant'), 21, NULL);
ROLLBACK;
\echo denied: at most 0.2 ms
BEGIN;
SELECT FROM bench.enter(0) \gset _
SELECT * FROM bench.compare('denied count of 10M against SELECT 1', 'SELECT count(amount) FROM docs', 'SELECT 1', 41, NULL);
ROLLBACK;
BEGIN;
SELECT FROM bench.enter(5) \gset _
SELECT * FROM bench.compare('insert of 200,000 rows with list by default',
    'INSERT INTO inserted (id, created, title, amount) SELECT i, i, ''t'', i FROM generate_series(1, 200000) i',
    format('INSERT INTO inserted SELECT i, %L, 1, i, ''t'', i FROM generate_series(1, 200000) i', :'tenant'),
    11, 1.25, 'TRUNCATE inserted');
ROLLBACK;

\echo filter of 1M rows by can_in_tenant(), 100 tenants held of 200
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || i, 'tenant-' || i FROM generate_series(2, 200) i;
INSERT INTO bastion.users (email) VALUES ('tenants@bench.test');
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT u.id, t.id, r.id FROM bastion.users u, bastion.tenants t, bastion.roles r
    WHERE u.email = 'tenants@bench.test' AND t.number % 2 = 1 AND r.name = 'viewer' AND r.tenant_id IS NULL;
CREATE TABLE scanned AS
    SELECT i AS id, t.id AS tenant_id, i % 1000 AS amount
    FROM generate_series(1, 1000000) i
    JOIN (SELECT id, row_number() OVER (ORDER BY number) - 1 AS n FROM bastion.tenants) t ON t.n = i % 200;
ALTER TABLE scanned ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenants ON scanned USING (bastion.can_in_tenant('docs.read', tenant_id));
GRANT SELECT ON scanned TO app, plain;
VACUUM ANALYZE scanned;
BEGIN;
SELECT FROM bastion.users u, bastion.tenants t, bastion.authenticate(bastion.token_issue(u.id, t.id))
WHERE u.email = 'tenants@bench.test' AND t.slug = 'tenant-1' \gset _
SELECT * FROM bench.compare(format('%s tenants: sequential filter', cardinality(bastion.tenant_set('docs.read'))),
    'SELECT count(amount) FROM scanned',
    format('SELECT count(amount) FROM scanned WHERE tenant_id = ANY (%L::uuid[])', bastion.tenant_set('docs.read')), 21, 1.10);
ROLLBACK;

\echo reading the sets of a member of a unit with 1,000 units below and 10,000 shares, once: at most 20 ms
INSERT INTO bastion.units (tenant_id, kind, name, slug)
    SELECT :'tenant', 'team', 'Team ' || i, 'team-' || i FROM generate_series(0, 1000) i;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id)
    SELECT u.id, u.tenant_id, top.id FROM bastion.units u JOIN bastion.units top ON top.tenant_id = u.tenant_id
    WHERE top.slug = 'team-0' AND u.slug LIKE 'team-%' AND u.slug <> 'team-0';
INSERT INTO bastion.users (email) VALUES ('units@bench.test');
SELECT id AS member FROM bastion.users WHERE email = 'units@bench.test' \gset
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
    SELECT :'member', :'tenant', u.id, r.id FROM bastion.units u, bastion.roles r
    WHERE u.slug = 'team-0' AND r.name = 'viewer' AND r.tenant_id IS NULL;
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level)
    SELECT m.acl_id, 'user', :'member', 1 FROM made m WHERE m.n < 10000;
VACUUM ANALYZE bastion.acl_entries, bastion.acls, bastion.units, bastion.unit_parents, bastion.unit_closure;
CREATE TABLE built (began timestamptz, ended timestamptz);
BEGIN;
SELECT FROM bastion.tenants t, bastion.authenticate(bastion.token_issue(:'member', t.id)) WHERE t.slug = 'tenant-1' \gset _
\o /dev/null
SELECT s FROM generate_series(1, 11) i, unnest(ARRAY[
    'UPDATE bastion.memberships SET role_id = role_id WHERE user_id = (SELECT bastion.user_id())',
    'INSERT INTO built VALUES (clock_timestamp())',
    'SELECT cardinality(bastion.acl_set(''docs.read''))',
    'UPDATE built SET ended = clock_timestamp() WHERE ended IS NULL']) WITH ORDINALITY u (s, n) ORDER BY i, n \gexec
\o
SELECT cardinality(bastion.acl_set('docs.read')) AS lists,
       round(1000 * extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY ended - began)), 1) AS ms,
       round(1000 * extract(epoch FROM max(ended - began)), 1) AS first_ms FROM built;
ROLLBACK;
