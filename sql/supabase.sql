-- install_supabase_auth(), what its functions answer, and what lint() says about policies and keys of Supabase Auth.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET jit = off;
INSERT INTO test.people (name, id, tenant, number, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, (a -> 'tenant' ->> 'number')::bigint, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'bob']) n, LATERAL bastion_api.signup(n || '@supabase.example', 'correct horse of ' || n, initcap(n) || ' comes over', initcap(n)) a;
UPDATE bastion.users SET email_verified_at = now() WHERE email = 'ann@supabase.example';

-- A schema of that name that others made stays as it is, with whatever it looks like.
CREATE SCHEMA auth;
SELECT test.error('SELECT bastion.install_supabase_auth()');
COMMENT ON SCHEMA auth IS 'made by bastion.install_supabase_auth()';
SELECT test.error('SELECT bastion.install_supabase_auth()');
DROP SCHEMA auth;
SET ROLE regress_app;
SELECT test.error('SELECT bastion.install_supabase_auth()');
RESET ROLE;
SELECT bastion.install_supabase_auth();
SELECT bastion.install_supabase_auth();
CREATE FUNCTION auth.planted() RETURNS boolean LANGUAGE sql AS 'SELECT true';
SELECT test.error('SELECT bastion.install_supabase_auth()');
DROP FUNCTION auth.planted();
CREATE FUNCTION auth.uid(text) RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';
SELECT test.error('SELECT bastion.install_supabase_auth()');
DROP FUNCTION auth.uid(text);
ALTER FUNCTION auth.uid() SECURITY DEFINER;
SELECT test.error('SELECT bastion.install_supabase_auth()');
ALTER FUNCTION auth.uid() SECURITY INVOKER;
ALTER FUNCTION auth.uid() OWNER TO regress_app;
SELECT test.error('SELECT bastion.install_supabase_auth()');
ALTER FUNCTION auth.uid() OWNER TO CURRENT_USER;
CREATE TABLE auth.users_too (id int);
SELECT test.error('SELECT bastion.install_supabase_auth()');
DROP TABLE auth.users_too;
SELECT bastion.install_supabase_auth();
SELECT p.oid::regprocedure::text AS function, p.prosecdef, p.provolatile, p.proparallel, p.proisstrict, p.prosqlbody IS NOT NULL AS parsed,
       has_function_privilege('regress_app', p.oid, 'EXECUTE') AS app, has_function_privilege('regress_stranger', p.oid, 'EXECUTE') AS stranger
FROM pg_proc p WHERE p.pronamespace = 'auth'::regnamespace ORDER BY p.proname;
SELECT reloptions, has_table_privilege('regress_app', oid, 'SELECT') AS app, has_table_privilege('regress_app', oid, 'INSERT, UPDATE, DELETE') AS app_writes,
       has_table_privilege('regress_stranger', oid, 'SELECT') AS stranger FROM pg_class WHERE oid = 'auth.users'::regclass;

-- their answers: a verified address, one that is not, nobody, and a token that is refused
SELECT w.name, (test.as_app(w.token, NULL, NULL, format('SELECT concat_ws('' '', auth.uid() = %L, auth.role(), auth.email(), (SELECT count(*) FROM auth.users))', w.id))).answer AS answers,
       (test.as_app(w.token, NULL, NULL, format('SELECT concat_ws('' '', j ->> ''sub'' = %L, j ->> ''role'', j ->> ''email'', j ->> ''aal'', (j ->> ''session_id'')::uuid = bastion.session_id()) FROM auth.jwt() j', w.id))).answer AS claims,
       (test.as_app(w.token, NULL, NULL, 'SELECT concat_ws('' '', email, email_confirmed_at IS NOT NULL, role, raw_user_meta_data ->> ''name'', is_anonymous) FROM auth.users')).answer AS row
FROM test.people w ORDER BY w.name;
SELECT (test.as_app(NULL, NULL, NULL, 'SELECT concat_ws('' '', auth.uid() IS NULL, auth.role(), auth.email() IS NULL, auth.jwt() IS NULL, (SELECT count(*) FROM auth.users))')).answer AS nobody;
SET ROLE regress_app;
BEGIN;
SELECT set_config('bastion.token', 'no token', true) AS presented;
SELECT test.error('SELECT auth.uid()'), test.error('SELECT auth.jwt()');
COMMIT;
SELECT test.error('DELETE FROM auth.users'), test.error($$UPDATE auth.users SET email = 'x@y.example'$$);
RESET ROLE;
-- names in front of the path of the caller change nothing
CREATE FUNCTION pg_temp.user_id() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';
SELECT (test.as_app(token, NULL, NULL, format('SELECT set_config(''search_path'', ''pg_temp, bastion_test, auth'', true) IS NOT NULL AND auth.uid() OPERATOR(pg_catalog.=) %L', id))).answer AS same FROM test.people WHERE name = 'ann';
DROP FUNCTION pg_temp.user_id();

-- policies
CREATE SCHEMA supa;
GRANT USAGE ON SCHEMA supa TO regress_app;
CREATE TABLE supa.organizations (id bigint PRIMARY KEY);
CREATE FUNCTION supa.is_member(org bigint) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
CREATE TABLE supa.docs (id bigint PRIMARY KEY, org bigint REFERENCES supa.organizations, owner uuid, "auth.uid()" text);
CREATE TABLE supa.notes (id bigint PRIMARY KEY, owner uuid);
INSERT INTO supa.organizations SELECT number FROM test.people;
INSERT INTO supa.docs SELECT row_number() OVER (), number, id FROM test.people;
CREATE POLICY a_slow ON supa.docs USING (auth.uid() = owner);
CREATE POLICY b_fast ON supa.docs USING ((SELECT auth.uid()) = owner);
CREATE POLICY c_check ON supa.docs FOR INSERT WITH CHECK (owner = (SELECT auth.uid()) AND (auth.jwt() ->> 'aal') = 'aal2');
CREATE POLICY d_unknown ON supa.docs USING (auth.role() = 'authenticated' AND supa.is_member(org));
CREATE POLICY e_setting ON supa.docs USING (owner = (pg_catalog.current_setting('request.jwt.claims', true)::json ->> 'sub')::uuid);
CREATE POLICY f_user_metadata ON supa.docs USING (((SELECT auth.jwt()) -> 'user_metadata' ->> 'admin') = 'true');
CREATE POLICY g_app_metadata ON supa.docs USING (((SELECT auth.jwt()) -> 'app_metadata' ->> 'org') = org::text);
CREATE POLICY h_service ON supa.docs USING ((SELECT auth.role()) = 'service_role');
CREATE POLICY i_harmless ON supa.docs USING ("auth.uid()" = 'auth.uid() current_setting(request.' AND owner = (SELECT auth.uid()));
CREATE POLICY j_notes ON supa.notes USING (auth.uid() = owner);
ALTER TABLE supa.docs ENABLE ROW LEVEL SECURITY;
ALTER TABLE supa.notes ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON supa.docs, supa.notes TO regress_app;
\pset format unaligned
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ 'on supa' ORDER BY object COLLATE "C", problem COLLATE "C";
\pset format aligned
SELECT name, (test.as_app(token, NULL, NULL, 'SELECT count(*) FROM supa.docs')).answer AS own_or_member FROM test.people ORDER BY name;
-- one that install_supabase_auth() does not make, and the call that replaces them all
CREATE SCHEMA other;
ALTER SCHEMA auth RENAME TO auth_of_bastion;
CREATE SCHEMA auth;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT NULL::uuid';
CREATE FUNCTION auth.is_admin(uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
CREATE POLICY k_admin ON supa.notes USING (auth.is_admin((SELECT auth.uid())));
SELECT problem FROM bastion.lint() WHERE object = 'policy k_admin on supa.notes' ORDER BY 1;
DROP SCHEMA auth CASCADE;
DROP SCHEMA other;
ALTER SCHEMA auth_of_bastion RENAME TO auth;
SELECT count(*) > 0 AS protected FROM bastion.protect('supa.docs', tenant_column => 'org', existing => 'drop');
SELECT name, (test.as_app(token, NULL, NULL, 'SELECT count(*) FROM supa.docs')).answer AS own_tenant FROM test.people ORDER BY name;
SELECT count(*) AS findings FROM bastion.lint() WHERE object ~ 'policy .* on supa.docs';

-- keys to the table of users
CREATE SCHEMA old_auth;
CREATE TABLE old_auth.users (id uuid PRIMARY KEY, instance_id uuid, email text, encrypted_password text, raw_app_meta_data jsonb);
INSERT INTO old_auth.users (id) SELECT id FROM test.people;
CREATE FUNCTION old_auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
CREATE FUNCTION old_auth.other() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT NULL::uuid $$;
CREATE POLICY l_renamed ON supa.notes USING (old_auth.uid() = owner OR old_auth.other() = owner);
SELECT severity, problem FROM bastion.lint() WHERE object = 'policy l_renamed on supa.notes' ORDER BY problem COLLATE "C";
DROP POLICY l_renamed ON supa.notes;
CREATE TABLE supa.profiles (id uuid PRIMARY KEY CONSTRAINT profiles_id_fkey REFERENCES old_auth.users ON DELETE CASCADE, "a'' col" uuid REFERENCES old_auth.users);
INSERT INTO supa.profiles SELECT id, id FROM test.people;
\pset format unaligned
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object ~ 'constraint .* on supa' ORDER BY object COLLATE "C";
\pset format aligned
SELECT fix FROM bastion.lint() WHERE object ~ 'constraint .* on supa' ORDER BY object COLLATE "C" \gexec
SELECT conname, confrelid::regclass, confdeltype FROM pg_constraint WHERE conrelid = 'supa.profiles'::regclass AND contype = 'f' ORDER BY conname COLLATE "C";
SELECT count(*) AS findings FROM bastion.lint() WHERE object ~ 'constraint .* on supa';

DROP SCHEMA supa, old_auth, auth CASCADE;
DELETE FROM bastion.permissions WHERE resource = 'docs';
DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
DELETE FROM bastion.users WHERE email LIKE '%@supabase.example';
TRUNCATE test.people;
