-- Secrets
-- A secret is a sealed value with a name and versions, of the tenant or of one user, for a service outside. Every use is recorded.
-- functions: secret_put secret_get secret_list secret_update secret_delete

SET ROLE app;
BEGIN;
SELECT bastion.authenticate(:'ann') \gset
SELECT bastion.secret_put('mailer', 'attack at dawn', provider => 'smtp') AS version;
SELECT bastion.secret_put('mailer', 'attack at noon', provider => 'smtp') AS version;
SELECT bastion.secret_get('mailer', purpose => 'nightly report') AS newest, bastion.secret_get('mailer', version => 1) AS first;
SELECT bastion.secret_update('mailer', tags => '{ops}');
SELECT name, own, provider, tags, version, uses FROM bastion.secret_list();
SELECT bastion.secret_delete('mailer');
SELECT action, version, purpose FROM bastion.secret_access_log ORDER BY id;
COMMIT;
