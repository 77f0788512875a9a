-- Permissions, roles and members
-- A user holds permissions such as `plans.update` in a tenant, through the roles of the membership and through grants of their own.
-- A deny wins over both. Nobody gives what they do not hold.
-- functions: has_permission require_permission permissions resource_register role_create role_delete role_permission_add role_permission_remove
-- role_parent_add role_parent_remove membership_set membership_add membership_remove membership_force permission_grant permission_deny
-- permission_remove platform_role_set platform_role_remove step_up_rule_set step_up_rule_remove step_up_rules platform_step_up_rule_set
-- platform_step_up_rule_remove

SELECT bastion.resource_register('reports', '{read,publish}');
SELECT id AS bob_id FROM bastion.users WHERE email = 'bob@acme.example' \gset
SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.role_create('reporter', 'Writes reports') IS NOT NULL AS made;
SELECT bastion.role_permission_add('reporter', 'reports.*'), bastion.role_parent_add('reporter', 'member') \gset
SELECT bastion.membership_set(:'bob_id', 'reporter') IS NOT NULL AS given;
SELECT bastion.permission_deny(:'bob_id', 'reports.publish') \gset
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'bob') \gset
SELECT bastion.has_permission('reports.read') AS reads, bastion.has_permission('reports.publish') AS publishes;
COMMIT;
