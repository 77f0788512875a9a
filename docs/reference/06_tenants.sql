-- Tenants and members of a front door
-- What users do with their tenants, in JSON; ACCOUNTS.md shows it in the order of use. Names and settings need `tenant.update`, the list
-- of members `tenant.members.read` or `tenant.members.manage`.
-- functions: tenants tenant_create tenant_rename tenant_settings tenant_settings_set tenant_leave tenant_transfer members member_set member_add member_remove tenant_delete_cancel tenants_purge

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion_api.tenant_create('Zoo') #>> '{tenant,slug}' AS made;
SELECT jsonb_path_query_array(bastion_api.tenants(), '$.tenants[*].slug') AS tenants;
SELECT bastion_api.tenant_settings_set('{"idle_limit": 3600}') #> '{settings,idle_limit}' AS idle_limit;
SELECT bastion_api.member_set('bob@acme.example', 'admin') ? 'membership' AS is_admin;
SELECT m #>> '{user,email}' AS member, m #>> '{memberships,0,role}' AS role FROM jsonb_array_elements(bastion_api.members() -> 'members') m;
SELECT bastion_api.tenant_leave() ->> 'error' AS refused;
SELECT bastion_api.tenant_delete('another') ->> 'error_description' AS refused;
COMMIT;
