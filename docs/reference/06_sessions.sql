-- Sign-up, login and sessions
-- Functions for the front door, in JSON; API.md has what their answers have in common. A login begins a session, refresh tokens continue it, and a logout ends it: its tokens
-- are refused from the next statement on.
-- functions: signup signup_anonymous account_convert login login_mfa login_tenant token refresh tenant_switch logout sessions session_rename devices device_rename device_revoke token_revoke schema session_revoke sessions_revoke
-- user_sessions_revoke session_settings_set session_prune token_issue profile_update password_change login_unlock

SET ROLE app;
SELECT a ->> 'token_type' AS type, a #>> '{tenant,role}' AS role, a ->> 'refresh_token' AS refresh_token
FROM bastion_api.signup('cid@zoo.example', 'correct horse battery', 'Zoo', username => 'cid') a \gset cid_
SELECT :'cid_type' AS type, :'cid_role' AS role;
-- A refused login is an answer, the same for every reason.
SELECT bastion_api.login('cid', 'wrong') ->> 'error' AS wrong_password, bastion_api.login('nobody', 'wrong') ->> 'error' AS unknown_user;
-- It carries a status for PostgREST.
BEGIN;
SELECT bastion_api.login('cid', 'wrong') AS answer;
SELECT current_setting('response.status') AS status, current_setting('response.headers') AS headers;
COMMIT;
SELECT a ->> 'access_token' AS cid FROM bastion_api.login('cid', 'correct horse battery', device => 'phone') a \gset
SELECT bastion_api.refresh(:'cid_refresh_token') ? 'access_token' AS continues;
BEGIN;
SELECT bastion.authenticate(:'cid') \gset
SELECT s ->> 'device' AS device, s -> 'current' AS current, s -> 'amr' AS amr FROM jsonb_array_elements(bastion_api.sessions() -> 'sessions') s;
SELECT bastion_api.logout('all');
COMMIT;
