-- Six protected tables. Of each, 40 % of the rows belong to tenant 1, 5 % to tenant 2, 0.1 % to each of 100 and 0.01 % to each of
-- 4,500. A row and those that it refers to are of the same tenant: the tenant follows from the id modulo 10,000.
\echo building
CREATE EXTENSION pg_trgm;
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;
CREATE EXTENSION btree_gin;
SELECT bastion.allow_app_role('app') \gset _
\o /dev/null
SELECT bastion_api.signup('owner@bench.test', 'correct horse battery', 'Tenant 1');
\o
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || i, 'tenant-' || i FROM generate_series(2, 4602) i;
INSERT INTO bench.tenants (label, number, id)
SELECT label, n, t.id FROM bastion.tenants t
JOIN (VALUES ('40 %', 1), ('5 %', 2), ('0.1 %', 50), ('0.01 %', 2000)) s (label, n) ON t.slug = 'tenant-' || n;
INSERT INTO bastion.memberships (user_id, tenant_id, role_id)
    SELECT u.id, t.id, r.id FROM bastion.users u, bastion.tenants t, bastion.roles r
    WHERE u.email = 'owner@bench.test' AND r.name = 'owner' AND r.tenant_id IS NULL AND t.slug <> 'tenant-1'
      AND substr(t.slug, 8)::integer <= 2000;

CREATE TABLE bench.places AS
SELECT p AS place, t.id AS tenant_id
FROM generate_series(0, 9999) p, LATERAL (SELECT p * 7919 % 10000 AS h) x
JOIN bastion.tenants t ON t.slug = 'tenant-' || CASE WHEN h < 4000 THEN 1 WHEN h < 4500 THEN 2 WHEN h < 5500 THEN 3 + (h - 4500) / 10 ELSE h - 5397 END;
UPDATE bench.tenants t SET a_row = (SELECT min(place) FROM bench.places WHERE tenant_id = t.id);
CREATE FUNCTION bench.parent(child bigint, parents integer) RETURNS bigint IMMUTABLE LANGUAGE sql AS
$$ SELECT child % 10000 + 10000 * (child / 10000 % (parents / 10000)) $$;
CREATE FUNCTION bench.day(i bigint) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS
$$ SELECT '2026-01-01 00:00Z'::timestamptz + i * 48271 % 8640000 * interval '1 second' $$;

CREATE TABLE customers (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, name text, kind integer, created_at timestamptz);
CREATE TABLE products (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, name text, price numeric);
CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, customer_id bigint, status integer, created_at timestamptz);
CREATE TABLE items (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, order_id bigint, product_id bigint, quantity integer, price numeric);
CREATE TABLE payments (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, order_id bigint, method integer, amount numeric, paid_at timestamptz);
CREATE TYPE kind AS ENUM ('call', 'mail', 'rare');
CREATE TABLE notes (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, order_id bigint, body text, words tsvector, data jsonb, tags text[],
                    email text, nick citext, price numeric, kind kind, code text, place point, address inet, span int4range,
                    path ltree, attributes hstore, created_at timestamptz);
INSERT INTO customers SELECT i, tenant_id, 'Customer ' || hashint8(i), i / 10000 % 5, bench.day(i) FROM generate_series(0, 49999) i JOIN bench.places ON place = i % 10000;
INSERT INTO products SELECT i, tenant_id, 'Product ' || hashint8(i), i % 977 FROM generate_series(0, 9999) i JOIN bench.places ON place = i;
INSERT INTO orders SELECT i, tenant_id, bench.parent(i, 50000), hashint8(i) & 7, bench.day(i) FROM generate_series(0, 299999) i JOIN bench.places ON place = i % 10000;
INSERT INTO items SELECT i, tenant_id, bench.parent(i, 300000), i % 10000, i % 5, i % 977 FROM generate_series(0, 999999) i JOIN bench.places ON place = i % 10000;
INSERT INTO payments SELECT i, tenant_id, i, hashint8(i) & 3, i % 1009, bench.day(i) FROM generate_series(0, 299999) i JOIN bench.places ON place = i % 10000;
INSERT INTO notes
    SELECT i, tenant_id, bench.parent(i, 300000), body, to_tsvector('simple', body), jsonb_build_object('key', h % 1000, 'list', jsonb_build_array(h % 7)),
           ARRAY['tag' || h % 1000, 'all'], 'Person' || h % 50000 || '@example.com', 'Nick' || h % 50000, (h % 10000) / 100.0,
           CASE WHEN h % 1000 = 0 THEN 'rare' WHEN h % 2 = 0 THEN 'call' ELSE 'mail' END::kind, lpad((h % 100000)::text, 8, '0'),
           point(h % 1000, h / 1000 % 1000), '10.0.0.0'::inet + h % 65536, int4range(h % 100000, h % 100000 + 3),
           ('top.n' || h % 1000)::ltree, hstore('key', (h % 1000)::text), bench.day(i)
    FROM generate_series(0, 199999) i JOIN bench.places ON place = i % 10000,
         LATERAL (SELECT hashint8(i) & 2147483647 AS h) x, LATERAL (SELECT 'word' || h % 1000 || ' of note ' || md5(h::text) AS body) y;

CREATE INDEX ON customers (tenant_id, name);
CREATE INDEX ON orders (tenant_id, created_at, id);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON items (order_id);
CREATE INDEX ON items (product_id);
CREATE INDEX ON payments (order_id);
CREATE INDEX ON payments (tenant_id, paid_at);
CREATE INDEX ON notes (order_id);
CREATE INDEX ON notes (tenant_id, created_at);
CREATE INDEX ON notes USING gin (body gin_trgm_ops);
CREATE INDEX ON notes USING gin (words);
CREATE INDEX ON notes USING gin (data);
CREATE INDEX ON notes USING gin (tags);
CREATE INDEX ON notes (lower(email));
CREATE INDEX ON notes (nick);
CREATE INDEX ON notes (price);
CREATE INDEX ON notes (kind);
CREATE INDEX ON notes (code text_pattern_ops);
CREATE INDEX ON notes USING gist (place);
CREATE INDEX ON notes USING gist (address inet_ops);
CREATE INDEX ON notes USING gist (span);
CREATE INDEX ON notes USING gist (path);
CREATE INDEX ON notes USING gin (attributes);
\o /dev/null
SELECT bastion.protect(t) FROM unnest('{customers, products, orders, items, payments, notes}'::regclass[]) t;
\o
GRANT SELECT, INSERT, UPDATE, DELETE ON customers, products, orders, items, payments, notes TO app, plain;
VACUUM ANALYZE;
\ir statements.sql
