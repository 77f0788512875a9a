-- Invitations
-- A member invites by e-mail address, to a role in the tenant or in a unit. The application sends the token. Who receives it
-- accepts with the account of that address, or makes one.
-- functions: invite invitations invitation_revoke my_invitations invitation_accept invitation_decline signup_invited

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.invite('eve@acme.example', 'viewer') ->> 'token' AS invitation \gset
SELECT i ->> 'email' AS email, i ->> 'role' AS role FROM jsonb_array_elements(bastion_api.invitations() -> 'invitations') i;
COMMIT;
SELECT a #>> '{user,email}' AS email, a #>> '{tenant,name}' AS tenant, a #>> '{tenant,role}' AS role
FROM bastion_api.signup_invited(:'invitation', 'correct horse battery') a;
-- It is good once.
SELECT bastion_api.signup_invited(:'invitation', 'correct horse battery') ->> 'error' AS again;
