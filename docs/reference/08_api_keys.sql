-- API keys
-- A machine works for a user with a key: in one tenant, with the scopes of the key and never more than the user holds.
-- functions: api_key_create api_keys api_key_rotate api_key_disable api_key_revoke

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT a ->> 'id' AS key_id, a ->> 'key' AS key FROM bastion_api.api_key_create('nightly', '{tenant.members.read}') a \gset
SELECT a ->> 'name' AS name, a -> 'scopes' AS scopes, a -> 'disabled' AS disabled FROM jsonb_array_elements(bastion_api.api_keys() -> 'api_keys') a;
COMMIT;
-- The machine presents it where a token would stand.
BEGIN;
SELECT bastion.authenticate(:'key') \gset
SELECT bastion.api_key_id() = :'key_id' AS by_key, bastion.has_permission('tenant.members.read') AS reads,
       bastion.has_permission('tenant.members.manage') AS manages;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion_api.api_key_revoke(:'key_id') AS answer;
COMMIT;
