-- Sharing rows: who may share, with whom, at which level, and whose rights the work is done with.
\set VERBOSITY terse
SET client_min_messages = warning;
INSERT INTO test.people (name, id, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'zoe', 'ben', 'cem']) n, LATERAL bastion_api.signup(n || '@share.example', 'correct horse', 'Share of ' || n) a;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT p.id, t.id, r.id FROM test.people p, bastion.tenants t, bastion.roles r
WHERE t.slug = 'share-of-ann' AND (p.name, r.name) IN (('ben', 'viewer'), ('cem', 'member'));
SELECT id AS tenant, acl_id AS tenant_acl FROM bastion.tenants WHERE slug = 'share-of-ann' \gset
SELECT id AS unit FROM bastion.units WHERE tenant_id = :'tenant' \gset
SELECT id AS elsewhere FROM bastion.tenants WHERE slug = 'share-of-zoe' \gset
SELECT id AS unit_elsewhere FROM bastion.units WHERE tenant_id = :'elsewhere' \gset
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'elsewhere', 'share role') RETURNING id AS role_elsewhere \gset
-- a table of another owner, whose trigger looks at whose rights it has
CREATE ROLE regress_share_owner;
GRANT CREATE, USAGE ON SCHEMA test TO regress_share_owner;
GRANT USAGE ON SCHEMA bastion TO regress_share_owner;
CREATE TABLE test.shared_docs (id int PRIMARY KEY, tenant_id uuid, acl_id bigint);
CREATE TABLE test.seen (who name);
GRANT INSERT ON test.seen TO PUBLIC;
CREATE FUNCTION test.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO test.seen VALUES (current_user); RETURN NEW; END $$;
CREATE TRIGGER look BEFORE UPDATE ON test.shared_docs FOR EACH ROW EXECUTE FUNCTION test.look();
ALTER TABLE test.shared_docs OWNER TO regress_share_owner;
SELECT bastion.resource_register('shared_docs', '{read,update,delete,manage}');
SELECT count(*) > 0 AS protected FROM bastion.protect('test.shared_docs');
INSERT INTO test.shared_docs VALUES (1, :'tenant', :'tenant_acl'), (2, :'tenant', :'tenant_acl'), (4, :'elsewhere', (SELECT acl_id FROM bastion.tenants WHERE slug = 'share-of-zoe'));
INSERT INTO test.shared_docs SELECT 3, :'tenant', m.acl_id FROM bastion.memberships m WHERE m.user_id = test.id_of('cem') AND m.tenant_id = :'tenant';
CREATE FUNCTION test.does(who text, statement text) RETURNS text LANGUAGE sql
AS $$
    SELECT coalesce(r.error, nullif(r.answer, ''), 'done')
    FROM test.as_app((SELECT token FROM test.people WHERE name = who), CASE who WHEN 'zoe' THEN 'share-of-zoe' ELSE 'share-of-ann' END, NULL,
                     'SELECT bastion.' || statement) r
$$;
CREATE FUNCTION test.lists() RETURNS TABLE (id int, kind text, base text, entries text) LANGUAGE sql
AS $$
    SELECT d.id, a.kind, b.kind, (SELECT string_agg(e.subject_kind || ' ' || bastion_internal.level_name(e.level), ', ' ORDER BY e.subject_kind, e.level) FROM bastion.acl_entries e WHERE e.acl_id = a.id)
    FROM test.shared_docs d JOIN bastion.acls a ON a.id = d.acl_id LEFT JOIN bastion.acls b ON b.id = a.base_acl_id ORDER BY d.id
$$;
-- not under sharing yet
SELECT test.does('ann', format('share(''test.shared_docs'', ''1'', with_user => %L)', test.id_of('ben')));
UPDATE bastion.protected_tables SET options = options || '{"sharing": "tenant", "visibility": "tenant", "acl_column": "acl_id"}' WHERE relation = 'test.shared_docs'::regclass;
SELECT who, replace(replace(replace(replace(replace(replace(replace(call, ben.id::text, 'BEN'), zoe.id::text, 'ZOE'), :'unit', 'UNIT'), :'elsewhere', 'ELSEWHERE'), :'tenant', 'TENANT'), :'unit_elsewhere', 'UNIT ELSEWHERE'), :'role_elsewhere', 'ROLE ELSEWHERE') AS call, test.does(who, call)
FROM (SELECT test.id_of('ben') AS id) ben, (SELECT test.id_of('zoe') AS id) zoe, LATERAL (VALUES
    ('ann', format('share(''test.shared_docs'', ''1'', with_user => %L)', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''1'', with_user => %L, level => ''write'')', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''1'', with_unit => %L, level => ''deploy'')', :'unit')),
    ('ann', format('share(''test.shared_docs'', ''1'', with_role => %L)', 'ba571000-0000-4000-8000-000000000006')),
    ('ann', format('share(''test.shared_docs'', ''1'', with_tenant => %L, level => ''manage'', valid_until => ''infinity'')', :'tenant')),
    ('ann', format('share(''test.shared_docs'', ''1'', with_user => %L)', zoe.id)),
    ('ann', format('share(''test.shared_docs'', ''1'', with_tenant => %L)', :'elsewhere')),
    ('ann', format('share(''test.shared_docs'', ''1'', with_unit => %L)', :'unit_elsewhere')),
    ('ann', format('share(''test.shared_docs'', ''1'', with_role => %L)', :'role_elsewhere')),
    ('ann', 'share(''test.shared_docs'', ''1'')'),
    ('ann', 'share(''test.shared_docs'', ''1'', with_user => NULL::uuid)'),
    ('ann', format('share(''test.shared_docs'', ''1'', with_user => %L, with_tenant => %L)', ben.id, :'tenant')),
    ('ann', format('share(''test.shared_docs'', ''1'', with_user => %L, level => ''own'')', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''1'', with_user => %L, level => NULL)', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''1'', with_user => %L, valid_until => ''-infinity'')', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''x'', with_user => %L)', ben.id)),
    ('ann', format('share(''test.shared_docs'', NULL, with_user => %L)', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''99'', with_user => %L)', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''1 OR true'', with_user => %L)', ben.id)),
    ('ann', format('share(''test.people'', ''ann'', with_user => %L)', ben.id)),
    ('ann', format('share(NULL, ''1'', with_user => %L)', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''4'', with_user => %L)', ben.id)),
    ('ben', format('share(''test.shared_docs'', ''3'', with_user => %L)', ben.id)),
    ('ann', format('share(''test.shared_docs'', ''3'', with_user => %L)', ben.id)),
    ('ben', format('share(''test.shared_docs'', ''2'', with_user => %L)', ben.id)),
    ('cem', format('share(''test.shared_docs'', ''2'', with_user => %L)', ben.id)),
    ('cem', format('share(''test.shared_docs'', ''3'', with_user => %L, level => ''manage'')', ben.id)),
    ('ben', format('unshare(''test.shared_docs'', ''3'', with_user => %L)', ben.id)),
    ('cem', format('unshare(''test.shared_docs'', ''3'', with_user => %L)', ben.id)),
    ('zoe', format('share(''test.shared_docs'', ''1'', with_user => %L)', zoe.id)),
    (NULL, format('share(''test.shared_docs'', ''1'', with_user => %L)', ben.id)),
    ('ann', format('unshare(''test.shared_docs'', ''1'', with_unit => %L)', :'unit')),
    ('ann', format('unshare(''test.shared_docs'', ''1'', with_unit => %L)', :'unit')),
    ('ann', 'unshare(''test.shared_docs'', ''1'')'),
    ('ann', 'unshare(''test.shared_docs'', ''1'', with_tenant => NULL::uuid)'),
    ('ann', format('unshare(''test.shared_docs'', ''2'', with_user => %L)', ben.id))) v (who, call);
SELECT * FROM test.lists();
-- what is shared with a default list is not ended by a row that has it
BEGIN;
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level) VALUES (:'tenant_acl', 'user', test.id_of('ben'), 1);
SELECT test.does('ann', format('unshare(''test.shared_docs'', ''2'', with_user => %L)', test.id_of('ben'))), (SELECT count(*) FROM bastion.acl_entries WHERE acl_id = :'tenant_acl') AS stays;
ROLLBACK;
-- the trigger of the table had the rights of the caller and no others
SELECT DISTINCT who FROM test.seen;
-- shares_of
BEGIN;
SET LOCAL ROLE regress_app;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'ann'), 'share-of-ann') IS NOT NULL AS authenticated;
SELECT subject_kind, subject_name, level, valid_until, granted_by = bastion.user_id() AS by_me, cross_tenant FROM bastion.shares_of('test.shared_docs', '1');
SELECT count(*) FROM bastion.shares_of('test.shared_docs', '2');
SELECT test.error($$SELECT * FROM bastion.shares_of('test.shared_docs', '4')$$);
COMMIT;
-- other tenants
UPDATE bastion.protected_tables SET options = options || '{"sharing": "cross_tenant"}' WHERE relation = 'test.shared_docs'::regclass;
SELECT test.does('ann', format('share(''test.shared_docs'', ''2'', with_tenant => %L)', :'elsewhere')),
       test.does('ann', format('share(''test.shared_docs'', ''2'', with_user => %L)', test.id_of('zoe'))),
       test.does('ann', format('share(''test.shared_docs'', ''2'', with_user => %L)', :'elsewhere')),
       test.does('zoe', format('share(''test.shared_docs'', ''2'', with_user => %L)', test.id_of('ben')));
BEGIN;
SET LOCAL ROLE regress_app;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'ann'), 'share-of-ann') IS NOT NULL AS authenticated;
SELECT subject_kind, subject_name = subject_id::text AS by_uuid, level, cross_tenant FROM bastion.shares_of('test.shared_docs', '2');
COMMIT;
-- a list that rows had in common becomes one of the row's own
SET session_replication_role = replica; -- past the trigger that keeps lists
UPDATE test.shared_docs SET acl_id = (SELECT acl_id FROM test.shared_docs WHERE id = 1) WHERE id = 2;
RESET session_replication_role;
SELECT test.does('ann', format('share(''test.shared_docs'', ''2'', with_unit => %L)', :'unit'));
SELECT * FROM test.lists();
-- recorded, and closed to the application
SELECT kind, detail ->> 'table' AS relation, count(*) FROM bastion.events WHERE kind IN ('shared', 'unshared') AND detail ->> 'table' = 'test.shared_docs' GROUP BY 1, 2 ORDER BY 1;
SET ROLE regress_app;
SELECT test.error($$SELECT bastion_internal.as_table_owner('test.shared_docs', 'SELECT 1')$$), test.error($$SELECT bastion_internal.row_acl(NULL, '1', 1)$$);
RESET ROLE;
SELECT bastion_internal.as_table_owner(NULL, 'SELECT 1'), bastion_internal.as_table_owner('test.shared_docs', NULL), bastion_internal.as_table_owner('test.shared_docs', 'SELECT $1 || $2', 'a', 'b');
SELECT bastion_internal.as_table_owner('test.shared_docs', 'SELECT current_user::text');
SELECT test.error($$SELECT bastion_internal.as_table_owner('test.shared_docs', 'SET ROLE postgres')$$), test.error($$SELECT bastion_internal.as_table_owner('test.shared_docs', 'DELETE FROM bastion.users')$$),
       test.error($$SELECT bastion_internal.as_table_owner(0, 'SELECT 1')$$);
-- a deleted row leaves its list until these are swept up; those of other rows stay
DELETE FROM test.shared_docs WHERE id = 1;
SELECT count(*) AS lists FROM bastion.acls WHERE relation = 'test.shared_docs';
SELECT bastion.acl_prune('share-of-zoe') AS elsewhere, bastion.acl_prune(:'tenant') AS here, bastion.acl_prune(:'tenant') AS again;
SELECT count(*) AS lists FROM bastion.acls WHERE relation = 'test.shared_docs';
SELECT test.error($$SELECT bastion.acl_prune('nowhere')$$);
-- of two shares with one user, the first ends at its time, in the middle of a transaction too
SELECT acl_id AS two FROM test.shared_docs WHERE id = 2 \gset
SELECT acl_id AS three FROM test.shared_docs WHERE id = 3 \gset
BEGIN;
INSERT INTO bastion.acl_entries (acl_id, subject_kind, subject_id, level, valid_until)
VALUES (:two, 'user', test.id_of('ben'), 2, '2100-01-01Z'), (:three, 'user', test.id_of('ben'), 2, clock_timestamp() + interval '3 seconds')
ON CONFLICT ON CONSTRAINT acl_entries_pkey DO UPDATE SET level = excluded.level, valid_until = excluded.valid_until;
SELECT bastion.authenticate((SELECT token FROM test.people WHERE name = 'ben'), 'share-of-ann') IS NOT NULL AS ben;
SELECT bastion.can_by_acl('shared_docs.update', :two) AS two, bastion.can_by_acl('shared_docs.update', :three) AS three;
DO $$ BEGIN WHILE EXISTS (SELECT FROM bastion.acl_entries e WHERE e.valid_until BETWEEN clock_timestamp() AND '2099-01-01') LOOP END LOOP; END $$;
SELECT bastion.can_by_acl('shared_docs.update', :two) AS two, bastion.can_by_acl('shared_docs.update', :three) AS three;
ROLLBACK;
-- the end
DROP TABLE test.shared_docs, test.seen;
SELECT bastion_internal.forget_dropped_tables();
DROP FUNCTION test.look, test.lists, test.does;
DELETE FROM bastion.tenants WHERE slug LIKE 'share-of-%';
DELETE FROM bastion.users WHERE email LIKE '%@share.example';
DELETE FROM bastion.permissions WHERE resource = 'shared_docs';
TRUNCATE test.people;
DROP OWNED BY regress_share_owner;
DROP ROLE regress_share_owner;
