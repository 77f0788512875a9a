-- What is passed on never exceeds what is held: permission, place, level, and until when. 2100 stands for tomorrow: what is held
-- until then is passed on until then, and not for good.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'tim', 'fay', 'gil', 'leo', 'dot', 'sam']) n, LATERAL bastion_api.signup(n || '@pass.example', 'correct horse', 'Pass of ' || n) a;
SELECT id AS tenant FROM bastion.tenants WHERE slug = 'pass-of-ann' \gset
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT :'tenant', 'team', s, s FROM unnest(ARRAY['west', 'west-1', 'east']) s;
INSERT INTO bastion.unit_parents SELECT c.id, c.tenant_id, p.id FROM bastion.units c JOIN bastion.units p USING (tenant_id) WHERE (c.slug, p.slug) = ('west-1', 'west') AND tenant_id = :'tenant';
CREATE FUNCTION test.unit_of(slug text) RETURNS uuid LANGUAGE sql AS $$ SELECT u.id FROM bastion.units u JOIN bastion.tenants t ON t.id = u.tenant_id WHERE t.slug = 'pass-of-ann' AND u.slug = unit_of.slug $$;
CREATE TABLE test.pass_docs (id int PRIMARY KEY, tenant_id uuid, owner_id uuid);
CREATE TABLE test.pass_teams (id int PRIMARY KEY, tenant_id uuid);
SELECT count(*) > 0 AS protected FROM bastion.protect('test.pass_docs', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
SELECT count(*) > 0 AS protected FROM bastion.protect('test.pass_teams', sharing => 'tenant', visibility => 'unit');
GRANT SELECT, INSERT, UPDATE, DELETE ON test.pass_docs, test.pass_teams TO regress_app;
SELECT bastion.resource_register('pass_other', '{read,export}');
-- ann owns the tenant; tim is admin until 2100, fay for good; gil manages members by grants of his own and is a viewer until 2100;
-- leo leads west; dot is a member; sam is a viewer, who will be an admin
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'tenant', 'clerk');
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id, valid_from, valid_until)
SELECT p.id, :'tenant', test.unit_of(v.unit), r.id, v.valid_from, v.valid_until
FROM (VALUES ('tim', 'admin', NULL, NULL, timestamptz '2100-01-01Z'), ('fay', 'admin', NULL, NULL, NULL), ('gil', 'viewer', NULL, NULL, '2100-01-01Z'),
             ('leo', 'admin', 'west', NULL, NULL), ('dot', 'member', NULL, NULL, NULL), ('sam', 'viewer', NULL, NULL, NULL),
             ('sam', 'admin', 'west', timestamptz '2090-01-01Z', NULL)) v (name, role, unit, valid_from, valid_until)
JOIN test.people p USING (name) JOIN bastion.roles r ON r.name = v.role AND r.system;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect)
SELECT test.id_of('gil'), :'tenant', p, 'grant' FROM unnest(ARRAY['tenant.members.*', 'pass_docs.*']) p;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect, valid_from) VALUES (test.id_of('fay'), :'tenant', 'pass_docs.delete', 'deny', '2100-01-01Z');
-- one statement, as a member of the tenant with a login or a key; the answer is its error or what it returned
CREATE FUNCTION test.does(who text, statement text, key text DEFAULT NULL) RETURNS text LANGUAGE sql
AS $$
    SELECT CASE WHEN r.error IS NOT NULL THEN concat_ws(' / ', r.error, r.detail) WHEN r.answer ~ '^[0-9a-f]{8}-' THEN 'an id'
                WHEN r.answer ~ '^{' THEN 'an object' ELSE coalesce(nullif(r.answer, ''), 'done') END
    FROM test.as_app(coalesce(key, (SELECT token FROM test.people WHERE name = who)), CASE WHEN key IS NULL THEN 'pass-of-ann' END, NULL,
         'SELECT ' || CASE WHEN statement ~ '^bastion' THEN '' ELSE 'bastion.' END || statement) r
$$;
-- the same, undone; ME, DOT and SAM stand for ids
CREATE FUNCTION test.would(who text, statement text, key text DEFAULT NULL) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    answer := test.does(who, replace(replace(replace(statement, '''DOT''', quote_literal(test.id_of('dot'))), '''SAM''', quote_literal(test.id_of('sam'))), '''ME''', quote_literal(test.id_of(who))), key);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = answer;
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN answer;
END
$$;
-- which patterns could cover the same permission one day
SELECT a, array_agg(b ORDER BY b COLLATE "C") FILTER (WHERE bastion_internal.patterns_overlap(a, b)) AS meets, bool_and(bastion_internal.patterns_overlap(a, b) = bastion_internal.patterns_overlap(b, a)) AS both_ways
FROM unnest(ARRAY['*', '*.read', 'docs.*', 'docs.read', 'docs.lines.*', 'tenant.*', 'tenant.read']) a, unnest(ARRAY['*', '*.read', '*.write', 'docs.*', 'docs.read', 'docs.lines.read', 'docsets.*', 'tenant.*', 'tenant.read']) b
GROUP BY a ORDER BY a COLLATE "C";

-- memberships, grants, roles and invitations end when the giver's right ends
SELECT who, statement, test.would(who, statement)
FROM (VALUES ('tim', 'membership_set(''ME'', ''admin'')'), ('tim', 'membership_set(''ME'', ''admin'', NULL, NULL, ''2100-01-01 00:00:01Z'')'),
    ('tim', 'membership_set(''ME'', ''admin'', NULL, NULL, ''2100-01-01Z'')'), ('tim', 'membership_set(''ME'', ''admin'', NULL, NULL, ''infinity'')'),
    ('tim', 'membership_set(''DOT'', ''viewer'')'), ('tim', 'membership_set(''DOT'', ''viewer'', ''west'', ''2050-01-01Z'', ''2060-01-01Z'')'),
    ('tim', 'membership_set(''DOT'', ''viewer'', ''west'', ''2150-01-01Z'', ''2160-01-01Z'')'),
    ('tim', 'permission_grant(''ME'', ''pass_docs.read'')'), ('tim', 'permission_grant(''DOT'', ''*'')'), ('tim', 'permission_grant(''DOT'', ''*'', ''west'', ''2100-01-01Z'')'),
    ('tim', 'role_permission_add(''clerk'', ''pass_docs.read'')'), ('tim', 'role_parent_add(''clerk'', ''viewer'')'), ('fay', 'role_permission_add(''clerk'', ''pass_docs.read'')'),
    ('tim', 'invite(''new@pass.example'', ''viewer'')'), ('tim', 'invite(''new@pass.example'', ''viewer'', NULL, ''1 day'', ''2100-01-01Z'')'),
    ('fay', 'invite(''new@pass.example'', ''viewer'', NULL, ''1 day'', now() - interval ''1 day'')'),
    -- to take needs the right now
    ('tim', 'membership_remove(''DOT'')'), ('tim', 'permission_deny(''DOT'', ''pass_docs.read'')'), ('tim', 'role_permission_remove(''clerk'', ''pass_docs.read'')'),
    ('tim', 'role_parent_remove(''clerk'', ''viewer'')'), ('tim', 'role_delete(''clerk'')'),
    -- who will be denied passes on until then, and what a deny could meet one day not at all
    ('fay', 'permission_grant(''DOT'', ''pass_docs.*'')'), ('fay', 'permission_grant(''DOT'', ''pass_docs.*'', NULL, ''2100-01-01Z'')'),
    ('fay', 'permission_grant(''DOT'', ''pass_docs.read'')'), ('fay', 'membership_set(''ME'', ''admin'')'), ('fay', 'permission_remove(''ME'', ''pass_docs.delete'')'),
    ('fay', 'role_permission_add(''clerk'', ''*.delete'')'), ('fay', 'role_permission_add(''clerk'', ''*.read'')'),
    -- a grant of one's own ends with the membership
    ('gil', 'permission_grant(''DOT'', ''pass_docs.*'')'), ('gil', 'permission_grant(''DOT'', ''pass_docs.*'', NULL, ''2100-01-01Z'')'),
    -- what is held elsewhere, or later
    ('sam', 'permission_grant(''DOT'', ''pass_docs.read'', ''west'')'), ('fay', 'permission_grant(''DOT'', ''tenant.delete'')')) v (who, statement);
-- a deny of what is not there yet, and one in a unit for the whole tenant
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (test.id_of('fay'), :'tenant', NULL, '*.export', 'deny'),
    (test.id_of('tim'), :'tenant', test.unit_of('west-1'), 'pass_docs.update', 'deny');
SELECT who, statement, test.would(who, statement)
FROM (VALUES ('fay', 'permission_grant(''DOT'', ''pass_other.read'')'), ('fay', 'permission_grant(''DOT'', ''pass_teams.*'')'), ('fay', 'membership_set(''DOT'', ''admin'')'),
    ('tim', 'permission_grant(''DOT'', ''pass_docs.update'', NULL, ''2100-01-01Z'')'), ('tim', 'permission_grant(''DOT'', ''pass_docs.update'', ''west'', ''2100-01-01Z'')'),
    ('tim', 'permission_grant(''DOT'', ''pass_docs.update'', ''east'', ''2100-01-01Z'')')) v (who, statement);
ROLLBACK;
-- what is held in a unit is passed on there, and not in the unit above
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect)
VALUES (test.id_of('dot'), :'tenant', NULL, 'tenant.members.manage', 'grant'), (test.id_of('dot'), :'tenant', test.unit_of('west-1'), 'pass_other.export', 'grant');
SELECT statement, test.would('dot', statement)
FROM unnest(ARRAY['permission_grant(''SAM'', ''pass_other.export'', ''west-1'')', 'permission_grant(''SAM'', ''pass_other.export'', ''west'')', 'permission_grant(''SAM'', ''pass_other.export'')']) statement;
ROLLBACK;
-- of several grants the longest counts; a role in every tenant counts as long as it is held; what is inherited ends with the role
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect, valid_until) VALUES (test.id_of('dot'), :'tenant', 'tenant.members.manage', 'grant', '2200-01-01Z'),
    (test.id_of('dot'), :'tenant', '*.read', 'grant', '2050-01-01Z'), (test.id_of('dot'), :'tenant', 'pass_docs.read', 'grant', '2060-01-01Z');
SELECT statement, test.would('dot', statement)
FROM unnest(ARRAY['permission_grant(''ME'', ''*.read'')', 'permission_grant(''ME'', ''*.delete'')', 'permission_grant(''ME'', ''pass_docs.read'')']) statement;
DELETE FROM bastion.memberships WHERE user_id = test.id_of('dot') AND tenant_id = :'tenant';
SELECT bastion.platform_role_set(test.id_of('dot'), 'developer', NULL, '2150-01-01Z');
SELECT statement, test.would('dot', statement)
FROM unnest(ARRAY['permission_grant(''ME'', ''pass_docs.read'')', 'permission_grant(''SAM'', ''pass_docs.read'')', 'permission_grant(''SAM'', ''pass_docs.read'', NULL, ''2150-01-01Z'')',
                   'permission_grant(''SAM'', ''tenant.members.manage'', NULL, ''2200-01-01Z'')']) statement;
ROLLBACK;

-- keys: the scopes cover the pattern itself, in the unit of the key, until the key expires
SELECT a ->> 'access_token' AS ann FROM bastion_api.login('ann@pass.example', 'correct horse', 'pass-of-ann') a \gset
SELECT a ->> 'access_token' AS tim FROM bastion_api.login('tim@pass.example', 'correct horse', 'pass-of-ann') a \gset
CREATE TABLE test.keys (name text PRIMARY KEY, key text);
GRANT SELECT, INSERT ON test.keys TO regress_app;
SET ROLE regress_app;
BEGIN; SELECT bastion.authenticate(:'ann') IS NOT NULL AS ann;
INSERT INTO test.keys
SELECT name, bastion_api.api_key_create(name, scopes, expires_at, '{}', unit) ->> 'key'
FROM (VALUES ('literal', '{tenant.members.manage,pass_docs.create,pass_docs.read,pass_docs.update,pass_docs.delete,pass_docs.manage}'::text[], NULL::timestamptz, NULL),
    ('pattern', '{tenant.members.manage,tenant.roles.manage,pass_docs.*}', NULL, NULL), ('west', '{tenant.*,*}', NULL, 'west'), ('short', '{tenant.*,*}', '2090-01-01Z', NULL),
    ('narrow', '{pass_docs.manage,pass_docs.read}', NULL, NULL), ('all', '{tenant.*,*}', NULL, NULL)) v (name, scopes, expires_at, unit);
COMMIT;
BEGIN; SELECT bastion.authenticate(:'tim') IS NOT NULL AS tim;
INSERT INTO test.keys SELECT 'tims', bastion_api.api_key_create('tims', '{tenant.*,*}', '2150-01-01Z') ->> 'key';
COMMIT;
RESET ROLE;
SELECT v.name, statement, test.would('ann', statement, (SELECT key FROM test.keys k WHERE k.name = v.name))
FROM (VALUES ('literal', 'permission_grant(''DOT'', ''pass_docs.*'')'), ('literal', 'permission_grant(''DOT'', ''pass_docs.delete'')'), ('literal', 'membership_set(''DOT'', ''viewer'')'),
    ('pattern', 'permission_grant(''DOT'', ''pass_docs.*'')'), ('pattern', 'permission_grant(''DOT'', ''pass_docs.update'')'), ('pattern', 'permission_grant(''DOT'', ''*.read'')'),
    ('pattern', 'role_permission_add(''clerk'', ''pass_docs.*'')'), ('pattern', 'permission_remove(''DOT'', ''*.read'')'),
    ('west', 'membership_set(''DOT'', ''admin'')'), ('west', 'membership_set(''DOT'', ''admin'', ''east'')'), ('west', 'membership_set(''DOT'', ''admin'', ''west-1'')'),
    ('west', 'role_create(''by key'')'), ('west', 'unit_create(''team'', ''By key'')'), ('west', 'unit_create(''team'', ''By key'', NULL, ''west'')'), ('west', 'unit_delete(''east'')'),
    ('west', 'invite(''new@pass.example'', ''viewer'')'), ('west', 'sessions_revoke(''DOT'')'),
    ('short', 'membership_set(''DOT'', ''viewer'')'), ('short', 'membership_set(''DOT'', ''viewer'', NULL, NULL, ''2090-01-01Z'')'), ('short', 'role_permission_add(''clerk'', ''pass_docs.read'')'),
    ('short', 'membership_remove(''DOT'')'), ('tims', 'membership_set(''DOT'', ''viewer'', NULL, NULL, ''2150-01-01Z'')'), ('tims', 'membership_set(''DOT'', ''viewer'', NULL, NULL, ''2100-01-01Z'')'),
    ('all', 'membership_set(''DOT'', ''owner'')')) v (name, statement);
-- a key of somebody whose right has ended, or who is disabled, is good for nothing
BEGIN;
UPDATE bastion.memberships SET valid_until = now() - interval '1 day' WHERE user_id = test.id_of('tim') AND tenant_id = :'tenant';
SELECT test.would('ann', 'membership_set(''DOT'', ''viewer'', NULL, NULL, ''2090-01-01Z'')', key) FROM test.keys WHERE name = 'tims';
UPDATE bastion.users SET status = 'disabled' WHERE id = test.id_of('ann');
SELECT test.would('ann', 'membership_set(''DOT'', ''viewer'')', key) FROM test.keys WHERE name = 'all';
ROLLBACK;

-- shares: every action of the level, on the row's list, until the share ends
INSERT INTO test.pass_docs VALUES (1, :'tenant', test.id_of('ann')), (2, :'tenant', test.id_of('dot')), (3, :'tenant', test.id_of('gil')), (4, :'tenant', test.id_of('tim'));
INSERT INTO test.pass_teams (id, tenant_id, acl_id)
SELECT 1, :'tenant'::uuid, acl_id FROM bastion.units WHERE id = test.unit_of('west') UNION ALL SELECT 2, id, acl_id FROM bastion.tenants WHERE id = :'tenant';
SELECT who, statement, test.would(who, format('share(''test.%s'', ''%s'', with_user => ''%s'', level => ''%s'', valid_until => %L)', relation, key, whom, level, valid_until))
FROM (VALUES ('tim', 'pass_docs', 1, 'ME', 'manage', NULL::timestamptz), ('tim', 'pass_docs', 1, 'ME', 'manage', '2100-01-01Z'), ('tim', 'pass_docs', 1, 'DOT', 'read', NULL),
    ('tim', 'pass_docs', 4, 'DOT', 'read', NULL), ('tim', 'pass_docs', 4, 'DOT', 'read', '2100-01-01Z'),
    ('fay', 'pass_docs', 1, 'DOT', 'manage', NULL), ('fay', 'pass_docs', 1, 'DOT', 'manage', '2100-01-01Z'), ('fay', 'pass_docs', 1, 'DOT', 'deploy', NULL),
    ('gil', 'pass_docs', 3, 'DOT', 'manage', NULL), ('gil', 'pass_docs', 3, 'DOT', 'manage', '2100-01-01Z'), ('dot', 'pass_docs', 2, 'ME', 'manage', NULL),
    ('leo', 'pass_teams', 1, 'DOT', 'manage', NULL), ('leo', 'pass_teams', 2, 'DOT', 'read', NULL), ('sam', 'pass_teams', 1, 'DOT', 'read', NULL)) v (who, relation, key, whom, level, valid_until),
    LATERAL (SELECT concat_ws(' ', relation, key, whom, level, valid_until) AS statement) s;
SELECT v.name, v.level, test.would('ann', format('share(''test.pass_docs'', ''1'', with_user => ''DOT'', level => ''%s'', valid_until => %L)', v.level, v.valid_until), (SELECT key FROM test.keys k WHERE k.name = v.name))
FROM (VALUES ('narrow', 'read', NULL::timestamptz), ('narrow', 'write', NULL), ('literal', 'write', NULL), ('literal', 'manage', NULL), ('pattern', 'manage', NULL), ('all', 'manage', NULL),
    ('short', 'read', NULL), ('short', 'read', '2090-01-01Z')) v (name, level, valid_until);
-- denies, in the tenant and in the unit of the row; shares of one's own, until they end
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (test.id_of('ann'), :'tenant', NULL, 'pass_docs.delete', 'deny'),
    (test.id_of('ann'), :'tenant', NULL, 'pass_teams.create', 'deny'), (test.id_of('leo'), :'tenant', test.unit_of('west'), 'pass_teams.export', 'deny'),
    (test.id_of('fay'), :'tenant', test.unit_of('west-1'), 'pass_teams.*', 'deny');
SELECT who, relation, level, test.would(who, format('share(''test.%s'', ''1'', with_user => ''DOT'', level => ''%s'')', relation, level))
FROM (VALUES ('ann', 'pass_docs', 'manage'), ('ann', 'pass_docs', 'deploy'), ('ann', 'pass_teams', 'manage'), ('leo', 'pass_teams', 'manage'), ('leo', 'pass_teams', 'deploy'),
    ('fay', 'pass_teams', 'manage')) v (who, relation, level);
ROLLBACK;
SELECT test.does('ann', format('share(''test.pass_docs'', ''1'', with_user => %L, level => ''manage'', valid_until => ''2080-01-01Z'')', test.id_of('dot')));
SELECT level, valid_until, test.would('dot', format('share(''test.pass_docs'', ''1'', with_user => %L, level => ''%s'', valid_until => %L)', test.id_of(whom), level, valid_until))
FROM (VALUES ('dot', 'manage', NULL::timestamptz), ('dot', 'read', NULL), ('dot', 'manage', '2080-01-01Z'), ('sam', 'read', NULL), ('sam', 'read', '2080-01-01Z')) v (whom, level, valid_until);
-- to change a share needs what it gave
SELECT test.does('ann', format('share(''test.pass_docs'', ''2'', with_user => %L, level => ''write'')', test.id_of('sam')));
SELECT k.name, test.would('ann', format('share(''test.pass_docs'', ''2'', with_user => %L)', test.id_of('sam')), k.key) FROM test.keys k WHERE k.name IN ('narrow', 'all') ORDER BY 1;
-- list_held() and the sets that policies ask agree
SELECT p.name, l.name AS list, h.pattern, h.held_until
FROM test.people p, LATERAL (SELECT 'docs ' || id, acl_id, 'pass_docs' FROM test.pass_docs UNION ALL SELECT 'teams ' || id, acl_id, 'pass_teams' FROM test.pass_teams) l (name, acl, resource),
     bastion_internal.list_held(p.id, :'tenant', l.resource, l.acl, ARRAY(SELECT k.name FROM bastion.permissions k WHERE k.resource = l.resource AND k.action <> 'create'), true) h
LEFT JOIN LATERAL (SELECT true AS holds FROM bastion_internal.acl_grants(p.id, :'tenant') g WHERE h.pattern = ANY (g.permissions) AND l.acl = ANY (g.acl_ids) LIMIT 1) a ON true
WHERE (h.held_until IS NOT NULL) <> (a.holds IS NOT NULL);

-- invitations: what was invited is not lessened by less, and acceptance asks again, until when
CREATE TABLE test.invited (label text PRIMARY KEY, answer jsonb);
GRANT SELECT, INSERT ON test.invited TO regress_app;
CREATE FUNCTION test.invites(label text, who text, arguments text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('bastion.allow_identity_switch', 'on', true);
    SET LOCAL ROLE regress_app;
    PERFORM bastion.authenticate((SELECT token FROM test.people WHERE name = who), 'pass-of-ann');
    EXECUTE format('INSERT INTO test.invited SELECT %L, bastion.invite(%s)', label, arguments);
    RESET ROLE;
    RETURN 'invited';
END
$$;
SELECT test.invites('owner', 'ann', '''Una@pass.example'', ''owner''');
SELECT who, statement, test.would(who, format(statement, id))
FROM (SELECT answer ->> 'id' AS id FROM test.invited WHERE label = 'owner') i, LATERAL (VALUES ('fay', 'invite(''una@pass.example'', ''viewer'')'), ('fay', 'invite(''una@pass.example'', ''viewer'', ''west'')'),
    ('ann', 'invite(''una@pass.example'', ''viewer'')'), ('fay', 'invitation_revoke(%L)'), ('ann', 'invitation_revoke(%L)')) v (who, statement);
UPDATE bastion.invitations SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day' WHERE email = 'una@pass.example';
SELECT test.would('fay', 'invite(''una@pass.example'', ''viewer'')') AS over;
SELECT test.invites(label, who, arguments)
FROM (VALUES ('short', 'tim', '''una@pass.example'', ''viewer'', ''east'', ''1 day'', ''2100-01-01Z'''), ('good', 'fay', '''uli@pass.example'', ''viewer'', ''east'''),
             ('soon', 'ann', '''uta@pass.example'', ''viewer'', NULL, ''7 days'', now() + interval ''1 hour''')) v (label, who, arguments);
SELECT label, (answer ->> 'valid_until')::timestamptz = '2100-01-01Z' AS as_said, (answer ->> 'expires_at')::timestamptz <= coalesce((answer ->> 'valid_until')::timestamptz, 'infinity') AS before_the_end
FROM test.invited WHERE label <> 'owner' ORDER BY 1;
CREATE FUNCTION test.joins(label text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(a ->> 'error', 'joined') FROM test.invited i, LATERAL bastion_api.signup_invited(i.answer ->> 'token', 'correct horse') a WHERE i.label = joins.label
$$;
-- each alone, then undone: the right of the inviter ends sooner than it did, is denied from some time on, or in a part of the place
BEGIN; UPDATE bastion.memberships SET valid_until = '2099-12-31Z' WHERE user_id = test.id_of('tim') AND tenant_id = :'tenant'; SELECT test.joins('short'); ROLLBACK;
BEGIN; INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect, valid_from) VALUES (test.id_of('tim'), :'tenant', 'pass_docs.read', 'deny', '2090-01-01Z'); SELECT test.joins('short'); ROLLBACK;
BEGIN; INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (test.id_of('tim'), :'tenant', test.unit_of('east'), 'pass_docs.read', 'deny'); SELECT test.joins('short'); ROLLBACK;
BEGIN; UPDATE bastion.memberships SET valid_until = '2150-01-01Z' WHERE user_id = test.id_of('fay') AND tenant_id = :'tenant'; SELECT test.joins('good'); ROLLBACK;
BEGIN; UPDATE bastion.user_permissions SET pattern = 'pass_docs.*' WHERE user_id = test.id_of('fay') AND tenant_id = :'tenant'; SELECT test.joins('good'); ROLLBACK;
BEGIN; INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (test.id_of('fay'), :'tenant', test.unit_of('east'), 'tenant.members.*', 'deny'); SELECT test.joins('good'); ROLLBACK;
BEGIN; UPDATE bastion.invitations SET created_at = now() - interval '1 day', expires_at = now() - interval '1 s', valid_until = now() WHERE email = 'uta@pass.example'; SELECT test.joins('soon'); ROLLBACK;
DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('fay') AND tenant_id = :'tenant';
SELECT label, test.joins(label) FROM unnest(ARRAY['short', 'good', 'soon']) label;
SELECT u.email, m.valid_until = '2100-01-01Z' AS until_2100, m.valid_until IS NULL AS for_good FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id
WHERE m.tenant_id = :'tenant' AND u.email ~ '^u' ORDER BY 1;
-- a membership that is over is no role that somebody has
UPDATE bastion.memberships m SET valid_until = now() FROM bastion.users u WHERE u.id = m.user_id AND u.email = 'uta@pass.example' AND m.tenant_id = :'tenant';
SELECT test.invites('again', 'ann', '''uta@pass.example'', ''member''');
SET ROLE regress_app;
BEGIN; SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'ann'), 'pass-of-ann') IS NOT NULL AS ann; SELECT x ->> 'email' AS email, x -> 'valid_until' AS valid_until FROM jsonb_array_elements(bastion_api.invitations() -> 'invitations') x; COMMIT;
RESET ROLE;
SELECT bastion.token_issue(u.id, NULL) AS uta FROM bastion.users u WHERE u.email = 'uta@pass.example' \gset
SET ROLE regress_app;
BEGIN; SELECT bastion.authenticate(:'uta') IS NOT NULL AS uta; SELECT bastion_api.invitation_accept(answer ->> 'token') ->> 'error' AS error FROM test.invited WHERE label = 'again'; COMMIT;
RESET ROLE;
SELECT r.name, m.valid_until FROM bastion.memberships m JOIN bastion.users u ON u.id = m.user_id JOIN bastion.roles r ON r.id = m.role_id WHERE u.email = 'uta@pass.example' AND m.tenant_id = :'tenant';

-- a unit that moves passes on what the units above it have: leo may move units, and holds nothing in east
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('dot'), :'tenant', 'tenant.units.manage', 'grant'), (test.id_of('leo'), :'tenant', 'tenant.units.manage', 'grant');
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect, valid_until) VALUES (test.id_of('sam'), :'tenant', test.unit_of('east'), 'pass_docs.read', 'grant', '2110-01-01Z');
SELECT who, statement, test.would(who, statement)
FROM (VALUES ('leo', 'unit_move(''east'', ''west'')'), ('dot', 'unit_move(''east'', ''west'')'), ('dot', 'unit_move(''west-1'')'), ('fay', 'unit_move(''east'', ''west'')'),
    ('tim', 'unit_move(''east'', ''west'')'), ('fay', 'unit_move(''west'', ''east'')'), ('dot', 'unit_move(''west-1'', ''west'')')) v (who, statement);
BEGIN; UPDATE bastion.memberships m SET valid_until = '2095-01-01Z' WHERE m.unit_id = test.unit_of('west');
SELECT test.would('tim', 'unit_move(''east'', ''west'')') AS tim; ROLLBACK;
-- what begins later is gained too
BEGIN; UPDATE bastion.memberships m SET valid_from = '2090-01-01Z', valid_until = NULL WHERE m.unit_id = test.unit_of('west');
SELECT test.would('dot', 'unit_move(''east'', ''west'')') AS dot; ROLLBACK;

-- the end
DROP TABLE test.pass_docs, test.pass_teams, test.keys, test.invited;
SELECT bastion_internal.forget_dropped_tables();
DROP FUNCTION test.would, test.does, test.unit_of, test.invites, test.joins;
DELETE FROM bastion.tenants WHERE slug LIKE 'pass-of-%';
DELETE FROM bastion.users WHERE email LIKE '%@pass.example';
DELETE FROM bastion.permissions WHERE resource IN ('pass_docs', 'pass_teams', 'pass_other');
TRUNCATE test.people;
