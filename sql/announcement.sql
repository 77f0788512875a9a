-- Messages about many changes of one transaction: each id is one message, and over 256 of one kind one message stands for all. The
-- caches of the backend that makes the changes follow after each command, also when a subtransaction rolls back.
\set VERBOSITY terse
SET client_min_messages = warning;
SET bastion.allow_identity_switch = on;
SELECT bastion.resource_register('announced');
INSERT INTO test.people (name, id, tenant, token)
SELECT n, (a -> 'user' ->> 'id')::uuid, (a -> 'tenant' ->> 'id')::uuid, a ->> 'access_token'
FROM unnest(ARRAY['ann', 'ben']) n, LATERAL bastion_api.signup(n || '@announced.example', 'correct horse', 'Announced ' || n) a;
INSERT INTO bastion.users (email) SELECT 'many' || g || '@announced.example' FROM generate_series(1, 1000) g;
CREATE TABLE test.many AS SELECT u.id FROM bastion.users u WHERE u.email LIKE 'many%@announced.example';
CREATE FUNCTION test.add(how_many integer) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    WITH added AS (
        INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
        SELECT m.id, test.tenant_of('ben'), test.role_of('viewer') FROM (SELECT id FROM test.many ORDER BY id LIMIT how_many) m RETURNING 1)
    SELECT count(*) FROM added
$$;
CREATE FUNCTION test.messages() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT (bastion.cache_stats() ->> 'invalidations')::bigint $$;
-- what ann may in ben's tenant, by the caches
CREATE FUNCTION test.ann_may() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM bastion.authenticate((SELECT token FROM test.people WHERE name = 'ann'), test.tenant_of('ben')::text);
    RETURN (SELECT coalesce(string_agg(p, ' ' ORDER BY p), 'nothing') FROM bastion.permissions() p WHERE p LIKE 'announced%');
EXCEPTION WHEN invalid_authorization_specification THEN
    RETURN 'refused';
END
$$;

-- few ids are named, many are not
SELECT test.messages() AS before \gset
SELECT test.add(10) AS added;
SELECT test.messages() - :before BETWEEN 10 AND 60 AS named;
DELETE FROM bastion.memberships m USING test.many t WHERE m.user_id = t.id;
SELECT test.messages() AS before \gset
SELECT test.add(1000) AS added;
SELECT test.messages() - :before < 1500 AS few_messages;
DELETE FROM bastion.memberships m USING test.many t WHERE m.user_id = t.id;
-- one by one, in one transaction: what other backends get
SELECT test.messages() AS before \gset
DO $$
DECLARE
    one uuid;
BEGIN
    FOR one IN SELECT id FROM test.many LOOP
        INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (one, test.tenant_of('ben'), test.role_of('viewer'));
    END LOOP;
END
$$;
SELECT bastion.cache_stats() IS NOT NULL AS received;

-- the caches of this backend: after each command, once all of a kind is announced
INSERT INTO bastion.memberships (user_id, tenant_id, role_id) VALUES (test.id_of('ann'), test.tenant_of('ben'), test.role_of('viewer'));
BEGIN;
SELECT test.ann_may();
UPDATE bastion.memberships SET role_id = test.role_of('member') WHERE user_id IN (SELECT id FROM test.many);
SELECT test.ann_may();
UPDATE bastion.memberships SET role_id = test.role_of('operator') WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
SELECT test.ann_may();
UPDATE bastion.memberships SET role_id = test.role_of('member') WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
SELECT test.ann_may();
SAVEPOINT s;
DELETE FROM bastion.memberships WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
SELECT test.ann_may();
ROLLBACK TO s;
SELECT test.ann_may();
SAVEPOINT s;
DELETE FROM bastion.memberships WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
RELEASE s;
SELECT test.ann_may();
ROLLBACK;
SELECT test.ann_may();
-- the same id, again and again
BEGIN;
SELECT test.ann_may();
UPDATE bastion.memberships SET role_id = test.role_of('member') WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
SELECT test.ann_may();
UPDATE bastion.memberships SET role_id = test.role_of('viewer') WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
SELECT test.ann_may();
UPDATE bastion.memberships SET role_id = test.role_of('member') WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
SELECT test.ann_may();
COMMIT;
SELECT test.ann_may();
-- all of a kind announced in a savepoint that rolls back
BEGIN;
SELECT test.ann_may();
SAVEPOINT s;
UPDATE bastion.memberships SET role_id = test.role_of('viewer') WHERE tenant_id = test.tenant_of('ben') AND user_id IN (SELECT id FROM test.many);
ROLLBACK TO s;
UPDATE bastion.memberships SET role_id = test.role_of('viewer') WHERE user_id = test.id_of('ann') AND tenant_id = test.tenant_of('ben');
SELECT test.ann_may();
COMMIT;
-- and what another backend gets of it
SELECT test.ann_may();
\c
SET bastion.allow_identity_switch = on;
SELECT test.ann_may();

DELETE FROM bastion.users u USING test.many m WHERE u.id = m.id;
DROP FUNCTION test.ann_may(), test.messages(), test.add(integer);
DROP TABLE test.many;
TRUNCATE test.people;
