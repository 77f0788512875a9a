-- What an application role holds, against a written list, and the rules that every object of the extension follows.
\set VERBOSITY terse
SET client_min_messages = warning;

-- The written list. A function, table or privilege that is not here shows up as "more".
CREATE TABLE test.written (object text, privilege text);
INSERT INTO test.written
SELECT f, 'EXECUTE' FROM unnest(ARRAY[
    'bastion.library_version()', 'bastion.password_hash(text,text,jsonb)', 'bastion.password_verify(text,text)',
    'bastion.password_needs_rehash(text)', 'bastion.jwt_sign(jsonb,jsonb,jsonb)', 'bastion.jwt_verify(text,jsonb,jsonb)',
    'bastion.jws_verify(text,jsonb,text[])', 'bastion.jwk_generate(text,text,integer)', 'bastion.jwk_public(jsonb)',
    'bastion.jwk_thumbprint(jsonb)',
    'bastion.jwks()', 'bastion.authenticate(text,text,text)', 'bastion.context_drop()', 'bastion.whoami()',
    'bastion.user_id()', 'bastion.actor_id()', 'bastion.tenant_id()', 'bastion.tenant_number()', 'bastion.unit_id()',
    'bastion.session_id()', 'bastion.api_key_id()', 'bastion.auth_level()', 'bastion.claims()',
    'bastion.has_permission(text)', 'bastion.tenant_if_allowed(text)', 'bastion.tenant_number_if_allowed(text)',
    'bastion.permissions()', 'bastion.tenant_acl()', 'bastion.unit_acl()', 'bastion.own_acl()',
    'bastion.role_create(text,text)', 'bastion.role_delete(text)', 'bastion.role_permission_add(text,text)',
    'bastion.role_permission_remove(text,text)', 'bastion.role_parent_add(text,text)', 'bastion.role_parent_remove(text,text)',
    'bastion.membership_set(uuid,text,text,timestamp with time zone,timestamp with time zone)',
    'bastion.membership_set(text,text,text,timestamp with time zone,timestamp with time zone)', 'bastion.membership_remove(text,text)',
    'bastion.permission_grant(text,text,text,timestamp with time zone)', 'bastion.permission_deny(text,text,text,timestamp with time zone)',
    'bastion.permission_remove(text,text,text)', 'bastion.sessions_revoke(text)', 'bastion_internal.user_named(text)',
    'bastion.explain_member_access(text,text,regclass,text,text)', 'bastion.explain_member_access_text(text,text,regclass,text,text)',
    'bastion.membership_remove(uuid,text)', 'bastion.permission_grant(uuid,text,text,timestamp with time zone)',
    'bastion.permission_deny(uuid,text,text,timestamp with time zone)', 'bastion.permission_remove(uuid,text,text)',
    'bastion.unit_create(text,text,text,text)', 'bastion.unit_move(text,text)', 'bastion.unit_delete(text)',
    'bastion.share(regclass,text,uuid,uuid,uuid,uuid,text,timestamp with time zone)',
    'bastion.share(regclass,text,text,text,text,text,text,timestamp with time zone)',
    'bastion.unshare(regclass,text,text,text,text,text)', 'bastion_internal.share_subject_named(text,text)',
    'bastion.unshare(regclass,text,uuid,uuid,uuid,uuid)', 'bastion.shares_of(regclass,text)',
    'bastion.explain_member_access(uuid,text,regclass,text,text)', 'bastion.explain_member_access_text(uuid,text,regclass,text,text)',
    'bastion_internal.access_picture(integer,integer,text,text,text,text,boolean)',
    'bastion.permission_matrix(text)', 'bastion.permission_matrix_text(text)',
    'bastion.acl_set(text)', 'bastion_internal.acl_set_unfolded(text)', 'bastion.acl_set_anywhere(text)',
    'bastion_internal.acl_set_anywhere_unfolded(text)', 'bastion.tenant_set(text)', 'bastion_internal.tenant_set_unfolded(text)',
    'bastion.can_by_acl(text,bigint)', 'bastion.can_by_acl_anywhere(text,bigint)', 'bastion.can_in_tenant(text,uuid)',
    'bastion.acl_in_tenant(text,bigint,text)', 'bastion.default_acl(text)', 'bastion.cache_stats()',
    'bastion.session_settings_set(interval,interval,interval,interval)', 'bastion.session_revoke(uuid)',
    'bastion.sessions_revoke(uuid)',
    'bastion.invite(text,text,text,interval,timestamp with time zone)', 'bastion.invitation_revoke(uuid)', 'bastion_api.invitations()',
    'bastion_api.my_invitations()', 'bastion_api.invitation_accept(text)', 'bastion_api.invitation_accept(uuid)',
    'bastion_api.invitation_decline(uuid)', 'bastion_api.signup_invited(text,text,text,text,text)',
    'bastion_api.signup(text,text,text,text,text,text)', 'bastion_api.login(text,text,text,text,text)',
    'bastion_api.refresh(text)', 'bastion_api.logout(text)', 'bastion_api.sessions()', 'bastion_api.token_revoke(text)',
    'bastion.secret_put(text,text,text,text,text[],timestamp with time zone,boolean)', 'bastion.secret_get(text,text,integer)', 'bastion.secret_list()',
    'bastion.secret_update(text,boolean,timestamp with time zone,text[])', 'bastion.secret_delete(text,integer)',
    'bastion_internal.sealed_in(cstring)', 'bastion_internal.sealed_out(bastion.sealed)', 'bastion_internal.sealed_recv(internal)',
    'bastion_internal.sealed_send(bastion.sealed)', 'bastion.sealed(bytea)', 'bastion.is_sealed(bytea)', 'bastion.seal(text,text,text)',
    'bastion.seal(bytea,text,text)', 'bastion.open_text(bastion.sealed,text)', 'bastion.open_bytea(bastion.sealed,text)',
    'bastion.rewrap(bastion.sealed,text)', 'bastion.blind_index(text,text)', 'bastion.blind_index(bytea,text)',
    'bastion_api.api_key_create(text,text[],timestamp with time zone,text[],text,jsonb)', 'bastion_api.api_keys()',
    'bastion_api.api_key_rotate(uuid,interval)', 'bastion_api.api_key_revoke(uuid)',
    'bastion_api.api_key_disable(uuid,boolean)', 'bastion.client_address()',
    'bastion_api.me()']) f;
INSERT INTO test.written
SELECT t, 'SELECT' FROM unnest(ARRAY['bastion.tenants', 'bastion.units', 'bastion.unit_parents',
    'bastion.unit_closure', 'bastion.users', 'bastion.memberships', 'bastion.user_permissions', 'bastion.roles',
    'bastion.role_parents', 'bastion.permissions', 'bastion.role_permissions', 'bastion.secrets',
    'bastion.secret_access_log']) t;
INSERT INTO test.written VALUES ('bastion', 'USAGE'), ('bastion_api', 'USAGE');

CREATE VIEW test.own_schemas AS SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('bastion', 'bastion_api', 'bastion_internal');
CREATE FUNCTION test.held(role regrole) RETURNS SETOF test.written LANGUAGE sql
AS $$
    SELECT p.oid::regprocedure::text, 'EXECUTE' FROM pg_proc p JOIN test.own_schemas n ON n.oid = p.pronamespace
    WHERE has_function_privilege(role, p.oid, 'EXECUTE')
    UNION ALL
    SELECT c.oid::regclass::text, x.privilege FROM pg_class c JOIN test.own_schemas n ON n.oid = c.relnamespace,
           unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) x (privilege)
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND
          (has_table_privilege(role, c.oid, x.privilege)
           OR x.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(role, c.oid, x.privilege))
    UNION ALL
    SELECT c.oid::regclass::text, x.privilege FROM pg_class c JOIN test.own_schemas n ON n.oid = c.relnamespace,
           unnest(ARRAY['SELECT', 'UPDATE', 'USAGE']) x (privilege)
    WHERE c.relkind = 'S' AND has_sequence_privilege(role, c.oid, x.privilege)
    UNION ALL
    SELECT n.nspname, x.privilege FROM test.own_schemas n, unnest(ARRAY['USAGE', 'CREATE']) x (privilege)
    WHERE has_schema_privilege(role, n.oid, x.privilege)
$$;
CREATE FUNCTION test.differences(role regrole) RETURNS TABLE (difference text, object text, privilege text) LANGUAGE sql
AS $$
    SELECT 'more', h.* FROM (SELECT * FROM test.held(role) EXCEPT SELECT * FROM test.written) h
    UNION ALL
    SELECT 'less', w.* FROM (SELECT * FROM test.written EXCEPT SELECT * FROM test.held(role)) w
    ORDER BY 1, 2, 3
$$;
SELECT * FROM test.differences('regress_app');
-- again changes nothing; a stranger holds nothing
SELECT bastion.allow_app_role('regress_app');
SELECT * FROM test.differences('regress_app');
SELECT * FROM test.held('regress_stranger');
-- the check bites
BEGIN;
GRANT UPDATE (name) ON bastion.tenants TO regress_app;
GRANT EXECUTE ON FUNCTION bastion_internal.token_sign(jsonb) TO PUBLIC;
REVOKE SELECT ON bastion.users FROM regress_app;
SELECT * FROM test.differences('regress_app');
ROLLBACK;
-- taken back, with an odd name
CREATE ROLE "regress ""odd"" App";
SELECT bastion.allow_app_role('"regress ""odd"" App"');
SELECT * FROM test.differences('"regress ""odd"" App"');
SELECT bastion.disallow_app_role('"regress ""odd"" App"');
SELECT * FROM test.held('"regress ""odd"" App"');
DROP ROLE "regress ""odd"" App";
-- refused
CREATE ROLE regress_bypass BYPASSRLS;
SELECT test.error($$SELECT bastion.allow_app_role('regress_bypass')$$);
SELECT test.error('SELECT bastion.allow_app_role(current_user::regrole)') ~ '^22023 ';
SELECT test.error('SELECT bastion.allow_app_role(0)'), test.error('SELECT bastion.allow_app_role(NULL)'),
       test.error('SELECT bastion.disallow_app_role(4294967295)');
DROP ROLE regress_bypass;
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.allow_app_role('regress_stranger')$$);
RESET ROLE;

-- The rules.
CREATE VIEW test.own_functions AS
SELECT p.*, p.oid::regprocedure AS name, l.lanname FROM pg_proc p JOIN test.own_schemas n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang;
CREATE VIEW test.own_relations AS
SELECT c.*, c.oid::regclass AS name FROM pg_class c JOIN test.own_schemas n ON n.oid = c.relnamespace;
CREATE VIEW test.lint AS
SELECT 'function without comment' AS problem, name::text AS object FROM test.own_functions
WHERE obj_description(oid, 'pg_proc') IS NULL
UNION ALL
SELECT 'function without the pinned search_path', name::text FROM test.own_functions
WHERE lanname <> 'c' AND array_remove(proconfig, 'plan_cache_mode=force_generic_plan') IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']
  -- commits, and so cannot pin it
  AND name::text NOT IN ('bastion.acl_backfill(regclass,name,name,text,name,integer)', 'bastion.rewrap_all(integer)')
  -- looked up when it is made
  AND prosqlbody IS NULL
UNION ALL
SELECT 'function that PUBLIC may execute', f.name::text FROM test.own_functions f
WHERE EXISTS (SELECT FROM aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a WHERE a.grantee = 0)
UNION ALL
SELECT 'SECURITY DEFINER outside the written list', name::text FROM test.own_functions
WHERE prosecdef
  -- triggers of our own tables, which a caller may fire
  AND NOT (prorettype = 'trigger'::regtype AND EXISTS (SELECT FROM pg_trigger t JOIN test.own_relations r ON r.oid = t.tgrelid
                                                       WHERE t.tgfoid = test.own_functions.oid))
  AND name::text NOT IN (
    'bastion_api.signup(text,text,text,text,text,text)', 'bastion_api.login(text,text,text,text,text)', 'bastion_api.me()', 'bastion.jwks()',
    'bastion.invite(text,text,text,interval,timestamp with time zone)', 'bastion.invitation_revoke(uuid)', 'bastion_api.invitations()',
    'bastion_api.my_invitations()', 'bastion_api.invitation_accept(text)', 'bastion_api.invitation_accept(uuid)',
    'bastion_api.invitation_decline(uuid)', 'bastion_api.signup_invited(text,text,text,text,text)',
    'bastion_api.refresh(text)', 'bastion_api.logout(text)', 'bastion_api.sessions()', 'bastion_api.token_revoke(text)',
    'bastion.session_settings_set(interval,interval,interval,interval)', 'bastion.session_revoke(uuid)',
    'bastion_api.api_key_create(text,text[],timestamp with time zone,text[],text,jsonb)', 'bastion_api.api_keys()',
    'bastion_api.api_key_rotate(uuid,interval)', 'bastion_api.api_key_revoke(uuid)',
    'bastion_api.api_key_disable(uuid,boolean)',
    'bastion.sessions_revoke(uuid)', 'bastion_internal.end_sessions_of_user()', 'bastion_internal.end_sessions_of_tenant()',
    'bastion_internal.end_sessions_of_member()',
    'bastion_internal.user_named(text)', 'bastion_internal.share_subject_named(text,text)', 'bastion.explain_access(text,text,regclass,text,text,text)',
      'bastion.explain_access_text(text,text,regclass,text,text,text)', 'bastion.impersonate(text,text,text,boolean)', 'bastion.acl_in_tenant(text,bigint,text)', 'bastion.tenant_acl()', 'bastion.unit_acl()', 'bastion.own_acl()',
    'bastion.role_create(text,text)', 'bastion.role_delete(text)', 'bastion.role_permission_add(text,text)',
    'bastion.role_permission_remove(text,text)', 'bastion.role_parent_add(text,text)', 'bastion.role_parent_remove(text,text)',
    'bastion.membership_set(uuid,text,text,timestamp with time zone,timestamp with time zone)',
    'bastion.membership_remove(uuid,text)', 'bastion.permission_grant(uuid,text,text,timestamp with time zone)',
    'bastion.permission_deny(uuid,text,text,timestamp with time zone)', 'bastion.permission_remove(uuid,text,text)',
    'bastion.unit_create(text,text,text,text)', 'bastion.unit_move(text,text)', 'bastion_internal.unit_to_delete(text)',
    'bastion_internal.share_find(regclass,text,uuid,uuid,uuid,uuid,text,timestamp with time zone)',
    'bastion_internal.share_grant(regclass,text,uuid,uuid,uuid,uuid,text,timestamp with time zone,bigint)',
    'bastion_internal.shared_row(regclass,boolean)', 'bastion_internal.unshare_end(regclass,text,uuid,uuid,uuid,uuid,bigint)', 'bastion_internal.shares_on(regclass,text,bigint)',
    'bastion.secret_put(text,text,text,text,text[],timestamp with time zone,boolean)', 'bastion.secret_get(text,text,integer)', 'bastion.secret_list()',
    'bastion.secret_update(text,boolean,timestamp with time zone,text[])', 'bastion.secret_delete(text,integer)',
    'bastion.explain_access(uuid,text,regclass,text,text,text)', 'bastion.explain_access_text(uuid,text,regclass,text,text,text)',
    'bastion_internal.explained_member_row(uuid,text,regclass,text,text)', 'bastion_internal.explain_member_row(uuid,text,regclass,text,text,boolean,bigint)',
    'bastion_internal.tenant_to_delete(text)', 'bastion_internal.tenant_rows_delete(uuid)', 'bastion.acl_prune(text)',
    -- for migration roles and the event trigger
    'bastion_internal.protect_resource(text,text[])', 'bastion_internal.forget_dropped_tables()', 'bastion_internal.guard_ddl()',
    'bastion_internal.is_global(regclass)', 'bastion_internal.must_be_guarded(regclass)', 'bastion_internal.protection_report()',
    'bastion_internal.resource_registered(text,text[])', 'bastion_internal.acl_of_row(text,text,text)')
UNION ALL
SELECT 'C function that is not bastion_*', name::text FROM test.own_functions
WHERE lanname = 'c' AND (prosrc !~ '^bastion_' OR probin <> '$libdir/pg_bastion')
UNION ALL
-- What these three raise depends on the identity alone, never on the row.
SELECT 'function that is LEAKPROOF', name::text FROM test.own_functions
WHERE proleakproof AND proname NOT IN ('can_by_acl', 'can_by_acl_anywhere', 'can_in_tenant')
UNION ALL
SELECT 'reader of the context that is not STABLE PARALLEL SAFE', name::text FROM test.own_functions
WHERE prosrc ~ '^bastion_(user_id|actor_id|tenant|unit_id|session_id|api_key_id|auth_level|claims|has_permission|permissions)' AND proname !~ '_unfolded$|^tenant_delete$'
  AND (provolatile, proparallel) IS DISTINCT FROM ('s'::"char", 's'::"char")
UNION ALL
SELECT 'function that is safer than what it writes or draws', name::text FROM test.own_functions
WHERE provolatile <> 'v' AND prosrc ~* '\m(INSERT INTO|UPDATE bastion|DELETE FROM|gen_random_uuid|random|nextval|clock_timestamp)\M'
UNION ALL
SELECT 'relation without comment', name::text FROM test.own_relations
WHERE relkind IN ('r', 'p', 'v', 'm') AND obj_description(oid, 'pg_class') IS NULL
UNION ALL
SELECT 'column without comment', r.name || '.' || a.attname FROM test.own_relations r JOIN pg_attribute a ON a.attrelid = r.oid
WHERE r.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND col_description(r.oid, a.attnum) IS NULL
UNION ALL
SELECT 'table that is granted and has no row-level security', r.name::text FROM test.own_relations r
WHERE r.relkind IN ('r', 'p') AND NOT r.relrowsecurity
  AND EXISTS (SELECT FROM aclexplode(r.relacl) a WHERE a.grantee <> r.relowner UNION ALL
              SELECT FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = r.oid AND a.grantee <> r.relowner)
UNION ALL
SELECT 'policy with OR, EXISTS or IN', polrelid::regclass || ': ' || polname
FROM pg_policy JOIN test.own_relations r ON r.oid = polrelid,
     concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) expression
WHERE expression ~ '\m(OR|EXISTS|IN)\M'
UNION ALL
SELECT 'table or sequence that no dump takes along', r.name::text FROM test.own_relations r
WHERE r.relkind IN ('r', 'p', 'S')
  AND NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_bastion' AND r.oid = ANY (e.extconfig))
UNION ALL
SELECT 'foreign key that closes a cycle', c.conname FROM pg_constraint c JOIN test.own_relations r ON r.oid = c.conrelid
WHERE c.contype = 'f' AND EXISTS (
    WITH RECURSIVE reached AS (
        SELECT c.confrelid AS oid UNION
        SELECT f.confrelid FROM reached JOIN pg_constraint f ON f.contype = 'f' AND f.conrelid = reached.oid)
    SELECT FROM reached WHERE oid = c.conrelid)
UNION ALL
SELECT 'invalidation that replication skips', tgrelid::regclass || ': ' || tgname FROM pg_trigger
WHERE tgfoid = 'bastion_internal.invalidate'::regproc AND tgenabled <> 'A'
UNION ALL
SELECT 'object that is no member of the extension', name::text FROM test.own_relations
WHERE relkind IN ('r', 'p', 'v', 'm') AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = test.own_relations.oid AND d.deptype = 'e');
SELECT * FROM test.lint ORDER BY problem COLLATE "C", object COLLATE "C";

-- each rule bites
BEGIN;
CREATE FUNCTION bastion.planted() RETURNS float8 LANGUAGE sql STABLE LEAKPROOF SECURITY DEFINER SET search_path = 'pg_catalog, pg_temp'
AS 'SELECT random()';
CREATE FUNCTION bastion.planted_reader() RETURNS uuid LANGUAGE c VOLATILE AS '$libdir/pg_bastion', 'bastion_user_id';
CREATE FUNCTION bastion.planted_symbol() RETURNS void LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE TABLE bastion.planted (id int PRIMARY KEY, parent int REFERENCES bastion.planted);
GRANT SELECT (id) ON bastion.planted TO regress_app;
CREATE POLICY planted ON bastion.tenants USING (bastion.user_id() IS NULL OR id IN (SELECT tenant_id FROM bastion.memberships));
CREATE TRIGGER planted AFTER DELETE ON bastion.planted FOR EACH ROW EXECUTE FUNCTION bastion_internal.invalidate('all');
SELECT * FROM test.lint ORDER BY problem COLLATE "C", object COLLATE "C";
ROLLBACK;

-- every table of rights and keys tells the caches, in each way it can change
SELECT tgrelid::regclass::text COLLATE "C" AS relation, string_agg(DISTINCT w.way, ' ' ORDER BY w.way) AS ways
FROM pg_trigger, (VALUES (4, 'insert'), (8, 'delete'), (16, 'update'), (32, 'truncate')) w (bit, way)
WHERE tgfoid = 'bastion_internal.invalidate'::regproc AND tgtype & w.bit <> 0 GROUP BY 1 ORDER BY 1;

DROP VIEW test.lint, test.own_relations, test.own_functions;
DROP FUNCTION test.differences, test.held;
DROP VIEW test.own_schemas;
DROP TABLE test.written;

-- A member of pg_read_all_data, whom no privilege binds, reads no secret either.
CREATE ROLE regress_reader IN ROLE pg_read_all_data;
SET ROLE regress_reader;
SELECT (SELECT count(*) FROM bastion.user_passwords) AS passwords, (SELECT count(*) FROM bastion.data_keys) AS data_keys,
       (SELECT count(*) FROM bastion.signing_keys) AS signing_keys, (SELECT count(*) FROM bastion.events) AS events;
RESET ROLE;
DROP ROLE regress_reader;
