-- What users of other vaults expect of secrets: check-and-set, versions that can be deleted, restored and destroyed, limits, metadata,
-- binary and JSON values, names that change, ids, folders and units, secrets of the installation, reminders, members who leave.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, token, tenant, id)
SELECT name, answer ->> 'access_token' AS token, (answer #>> '{tenant,id}')::uuid AS tenant, (answer #>> '{user,id}')::uuid AS id
FROM unnest(ARRAY['kvann', 'kvbob', 'kvcid', 'kvdee']) name,
     LATERAL bastion_api.signup(name || '@kv.example', 'correct horse', initcap(name), initcap(name), name) answer;
SELECT token AS ann, tenant AS ann_tenant FROM test.people WHERE name = 'kvann' \gset
SELECT token AS bob, id AS bob_id FROM test.people WHERE name = 'kvbob' \gset
SELECT token AS cid, id AS cid_id FROM test.people WHERE name = 'kvcid' \gset
SELECT token AS dee, tenant AS dee_tenant FROM test.people WHERE name = 'kvdee' \gset
-- bob is an admin of ann's tenant, who manages and does not open; cid a viewer; dee a stranger
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT p.id, :'ann_tenant', r.id FROM test.people p JOIN bastion.roles r ON (p.name, r.name) IN (('kvbob', 'admin'), ('kvcid', 'viewer')) AND r.tenant_id IS NULL;

SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
-- check-and-set
SELECT bastion.secret_put('db', 'one', expected_version => 0);
SELECT test.error($$SELECT bastion.secret_put('db', 'lost', expected_version => 0)$$), test.error($$SELECT bastion.secret_put('db', 'lost', expected_version => 5)$$),
       test.error($$SELECT bastion.secret_put('no such', 'lost', expected_version => 1)$$), test.error($$SELECT bastion.secret_put('db', 'lost', expected_version => -1)$$);
SELECT bastion.secret_put('db', 'two', expected_version => 1), bastion.secret_put('db', 'three', expected_version => 2);
SELECT bastion.secret_get('db'), (SELECT count(*) FROM bastion.secrets WHERE name = 'no such') AS none;
-- versions: deleted, restored, destroyed
SELECT version, format, created_at <= clock_timestamp() AS created, created_by = bastion.user_id() AS by_ann, deleted_at, destroyed_at FROM bastion.secret_version_list('db');
SELECT bastion.secret_version_delete('db'), test.error($$SELECT bastion.secret_get('db')$$), bastion.secret_get('db', version => 2);
SELECT bastion.secret_version_undelete('db', 3), bastion.secret_get('db');
SELECT bastion.secret_version_destroy('db', 2), test.error($$SELECT bastion.secret_get('db', version => 2)$$);
SELECT test.error(statement) FROM unnest(ARRAY[$$SELECT bastion.secret_version_undelete('db', 2)$$, $$SELECT bastion.secret_version_delete('db', 2)$$,
    $$SELECT bastion.secret_version_destroy('db', 2)$$, $$SELECT bastion.secret_version_delete('db', 9)$$, $$SELECT bastion.secret_version_undelete('no such', 1)$$]) statement;
SELECT bastion.secret_version_destroy('db', 3), test.error($$SELECT bastion.secret_get('db')$$), bastion.secret_put('db', 'four'), bastion.secret_get('db');
SELECT version, deleted_at IS NOT NULL AS deleted, destroyed_at IS NOT NULL AS destroyed FROM bastion.secret_version_list('db');
-- how many are kept, and for how long
SELECT bastion.secret_update('db', max_versions => 2);
SELECT array_agg(version) FROM bastion.secret_version_list('db');
SELECT bastion.secret_put('db', 'five'), bastion.secret_put('db', 'six');
SELECT array_agg(version) FROM bastion.secret_version_list('db');
SELECT bastion.secret_update('db', max_versions => 0), bastion.secret_put('db', 'seven'), bastion.secret_put('db', 'eight');
SELECT array_agg(version) FROM bastion.secret_version_list('db');
SELECT test.error(format('SELECT bastion.secret_update(''db'', %s)', change)) FROM unnest(ARRAY['max_versions => -1', 'max_version_age => ''-1 day''', 'rotate_every => ''-1 s''', 'rotate_every => ''290000 years''', 'max_version_age => ''101 years''']) change;
-- what describes it is changed apart from the value
SELECT bastion.secret_update('db', provider => 'postgres', type => 'password', metadata => '{"team": "ops", "note": {"a": null}}');
SELECT bastion.secret_update('db', metadata => '{"team": null, "cost": 5}'), bastion.secret_put('db', 'nine', metadata => '{"cost": 6}');
SELECT provider, type, metadata, version FROM bastion.secret_list() WHERE name = 'db';
SELECT test.error(format('SELECT bastion.secret_update(''db'', metadata => %L)', m)), test.error(format('SELECT bastion.secret_put(''db'', ''x'', metadata => %L)', m))
FROM unnest(ARRAY['[]', '1', jsonb_build_object('k', repeat('x', 17000))::text]) m;
SELECT bastion.secret_update('db', metadata => jsonb_build_object('one', repeat('x', 9000)));
SELECT test.error(format('SELECT bastion.secret_update(''db'', metadata => %L)', jsonb_build_object('two', repeat('x', 9000))));
-- binary and JSON
SELECT bastion.secret_put('binary', E'\\x00ff10'::bytea), bastion.secret_put('json', '{"user": "u", "password": "p"}'::jsonb), bastion.secret_put('wide', 'Grüße');
SELECT bastion.secret_get_bytea('binary'), bastion.secret_get_jsonb('json') ->> 'password' AS password, bastion.secret_get('json')::jsonb ->> 'user' AS "user",
       convert_from(bastion.secret_get_bytea('wide'), 'UTF8') = 'Grüße' AS wide;
SELECT test.error($$SELECT bastion.secret_get('binary')$$), test.error($$SELECT bastion.secret_get_jsonb('wide')$$), test.error($$SELECT bastion.secret_get_jsonb('binary')$$),
       test.error($$SELECT bastion.secret_put('binary', NULL::bytea)$$), test.error($$SELECT bastion.secret_put('json', NULL::jsonb)$$);
SELECT name, format FROM bastion.secret_list() ORDER BY name;
-- another name, the same id
SELECT id AS db FROM bastion.secrets WHERE name = 'db' \gset
SELECT bastion.secret_rename('db', 'databases/main'), bastion.secret_get(:'db'::uuid), bastion.secret_get('databases/main', version => 8), bastion.secret_get_bytea(:'db'::uuid, version => 8);
SELECT test.error($$SELECT bastion.secret_get('db')$$), test.error($$SELECT bastion.secret_rename('databases/main', 'json')$$), test.error($$SELECT bastion.secret_rename('no such', 'x')$$),
       test.error($$SELECT bastion.secret_rename('json', '')$$), test.error($$SELECT bastion.secret_get(gen_random_uuid())$$), test.error($$SELECT bastion.secret_get(NULL::uuid)$$);
SELECT bastion.secret_put('own', 'of Ann', own => true);
SELECT id AS own FROM bastion.secrets WHERE name = 'own' \gset
SELECT bastion.secret_get(:'own'::uuid);
-- opened on read, one by one
SELECT name, own, value FROM bastion.opened_secrets WHERE name LIKE 'o%' OR name = 'binary' ORDER BY name;
SELECT name, purpose, count(*) FROM bastion.secret_access_log WHERE purpose ~ 'opened' GROUP BY 1, 2;
SELECT bastion.secret_put('old', 'expired', expires_at => clock_timestamp()), bastion.secret_put('gone', 'deleted'), bastion.secret_version_delete('gone');
SELECT name, value FROM bastion.opened_secrets WHERE name IN ('old', 'gone', 'own') ORDER BY name;
SELECT bastion.secret_delete('old'), bastion.secret_delete('gone');
COMMIT;
-- strangers, members without the permission, and no identity
SELECT test.error(format('SELECT bastion.secret_get(%L::uuid)', :'db')), test.error(format('SELECT bastion.secret_delete(%L::uuid)', :'db'));
BEGIN;
SELECT FROM bastion.authenticate(:'dee');
SELECT test.error(format('SELECT bastion.secret_get(%L::uuid)', id)), test.error(format('SELECT bastion.secret_get_bytea(%L::uuid)', id)),
       test.error(format('SELECT bastion.secret_get_jsonb(%L::uuid)', id)), test.error(format('SELECT bastion.secret_delete(%L::uuid)', id)) FROM unnest(ARRAY[:'db', :'own', :'ann_tenant']) id;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'kvann');
SELECT test.error(format('SELECT bastion.secret_get(%L::uuid)', id)), test.error(format('SELECT bastion.secret_delete(%L::uuid)', id)) FROM unnest(ARRAY[:'db', :'own', :'ann_tenant']) id;
SELECT test.error(statement) FROM unnest(ARRAY[$$SELECT bastion.secret_version_list('databases/main')$$, $$SELECT bastion.secret_version_delete('databases/main')$$,
    $$SELECT bastion.secret_version_undelete('no such')$$, $$SELECT bastion.secret_version_destroy('databases/main', 8)$$, $$SELECT bastion.secret_rename('databases/main', 'x')$$]) statement;
SELECT count(*) FROM bastion.opened_secrets;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'kvann');
SELECT test.error(format('SELECT bastion.secret_get(%L::uuid)', id)), test.error(format('SELECT bastion.secret_delete(%L::uuid)', id)) FROM unnest(ARRAY[:'own', :'ann_tenant']) id;
SELECT count(*) > 3 AS versions FROM bastion.secret_version_list('databases/main');
SELECT count(*) > 2 AS seen, count(value) AS opened FROM bastion.opened_secrets;
COMMIT;

-- folders with permissions of their own
RESET ROLE;
SELECT test.error(format('SELECT bastion.secret_folder_register(%L, %L)', folder, resource))
FROM (VALUES ('payments', 'payments'), ('/', 'payments'), ('', 'payments'), (NULL, 'payments'), ('payments/', 'Tenant'), ('payments/', 'tenant.secrets'), ('payments/', NULL)) v (folder, resource);
SELECT bastion.secret_folder_register('payments/', 'payments'), bastion.secret_folder_register('payments/live/', 'payments_live');
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_put('payments/test', 'test'), bastion.secret_put('payments/live/stripe', 'live'), bastion.secret_put('payments', 'no folder');
SELECT bastion.role_create('payer'), bastion.role_permission_add('payer', 'payments.open'), bastion.role_permission_add('payer', 'payments.read') \g /dev/null
SELECT bastion.membership_set('kvcid@kv.example', 'payer') \g /dev/null
-- an owner who denies a member the permission of the folder
SELECT bastion.permission_deny(:'bob_id'::uuid, 'payments.open') \g /dev/null
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'kvann');
SELECT bastion.secret_get('payments/test'), test.error($$SELECT bastion.secret_get('payments/live/stripe')$$), test.error($$SELECT bastion.secret_get('payments')$$),
       test.error($$SELECT bastion.secret_put('payments/test', 'x')$$), test.error($$SELECT bastion.secret_get('payments/no such')$$), test.error($$SELECT bastion.secret_get('payments/../databases/main')$$);
SELECT name FROM bastion.secret_list();
SELECT count(*) AS in_table FROM bastion.secrets;
SELECT name, value FROM bastion.opened_secrets;
COMMIT;
-- an admin manages names of the tenant, and opens none by a new name
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'kvann');
SELECT test.error($$SELECT bastion.secret_rename('databases/main', 'payments/live/x')$$), test.error($$SELECT bastion.secret_rename('databases/main', 'payments/live/x', own => NULL)$$), test.error($$SELECT bastion.secret_rename('payments/test', 'payments/live/x')$$), test.error($$SELECT bastion.secret_get('payments/test')$$);
SELECT bastion.secret_rename('databases/main', 'databases/first');
SELECT count(*) AS in_table FROM bastion.secrets WHERE name LIKE 'payments/%';
ROLLBACK;
-- an API key with one scope
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion_api.api_key_create('payments', '{payments.open}') ->> 'key' AS key \gset
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'key');
SELECT bastion.secret_get('payments/test'), test.error($$SELECT bastion.secret_get('payments/live/stripe')$$), test.error($$SELECT bastion.secret_get('databases/main')$$), test.error($$SELECT bastion.secret_delete('payments/test')$$),
       test.error(format('SELECT bastion.secret_get(%L::uuid)', :'db'));
COMMIT;
RESET ROLE;
SELECT bastion.secret_folder_remove('payments/live/'), bastion.secret_folder_remove('payments/live/');
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'kvann');
SELECT bastion.secret_get('payments/live/stripe');
COMMIT;

-- secrets of a unit
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.unit_create('team', 'North', 'north') IS NOT NULL AS north, bastion.unit_create('team', 'South', 'south') IS NOT NULL AS south;
SELECT bastion.secret_put('db', 'of the north', unit => 'north'), bastion.secret_put('db', 'of the south', unit => 'south'), bastion.secret_put('db', 'of all');
SELECT bastion.secret_get('db', unit => 'north'), bastion.secret_get('db', unit => 'south'), bastion.secret_get('db');
SELECT test.error($$SELECT bastion.secret_get('db', unit => 'east')$$), test.error($$SELECT bastion.secret_put('db', 'x', own => true, unit => 'north')$$);
SELECT bastion.role_create('keeper'), bastion.role_permission_add('keeper', 'tenant.secrets.open'), bastion.role_permission_add('keeper', 'tenant.secrets.read') \g /dev/null
SELECT bastion.membership_set('kvcid@kv.example', 'keeper', 'north') \g /dev/null
SELECT test.error($$SELECT bastion.unit_delete('north')$$);
COMMIT;
-- which needs the permission there, in the unit that is chosen
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'kvann');
SELECT test.error($$SELECT bastion.secret_get('db', unit => 'north')$$), (SELECT count(*) FROM bastion.secret_list()) AS listed;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'kvann', 'north');
SELECT bastion.secret_get('db', unit => 'north'), test.error($$SELECT bastion.secret_get('db', unit => 'south')$$), test.error($$SELECT bastion.secret_get('db')$$),
       test.error($$SELECT bastion.secret_put('db', 'x', unit => 'north')$$), test.error($$SELECT bastion.secret_version_delete('db', unit => 'north')$$);
SELECT name, unit_id IS NOT NULL AS of_unit FROM bastion.secret_list();
SELECT count(*) AS in_table FROM bastion.secrets;
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_delete('db', unit => 'north'), bastion.unit_delete('north');
COMMIT;
RESET ROLE;

-- of the installation, and of any tenant, for operators
SELECT bastion.secret_put_for(NULL, 'smtp', 'of the installation', expected_version => 0), bastion.secret_put_for('kvann', 'given', 'by an operator', metadata => '{"by": "us"}');
SELECT bastion.secret_get_for(NULL, 'smtp', 'boot'), bastion.secret_get_for('kvann', 'given'), bastion.secret_get_for('kvann', 'db');
SELECT test.error($$SELECT bastion.secret_get_for(NULL, 'given')$$), test.error($$SELECT bastion.secret_get_for('no such tenant', 'smtp')$$), test.error($$SELECT bastion.secret_put_for('no such tenant', 'x', 'y')$$),
       test.error($$SELECT bastion.secret_get_for(NULL, 'smtp', version => 2)$$), test.error($$SELECT bastion.secret_put_for(NULL, 'smtp', NULL)$$);
SELECT id AS smtp FROM bastion.secrets WHERE name = 'smtp' AND tenant_id IS NULL \gset
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT bastion.secret_get('given'), test.error(format('SELECT bastion.secret_get(%L::uuid)', :'smtp')), test.error($$SELECT bastion.secret_get('smtp')$$),
       test.error($$SELECT bastion.secret_get_for(NULL, 'smtp')$$), test.error($$SELECT bastion.secret_put_for(NULL, 'smtp', 'x')$$), (SELECT count(*) FROM bastion.secrets WHERE name = 'smtp') AS seen;
COMMIT;
RESET ROLE;
SELECT action, name, tenant_id, version, purpose FROM bastion.secret_access_log WHERE tenant_id IS NULL AND action <> 'open' ORDER BY id;
SELECT bastion.data_key_rotate('bastion.secrets') > 0 AS rotated;
CALL bastion.rewrap_all();
SELECT bastion.secret_get_for(NULL, 'smtp'), bastion.secret_get_for('kvann', 'given');
DELETE FROM bastion.secrets WHERE tenant_id IS NULL;

-- reminders, and versions that are too old
UPDATE bastion.secrets SET rotate_every = '30 days', max_version_age = '60 days' WHERE name = 'databases/main';
SELECT count(*) FROM bastion.secrets_due();
UPDATE bastion.secret_versions SET created_at = created_at - interval '31 days' WHERE secret_id = :'db';
SELECT name, version, now() - due_since > interval '1 day' AS due FROM bastion.secrets_due();
SELECT severity, object, problem, fix FROM bastion.lint() WHERE object = 'bastion.secrets';
SELECT bastion.secrets_remind(), bastion.secrets_remind();
SELECT detail ->> 'name' AS name, detail ->> 'version' AS version FROM bastion.events WHERE kind = 'secret_rotation_due';
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT rotation_due_at < now() AS due FROM bastion.secret_list() WHERE name = 'databases/main';
SELECT bastion.secret_get('databases/main', version => 8), bastion.secret_put('databases/main', 'ten');
COMMIT;
SELECT count(*) FROM bastion.secrets_due();
SELECT count(*) FROM bastion.lint() WHERE object = 'bastion.secrets';
UPDATE bastion.secret_versions SET created_at = created_at - interval '30 days' WHERE secret_id = :'db' AND version < 10;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error($$SELECT bastion.secret_get('databases/main', version => 8)$$), bastion.secret_get('databases/main');
SELECT array_agg(version) FROM bastion.secret_version_list('databases/main');
COMMIT;
SELECT bastion.secrets_prune() > 0 AS pruned, bastion.secrets_prune();
SELECT count(*) FROM bastion.secret_versions WHERE secret_id = :'db';

-- a member who leaves
SET ROLE regress_app;
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'kvann');
SELECT bastion.secret_put('mine', 'of Cid', own => true);
SELECT id AS mine FROM bastion.secrets WHERE name = 'mine' \gset
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'ann');
SELECT test.error(format('SELECT bastion.secret_delete(%L::uuid)', :'mine'));
SELECT bastion.membership_remove(:'cid_id'::uuid) AS removed;
SELECT name, own, left_at <= clock_timestamp() AS left FROM bastion.secret_list() WHERE left_at IS NOT NULL;
SELECT test.error(format('SELECT bastion.secret_get(%L::uuid)', :'mine')), test.error($$SELECT bastion.secret_get('mine')$$), (SELECT count(*) FROM bastion.opened_secrets WHERE name = 'mine') AS opened;
COMMIT;
RESET ROLE;
SELECT bastion.membership_force(:'cid_id'::uuid, 'kvann', 'viewer') \g /dev/null
SET ROLE regress_app;
-- who comes back finds nothing of it, and may take the name again
BEGIN;
SELECT FROM bastion.authenticate(:'cid', 'kvann');
SELECT test.error($$SELECT bastion.secret_get('mine', own => true)$$), test.error(format('SELECT bastion.secret_get(%L::uuid)', :'mine')), test.error(format('SELECT bastion.secret_delete(%L::uuid)', :'mine')), (SELECT count(*) FROM bastion.secrets) AS seen;
SELECT bastion.secret_put('mine', 'again', own => true), bastion.secret_get('mine', own => true);
COMMIT;
BEGIN;
SELECT FROM bastion.authenticate(:'bob', 'kvann');
SELECT bastion.secret_delete(:'mine'::uuid);
SELECT count(*) AS left FROM bastion.secret_list() WHERE left_at IS NOT NULL;
COMMIT;
RESET ROLE;
SELECT action, name, version FROM bastion.secret_access_log WHERE tenant_id = :'ann_tenant' AND action NOT IN ('get', 'put') ORDER BY id;

DELETE FROM bastion.tenants WHERE slug LIKE 'kv%';
DELETE FROM bastion.users WHERE email LIKE '%@kv.example';
SELECT count(*) FROM bastion.secrets WHERE tenant_id = :'ann_tenant';
SELECT bastion.secret_folder_remove('payments/');
DELETE FROM bastion.permissions WHERE resource LIKE 'payments%';
TRUNCATE test.people;
