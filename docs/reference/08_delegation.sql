-- Delegation
-- An agent acts for a user with less than the user may: its own scopes, a unit, a time. It passes a part of that on, hop by hop.
-- functions: delegate delegations delegation_revoke

SET ROLE app;
SELECT a ->> 'access_token' AS ann FROM bastion_api.login('ann@acme.example', 'correct horse battery') a \gset
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT a ->> 'access_token' AS agent, a ->> 'delegation' AS delegation
FROM bastion_api.delegate(bastion.user_id()::text, '{tenant.members.read}', valid_for => '10 minutes') a \gset
SELECT g -> 'scopes' AS scopes FROM jsonb_array_elements(bastion_api.delegations() -> 'given') g;
COMMIT;
-- The agent presents its token where the user would present another.
BEGIN;
SELECT bastion.authenticate(:'agent') \gset
SELECT bastion.delegation_id() = :'delegation' AS by_delegation, cardinality(bastion.actors()) AS hops,
       bastion.has_permission('tenant.members.read') AS reads, bastion.has_permission('tenant.members.manage') AS manages;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion_api.delegation_revoke(:'delegation') AS answer;
COMMIT;
