-- Sharing rows
-- In a table protected with `sharing`, each row names an access control list (ACL). A share opens one row to a user, a unit, a
-- role or another tenant, at a level: read, write, deploy or manage.
-- functions: share unshare shares_of row_transfer can_by_acl can_by_acl_anywhere can_in_tenant acl_in_tenant acl_set acl_set_anywhere tenant_set
-- default_acl own_acl unit_acl tenant_acl acl_backfill acl_prune

CREATE TABLE plans (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id uuid, owner_id uuid, title text);
SELECT bastion.protect('plans', owner_column => 'owner_id', sharing => 'tenant', visibility => 'owner');
GRANT SELECT, INSERT, UPDATE, DELETE ON plans TO app;
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
INSERT INTO plans (title) VALUES ('Roof'), ('Garden');
SELECT bastion.share('plans', '1', with_user => 'bob@acme.example', level => 'write');
SELECT subject_kind, subject_name, level, valid_until FROM bastion.shares_of('plans', '1');
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'bob') \gset
SELECT title, bastion.can_by_acl('plans.update', acl_id) AS updates, bastion.can_by_acl('plans.delete', acl_id) AS deletes FROM plans;
COMMIT;
