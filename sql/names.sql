-- Whose address and names a member sees, and that nobody becomes a member of a tenant unasked.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben', 'cem', 'dot', 'sol']) n,
     LATERAL bastion_api.signup(n || '@names.example', 'correct horse', 'Names of ' || n, initcap(n), n || '_names') a;
-- ann's tenant: ben may see members, cem may not, dot leads the unit west and sees its members; sol is a stranger
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT tenant, 'team', initcap(s), s FROM test.people, unnest(ARRAY['west', 'west-1', 'east']) s WHERE name IN ('ann', 'sol');
INSERT INTO bastion.unit_parents SELECT c.id, c.tenant_id, p.id FROM bastion.units c JOIN bastion.units p ON p.tenant_id = c.tenant_id
WHERE (c.slug, p.slug) = ('west-1', 'west') AND c.tenant_id IN (SELECT tenant FROM test.people);
INSERT INTO bastion.roles (tenant_id, name) SELECT tenant, r FROM test.people, unnest(ARRAY['seer', 'plain']) r WHERE name = 'ann';
INSERT INTO bastion.roles (tenant_id, name) SELECT tenant, 'secret role' FROM test.people WHERE name = 'sol';
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, p FROM bastion.roles r JOIN test.people a ON a.tenant = r.tenant_id AND a.name = 'ann',
     unnest(ARRAY['tenant.members.read', 'tenant.api_keys.manage', 'name_docs.*']) p WHERE r.name = 'seer';
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, p FROM bastion.roles r JOIN test.people a ON a.tenant = r.tenant_id AND a.name = 'ann',
     unnest(ARRAY['tenant.api_keys.manage', 'name_docs.*']) p WHERE r.name = 'plain';
SELECT bastion.membership_force(test.id_of(v.name), 'names-of-ann', v.role, v.unit) IS NOT NULL AS member
FROM (VALUES ('ben', 'seer', NULL), ('cem', 'plain', NULL), ('dot', 'seer', 'west'), ('ben', 'plain', 'west-1')) v (name, role, unit);
CREATE TABLE test.name_docs (id integer PRIMARY KEY, tenant_id uuid, owner_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('test.name_docs', owner_column => 'owner_id', resource => 'name_docs', sharing => 'cross_tenant', visibility => 'tenant');
GRANT SELECT, INSERT, UPDATE ON test.name_docs TO regress_app;
-- one statement, as somebody in ann's tenant, or in their own
CREATE FUNCTION test.told(who text, statement text, unit text DEFAULT NULL, own boolean DEFAULT false) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
    person record;
BEGIN
    SELECT coalesce(r.error, r.answer) INTO answer
    FROM test.as_app((SELECT token FROM test.people WHERE name = who), 'names-of-' || CASE WHEN own THEN who ELSE 'ann' END, unit, statement) r;
    FOR person IN SELECT * FROM test.people LOOP
        answer := replace(replace(answer, person.id::text, 'user ' || person.name), person.tenant::text, 'tenant of ' || person.name);
    END LOOP;
    RETURN regexp_replace(answer, E'[0-9a-f]{8}-[0-9a-f-]{27}|\\d{4}-\\d\\d-\\d\\d[T ][^",]*|(?<="number": )\\d+', '#', 'g');
END
$$;

-- a user who is not a member is invited, and nothing of theirs is shown or changed
SELECT test.told('sol', format('SELECT bastion.membership_set(%L, ''owner'')', test.id_of('ann')), own => true) AS invited;
SELECT bastion_api.login('ann@names.example', 'correct horse') #>> '{tenant,slug}' AS ann_logs_in_to;
SELECT test.told('sol', statement, own => true)
FROM unnest(ARRAY[format(E'SELECT string_agg(l, E''\\n'') FROM bastion.explain_member_access_text(%L, ''name_docs.read'') l', test.id_of('ann')),
    'SELECT bastion_api.invitations()', format('SELECT bastion.permission_grant(%L, ''name_docs.read'')', test.id_of('ann')),
    format('SELECT count(*) FROM bastion.memberships WHERE user_id = %L', test.id_of('ann')),
    format('SELECT bastion.sessions_revoke(%L)', test.id_of('ann')), format('SELECT bastion.membership_set(%L, ''owner'')', gen_random_uuid())]) statement;
SELECT who, own, test.told(who, 'SELECT bastion_api.my_invitations()', own => own) FROM (VALUES ('ann', true), ('ben', false)) v (who, own);
-- only who is invited answers it, in person and once; the answer to all others is the same
SELECT i.id AS invitation FROM bastion.invitations i WHERE i.user_id = test.id_of('ann') \gset
SELECT who, test.told(who, format('SELECT bastion_api.invitation_%s(id => %L)', answer, :'invitation'), own => who <> 'cem')
FROM (VALUES (1, 'sol', 'accept'), (2, 'ben', 'accept'), (3, 'cem', 'decline'), (4, 'ann', 'decline'), (5, 'ann', 'accept'), (6, 'ann', 'decline')) v (n, who, answer) ORDER BY n;
SELECT who, test.told(who, format('SELECT bastion_api.invitation_accept(id => %L)', id))
FROM (VALUES ('ann', NULL), ('ann', gen_random_uuid())) v (who, id);
-- a later invitation takes the place of the one before, and has an id of its own: what was read is what is accepted
SELECT test.told('sol', format('SELECT bastion.membership_set(%L, %L, %L, NULL, %L)', test.id_of('ann'), role, unit, ends), own => true)
FROM (VALUES ('viewer', NULL, NULL), ('secret role', NULL, NULL), ('admin', 'west', now() + interval '1 day')) v (role, unit, ends);
SELECT r.name, u.slug, i.revoked_at IS NULL AS open FROM bastion.invitations i JOIN bastion.roles r ON r.id = i.role_id LEFT JOIN bastion.units u ON u.id = i.unit_id
WHERE i.user_id = test.id_of('ann') ORDER BY i.created_at, 1;
SELECT test.told('ann', 'SELECT jsonb_agg(x -> ''role'' ORDER BY x -> ''role'') FROM jsonb_array_elements(bastion_api.my_invitations() -> ''invitations'') x', own => true);
SELECT test.told('ann', format('SELECT bastion_api.invitation_accept(id => %L)', i.id), own => true)
FROM bastion.invitations i JOIN bastion.roles r ON r.id = i.role_id WHERE i.user_id = test.id_of('ann') AND r.name IN ('viewer', 'admin') ORDER BY r.name DESC;
SELECT r.name, u.slug, m.valid_until > now() AS ends FROM bastion.memberships m JOIN bastion.roles r ON r.id = m.role_id LEFT JOIN bastion.units u ON u.id = m.unit_id
WHERE m.user_id = test.id_of('ann') AND m.tenant_id = (SELECT tenant FROM test.people WHERE name = 'sol');
SELECT test.told('sol', format('SELECT bastion.membership_set(%L, ''viewer'', NULL, NULL, now())', test.id_of('dot')), own => true) AS over,
       test.told('sol', format('SELECT bastion.membership_set(%L, ''viewer'', NULL, NULL, now() + interval ''1 h'')', test.id_of('dot')), own => true) AS short;
SELECT expires_at = valid_until AS until_it_ends FROM bastion.invitations WHERE user_id = test.id_of('dot');
-- a member gets a further role at once; who invited must still be one who could
SELECT test.told('sol', format('SELECT bastion.membership_set(%L, ''viewer'')', test.id_of('ann')), own => true);
SELECT test.told('sol', format('SELECT bastion.membership_set(%L, ''viewer'')', test.id_of('dot')), own => true);
BEGIN;
UPDATE bastion.tenants SET status = 'suspended' WHERE slug = 'names-of-sol';
SELECT test.told('dot', 'SELECT bastion_api.my_invitations()', own => true),
       test.told('dot', format('SELECT bastion_api.invitation_accept(id => %L)', i.id), own => true) FROM bastion.invitations i WHERE i.user_id = test.id_of('dot');
ROLLBACK;
UPDATE bastion.invitations SET created_at = now() - interval '8 days', expires_at = now() - interval '1 day' WHERE user_id = test.id_of('dot');
SELECT test.told('dot', format('SELECT bastion_api.invitation_accept(id => %L)', i.id), own => true) FROM bastion.invitations i WHERE i.user_id = test.id_of('dot');
-- who leads a unit replaces no invitation to it that gives more than they hold
SELECT test.told('ann', format('SELECT bastion.membership_set(%L, ''owner'', ''west'')', test.id_of('sol')));
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect)
SELECT test.id_of('dot'), u.tenant_id, u.id, p, 'grant' FROM bastion.units u JOIN test.people a ON a.tenant = u.tenant_id, unnest(ARRAY['tenant.members.*', '*.read']) p
WHERE a.name = 'ann' AND u.slug = 'west';
SELECT test.told('dot', format('SELECT bastion.membership_set(%L, ''viewer'', ''west'')', test.id_of('sol')), 'west');
DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('dot');
-- operators do without asking
SELECT test.error(format('SELECT bastion.membership_force(%L, %L, %L, %L, %L, %L)', u, t, r, n, NULL, ends))
FROM (VALUES (gen_random_uuid(), 'names-of-ann', 'viewer', NULL, NULL), (test.id_of('sol'), 'nowhere', 'viewer', NULL, NULL), (test.id_of('sol'), NULL, 'viewer', NULL, NULL),
    (NULL, 'names-of-ann', 'viewer', NULL, NULL), (test.id_of('sol'), 'names-of-ann', 'secret role', NULL, NULL), (test.id_of('sol'), 'names-of-ann', 'viewer', 'nowhere', NULL),
    (test.id_of('ann'), 'names-of-ann', 'viewer', NULL, NULL), (test.id_of('ann'), 'names-of-ann', 'owner', NULL, now())) v (u, t, r, n, ends);
SET ROLE regress_app;
SELECT test.error(format('SELECT bastion.membership_force(%L, ''names-of-ann'', ''viewer'')', gen_random_uuid()));
RESET ROLE;

-- names: of members, for who may see members there; of everybody else the uuid
SELECT test.told('ann', statement)
FROM unnest(ARRAY['WITH i AS (INSERT INTO test.name_docs VALUES (1) RETURNING 1) SELECT count(*) FROM i',
    format('SELECT bastion.share(''test.name_docs'', ''1'', with_user => %L)', test.id_of('ben')), format('SELECT bastion.share(''test.name_docs'', ''1'', with_user => %L)', test.id_of('sol')),
    format('SELECT bastion.share(''test.name_docs'', ''1'', with_tenant => %L)', (SELECT tenant FROM test.people WHERE name = 'sol')),
    format('SELECT bastion.share(''test.name_docs'', ''1'', with_unit => %L)', (SELECT u.id FROM bastion.units u JOIN test.people p ON p.tenant = u.tenant_id WHERE p.name = 'sol' AND u.slug = 'east')),
    format('SELECT bastion.share(''test.name_docs'', ''1'', with_unit => %L)', (SELECT u.id FROM bastion.units u JOIN test.people p ON p.tenant = u.tenant_id WHERE p.name = 'ann' AND u.slug = 'east')),
    format('SELECT bastion.share(''test.name_docs'', ''1'', with_role => %L)', (SELECT r.id FROM bastion.roles r WHERE r.name = 'secret role' AND r.tenant_id = (SELECT tenant FROM test.people WHERE name = 'sol')))]) statement;
SELECT who, test.told(who, 'SELECT string_agg(subject_kind || '' '' || subject_name || CASE WHEN cross_tenant THEN '' (elsewhere)'' ELSE '''' END, '', '' ORDER BY subject_kind, cross_tenant) FROM bastion.shares_of(''test.name_docs'', ''1'')')
FROM unnest(ARRAY['ann', 'ben', 'cem']) who;
CREATE FUNCTION test.label(id uuid) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT bastion_internal.user_label(id) $$;
SELECT v.who, v.unit, string_agg(test.told(v.who, format('SELECT test.label(%L)', p.id), v.unit), ', ' ORDER BY p.name) AS sees
FROM (VALUES (1, 'ann', NULL), (2, 'ben', NULL), (3, 'cem', NULL), (4, 'dot', 'west'), (5, 'ben', 'west-1')) v (n, who, unit), test.people p GROUP BY v.n, v.who, v.unit ORDER BY v.n;
SELECT bastion_internal.user_label(test.id_of('ann')) = test.id_of('ann')::text AS nobody_sees, bastion_internal.user_label(NULL) IS NULL AS of_nobody;
-- the users of API keys
SELECT test.told('ann', 'SELECT bastion_api.api_key_create(''a key'', ''{name_docs.read}'') IS NOT NULL');
SELECT who, test.told(who, 'SELECT jsonb_agg(k -> ''user'') FROM jsonb_array_elements(bastion_api.api_keys() -> ''api_keys'') k') FROM unnest(ARRAY['ann', 'ben', 'cem']) who;
-- the table shows one's own row
SELECT who, test.told(who, 'SELECT string_agg(email, '', '') FROM bastion.users') FROM unnest(ARRAY['ann', 'ben', 'cem']) who;
-- recorded
SELECT kind, outcome, user_id = test.id_of('ann') AS ann, count(*) FROM bastion.events e
WHERE kind LIKE 'invitation%' AND e.occurred_at > now() - interval '1 hour' AND (user_id = test.id_of('ann') OR tenant_id = (SELECT tenant FROM test.people WHERE name = 'sol')) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- A user is named by uuid, address or user name. Address and name find whom the caller may see; a stranger is as unknown as nobody.
SELECT who, named, test.told(who, format('SELECT bastion.permission_remove(%L, ''name_docs.read'')', named)) AS removed,
       test.told(who, format('SELECT count(*) > 0 FROM bastion.explain_member_access(%L, ''name_docs.read'')', named)) AS explained,
       test.told(who, format('SELECT jsonb_object_agg(k, true) FROM jsonb_object_keys(bastion.membership_set(%L, ''plain'')) k', named)) AS made
FROM (VALUES (1, 'ann', 'cem@names.example'), (2, 'ann', ' CEM_Names '), (3, 'ann', 'sol@names.example'), (4, 'ann', 'sol_names'), (5, 'ann', 'nobody@names.example'),
             (6, 'ann', ''), (7, 'ann', '00000000-0000-0000-0000-000000000000'), (8, 'ann', NULL), (9, 'cem', 'cem_names'), (10, 'cem', 'ann_names'), (11, 'cem', 'nobody_names')) v (n, who, named)
ORDER BY n;
-- the subject of a share alike, a unit and a tenant by slug, a role by name
SELECT test.told('ann', 'WITH i AS (INSERT INTO test.name_docs VALUES (7) RETURNING 1) SELECT count(*) FROM i');
SELECT subject, test.told('ann', format('SELECT bastion.share(''test.name_docs'', ''7'', %s)', subject)) AS shared,
       test.told('ann', format('SELECT bastion.unshare(''test.name_docs'', ''7'', %s)', subject)) AS ended
FROM (VALUES (1, 'with_user => ''cem_names'''), (2, 'with_user => ''sol_names'''), (3, 'with_user => ''nobody_names'''),
             (4, 'with_user => ''sol@names.example'''), (5, 'with_user => '''''), (6, 'with_unit => ''west'''), (7, 'with_unit => ''nowhere'''),
             (8, 'with_role => ''plain'''), (9, 'with_role => ''secret role'''), (10, 'with_role => ''viewer'''),
             (11, 'with_tenant => ''names-of-ann'''), (12, 'with_tenant => ''names-of-nobody'''), (13, 'with_user => NULL'),
             (14, 'with_user => ''cem_names'', with_tenant => ''names-of-ann''')) v (n, subject) ORDER BY n;
SELECT test.told('ann', format('SELECT bastion.share(''test.name_docs'', ''7'', with_user => %L::uuid)', test.id_of('cem'))) AS shared,
       test.told('ann', format('SELECT bastion.unshare(''test.name_docs'', ''7'', with_user => %L)', ' CEM@names.example ')) AS ended;
-- a member who sees nobody names nobody
SELECT test.told('cem', 'SELECT bastion_internal.share_subject_named(''user'', ''ann_names'')') AS internal,
       test.told('cem', 'WITH i AS (INSERT INTO test.name_docs VALUES (8) RETURNING 1) SELECT count(*) FROM i') AS made;
SELECT named, test.told('cem', format('SELECT bastion.share(''test.name_docs'', ''8'', with_user => %L)', named)) AS shared
FROM unnest(ARRAY['ann_names', 'nobody_names', 'cem_names']) named;
BEGIN;
SELECT named, test.told('ann', format('SELECT bastion.sessions_revoke(%L)', named)) AS ended
FROM (VALUES (1, 'nobody_names'), (2, 'sol_names'), (3, 'cem_names'), (4, 'cem_names')) v (n, named) ORDER BY n;
ROLLBACK;
-- operators name everybody, and tenants by slug
SELECT bastion.membership_force('ann_names', 'names-of-ann', 'owner') = bastion.membership_force(test.id_of('ann'), 'names-of-ann', 'owner') AS same,
       bastion.user_sessions_revoke('nobody_names') AS nobody, count(*) > 0 AS explained
FROM bastion.explain_access('cem@names.example', 'name_docs.read', tenant => 'names-of-ann');
BEGIN;
SELECT bastion.impersonate('CEM_NAMES', 'names-of-ann', 'a test') = test.id_of('cem') AS impersonated;
ROLLBACK;
SELECT test.error($$SELECT bastion.impersonate('nobody_names', 'names-of-ann', 'a test')$$) AS nobody,
       test.error($$SELECT bastion.impersonate('cem_names', 'names-of-nobody', 'a test')$$) AS nowhere;

DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.people);
SELECT count(*) FROM bastion.invitations WHERE user_id IN (SELECT id FROM test.people);
DELETE FROM bastion.users WHERE id IN (SELECT id FROM test.people);
TRUNCATE test.people;
DROP TABLE test.name_docs;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.permissions WHERE resource = 'name_docs';
DROP FUNCTION test.told, test.label;
