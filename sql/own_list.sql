-- Who holds a platform role and is no member owns a first row: its list is made during the statement that inserts it.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion_api.signup('own@own.example', 'correct horse', 'Own list') AS own,
       bastion_api.signup('staff@own.example', 'correct horse', 'Own staff') AS staff \gset
CREATE TABLE test.own_docs (id int PRIMARY KEY, tenant_id uuid, created_by uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON test.own_docs TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('test.own_docs', owner_column => 'created_by', sharing => 'tenant', visibility => 'owner');
SELECT bastion.platform_role_set((:'staff'::jsonb -> 'user' ->> 'id')::uuid, 'developer');
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'staff'::jsonb ->> 'access_token', :'own'::jsonb -> 'tenant' ->> 'id') IS NOT NULL AS staff;
SELECT bastion.default_acl('user');
INSERT INTO test.own_docs VALUES (1) RETURNING id;
INSERT INTO test.own_docs VALUES (2), (3) RETURNING id;
DELETE FROM test.own_docs WHERE id = 3 RETURNING id;
COMMIT;
RESET ROLE;
SELECT d.id, a.kind, a.user_id = d.created_by AS of_owner FROM test.own_docs d JOIN bastion.acls a ON a.id = d.acl_id ORDER BY d.id;
DROP TABLE test.own_docs;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.tenants WHERE slug IN ('own-list', 'own-staff');
DELETE FROM bastion.users WHERE email LIKE '%@own.example';
DELETE FROM bastion.permissions WHERE resource = 'own_docs';
