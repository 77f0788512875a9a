-- Secrets
-- A secret is a sealed value with a name and versions, for a service outside: of the tenant, of a unit, or of one user. Every use is recorded.
-- functions: secret_put secret_get secret_get_bytea secret_get_jsonb secret_list secret_update secret_rename secret_delete secret_version_list secret_version_delete secret_version_undelete secret_version_destroy secret_folder_register secret_folder_remove secret_put_for secret_get_for secrets_due secrets_remind secrets_prune

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.secret_put('mailer', 'attack at dawn', provider => 'smtp') AS version;
SELECT bastion.secret_put('mailer', 'attack at noon', expected_version => 1) AS version;
SELECT bastion.secret_get('mailer', purpose => 'nightly report') AS newest, bastion.secret_get('mailer', version => 1) AS first;
SELECT bastion.secret_update('mailer', tags => '{ops}', metadata => '{"team": "mail"}', max_versions => 10, rotate_every => '90 days');
SELECT name, own, provider, tags, metadata, version, uses FROM bastion.secret_list();
SELECT bastion.secret_version_delete('mailer', 1), bastion.secret_version_undelete('mailer', 1), bastion.secret_version_destroy('mailer', 1);
SELECT version, format, destroyed_at IS NOT NULL AS destroyed FROM bastion.secret_version_list('mailer');
SELECT bastion.secret_put('mailer settings', '{"host": "mail", "port": 587}'::jsonb), bastion.secret_get_jsonb('mailer settings') -> 'port' AS port;
SELECT bastion.secret_rename('mailer', 'mail/main');
SELECT name, value FROM bastion.opened_secrets WHERE name = 'mail/main';
SELECT bastion.secret_delete('mail/main');
SELECT action, version, purpose FROM bastion.secret_access_log ORDER BY id LIMIT 5;
COMMIT;
RESET ROLE;
-- For operators
SELECT bastion.secret_folder_register('payments/', 'payments');     -- names that begin with payments/ need payments.open, …
SELECT bastion.secret_put_for(NULL, 'relay', 'of the installation') AS version;
SELECT bastion.secret_get_for(NULL, 'relay', purpose => 'boot') AS value;
SELECT name, due_since FROM bastion.secrets_due();
SELECT bastion.secrets_remind() AS reminded, bastion.secrets_prune() AS pruned;
