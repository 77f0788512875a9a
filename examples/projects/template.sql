-- Turns tables of one tenant, which have rows, into protected ones: every row becomes one of an organization and of a project in
-- it. Run it as a superuser with psql, in one transaction, for each table, those that others refer to first:
--
--   \set relation projects.faq
--   \set organization orbit
--   \set project apollo
--   \ir template.sql
--
-- Then bastion.composite_keys_create() makes keys that reach across organizations begin with the organization, referring tables first.

SELECT c.relowner::regrole AS owner, n.tenant_id AS organization_id, n.id AS project_id, n.acl_id AS project_list
FROM pg_class c, bastion.units n
WHERE c.oid = :'relation'::regclass AND n.tenant_id = bastion_internal.find_tenant(:'organization') AND n.slug = :'project' \gset template_

-- A constant default fills the rows that there are, without writing them anew.
SET LOCAL ROLE :template_owner;
ALTER TABLE :relation
    ADD COLUMN organization_id uuid NOT NULL DEFAULT :'template_organization_id',
    ADD COLUMN project_id uuid NOT NULL DEFAULT :'template_project_id',
    ADD COLUMN acl_id bigint NOT NULL DEFAULT :template_project_list;
-- From now on the context says what a row is of.
ALTER TABLE :relation
    ALTER COLUMN organization_id DROP DEFAULT, ALTER COLUMN project_id SET DEFAULT bastion.unit_id(), ALTER COLUMN acl_id DROP DEFAULT;
CREATE TRIGGER keep_project BEFORE INSERT OR UPDATE OF project_id ON :relation FOR EACH ROW EXECUTE FUNCTION projects.keep_project();
SELECT count(*) AS statements FROM bastion.protect(:'relation', 'organization_id', sharing => 'tenant', visibility => 'unit') \gset template_
RESET ROLE;
