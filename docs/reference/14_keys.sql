-- Keys and rotation
-- The root key of the server wraps data keys, which seal values. Each kind is rotated while the application works: what was sealed
-- or signed before stays good until it is sealed again or expires.
-- functions: root_key_id root_key_rotate root_key_check key_status key_usage sealed_problems data_key_rotate data_keys_due sealed_column_add sealed_column_remove rewrap_all
-- min_decryption_version_set keys_discard tenant_shred data_key_guard_set data_key_guard_remove jwks signing_key_rotate pepper_create

SELECT bastion.resource_register('smtp', '{open}');
CREATE TABLE mailers (id bigint PRIMARY KEY, tenant_id uuid, password bastion.sealed);
INSERT INTO mailers SELECT 1, id, bastion.seal_for(id, 'attack at dawn', 'smtp', '1') FROM bastion.tenants WHERE slug = 'acme';
SELECT bastion.sealed_column_add('mailers', 'password', bound_to => 'id::text');
SELECT bastion.data_key_rotate('smtp') AS keys;
CALL bastion.rewrap_all();
SELECT version, state, sealed_values FROM bastion.key_usage() WHERE relation = 'mailers'::regclass;
SELECT bastion.min_decryption_version_set('smtp', 2) AS disabled;
SELECT purpose, state, keys, loaded FROM bastion.key_status() WHERE purpose = 'smtp';
SELECT bastion.open_text_for(tenant_id, password, id::text) AS password FROM mailers;
SELECT bastion.purpose_update('smtp', rotate_every => '90 days');
SELECT purpose, version, due_since FROM bastion.data_keys_due();
SELECT bastion.signing_key_rotate() IS NOT NULL AS next_signing_key, jsonb_array_length(bastion.jwks() -> 'keys') AS published;
SELECT bastion.data_key_guard_set('legal hold 17', purpose => 'smtp', tenant => 'acme');
SELECT tenant_id IS NOT NULL AS of_a_tenant, purpose, reason FROM bastion.data_key_guards;
SELECT bastion.data_key_guard_remove('smtp', 'acme') AS removed;
SELECT * FROM bastion.rewrap_progress;
