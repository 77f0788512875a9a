-- The extension's own tables as an application sees them: each that it may read shows the tenant of the context and no other.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE TABLE test.tenants AS
SELECT name, answer ->> 'access_token' AS token, (answer #>> '{tenant,id}')::uuid AS tenant, (answer #>> '{user,id}')::uuid AS person
FROM unnest(ARRAY['red', 'blue']) name, bastion_api.signup(name || '@tables.example', 'correct horse', initcap(name) || ' tables') answer;
SELECT bastion.resource_register('own_tables', '{read,open}');
-- something in every table, in both tenants
DO $$
DECLARE
    t record;
BEGIN
    SET LOCAL bastion.allow_identity_switch = on;
    FOR t IN SELECT * FROM test.tenants LOOP
        PERFORM bastion.authenticate(t.token);
        PERFORM bastion.unit_create('team', 'Upper', 'upper'), bastion.unit_create('team', 'Lower', 'lower', 'upper');
        PERFORM bastion.role_create('colour'), bastion.role_permission_add('colour', 'own_tables.read'), bastion.role_parent_add('colour', 'viewer');
        PERFORM bastion.permission_grant(t.person, 'own_tables.open');
        PERFORM bastion.secret_put('paint', 'secret'), bastion.secret_put('own paint', 'secret', own => true), bastion.secret_get('paint');
        PERFORM bastion.audit_log('painted');
    END LOOP;
END
$$;
CREATE FUNCTION test.rows_of(relation regclass, tenant uuid, person uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    key text := (SELECT CASE WHEN bool_or(a.attname = 'scope') THEN 'scope' WHEN bool_or(a.attname = 'tenant_id') THEN 'tenant_id' ELSE 'id' END
                 FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0);
    found bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s WHERE %I IN ($1, $2)', relation, key) INTO found USING tenant, person;
    RETURN found;
END
$$;
-- rows of both tenants, all and as the application of the one
CREATE TABLE test.readable AS
SELECT c.oid::regclass AS relation, test.rows_of(c.oid, r.tenant, r.person) AS red, test.rows_of(c.oid, b.tenant, b.person) AS blue
FROM pg_class c, test.tenants r, test.tenants b
WHERE c.relnamespace = 'bastion'::regnamespace AND c.relkind IN ('r', 'p') AND r.name = 'red' AND b.name = 'blue'
  AND has_any_column_privilege('regress_app', c.oid, 'SELECT')
  AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('scope', 'tenant_id', 'id'));
GRANT SELECT ON test.tenants, test.readable TO regress_app;
SELECT token AS red FROM test.tenants WHERE name = 'red' \gset
SET ROLE regress_app;
BEGIN;
SELECT bastion.authenticate(:'red') IS NOT NULL AS red;
SELECT c.relation, c.red > 0 AND c.blue > 0 AS filled, test.rows_of(c.relation, r.tenant, r.person) = c.red AS own,
       test.rows_of(c.relation, b.tenant, b.person) AS others
FROM test.readable c, test.tenants r, test.tenants b WHERE r.name = 'red' AND b.name = 'blue' ORDER BY c.relation::text COLLATE "C";
COMMIT;
-- nobody
SELECT c.relation, test.rows_of(c.relation, r.tenant, r.person) AS rows
FROM test.readable c, test.tenants r WHERE r.name = 'red' ORDER BY c.relation::text COLLATE "C";
RESET ROLE;
DELETE FROM bastion.tenants WHERE id IN (SELECT tenant FROM test.tenants);
DELETE FROM bastion.users WHERE id IN (SELECT person FROM test.tenants);
DELETE FROM bastion.permissions WHERE resource = 'own_tables';
DROP TABLE test.tenants, test.readable;
DROP FUNCTION test.rows_of(regclass, uuid, uuid);
