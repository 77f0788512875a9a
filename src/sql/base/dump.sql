
-- What pg_dump takes along: every row that this script does not make again. pg_dump orders the tables by their foreign
-- keys, which form no cycle. The tables of protect.sql are registered there.

SELECT pg_extension_config_dump('bastion.vault', '');
SELECT pg_extension_config_dump('bastion.tenants', '');
SELECT pg_extension_config_dump('bastion.tenants_number_seq', '');
SELECT pg_extension_config_dump('bastion.units', '');
SELECT pg_extension_config_dump('bastion.unit_parents', '');
-- Derived: the triggers of units and unit_parents write it again.
SELECT pg_extension_config_dump('bastion.unit_closure', 'WHERE false');
SELECT pg_extension_config_dump('bastion.users', '');
SELECT pg_extension_config_dump('bastion.user_passwords', '');
SELECT pg_extension_config_dump('bastion.permissions', 'WHERE NOT system');
SELECT pg_extension_config_dump('bastion.roles', 'WHERE NOT system');
SELECT pg_extension_config_dump('bastion.role_permissions', 'WHERE NOT system');
SELECT pg_extension_config_dump('bastion.role_parents', '');
-- Triggers make the lists of tenants and units again.
SELECT pg_extension_config_dump('bastion.acls', $$WHERE kind IN ('user', 'row') OR kind = 'unit' AND unit_id IS NULL$$);
SELECT pg_extension_config_dump('bastion.acls_id_seq', '');
SELECT pg_extension_config_dump('bastion.acl_entries', '');
SELECT pg_extension_config_dump('bastion.level_actions', 'WHERE NOT system');
SELECT pg_extension_config_dump('bastion.memberships', '');
SELECT pg_extension_config_dump('bastion.user_permissions', '');
SELECT pg_extension_config_dump('bastion.platform_roles', '');
SELECT pg_extension_config_dump('bastion.data_keys', '');
SELECT pg_extension_config_dump('bastion.data_keys_id_seq', '');
SELECT pg_extension_config_dump('bastion.sealed_columns', '');
SELECT pg_extension_config_dump('bastion.secrets', '');
SELECT pg_extension_config_dump('bastion.secret_versions', '');
SELECT pg_extension_config_dump('bastion.secret_access_log', '');
SELECT pg_extension_config_dump('bastion.secret_access_log_id_seq', '');
SELECT pg_extension_config_dump('bastion.signing_keys', '');
SELECT pg_extension_config_dump('bastion.issuers', '');
SELECT pg_extension_config_dump('bastion.user_identities', '');
SELECT pg_extension_config_dump('bastion.peppers', '');
SELECT pg_extension_config_dump('bastion.sessions', '');
SELECT pg_extension_config_dump('bastion.refresh_tokens', '');
SELECT pg_extension_config_dump('bastion.session_settings', '');
SELECT pg_extension_config_dump('bastion.api_keys', '');
SELECT pg_extension_config_dump('bastion.api_key_secrets', '');
SELECT pg_extension_config_dump('bastion.events', '');
SELECT pg_extension_config_dump('bastion.events_id_seq', '');
