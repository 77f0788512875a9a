-- Rows of visibility 'owner': their list follows their owner. row_transfer(), UPDATE of the owner column, rows without an owner, and
-- roles that load rows.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'max', 'moe', 'vic', 'zoe']) n, LATERAL bastion_api.signup(n || '@owner.example', 'correct horse', 'Owner ' || n) a;
SELECT bastion.membership_force(test.id_of(n), 'owner-ann', r) FROM (VALUES ('max', 'member'), ('moe', 'member'), ('vic', 'viewer')) v (n, r) \g /dev/null
CREATE SCHEMA owned;
GRANT USAGE ON SCHEMA owned TO regress_app;
CREATE TABLE owned.notes (id int PRIMARY KEY, tenant_id uuid, owner_id uuid, title text);
GRANT SELECT, INSERT, UPDATE, DELETE ON owned.notes TO regress_app;
INSERT INTO owned.notes VALUES (1, test.tenant_of('ann'), test.id_of('max'), 'of Max'), (2, test.tenant_of('ann'), NULL, 'of nobody'),
    (3, test.tenant_of('ann'), '00000000-0000-0000-0000-000000000001', 'of a stranger'), (4, test.tenant_of('ann'), test.id_of('max'), 'to share'),
    (5, test.tenant_of('ann'), test.id_of('max'), 'to move'), (6, test.tenant_of('zoe'), NULL, 'of nobody elsewhere');
SELECT bastion.protect('owned.notes', owner_column => 'owner_id', resource => 'owned_notes', sharing => 'tenant', visibility => 'owner');
CREATE FUNCTION owned.does(who text, statement text) RETURNS text LANGUAGE sql
AS $$
    SELECT concat_ws(' | ', coalesce(r.error, nullif(r.answer, ''), 'done'), r.hint)
    FROM test.as_app((SELECT token FROM test.people WHERE name = who), CASE who WHEN 'zoe' THEN 'owner-zoe' ELSE 'owner-ann' END, NULL, statement) r
$$;
CREATE FUNCTION owned.seen() RETURNS TABLE (who text, sees text) LANGUAGE sql
AS $$ SELECT n, owned.does(n, 'SELECT string_agg(id::text, '' '' ORDER BY id) FROM owned.notes') FROM unnest(ARRAY['ann', 'max', 'moe', 'vic', 'zoe']) n $$;
CREATE FUNCTION owned.lists() RETURNS TABLE (id int, owner text, list text, base text, shares bigint) LANGUAGE sql
AS $$
    SELECT n.id, p.name, concat_ws(' ', a.kind, (SELECT q.name FROM test.people q WHERE q.id = a.user_id)),
           concat_ws(' ', b.kind, (SELECT q.name FROM test.people q WHERE q.id = b.user_id)), (SELECT count(*) FROM bastion.acl_entries e WHERE e.acl_id = a.id)
    FROM owned.notes n LEFT JOIN test.people p ON p.id = n.owner_id JOIN bastion.acls a ON a.id = n.acl_id LEFT JOIN bastion.acls b ON b.id = a.base_acl_id
    ORDER BY n.id
$$;

-- a row without a valid owner belongs to those who manage all rows, and to nobody else
SELECT * FROM owned.seen();
SELECT * FROM owned.lists();
SELECT owned.does('vic', format($$SELECT bastion.has_permission('owned_notes.read')$$));
SELECT owned.does('ann', format($$SELECT effect FROM bastion.explain_member_access(%L::uuid, 'owned_notes.read', 'owned.notes', '2') ORDER BY effect LIMIT 1$$, test.id_of('vic')));

-- row_transfer(): by its owner, and back by nobody else
SELECT owned.does('moe', $$SELECT bastion.row_transfer('owned.notes', '1', 'moe@owner.example')$$);
SELECT owned.does('max', $$SELECT bastion.row_transfer('owned.notes', '1', 'moe@owner.example')$$);
SELECT owned.does('max', format($$SELECT bastion.row_transfer('owned.notes', '1', %L)$$, test.id_of('moe')));
SELECT * FROM owned.seen();
SELECT owned.does('max', format($$SELECT bastion.row_transfer('owned.notes', '1', %L)$$, test.id_of('max')));
SELECT owned.does('ann', $$SELECT bastion.row_transfer('owned.notes', '1', 'max@owner.example')$$);
SELECT owned.does('vic', format($$SELECT bastion.row_transfer('owned.notes', '2', %L)$$, test.id_of('vic')));
SELECT owned.does('ann', format($$SELECT bastion.row_transfer('owned.notes', '2', %L)$$, test.id_of('vic')));
-- shares stay, and the new owner manages them
SELECT owned.does('max', format($$SELECT bastion.share('owned.notes', '4', with_user => %L::uuid, level => 'write')$$, test.id_of('vic')));
SELECT owned.does('max', format($$SELECT bastion.row_transfer('owned.notes', '4', %L)$$, test.id_of('moe')));
SELECT owned.does('max', $$SELECT count(*) FROM owned.notes WHERE id = 4$$), owned.does('vic', $$SELECT count(*) FROM owned.notes WHERE id = 4$$),
       owned.does('moe', $$SELECT subject_kind FROM bastion.shares_of('owned.notes', '4')$$), owned.does('max', $$SELECT bastion.shares_of('owned.notes', '4')$$);
SELECT * FROM owned.lists();
-- refused
SELECT owned.does('max', $$SELECT bastion.row_transfer('owned.notes', '5', 'zoe@owner.example')$$), owned.does('max', format($$SELECT bastion.row_transfer('owned.notes', '5', %L)$$, test.id_of('zoe'))),
       owned.does('max', $$SELECT bastion.row_transfer('owned.notes', '5', NULL)$$), owned.does('max', format($$SELECT bastion.row_transfer('owned.notes', '99', %L)$$, test.id_of('moe'))),
       owned.does('max', $$SELECT bastion.row_transfer(NULL, '5', 'moe@owner.example')$$), owned.does(NULL, $$SELECT bastion.row_transfer('owned.notes', '5', 'moe@owner.example')$$);
-- no more is passed on than is held: Max may not delete, so nobody gets a row from Max who might
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('max'), test.tenant_of('ann'), 'owned_notes.delete', 'deny');
SELECT owned.does('max', format($$SELECT bastion.row_transfer('owned.notes', '5', %L)$$, test.id_of('moe')));
DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('max');
-- nor does anybody who holds less take a row from its owner
INSERT INTO bastion.user_permissions (user_id, tenant_id, pattern, effect) VALUES (test.id_of('ann'), test.tenant_of('ann'), 'owned_notes.delete', 'deny');
SELECT owned.does('ann', 'UPDATE owned.notes SET owner_id = NULL WHERE id = 5 RETURNING id');
DELETE FROM bastion.user_permissions WHERE user_id = test.id_of('ann');

-- UPDATE of the owner column: by those who still may update the row afterwards
SELECT owned.does('max', format('UPDATE owned.notes SET owner_id = %L WHERE id = 5 RETURNING id', test.id_of('moe')));
SELECT owned.does('vic', format('UPDATE owned.notes SET owner_id = %L WHERE id = 4 RETURNING id', test.id_of('vic')));
SELECT owned.does('vic', 'UPDATE owned.notes SET owner_id = NULL WHERE id = 4 RETURNING id');
SELECT owned.does('ann', format('UPDATE owned.notes SET owner_id = %L WHERE id IN (4, 5) RETURNING id', test.id_of('vic')));
SELECT * FROM owned.seen();
SELECT owned.does('ann', format('UPDATE owned.notes SET owner_id = %L WHERE id = 5 RETURNING id', test.id_of('zoe'))), owned.does('ann', 'UPDATE owned.notes SET owner_id = NULL WHERE id = 4 RETURNING id');
SELECT owned.does('max', 'UPDATE owned.notes SET acl_id = acl_id + 1 WHERE id = 1 RETURNING id');
-- by a role that row security does not bind: no right is asked for
UPDATE owned.notes SET owner_id = test.id_of('moe') WHERE id = 3;
SELECT * FROM owned.lists();
SELECT * FROM owned.seen();
SELECT kind, outcome, detail ->> 'key' AS key FROM bastion.events WHERE kind = 'row_transferred' AND tenant_id = test.tenant_of('ann') ORDER BY id;
-- an ACL that two rows have in common does not move the other row
ALTER TABLE owned.notes DISABLE TRIGGER bastion_acl_keep;
UPDATE owned.notes n SET acl_id = o.acl_id FROM owned.notes o WHERE o.id = 4 AND n.id = 1;
ALTER TABLE owned.notes ENABLE TRIGGER bastion_acl_keep;
UPDATE owned.notes SET owner_id = test.id_of('vic') WHERE id = 1;
SELECT * FROM owned.lists() WHERE id IN (1, 4);
-- the trigger is needed: without it nothing is transferred
ALTER TABLE owned.notes DISABLE TRIGGER bastion_acl_move;
SELECT owned.does('ann', $$SELECT bastion.row_transfer('owned.notes', '5', 'moe@owner.example')$$);
SELECT status FROM bastion.protection WHERE relation = 'owned.notes'::regclass;
ALTER TABLE owned.notes ENABLE TRIGGER bastion_acl_move;
-- tables whose rows have no owner
CREATE TABLE owned.plain (id int PRIMARY KEY, tenant_id uuid, owner_id uuid);
SELECT bastion.protect('owned.plain', owner_column => 'owner_id', resource => 'owned_notes', sharing => 'tenant');
SELECT owned.does('ann', $$SELECT bastion.row_transfer('owned.plain', '5', 'moe@owner.example')$$);
-- the triggers are for protect() alone
SELECT test.error('SELECT bastion_internal.move_acl()'), test.error('SELECT bastion_internal.fill_acl()');
CREATE TABLE owned.other (a bigint, b uuid, c text);
CREATE TRIGGER t AFTER UPDATE ON owned.other FOR EACH ROW EXECUTE FUNCTION bastion_internal.move_acl('a', 'b', 'c');
INSERT INTO owned.other VALUES (1);
SELECT test.error('UPDATE owned.other SET a = 2');
DROP TRIGGER t ON owned.other;
CREATE TRIGGER t BEFORE UPDATE ON owned.other FOR EACH ROW EXECUTE FUNCTION bastion_internal.move_acl('a', 'b', 'c');
SELECT test.error('UPDATE owned.other SET a = 2');
CREATE OR REPLACE TRIGGER t BEFORE UPDATE ON owned.other FOR EACH ROW EXECUTE FUNCTION bastion_internal.move_acl('c', 'b', 'c');
SELECT test.error('UPDATE owned.other SET a = 2');
CREATE OR REPLACE TRIGGER t BEFORE UPDATE ON owned.other FOR EACH ROW EXECUTE FUNCTION bastion_internal.move_acl('gone', 'b', 'c');
SELECT test.error('UPDATE owned.other SET a = 2');

-- Loading: without an identity, into tables of each visibility
CREATE ROLE regress_loader;
GRANT USAGE ON SCHEMA owned TO regress_loader;
GRANT INSERT, SELECT ON owned.notes, owned.plain TO regress_loader;
SELECT test.error($$SELECT bastion.allow_loader_role('regress_loader')$$);
ALTER ROLE regress_loader BYPASSRLS;
SELECT test.tenant_of('ann') AS tenant, test.id_of('max') AS max \gset
SET ROLE regress_loader;
SELECT test.error(format($$INSERT INTO owned.plain (id, tenant_id) VALUES (1, %L)$$, :'tenant'));
RESET ROLE;
SELECT bastion.allow_loader_role('regress_loader');
SELECT role_name, reason FROM bastion.operator_roles WHERE role_name = 'regress_loader';
SET ROLE regress_loader;
INSERT INTO owned.plain (id, tenant_id) VALUES (1, :'tenant'), (2, :'tenant');
INSERT INTO owned.notes (id, tenant_id, owner_id) VALUES (21, :'tenant', :'max'), (22, :'tenant', NULL), (23, :'tenant', :'max');
SELECT test.error($$INSERT INTO owned.notes (id, tenant_id) VALUES (24, '00000000-0000-0000-0000-000000000000')$$);
SELECT test.error($$INSERT INTO owned.notes (id) VALUES (25)$$);
RESET ROLE;
SELECT * FROM owned.lists() WHERE id > 20;
SELECT p.id, a.kind FROM owned.plain p JOIN bastion.acls a ON a.id = p.acl_id ORDER BY 1;
SET ROLE regress_loader;
SELECT test.error('SELECT bastion.whoami()'), test.error('SELECT * FROM bastion.users');
RESET ROLE;
SET client_min_messages = warning;
DELETE FROM bastion.operator_roles WHERE role_name = 'regress_loader';
DROP OWNED BY regress_loader;
DROP ROLE regress_loader;
-- the statement that makes a list for its row knows it: of the first row without an owner in a tenant, and of one that has another key by now
SELECT bastion_api.signup('pia@owner.example', 'correct horse', 'Owner pia') ->> 'access_token' AS pia \gset
SELECT error, answer FROM test.as_app(:'pia', 'owner-pia', NULL, 'INSERT INTO owned.notes (id) VALUES (30), (31) RETURNING id');
SELECT count(*) AS lists_of_nobody FROM bastion.acls a WHERE a.tenant_id = (SELECT t.id FROM bastion.tenants t WHERE t.slug = 'owner-pia') AND a.kind = 'nobody';
SELECT error, answer FROM test.as_app(:'pia', 'owner-pia', NULL, 'UPDATE owned.notes SET owner_id = NULL WHERE id = 30 RETURNING id');
SELECT bastion.membership_force(test.id_of('max'), 'owner-pia', 'member') \g /dev/null
SELECT error, answer FROM test.as_app(:'pia', 'owner-pia', NULL, format('SELECT bastion.share(%L, %L, with_user => %L, level => %L)', 'owned.notes', '31', test.id_of('max'), 'read'));
SELECT error, answer FROM test.as_app(:'pia', 'owner-pia', NULL, 'UPDATE owned.notes SET id = 32 WHERE id = 31 RETURNING id');
SELECT error, answer FROM test.as_app(:'pia', 'owner-pia', NULL, format('UPDATE owned.notes SET owner_id = %L WHERE id = 32 RETURNING id', test.id_of('max')));

SELECT bastion.unprotect('owned.notes') \g /dev/null
SELECT bastion.unprotect('owned.plain') \g /dev/null
DROP SCHEMA owned CASCADE;
DELETE FROM bastion.tenants WHERE slug LIKE 'owner-%';
DELETE FROM bastion.users WHERE email LIKE '%@owner.example';
DELETE FROM bastion.permissions WHERE resource = 'owned_notes';
TRUNCATE test.people;
