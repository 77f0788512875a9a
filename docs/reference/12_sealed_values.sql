-- Sealed values
-- A value is encrypted in the database for the tenant of the transaction and a purpose, and can be bound to its row. To open it
-- takes the permission `open` of the purpose.
-- functions: seal open_text open_bytea rewrap blind_index is_sealed sealed seal_for open_text_for open_bytea_for rewrap_for
-- blind_index_for import_aes_gcm import_pgp_sym purpose_update

SELECT bastion.resource_register('customers', '{read,create,update,delete,open}');
CREATE TABLE customers (id bigint PRIMARY KEY, tenant_id uuid, email bastion.sealed, email_index bytea);
SELECT bastion.protect('customers');
GRANT SELECT, INSERT ON customers TO app;
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
INSERT INTO customers (id, email, email_index)
VALUES (7, bastion.seal('kim@zoo.example', 'customers', bound_to => '7'), bastion.blind_index('kim@zoo.example', 'customers'));
SELECT bastion.open_text(email, id::text) AS email FROM customers WHERE email_index = bastion.blind_index('kim@zoo.example', 'customers');
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'bob') \gset
SELECT count(*) AS rows, bool_or(bastion.has_permission('customers.open')) AS opens FROM customers;
COMMIT;
RESET ROLE;
-- An operator asks for a record of each opening.
SELECT bastion.purpose_update('customers', record => true);
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.open_text(email, id::text) AS email FROM customers WHERE id = 7;
SELECT action, purpose, bound_to, user_id = bastion.user_id() AS by_ann FROM bastion.secret_access_log WHERE action = 'open';
COMMIT;
