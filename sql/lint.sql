-- bastion.lint(): a database in which everything that it finds is wrong once; its own SQL mends each. In a database of its own.
\set SHOW_CONTEXT never
\pset format unaligned
SET client_min_messages = warning;
SELECT current_database() AS previous \gset
DROP DATABASE IF EXISTS regress_lint;
CREATE DATABASE regress_lint TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
\c regress_lint
SET client_min_messages = warning;
CREATE EXTENSION pg_bastion;
SELECT bastion.allow_app_role('regress_app');
CREATE FUNCTION public.error(statement text) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_app;

-- nothing to find: protected tables, with sharing and without, a global one, one that nobody reads, temporary ones, views
CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid, code text, key uuid UNIQUE,
                          UNIQUE (tenant_id, code), UNIQUE (tenant_id, id));
CREATE TABLE shop.lines (id bigint PRIMARY KEY, tenant_id uuid, order_id bigint,
                         FOREIGN KEY (tenant_id, order_id) REFERENCES shop.orders (tenant_id, id));
CREATE TABLE shop.parted (id bigint, tenant_id uuid) PARTITION BY RANGE (id);
CREATE TABLE shop.parted_1 PARTITION OF shop.parted FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.countries (name text);
CREATE TABLE shop.private (name text);
CREATE TABLE shop.checked (id bigint, tenant_id uuid, name text);
CREATE TEMPORARY TABLE temporary (id integer);
GRANT SELECT ON shop.orders, shop.lines, shop.parted, shop.parted_1, shop.countries, temporary, shop.checked TO regress_app;
SELECT count(*) > 0 AS protected FROM bastion.protect('shop.orders');
SELECT count(*) > 0 AS protected FROM bastion.protect('shop.lines', actions => '{"update": "edit"}');
SELECT count(*) > 0 AS protected FROM bastion.protect('shop.parted', resource => 'orders', sharing => 'tenant', visibility => 'owner');
SELECT bastion.global_table_add('shop.countries', 'the same everywhere');
ALTER TABLE shop.checked ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.checked USING (tenant_id = (SELECT bastion.tenant_if_allowed('orders.read')));
CREATE POLICY word ON shop.checked AS RESTRICTIVE USING (name <> 'this OR that EXISTS (SELECT');
CREATE VIEW shop.open_orders WITH (security_invoker) AS SELECT * FROM shop.orders;
CREATE VIEW shop.names AS SELECT * FROM shop.countries;
CREATE MATERIALIZED VIEW shop.kept AS SELECT * FROM shop.orders;
SELECT * FROM bastion.lint();

-- everything wrong once
GRANT TRUNCATE, TRIGGER, REFERENCES ON shop.orders TO regress_app;
GRANT TRUNCATE ON shop.parted_1 TO PUBLIC;
CREATE TABLE shop.bare (name text);
GRANT INSERT ON shop.bare TO regress_app;
CREATE TABLE shop.unforced (id bigint, tenant_id uuid);
ALTER TABLE shop.unforced ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON shop.unforced TO regress_app;
CREATE SCHEMA guarded;
CREATE TABLE guarded.older (id bigint, tenant_id uuid);
SELECT * FROM bastion.schema_guard('guarded');
CREATE TABLE guarded.newer (name text);
CREATE FUNCTION shop.slow(id bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN true; END $$;
CREATE POLICY with_or ON shop.checked USING (tenant_id = (SELECT bastion.tenant_id()) OR name = 'x');
CREATE POLICY correlated ON shop.checked AS RESTRICTIVE FOR SELECT
    USING (name = (SELECT c.name FROM shop.countries c WHERE c.name = checked.name));
CREATE POLICY with_exists ON shop.checked USING (EXISTS (SELECT FROM shop.countries));
CREATE POLICY with_plpgsql ON shop.checked AS RESTRICTIVE FOR INSERT WITH CHECK (shop.slow(id));
CREATE POLICY typing_error ON shop.checked USING (tenant_id = (SELECT bastion.tenant_if_allowed('oders.raed')));
CREATE FUNCTION shop.leaky(text) RETURNS boolean LANGUAGE sql LEAKPROOF AS 'SELECT true';
CREATE TABLE shop.notes (id bigint PRIMARY KEY, tenant_id uuid, title text CONSTRAINT one_title UNIQUE, body jsonb,
                         order_id bigint REFERENCES shop.orders ON DELETE SET NULL, color text);
CREATE UNIQUE INDEX one_color ON shop.notes (lower(color)) WHERE color <> '';
CREATE INDEX notes_body ON shop.notes USING gin (body);
CREATE INDEX notes_near ON shop.notes USING gist (point(id, id));
CREATE INDEX notes_color ON shop.notes (color);
SELECT count(*) > 0 AS protected FROM bastion.protect('shop.notes', sharing => 'cross_tenant', visibility => 'unit');
DROP INDEX shop.notes_tenant_id_idx, shop.notes_acl_id_idx;
CREATE POLICY everybody ON shop.notes USING (true);
ALTER TABLE shop.lines NO FORCE ROW LEVEL SECURITY;
CREATE VIEW shop.all_orders AS SELECT * FROM shop.orders;
CREATE MATERIALIZED VIEW shop.totals AS SELECT count(*) FROM shop.orders;
GRANT SELECT ON shop.totals TO regress_app, PUBLIC;
CREATE ROLE regress_lint_bypass BYPASSRLS;
CREATE ROLE "regress lint app";
SELECT bastion.allow_app_role('"regress lint app"');
ALTER ROLE "regress lint app" BYPASSRLS;
ALTER DATABASE regress_lint SET bastion.allow_identity_switch = on;
ALTER ROLE regress_lint_bypass IN DATABASE regress_lint SET bastion.allow_session_token = true;
SET bastion.allow_session_token = on;
INSERT INTO bastion.roles (name) VALUES ('lint_role');
INSERT INTO bastion.role_permissions (role_id, pattern, scope)
SELECT id, p, scope FROM bastion.roles, unnest(ARRAY['orders.read', 'orders.raed']) p WHERE name = 'lint_role';
SELECT severity, object, problem, replace(fix, (SELECT id::text FROM bastion.roles WHERE name = 'lint_role'), 'UUID') AS fix
FROM bastion.lint();

-- mended one by one, each finding goes with its own SQL and no other comes
CREATE FUNCTION public.mend() RETURNS SETOF text
LANGUAGE plpgsql
AS $$
DECLARE
    found record;
    before text[] := ARRAY(SELECT object || ': ' || problem FROM bastion.lint());
    after text[];
BEGIN
    FOR found IN SELECT object || ': ' || problem AS name, fix FROM bastion.lint() LOOP
        -- the guard, which any ALTER TABLE wakes, has made missing indexes
        CONTINUE WHEN found.name <> ALL (before);
        EXECUTE found.fix;
        after := ARRAY(SELECT object || ': ' || problem FROM bastion.lint());
        IF found.name = ANY (after) THEN
            RETURN NEXT 'still there: ' || found.name;
        ELSIF NOT after <@ before THEN
            RETURN NEXT 'something new after ' || found.fix;
        END IF;
        before := after;
    END LOOP;
END
$$;
SELECT * FROM public.mend();
SELECT * FROM bastion.lint();
\d shop.notes
SELECT role, reason FROM bastion.operator_roles;

-- operator_role_declare() and who may
SELECT bastion.operator_role_declare('regress_lint_bypass', 'dumps');
SELECT role, reason FROM bastion.operator_roles;
SELECT public.error($$SELECT bastion.operator_role_declare(NULL)$$);
SELECT public.error($$SELECT bastion.operator_role_declare(0)$$);
SELECT public.error($$SELECT bastion.operator_role_declare('regress_app', '')$$);
SELECT public.error($$SELECT bastion.operator_role_declare('regress_app', repeat('x', 1001))$$);
SET ROLE regress_app;
SELECT public.error('SELECT * FROM bastion.lint()');
SELECT public.error($$SELECT bastion.operator_role_declare('regress_app')$$);
RESET ROLE;

SELECT bastion.disallow_app_role('"regress lint app"');
\c :previous
DROP DATABASE regress_lint;
DROP ROLE regress_lint_bypass, "regress lint app";
