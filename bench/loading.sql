-- COPY of 100,000 rows by a role that allow_loader_role() admitted: tables under sharing against the same table without it.
\ir lib/compare.sql
ALTER ROLE app BYPASSRLS;
SELECT bastion.allow_loader_role(r) FROM unnest(ARRAY['app', 'plain']::regrole[]) r \g /dev/null
GRANT pg_read_server_files TO app, plain;
INSERT INTO bastion.tenants (name, slug) SELECT 'Tenant ' || n, 'tenant-' || n FROM generate_series(0, 99) n;
INSERT INTO bastion.users (email) SELECT format('user-%s@bench.test', n) FROM generate_series(0, 19) n;
CREATE TABLE plain_rows (id bigint PRIMARY KEY, tenant_id uuid NOT NULL, owner_id uuid, title text);
CREATE TABLE tenant_rows (LIKE plain_rows INCLUDING ALL);
CREATE TABLE owned_rows (LIKE plain_rows INCLUDING ALL);
SELECT bastion.protect('plain_rows', owner_column => 'owner_id', resource => 'docs'),
       bastion.protect('tenant_rows', owner_column => 'owner_id', resource => 'docs', sharing => 'tenant'),
       bastion.protect('owned_rows', owner_column => 'owner_id', resource => 'docs', sharing => 'tenant', visibility => 'owner') \g /dev/null
GRANT INSERT ON plain_rows, tenant_rows, owned_rows TO app, plain;
SELECT current_setting('data_directory') || '/loading.copy' AS file \gset
SELECT format($$COPY (SELECT n, t.id, u.id, 'title ' || n FROM generate_series(1, 100000) n
    JOIN bastion.tenants t ON t.slug = 'tenant-' || n %% 100 JOIN bastion.users u ON u.email = format('user-%%s@bench.test', n %% 20)) TO %L$$, :'file') \gexec
CREATE FUNCTION bench.load(name text, file text) RETURNS text LANGUAGE sql
AS $$ SELECT format('COPY %I (id, tenant_id, owner_id, title) FROM %L', name, file) $$;
SELECT * FROM bench.compare('COPY, list of the tenant', bench.load('tenant_rows', :'file'), bench.load('plain_rows', :'file'), 5, 2.0, 'TRUNCATE plain_rows, tenant_rows');
SELECT * FROM bench.compare('COPY, list of the owner', bench.load('owned_rows', :'file'), bench.load('plain_rows', :'file'), 5, 2.0, 'TRUNCATE plain_rows, owned_rows');
