-- The deletion of a tenant, its cancellation and its end, and the deletion of a unit, through bastion_api.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.refused_login_duration = 0;
CREATE FUNCTION test.ask(who text, call text) RETURNS text LANGUAGE sql AS
$$ SELECT coalesce(a ->> 'error', (SELECT string_agg(k, ' ' ORDER BY k COLLATE "C") FROM jsonb_object_keys(a) k)) FROM test.api(who, call) a $$;
CREATE FUNCTION test.log_in(who text, tenant text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    a jsonb := bastion_api.login(who || '@deletion.example', 'correct horse battery', tenant);
BEGIN
    UPDATE test.people SET token = a ->> 'access_token' WHERE name = who;
    RETURN coalesce(a ->> 'error', a #>> '{tenant,slug}', 'no tenant');
END
$$;
-- ann and bob own a tenant, max administers it, vic views; eve is a stranger with a tenant of her own
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a #>> '{user,id}')::uuid, (a #>> '{tenant,id}')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'bob', 'max', 'vic', 'eve']) n, LATERAL bastion_api.signup(n || '@deletion.example', 'correct horse battery', 'Deletion of ' || n) a;
SELECT count(bastion.membership_force(test.id_of(n), 'deletion-of-ann', r)) AS members FROM (VALUES ('bob', 'owner'), ('max', 'admin'), ('vic', 'viewer')) v (n, r);
SELECT n, test.log_in(n, 'deletion-of-ann') FROM unnest(ARRAY['ann', 'bob', 'max', 'vic']) n;
SELECT test.api('ann', 'api_key_create(''Key'', ''{*,tenant.*}'')') ->> 'key' AS key \gset
SELECT test.api('ann', format('delegate(%L, ''{*,tenant.*}'')', test.id_of('max'))) ->> 'access_token' AS delegated \gset

-- Who may delete a unit, and which
SELECT test.api('ann', 'unit_create(''team'', ''North'', ''north'')') ? 'unit' AS north, test.api('ann', 'unit_create(''team'', ''Lane'', ''lane'', ''north'')') ? 'unit' AS lane;
SELECT w, test.ask(w, 'unit_delete(''north'')') AS north, test.ask(w, 'unit_delete(''nowhere'')') AS nowhere, test.ask(w, 'unit_delete(NULL)') AS none FROM unnest(ARRAY['', 'x', 'ann', 'vic', 'eve']) w;
SELECT test.ask('eve', format('unit_delete(%L)', id)) AS of_another_tenant FROM bastion.units WHERE slug = 'lane' AND tenant_id = test.tenant_of('ann');
SELECT test.ask('vic', 'unit_delete(''lane'')') AS by_a_viewer;
BEGIN;
SELECT bastion.platform_step_up_rule_set('tenant.units.manage');
SELECT test.api('ann', 'unit_delete(''lane'')') - 'error_description' AS with_a_rule;
ROLLBACK;
BEGIN READ ONLY;
SELECT test.error($$SELECT test.api('ann', 'unit_delete(''lane'')')$$), test.error($$SELECT test.api('ann', 'tenant_delete(''deletion-of-ann'')')$$), test.error($$SELECT test.api('ann', 'tenant_delete_cancel(''deletion-of-ann'')')$$);
ROLLBACK;
SELECT count(*) AS refusals_leave_no_event FROM bastion.events WHERE kind = 'unit_deleted' AND tenant_id = test.tenant_of('ann');
SELECT test.api('ann', 'unit_delete(''lane'')') #- '{deleted,id}' AS lane, test.ask('ann', 'unit_delete(''lane'')') AS again, test.ask('max', 'unit_delete(''north'')') AS north;
SELECT e.detail ->> 'name' AS name FROM bastion.events e WHERE e.kind = 'unit_deleted' AND e.tenant_id = test.tenant_of('ann') ORDER BY e.id;
-- a table of the application refers to the unit: its code runs as the caller, and an error is one
SELECT test.api('ann', 'unit_create(''team'', ''Kept'', ''kept'')') #>> '{unit,id}' AS kept \gset
CREATE TABLE deletion_uses (unit_id uuid REFERENCES bastion.units (id));
INSERT INTO deletion_uses VALUES (:'kept');
SELECT test.error($$SELECT test.api('ann', 'unit_delete(''kept'')')$$);
DROP TABLE deletion_uses;

-- Who may delete a tenant: who holds tenant.delete in the whole of it, in person, with its slug
SELECT w, test.ask(w, 'tenant_delete(''deletion-of-ann'')') AS told FROM unnest(ARRAY['', 'x', 'max', 'vic', 'eve', :'key', :'delegated']) WITH ORDINALITY w (w, n) WHERE length(w) < 10 ORDER BY n;
SELECT test.ask(:'key', 'tenant_delete(''deletion-of-ann'')') AS by_a_key, test.ask(:'delegated', 'tenant_delete(''deletion-of-ann'')') AS by_a_delegate;
SELECT s, test.ask('ann', format('tenant_delete(%L)', s)) AS told FROM unnest(ARRAY[NULL, '', 'Deletion of ann', 'deletion-of-eve', 'DELETION-OF-ANN']) s;
SELECT test.ask('ann', format('tenant_delete(%L)', test.tenant_of('ann'))) AS by_uuid;
BEGIN;
SELECT bastion.platform_step_up_rule_set('tenant.delete');
SELECT test.api('ann', 'tenant_delete(''deletion-of-ann'')') - 'error_description' AS with_a_rule;
ROLLBACK;
BEGIN;
SELECT bastion.impersonate(test.id_of('ann')::text, 'deletion-of-ann', 'test', false) IS NOT NULL AS impersonated;
SELECT bastion_api.tenant_delete('deletion-of-ann') ->> 'error' AS by_an_impersonator, bastion_api.tenant_delete_cancel('deletion-of-ann') ->> 'error' AS cancelled_by_one;
ROLLBACK;
SELECT status, delete_at FROM bastion.tenants WHERE id = test.tenant_of('ann');

-- Nobody works in it from then on.
SELECT (a ->> 'delete_at')::timestamptz BETWEEN now() + interval '29 days' AND now() + interval '31 days' AS in_30_days FROM test.api('ann', 'tenant_delete(''deletion-of-ann'')') a;
SELECT status, delete_at IS NOT NULL AS delete_at FROM bastion.tenants WHERE id = test.tenant_of('ann');
SELECT e.outcome, e.user_id = test.id_of('ann') AS by_ann, e.detail ->> 'slug' AS slug FROM bastion.events e WHERE e.kind = 'tenant_deleting';
SELECT w, test.ask(w, 'me()') AS told FROM unnest(ARRAY['ann', 'bob', 'max', 'vic']) w;
SELECT test.ask(:'key', 'me()') AS key, test.ask(:'delegated', 'me()') AS delegated, count(*) FILTER (WHERE revoked_at IS NULL) AS sessions FROM bastion.sessions WHERE tenant_id = test.tenant_of('ann');
SELECT bastion_api.login('bob@deletion.example', 'correct horse battery', 'deletion-of-ann') ->> 'error' AS login, test.log_in('bob', 'deletion-of-bob') AS elsewhere, test.log_in('ann', NULL) AS without_one, test.log_in('max', 'deletion-of-max') AS max;
SELECT jsonb_path_query_array(test.api('bob', 'tenants()'), '$.tenants[*].slug') AS tenants;

-- An owner cancels it; everybody else learns nothing.
SELECT w, test.ask(w, 'tenant_delete_cancel(''deletion-of-ann'')') AS told, test.ask(w, 'tenant_delete_cancel(''nowhere'')') AS unknown, test.ask(w, 'tenant_delete_cancel(NULL)') AS none FROM unnest(ARRAY['', 'x', 'max', 'eve']) w;
SELECT test.ask('bob', 'tenant_delete_cancel(''deletion-of-bob'')') AS not_deleting;
SELECT test.api('bob', 'tenant_delete_cancel(''deletion-of-ann'')') #- '{tenant,id}' #- '{tenant,number}' AS cancelled, test.ask('bob', 'tenant_delete_cancel(''deletion-of-ann'')') AS again;
SELECT status, delete_at FROM bastion.tenants WHERE id = test.tenant_of('ann');
SELECT e.user_id = test.id_of('bob') AS by_bob FROM bastion.events e WHERE e.kind = 'tenant_restored';
SELECT n, test.log_in(n, 'deletion-of-ann') FROM unnest(ARRAY['ann', 'bob', 'max', 'vic']) n;
-- a suspended tenant is an operator's matter
UPDATE bastion.tenants SET status = 'suspended' WHERE id = test.tenant_of('ann');
SELECT test.log_in('bob', 'deletion-of-bob') AS elsewhere, test.ask('bob', 'tenant_delete_cancel(''deletion-of-ann'')') AS suspended;
UPDATE bastion.tenants SET status = 'active' WHERE id = test.tenant_of('ann');

-- The last owner of a tenant that ends may close the account.
SELECT test.ask('eve', 'account_delete(''correct horse battery'')') AS last_owner, test.ask('eve', 'tenant_delete(''deletion-of-eve'')') AS deleted, test.log_in('eve', NULL);
SELECT test.ask('eve', 'account_delete(''correct horse battery'')') AS closed;
-- The end: what is due, with its rows; what others refer to stays, with a warning
CREATE TABLE deletion_docs (id integer, tenant_id uuid, title text);
SELECT bastion.protect('deletion_docs') IS NOT NULL AS protected FROM generate_series(1, 1);
INSERT INTO deletion_docs VALUES (1, test.tenant_of('eve'), 'of eve'), (2, test.tenant_of('ann'), 'of ann');
SELECT bastion.tenants_purge() AS not_due;
UPDATE bastion.tenants SET delete_at = now() WHERE status = 'deleting';
UPDATE bastion.users SET delete_at = now() WHERE status = 'deleting';
CREATE TABLE deletion_uses (tenant_id uuid REFERENCES bastion.tenants (id));
INSERT INTO deletion_uses VALUES (test.tenant_of('eve'));
SET client_min_messages = error;
SELECT bastion.tenants_purge() AS referred_to;
SET client_min_messages = warning;
DROP TABLE deletion_uses;
SELECT bastion.tenants_purge() AS purged, bastion.users_purge() AS users;
SELECT p.name, EXISTS (SELECT FROM bastion.users u WHERE u.id = p.id) AS "user", EXISTS (SELECT FROM bastion.tenants t WHERE t.id = p.tenant) AS tenant FROM test.people p ORDER BY 1;
SELECT id FROM deletion_docs ORDER BY 1;
SELECT bastion.unprotect('deletion_docs') IS NOT NULL AS unprotected FROM generate_series(1, 1);
DROP TABLE deletion_docs;
DELETE FROM bastion.permissions WHERE resource = 'deletion_docs';
DELETE FROM bastion.tenants t USING test.people p WHERE t.id = p.tenant;
DELETE FROM bastion.users u USING test.people p WHERE u.id = p.id;
DELETE FROM test.people;
DROP FUNCTION test.ask, test.log_in;
