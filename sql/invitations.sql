-- Invitations: who may invite whom as what, what acceptance asks again, and that a token is worth nothing to anybody else.
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT bastion.resource_register('guest_papers', '{read,update}');
INSERT INTO test.people (name, id, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ina', 'ivo', 'ian', 'ida', 'eve']) n, LATERAL bastion_api.signup(n || '@inv.example', 'correct horse', 'Inv of ' || n) a;
-- ina's tenant: ivo is its admin, ian a member, ida leads the unit west
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT t.id, 'team', s, s FROM bastion.tenants t, unnest(ARRAY['west', 'east']) s WHERE t.slug = 'inv-of-ina';
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT g.id, t.id, bastion_internal.find_unit(t.id, v.unit), r.id
FROM (VALUES ('ivo', 'admin', NULL), ('ian', 'member', NULL), ('ida', 'admin', 'west')) v (name, role, unit)
JOIN test.people g USING (name) JOIN bastion.roles r ON r.name = v.role AND r.tenant_id IS NULL, bastion.tenants t WHERE t.slug = 'inv-of-ina';
CREATE TABLE test.invited (label text, answer jsonb);
GRANT SELECT, INSERT ON test.invited TO regress_app;
SELECT max(id) AS before FROM bastion.events \gset
-- one statement, as somebody in ina's tenant, or in their own; secrets do not appear in what it answers
CREATE FUNCTION test.tries(who text, statement text, unit text DEFAULT NULL, own boolean DEFAULT false) RETURNS text LANGUAGE sql
AS $$
    SELECT CASE WHEN r.error IS NOT NULL THEN concat_ws(' / ', r.error, r.detail)
                ELSE regexp_replace(coalesce(nullif(r.answer, ''), 'done'),
                     E'[0-9a-f]{8}-[0-9a-f-]{27}|bsi_[A-Za-z0-9_-]+|\\d{4}-\\d\\d-\\d\\dT[^"]*|(?<="number": )\\d+', '#', 'g') END
    FROM test.as_app((SELECT token FROM test.people WHERE name = who), CASE WHEN own THEN 'inv-of-' || who ELSE 'inv-of-ina' END, unit, statement) r
$$;
-- who may invite, and as what
SELECT who, statement, unit, test.tries(who, statement, unit)
FROM (VALUES ('ivo', $$SELECT bastion.invite('Bea@Inv.example ', 'member')$$, NULL),
    ('ivo', $$SELECT bastion.invite('bob@inv.example', 'owner')$$, NULL), ('ina', $$SELECT bastion.invite('bob@inv.example', 'owner')$$, NULL),
    ('ian', $$SELECT bastion.invite('bob@inv.example', 'viewer')$$, NULL), ('eve', $$SELECT bastion.invite('bob@inv.example', 'viewer')$$, NULL),
    (NULL, $$SELECT bastion.invite('bob@inv.example', 'viewer')$$, NULL),
    ('ida', $$SELECT bastion.invite('bob@inv.example', 'viewer')$$, 'west'), ('ida', $$SELECT bastion.invite('bob@inv.example', 'viewer', 'east')$$, 'west'),
    ('ida', $$SELECT bastion.invite('bob@inv.example', 'member', 'west')$$, 'west'),
    ('ivo', $$SELECT bastion.invite('bob', 'member')$$, NULL), ('ivo', $$SELECT bastion.invite(NULL, 'member')$$, NULL),
    ('ivo', $$SELECT bastion.invite('bob@inv.example', 'nobody')$$, NULL), ('ivo', $$SELECT bastion.invite('bob@inv.example', 'member', 'north')$$, NULL),
    ('ivo', $$SELECT bastion.invite('bob@inv.example', 'member', NULL, '0 days')$$, NULL), ('ivo', $$SELECT bastion.invite('bob@inv.example', 'member', NULL, '2 years')$$, NULL),
    ('ivo', $$SELECT bastion.invite('bob@inv.example', 'member', NULL, NULL)$$, NULL)) v (who, statement, unit);
-- what is kept: a hash, and the address in lower case
SELECT email, octet_length(token_hash) AS hash, accepted_at IS NULL AND revoked_at IS NULL AS open, expires_at - created_at AS valid_for
FROM bastion.invitations ORDER BY email, created_at;
-- the list, for who manages members of the whole tenant
SELECT who, unit, test.tries(who, 'SELECT coalesce(a ->> ''error'', (SELECT jsonb_agg(x -> ''email'' ORDER BY x -> ''email'') FROM jsonb_array_elements(a -> ''invitations'') x)::text) FROM bastion_api.invitations() a', unit)
FROM (VALUES ('ivo', NULL), ('ian', NULL), ('ida', 'west'), ('eve', NULL), (NULL, NULL)) v (who, unit);
-- keep tokens for what follows: as ivo, with the second for the same address replacing the first
SELECT test.tries('ivo', format($$INSERT INTO test.invited SELECT %L, bastion.invite(%L, %L, %L) RETURNING label$$, label, email, role, unit))
FROM (VALUES ('first', 'eve@inv.example', 'viewer', NULL), ('second', 'eve@inv.example', 'member', 'east'), ('third', 'eve@inv.example', 'viewer', NULL),
    ('new', 'nina@inv.example', 'member', 'east'), ('revoked', 'rita@inv.example', 'member', NULL), ('expired', 'xena@inv.example', 'member', NULL),
    ('demoted', 'dora@inv.example', 'admin', NULL), ('viewing', 'vera@inv.example', 'viewer', NULL), ('taken', 'ian@inv.example', 'admin', NULL)) v (label, email, role, unit);
UPDATE bastion.invitations SET created_at = now() - interval '8 days', expires_at = now() - interval '1 day' WHERE email = 'xena@inv.example';
SELECT test.tries('ian', format('SELECT bastion.invitation_revoke(%L)', answer ->> 'id')) AS ian, test.tries('eve', format('SELECT bastion.invitation_revoke(%L)', answer ->> 'id'), own => true) AS eve,
       test.tries('ivo', format('SELECT bastion.invitation_revoke(%L)', answer ->> 'id')) AS ivo, test.tries('ivo', format('SELECT bastion.invitation_revoke(%L)', answer ->> 'id')) AS again
FROM test.invited WHERE label = 'revoked';
-- acceptance by who has an account: the person with the address, in person, once
SELECT label, who, test.tries(who, format('SELECT bastion_api.invitation_accept(%L)', answer ->> 'token'), own => true)
FROM (VALUES (1, 'first', 'eve'), (2, 'third', 'ida'), (3, 'third', NULL), (4, 'third', 'eve'), (5, 'third', 'eve'), (6, 'second', 'eve'), (7, 'revoked', 'eve'),
    (8, 'expired', 'eve')) v (n, label, who) JOIN test.invited USING (label) ORDER BY n;
SELECT test.tries('eve', format('SELECT bastion_api.invitation_accept(%L)', t), own => true)
FROM unnest(ARRAY['', 'bsi_', 'bsr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'bsi_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', NULL, repeat('x', 1000000)]) t;
-- who is there already keeps the role
SELECT test.tries('ian', format('SELECT bastion_api.invitation_accept(%L)', answer ->> 'token')) FROM test.invited WHERE label = 'taken';
SELECT g.name, r.name AS role, u.slug AS unit FROM bastion.memberships m JOIN test.people g ON g.id = m.user_id JOIN bastion.roles r ON r.id = m.role_id
JOIN bastion.tenants t ON t.id = m.tenant_id LEFT JOIN bastion.units u ON u.id = m.unit_id WHERE t.slug = 'inv-of-ina' ORDER BY 1, 2, 3;
-- sign-up by invitation, also when sign-up is closed
SET bastion.signup_mode = 'closed';
CREATE FUNCTION test.signs_up(invitation text, password text, username text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(a ->> 'error', concat_ws(' ', a -> 'user' ->> 'email', a -> 'tenant' ->> 'slug', a -> 'tenant' ->> 'role',
                    (a ->> 'access_token') IS NOT NULL))
    FROM bastion_api.signup_invited(invitation, password, NULL, username) a
$$;
SELECT label, test.signs_up(answer ->> 'token', v.password, v.username)
FROM (VALUES (1, 'new', 'short', NULL), (2, 'new', 'correct horse', '!'), (3, 'new', NULL, NULL), (4, 'revoked', 'correct horse', NULL),
    (5, 'expired', 'correct horse', NULL), (6, 'second', 'correct horse', NULL)) v (n, label, password, username) JOIN test.invited USING (label) ORDER BY n;
SELECT test.signs_up(answer ->> 'token', 'correct horse', 'nina') FROM test.invited WHERE label = 'new';
SELECT test.signs_up(answer ->> 'token', 'correct horse', 'nina') AS again FROM test.invited WHERE label = 'new';
SELECT test.signs_up('bsi_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'correct horse') AS made_up;
-- what the one who invited may give counts again
INSERT INTO bastion.roles (name) VALUES ('inv manager');
INSERT INTO bastion.role_permissions (role_id, pattern) SELECT id, 'tenant.members.*' FROM bastion.roles WHERE name = 'inv manager';
CREATE FUNCTION test.ivo_becomes(role text, status text DEFAULT 'active') RETURNS void LANGUAGE sql AS $$
    UPDATE bastion.memberships m SET role_id = r.id FROM bastion.roles r, test.people g, bastion.tenants t
    WHERE r.name = role AND r.tenant_id IS NULL AND g.name = 'ivo' AND m.user_id = g.id AND t.id = m.tenant_id AND t.slug = 'inv-of-ina';
    UPDATE bastion.users u SET status = ivo_becomes.status FROM test.people g WHERE g.name = 'ivo' AND u.id = g.id;
$$;
SELECT test.ivo_becomes('inv manager');
SELECT test.signs_up(answer ->> 'token', 'correct horse') AS demoted FROM test.invited WHERE label = 'demoted';
SELECT test.ivo_becomes('member');
SELECT test.signs_up(answer ->> 'token', 'correct horse') AS manages_nobody FROM test.invited WHERE label = 'viewing';
SELECT test.ivo_becomes('admin', 'disabled');
SELECT test.signs_up(answer ->> 'token', 'correct horse') AS disabled FROM test.invited WHERE label = 'viewing';
SELECT test.ivo_becomes('admin');
SELECT test.signs_up(answer ->> 'token', 'correct horse') AS again_as_before FROM test.invited WHERE label = 'viewing';
RESET bastion.signup_mode;
-- recorded, without addresses and tokens
SELECT kind, outcome, count(*) FROM bastion.events e WHERE e.id > :before AND kind LIKE 'invitation%' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FILTER (WHERE detail::text ~ 'bsi_|@') AS leaks FROM bastion.events e WHERE e.id > :before;
-- not for applications
SET ROLE regress_app;
SELECT count(*) FROM bastion.invitations;
SELECT bastion_internal.invitation_token_make();
RESET ROLE;
-- gone with the tenant
SELECT count(*) > 0 AS some FROM bastion.invitations;
DELETE FROM bastion.tenants WHERE slug = 'inv-of-ina';
SELECT count(*) FROM bastion.invitations;
TRUNCATE test.people;
DROP TABLE test.invited;
DROP FUNCTION test.tries, test.signs_up, test.ivo_becomes;
DELETE FROM bastion.roles WHERE name = 'inv manager';
