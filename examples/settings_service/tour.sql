-- 1. What came from the old service: users with their hashes, roles, settings. The database sees no plaintext in any of it.
SELECT u.username, u.email, u.status, left(p.hash, 34) || '...' AS hash
FROM bastion.users u JOIN bastion.user_passwords p ON p.user_id = u.id ORDER BY u.created_at;
--! (SELECT count(*) FROM bastion.user_passwords WHERE hash LIKE '$bastion-pbkdf2-sha256$i=480000$%') = 4

-- 2. Sam logs in with the password of the old service. That login upgrades the hash.
SET ROLE settings_service_app;
SELECT bastion_api.login('Sam@Company.example', 'sam keeps the keys', device => 'Sam''s laptop') AS sam \gset
SELECT :'sam'::jsonb #>> '{tenant,role}' AS role, :'sam'::jsonb ->> 'expires_in' AS seconds, :'sam'::jsonb ->> 'access_token' AS sam_token,
       :'sam'::jsonb ->> 'refresh_token' AS sam_refresh \gset
SELECT :'role' AS role, :'seconds' AS seconds;
RESET ROLE;
SELECT left(p.hash, 34) || '...' AS hash FROM bastion.user_passwords p JOIN bastion.users u ON u.id = p.user_id WHERE u.username = 'sam';
--! (SELECT p.hash LIKE '$argon2id$%' FROM bastion.user_passwords p JOIN bastion.users u ON u.id = p.user_id WHERE u.username = 'sam')

-- 3. Lars was locked there, and is here.
SELECT bastion_api.login('lars_l', 'lars was locked out') ->> 'error' AS answer;
--! bastion_api.login('lars_l', 'lars was locked out') ->> 'error' = 'invalid_grant'

-- 4. Four roles and thirteen permissions, with two that this database adds.
SELECT p.permission, max('x') FILTER (WHERE p.held AND p.role = 'super_admin') AS super_admin, max('x') FILTER (WHERE p.held AND p.role = 'manager') AS manager,
       max('x') FILTER (WHERE p.held AND p.role = 'editor') AS editor, max('x') FILTER (WHERE p.held AND p.role = 'reader') AS reader
FROM bastion.permission_matrix('company') p WHERE p.permission !~ '^tenant' GROUP BY 1 ORDER BY 1;
--! :ROW_COUNT = 15

-- 5. Sam reads a value that the old service had encrypted.
SET ROLE settings_service_app;
BEGIN;
SELECT bastion.authenticate(:'sam_token') IS NOT NULL AS authenticated;
SELECT settings_service.setting('payments.api_key') AS opened, left(s.sealed_value::text, 18) || '...' AS stored
FROM settings_service.settings s WHERE s.key = 'payments.api_key';
--! settings_service.setting('payments.api_key') = 'pk_live_the_old_service_knew_me'
COMMIT;

-- 6. Mona had two roles, editor and manager. She changes a setting, sees its history, and takes the change back.
SELECT bastion_api.login('mona', 'mona edits at noon') ->> 'access_token' AS mona \gset
BEGIN;
SELECT bastion.authenticate(:'mona') IS NOT NULL AS authenticated;
SELECT settings_service.put_setting('mail.retries', '50') AS version;
SELECT settings_service.roll_back_setting('mail.retries', 1) AS version;
SELECT version, action, old_value, new_value FROM settings_service.settings_history
WHERE key = 'mail.retries' AND environment = 'production' ORDER BY version;
--! :ROW_COUNT = 3 AND settings_service.setting('mail.retries') = '3'
COMMIT;

-- 7. History is not hers to change.
BEGIN;
SELECT bastion.authenticate(:'mona') IS NOT NULL AS authenticated;
UPDATE settings_service.settings_history SET new_value = '3';
ROLLBACK;
--! refused 42501

-- 8. Nor are sealed values hers to open.
BEGIN;
SELECT bastion.authenticate(:'mona') IS NOT NULL AS authenticated;
SELECT settings_service.setting('payments.api_key');
ROLLBACK;
--! refused 42501

-- 9. A key for a machine: it reads settings, and nothing else that Mona may.
BEGIN;
SELECT bastion.authenticate(:'mona') IS NOT NULL AS authenticated;
SELECT bastion_api.api_key_create('nightly job', '{settings.read}', expires_at => now() + interval '90 days') ->> 'key' AS key \gset
SELECT left(:'key', 12) || '...' AS key;
COMMIT;
BEGIN;
SELECT bastion.authenticate(:'key') IS NOT NULL AS authenticated;
SELECT settings_service.setting('mail.sender') AS sender;
SELECT settings_service.put_setting('mail.sender', '"spam@company.example"');
ROLLBACK;
--! refused 42501

-- 10. A flag for a role.
SELECT bastion_api.login('rita', 'rita only reads') ->> 'access_token' AS rita \gset
BEGIN;
SELECT bastion.authenticate(:'rita') IS NOT NULL AS authenticated;
SELECT settings_service.flag('reports') AS reports, settings_service.flag('dark_mode') AS dark_mode;
--! settings_service.flag('reports') AND NOT settings_service.flag('dark_mode')
COMMIT;

-- 11. Oscar owns another tenant. His is empty.
SELECT bastion_api.login('oscar', 'correct horse battery') ->> 'access_token' AS oscar \gset
BEGIN;
SELECT bastion.authenticate(:'oscar') IS NOT NULL AS authenticated;
SELECT count(*) AS settings, (SELECT count(*) FROM settings_service.settings_history) AS history FROM settings_service.settings;
--! (SELECT count(*) FROM settings_service.settings) = 0
COMMIT;

-- 12. The operator renews the data key: every sealed value is sealed anew, history included, and opens as before.
RESET ROLE;
SELECT bastion.data_key_rotate('settings') AS keys;
CALL bastion.rewrap_all();
SELECT relation, column_name, version, state, sealed_values FROM bastion.key_usage() WHERE purpose = 'settings';
--! (SELECT min(version) = 2 AND sum(sealed_values) = 4 FROM bastion.key_usage() WHERE purpose = 'settings')

-- 13. Sam logs out. The token is refused, and so is the refresh token.
SET ROLE settings_service_app;
BEGIN;
SELECT bastion.authenticate(:'sam_token') IS NOT NULL AS authenticated;
SELECT bastion_api.logout() AS ended;
COMMIT;
SELECT bastion_api.refresh(:'sam_refresh') ->> 'error' AS refresh;
--! bastion_api.refresh(:'sam_refresh') ->> 'error' = 'session_ended'
BEGIN;
SELECT bastion.authenticate(:'sam_token');
ROLLBACK;
--! refused 28000
