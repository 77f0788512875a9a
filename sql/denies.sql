-- A deny is not undone by who is denied. A deny ends, wholly or in a part of the tenant, by permission_remove(), by
-- permission_grant() and permission_deny() of the same pattern in its place, by unit_move() of a unit from below it, and by
-- unit_delete() of its unit or of one below. Each is tried here by the denied; so is what must not touch one.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'den', 'nia', 'mel', 'vic']) n, LATERAL bastion_api.signup(n || '@deny.example', 'correct horse', 'Deny of ' || n) a;
SELECT id AS tenant FROM bastion.tenants WHERE slug = 'deny-of-ann' \gset
INSERT INTO bastion.units (tenant_id, kind, name, slug) SELECT :'tenant', 'team', s, s FROM unnest(ARRAY['north', 'north-1', 'north-1-a', 'south']) s;
INSERT INTO bastion.unit_parents SELECT c.id, c.tenant_id, p.id FROM bastion.units c JOIN bastion.units p USING (tenant_id)
WHERE (c.slug, p.slug) IN (('north-1', 'north'), ('north-1-a', 'north-1')) AND tenant_id = :'tenant';
CREATE FUNCTION test.unit_of(slug text) RETURNS uuid LANGUAGE sql AS $$ SELECT u.id FROM bastion.units u JOIN bastion.tenants t ON t.id = u.tenant_id WHERE t.slug = 'deny-of-ann' AND u.slug = unit_of.slug $$;
CREATE TABLE test.deny_docs (id int PRIMARY KEY, tenant_id uuid, unit text);
SELECT count(*) > 0 AS protected FROM bastion.protect('test.deny_docs', sharing => 'tenant', visibility => 'unit');
GRANT SELECT, INSERT, UPDATE, DELETE ON test.deny_docs TO regress_app;
INSERT INTO test.deny_docs (id, tenant_id, unit, acl_id)
SELECT n, :'tenant', u, (SELECT acl_id FROM bastion.units WHERE id = test.unit_of(u)) FROM unnest(ARRAY['north', 'north-1', 'north-1-a', 'south']) WITH ORDINALITY v (u, n);
-- ann owns the tenant, den and nia are its admins, mel leads north-1, vic is a viewer
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT p.id, :'tenant', test.unit_of(v.unit), r.id
FROM (VALUES ('den', 'admin', NULL), ('nia', 'admin', NULL), ('mel', 'admin', 'north-1'), ('vic', 'viewer', NULL)) v (name, role, unit)
JOIN test.people p USING (name) JOIN bastion.roles r ON r.name = v.role AND r.system;
CREATE FUNCTION test.does(who text, statement text) RETURNS text LANGUAGE sql
AS $$
    SELECT CASE WHEN r.error IS NOT NULL THEN concat_ws(' / ', r.error, r.detail) WHEN r.answer ~ '^[0-9a-f]{8}-' THEN 'an id'
                WHEN r.answer ~ '^{' THEN 'an object' ELSE coalesce(nullif(r.answer, ''), 'done') END
    FROM test.people p, test.as_app(p.token, 'deny-of-ann', CASE who WHEN 'mel' THEN 'north-1' END,
         replace(replace(statement, 'ME', quote_literal(p.id)), 'DEN', quote_literal(test.id_of('den')))) r
    WHERE p.name = who
$$;
-- what a member reaches and may delete
CREATE FUNCTION test.reaches(who text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' / ', test.does(who, 'SELECT string_agg(unit, '' '' ORDER BY id) FROM test.deny_docs'),
                     test.does(who, 'WITH gone AS (DELETE FROM test.deny_docs RETURNING unit, id) SELECT string_agg(unit, '' '' ORDER BY id) FROM gone'))
$$;
-- tried one after the other and undone; then what the user reaches who is denied
CREATE FUNCTION test.would(who text, VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql
AS $$
DECLARE
    answer text;
BEGIN
    SELECT string_agg(test.does(who, s), '; ' ORDER BY n) INTO answer FROM unnest(statements) WITH ORDINALITY v (s, n);
    RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = answer || ' => ' || test.reaches('den');
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
    RETURN SQLERRM;
END
$$;
-- den is denied everything in north and below, and to delete anywhere from 2100 to 2110
SELECT test.would('den', 'SELECT 1') AS undenied;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect, valid_from, valid_until)
VALUES (test.id_of('den'), :'tenant', test.unit_of('north'), 'deny_docs.*', 'deny', NULL, NULL), (test.id_of('den'), :'tenant', NULL, 'deny_docs.delete', 'deny', '2100-01-01Z', '2110-01-01Z');
SELECT test.would('den', 'SELECT 1') AS denied;
-- permission_remove()
SELECT v.who, v.call, test.would(v.who, 'SELECT bastion.' || v.call)
FROM (VALUES ('den', 'permission_remove(DEN, ''deny_docs.*'', ''north'')'), ('den', 'permission_remove(DEN, ''deny_docs.delete'')'), ('mel', 'permission_remove(DEN, ''deny_docs.*'', ''north'')'),
    ('vic', 'permission_remove(DEN, ''deny_docs.*'', ''north'')'), ('nia', 'permission_remove(DEN, ''deny_docs.*'', ''north'')'), ('nia', 'permission_remove(DEN, ''deny_docs.delete'')'),
-- permission_grant() and permission_deny() in its place
    ('den', 'permission_grant(DEN, ''deny_docs.*'', ''north'')'), ('den', 'permission_grant(DEN, ''deny_docs.delete'')'), ('den', 'permission_grant(DEN, ''deny_docs.delete'', NULL, ''2050-01-01Z'')'),
    ('den', 'permission_deny(DEN, ''deny_docs.*'', ''north'', now() + interval ''1 second'')'), ('den', 'permission_deny(DEN, ''deny_docs.delete'', NULL, ''2105-01-01Z'')'),
    ('den', 'permission_deny(DEN, ''deny_docs.delete'', NULL, ''2110-01-01Z'')'), ('den', 'permission_deny(DEN, ''deny_docs.read'', ''south'')'),
    ('nia', 'permission_grant(DEN, ''deny_docs.*'', ''north'')'), ('nia', 'permission_deny(DEN, ''deny_docs.*'', ''north'', now() - interval ''1 second'')'),
-- a grant that is nearer, or says more, is no way around
    ('den', 'permission_grant(DEN, ''deny_docs.read'', ''north-1-a'')'), ('den', 'permission_grant(DEN, ''*'', ''north-1-a'')'), ('nia', 'permission_grant(DEN, ''*'', ''north-1-a'')'),
-- unit_move(), of the unit below, of one further below, and of the unit itself, which takes its denies along
    ('den', 'unit_move(''north-1'')'), ('den', 'unit_move(''north-1'', ''south'')'), ('den', 'unit_move(''north-1-a'', ''north'')'), ('den', 'unit_move(''north-1-a'', ''south'')'),
    ('den', 'unit_move(''north'', ''south'')'), ('mel', 'unit_move(''north-1'')'), ('nia', 'unit_move(''north-1'')'),
-- unit_delete(), of the unit with the deny and of one below: den manages the rows of units that are gone
    ('den', 'unit_delete(''north-1-a'')'), ('mel', 'unit_delete(''north-1-a'')'), ('nia', 'unit_delete(''north-1-a'')'), ('den', 'unit_delete(''south'')'), ('den', 'unit_delete(''north'')')) v (who, call);
SELECT v.who, test.would(v.who, 'SELECT bastion.unit_move(''north-1'', ''south'')', 'SELECT bastion.unit_delete(''north'')') FROM (VALUES ('den'), ('nia')) v (who);
-- those above count only of members who manage rows in the whole tenant, and so would reach those of the unit
BEGIN;
UPDATE bastion.user_permissions SET user_id = test.id_of('vic') WHERE unit_id = test.unit_of('north');
SELECT test.does('mel', 'SELECT bastion.unit_delete(''north-1-a'')') AS mel;
ROLLBACK;
-- one that has ended keeps no unit in its place, also of what the mover does not hold
BEGIN;
UPDATE bastion.user_permissions SET user_id = test.id_of('vic'), pattern = 'tenant.*', valid_from = '2000-01-01Z', valid_until = '2100-01-01Z' WHERE unit_id = test.unit_of('north');
SELECT test.does('den', 'SELECT bastion.unit_move(''north-1'', ''south'')') AS before;
UPDATE bastion.user_permissions SET valid_until = '2001-01-01Z' WHERE unit_id = test.unit_of('north');
SELECT test.does('den', 'SELECT bastion.unit_move(''north-1'', ''south'')') AS after;
ROLLBACK;
-- or will manage them, by a grant or by a role
BEGIN;
UPDATE bastion.user_permissions SET user_id = test.id_of('vic') WHERE unit_id = test.unit_of('north');
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect, valid_from) VALUES (test.id_of('vic'), :'tenant', 'deny_docs.manage', 'grant', '2090-01-01Z');
SELECT test.would('mel', 'SELECT bastion.unit_delete(''north-1-a'')') AS mel;
UPDATE bastion.user_permissions SET valid_from = NULL, valid_until = now() WHERE user_id = test.id_of('vic') AND effect = 'grant';
SELECT test.would('mel', 'SELECT bastion.unit_delete(''north-1-a'')') AS over;
UPDATE bastion.memberships SET valid_from = '2090-01-01Z', role_id = (SELECT id FROM bastion.roles WHERE name = 'admin' AND system) WHERE user_id = test.id_of('vic') AND tenant_id = :'tenant';
SELECT test.would('mel', 'SELECT bastion.unit_delete(''north-1-a'')') AS by_role;
ROLLBACK;
-- who holds it for a time does not lift what is denied for longer
BEGIN;
UPDATE bastion.memberships SET valid_until = '2105-01-01Z' WHERE user_id = test.id_of('nia') AND tenant_id = :'tenant';
SELECT v.call, test.would('nia', 'SELECT bastion.' || v.call)
FROM (VALUES ('permission_remove(DEN, ''deny_docs.*'', ''north'')'), ('permission_remove(DEN, ''deny_docs.delete'')'), ('permission_deny(DEN, ''deny_docs.delete'', NULL, ''2101-01-01Z'')'),
             ('permission_grant(DEN, ''deny_docs.*'', ''north'', ''2105-01-01Z'')'), ('unit_move(''north-1'')'), ('unit_delete(''north-1-a'')')) v (call);
UPDATE bastion.user_permissions SET valid_until = '2104-01-01Z' WHERE user_id = test.id_of('den') AND tenant_id = :'tenant';
SELECT v.call, test.would('nia', 'SELECT bastion.' || v.call) FROM (VALUES ('permission_remove(DEN, ''deny_docs.*'', ''north'')'), ('unit_move(''north-1'')')) v (call);
ROLLBACK;
-- a deny that is over holds nobody up
BEGIN;
UPDATE bastion.user_permissions SET valid_from = NULL, valid_until = now() - interval '1 day' WHERE user_id = test.id_of('den') AND tenant_id = :'tenant';
SELECT v.call, test.would('den', 'SELECT bastion.' || v.call) FROM (VALUES ('unit_move(''north-1'')'), ('permission_remove(DEN, ''deny_docs.*'', ''north'')')) v (call);
ROLLBACK;
-- to manage members somewhere is asked for where the deny is
BEGIN;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (test.id_of('nia'), :'tenant', test.unit_of('north'), 'tenant.members.manage', 'deny');
SELECT v.call, test.would('nia', 'SELECT bastion.' || v.call)
FROM (VALUES ('unit_move(''north-1'')'), ('permission_remove(DEN, ''deny_docs.*'', ''north'')'), ('permission_remove(ME, ''tenant.members.manage'', ''north'')')) v (call);
ROLLBACK;
-- nothing else that den can do touches a deny: another role, here and there; roles; leaving and coming back; sharing
SELECT array_to_string(v.calls, ', ') AS calls, test.would('den', VARIADIC ARRAY(SELECT 'SELECT ' || c FROM unnest(v.calls) c))
FROM (VALUES (ARRAY['bastion.membership_set(DEN, ''developer'')']), (ARRAY['bastion.membership_set(DEN, ''admin'', ''north'')']), (ARRAY['bastion.membership_set(DEN, ''developer'', ''north-1-a'')']),
    (ARRAY['bastion.role_create(''helper'')', 'bastion.role_permission_add(''helper'', ''deny_docs.read'')', 'bastion.membership_set(DEN, ''helper'', ''north'')']), (ARRAY['bastion.role_create(''helper'')', 'bastion.role_parent_add(''helper'', ''viewer'')']),
    (ARRAY['bastion.role_create(''helper'')', 'bastion.membership_set(DEN, ''helper'', ''north'')', 'bastion.role_permission_add(''helper'', ''*'')']),
    (ARRAY['bastion.share(''test.deny_docs'', ''2'', with_user => DEN)']), (ARRAY['bastion.unit_create(''team'', ''Below'', ''below'', ''north-1'')', 'bastion.unit_move(''below'')'])) v (calls);
BEGIN;
SELECT test.does('den', 'SELECT bastion.membership_remove(ME)') AS leaves, test.does('nia', 'SELECT bastion.membership_set(DEN, ''admin'')') AS comes_back, test.reaches('den');
ROLLBACK;
BEGIN;
SELECT test.does('nia', 'SELECT bastion.membership_remove(DEN)') AS removed;
CREATE TABLE test.invited (token text); GRANT INSERT ON test.invited TO regress_app;
SELECT test.does('nia', 'INSERT INTO test.invited SELECT bastion.invite(''den@deny.example'', ''admin'') ->> ''token'' RETURNING ''invited''');
SET LOCAL bastion.allow_identity_switch = on;
SELECT bastion.authenticate(token, 'deny-of-den') IS NOT NULL AS at_home FROM test.people WHERE name = 'den';
SELECT bastion_api.invitation_accept(token) ->> 'error' AS error FROM test.invited;
SELECT test.reaches('den');
ROLLBACK;
-- a row of a unit stays one when it is shared: den may delete nothing in north, and shares with vic
UPDATE bastion.user_permissions SET pattern = 'deny_docs.delete' WHERE user_id = test.id_of('den') AND unit_id = test.unit_of('north');
SELECT test.would('den', format('SELECT bastion.share(''test.deny_docs'', ''2'', with_user => %L)', test.id_of('vic'))),
       test.would('nia', format('SELECT bastion.share(''test.deny_docs'', ''2'', with_user => %L, level => ''manage'')', test.id_of('vic')));
SELECT test.would('den', 'SELECT bastion.share(''test.deny_docs'', ''2'', with_user => ME, level => ''manage'')');
-- the end
DROP TABLE test.deny_docs;
SELECT bastion_internal.forget_dropped_tables();
DROP FUNCTION test.would, test.reaches, test.does, test.unit_of;
DELETE FROM bastion.tenants WHERE slug LIKE 'deny-of-%';
DELETE FROM bastion.users WHERE email LIKE '%@deny.example';
DELETE FROM bastion.permissions WHERE resource = 'deny_docs';
TRUNCATE test.people;
