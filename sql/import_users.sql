-- Users of another system: what is checked, what is created, and that nothing changes the second time.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET bastion.password_min_length = 15;
CREATE FUNCTION test.tried(users jsonb) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(concat_ws(' ', i.line, i.outcome, '(' || i.reason || ')'), ', ' ORDER BY i.line) FROM bastion.import_users(users, dry_run => true) i $$;
-- one wrong thing each
SELECT u AS given, test.tried(jsonb_build_array(u::jsonb))
FROM unnest(ARRAY[
    '1', 'null', '[]', '"a@b"', '{}', '{"email": null}', '{"email": "no address"}', '{"email": 5}', '{"email": ["a@b"]}', '{"email": "a@import.example", "pasword_hash": "x"}',
    '{"email": "a@import.example", "username": "a b"}', '{"email": "a@import.example", "display_name": ""}', '{"email": "a@import.example", "status": "gone"}',
    '{"email": "a@import.example", "id": "5"}', '{"email": "a@import.example", "created_at": "yesterday noon"}', '{"email": "a@import.example", "created_at": "infinity"}', '{"email": "a@import.example", "email_verified_at": "last year"}',
    '{"email": "a@import.example", "password_hash": "plain"}', '{"email": "a@import.example", "password_hash": ""}', '{"email": "a@import.example", "password_hash": "$2b$20$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}',
    '{"email": "a@import.example", "memberships": {}}', '{"email": "a@import.example", "memberships": [1]}', '{"email": "a@import.example", "memberships": [{"tenant": "nowhere", "role": "owner"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "role": "no role"}]}', '{"email": "a@import.example", "memberships": [{"tenant": "New One", "tenant_name": "New", "role": "owner"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "", "role": "owner"}]}', '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "tenant_number": 0, "role": "owner"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "tenant_number": 1.5, "role": "owner"}]}', '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "tenant_number": 1e30, "role": "owner"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "role": "owner", "unit": "sales"}]}', '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "role": "owner", "valid_from": "soon"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "role": "owner", "valid_from": "2030-01-02", "valid_until": "2030-01-01"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "role": "owner"}, {"tenant": "new-one", "tenant_name": "New", "role": "owner"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "role": "owner"}, {"tenant": "new-one", "tenant_name": "New", "role": "viewer"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "role": "owner"}, {"tenant": "new-one", "tenant_name": "Other", "unit": "default", "role": "viewer"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "tenant_number": 77, "role": "owner"}, {"tenant": "new-two", "tenant_name": "Two", "tenant_number": 77, "role": "viewer"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "tenant_id": "5", "role": "owner"}]}', '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "tenant_id": 5, "role": "owner"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "tenant_id": "00000000-0000-4000-8000-0000000000aa", "role": "owner"}, {"tenant": "new-two", "tenant_name": "Two", "tenant_id": "00000000-0000-4000-8000-0000000000AA", "role": "viewer"}]}',
    '{"email": "a@import.example", "memberships": [{"tenant": "new-one", "tenant_name": "New", "tenant_id": "00000000-0000-4000-8000-0000000000aa", "role": "owner"}, {"tenant": "new-one", "tenant_name": "New", "tenant_id": "00000000-0000-4000-8000-0000000000bb", "role": "viewer"}]}',
    '{"email": "A@Import.Example", "memberships": null, "username": null}']) u;
-- lines among each other
SELECT test.tried('[{"email": "a@import.example"}, {"email": "A@IMPORT.example "}, {"email": "b@import.example", "username": "same"}, {"email": "c@import.example", "username": "Same"},
    {"email": "d@import.example", "id": "00000000-0000-4000-8000-000000000001"}, {"email": "e@import.example", "id": "00000000-0000-4000-8000-000000000001"}]');
SELECT test.error($$SELECT bastion.import_users(NULL)$$), test.error($$SELECT bastion.import_users('[]', NULL)$$), test.error($$SELECT bastion.import_users('{}')$$), test.error($$SELECT bastion.import_users('5', true)$$),
       test.error($$SELECT bastion.import_users_from(NULL)$$), test.error($$SELECT bastion.import_users_from(5)$$), test.error($$SELECT bastion.import_users_from('bastion.users_pkey')$$);
SELECT * FROM bastion.import_users('[]');
SELECT count(*) AS nothing FROM bastion.users WHERE email LIKE '%import.example';

-- people with passwords of several systems, in a new tenant with its old number
SELECT coalesce(max(number), 0) + 5000 AS number FROM bastion.tenants \gset
CREATE VIEW test.old_people AS
SELECT email, username, display_name, password_hash, created_at, created_at AS email_verified_at, status,
       jsonb_build_array(jsonb_build_object('tenant', 'moved-in', 'tenant_name', 'Moved in', 'tenant_number', current_setting('test.number')::bigint, 'role', role, 'valid_until', until)) AS memberships
FROM (VALUES ('Ann@Import.Example', 'Ann.Imported', 'Ann', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', '2020-01-02'::timestamptz, 'active', 'owner', NULL::timestamptz),
             ('ben@import.example', NULL, NULL, 'pbkdf2_sha256$1000$AAAAAAAAAAAAAAAAAAAAAA$OCI6u0OuI0hlrbS8w7jG', NULL, 'disabled', 'viewer', '2100-01-01'),
             ('cem@import.example', 'cem.imported', NULL, NULL, NULL, NULL, 'member', NULL)) v (email, username, display_name, password_hash, created_at, status, role, until);
SELECT set_config('test.number', :'number', false) IS NOT NULL AS set;
SELECT * FROM bastion.import_users_from('test.old_people', dry_run => true);
\set VERBOSITY default
SELECT * FROM bastion.import_users_from('test.old_people');
\set VERBOSITY terse
SELECT count(*) AS nothing FROM bastion.users WHERE email LIKE '%import.example';
CREATE OR REPLACE VIEW test.old_people AS
SELECT email, username, display_name, password_hash, created_at, created_at AS email_verified_at, status,
       jsonb_build_array(jsonb_build_object('tenant', 'moved-in', 'tenant_name', 'Moved in', 'tenant_number', current_setting('test.number')::bigint, 'role', role, 'valid_until', until)) AS memberships
FROM (VALUES ('Ann@Import.Example', 'Ann.Imported', 'Ann', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', '2020-01-02'::timestamptz, 'active', 'owner', NULL::timestamptz),
             ('ben@import.example', NULL, NULL, '{SSHA}yXU0qvivJ4LEVDEtMJ26bIfZWJJozdnb', NULL, 'disabled', 'viewer', '2100-01-01'),
             ('cem@import.example', 'cem.imported', NULL, NULL, NULL, NULL, 'member', NULL)) v (email, username, display_name, password_hash, created_at, status, role, until);
SELECT * FROM bastion.import_users_from('test.old_people');
SELECT u.email, u.username, u.display_name, u.status, u.created_at < '2021-01-01' AS old, u.email_verified_at < '2021-01-01' AS verified, left(p.hash, 6) AS hash, t.slug, t.name, t.number = :number AS same_number, n.slug AS unit, r.name AS role, m.valid_until
FROM bastion.users u LEFT JOIN bastion.user_passwords p ON p.user_id = u.id JOIN bastion.memberships m ON m.user_id = u.id JOIN bastion.tenants t ON t.id = m.tenant_id
JOIN bastion.units n ON n.tenant_id = t.id JOIN bastion.roles r ON r.id = m.role_id WHERE u.email LIKE '%import.example' ORDER BY 1;
SELECT bastion_api.login('ann.imported', 'U*U') #>> '{tenant,slug}' AS logs_in;
INSERT INTO bastion.tenants (name, slug) VALUES ('Later', 'later-than-import') RETURNING number > :number AS later_number;
-- the second time
CREATE TABLE test.imported AS SELECT u.*, p.hash FROM bastion.users u LEFT JOIN bastion.user_passwords p ON p.user_id = u.id WHERE u.email LIKE '%import.example';
SELECT * FROM bastion.import_users_from('test.old_people');
SELECT count(*) AS changed FROM (SELECT u.*, p.hash FROM bastion.users u LEFT JOIN bastion.user_passwords p ON p.user_id = u.id WHERE u.email LIKE '%import.example' EXCEPT TABLE test.imported) c;
SELECT count(*) AS memberships FROM bastion.memberships m JOIN bastion.tenants t ON t.id = m.tenant_id WHERE t.slug = 'moved-in';
-- one more into the same tenant; names and numbers that others have
SELECT test.tried('[{"email": "dan@import.example", "username": "ann.imported"}, {"email": "eve@import.example", "memberships": [{"tenant": "moved-in", "tenant_number": 1, "role": "viewer"}]},
    {"email": "fay@import.example", "memberships": [{"tenant": "moved-in", "role": "viewer", "unit": "nowhere"}]}, {"email": "ann@import.example", "username": "other"}]'),
       test.tried(jsonb_build_array(jsonb_build_object('email', 'gus@import.example', 'memberships', jsonb_build_array(jsonb_build_object('tenant', 'other-in', 'tenant_name', 'X', 'tenant_number', :number, 'role', 'viewer'))),
                                    (SELECT jsonb_build_object('email', 'hal@import.example', 'id', id) FROM bastion.users WHERE username = 'ann.imported')));
SELECT * FROM bastion.import_users('[{"email": "dan@import.example", "id": "00000000-0000-4000-8000-00000000ddd1", "memberships": [{"tenant": "moved-in", "role": "viewer", "unit": "default"}, {"tenant": "moved-in", "role": "member"}]},
    {"email": "ann@import.example", "display_name": "Another"}]');
SELECT u.id, u.display_name, n.slug AS unit, r.name AS role FROM bastion.users u JOIN bastion.memberships m ON m.user_id = u.id LEFT JOIN bastion.units n ON n.id = m.unit_id JOIN bastion.roles r ON r.id = m.role_id WHERE u.email = 'dan@import.example' ORDER BY 3;
SELECT detail - 'role' AS detail FROM bastion.events WHERE kind = 'users_imported' ORDER BY id DESC LIMIT 2;

-- tenants that keep their ids, one of them with its number, too
SELECT line, outcome, reason FROM bastion.import_users(jsonb_build_array(
    '{"email": "ida@import.example", "memberships": [{"tenant": "kept-one", "tenant_name": "Kept", "tenant_id": "00000000-0000-4000-8000-0000000000aa", "role": "owner"}]}'::jsonb,
    jsonb_build_object('email', 'jan@import.example', 'memberships', jsonb_build_array(jsonb_build_object('tenant', 'kept-two', 'tenant_name', 'Kept', 'tenant_id', '00000000-0000-4000-8000-0000000000BB',
                                                                                                         'tenant_number', :number + 100, 'role', 'owner'))),
    '{"email": "kai@import.example", "memberships": [{"tenant": "kept-one", "tenant_name": "Kept", "tenant_id": "00000000-0000-4000-8000-0000000000AA", "role": "viewer"}]}'::jsonb));
SELECT slug, id, number = :number + 100 AS same_number, (SELECT count(*) FROM bastion.memberships m WHERE m.tenant_id = t.id) AS members,
       (SELECT count(*) FROM bastion.units u WHERE u.tenant_id = t.id) AS units FROM bastion.tenants t WHERE slug LIKE 'kept-%' ORDER BY slug;
SELECT test.tried('[{"email": "lea@import.example", "memberships": [{"tenant": "kept-one", "tenant_id": "00000000-0000-4000-8000-0000000000bb", "role": "viewer"}]},
    {"email": "leo@import.example", "memberships": [{"tenant": "kept-one", "tenant_id": "00000000-0000-4000-8000-0000000000aa", "role": "viewer"}]},
    {"email": "lis@import.example", "memberships": [{"tenant": "kept-three", "tenant_name": "Three", "tenant_id": "00000000-0000-4000-8000-0000000000aa", "role": "viewer"}]}]');

-- who may call it, and whose code runs
SET ROLE regress_app;
SELECT test.error($$SELECT bastion.import_users('[]')$$), test.error($$SELECT bastion.import_users_from('pg_class')$$);
RESET ROLE;
CREATE FUNCTION test.runs_as() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN current_user || '@ran.example'; END $$;
CREATE VIEW test.of_app AS SELECT test.runs_as() AS email;
ALTER VIEW test.of_app OWNER TO regress_app;
SELECT email FROM bastion.import_users_from('test.of_app', dry_run => true);
SELECT test.error($$CREATE VIEW test.wrong AS SELECT 'a@b' AS email, 1 AS age; SELECT bastion.import_users_from('test.wrong')$$);

SELECT count(*) FROM bastion.tenant_delete('moved-in');
DELETE FROM bastion.tenants WHERE slug = 'later-than-import' OR slug LIKE 'kept-%';
DELETE FROM bastion.users WHERE email LIKE '%import.example';
DROP VIEW test.old_people, test.of_app;
DROP TABLE test.imported;
DROP FUNCTION test.tried, test.runs_as;
