-- Context
-- The identity of a transaction: who works, in which tenant and unit. A verified token sets it, and the end of the transaction
-- ends it.
-- functions: authenticate context_drop whoami me user_id actor_id tenant_id tenant_number unit_id session_id api_key_id delegation_id actors auth_level auth_time
-- claims client_address impersonate

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.user_id() = bastion.actor_id() AS in_person, bastion.tenant_id() IS NOT NULL AS has_tenant, bastion.auth_level();
SELECT me #>> '{user,email}' AS email, me #>> '{tenant,slug}' AS tenant, me -> 'roles' AS roles FROM bastion_api.me() me;
COMMIT;
-- The next transaction is anonymous, also in this connection.
SELECT bastion.user_id() IS NULL AS anonymous, bastion.auth_level();
-- A driver that cannot call functions first sets a parameter.
BEGIN;
SELECT set_config('bastion.token', :'bob', true) \gset
SELECT bastion_api.me() #>> '{user,email}' AS email;
COMMIT;
