-- Policies that survive being made again: Citus copies those of a table to its shards without AS RESTRICTIVE, and parses them a second time.
-- A shard is a table here with such copies, and holds rows of every tenant.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA citus;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, (a #>> '{tenant,number}')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben']) n, LATERAL bastion_api.signup(n || '@citus.example', 'correct horse battery', 'Cells of ' || n) a;
-- what Citus sends to a node
CREATE FUNCTION citus.make_again(relation regclass, shard regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('CREATE POLICY %I ON %s FOR %s TO PUBLIC%s%s', p.polname, shard, bastion_internal.policy_command(p.polcmd), ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
        FROM pg_policy p WHERE p.polrelid = relation
    LOOP
        EXECUTE statement;
    END LOOP;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', shard);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO regress_app', shard);
END
$$;
-- rows that a statement of a user returns, or its error
CREATE FUNCTION citus.run(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    PERFORM set_config('bastion.token', coalesce((SELECT p.token FROM test.people p WHERE p.name = who), ''), true), set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    IF statement ~ '^MERGE' THEN
        EXECUTE statement;
    ELSE
        EXECUTE 'WITH done AS (' || statement || ') SELECT string_agg(done.id::text, '' '' ORDER BY done.id) FROM done' INTO found;
    END IF;
    RESET ROLE;
    RETURN coalesce(found, 'none');
EXCEPTION WHEN OTHERS THEN
    RESET ROLE;
    RETURN SQLSTATE;
END
$$;
GRANT USAGE ON SCHEMA citus TO regress_app;
CREATE TABLE citus.documents (id int, tenant_id uuid, title text DEFAULT 'x', created_by uuid, PRIMARY KEY (tenant_id, id));
SELECT count(*) > 0 AS protected FROM bastion.protect('citus.documents', owner_column => 'created_by', resource => 'citus_documents', citus => true);
SELECT p.polname, p.polpermissive, bastion_internal.policy_command(p.polcmd) AS command, pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check
FROM pg_policy p WHERE p.polrelid = 'citus.documents'::regclass ORDER BY 1;
CREATE TABLE citus.documents_1 (LIKE citus.documents INCLUDING ALL);
SELECT citus.make_again('citus.documents', 'citus.documents_1');
INSERT INTO citus.documents_1 SELECT row_number() OVER (ORDER BY p.name, i), p.tenant, 'x', p.id FROM test.people p, generate_series(1, 2) i WHERE p.name IN ('ann', 'ben');
-- nobody, two tenants, one that presents a token that is none; on the shard itself, as a direct connection to a node does
SELECT w.who, s.statement, citus.run(w.who, s.statement) AS ids
FROM unnest(ARRAY[NULL, 'ann', 'ben']) WITH ORDINALITY w (who, place),
     unnest(ARRAY['SELECT id FROM citus.documents_1', 'SELECT d.id FROM citus.documents_1 d JOIN citus.documents_1 e ON d.title = e.title GROUP BY 1', 'SELECT count(*) AS id FROM citus.documents_1',
                  'INSERT INTO citus.documents_1 (id) VALUES (10) RETURNING id', 'INSERT INTO citus.documents_1 (id) VALUES (10) ON CONFLICT (tenant_id, id) DO UPDATE SET title = ''z'' RETURNING id',
                  'UPDATE citus.documents_1 SET title = ''y'' RETURNING id', 'UPDATE citus.documents_1 SET tenant_id = gen_random_uuid() RETURNING id', 'DELETE FROM citus.documents_1 WHERE id IN (1, 3) RETURNING id',
                  'MERGE INTO citus.documents_1 d USING (VALUES (2), (4)) v (id) ON d.id = v.id WHEN MATCHED THEN UPDATE SET title = ''merged''']) WITH ORDINALITY s (statement, place)
ORDER BY w.place, s.place;
SELECT citus.run('ann', format('INSERT INTO citus.documents_1 (id, tenant_id) VALUES (20, %L) RETURNING id', test.tenant_of('ben'))) AS for_another;
SELECT d.id, p.name, d.title FROM citus.documents_1 d JOIN test.people p ON p.tenant = d.tenant_id AND p.name IN ('ann', 'ben') ORDER BY 1, 2;
SELECT status FROM bastion.protection WHERE relation = 'citus.documents'::regclass;

-- rows with access lists
CREATE TABLE citus.files (id int, tenant_id uuid, created_by uuid, PRIMARY KEY (tenant_id, id));
SELECT count(*) > 0 AS protected FROM bastion.protect('citus.files', owner_column => 'created_by', resource => 'citus_files', citus => true, sharing => 'tenant', visibility => 'owner');
SELECT p.polname, p.polpermissive, bastion_internal.policy_command(p.polcmd) AS command, pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS check
FROM pg_policy p WHERE p.polrelid = 'citus.files'::regclass ORDER BY 1;
GRANT SELECT, INSERT, UPDATE, DELETE ON citus.files TO regress_app;
SELECT w.who, citus.run(w.who, 'INSERT INTO citus.files (id) VALUES (1) RETURNING id') AS inserted FROM unnest(ARRAY[NULL, 'ann', 'ben']) WITH ORDINALITY w (who, place) ORDER BY place;
CREATE TABLE citus.files_1 (LIKE citus.files INCLUDING ALL);
SELECT citus.make_again('citus.files', 'citus.files_1');
INSERT INTO citus.files_1 SELECT * FROM citus.files;
SELECT w.who, citus.run(w.who, 'SELECT id FROM citus.files_1') AS rows, citus.run(w.who, 'UPDATE citus.files_1 SET id = id RETURNING id') AS updated
FROM unnest(ARRAY[NULL, 'ann', 'ben']) WITH ORDINALITY w (who, place) ORDER BY place;

-- no condition that a second parse loses: subqueries, tests of NULL, what is always true
SELECT p.polrelid::regclass AS relation, p.polname FROM pg_policy p
WHERE p.polrelid IN ('citus.documents'::regclass, 'citus.files'::regclass)
  AND (concat(p.polqual, p.polwithcheck) ~ 'SUBLINK|SUBPLAN|NULLTEST|BOOLEXPR :boolop or' OR NOT p.polpermissive
       OR concat(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) !~ '"?tenant_id"? = "?bastion"?[.]"?tenant');

-- what leaves the policies nothing to hold on to leaves no row
BEGIN;
ALTER TABLE citus.documents_1 DROP COLUMN tenant_id CASCADE;
SELECT citus.run('ann', 'SELECT id FROM citus.documents_1') AS without_column;
ROLLBACK;
BEGIN;
ALTER TABLE citus.files_1 DROP COLUMN acl_id CASCADE;
SELECT citus.run('ann', 'SELECT id FROM citus.files_1') AS without_list;
ROLLBACK;
BEGIN;
DROP EXTENSION pg_bastion CASCADE;
SET LOCAL ROLE regress_app;
SELECT count(*) AS without_extension FROM citus.documents_1;
ROLLBACK;

-- refused: policies that would be permissive on shards
SELECT test.error($$SELECT bastion.protect('citus.documents', citus => true, existing => 'keep')$$);
SELECT test.error($$SELECT bastion.protect('citus.files', owner_column => 'created_by', citus => true, sharing => 'cross_tenant')$$);
CREATE POLICY strict ON citus.documents AS RESTRICTIVE USING (title <> 'secret');
SELECT test.error($$SELECT bastion.protect('citus.documents', owner_column => 'created_by', resource => 'citus_documents', citus => true)$$);
SELECT status FROM bastion.protection WHERE relation = 'citus.documents'::regclass;
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ 'citus.documents$' AND problem ~ 'polic';
SELECT count(*) > 0 AS dropped FROM bastion.protect('citus.documents', owner_column => 'created_by', resource => 'citus_documents', citus => true, existing => 'drop');
SELECT status FROM bastion.protection WHERE relation = 'citus.documents'::regclass;
-- and back to one server
SELECT count(*) > 0 AS on_one_server FROM bastion.protect('citus.documents', owner_column => 'created_by', resource => 'citus_documents');
SELECT p.polname, p.polpermissive FROM pg_policy p WHERE p.polrelid = 'citus.documents'::regclass ORDER BY 1;

-- a table that is distributed, which a trigger of Citus tells
BEGIN;
SET LOCAL allow_system_table_mods = on;
CREATE FUNCTION pg_catalog.citus_truncate_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER truncate_trigger_1 AFTER TRUNCATE ON citus.documents EXECUTE FUNCTION pg_catalog.citus_truncate_trigger();
SELECT status FROM bastion.protection WHERE relation = 'citus.documents'::regclass;
SELECT severity, object, problem FROM bastion.lint() WHERE object = 'citus.documents';
SELECT test.error($$SELECT bastion.protect('citus.documents', owner_column => 'created_by', resource => 'citus_documents')$$);
SELECT count(*) > 0 AS protected FROM bastion.protect('citus.documents', owner_column => 'created_by', resource => 'citus_documents', citus => true);
SELECT status FROM bastion.protection WHERE relation = 'citus.documents'::regclass;
CREATE TABLE citus.late (id int, tenant_id uuid NOT NULL);
CREATE TRIGGER truncate_trigger_2 AFTER TRUNCATE ON citus.late EXECUTE FUNCTION pg_catalog.citus_truncate_trigger();
SELECT test.error($$SELECT bastion.protect('citus.late', citus => true)$$);
ROLLBACK;

DROP TABLE citus.documents, citus.files;
DROP SCHEMA citus CASCADE;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.tenants WHERE slug LIKE 'cells-of-%';
DELETE FROM bastion.users WHERE email LIKE '%@citus.example';
DELETE FROM bastion.permissions WHERE resource LIKE 'citus_%';
TRUNCATE test.people;
