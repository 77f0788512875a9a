-- Sign-up, login, me; the tables of tenants, units, users, roles and permissions.
\set VERBOSITY terse
\encoding UTF8
SET client_min_messages = warning;
SET ROLE regress_app;

-- Sign-up
SELECT bastion_api.signup('  Alice@Identity.Example ', 'correct horse', ' Ácme & Söhne  GmbH ', 'Alice A.', 'Alice.1') AS answer \gset
SELECT jsonb_object_keys(:'answer'::jsonb) AS field ORDER BY 1;
SELECT :'answer'::jsonb -> 'user' #- '{id}' AS "user", :'answer'::jsonb -> 'tenant' #- '{id}' #- '{number}' AS tenant,
       :'answer'::jsonb ->> 'token_type' AS token_type, :'answer'::jsonb ->> 'expires_in' AS expires_in;
SELECT bastion_api.signup('bob@identity.example', 'correct horse', 'Ácme & Söhne  GmbH') AS bob \gset
SELECT :'bob'::jsonb -> 'tenant' ->> 'slug' ~ '^cme-s-hne-gmbh-[0-9a-f]{6}$' AS slug_has_random_ending;
SELECT bastion_api.signup('carol@identity.example', 'correct horse', 'ñü') -> 'tenant' ->> 'slug' ~ '^tenant';

-- what sign-up refuses
SELECT bastion_api.signup(email, password, tenant_name, display_name, username)
FROM (VALUES ('no-at.example', 'correct horse', 'X', NULL, NULL),
             (NULL, 'correct horse', 'X', NULL, NULL),
             ('', 'correct horse', 'X', NULL, NULL),
             ('a@b@c', 'correct horse', 'X', NULL, NULL),
             ('ünï@identity.example', 'correct horse', 'X', NULL, NULL),
             (repeat('x', 65) || '@identity.example', 'correct horse', 'X', NULL, NULL),
             (repeat('x', 1000000), 'correct horse', 'X', NULL, NULL),
             ('new@identity.example', '1234567', 'X', NULL, NULL),
             ('new@identity.example', NULL, 'X', NULL, NULL),
             ('new@identity.example', repeat('x', 4097), 'X', NULL, NULL),
             ('new@identity.example', repeat('ü', 2049), 'X', NULL, NULL),
             ('new@identity.example', 'correct horse', NULL, NULL, NULL),
             ('new@identity.example', 'correct horse', '  ', NULL, NULL),
             ('new@identity.example', 'correct horse', repeat('x', 1000000), NULL, NULL),
             ('new@identity.example', 'correct horse', E'a\nb', NULL, NULL),
             ('new@identity.example', 'correct horse', 'X', '', NULL),
             ('new@identity.example', 'correct horse', 'X', NULL, 'a'),
             ('new@identity.example', 'correct horse', 'X', NULL, 'a@b'),
             ('ALICE@identity.example', 'correct horse', 'X', NULL, NULL),
             ('new@identity.example', 'correct horse', 'X', NULL, 'ALICE.1')) s (email, password, tenant_name, display_name, username);
RESET ROLE;
-- nothing half-written
SELECT count(*) FROM bastion.users WHERE email = 'new@identity.example';
SELECT count(*) FROM bastion.tenants WHERE name = 'X';
SELECT kind, name, slug FROM bastion.units u WHERE u.tenant_id = (:'answer'::jsonb -> 'tenant' ->> 'id')::uuid;
SET bastion.signup_mode = 'closed';
SET ROLE regress_app;
SELECT bastion_api.signup('new@identity.example', 'correct horse', 'X') ->> 'error';
SELECT test.error($$SET bastion.signup_mode = 'open'$$);
RESET ROLE;
RESET bastion.signup_mode;
SET ROLE regress_app;
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.signup('new@identity.example', 'correct horse', 'X')$$);
ROLLBACK;

-- Login
SELECT jsonb_object_keys(bastion_api.login('alice@identity.example', 'correct horse')) AS field ORDER BY 1;
SELECT identifier, bastion_api.login(identifier, 'correct horse') ? 'access_token' AS logged_in
FROM unnest(ARRAY['ALICE@IDENTITY.EXAMPLE', ' alice.1', 'Alice.1']) identifier;
-- every refusal is the same
SELECT count(*), answer
FROM (VALUES ('alice@identity.example', 'Correct horse', NULL, NULL), ('nobody@identity.example', 'correct horse', NULL, NULL),
             (NULL, 'correct horse', NULL, NULL), ('alice@identity.example', NULL, NULL, NULL), (NULL, NULL, NULL, NULL),
             ('', '', NULL, NULL), ('alice@identity.example', '', NULL, NULL),
             ('alice@identity.example', repeat('x', 1000000), NULL, NULL), (repeat('x', 1000000), 'x', NULL, NULL),
             ('alice@identity.example', 'correct horse', 'tenant', NULL),
             ('alice@identity.example', 'correct horse', 'nowhere', NULL),
             ('alice@identity.example', 'correct horse', '', NULL),
             ('alice@identity.example', 'correct horse', gen_random_uuid()::text, NULL),
             ('alice@identity.example', 'correct horse', NULL, 'nowhere')) l (identifier, password, tenant, unit),
     LATERAL bastion_api.login(identifier, password, tenant, unit) answer
GROUP BY answer;
SELECT bastion_api.login('alice.1', 'correct horse', 'cme-s-hne-gmbh') -> 'tenant' ->> 'role' AS by_slug,
       bastion_api.login('alice.1', 'correct horse', :'answer'::jsonb -> 'tenant' ->> 'id') -> 'tenant' ->> 'role' AS by_id,
       bastion_api.login('alice.1', 'correct horse', 'cme-s-hne-gmbh', 'default') -> 'tenant' ->> 'role' AS in_unit;
BEGIN READ ONLY;
SELECT test.error($$SELECT bastion_api.login('alice.1', 'correct horse')$$);
ROLLBACK;
RESET ROLE;

-- two tenants: only a right password learns which
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT (:'bob'::jsonb -> 'user' ->> 'id')::uuid, (:'answer'::jsonb -> 'tenant' ->> 'id')::uuid, id
FROM bastion.roles WHERE name = 'viewer';
SELECT bastion_api.login('bob@identity.example', 'wrong horse') ->> 'error';
SELECT bastion_api.login('bob@identity.example', 'correct horse') AS choice \gset
SELECT :'choice'::jsonb - 'tenants' - 'challenge';
SELECT jsonb_object_keys(t) AS field, count(*) FROM jsonb_array_elements(:'choice'::jsonb -> 'tenants') t GROUP BY 1 ORDER BY 1;
SELECT bastion_api.login('bob@identity.example', 'correct horse', 'cme-s-hne-gmbh') -> 'tenant' ->> 'role';
-- suspended tenants and disabled users
UPDATE bastion.tenants SET status = 'suspended' WHERE slug = 'cme-s-hne-gmbh';
SELECT bastion_api.login('bob@identity.example', 'correct horse') -> 'tenant' ->> 'role' AS the_other_one,
       bastion_api.login('bob@identity.example', 'correct horse', 'cme-s-hne-gmbh') ->> 'error' AS suspended;
SELECT bastion_api.login('alice.1', 'correct horse') -> 'tenant' AS none_left;
UPDATE bastion.tenants SET status = 'active' WHERE slug = 'cme-s-hne-gmbh';
UPDATE bastion.users SET status = 'disabled' WHERE username = 'alice.1';
SELECT bastion_api.login('alice.1', 'correct horse') ->> 'error';
UPDATE bastion.users SET status = 'active' WHERE username = 'alice.1';
-- a user without a password
INSERT INTO bastion.users (email) VALUES ('sso@identity.example');
SELECT bastion_api.login('sso@identity.example', 'correct horse') ->> 'error', bastion_api.login('sso@identity.example', '') ->> 'error';

-- a weaker hash of another system is replaced at login, and the date of the password kept
UPDATE bastion.user_passwords SET changed_at = '2020-01-01',
    hash = bastion.password_hash('correct horse', 'pbkdf2-sha256', '{"iterations": 1000}')
WHERE user_id = (:'answer'::jsonb -> 'user' ->> 'id')::uuid;
SELECT bastion_api.login('alice.1', 'wrong horse') ->> 'error';
SELECT left(hash, 15), bastion_api.login('alice.1', 'correct horse') ? 'access_token' AS logged_in
FROM bastion.user_passwords WHERE user_id = (:'answer'::jsonb -> 'user' ->> 'id')::uuid;
SELECT left(hash, 9), changed_at < '2020-01-02' AS kept FROM bastion.user_passwords
WHERE user_id = (:'answer'::jsonb -> 'user' ->> 'id')::uuid;
SELECT bastion_api.login('alice.1', 'correct horse') ? 'access_token' AS logged_in;
SELECT last_login_at > now() - interval '1 minute' AS noted FROM bastion.users WHERE username = 'alice.1';
-- one that knows the beginning of a password is replaced by a login with all that it knows
UPDATE bastion.user_passwords SET hash = bastion.password_hash(repeat('a', 72), 'bcrypt', '{"cost": 4}') WHERE user_id = (:'answer'::jsonb -> 'user' ->> 'id')::uuid;
SELECT bastion_api.login('alice.1', repeat('a', 72) || 'typo') ? 'access_token' AS logged_in;
SELECT left(hash, 4) FROM bastion.user_passwords WHERE user_id = (:'answer'::jsonb -> 'user' ->> 'id')::uuid;
SELECT bastion_api.login('alice.1', repeat('a', 72)) ? 'access_token' AS logged_in;
SELECT left(hash, 9) FROM bastion.user_passwords WHERE user_id = (:'answer'::jsonb -> 'user' ->> 'id')::uuid;
SELECT bastion_api.login('alice.1', repeat('a', 72) || 'typo') ->> 'error' AS now_all_counts;
UPDATE bastion.user_passwords SET hash = bastion.password_hash('correct horse') WHERE user_id = (:'answer'::jsonb -> 'user' ->> 'id')::uuid;

-- a refusal takes its time, whatever the reason and the stored hash, and after a right password too
INSERT INTO bastion.users (email, status) VALUES ('off@identity.example', 'disabled'), ('cheap@identity.example', 'active');
INSERT INTO bastion.user_passwords (user_id, hash)
SELECT id, CASE status WHEN 'disabled' THEN bastion.password_hash('correct horse') ELSE '{SSHA}yXU0qvivJ4LEVDEtMJ26bIfZWJJozdnb' END
FROM bastion.users WHERE email IN ('off@identity.example', 'cheap@identity.example');
SET bastion.refused_login_duration = '600ms';
SELECT l.identifier, l.password, l.tenant, l.unit, a.answer ->> 'error' AS error, clock_timestamp() - a.begin >= interval '600ms' AS took_its_time
FROM (VALUES ('nobody', 'wrong', NULL, NULL), ('sso@identity.example', 'wrong', NULL, NULL), ('alice.1', 'wrong', NULL, NULL), ('cheap@identity.example', 'wrong', NULL, NULL),
             ('off@identity.example', 'wrong', NULL, NULL), ('off@identity.example', 'correct horse', NULL, NULL),
             ('alice.1', 'correct horse', 'none', NULL), ('alice.1', 'correct horse', NULL, 'none')) AS l(identifier, password, tenant, unit),
     LATERAL (SELECT clock_timestamp() AS begin, bastion_api.login(l.identifier, l.password, l.tenant, l.unit) AS answer OFFSET 0) a;
RESET bastion.refused_login_duration;
DELETE FROM bastion.users WHERE email IN ('off@identity.example', 'cheap@identity.example');

-- the token: claims, lifetime, keys for outside verifiers
SET bastion.access_token_lifetime = '2h';
SET ROLE regress_app;
SELECT bastion_api.login('alice.1', 'correct horse') AS answer \gset
SELECT :'answer'::jsonb ->> 'expires_in' AS expires_in;
SELECT bastion.jwt_verify(:'answer'::jsonb ->> 'access_token', bastion.jwks(), '{"typ": "at+jwt", "aud": "pg_bastion"}') AS claims \gset
SELECT jsonb_object_keys(:'claims'::jsonb) AS claim ORDER BY 1;
SELECT :'claims'::jsonb -> 'iss' AS iss, :'claims'::jsonb -> 'aud' AS aud, :'claims'::jsonb -> 'amr' AS amr, :'claims'::jsonb -> 'acr' AS acr,
       (:'claims'::jsonb ->> 'exp')::bigint - (:'claims'::jsonb ->> 'iat')::bigint AS lifetime,
       :'claims'::jsonb -> 'sub' = :'answer'::jsonb -> 'user' -> 'id' AS sub,
       :'claims'::jsonb -> 'tenant' = :'answer'::jsonb -> 'tenant' -> 'id' AS tenant;
SELECT jsonb_array_length(bastion.jwks() -> 'keys') AS keys, bastion.jwks() -> 'keys' -> 0 ? 'd' AS has_private_part;
RESET ROLE;
RESET bastion.access_token_lifetime;

-- Me, and what an application role sees of the tables
SELECT bastion.resource_register('identity_notes', '{create,read,update,delete,publish}');
SET ROLE regress_app;
SELECT bastion_api.me();
SELECT count(*) FROM bastion.tenants;
SELECT count(*) FROM bastion.users;
SELECT count(*) FROM bastion.memberships;
SELECT name FROM bastion.roles ORDER BY name;
SELECT bastion_api.login('bob@identity.example', 'correct horse', 'cme-s-hne-gmbh') ->> 'access_token' AS bob_token \gset
BEGIN;
SELECT bastion.authenticate(:'bob_token') IS NOT NULL AS authenticated;
SELECT bastion_api.me() - 'permissions' - 'actor_id' #- '{user,id}' #- '{tenant,id}' #- '{tenant,number}' AS me,
       bastion_api.me() ->> 'actor_id' = bastion.user_id()::text AS own_actor;
SELECT p FROM jsonb_array_elements_text(bastion_api.me() -> 'permissions') p WHERE p ~ '^(identity_notes|tenant)';
SELECT slug FROM bastion.tenants;
SELECT email FROM bastion.users;
SELECT r.name, count(*) FROM bastion.memberships m JOIN bastion.roles r ON r.id = m.role_id GROUP BY 1 ORDER BY 1;
SELECT kind, name FROM bastion.units;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'bob_token', :'bob'::jsonb -> 'tenant' ->> 'slug', 'default') IS NOT NULL AS authenticated;
SELECT bastion_api.me() -> 'roles' AS roles, bastion_api.me() -> 'unit' ->> 'slug' AS unit, bastion_api.me() -> 'tenant' ->> 'slug' = :'bob'::jsonb -> 'tenant' ->> 'slug' AS own;
SELECT p FROM jsonb_array_elements_text(bastion_api.me() -> 'permissions') p WHERE p ~ '^(identity_notes|tenant)';
COMMIT;
BEGIN;
SELECT test.error(format('SELECT bastion.authenticate(%L, %L)', :'bob_token', 'tenant'));
SELECT set_config('bastion.token', 'x', true);
SELECT test.refusal('SELECT bastion_api.me()');
SELECT test.error('SELECT * FROM bastion.tenants');
ROLLBACK;
SELECT test.error(statement)
FROM unnest(ARRAY['INSERT INTO bastion.tenants (name, slug) VALUES (''x'', ''x'')', 'UPDATE bastion.users SET status = ''active''',
                  'DELETE FROM bastion.memberships', 'SELECT * FROM bastion.user_passwords', 'SELECT * FROM bastion.vault',
                  'SELECT * FROM bastion.data_keys', 'SELECT bastion.resource_register(''x'')', 'SELECT bastion_internal.find_tenant(''x'')',
                  'SELECT nextval(''bastion.tenants_number_seq'')']) statement;
RESET ROLE;

-- Permissions: wildcards, units, the extension's own
CREATE TABLE test.place AS
SELECT gen_random_uuid() AS tenant, gen_random_uuid() AS company, gen_random_uuid() AS team, gen_random_uuid() AS other_team,
       gen_random_uuid() AS member;
INSERT INTO bastion.tenants (id, name, slug) SELECT tenant, 'Units', 'units' FROM test.place;
INSERT INTO bastion.units (id, tenant_id, kind, name, slug)
SELECT company, tenant, 'company', 'Company', 'company' FROM test.place UNION ALL
SELECT team, tenant, 'team', 'Team', 'team' FROM test.place UNION ALL
SELECT other_team, tenant, 'team', 'Other', NULL FROM test.place;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id) SELECT team, tenant, company FROM test.place;
INSERT INTO bastion.users (id, email, username) SELECT member, 'member@identity.example', 'member' FROM test.place;
CREATE FUNCTION test.holds(unit text) RETURNS text LANGUAGE sql
AS $$
    SELECT i.status || coalesce(': ' || (
               SELECT string_agg(p.permission || CASE WHEN p.tenant_wide THEN '' ELSE '*' END, ' ' ORDER BY p.permission)
               FROM bastion_internal.effective_permissions(member, i.tenant_id, i.unit_id) p
               WHERE p.permission ~ '^(identity_notes|tenant)'), '')
    FROM test.place, bastion_internal.resolve_identity(member, 'units', holds.unit) i
$$;
CREATE FUNCTION test.member_of(role text, unit text DEFAULT NULL) RETURNS void LANGUAGE sql
AS $$
    INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
    SELECT member, tenant, bastion_internal.find_unit(tenant, unit), r.id FROM test.place, bastion.roles r WHERE r.name = role
$$;
SELECT test.holds(NULL);
SELECT test.member_of('viewer', 'team');
SELECT unit, test.holds(unit) FROM unnest(ARRAY[NULL, 'team', 'company', 'nowhere']) unit;
SELECT test.holds(other_team::text) FROM test.place;
SELECT test.member_of('operator', 'company');
SELECT unit, test.holds(unit) FROM unnest(ARRAY[NULL, 'team', 'company']) unit;
DELETE FROM bastion.memberships USING test.place WHERE user_id = member;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT (:'bob'::jsonb -> 'user' ->> 'id')::uuid, tenant, r.id FROM test.place, bastion.roles r WHERE r.name = 'owner';
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['owner', 'admin', 'developer', 'member', 'operator', 'viewer'] LOOP
        PERFORM test.member_of(role);
        RAISE WARNING '% %', role, test.holds(NULL);
        DELETE FROM bastion.memberships USING test.place WHERE user_id = member;
    END LOOP;
END
$$;
-- a tenant's own role
INSERT INTO bastion.roles (tenant_id, name) SELECT tenant, 'editor' FROM test.place RETURNING id AS editor \gset
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT :'editor', unnest(ARRAY['identity_notes.*', 'tenant.units.*', 'unknown.read', 'platform.*', '*.manage']) RETURNING pattern, scope = (SELECT tenant FROM test.place) AS scoped;
SELECT test.member_of('editor');
SELECT test.holds(NULL), test.holds('team');
SELECT test.error(format('INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (%L, %L)', :'editor', pattern))
FROM unnest(ARRAY['', '**', '*.*', 'a.*.b', 'read', 'A.read', 'a..read', '.read', 'a.read ', repeat('a', 193) || '.read']) pattern;
-- roles stay in their tenant, and the extension's own as they are
SELECT test.error(format('INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (%L, %L, %L)',
                         :'bob'::jsonb -> 'user' ->> 'id', :'bob'::jsonb -> 'tenant' ->> 'id', :'editor'));
SELECT test.error(format('UPDATE bastion.roles SET tenant_id = %L WHERE id = %L', :'bob'::jsonb -> 'tenant' ->> 'id', :'editor'));
SELECT test.error(statement)
FROM unnest(ARRAY['UPDATE bastion.roles SET name = ''x'' WHERE name = ''viewer''', 'DELETE FROM bastion.roles WHERE name = ''viewer''',
                  'INSERT INTO bastion.roles (name, system) VALUES (''x'', true)',
                  'UPDATE bastion.permissions SET description = NULL WHERE system', 'DELETE FROM bastion.role_permissions',
                  'INSERT INTO bastion.permissions (resource, action) VALUES (''tenant.x'', ''read'')',
                  'INSERT INTO bastion.permissions (resource, action, system) VALUES (''x'', ''read'', true)']) statement;
-- further permissions for a system role are welcome
INSERT INTO bastion.role_permissions (role_id, pattern) SELECT id, 'identity_notes.publish' FROM bastion.roles WHERE name = 'viewer';
DELETE FROM bastion.role_permissions WHERE pattern = 'identity_notes.publish';

-- resources
SELECT test.error(format('SELECT bastion.resource_register(%L, %L)', resource, actions))
FROM (VALUES ('tenant', '{read}'), ('tenant.x', '{read}'), ('platform', '{read}'), ('bastion.x', '{read}'), ('Notes', '{read}'),
             ('', '{read}'), (NULL, '{read}'), ('notes', '{}'), ('notes', NULL), ('notes', '{Read}'), ('notes', '{NULL}'),
             ('notes', '{a.b}'), (repeat('x', 1000000), '{read}')) r (resource, actions);
SELECT bastion.resource_register('identity_notes');
SELECT name FROM bastion.permissions WHERE resource = 'identity_notes' ORDER BY 1;

-- constraints
SELECT test.error(statement)
FROM test.place, unnest(ARRAY[
    'INSERT INTO bastion.users (email) VALUES (''Upper@identity.example'')',
    'INSERT INTO bastion.users (email) VALUES (''bob@identity.example'')',
    'INSERT INTO bastion.users (email, username) VALUES (''x@identity.example'', ''a@b'')',
    'INSERT INTO bastion.tenants (name, slug) VALUES (''x'', ''Not a slug'')',
    'INSERT INTO bastion.tenants (name, slug) VALUES (''x'', ''00000000-0000-4000-8000-000000000000'')',
    'INSERT INTO bastion.tenants (name, slug) VALUES (''x'', ''units'')',
    'UPDATE bastion.tenants SET status = ''gone''',
    format('INSERT INTO bastion.unit_parents VALUES (%L, %L, %L)', company, tenant, team),
    format('INSERT INTO bastion.unit_parents VALUES (%L, %L, %L)', company, tenant, company),
    format('UPDATE bastion.unit_parents SET parent_id = unit_id WHERE unit_id = %L', team),
    format('DELETE FROM bastion.units WHERE id = %L', company),
    format('INSERT INTO bastion.unit_parents SELECT %L, %L, id FROM bastion.units WHERE tenant_id <> %2$L LIMIT 1', other_team, tenant),
    format('INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id) SELECT %L, u.tenant_id, %L, r.id FROM bastion.units u, bastion.roles r WHERE u.tenant_id <> %L AND r.name = ''viewer'' LIMIT 1', member, team, tenant),
    format('INSERT INTO bastion.memberships (user_id, tenant_id, role_id) SELECT user_id, tenant_id, role_id FROM bastion.memberships WHERE user_id = %L', member),
    format('DELETE FROM bastion.roles WHERE name = %L', 'editor')]) statement;
-- deleting a tenant takes everything in it
DELETE FROM bastion.tenants WHERE slug = 'units';
SELECT (SELECT count(*) FROM bastion.units u WHERE u.tenant_id = tenant), (SELECT count(*) FROM bastion.memberships m WHERE m.tenant_id = tenant),
       (SELECT count(*) FROM bastion.roles r WHERE r.tenant_id = tenant) FROM test.place;

-- resolve_identity: each status
SELECT (bastion_internal.resolve_identity(u, t, n)).status, u IS NULL AS no_user, left(t, 20) AS t, n
FROM (SELECT member AS m FROM test.place) p,
     LATERAL (VALUES (NULL, NULL, NULL), (gen_random_uuid(), NULL, NULL), (m, NULL, NULL), (m, 'nowhere', NULL), (m, '', NULL),
                     (m, 'cme-s-hne-gmbh', NULL), (m, NULL, 'default'), (m, repeat('x', 200), NULL)) i (u, t, n);
DROP TABLE test.place;
DROP FUNCTION test.holds, test.member_of;
DELETE FROM bastion.permissions WHERE resource = 'identity_notes';
