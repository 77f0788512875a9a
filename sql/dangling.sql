-- Users, units, roles and tenants that are deleted leave nothing behind that names them, in whichever order they go.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE TABLE test.gone (name text PRIMARY KEY, id uuid, token text, tenant uuid);
INSERT INTO test.gone
SELECT n, (a -> 'user' ->> 'id')::uuid, a ->> 'access_token', (a -> 'tenant' ->> 'id')::uuid
FROM unnest(ARRAY['ann', 'ben', 'cem']) n, LATERAL bastion_api.signup(n || '@gone.example', 'correct horse', 'Gone ' || n) a;
SELECT id AS ann, tenant AS a FROM test.gone WHERE name = 'ann' \gset
SELECT id AS ben, tenant AS b FROM test.gone WHERE name = 'ben' \gset
SELECT id AS cem FROM test.gone WHERE name = 'cem' \gset
CREATE TABLE test.gone_docs (id int PRIMARY KEY, tenant_id uuid, created_by uuid, parent_id int REFERENCES test.gone_docs);
CREATE TABLE test.gone_lines (id int PRIMARY KEY, tenant_id uuid, doc_id int REFERENCES test.gone_docs);
CREATE TABLE test.gone_numbers (id int PRIMARY KEY, tenant_id bigint);
GRANT SELECT, INSERT, UPDATE, DELETE ON test.gone_docs, test.gone_lines TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('test.gone_docs', owner_column => 'created_by', sharing => 'cross_tenant', visibility => 'owner');
SELECT count(*) > 0 AS protected FROM bastion.protect('test.gone_lines', sharing => 'tenant', visibility => 'unit');
SELECT count(*) > 0 AS protected FROM bastion.protect('test.gone_numbers');
INSERT INTO bastion.units (tenant_id, kind, name, slug) VALUES (:'a', 'team', 'Upper', 'upper'), (:'a', 'team', 'Lower', 'lower');
SELECT id AS upper FROM bastion.units WHERE slug = 'upper' AND tenant_id = :'a' \gset
SELECT id AS lower FROM bastion.units WHERE slug = 'lower' AND tenant_id = :'a' \gset
INSERT INTO bastion.unit_parents VALUES (:'lower', :'a', :'upper');
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'a', 'gone role') RETURNING id AS role \gset
INSERT INTO bastion.role_permissions (role_id, pattern) VALUES (:'role', 'gone_docs.read');
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT v.u::uuid, v.t::uuid, v.n::uuid, r.id
FROM (VALUES (:'cem', :'a', NULL, 'viewer'), (:'cem', :'a', :'lower', 'member'), (:'cem', :'b', NULL, 'viewer')) v (u, t, n, role)
JOIN bastion.roles r ON r.name = v.role AND r.tenant_id IS NULL;
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect)
VALUES (:'cem', :'a', NULL, '*.read', 'grant'), (:'cem', :'a', :'lower', '*.update', 'deny');
SELECT bastion.platform_role_set(:'cem', 'viewer');
INSERT INTO test.gone_docs (id, tenant_id, created_by, parent_id)
VALUES (1, :'a', :'ann', NULL), (2, :'a', :'cem', 1), (3, :'a', :'cem', 2), (4, :'b', :'ben', NULL), (5, :'b', :'cem', 4);
INSERT INTO test.gone_lines (id, tenant_id, doc_id) VALUES (1, :'a', 1), (2, :'a', 4), (3, :'b', 4);
INSERT INTO test.gone_numbers SELECT 1, number FROM bastion.tenants WHERE id = :'a';
SET session_replication_role = replica; -- past the trigger that keeps lists
UPDATE test.gone_lines SET acl_id = (SELECT acl_id FROM bastion.units WHERE id = :'lower') WHERE id = 1;
RESET session_replication_role;
-- what else names them, a row for each way to go: with the user, with the unit, with the role, with the tenant
INSERT INTO bastion.roles (tenant_id, name) VALUES (:'a', 'gone base'), (:'a', 'gone child');
INSERT INTO bastion.role_parents (role_id, parent_id)
SELECT c.id, p.id FROM bastion.roles c, bastion.roles p
WHERE (c.name, p.name) IN (('gone role', 'viewer'), ('gone child', 'gone base')) AND c.tenant_id = :'a' AND coalesce(p.tenant_id = :'a', true);
INSERT INTO bastion.user_permissions (user_id, tenant_id, unit_id, pattern, effect) VALUES (:'ann', :'a', NULL, '*.read', 'grant'), (:'ann', :'a', :'lower', '*.read', 'grant');
INSERT INTO bastion.sessions (user_id, tenant_id, unit_id, expires_at, idle_limit)
SELECT u::uuid, t::uuid, n::uuid, now() + interval '1 hour', '1 hour' FROM (VALUES (:'cem', :'b', NULL), (:'ann', :'a', :'lower'), (:'ann', :'b', NULL)) v (u, t, n);
INSERT INTO bastion.session_settings (tenant_id) VALUES (:'a');
INSERT INTO bastion.api_keys (user_id, tenant_id, unit_id, name, scopes)
SELECT u::uuid, t::uuid, n::uuid, 'Key', '{*}' FROM (VALUES (:'cem', :'b', NULL), (:'ann', :'a', :'lower'), (:'ann', :'b', NULL)) v (u, t, n);
INSERT INTO bastion.invitations (tenant_id, unit_id, role_id, email, token_hash, invited_by, expires_at)
SELECT v.t::uuid, v.n::uuid, coalesce(v.r::uuid, r.id), 'x' || v.h || '@gone.example', v.h::bytea, v.u::uuid, now() + interval '1 hour'
FROM (VALUES ('1', :'a', NULL, NULL, :'cem'), ('2', :'a', :'lower', NULL, :'ann'), ('3', :'a', NULL, :'role', :'ann'), ('4', :'b', NULL, NULL, :'ann')) v (h, t, n, r, u)
JOIN bastion.roles r ON r.name = 'viewer' AND r.system;
INSERT INTO bastion.secrets (tenant_id, owner_id, name) VALUES (:'b', :'cem', 'own'), (:'b', NULL, 'of the tenant');
SELECT bastion.resource_register('gone_sealed', '{open}');
INSERT INTO bastion.secret_versions (secret_id, version, value) SELECT id, 1, bastion.seal_for(tenant_id, 'value', 'gone_sealed') FROM bastion.secrets WHERE tenant_id = :'b';
INSERT INTO bastion.api_key_secrets (key_id, pepper, mac) SELECT id, bastion_internal.pepper(), sha256('') FROM bastion.api_keys WHERE tenant_id IN (:'a', :'b');
SELECT token AS ann_token FROM test.gone WHERE name = 'ann' \gset
SELECT token AS ben_token FROM test.gone WHERE name = 'ben' \gset
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'a') IS NOT NULL AS ann;
SELECT bastion.share('test.gone_docs', '1', with_user => :'cem', level => 'write'), bastion.share('test.gone_docs', '1', with_unit => :'lower'),
       bastion.share('test.gone_docs', '1', with_role => :'role'), bastion.share('test.gone_docs', '1', with_tenant => :'b');
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ben_token', :'b') IS NOT NULL AS ben;
SELECT bastion.share('test.gone_docs', '4', with_user => :'cem'), bastion.share('test.gone_docs', '4', with_tenant => :'a'),
       bastion.share('test.gone_docs', '4', with_unit => :'upper'), bastion.share('test.gone_docs', '4', with_role => :'role');
COMMIT;
RESET ROLE;

-- Every column of the extension's tables that is a uuid, and where one of the deleted ids still stands. Events tell of what is
-- gone on purpose.
CREATE FUNCTION test.left_of(gone uuid[]) RETURNS SETOF text LANGUAGE plpgsql
AS $$
DECLARE
    place record;
    found bigint;
BEGIN
    FOR place IN
        SELECT a.attrelid::regclass AS relation, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind = 'r' AND a.atttypid = 'uuid'::regtype AND a.attnum > 0
          AND c.relname <> 'events' AND NOT a.attisdropped
        ORDER BY 1, 2
    LOOP
        EXECUTE format('SELECT count(*) FROM %s WHERE %I = ANY ($1)', place.relation, place.attname) INTO found USING gone;
        IF found > 0 THEN
            RETURN NEXT format('%s.%s: %s', place.relation, place.attname, found);
        END IF;
    END LOOP;
END
$$;
-- What points at a list, unit, role, user or tenant that is not there.
CREATE FUNCTION test.dangling() RETURNS TABLE (what text, count bigint) LANGUAGE sql
AS $$
    SELECT * FROM (
        SELECT 'entries without a subject', count(*) FROM bastion.acl_entries e
        WHERE NOT EXISTS (SELECT FROM bastion.users u WHERE e.subject_kind = 'user' AND u.id = e.subject_id)
          AND NOT EXISTS (SELECT FROM bastion.units u WHERE e.subject_kind = 'unit' AND u.id = e.subject_id)
          AND NOT EXISTS (SELECT FROM bastion.roles r WHERE e.subject_kind = 'role' AND r.id = e.subject_id)
          AND NOT EXISTS (SELECT FROM bastion.tenants t WHERE e.subject_kind = 'tenant' AND t.id = e.subject_id)
        UNION ALL SELECT 'lists on a base that is gone', count(*) FROM bastion.acls a
        WHERE a.base_acl_id IS NOT NULL AND NOT EXISTS (SELECT FROM bastion.acls b WHERE b.id = a.base_acl_id)
        UNION ALL SELECT 'closure of units that are gone', count(*) FROM bastion.unit_closure c
        WHERE NOT EXISTS (SELECT FROM bastion.units u WHERE u.id = c.ancestor_id)
           OR NOT EXISTS (SELECT FROM bastion.units u WHERE u.id = c.descendant_id)
        UNION ALL SELECT 'parts of a key, session or secret that is gone', count(*) FROM (
            SELECT key_id FROM bastion.api_key_secrets UNION ALL SELECT session_id FROM bastion.refresh_tokens UNION ALL SELECT secret_id FROM bastion.secret_versions) p (id)
        WHERE NOT EXISTS (SELECT FROM bastion.api_keys k WHERE k.id = p.id) AND NOT EXISTS (SELECT FROM bastion.sessions s WHERE s.id = p.id)
          AND NOT EXISTS (SELECT FROM bastion.secrets s WHERE s.id = p.id)
        UNION ALL SELECT 'rows whose list is gone', count(*) FROM (
            SELECT acl_id FROM test.gone_docs UNION ALL SELECT acl_id FROM test.gone_lines) d
        WHERE NOT EXISTS (SELECT FROM bastion.acls a WHERE a.id = d.acl_id)
    ) x (what, count) WHERE count > 0
$$;
SELECT * FROM test.left_of(ARRAY[:'cem', :'lower', :'role']::uuid[]);

-- a unit, a role, a user
DELETE FROM bastion.units WHERE id = :'lower';
SELECT * FROM test.left_of(ARRAY[:'lower']::uuid[]);
DELETE FROM bastion.roles WHERE id = :'role';
SELECT * FROM test.left_of(ARRAY[:'role']::uuid[]);
SELECT test.error(format('DELETE FROM bastion.users WHERE id = %L', :'cem')) LIKE '23514%' AS owns_a_tenant;
SELECT count(*) FROM bastion.tenant_delete('gone-cem');
DELETE FROM bastion.users WHERE id = :'cem';
SELECT * FROM test.left_of(ARRAY[:'cem']::uuid[]);
SELECT * FROM test.dangling();
-- what they owned or saw is now visible to managers of the tenant alone
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'ann_token', :'a') IS NOT NULL AS ann;
SELECT id FROM test.gone_docs ORDER BY id;
SELECT id FROM test.gone_lines ORDER BY id;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ben_token', :'b') IS NOT NULL AS ben;
SELECT id FROM test.gone_docs ORDER BY id;
COMMIT;
RESET ROLE;

-- a tenant: refused while the rows of another one refer to its rows, then rows and all
SELECT test.error(format('SELECT bastion.tenant_delete(%L)', :'b'));
DELETE FROM test.gone_lines WHERE id = 2;
SELECT * FROM bastion.tenant_delete(:'b');
SELECT * FROM test.left_of(ARRAY[:'b']::uuid[]);
SELECT * FROM test.dangling();
SELECT * FROM bastion.tenant_delete(:'a');
SELECT * FROM test.left_of(ARRAY[:'a', :'upper']::uuid[]);
SELECT * FROM test.dangling();
SELECT (SELECT count(*) FROM test.gone_docs) AS docs, (SELECT count(*) FROM test.gone_lines) AS lines, (SELECT count(*) FROM test.gone_numbers) AS numbers;
-- users outlive their tenants, and can be deleted then
DELETE FROM bastion.users WHERE email LIKE '%@gone.example' AND id IN (:'ann', :'ben');
SELECT * FROM test.left_of(ARRAY[:'ann', :'ben']::uuid[]);

DROP TABLE test.gone_lines, test.gone_docs, test.gone_numbers, test.gone;
DROP FUNCTION test.left_of, test.dangling;
SELECT bastion_internal.forget_dropped_tables();
DELETE FROM bastion.tenants WHERE slug LIKE 'gone-%';
DELETE FROM bastion.users WHERE email LIKE '%@gone.example';
DELETE FROM bastion.permissions WHERE resource LIKE 'gone_%';
