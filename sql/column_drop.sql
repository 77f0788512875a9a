-- Event triggers refuse to drop a column that policies need. Where they are off, no permissive policy is left without it, and no row is
-- visible.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA gone;
GRANT USAGE ON SCHEMA gone TO regress_app;
SELECT bastion_api.signup('ann@gone.example', 'correct horse', 'Gone') AS ann \gset
CREATE FUNCTION gone.make(name text, sharing text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE gone.%I (id int PRIMARY KEY, tenant_id uuid, note text)', name);
    EXECUTE format('INSERT INTO gone.%I SELECT 1, id FROM bastion.tenants WHERE slug = ''gone''', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON gone.%I TO regress_app', name);
    PERFORM bastion.protect(('gone.' || name)::regclass, sharing => sharing);
END
$$;
-- what an application sees and may do, and how many policies there are
CREATE FUNCTION gone.left_of(name text) RETURNS TABLE (who text, rows text, inserted text, updated text, deleted text, policies bigint) LANGUAGE plpgsql AS $$
DECLARE
    token text;
BEGIN
    FOREACH token IN ARRAY ARRAY[NULL, current_setting('gone.token')] LOOP
        who := CASE WHEN token IS NULL THEN 'nobody' ELSE 'ann' END;
        SELECT coalesce(a.answer, a.error) INTO rows FROM test.as_app(token, NULL, NULL, format('SELECT count(*) FROM gone.%I', name)) a;
        SELECT coalesce(a.answer, a.error) INTO inserted FROM test.as_app(token, NULL, NULL, format('INSERT INTO gone.%I (id) VALUES (2) RETURNING id', name)) a;
        SELECT coalesce(a.answer, a.error) INTO updated FROM test.as_app(token, NULL, NULL, format('WITH u AS (UPDATE gone.%I SET note = ''x'' RETURNING 1) SELECT count(*) FROM u', name)) a;
        SELECT coalesce(a.answer, a.error) INTO deleted FROM test.as_app(token, NULL, NULL, format('WITH d AS (DELETE FROM gone.%I RETURNING 1) SELECT count(*) FROM d', name)) a;
        SELECT count(*) INTO policies FROM pg_policy WHERE polrelid = ('gone.' || name)::regclass;
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT set_config('gone.token', :'ann'::jsonb ->> 'access_token', false) \g /dev/null
SELECT gone.make(n, s) FROM (VALUES ('plain', NULL), ('shared', 'tenant'), ('shared_acl', 'tenant'), ('everywhere', 'cross_tenant'), ('everywhere_acl', 'cross_tenant')) v (n, s);

-- not by accident
SELECT test.error('ALTER TABLE gone.plain DROP COLUMN tenant_id'), test.error('ALTER TABLE gone.shared DROP COLUMN tenant_id'),
       test.error('ALTER TABLE gone.shared_acl DROP COLUMN acl_id'), test.error('ALTER TABLE gone.everywhere_acl DROP COLUMN acl_id');
CREATE TYPE gone.kind AS (id int, tenant_id uuid);
CREATE TABLE gone.typed OF gone.kind;
SELECT count(*) > 0 AS protected FROM bastion.protect('gone.typed');
\set VERBOSITY default
\set SHOW_CONTEXT never
ALTER TYPE gone.kind RENAME ATTRIBUTE tenant_id TO org_id CASCADE;
\set VERBOSITY terse
SELECT test.error('ALTER TYPE gone.kind DROP ATTRIBUTE tenant_id CASCADE'), test.error('ALTER TYPE gone.kind ALTER ATTRIBUTE tenant_id TYPE text CASCADE'),
       test.error('ALTER TYPE gone.kind RENAME ATTRIBUTE id TO key CASCADE');
DROP TABLE gone.typed;
ALTER TYPE gone.kind RENAME ATTRIBUTE tenant_id TO org_id;
ALTER EVENT TRIGGER bastion_keep_columns DISABLE; ALTER EVENT TRIGGER bastion_keep_dropped_columns DISABLE;
ALTER TABLE gone.plain DROP COLUMN tenant_id CASCADE;
ALTER TABLE gone.shared DROP COLUMN tenant_id CASCADE;
ALTER TABLE gone.shared_acl DROP COLUMN acl_id CASCADE;
ALTER TABLE gone.everywhere DROP COLUMN tenant_id CASCADE;
ALTER TABLE gone.everywhere_acl DROP COLUMN acl_id CASCADE;
ALTER EVENT TRIGGER bastion_keep_columns ENABLE; ALTER EVENT TRIGGER bastion_keep_dropped_columns ENABLE;
SELECT n, l.* FROM unnest(ARRAY['plain', 'shared', 'shared_acl', 'everywhere', 'everywhere_acl']) n, gone.left_of(n) l;

-- the condition that is always true costs nothing
SELECT gone.make('whole', 'tenant');
SET ROLE regress_app;
SELECT line FROM test.plan('SELECT * FROM gone.whole') line WHERE line ~ 'NULL';
RESET ROLE;
SELECT * FROM gone.left_of('whole');
DROP SCHEMA gone CASCADE;
DELETE FROM bastion.tenants WHERE slug = 'gone';
DELETE FROM bastion.users WHERE email = 'ann@gone.example';
