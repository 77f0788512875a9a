-- The database that every round of the model test begins with; state.cpp describes the same one. Everything has
-- a fixed id.
CREATE EXTENSION pg_bastion;
DO $$
BEGIN
    PERFORM bastion.root_key_id();
EXCEPTION WHEN SQLSTATE 'BA001' THEN
    PERFORM bastion.init();
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['model_login', 'model_app', 'model_bypass', 'model_stranger', 'model_owner'] LOOP
        IF to_regrole(name) IS NULL THEN
            EXECUTE format('CREATE ROLE %I %s', name, CASE name WHEN 'model_login' THEN 'LOGIN NOINHERIT'
                                                                WHEN 'model_bypass' THEN 'BYPASSRLS' ELSE '' END);
        END IF;
    END LOOP;
END
$$;
GRANT model_app, model_bypass, model_stranger, model_owner TO model_login;
SELECT bastion.allow_app_role(r) FROM unnest(ARRAY['model_login', 'model_app', 'model_owner']::regrole[]) r;
SELECT bastion.allow_migration_role('model_owner');

INSERT INTO bastion.tenants (id, number, name, slug) OVERRIDING SYSTEM VALUE
SELECT ('a0000000-0000-4000-8000-' || lpad(t::text, 12, '0'))::uuid, 1000 + t, 'Tenant ' || t, 'tenant-' || t FROM generate_series(0, 2) t;
INSERT INTO bastion.users (id, email)
SELECT ('00000000-0000-4000-8000-' || lpad((u + 100)::text, 12, '0'))::uuid, 'user' || u || '@model.example' FROM generate_series(0, 7) u;
INSERT INTO bastion.units (id, tenant_id, kind, name)
SELECT ('b0000000-0000-4000-8000-' || lpad(u::text, 12, '0'))::uuid, ('a0000000-0000-4000-8000-' || lpad((u / 3)::text, 12, '0'))::uuid,
       'team', 'unit ' || u
FROM generate_series(0, 8) u;
INSERT INTO bastion.unit_parents (unit_id, tenant_id, parent_id)
SELECT ('b0000000-0000-4000-8000-' || lpad(u::text, 12, '0'))::uuid, ('a0000000-0000-4000-8000-' || lpad((u / 3)::text, 12, '0'))::uuid,
       ('b0000000-0000-4000-8000-' || lpad((u - 1)::text, 12, '0'))::uuid
FROM generate_series(0, 8) u WHERE u % 3 > 0;
INSERT INTO bastion.roles (id, tenant_id, name)
SELECT ('c0000000-0000-4000-8000-' || lpad(r::text, 12, '0'))::uuid,
       CASE WHEN r > 6 THEN ('a0000000-0000-4000-8000-' || lpad(((r - 7) / 2)::text, 12, '0'))::uuid END, 'role ' || r
FROM generate_series(6, 12) r;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
SELECT ('00000000-0000-4000-8000-' || lpad((u + 100)::text, 12, '0'))::uuid, ('a0000000-0000-4000-8000-' || lpad((u % 3)::text, 12, '0'))::uuid,
       ('ba571000-0000-4000-8000-' || lpad((CASE WHEN u < 3 THEN 1 ELSE 2 + u % 5 END)::text, 12, '0'))::uuid
FROM generate_series(0, 7) u;
-- and in another tenant of one unit alone
INSERT INTO bastion.memberships (user_id, tenant_id, unit_id, role_id)
SELECT ('00000000-0000-4000-8000-' || lpad((u + 100)::text, 12, '0'))::uuid, ('a0000000-0000-4000-8000-' || lpad(t::text, 12, '0'))::uuid,
       ('b0000000-0000-4000-8000-' || lpad((3 * t + u / 3)::text, 12, '0'))::uuid, ('ba571000-0000-4000-8000-' || lpad((2 + (u + 1) % 5)::text, 12, '0'))::uuid
FROM generate_series(0, 7) u, LATERAL (SELECT (u + 1) % 3 AS t) v;

CREATE SCHEMA mt AUTHORIZATION model_owner;
GRANT USAGE ON SCHEMA mt TO PUBLIC;
SET ROLE model_owner;
CREATE TABLE mt.ids (id integer PRIMARY KEY);
INSERT INTO mt.ids SELECT generate_series(1, 40);
CREATE TABLE mt.tenants (id uuid, number bigint);
INSERT INTO mt.tenants SELECT ('a0000000-0000-4000-8000-' || lpad(t::text, 12, '0'))::uuid, 1000 + t FROM generate_series(0, 2) t;
CREATE TABLE mt.d0 (id integer PRIMARY KEY, tenant uuid, owner uuid, v integer);
CREATE TABLE mt.d1 (id integer PRIMARY KEY, tenant bigint, owner uuid, v integer);
CREATE TABLE mt.d2 (id integer PRIMARY KEY, tenant uuid, owner uuid, v integer);
CREATE TABLE mt.d3 (id integer PRIMARY KEY, tenant uuid, owner uuid, v integer) PARTITION BY RANGE (id);
CREATE TABLE mt.d3_low PARTITION OF mt.d3 FOR VALUES FROM (0) TO (15);
CREATE TABLE mt.d3_high PARTITION OF mt.d3 FOR VALUES FROM (15) TO (1000);
CREATE TABLE mt.d4 (id integer PRIMARY KEY, tenant bigint, owner uuid, v integer);
CREATE TABLE mt.d5 (id integer PRIMARY KEY, tenant uuid, owner uuid, v integer);
CREATE TABLE mt.d6 (id integer PRIMARY KEY, tenant uuid, owner uuid, v integer);
DO $$
BEGIN
    FOR n IN 0 .. 6 LOOP
        EXECUTE format('CREATE VIEW mt.view_d%s WITH (security_invoker) AS SELECT id, v FROM mt.d%1$s', n);
        EXECUTE format('CREATE FUNCTION mt.read_d%s(low integer, high integer) RETURNS TABLE (id integer, v integer) '
                       'LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN QUERY SELECT t.id, t.v FROM mt.d%1$s t '
                       'WHERE t.id BETWEEN low AND high; END $f$', n);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mt TO model_login, model_app;
GRANT SELECT ON ALL TABLES IN SCHEMA mt TO model_bypass;
SELECT count(*) FROM bastion.protect('mt.d0', tenant_column => 'tenant', owner_column => 'owner');
SELECT count(*) FROM bastion.protect('mt.d1', tenant_column => 'tenant', owner_column => 'owner');
SELECT count(*) FROM bastion.protect('mt.d2', tenant_column => 'tenant', owner_column => 'owner', sharing => 'tenant');
SELECT count(*) FROM bastion.protect('mt.d3', tenant_column => 'tenant', owner_column => 'owner', sharing => 'tenant', visibility => 'unit');
SELECT count(*) FROM bastion.protect('mt.d4', tenant_column => 'tenant', owner_column => 'owner', sharing => 'tenant', visibility => 'owner');
SELECT count(*) FROM bastion.protect('mt.d5', tenant_column => 'tenant', owner_column => 'owner', sharing => 'cross_tenant',
                                     actions => '{"update": "edit"}');
SELECT count(*) FROM bastion.protect('mt.d6', tenant_column => 'tenant', owner_column => 'owner', sharing => 'cross_tenant', visibility => 'owner');
RESET ROLE;
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, CASE WHEN r.tenant_id IS NULL THEN p.pattern ELSE 'd3.read' END
FROM bastion.roles r, unnest(ARRAY['*.read', 'd2.*']) p (pattern)
WHERE r.name LIKE 'role %' AND (r.tenant_id IS NULL OR p.pattern = '*.read');
