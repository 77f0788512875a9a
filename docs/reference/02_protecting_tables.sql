-- Protecting tables
-- `protect()` gives a table row-level security: a row belongs to one tenant, and only a transaction in that tenant with the
-- permission for the action reaches it.
-- functions: adopt_plan protect unprotect protect_rename unknown_tenants schema_guard schema_unguard global_table_add global_table_remove
-- reference_add composite_keys_create tenant_if_allowed tenant_number_if_allowed

CREATE TABLE documents (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid, title text);
SELECT bastion.protect('documents');
GRANT SELECT, INSERT, UPDATE, DELETE ON documents TO app;
SELECT relation, tenant_column, rls_forced, status FROM bastion.protection;
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
INSERT INTO documents (title) VALUES ('The plans of Acme');
SELECT title, tenant_id = bastion.tenant_id() AS of_this_tenant FROM documents;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'bob', 'bob-and-sons') \gset
SELECT count(*) AS seen_from_another_tenant FROM documents;
COMMIT;
