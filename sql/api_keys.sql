-- API keys: made and shown once, scopes within the user's rights, networks, exchange of secrets with overlap, revocation,
-- who may do what, last use, how they are cached.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA ak;
GRANT USAGE ON SCHEMA ak TO regress_app;
CREATE TABLE ak.documents (id int PRIMARY KEY, tenant_id uuid NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON ak.documents TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('ak.documents', resource => 'ak_documents');
CREATE TABLE ak.folders (id int PRIMARY KEY, tenant_id uuid NOT NULL);
GRANT SELECT, INSERT ON ak.folders TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('ak.folders', resource => 'ak_folders', sharing => 'tenant');
CREATE TABLE ak.notes (id int PRIMARY KEY, tenant_id uuid NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON ak.notes TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('ak.notes', resource => 'ak_notes', sharing => 'tenant', visibility => 'unit');
CREATE TABLE ak.drafts (id int PRIMARY KEY, tenant_id uuid NOT NULL, owner_id uuid);
GRANT SELECT, INSERT ON ak.drafts TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('ak.drafts', resource => 'ak_drafts', owner_column => 'owner_id', sharing => 'cross_tenant', visibility => 'owner');
SELECT bastion_api.signup('ann@keys.example', 'correct horse', 'Keys') AS ann \gset
SELECT bastion_api.signup('bob@keys.example', 'correct horse', 'Other keys') AS bob \gset
SELECT :'ann'::jsonb #>> '{user,id}' AS ann_id, :'ann'::jsonb #>> '{tenant,id}' AS ann_tenant, :'ann'::jsonb ->> 'access_token' AS ann_token,
       :'bob'::jsonb #>> '{user,id}' AS bob_id, :'bob'::jsonb #>> '{tenant,id}' AS bob_tenant \gset
INSERT INTO ak.documents VALUES (1, :'ann_tenant'), (2, :'bob_tenant');
-- ann is a member of bob's tenant too, and bob a viewer of ann's
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT x.u::uuid, x.t::uuid, r.id FROM (VALUES (:'ann_id', :'bob_tenant', 'member'), (:'bob_id', :'ann_tenant', 'viewer')) x (u, t, role)
JOIN bastion.roles r ON r.name = x.role AND r.system;
SELECT bastion_api.login('bob@keys.example', 'correct horse', :'ann_tenant') ->> 'access_token' AS viewer_token \gset

-- made, and shown once
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT bastion_api.api_key_create('build', ARRAY['ak_documents.*', '*.create', 'ak_documents.*'], limits => '{"per_minute": 60}') AS made \gset
SELECT :'made'::jsonb ->> 'key' AS key, :'made'::jsonb ->> 'id' AS key_id \gset
SELECT :'key' ~ '^bst_live_[0-9A-Za-z]{22}_[0-9A-Za-z]{38}$' AS in_form, :'made'::jsonb -> 'scopes' AS scopes, :'made'::jsonb -> 'limits' AS limits,
       :'made'::jsonb -> 'user' ->> 'email' AS "user";
SELECT jsonb_object_keys(x) AS field, x ->> 'name' = 'build' AS build FROM jsonb_array_elements(bastion_api.api_keys() -> 'api_keys') x ORDER BY 1;
SELECT position(right(:'key', 38) IN bastion_api.api_keys()::text) AS shown_again;
COMMIT;
RESET ROLE;
SELECT position(right(:'key', 38) IN (SELECT string_agg(t::text, '') FROM bastion.api_keys t)) + position(right(:'key', 38) IN (SELECT string_agg(t::text, '') FROM bastion.api_key_secrets t))
       + position(right(:'key', 38) IN (SELECT string_agg(t::text, '') FROM bastion.events t)) AS stored;
SET ROLE regress_app;

-- both ways in; who it is
BEGIN;
SELECT bastion.authenticate(:'key') = :'ann_id' AS ann;
SELECT test.state(), bastion.api_key_id() = :'key_id' AS key, bastion.session_id(), bastion.claims(), bastion.auth_level(), bastion.tenant_id() = :'ann_tenant' AS tenant;
COMMIT;
BEGIN;
SELECT test.present(:'key');
-- scopes within the rights: an owner may everything here
SELECT p FROM bastion.permissions() p WHERE p ~ '^ak_' ORDER BY p COLLATE "C";
SELECT name, bastion.has_permission(name), bastion.tenant_if_allowed(name) = :'ann_tenant' AS tenant, cardinality(bastion.acl_set(name)) > 0 AS lists,
       cardinality(bastion.tenant_set(name)) AS tenants, bastion.can_in_tenant(name, :'ann_tenant') AS here, bastion.can_in_tenant(name, :'bob_tenant') AS there
FROM unnest(ARRAY['ak_documents.read', 'ak_documents.delete', 'ak_folders.create', 'ak_folders.read', 'tenant.members.manage', 'nothing.read']) name;
SELECT id FROM ak.documents;
INSERT INTO ak.documents VALUES (3, :'ann_tenant');
SELECT test.error(format('INSERT INTO ak.documents VALUES (4, %L)', :'bob_tenant'));
INSERT INTO ak.folders VALUES (1, :'ann_tenant');
SELECT count(*) AS folders FROM ak.folders;
SELECT jsonb_path_query_array(x -> 'permissions', '$[*] ? (@ starts with "ak_")') AS permissions FROM bastion_api.me() x;
-- a key manages nothing that its scopes do not cover, and no keys
SELECT test.refusal(statement) FROM unnest(ARRAY[
    'SELECT bastion.role_create(''x'')', format('SELECT bastion.membership_remove(%L)', :'bob_id'), format('SELECT bastion.membership_remove(%L)', :'ann_id'),
    'SELECT bastion_api.api_key_create(''x'', ''{*}'')', format('SELECT bastion.share(''ak.folders'', ''1'', with_user => %L)', :'bob_id'),
    format('SELECT bastion.unshare(''ak.folders'', ''1'', with_user => %L)', :'bob_id'), 'SELECT bastion.shares_of(''ak.folders'', ''1'')',
    format('SELECT bastion_api.api_key_rotate(%L)', :'key_id'), format('SELECT bastion_api.api_key_revoke(%L)', :'key_id'),
    format('SELECT bastion_api.api_key_disable(%L)', :'key_id')]) statement;
SELECT bastion_api.logout('all') ->> 'error' AS logout, bastion_api.sessions() ->> 'error' AS sessions, bastion_api.api_keys() AS keys;
ROLLBACK;
-- parallel workers get the same
BEGIN;
SELECT bastion.authenticate(:'key') = :'ann_id' AS ann;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SELECT count(*) AS plan FROM ak.documents WHERE bastion.has_permission('ak_documents.read') AND NOT bastion.has_permission('ak_folders.read')
    AND bastion.can_in_tenant('ak_documents.read', tenant_id) AND NOT bastion.can_in_tenant('ak_folders.read', tenant_id) AND bastion.api_key_id() = :'key_id';
-- by list too, in the workers alone
SET LOCAL parallel_leader_participation = off;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT bastion.tenant_acl() AS list \gset
SELECT test.gathers(format('SELECT count(*) FROM ak.documents WHERE bastion.can_by_acl(%L, %s + id - id)', 'ak_documents.read', :list)) AS gathers;
SELECT count(*) AS by_scope FROM ak.documents WHERE bastion.can_by_acl('ak_documents.read', :list + id - id);
SELECT count(*) AS beyond FROM ak.documents WHERE bastion.can_by_acl('ak_folders.read', :list + id - id);
SELECT count(*) AS elsewhere FROM ak.documents WHERE bastion.can_in_tenant('ak_documents.read', CASE WHEN id > 0 THEN :'bob_tenant'::uuid END);
COMMIT;
-- what the user loses the key loses
RESET ROLE;
BEGIN;
SELECT test.present(:'key');
UPDATE bastion.memberships SET role_id = (SELECT id FROM bastion.roles WHERE name = 'viewer' AND system)
WHERE user_id = :'bob_id' AND tenant_id = :'bob_tenant' AND false;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (:'ann_id', :'ann_tenant', 'ak_documents.delete', 'deny');
SELECT bastion.has_permission('ak_documents.delete') AS denied, bastion.has_permission('ak_documents.read') AS kept;
UPDATE bastion.users SET status = 'disabled' WHERE id = :'ann_id';
SELECT test.state();
ROLLBACK;

-- its own tenant alone, and its unit
SET ROLE regress_app;
SELECT test.error(format('SELECT bastion.authenticate(%L, %L)', :'key', :'bob_tenant')), test.error(format('SELECT bastion.authenticate(%L, ''nowhere'')', :'key'));
BEGIN;
SELECT set_config('bastion.tenant', :'bob_tenant', true) IS NOT NULL AS chosen;
SELECT test.present(:'key');
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'key', :'ann_tenant', 'default') = :'ann_id' AS in_a_unit, bastion.unit_id() IS NOT NULL AS unit;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT bastion.unit_create('team', 'Second', 'second') AS second \gset
SELECT bastion.unit_create('team', 'Below', 'below', :'second') AS below \gset
SELECT bastion_api.api_key_create('unit', '{*,tenant.*,own.secrets.*}', unit => 'second') ->> 'key' AS unit_key \gset
COMMIT;
SELECT unit, test.error(format('SELECT bastion.authenticate(%L, %L, %L)', :'unit_key', :'ann_tenant', unit)) FROM unnest(ARRAY[NULL, 'default', 'below', 'second']) unit;
-- a member of one unit makes keys for it and below; from another tenant, no key of this one is exchanged
RESET ROLE;
BEGIN;
INSERT INTO bastion.users (email, status) VALUES ('uma@keys.example', 'active') RETURNING id AS uma \gset
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id) SELECT :'uma', :'ann_tenant', :'second', r.id FROM bastion.roles r WHERE r.name = 'admin' AND r.system;
SELECT bastion.token_issue(:'uma', :'ann_tenant', :'second') AS uma_token \gset
SET LOCAL ROLE regress_app;
SELECT bastion.authenticate(:'uma_token') = :'uma' AS uma;
SELECT unit, test.refusal(format('SELECT bastion_api.api_key_create(%L, ''{ak_documents.read}'', unit => %L)', unit, unit)) FROM unnest(ARRAY['default', 'below', 'second']) unit;
ROLLBACK;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'bob_tenant') = :'ann_id' AS elsewhere;
SELECT test.refusal(format('SELECT bastion_api.api_key_rotate(%L)', :'key_id')), test.refusal(format('SELECT bastion_api.api_key_revoke(%L)', :'key_id'));
ROLLBACK;
-- rows of four units, of the tenant and of ann, whom the tenant belongs to: all are hers
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'ann_tenant', 'default') IS NOT NULL AS ok;
INSERT INTO ak.notes VALUES (10, :'ann_tenant'), (11, :'ann_tenant');
INSERT INTO ak.folders VALUES (10, :'ann_tenant');
INSERT INTO ak.drafts VALUES (10, :'ann_tenant', :'ann_id');
-- one of them lies elsewhere, and is shared with the unit
SELECT bastion.share('ak.notes', '11', with_unit => :'second', level => 'write');
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'ann_tenant', 'second') IS NOT NULL AS ok;
INSERT INTO ak.notes VALUES (20, :'ann_tenant'), (21, :'ann_tenant');
SELECT bastion.share('ak.notes', '21', with_user => :'bob_id');
SELECT count(*) AS notes FROM ak.notes;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'ann_tenant', 'below') IS NOT NULL AS ok;
INSERT INTO ak.notes VALUES (30, :'ann_tenant'), (31, :'ann_tenant');
SELECT bastion.share('ak.notes', '31', with_user => :'bob_id');
COMMIT;
-- the key reaches what lies in its unit and below
BEGIN;
SELECT test.present(:'unit_key');
SELECT bastion.unit_id() = :'second' AS unit, bastion.has_permission('ak_notes.read') AS held;
SELECT array_agg(id ORDER BY id) AS notes FROM ak.notes;
SELECT array_agg(f.id) AS folders FROM ak.folders f;
SELECT array_agg(d.id) AS drafts FROM ak.drafts d;
SELECT array_agg(d.id) AS documents FROM ak.documents d;
SELECT bastion.tenant_if_allowed('ak_documents.read') AS tenant, bastion.tenant_number_if_allowed('ak_documents.read') AS number, cardinality(bastion.tenant_set('ak_documents.read')) AS tenants,
       bastion.can_in_tenant('ak_documents.read', :'ann_tenant') AS in_tenant, cardinality(bastion.acl_set_anywhere('ak_notes.read')) AS lists,
       bastion.default_acl('tenant') AS of_tenant, bastion.default_acl('user') AS of_user, bastion.default_acl('unit') IS NOT NULL AS of_unit;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT test.gathers('SELECT array_agg(id ORDER BY id) AS notes FROM ak.notes') AS gathers;
SELECT array_agg(id ORDER BY id) AS notes FROM ak.notes;
RESET min_parallel_table_scan_size;
-- and writes there
WITH u AS (UPDATE ak.notes SET id = id + 100 RETURNING id) SELECT array_agg(id ORDER BY id) AS changed FROM u;
WITH d AS (DELETE FROM ak.notes WHERE id = 121 RETURNING id) SELECT array_agg(id ORDER BY id) AS deleted FROM d;
INSERT INTO ak.notes VALUES (22, :'ann_tenant');
SELECT regexp_replace(statement, '[0-9a-f-]{36}', 'ID', 'g') AS statement, test.error(statement) FROM unnest(ARRAY[
    format('INSERT INTO ak.folders VALUES (11, %L)', :'ann_tenant'), format('INSERT INTO ak.drafts VALUES (11, %L)', :'ann_tenant'), format('INSERT INTO ak.documents VALUES (11, %L)', :'ann_tenant'),
    'SELECT bastion.share(''ak.notes'', ''10'', with_user => ''' || :'bob_id' || ''')', 'SELECT bastion.secret_put(''x'', ''y'')', 'SELECT bastion.unit_delete(''default'')',
    'SELECT bastion.role_create(''x'')', 'SELECT bastion.unit_create(''team'', ''Top'', ''top'')']) statement;
SELECT jsonb_array_length(bastion_api.api_keys() -> 'api_keys') AS keys;
-- what is ann's own has no place
SELECT bastion.secret_put('x', 'y', own => true) AS own;
SELECT bastion.share('ak.notes', '22', with_user => :'bob_id');
SELECT count(*) AS shares FROM bastion.shares_of('ak.notes', '22');
-- nor does the limit end with what it rests on: one statement keeps its decision
SELECT test.error($$SELECT bastion.unit_delete('below'), bastion.unit_delete('second'), bastion.unit_create('team', 'Top', 'top')$$);
SELECT test.error($$SELECT bastion.unit_delete('below'), bastion.unit_delete('second'), bastion.unit_delete('default')$$);
-- a unit that leaves takes its rows along
RESET ROLE;
DELETE FROM bastion.unit_parents WHERE unit_id = :'below';
SET ROLE regress_app;
SELECT array_agg(id ORDER BY id) AS notes FROM ak.notes;
ROLLBACK;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
INSERT INTO ak.folders VALUES (1, :'ann_tenant');
SELECT bastion_api.api_key_create('reader', '{*.read}') ->> 'key' AS reader_key, bastion_api.api_key_create('manager', '{tenant.members.*}') ->> 'key' AS manager_key \gset
COMMIT;
-- nobody gives by a key what the key does not hold
BEGIN;
SELECT test.present(:'manager_key');
SELECT test.error(format('SELECT bastion.permission_grant(%L, %L)', :'bob_id', p)) FROM unnest(ARRAY['ak_documents.read', 'tenant.members.read']) p;
ROLLBACK;
BEGIN;
SELECT test.present(:'reader_key');
SELECT id, test.error(format('SELECT bastion.share(''ak.folders'', ''1'', with_user => %L)', :'bob_id')) FROM ak.folders;
ROLLBACK;

-- one transaction, one key: not another's, not the login of the same user
SELECT test.error(format('SELECT bastion.authenticate(%L), bastion.authenticate(%L)', :'key', :'unit_key')),
       test.error(format('SELECT bastion.authenticate(%L), bastion.authenticate(%L)', :'key', :'ann_token')),
       test.error(format('SELECT bastion.authenticate(%L), bastion.authenticate(%L)', :'ann_token', :'key'));
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS ok;
SELECT test.present(:'ann_token');
SELECT test.present(:'unit_key');
SELECT test.present(:'key');
COMMIT;

-- refusals: one message for all
SELECT count(*), test.error(format('SELECT bastion.authenticate(%L)', token)) FROM unnest(ARRAY['bst_live_', left(:'key', 69), :'key' || '0', upper(:'key'),
    test.mistyped(:'key', 40), 'bst_live_' || repeat('z', 61), 'bst_test_' || substr(:'key', 10), ' ' || :'key',
    'bst_live_' || repeat('x', 1000000)]) token GROUP BY 2;
RESET ROLE;
-- a well-formed key that nobody has, and a wrong secret
SELECT k.key AS unknown_key FROM bastion_internal.api_key_make(gen_random_uuid(), bastion_internal.pepper()) k \gset
SELECT k.key AS wrong_key FROM bastion_internal.api_key_make(:'key_id', bastion_internal.pepper()) k \gset
SELECT label, test.counted('api_keys', format('SELECT bastion.authenticate(%L)', token)) FROM (VALUES ('first', :'key'), ('again', :'key'), ('wrong', :'wrong_key'),
    ('unknown', :'unknown_key'), ('mistyped', test.mistyped(:'key', 40)), ('good', :'key')) x (label, token);
SELECT test.counted('api_keys', $$UPDATE bastion.api_keys SET last_used_at = now()$$);
SELECT test.counted('api_keys', format('INSERT INTO bastion.api_keys (user_id, tenant_id, name, scopes) VALUES (%L, %L, ''x'', ''{*}'')', :'ann_id', :'ann_tenant'));
SELECT right(test.counted('api_keys', format('SELECT bastion.authenticate(%L)', :'key')), 19);
-- nothing in the cache
SELECT test.counted('api_keys', format('UPDATE bastion.api_keys SET name = name || ''!'' WHERE id = %L', :'key_id'));

-- limits in time, switches, what is gone: the statement that changes it keeps its decision, the next one is refused
CREATE FUNCTION ak.after(change text, key text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    report text := test.present(key);
BEGIN
    EXECUTE change;
    report := concat_ws(', then ', report, test.state(), test.error(format('SELECT bastion.authenticate(%L)', key)));
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = report;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN report;
END
$$;
SELECT change, ak.after(replace(change, 'KEY', quote_literal(:'key_id')), :'key') FROM unnest(ARRAY['SELECT',
    'UPDATE bastion.api_keys SET disabled = true WHERE id = KEY', 'UPDATE bastion.api_keys SET revoked_at = now() WHERE id = KEY',
    'UPDATE bastion.api_keys SET expires_at = now() WHERE id = KEY', 'DELETE FROM bastion.api_keys WHERE id = KEY', 'TRUNCATE bastion.api_keys CASCADE',
    'UPDATE bastion.api_keys SET cidrs = ''{10.0.0.0/8}'' WHERE id = KEY', 'DELETE FROM bastion.api_key_secrets WHERE key_id = KEY',
    'UPDATE bastion.api_key_secrets SET expires_at = now() WHERE key_id = KEY', 'TRUNCATE bastion.api_key_secrets',
    'UPDATE bastion.peppers SET sealed = sealed || ''x''',
    'UPDATE bastion.api_keys SET user_id = (SELECT id FROM bastion.users WHERE email = ''bob@keys.example'') WHERE id = KEY']) change;
-- a key and each of its secrets expire in the same words
BEGIN;
SELECT test.present(:'key');
SAVEPOINT s;
UPDATE bastion.api_keys SET expires_at = now() WHERE id = :'key_id';
SELECT test.state();
ROLLBACK TO s;
UPDATE bastion.api_key_secrets SET expires_at = now() WHERE key_id = :'key_id';
SELECT test.state();
ROLLBACK;
-- a key that is given to another user serves the first no more
BEGIN;
SELECT test.present(:'key');
UPDATE bastion.api_keys SET user_id = :'bob_id' WHERE id = :'key_id';
SELECT test.state();
ROLLBACK;
-- an impersonation ends with the key that led to it
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS ok;
SELECT bastion.impersonate(:'bob_id', :'ann_tenant', 'a test', false) = :'bob_id' AS impersonates;
SELECT test.state(), bastion.api_key_id() = :'key_id' AS key;
SAVEPOINT s;
UPDATE bastion.api_keys SET revoked_at = now() WHERE id = :'key_id';
SELECT test.state();
ROLLBACK TO s;
SELECT test.state();
UPDATE bastion.api_keys SET user_id = :'bob_id' WHERE id = :'key_id';
SELECT test.state();
ROLLBACK;

-- exchange of secrets
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT bastion_api.api_key_rotate(:'key_id') AS rotated \gset
SELECT test.refusal(format('SELECT bastion_api.api_key_rotate(%L, %L)', :'key_id', v)) FROM unnest(ARRAY[NULL, '-1 s', '91 days']) v;
COMMIT;
SELECT :'rotated'::jsonb ->> 'key' AS new_key, left(:'rotated'::jsonb ->> 'key', 31) = left(:'key', 31) AS same_id, :'rotated'::jsonb ->> 'key' = :'key' AS same_secret,
       jsonb_array_length(:'rotated'::jsonb -> 'secrets') AS secrets \gset
SELECT :'same_id' AS same_id, :'same_secret' AS same_secret, :'secrets' AS secrets, test.error(format('SELECT bastion.authenticate(%L)', :'key')) AS old,
       test.error(format('SELECT bastion.authenticate(%L)', :'new_key')) AS new;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT bastion_api.api_key_rotate(:'key_id', '0') ->> 'key' AS newest_key \gset
COMMIT;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'key')) AS old, test.error(format('SELECT bastion.authenticate(%L)', :'new_key')) AS new,
       test.error(format('SELECT bastion.authenticate(%L)', :'newest_key')) AS newest;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT count(bastion_api.api_key_rotate(:'key_id')) FROM generate_series(1, 4);
SELECT test.refusal(format('SELECT bastion_api.api_key_rotate(%L)', :'key_id'));
ROLLBACK;
-- a new pepper for new secrets; the old ones stay good
RESET ROLE;
SELECT bastion.pepper_create() > 1 AS next;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT bastion_api.api_key_rotate(:'key_id') ->> 'key' AS peppered_key \gset
COMMIT;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'newest_key')) AS old, test.error(format('SELECT bastion.authenticate(%L)', :'peppered_key')) AS new;
-- and each opens under its own number alone
BEGIN;
RESET ROLE;
UPDATE bastion.peppers p SET sealed = (SELECT q.sealed FROM bastion.peppers q WHERE q.version <> p.version ORDER BY q.version LIMIT 1);
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'peppered_key'));
ROLLBACK;

-- who may do what
SELECT test.refusal(statement) FROM unnest(ARRAY['SELECT bastion_api.api_key_create(''x'', ''{*}'')', 'SELECT bastion_api.api_keys()',
    'SELECT bastion_api.api_key_rotate(gen_random_uuid())', 'SELECT bastion_api.api_key_revoke(gen_random_uuid())', 'SELECT bastion_api.api_key_disable(gen_random_uuid())',
    'TABLE bastion.api_keys', 'TABLE bastion.api_key_secrets', 'SELECT bastion_internal.api_key_make(gen_random_uuid(), 1)', 'SELECT bastion_internal.api_key_used(gen_random_uuid(), now(), NULL)',
    'SELECT bastion_internal.api_key_of(''x'')']) statement;
BEGIN;
SELECT bastion.authenticate(:'viewer_token') IS NOT NULL AS ok;
SELECT bastion_api.api_keys() AS none;
SELECT test.refusal(statement) FROM unnest(ARRAY[format('SELECT bastion_api.api_key_rotate(%L)', :'key_id'), format('SELECT bastion_api.api_key_revoke(%L)', :'key_id'),
    format('SELECT bastion_api.api_key_disable(%L)', :'key_id'), 'SELECT bastion_api.api_key_revoke(NULL)']) statement;
-- own keys, for what the scopes name, for any holder: it grants nothing
SELECT x ->> 'key' AS viewer_key, x ->> 'id' AS viewer_key_id FROM bastion_api.api_key_create('mine', ARRAY['*', 'tenant.*']) x \gset
SELECT jsonb_array_length(bastion_api.api_keys() -> 'api_keys') AS own, bastion_api.api_key_disable(:'viewer_key_id') AS disabled, bastion_api.api_key_disable(:'viewer_key_id') AS again;
SELECT bastion_api.api_key_disable(:'viewer_key_id', false) AS enabled;
SELECT test.refusal(format('SELECT bastion_api.api_key_create(%s)', arguments)) FROM unnest(ARRAY[$$'x', '{}'$$, $$'x', NULL$$, $$'x', '{NULL}'$$, $$'x', '{**}'$$, $$'x', '{nothing.read}'$$,
    $$'', '{*}'$$, $$NULL, '{*}'$$, $$'x', '{*}', now()$$, $$'x', '{*}', '-infinity'$$, $$'x', '{*}', cidrs => '{10.0.0.0/33}'$$, $$'x', '{*}', cidrs => '{here}'$$,
    $$'x', '{*}', cidrs => '{NULL}'$$, $$'x', '{*}', unit => 'nowhere'$$, $$'x', '{*}', limits => '[]'$$, $$'x', '{*}', limits => NULL$$, $$'x', '{{*},{*}}'$$]) arguments;
COMMIT;
BEGIN;
SELECT test.present(:'viewer_key');
SELECT p FROM bastion.permissions() p WHERE p ~ '^(ak_|tenant)' ORDER BY p COLLATE "C";
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT count(*) AS everybodys FROM jsonb_array_elements(bastion_api.api_keys() -> 'api_keys') x WHERE x ->> 'id' IN (:'viewer_key_id', :'key_id');
SELECT test.refusal(format('SELECT bastion_api.api_key_rotate(%L)', :'viewer_key_id'));
SELECT bastion_api.api_key_revoke(:'viewer_key_id') AS first, bastion_api.api_key_revoke(:'viewer_key_id') AS again, bastion_api.api_key_revoke(gen_random_uuid()) AS unknown;
COMMIT;
SELECT test.error(format('SELECT bastion.authenticate(%L)', :'viewer_key'));
-- by the key, by any holder of it
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT bastion_api.api_key_create('lost', '{*}', cidrs => '{192.0.2.0/24}') ->> 'key' AS lost_key \gset
COMMIT;
SELECT bastion_api.token_revoke(:'lost_key');
RESET ROLE;
SELECT revoked_at IS NOT NULL AS revoked FROM bastion.api_keys WHERE name = 'lost';
SELECT kind, count(*) FROM bastion.events WHERE kind LIKE 'api_key%' AND tenant_id = :'ann_tenant' GROUP BY kind ORDER BY kind;

-- networks: the address behind so many trusted proxies
SELECT bastion.client_address();
SELECT hops, headers, a.address FROM (VALUES
    (0, '{"x-forwarded-for": "203.0.113.7"}'), (1, '{"x-forwarded-for": "203.0.113.7"}'), (1, '{"x-forwarded-for": "1.1.1.1, ::ffff:203.0.113.7"}'),
    (2, '{"x-forwarded-for": "203.0.113.7, 10.0.0.1"}'), (3, '{"x-forwarded-for": "203.0.113.7, 10.0.0.1"}'), (1, '{"x-forwarded-for": 1}'), (1, '[]'), (1, 'no JSON'), (1, '')) x (hops, headers),
    LATERAL (SELECT set_config('bastion.trusted_hops', hops::text, true), set_config('request.headers', headers, true), bastion.client_address() AS address OFFSET 0) a;
SELECT text, bastion_internal.network_or_null(text) FROM unnest(ARRAY['10.1.2.3', '10.1.2.3/8', '::ffff:10.1.2.3/104', '2001:db8::1/32', 'here', '', '10.0.0.0/33']) text;
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token') IS NOT NULL AS ok;
SELECT x ->> 'key' AS net_key, x -> 'cidrs' AS cidrs FROM bastion_api.api_key_create('net', '{*}', cidrs => '{::ffff:203.0.113.0/120,2001:db8::/32,203.0.113.0/24}') x \gset
SELECT :'cidrs'::jsonb AS cidrs;
COMMIT;
RESET ROLE;
CREATE FUNCTION ak.from_address(key text, address text, hops text DEFAULT '1') RETURNS text LANGUAGE sql VOLATILE
AS $$
    SELECT set_config('bastion.trusted_hops', hops, true), set_config('request.headers', jsonb_build_object('x-forwarded-for', address)::text, true);
    SELECT test.error(format('SELECT bastion.authenticate(%L)', key));
$$;
SELECT address, ak.from_address(:'net_key', address) FROM unnest(ARRAY['203.0.113.7', '::ffff:203.0.113.7', '2001:db8:1::1', '203.0.114.1', '10.0.0.1', '203.0.113.7, 10.0.0.1', 'unknown', '']) address;
SELECT ak.from_address(:'net_key', '203.0.113.7', '0') AS socket;
BEGIN;
SELECT bastion.user_id();
SELECT set_config('bastion.trusted_hops', '1', true), set_config('request.headers', '{"x-forwarded-for": "203.0.113.7"}', true);
SELECT test.present(:'net_key');
COMMIT;

-- last use: once in a while, at the end of a transaction that may write
UPDATE bastion.api_keys SET last_used_at = NULL;
\c -
SET client_min_messages = warning;
CREATE FUNCTION ak.used() RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(CASE WHEN last_used_at IS NULL THEN 'never' WHEN last_used_at > now() - interval '1 minute' THEN 'now' ELSE 'then' END, ' ') FROM bastion.api_keys WHERE name = 'build!' $$;
BEGIN READ ONLY; SELECT test.present(:'peppered_key'); COMMIT; SELECT ak.used();
BEGIN; SELECT test.present(:'peppered_key'); ROLLBACK; SELECT ak.used();
BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT test.present(:'peppered_key'); COMMIT; SELECT ak.used();
BEGIN; SELECT test.present(:'peppered_key'); COMMIT; SELECT ak.used();
UPDATE bastion.api_keys SET last_used_at = now() - interval '5 minutes' WHERE name = 'build!';
BEGIN; SELECT bastion.authenticate(:'peppered_key') IS NOT NULL AS ok; COMMIT; SELECT ak.used();
\c -
SET client_min_messages = warning;
BEGIN; SELECT bastion.authenticate(:'peppered_key') IS NOT NULL AS ok; COMMIT; SELECT ak.used();
SET bastion.last_used_interval = '4min';
BEGIN; SELECT bastion.authenticate(:'peppered_key') IS NOT NULL AS ok; COMMIT; SELECT ak.used();
UPDATE bastion.api_keys SET last_used_at = now() - interval '2 minutes' WHERE name = 'build!';
BEGIN; SELECT bastion.authenticate(:'peppered_key') IS NOT NULL AS ok; COMMIT; SELECT ak.used();
RESET bastion.last_used_interval;

-- the rule of patterns in C is that in SQL: an owner's key with one scope holds what the pattern covers
CREATE FUNCTION ak.compare(scope text, token text) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    key text;
    report text;
BEGIN
    SET LOCAL bastion.allow_identity_switch = on;
    PERFORM bastion.authenticate(token);
    key := bastion_api.api_key_create('compare', ARRAY[scope]) ->> 'key';
    PERFORM bastion.authenticate(key);
    SELECT format('%s covered, %s differ', CASE WHEN bool_or(c.covered) THEN 'some' ELSE 'none' END, count(*) FILTER (WHERE c.covered <> bastion.has_permission(p.name)))
    INTO report FROM bastion.permissions p,
        LATERAL (SELECT EXISTS (SELECT FROM bastion_internal.permission_patterns x WHERE x.permission = p.name AND x.pattern = scope) AS covered) c
    WHERE p.resource ~ '^(ak_|tenant)';
    RETURN report;
END
$$;
SELECT scope, ak.compare(scope, :'ann_token') FROM unnest(ARRAY['*.read', '*.update', 'tenant.*', 'tenant.members.*', 'ak_documents.*', 'ak_documents.read', 'tenant.read']) scope;
DROP FUNCTION ak.used();
SELECT count(*) > 0 AS unprotected FROM unnest(ARRAY['ak.documents', 'ak.folders']::regclass[]) t, bastion.unprotect(t);
DELETE FROM bastion.permissions WHERE resource LIKE E'ak\\_%';
DELETE FROM bastion.tenants WHERE slug IN ('keys', 'other-keys');
DELETE FROM bastion.users WHERE email LIKE '%@keys.example';
DROP SCHEMA ak CASCADE;
