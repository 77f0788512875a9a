-- protect(owner_rights => 'role'): owners do with their own rows what their roles allow, and everything with resource.manage_own.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ola', 'max', 'vic', 'uma', 'pat', 'zed']) n, LATERAL bastion_api.signup(n || '@rights.example', 'correct horse', 'Rights ' || n) a;
INSERT INTO bastion.roles (tenant_id, name) VALUES (test.tenant_of('ola'), 'user'), (test.tenant_of('ola'), 'reviser');
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, p FROM bastion.roles r, (VALUES ('user', '{role_notes.create,role_notes.read,role_notes.manage_own}'::text[]),
                                             ('reviser', '{role_notes.read,role_notes.update}')) AS v (name, patterns), unnest(v.patterns) p
WHERE r.tenant_id = test.tenant_of('ola') AND r.name = v.name;
SELECT bastion.membership_force(test.id_of(n), 'rights-ola', r)
FROM (VALUES ('max', 'member'), ('vic', 'viewer'), ('uma', 'user'), ('pat', 'reviser')) v (n, r) \g /dev/null

CREATE SCHEMA role_rights;
GRANT USAGE ON SCHEMA role_rights TO regress_app;
CREATE TABLE role_rights.notes (id int PRIMARY KEY, tenant_id uuid, owner_id uuid, title text);
GRANT SELECT, INSERT, UPDATE, DELETE ON role_rights.notes TO regress_app;
INSERT INTO role_rights.notes
SELECT 10 * p.place + n, test.tenant_of('ola'), test.id_of(p.name), p.name || n
FROM unnest(ARRAY['ola', 'max', 'vic', 'uma', 'pat']) WITH ORDINALITY p (name, place), generate_series(1, 2) n;

-- Arguments
CREATE FUNCTION role_rights.refusal(arguments text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT bastion.protect(''role_rights.notes'', owner_column => ''owner_id'', resource => ''role_notes'', %s)', arguments);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT a.arguments, role_rights.refusal(a.arguments)
FROM unnest(ARRAY[$$sharing => 'tenant', visibility => 'owner', owner_rights => NULL$$, $$sharing => 'tenant', visibility => 'owner', owner_rights => 'Role'$$,
                  $$sharing => 'tenant', visibility => 'owner', owner_rights => ''$$, $$sharing => 'tenant', visibility => 'unit', owner_rights => 'role'$$,
                  $$sharing => 'tenant', owner_rights => 'role'$$, $$owner_rights => 'role'$$]) AS a (arguments);

CREATE FUNCTION role_rights.does(who text, statement text) RETURNS text LANGUAGE sql
AS $$
    SELECT coalesce(r.error, nullif(r.answer, ''), '-')
    FROM test.as_app((SELECT token FROM test.people WHERE name = who), CASE who WHEN 'zed' THEN 'rights-zed' ELSE 'rights-ola' END, NULL, statement) r
$$;
-- What each does with the first row of each owner; nothing of it stays.
CREATE FUNCTION role_rights.tries(who text, id int, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    answer := role_rights.does(who, format(statement, id));
    RAISE EXCEPTION 'undo' USING ERRCODE = 'XT000';
EXCEPTION WHEN SQLSTATE 'XT000' THEN
    RETURN CASE answer WHEN '-' THEN 'no' WHEN id::text THEN 'yes' ELSE answer END;
END
$$;
CREATE VIEW role_rights.cells AS
SELECT w.name AS who, o.name AS owner, role_rights.tries(w.name, 10 * o.place::int + 1, 'SELECT id FROM role_rights.notes WHERE id = %s') AS reads,
       role_rights.tries(w.name, 10 * o.place::int + 1, 'UPDATE role_rights.notes SET title = title WHERE id = %s RETURNING id') AS writes,
       role_rights.tries(w.name, 10 * o.place::int + 1, 'DELETE FROM role_rights.notes WHERE id = %s RETURNING id') AS deletes,
       role_rights.tries(w.name, 10 * o.place::int + 1, format('SELECT %%1$s FROM bastion.share(''role_rights.notes'', ''%%1$s'', with_user => %L::uuid)', test.id_of('ola'))) AS shares
FROM unnest(ARRAY['ola', 'max', 'vic', 'uma', 'pat', 'zed']) WITH ORDINALITY w (name, place), unnest(ARRAY['ola', 'max', 'vic', 'uma', 'pat']) WITH ORDINALITY o (name, place)
WHERE w.name = o.name OR (o.name = 'vic' AND w.name IN ('ola', 'uma', 'zed')) OR (o.name = 'uma' AND w.name IN ('ola', 'vic'))
ORDER BY w.place, o.place;

-- Without it, owners do everything with what is theirs
SELECT count(*) > 0 AS protected FROM bastion.protect('role_rights.notes', owner_column => 'owner_id', resource => 'role_notes', sharing => 'tenant', visibility => 'owner');
SELECT * FROM role_rights.cells;
-- With it, what their roles allow: a viewer reads, a reviser changes, a user with manage_own does everything, and the owner of the tenant manages all rows
SELECT count(*) AS statements FROM bastion.protect('role_rights.notes', owner_column => 'owner_id', resource => 'role_notes', sharing => 'tenant', visibility => 'owner', owner_rights => 'role', dry_run => true);
SELECT bastion.protect('role_rights.notes', owner_column => 'owner_id', resource => 'role_notes', sharing => 'tenant', visibility => 'owner', owner_rights => 'role');
SELECT bastion.protect('role_rights.notes', owner_column => 'owner_id', resource => 'role_notes', sharing => 'tenant', visibility => 'owner', owner_rights => 'role');
SELECT * FROM role_rights.cells;
SELECT options ->> 'owner_rights' AS recorded FROM bastion.protected_tables WHERE relation = 'role_rights.notes'::regclass;
SELECT status FROM bastion.protection WHERE relation = 'role_rights.notes'::regclass;
SELECT bastion_internal.protect_call(p) ~ 'owner_rights => ''role''' AS repeated FROM bastion.protected_tables p WHERE p.relation = 'role_rights.notes'::regclass;
SELECT name FROM bastion.permissions WHERE resource = 'role_notes' ORDER BY name COLLATE "C";
-- The conditions of the policies are as before: no subquery for each row
SELECT count(*) AS policies, bool_or(concat(qual, with_check) ~ 'SELECT') AS subqueries FROM pg_policies WHERE schemaname = 'role_rights' AND policyname LIKE 'bastion_access%';

-- New rows: a viewer adds none, a user does
SELECT role_rights.does('vic', 'INSERT INTO role_rights.notes (id) VALUES (101)'), role_rights.does('pat', 'INSERT INTO role_rights.notes (id) VALUES (102)'),
       role_rights.does('uma', 'INSERT INTO role_rights.notes (id) VALUES (103) RETURNING id'), role_rights.does('max', 'INSERT INTO role_rights.notes (id) VALUES (104) RETURNING id');

-- What an owner who reads alone tries: to write another column, to lock, to overwrite by INSERT, and to give away
SELECT role_rights.does('vic', 'UPDATE role_rights.notes SET owner_id = owner_id RETURNING id'), role_rights.does('vic', 'SELECT id FROM role_rights.notes FOR UPDATE'),
       role_rights.does('vic', 'INSERT INTO role_rights.notes (id, title) VALUES (31, ''mine'') ON CONFLICT (id) DO UPDATE SET title = excluded.title'),
       role_rights.does('vic', format('UPDATE role_rights.notes SET owner_id = %L RETURNING id', test.id_of('uma'))),
       role_rights.does('vic', format($$SELECT bastion.row_transfer('role_rights.notes', '31', %L)$$, test.id_of('uma'))),
       role_rights.does('vic', $$SELECT bastion.can_by_acl('role_notes.update', acl_id) FROM role_rights.notes$$),
       role_rights.does('vic', $$SELECT bastion.can_by_acl('role_notes.manage_own', acl_id) FROM role_rights.notes LIMIT 1$$);

-- A share gives what it gives, to owners of other rows and of the row too
SELECT role_rights.does('uma', format($$SELECT bastion.share('role_rights.notes', '41', with_user => %L::uuid, level => 'write')$$, test.id_of('vic')));
SELECT role_rights.does('vic', 'UPDATE role_rights.notes SET title = ''by Vic'' RETURNING id'), role_rights.does('vic', 'DELETE FROM role_rights.notes RETURNING id');
SELECT role_rights.does('ola', format($$SELECT bastion.share('role_rights.notes', '31', with_user => %L::uuid, level => 'write')$$, test.id_of('vic')));
SELECT role_rights.does('vic', 'UPDATE role_rights.notes SET title = ''by Vic'' WHERE owner_id = bastion.user_id() RETURNING id');
SELECT role_rights.does('ola', format($$SELECT bastion.unshare('role_rights.notes', '31', with_user => %L::uuid)$$, test.id_of('vic')));
SELECT role_rights.does('vic', 'UPDATE role_rights.notes SET title = ''by Vic'' WHERE owner_id = bastion.user_id() RETURNING id');
-- Nobody passes on what they do not hold; manage_own holds everything until the role ends, or a deny begins
SELECT role_rights.does('uma', format($$SELECT bastion.share('role_rights.notes', '42', with_user => %L::uuid, level => 'manage')$$, test.id_of('max')));
SELECT role_rights.does('max', format($$SELECT bastion.share('role_rights.notes', '42', with_user => %L::uuid, level => 'read')$$, test.id_of('pat')));
SELECT role_rights.does('pat', format($$SELECT bastion.share('role_rights.notes', '51', with_user => %L::uuid)$$, test.id_of('max')));
UPDATE bastion.memberships SET valid_until = now() + interval '1 hour' WHERE user_id = test.id_of('uma') AND tenant_id = test.tenant_of('ola');
SELECT role_rights.does('uma', format($$SELECT bastion.share('role_rights.notes', '41', with_user => %L::uuid, level => 'read')$$, test.id_of('pat'))),
       role_rights.does('uma', format($$SELECT bastion.share('role_rights.notes', '41', with_user => %L::uuid, level => 'read', valid_until => now() + interval '1 minute')$$, test.id_of('pat')));
UPDATE bastion.memberships SET valid_until = NULL WHERE user_id = test.id_of('uma') AND tenant_id = test.tenant_of('ola');
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect, valid_until)
VALUES (test.id_of('max'), test.tenant_of('ola'), 'role_notes.manage_own', 'grant', now() + interval '1 hour');
SELECT role_rights.does('max', format($$SELECT bastion.share('role_rights.notes', '22', with_user => %L::uuid, level => 'write')$$, test.id_of('pat'))),
       role_rights.does('max', format($$SELECT bastion.share('role_rights.notes', '22', with_user => %L::uuid, level => 'manage')$$, test.id_of('pat'))),
       role_rights.does('max', format($$SELECT bastion.share('role_rights.notes', '22', with_user => %L::uuid, level => 'manage', valid_until => now() + interval '1 minute')$$, test.id_of('pat')));
DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('max');

-- Why
SELECT regexp_replace(e, '[0-9]+', 'N') FROM bastion.explain_access_text(test.id_of('vic'), 'role_notes.update', 'role_rights.notes', '32', 'rights-ola') e WHERE e ~ 'list|verdict';
SELECT regexp_replace(e, '[0-9]+', 'N') FROM bastion.explain_access_text(test.id_of('vic'), 'role_notes.read', 'role_rights.notes', '32', 'rights-ola') e WHERE e ~ 'list|verdict';
SELECT regexp_replace(e, '[0-9]+', 'N') FROM bastion.explain_access_text(test.id_of('uma'), 'role_notes.delete', 'role_rights.notes', '42', 'rights-ola') e WHERE e ~ 'list|verdict';
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('uma'), test.tenant_of('ola'), 'role_notes.manage_own', 'deny');
SELECT * FROM role_rights.cells WHERE who = 'uma' AND owner = 'uma';
SELECT regexp_replace(e, '[0-9]+', 'N') FROM bastion.explain_access_text(test.id_of('uma'), 'role_notes.delete', 'role_rights.notes', '42', 'rights-ola') e WHERE e ~ 'list|verdict';
SELECT role_rights.does('uma', format($$SELECT bastion.share('role_rights.notes', '41', with_user => %L::uuid, level => 'read')$$, test.id_of('pat')));
DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('uma');

-- A role that is lost counts from the next statement on, and a role in a unit gives nothing on own rows
CREATE FUNCTION role_rights.lose() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM bastion.role_permissions rp USING bastion.roles r WHERE r.id = rp.role_id AND r.name = 'user' AND r.tenant_id = test.tenant_of('ola') AND rp.pattern = 'role_notes.manage_own';
    RETURN 'lost';
END
$$;
GRANT EXECUTE ON FUNCTION role_rights.lose() TO regress_app;
BEGIN;
SET ROLE regress_app;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'uma'), 'rights-ola') = test.id_of('uma') AS uma;
UPDATE role_rights.notes SET title = 'before' WHERE id = 42 RETURNING id;
SELECT role_rights.lose();
UPDATE role_rights.notes SET title = 'after' WHERE id = 42 RETURNING id;
SELECT id FROM role_rights.notes WHERE id = 42;
ROLLBACK;
INSERT INTO bastion.units (tenant_id, kind, name, slug) VALUES (test.tenant_of('ola'), 'team', 'Team', 'team');
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT test.id_of('vic'), test.tenant_of('ola'), n.id, r.id FROM bastion.units n, bastion.roles r
WHERE n.tenant_id = test.tenant_of('ola') AND n.slug = 'team' AND r.tenant_id = test.tenant_of('ola') AND r.name = 'user';
SELECT * FROM role_rights.cells WHERE who = 'vic' AND owner = 'vic';

-- It is the resource's: a second table of it follows, and its own protection does not loosen the first
CREATE TABLE role_rights.memos (id int PRIMARY KEY, tenant_id uuid, owner_id uuid);
GRANT SELECT, UPDATE ON role_rights.memos TO regress_app;
INSERT INTO role_rights.memos VALUES (1, test.tenant_of('ola'), test.id_of('vic'));
SELECT bastion.protect('role_rights.memos', owner_column => 'owner_id', resource => 'role_notes', sharing => 'tenant', visibility => 'owner');
SELECT role_rights.does('vic', 'UPDATE role_rights.memos SET id = 1 RETURNING id'), role_rights.does('vic', 'SELECT id FROM role_rights.memos');
-- Taken back, by protect() and by unprotect(), at once
SELECT bastion.protect('role_rights.notes', owner_column => 'owner_id', resource => 'role_notes', sharing => 'tenant', visibility => 'owner');
SELECT role_rights.does('vic', 'UPDATE role_rights.memos SET id = 1 RETURNING id');
SELECT bastion.protect('role_rights.notes', owner_column => 'owner_id', resource => 'role_notes', sharing => 'tenant', visibility => 'owner', owner_rights => 'role');
SELECT role_rights.does('vic', 'UPDATE role_rights.memos SET id = 1 RETURNING id');
SELECT count(*) > 0 AS unprotected FROM bastion.unprotect('role_rights.notes');
SELECT role_rights.does('vic', 'UPDATE role_rights.memos SET id = 1 RETURNING id');

DROP SCHEMA role_rights CASCADE;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.tenants WHERE slug LIKE 'rights-%';
DELETE FROM bastion.users WHERE email LIKE '%@rights.example';
DELETE FROM bastion.permissions WHERE resource = 'role_notes';
DELETE FROM test.people;
