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
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gin;
INSERT INTO bastion.tenants (name, slug) VALUES ('Lint', 'lint') RETURNING id AS tenant \gset
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
INSERT INTO shop.orders (tenant_id, code) SELECT :'tenant', 'code ' || n FROM generate_series(1, 100) n;
INSERT INTO shop.lines SELECT n, :'tenant', n FROM generate_series(1, 100) n;
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
CREATE TABLE shop.by_column (name text, note text);
GRANT SELECT (note) ON shop.by_column TO regress_app;
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
CREATE TYPE shop.state AS ENUM ('open', 'closed');
CREATE TABLE shop.notes (id bigint PRIMARY KEY, tenant_id uuid, title text CONSTRAINT one_title UNIQUE, body jsonb,
                         order_id bigint REFERENCES shop.orders ON DELETE SET NULL, color text, amount numeric, state shop.state);
INSERT INTO shop.notes SELECT n, :'tenant', 'title ' || n, '{}', n, 'color ' || n, n, 'open' FROM generate_series(1, 100) n;
CREATE UNIQUE INDEX one_color ON shop.notes (lower(color)) WHERE color <> '';
CREATE UNIQUE INDEX one_number ON shop.notes ((amount + 1));
CREATE UNIQUE INDEX one_open ON shop.notes (amount) WHERE state = 'open';
CREATE INDEX notes_body ON shop.notes USING gin (body);
CREATE INDEX notes_body_of_long ON shop.notes USING gin (to_tsvector('simple', title)) WHERE length(title) > 8;
CREATE INDEX notes_near ON shop.notes USING gist (point(id, id));
CREATE INDEX notes_color ON shop.notes (color);
CREATE INDEX notes_words ON shop.notes USING gin (title gin_trgm_ops);
CREATE INDEX notes_words_near ON shop.notes USING gist (title gist_trgm_ops);
CREATE INDEX notes_of_tenant ON shop.notes USING gin (tenant_id, title gin_trgm_ops);
CREATE INDEX notes_lower ON shop.notes (tenant_id, lower(color));
CREATE INDEX notes_prefix ON shop.notes (tenant_id, color text_pattern_ops);
CREATE INDEX notes_amount ON shop.notes (tenant_id, amount);
CREATE INDEX notes_length ON shop.notes (tenant_id, length(color));
CREATE INDEX notes_search ON shop.notes USING gin (to_tsvector('simple', title));
ALTER TABLE shop.notes ADD found tsvector;
CREATE INDEX notes_state ON shop.notes (tenant_id, state, order_id);
CREATE INDEX notes_order ON shop.notes (tenant_id, order_id, color);
CREATE TABLE shop.lost (id bigint PRIMARY KEY, tenant_id bigint, author uuid);
INSERT INTO shop.lost SELECT 1, number, NULL FROM bastion.tenants;
SELECT count(*) > 0 AS protected FROM bastion.protect('shop.lost', owner_column => 'author', resource => 'notes', actions => '{"update": "edit"}', sharing => 'tenant', visibility => 'owner');
CREATE TABLE shop.lost_plain (id bigint PRIMARY KEY, tenant_id text);
SELECT count(*) > 0 AS protected FROM bastion.protect('shop.lost_plain', resource => 'lines', actions => '{"update": "edit"}');
CREATE TABLE shop.years (id int, tenant_id uuid NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE shop.year PARTITION OF shop.years FOR VALUES FROM (0) TO (10);
SELECT count(*) > 0 AS protected FROM bastion.protect('shop.years', resource => 'lines', actions => '{"update": "edit"}');
INSERT INTO shop.year VALUES (1, :'tenant');
ANALYZE shop.year;
DELETE FROM bastion.protected_columns WHERE relation IN ('shop.lost'::regclass, 'shop.lost_plain');
DELETE FROM bastion.protected_tables WHERE relation IN ('shop.lost'::regclass, 'shop.lost_plain');
INSERT INTO shop.lines VALUES (101, '00000000-0000-0000-0000-000000000000', NULL);
GRANT INSERT, UPDATE ON shop.countries TO regress_app;
CREATE ROLE regress_lint_owner;
CREATE MATERIALIZED VIEW shop.stale AS SELECT count(*) FROM shop.orders;
ALTER MATERIALIZED VIEW shop.stale OWNER TO regress_lint_owner;
SELECT count(*) > 0 AS protected FROM bastion.protect('shop.notes', sharing => 'cross_tenant', visibility => 'unit');
DROP INDEX shop.notes_acl_id_idx, shop.lines_tenant_id_idx;
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

-- no query of an application is slower without the indexes that it calls useless; the check bites
CREATE FUNCTION public.cost(query text) RETURNS numeric LANGUAGE plpgsql
AS $$
DECLARE
    plan json;
BEGIN
    SET LOCAL ROLE regress_app;
    SET LOCAL enable_seqscan = off;
    EXECUTE 'EXPLAIN (FORMAT JSON) SELECT * FROM shop.notes ' || query INTO plan;
    RESET ROLE;
    -- From 18 on, a sequential scan that is switched off costs no more.
    RETURN (plan -> 0 -> 'Plan' ->> 'Total Cost')::numeric + CASE WHEN plan::text LIKE '%"Seq Scan"%' THEN 1e10 ELSE 0 END;
END
$$;
BEGIN;
GRANT SELECT ON shop.notes TO regress_app;
ANALYZE shop.notes;
CREATE TEMPORARY TABLE costs AS SELECT query, public.cost(query) AS before
FROM unnest(ARRAY[$$WHERE body @> '{"a": 1}'$$, $$WHERE title LIKE '%10%'$$, 'WHERE length(title) > 8', 'ORDER BY point(id, id) <-> point(1, 1) LIMIT 1',
                  $$ORDER BY title <-> 'title 7' LIMIT 1$$, 'WHERE amount = 7', 'ORDER BY amount LIMIT 1', $$WHERE state = 'open'$$]) query;
SELECT fix FROM bastion.lint() WHERE fix LIKE 'DROP INDEX %' ORDER BY fix \gexec
SELECT query FROM costs WHERE public.cost(query) > before;
DROP INDEX shop.notes_body_of_long, shop.notes_near;
SELECT query FROM costs WHERE public.cost(query) > before;
ROLLBACK;

-- of its own tables, their owner sees the same
SELECT bastion.allow_migration_role('regress_lint_owner');
GRANT ALL ON SCHEMA shop TO regress_lint_owner;
ALTER TABLE shop.lines OWNER TO regress_lint_owner;
CREATE TABLE shop.bare_too (name text);
ALTER TABLE shop.bare_too OWNER TO regress_lint_owner;
GRANT INSERT ON shop.bare_too TO regress_app;
SET ROLE regress_lint_owner;
SELECT severity, object, problem FROM bastion.lint('mine');
SELECT public.error('SELECT * FROM bastion.lint()'), public.error($$SELECT * FROM bastion.lint('yours')$$);
RESET ROLE;
-- not even the function behind it shows tables of others
SET SESSION AUTHORIZATION regress_lint_owner;
SELECT object, owner::regrole FROM bastion_internal.lint_mine() ORDER BY object, problem;
RESET SESSION AUTHORIZATION;
DROP TABLE shop.bare_too;
ALTER TABLE shop.lines OWNER TO CURRENT_USER;

-- mended one by one, each finding goes with its own SQL and no other comes
CREATE FUNCTION public.mend() RETURNS SETOF text
LANGUAGE plpgsql
AS $$
DECLARE
    found record;
    before text[] := ARRAY(SELECT object || ': ' || problem FROM bastion.lint() WHERE severity <> 'accepted');
    after text[];
BEGIN
    FOR found IN SELECT object || ': ' || problem AS name, fix FROM bastion.lint() WHERE severity <> 'accepted' LOOP
        -- the guard, which any ALTER TABLE wakes, has made missing indexes
        CONTINUE WHEN found.name <> ALL (before);
        EXECUTE found.fix;
        after := ARRAY(SELECT object || ': ' || problem FROM bastion.lint() WHERE severity <> 'accepted');
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
SELECT severity, object, problem FROM bastion.lint();
SELECT count(*) FROM bastion.lint() WHERE severity <> 'accepted';
-- nor under a setting of the caller that changes how names are written
SET quote_all_identifiers = on;
SELECT count(*) FROM bastion.lint() WHERE severity <> 'accepted';
RESET quote_all_identifiers;
-- nothing else is broken: every table is as protected as before, with all its rows
SELECT relation, tenant_column, owner_column, resource, sharing, status FROM bastion.protection;
SELECT options FROM bastion.protected_tables WHERE relation IN ('shop.lost'::regclass, 'shop.lost_plain') ORDER BY relation::text;
SELECT (SELECT count(*) FROM shop.orders) AS orders, (SELECT count(*) FROM shop.lines) AS lines, (SELECT count(*) FROM shop.notes) AS notes, (SELECT count(*) FROM shop.lost) AS lost;
SELECT t.relation, t.deleted FROM bastion.tenant_delete('lint') t ORDER BY t.relation::text;
-- and unprotect() gives back a table whose record was lost
SELECT * FROM bastion.unprotect('shop.lost_plain', dry_run => true);
\d shop.notes
SELECT role_name, reason FROM bastion.operator_roles;

-- operator_role_declare() and who may
SELECT bastion.operator_role_declare('regress_lint_bypass', 'dumps');
SELECT role_name, reason FROM bastion.operator_roles;
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
DROP ROLE regress_lint_bypass, regress_lint_owner, "regress lint app";
