-- A protected table of ten million rows and a thousand tenants, against the explicit WHERE that its owner would write.
-- A tenth of the rows belongs to the largest tenant.
\ir lib/compare.sql

SELECT bastion.allow_app_role('app') \gset _
\o /dev/null
SELECT bastion_api.signup('owner@bench.test', 'correct horse battery', 'Tenant 1');
SELECT bastion_api.signup('denied@bench.test', 'correct horse battery', 'Tenant 2');
\o
SELECT id AS tenant FROM bastion.tenants WHERE slug = 'tenant-1' \gset
SELECT id AS other_tenant FROM bastion.tenants WHERE slug = 'tenant-2' \gset
SELECT id AS member FROM bastion.users WHERE email = 'owner@bench.test' \gset
SELECT id AS denied FROM bastion.users WHERE email = 'denied@bench.test' \gset
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'tenant', 'nothing') RETURNING id AS nothing \gset
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (:'denied', :'tenant', :'nothing');
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || i, 'tenant-' || i FROM generate_series(3, 1000) i;
SELECT id AS small_tenant FROM bastion.tenants WHERE slug = 'tenant-500' \gset
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT :'member', :'small_tenant', id FROM bastion.roles WHERE name = 'owner' AND tenant_id IS NULL;
SELECT bastion.token_issue(:'member', :'tenant') AS large_token, bastion.token_issue(:'member', :'small_tenant') AS token,
       bastion.token_issue(:'denied', :'tenant') AS denied_token \gset

\echo building 10,000,000 rows
CREATE TABLE docs (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, created integer NOT NULL, title text, amount integer);
INSERT INTO docs
    SELECT i, t.id, (i * 7919::bigint) % 1000003, 'title ' || i, i % 1000
    FROM generate_series(1, 10000000) i
    JOIN (SELECT id, row_number() OVER (ORDER BY number) - 1 AS n FROM bastion.tenants) t
      ON t.n = CASE WHEN i % 10 = 0 THEN 0 ELSE i / 10 % 1000 END;
CREATE INDEX docs_tenant_created ON docs (tenant_id, created);
CREATE TABLE scanned AS SELECT * FROM docs LIMIT 1000000;
UPDATE scanned SET tenant_id = :'small_tenant' WHERE id % 2 = 0;
CREATE TABLE inserted (LIKE docs);
CREATE TABLE parts (LIKE docs) PARTITION BY HASH (tenant_id);
SELECT format('CREATE TABLE parts_%s PARTITION OF parts FOR VALUES WITH (MODULUS 8, REMAINDER %s)', i, i)
FROM generate_series(0, 7) i \gexec
INSERT INTO parts SELECT * FROM docs WHERE id <= 2000000;
\o /dev/null
SELECT bastion.protect(t, resource => 'docs') FROM unnest(ARRAY['docs', 'scanned', 'inserted', 'parts']::regclass[]) t;
\o
DROP INDEX scanned_tenant_id_idx, inserted_tenant_id_idx;
GRANT SELECT, INSERT, UPDATE, DELETE ON docs, scanned, inserted, parts TO app, plain;
VACUUM ANALYZE docs, scanned, parts;

\set where 'WHERE tenant_id = ' '''' :small_tenant ''''
BEGIN;
SELECT FROM bastion.authenticate(:'token') \gset _
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT * FROM bench.compare('sequential scan of 1M, half of it ours', 'SELECT count(amount) FROM scanned',
    format('SELECT count(amount) FROM scanned WHERE tenant_id = %L', :'small_tenant'), 11, 1.10);
SELECT * FROM bench.compare('count of 10k', 'SELECT count(amount) FROM docs',
    format('SELECT count(amount) FROM docs WHERE tenant_id = %L', :'small_tenant'), 41, 1.10);
SELECT * FROM bench.compare('top 50 by index, 200 times',
    'DO $d$ BEGIN FOR i IN 1..200 LOOP PERFORM id FROM docs ORDER BY created DESC LIMIT 50; END LOOP; END $d$',
    format('DO $d$ BEGIN FOR i IN 1..200 LOOP PERFORM id FROM docs WHERE tenant_id = %L ORDER BY created DESC LIMIT 50; END LOOP; END $d$',
           :'small_tenant'), 21, 1.10);
SELECT * FROM bench.compare('primary key, 2,000 times in PL/pgSQL',
    'DO $d$ BEGIN FOR i IN 1..2000 LOOP PERFORM title FROM docs WHERE id = i * 4990 + 1; END LOOP; END $d$',
    format('DO $d$ BEGIN FOR i IN 1..2000 LOOP PERFORM title FROM docs WHERE id = i * 4990 + 1 AND tenant_id = %L; END LOOP; END $d$',
           :'small_tenant'), 21, NULL);
SELECT * FROM bench.compare('insert of 200,000 rows',
    'INSERT INTO inserted (id, created, title, amount) SELECT i, i, ''t'', i FROM generate_series(1, 200000) i',
    format('INSERT INTO inserted SELECT i, %L, i, ''t'', i FROM generate_series(1, 200000) i', :'small_tenant'),
    11, 1.10, 'TRUNCATE inserted');
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT * FROM bench.compare('parallel sequential scan of 1M', 'SELECT count(amount) FROM scanned',
    format('SELECT count(amount) FROM scanned WHERE tenant_id = %L', :'small_tenant'), 11, 1.10);
SELECT * FROM bench.compare('one of eight partitions', 'SELECT count(amount) FROM parts',
    format('SELECT count(amount) FROM parts WHERE tenant_id = %L', :'small_tenant'), 21, 1.10);
\echo plans of our side: parallel scan, and run-time pruning
SET LOCAL ROLE app;
EXPLAIN (COSTS OFF) SELECT count(amount) FROM scanned;
EXPLAIN (COSTS OFF, ANALYZE, TIMING OFF, SUMMARY OFF) SELECT count(amount) FROM parts;
ROLLBACK;

\echo without the permission: at most 1 ms
BEGIN;
SELECT FROM bastion.authenticate(:'denied_token') \gset _
SELECT * FROM bench.compare('denied count of 10M against SELECT 1', 'SELECT count(amount) FROM docs', 'SELECT 1', 41, NULL);
ROLLBACK;

\echo planned while anonymous, run as the largest tenant (1.1M rows) against a plan made for it: at most 2
BEGIN;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL ROLE app;
PREPARE planned_anonymous AS SELECT count(amount), max(created) FROM docs;
EXECUTE planned_anonymous \g /dev/null
RESET ROLE;
SELECT FROM bastion.authenticate(:'large_token') \gset _
SELECT * FROM bench.compare('generic plan made while anonymous', 'EXECUTE planned_anonymous',
    format('SELECT count(amount), max(created) FROM docs WHERE tenant_id = %L', :'tenant'), 6, 2);
SELECT * FROM bench.compare('the same against a fresh plan under the policy', 'EXECUTE planned_anonymous',
    'SELECT count(amount), max(created) FROM docs', 6, 2, NULL, 'app');
ROLLBACK;
