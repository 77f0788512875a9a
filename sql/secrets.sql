-- Secrets: put, opened, listed, changed, deleted; by whom; what is recorded; what nobody reads.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, token, tenant, id)
SELECT name, answer ->> 'access_token' AS token, (answer #>> '{tenant,id}')::uuid AS tenant, (answer #>> '{user,id}')::uuid AS id
FROM unnest(ARRAY['secann', 'secbob', 'seccid']) name,
     LATERAL bastion_api.signup(name || '@secrets.example', 'correct horse', initcap(name), initcap(name), name) answer;
SELECT token AS ann, tenant AS ann_tenant FROM test.people WHERE name = 'secann' \gset
SELECT token AS bob FROM test.people WHERE name = 'secbob' \gset
SELECT token AS cid FROM test.people WHERE name = 'seccid' \gset
-- bob is an admin of ann's tenant, cid a viewer
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT p.id, :'ann_tenant', r.id FROM test.people p JOIN bastion.roles r ON (p.name, r.name) IN (('secbob', 'admin'), ('seccid', 'viewer')) AND r.tenant_id IS NULL;
CREATE TABLE test.tries (statement text);
INSERT INTO test.tries VALUES ($$SELECT bastion.secret_get('mail', 'nightly job')$$), ($$SELECT bastion.secret_get('no such')$$),
    ($$SELECT bastion.secret_put('mail', 'taken over')$$), ($$SELECT bastion.secret_update('mail', active => false)$$), ($$SELECT bastion.secret_delete('mail')$$);
GRANT SELECT ON test.tries TO regress_app;

SET ROLE regress_app;
-- nobody
SELECT test.error(statement) FROM test.tries;
SELECT * FROM bastion.secret_list();
SELECT count(*) FROM bastion.secrets;

-- the owner of the tenant
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_put('mail', 'attack at dawn', 'smtp', 'password', '{ops,mail}', 'infinity');
SELECT bastion.secret_get('mail'), bastion.secret_get('mail', E'nightly\njob', 1);
SELECT bastion.secret_put('mail', 'attack at noon', 'smtp', 'password');
SELECT bastion.secret_get('mail') AS newest, bastion.secret_get('mail', version => 1) AS first;
-- a new value keeps what describes the secret
SELECT bastion.secret_put('described', 'x', 'smtp', 'password', '{a,b}', '2100-01-01Z');
SELECT bastion.secret_put('described', 'y');
SELECT provider, type, tags, expires_at = '2100-01-01Z' AS expires FROM bastion.secret_list() WHERE name = 'described';
SELECT bastion.secret_put('described', 'z', 'imap', 'token', '{}', 'infinity');
SELECT provider, type, tags, expires_at FROM bastion.secret_list() WHERE name = 'described';
SELECT bastion.secret_delete('described');
SELECT bastion.secret_put('mail', 'of Ann alone', own => true);
-- which answers to no name that means the tenant's
SELECT bastion.secret_get('mail') AS tenants, bastion.secret_get('mail', own => true) AS own, bastion.secret_get('mail', own => NULL) AS unsaid;
SELECT bastion.secret_update('mail', tags => '{own}', own => true), bastion.secret_update('mail', tags => '{tenants}');
SELECT own, tags FROM bastion.secret_list() WHERE name = 'mail';
SELECT bastion.secret_delete('mail', own => true);
SELECT test.error($$SELECT bastion.secret_get('mail', own => true)$$);
SELECT bastion.secret_get('mail') AS tenants_again;
SELECT bastion.secret_put('empty', ''), bastion.secret_get('empty') = '' AS empty, bastion.secret_put('own', 'x', own => true);
SELECT name, own, provider, type, tags, active, expires_at, version, uses, last_used_at IS NOT NULL AS used FROM bastion.secret_list();
SELECT test.error(format('SELECT bastion.secret_put(%L, %L, %L, %L, %s)', name, value, provider, type, tags))
FROM (VALUES ('', 'x', 'p', 't', '''{}'''), ('n', NULL, 'p', 't', '''{}'''), ('n', 'x', '', 't', '''{}'''), ('n', 'x', 'p', E'\n', '''{}'''),
             ('n', 'x', 'p', 't', 'ARRAY[NULL]'), ('n', 'x', 'p', 't', '''{{a},{b}}''')) v (name, value, provider, type, tags);
SELECT test.error($$SELECT bastion.secret_get('mail', version => 9)$$), test.error($$SELECT bastion.secret_version_destroy('mail', 9)$$),
       test.error($$SELECT bastion.secret_version_destroy('mail', NULL)$$), test.error($$SELECT bastion.secret_get(NULL)$$);
SELECT bastion.secret_version_destroy('mail', 1);
SELECT test.error($$SELECT bastion.secret_get('mail', version => 1)$$), bastion.secret_get('mail');
-- inactive, expired
SELECT bastion.secret_update('mail', active => false), test.error($$SELECT bastion.secret_get('mail')$$);
SELECT bastion.secret_update('mail', active => true, expires_at => clock_timestamp()), test.error($$SELECT bastion.secret_get('mail')$$);
SELECT bastion.secret_update('mail', expires_at => 'infinity', tags => '{later}'), bastion.secret_get('mail');
SELECT test.error(format('SELECT bastion.secret_update(''mail'', tags => %s)', tags))
FROM unnest(ARRAY['array_fill(''x''::text, ARRAY[51])', 'ARRAY[NULL]', '''{{a},{b}}''']) tags;
COMMIT;

-- an admin sees that it exists, puts and deletes, but does not open; a viewer does nothing
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'secann');
SELECT test.error(statement) FROM test.tries WHERE statement ~ 'get';
SELECT name, own, uses FROM bastion.secret_list();
SELECT bastion.secret_put('put by an admin', 'x'), test.error($$SELECT bastion.secret_get('put by an admin')$$);
SELECT count(*) > 10 AS log, count(*) FILTER (WHERE name = 'own') AS own FROM bastion.secret_access_log;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'secann');
SELECT test.error(statement) FROM test.tries;
SELECT bastion.secret_put('mail', 'of Cid', own => true), bastion.secret_get('mail', own => true), test.error($$SELECT bastion.secret_get('mail')$$),
       test.error($$SELECT bastion.secret_update('mail', active => false)$$), test.error($$SELECT bastion.secret_delete('mail')$$);
SELECT name, own FROM bastion.secret_list();
SELECT count(*) FROM bastion.secrets;
SELECT count(*) FROM bastion.secret_access_log;
COMMIT;
-- another tenant
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'secbob');
SELECT test.error(statement) FROM test.tries WHERE statement !~ 'put';
SELECT count(*) FROM bastion.secret_list();
SELECT count(*) FROM bastion.secrets;
COMMIT;
RESET ROLE;
SELECT bastion.resource_register('secret_papers', '{read}');
SET ROLE regress_app;
-- an API key reaches no secrets of its user but those that its scopes name, whatever else they cover; * does not
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
CREATE TEMP TABLE keys ON COMMIT DROP AS SELECT scopes, bastion_api.api_key_create('a key', scopes) ->> 'key' AS key
FROM (VALUES ('{*}'::text[]), ('{*.read,tenant.*}'), ('{own.secrets.read}'), ('{own.secrets.manage}'), ('{own.*}'), ('{own.secrets.read,tenant.secrets.*}')) v (scopes);
SELECT test.refusal('SELECT bastion_api.api_key_create(''x'', ''{own.secrets.open}'')'), test.error('SELECT bastion.role_create(''x''), bastion.role_permission_add(''x'', ''own.secrets.read'')'),
       test.error(format('SELECT bastion.permission_deny(%L, ''own.*'')', bastion.user_id()));
SELECT l FROM bastion.explain_member_access_text(bastion.user_id(), 'own.secrets.read') l WHERE l ~ 'permission|verdict';
SELECT bastion.secret_put('both', 'of Ann', own => true), bastion.secret_put('both', 'of the tenant');
SELECT key AS key_all FROM keys WHERE scopes = '{*}' \gset
SELECT key AS key_tenant FROM keys WHERE scopes = '{*.read,tenant.*}' \gset
SELECT key AS key_read FROM keys WHERE scopes = '{own.secrets.read}' \gset
SELECT key AS key_manage FROM keys WHERE scopes = '{own.secrets.manage}' \gset
SELECT key AS key_own FROM keys WHERE scopes = '{own.*}' \gset
SELECT key AS key_both FROM keys WHERE scopes = '{own.secrets.read,tenant.secrets.*}' \gset
COMMIT;
CREATE FUNCTION pg_temp.with_key(key text) RETURNS TABLE (tenants text, opened text, put text, changed text, deleted text, listed text, seen text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bastion.authenticate(key);
    tenants := test.error('SELECT 1/(bastion.secret_get(''both'') = ''of the tenant'')::int');
    opened := test.error('SELECT 1/(bastion.secret_get(''both'', own => true) = ''of Ann'')::int');
    put := test.error('SELECT bastion.secret_put(''put'', ''x'', own => true)');
    changed := test.error('SELECT bastion.secret_update(''both'', tags => ''{x}'', own => true)');
    deleted := test.error('SELECT bastion.secret_delete(''both'', own => true)');
    listed := (SELECT string_agg(name || CASE WHEN own THEN ' (own)' ELSE '' END, ', ' ORDER BY name, own) FROM bastion.secret_list());
    seen := (SELECT string_agg(name || CASE WHEN owner_id IS NOT NULL THEN ' (own)' ELSE '' END, ', ' ORDER BY name, owner_id) FROM bastion.secrets);
    RETURN NEXT;
END
$$;
\x
BEGIN; SELECT * FROM pg_temp.with_key(:'key_all'); ROLLBACK;
BEGIN; SELECT * FROM pg_temp.with_key(:'key_tenant'); ROLLBACK;
BEGIN; SELECT * FROM pg_temp.with_key(:'key_read'); ROLLBACK;
BEGIN; SELECT * FROM pg_temp.with_key(:'key_manage'); ROLLBACK;
BEGIN; SELECT * FROM pg_temp.with_key(:'key_own'); ROLLBACK;
BEGIN; SELECT * FROM pg_temp.with_key(:'key_both'); ROLLBACK;
\x
RESET ROLE;
-- nor does who impersonates the user
BEGIN;
SELECT FROM bastion.impersonate((SELECT id::text FROM test.people WHERE name = 'secann'), :'ann_tenant', 'a test', false);
SET LOCAL ROLE regress_app;
SELECT bastion.secret_get('both'), test.error($$SELECT bastion.secret_get('own', own => true)$$), test.error($$SELECT bastion.secret_put('both', 'x', own => true)$$),
       (SELECT count(*) FROM bastion.secret_list() WHERE own) AS listed, (SELECT count(*) FROM bastion.secrets WHERE owner_id IS NOT NULL) AS seen,
       bastion.has_permission('own.secrets.read') AS held, (SELECT count(*) FROM bastion.permissions() p WHERE p LIKE 'own.%') AS holds;
ROLLBACK;
-- not in a parallel plan either
BEGIN;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;
SELECT FROM bastion.impersonate((SELECT id::text FROM test.people WHERE name = 'secann'), :'ann_tenant', 'a test', false);
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', true);
SELECT bool_or(bastion.has_permission('own.secrets.read')) AS own, bool_or(bastion.has_permission('tenant.read')) AS tenants FROM pg_class;
ROLLBACK;
SET ROLE regress_app;
-- the values are granted to nobody
SELECT test.error('SELECT * FROM bastion.secret_versions'), test.error($$SELECT bastion_internal.secret_record('get', NULL, 1, 'x')$$),
       test.error($$INSERT INTO bastion.secrets DEFAULT VALUES$$);
RESET ROLE;

-- what is recorded, in the order of writing
SELECT action, l.name, version, user_id = p.id AS by, actor_id = p.id AS actor, p.name AS who, purpose
FROM bastion.secret_access_log l LEFT JOIN test.people p ON p.id = l.user_id WHERE l.tenant_id = :'ann_tenant' ORDER BY l.id;
SELECT test.error('UPDATE bastion.secret_access_log SET name = name'), test.error('TRUNCATE bastion.secret_access_log');

-- a value copied to another secret, or to another version, does not open
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
UPDATE bastion.secret_versions v SET value = o.value FROM bastion.secret_versions o, bastion.secrets a, bastion.secrets b
WHERE v.secret_id = a.id AND o.secret_id = b.id AND a.name = 'empty' AND b.name = 'put by an admin';
SELECT test.error($$SELECT bastion.secret_get('empty')$$);
ROLLBACK;
-- no purpose of applications reaches the keys of secrets
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error($$SELECT bastion.seal('x', 'bastion.secrets')$$);
COMMIT;

-- in a transaction that may not write: a line in the server log, and in strict mode nothing
BEGIN READ ONLY;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_get('mail');
SELECT test.error($$SELECT bastion.secret_put('mail', 'x')$$);
SET LOCAL bastion.secret_log = strict;
SELECT test.error($$SELECT bastion.secret_get('mail')$$);
COMMIT;
SET ROLE regress_app;
SELECT test.error('SET bastion.secret_log = standard');
RESET ROLE;

-- the secrets of a tenant, and of a user, go with them
DELETE FROM bastion.tenants WHERE slug = 'seccid';
DELETE FROM bastion.users WHERE email = 'seccid@secrets.example';
SELECT count(*) AS own_left FROM bastion.secrets WHERE tenant_id = :'ann_tenant' AND owner_id IS NOT NULL;
DELETE FROM bastion.tenants WHERE id = :'ann_tenant';
SELECT (SELECT count(*) FROM bastion.secrets WHERE tenant_id = :'ann_tenant') AS left, count(*) > 0 AS log_stays FROM bastion.secret_access_log WHERE tenant_id = :'ann_tenant';
TRUNCATE test.people;
DROP TABLE test.tries;
DELETE FROM bastion.permissions WHERE resource = 'secret_papers';
